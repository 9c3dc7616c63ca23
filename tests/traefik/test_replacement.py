"""tests/docker/test_replacement.py with the real traefik."""
from again import again

again(__file__)

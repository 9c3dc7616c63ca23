"""tests/docker/test_shared.py with the real traefik."""
from again import again

again(__file__)

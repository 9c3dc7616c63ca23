"""tests/docker/test_interrupted.py with the real traefik."""
from again import again

again(__file__)

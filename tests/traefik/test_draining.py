"""tests/docker/test_draining.py with the real traefik."""
from again import again

again(__file__)

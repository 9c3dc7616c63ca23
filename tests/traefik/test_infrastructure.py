"""tests/docker/test_infrastructure.py with the real traefik."""
from again import again

again(__file__)

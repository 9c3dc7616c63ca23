"""tests/docker/test_networks.py with the real traefik."""
from again import again

again(__file__)

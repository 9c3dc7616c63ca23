"""tests/docker/test_life_cycle.py with the real traefik."""
from again import again

again(__file__)

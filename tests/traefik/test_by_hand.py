"""tests/docker/test_by_hand.py with the real traefik."""
from again import again

again(__file__)

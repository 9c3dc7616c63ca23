"""tests/docker/test_proof.py with the real traefik."""
from again import again

again(__file__)

"""A file of tests/docker once more, with the real traefik as the proxy."""
import os
import runpy
import sys

DOCKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docker")
sys.path.insert(0, DOCKER)
os.environ["BOSUN_TEST_PROXY"] = "bosun-test/traefik:3"


def again(name):
    runpy.run_path(os.path.join(DOCKER, os.path.basename(name)), run_name="__main__")

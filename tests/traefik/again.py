"""A file of tests/docker once more, with the real traefik as the proxy."""
import os
import runpy
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "docker"))
TRAEFIK = "bosun-test/traefik:3"
os.environ["BOSUN_TEST_PROXY"] = TRAEFIK


def again(name):
    runpy.run_path(os.path.join(HERE, "..", "docker", os.path.basename(name)), run_name="__main__")

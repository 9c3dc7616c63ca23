"""The pages of the docs that need an engine, all their blocks in order; the other pages are run by tests/docs."""
import os
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", name) for name in ("docs", "support")]
# pylint: disable=wrong-import-position
import run  # noqa: E402
from support import Skip, docker, need_local  # noqa: E402


def left_over():
    """What pages call their containers and networks: a run that was interrupted may have left some."""
    for name in ("label=bosun.prefix=try_", "label=example.model-server"):
        for container in docker("ps", "-aq", "--filter", name).split():
            docker("rm", "-f", container)
    docker("network", "rm", "bosun-try", check=False)


def with_engine():
    left_over()
    yield from run.run_pages([name for name in run.pages() if run.needs(name, "engine")], {"engine"})
    left_over()


try:
    need_local("the pages with an engine")
except Skip as why:
    print(f"1..0 # SKIP {why}")
    sys.exit()
sys.exit(run.report(with_engine()))

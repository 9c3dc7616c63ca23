"""The pages of the docs that need a cluster, all their blocks in order; the other pages are run by tests/docs."""
import os
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs")]
# pylint: disable=wrong-import-position
import run  # noqa: E402

sys.exit(run.report(run.run_pages([name for name in run.pages() if run.needs(name, "cluster")], {"cluster"})))

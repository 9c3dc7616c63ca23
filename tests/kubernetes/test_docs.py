"""The pages of the docs that need a cluster, all their blocks in order; the other pages are run by tests/docs."""
import os
import re
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs")]
# pylint: disable=wrong-import-position
import run  # noqa: E402
from support import chart  # noqa: E402

NAMESPACE = re.compile(r"kubectl create namespace (\S+)")


def left_over(names):
    """The namespaces that pages make: a run that was interrupted may have left some."""
    made = {name for page in names for block in run.read(page) for name in NAMESPACE.findall("\n".join(block.lines))}
    for name in made:
        chart.run("kubectl", "delete", "namespace", "--ignore-not-found", name)


def with_cluster():
    names = [name for name in run.pages() if run.needs(name, "cluster")]
    left_over(names)
    yield from run.run_pages(names, {"cluster"})


sys.exit(run.report(with_cluster()))

"""Runs pages and says in TAP, block by block, whether what they show is what comes."""
import concurrent.futures
import contextlib
import fcntl
import os
import re
import tempfile

import compare
import page
from session import SOURCE, Session

# These are read in the clone; every other page begins in a folder beside it.
IN_CLONE = ("README.md", "CONTRIBUTING.md")
# What pages serve here, they serve at ports of five digits.
PORT = re.compile(r"(?:localhost|127\.0\.0\.1):\d{5}\b")


def pages():
    """Names of all pages, from the root of the clone."""
    found = [SOURCE / name for name in IN_CLONE] + sorted((SOURCE / "docs").rglob("*.md"))
    return [str(path.relative_to(SOURCE)) for path in found]


def read(name):
    return page.blocks(name, (SOURCE / name).read_text(encoding="utf-8"))


def run_block(session, block):
    """None, or the reasons why the block failed."""
    reasons = []
    for command in block.commands():
        output = session.run(command.text)
        problem = "it did not come to an end" if output is None \
            else compare.difference(command.output, session.shown(output))
        if problem:
            reasons.append(f"{block.page}:{command.line}: $ {command.text}\n{problem}")
        if output is None:
            break
    return "\n".join(reasons) or None


# What blocks may need: a Docker engine, a Kubernetes cluster. Only those who have it run them.
NEEDS = {"engine", "cluster"}


def needs(name, what):
    return any(what in block.marks for block in read(name))


def runs(block, has):
    return block.language == "console" and "no-run" not in block.marks and not NEEDS.intersection(block.marks) - has


@contextlib.contextmanager
def alone(blocks):
    """Pages that use ports of this machine wait for each other, also those of another run of the tests."""
    if not any(PORT.search(line) for block in blocks for line in block.lines):
        yield
        return
    path = os.path.join(tempfile.gettempdir(), f"bosun-docs-ports-{os.getuid()}.lock")
    with open(path, "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_page(name, blocks, has=frozenset()):
    """[(title, reason)] of the console blocks of a page; no reason: it is as the page shows."""
    results = []
    with alone(blocks), Session(in_clone=name in IN_CLONE) as session:
        for block in blocks:
            if block.file:
                session.save(block.file, block.lines)
            elif runs(block, has):
                results.append((f"{block.place}: {block.lines[0] if block.lines else ''}", run_block(session, block)))
    return results


def run_pages(names, has=frozenset()):
    """The results of all pages, several pages at once, in their order."""
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS") or os.cpu_count())) as pool:
        for results in pool.map(lambda name: run_page(name, read(name), has), names):
            yield from results


def report(results):
    """Says the results in TAP; returns the exit status."""
    count = failed = 0
    for title, reason in results:
        count += 1
        failed += reason is not None
        print(f"{'ok' if reason is None else 'not ok'} {count} - {title.replace('#', ' ')}", flush=True)
        if reason is not None:
            print("".join(f"# {line}\n" for line in reason.splitlines()), end="")
    print(f"1..{count}")
    return 1 if failed else 0

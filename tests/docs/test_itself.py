"""The tests of the pages can fail: pages with a mistake each, and what is said of them."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
# pylint: disable=wrong-import-position
import page  # noqa: E402
import run  # noqa: E402
from tap import expect, main, poll, test  # noqa: E402


def reasons(text, has=frozenset()):
    """Why the blocks of a page failed, None for those that did not."""
    return [reason for _, reason in run.run_page("page.md", page.blocks("page.md", text), has)]


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def console(*lines, marks=""):
    return "\n".join(["text", "", f"```console{marks}", *lines, "```", ""])


def good(*lines):
    found = reasons(console(*lines))
    expect(found == [None], found)


def bad(*lines, says):
    found = reasons(console(*lines))
    expect(len(found) == 1 and found[0] is not None, "it passed:", lines)
    expect(says in found[0], f"not said: {says!r}, but", found[0])


@test("output that is as the page shows it passes")
def _():
    good("$ echo one; echo two >&2", "one", "two")
    good("$ true")
    good("$ printf '%s\\n' a \\", "    b", "a", "b")


@test("a wrong line, one too many and one too few fail, with page and line")
def _():
    bad("$ echo one", "two", says="page.md:4: $ echo one")
    bad("$ echo one", "two", says="-two\n+one")
    bad("$ echo one", "one", "two", says="-two")
    bad("$ echo one; echo two", "one", says="+two")
    bad("$ echo one", says="+one")
    bad("$ true", "$ false", "$ no-such-program", "bash: no-such-program: command found", says="command not found")


@test("times, durations and the page's folder may differ, and nothing else")
def _():
    good("$ echo 2020-01-01T10:11:12.123Z INFO seconds=0.1234", "2026-11-23T09:33:21.755Z INFO seconds=2.0")
    good("$ echo duration: 0.1; echo timestamp: 17", "duration: 12.34", "timestamp: 1795426401755")
    good("$ pwd", "/home/ops/try")
    bad("$ echo port: 81", "port: 82", says="-port: 82")
    bad("$ echo state: ready", "state: errored", says="+state: ready")


@test("… stands for a part of a line, a line of ... for lines")
def _():
    good("$ echo one two three", "one … three")
    good("$ seq 9", "1", "...", "9")
    bad("$ echo one two three", "one … four", says="four")
    bad("$ printf 'one\\nthree\\n'", "one … three", says="one")
    bad("$ seq 9", "1", "...", "8", says="+9")


@test("commands share one shell: folder, variables, functions and the exit status")
def _():
    good("$ mkdir a; cd a; x=1; f() { echo \"f$x\"; }", "$ pwd; f", "/home/ops/try/a", "f1")
    good("$ (exit 3)", "$ echo $?", "3")
    found = reasons(console("$ x=1") + console("$ echo $x", "1"))
    expect(found == [None, None], found)


@test("a block under a file's name is that file")
def _():
    text = "Save this as `a/b.txt`:\n\n```text\none\n```\n" + console("$ cat a/b.txt", "one")
    expect(reasons(text) == [None], reasons(text))
    text = "It has a `b.txt` in it.\n\n```text\none\n```\n" + console("$ cat b.txt", "one")
    expect("No such file" in str(reasons(text)), reasons(text))


@test("blocks marked no-run are not run, those marked engine or cluster only with one")
def _():
    expect(reasons(console("$ false", "x", marks=" no-run")) == [], "no-run was run")
    for need, other in (("engine", "cluster"), ("cluster", "engine")):
        text = console("$ false", "x", marks=f" {need}")
        expect(reasons(text) == [] and reasons(text, {other}) == [], f"{need} was run without one")
        expect(len(reasons(text, {need})) == 1, f"{need} was not run with one")


@test("a command that ends the shell fails, and so do those after it")
def _():
    bad("$ exit 0", says="did not come to an end")
    found = reasons(console("$ exit 0") + console("$ true"))
    expect(None not in found, found)


@test("what a page has started is gone afterwards")
def _():
    with run.Session() as session:
        pid = int(session.run("sleep 1000 & echo $!"))
        folder = session.home
    expect(not os.path.exists(folder), "the folder is still there")
    poll(lambda: not runs(pid), "what the page started has ended")


@test("a block that is not closed, or that does not begin with a command, is malformed")
def _():
    for text in ("```console\n$ true\n", console("true")):
        try:
            for block in page.blocks("page.md", text):
                block.commands()
        except page.Malformed:
            continue
        expect(False, "it was taken:", text)


main()

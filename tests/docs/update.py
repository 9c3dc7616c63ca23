"""python3 tests/docs/update.py PAGE...: puts what comes into the console blocks whose output is not what the page shows.
Lines that match stay as they are, with their wildcards. With the variable ENGINE or CLUSTER set, also the blocks for
one. Look at the difference before you commit it: it is what the tests would have complained about."""
import os
import sys

import compare
import run
from session import SOURCE, Session


def merged(shown, output):
    """The lines that came, but those of the page where one still matches, wildcards and all."""
    came = output.splitlines()
    if compare.difference(shown, output) is None:
        return shown
    if len(shown) != len(came):
        return came
    return [old if compare.difference([old], new) is None else new for old, new in zip(shown, came)]


def fresh_lines(session, block):
    """The lines of a block, with the output that came."""
    lines = []
    for command in block.commands():
        output = session.run(command.text)
        if output is None:
            sys.exit(f"{block.page}:{command.line}: it did not come to an end: {command.text}")
        lines += ("$ " + command.text).split("\n") + merged(command.output, session.shown(output))
    return lines


def update(name, has):
    path = SOURCE / name
    lines = path.read_text(encoding="utf-8").splitlines()
    changes = []
    blocks = run.read(name)
    with run.alone(blocks), Session(in_clone=name in run.IN_CLONE) as session:
        for block in blocks:
            if block.file:
                session.save(block.file, block.lines)
            elif run.runs(block, has):
                changes.append((block, fresh_lines(session, block)))
    for block, fresh in reversed(changes):
        indent = " " * (len(lines[block.line - 1]) - len(lines[block.line - 1].lstrip()))
        lines[block.line:block.line + len(block.lines)] = [indent + line if line else "" for line in fresh]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


for argument in sys.argv[1:]:
    update(argument, {need for need in run.NEEDS if os.environ.get(need.upper())})

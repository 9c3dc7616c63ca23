"""Every console block of every page, run in order in a fresh folder for each page; and how pages may be written.
Arguments: the pages to run, default all."""
import sys

import page
import run

# Blocks that cannot run here, and why. A page with another number of them fails: this list is to stay short.
NO_RUN = {
    "README.md": 1,                           # make, sudo make install
    "docs/tutorials/quick-start.md": 1,       # make deps, make: they would change the build under test
    "docs/tutorials/first-model-in-docker.md": 1,  # apt-get, usermod
    "docs/tutorials/first-model-in-kubernetes.md": 1,  # starts a cluster
    "docs/how-to/install.md": 1,              # sudo make install
    "docs/how-to/embed-libbosun.md": 1,       # compiles against what was installed
    "docs/how-to/docker-custom-models.md": 1,  # builds the reader's image
    "docs/how-to/docker-remote-engine.md": 1,  # starts the engine
    "docs/how-to/debug-in-an-editor.md": 1,   # links into the folder of VS Code
    "docs/how-to/docker-registries.md": 1,    # logs in to a registry
    "docs/how-to/use-a-registry-from-a-plugin.md": 1,  # pushes to a registry
}
KINDS = {"console": {*run.NEEDS, "no-run"}}
SHELLS = {"sh", "bash", "shell", "console-session", "shell-session", "zsh"}


def problems_of(name, blocks):
    """What is wrong with the blocks of a page, without running them."""
    problems = []
    for block in blocks:
        if not block.language:
            problems.append(f"{block.place}: say which language the block is in (text, if none)")
        if set(block.marks) - KINDS.get(block.language, set()):
            problems.append(f"{block.place}: unknown mark {' '.join(block.marks)}")
        if block.language in SHELLS and not block.file:
            problems.append(f"{block.place}: nobody runs a block of {block.language}: use console, or name its file")
        try:
            block.commands() if block.language == "console" else None  # pylint: disable=expression-not-assigned
        except page.Malformed as problem:
            problems.append(str(problem))
    count = sum("no-run" in block.marks for block in blocks)
    if count != NO_RUN.get(name, 0):
        problems.append(f"{name}: {count} blocks with no-run; tests/docs/test_pages.py lists {NO_RUN.get(name, 0)}")
    return problems


def checked(names):
    """The form of all pages, then what they show."""
    for name in names:
        try:
            yield f"{name} is well-formed", "\n".join(problems_of(name, run.read(name))) or None
        except page.Malformed as problem:
            yield f"{name} is well-formed", str(problem)
    yield from run.run_pages([name for name in names if not malformed(name)])


def malformed(name):
    try:
        for block in run.read(name):
            if block.language == "console":
                block.commands()
    except page.Malformed:
        return True
    return False


sys.exit(run.report(checked(sys.argv[1:] or run.pages())))

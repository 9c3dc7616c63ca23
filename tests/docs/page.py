"""A page of Markdown as the tests of the docs see it: the blocks of a console, which are run, and the files that the
page tells the reader to save. CONTRIBUTING.md ("Pages") describes how a page marks them."""
import dataclasses
import re

FENCE = re.compile(r"( *)(`{3,})([^\s`]*) *([^`]*)$")
# The end of the line above a block that is a file: Save this as `hello.lua`:
FILE_NAME = re.compile(r"`([^`\s]+)`:$")


class Malformed(Exception):
    """Raised for a page that does not follow the conventions, with place and reason."""


@dataclasses.dataclass
class Command:
    line: int
    text: str
    output: list


@dataclasses.dataclass
class Block:
    page: str
    line: int  # of the opening fence, from 1
    language: str
    marks: tuple  # the words behind the language: engine, no-run
    lines: list
    file: str  # where the page says to save it, or None

    @property
    def place(self):
        return f"{self.page}:{self.line}"

    def commands(self):
        """What a console block runs, each command with the output that the page shows."""
        found = []
        continued = False
        for number, line in enumerate(self.lines, self.line + 1):
            if continued:
                found[-1].text += "\n" + line
            elif line.startswith("$ "):
                found.append(Command(number, line[2:], []))
            elif found:
                found[-1].output.append(line)
            else:
                raise Malformed(f'{self.page}:{number}: a console block begins with a command: "$ …"')
            continued = line.endswith("\\") and (continued or line.startswith("$ "))
        return found


def blocks(page, text):
    """All fenced blocks of a page."""
    found, opened, indent, fence, above = [], None, 0, "", ""
    for number, line in enumerate(text.splitlines(), 1):
        match = FENCE.match(line)
        if opened is None and match:
            indent, fence = len(match[1]), match[2]
            opened = Block(page, number, match[3], tuple(match[4].split()), [], saved_as(match[3], above))
        elif opened is not None and line.strip() == fence:
            found.append(opened)
            opened, above = None, ""
        elif opened is not None:
            opened.lines.append(line[indent:] if not line[:indent].strip() else line)
        elif line.strip():
            above = line.strip()
    if opened is not None:
        raise Malformed(f"{opened.place}: the block is never closed")
    return found


def saved_as(language, above):
    """The file that a block is saved as, when the line above it names one in the reader's folder."""
    name = FILE_NAME.search(above)
    if language == "console" or not name or name[1].startswith(("/", "~")):
        return None
    return name[1]

"""A session of fifty lines with the sample plugin on a terminal, against its transcript, tests/cli/repl/sample_plugin.txt.
After a change: ACCEPT=1 python3 tests/cli/test_repl_transcript.py writes the transcript anew; review the diff."""
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from support.screen import BOSUN, Screen  # noqa: E402
from support.tap import expect, main, test  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../.."))
TRANSCRIPT = os.path.join(HERE, "repl/sample_plugin.txt")
PROMPTS = ("bosun> ", "    >> ")


def same(text):
    """What differs from run to run, made the same; and lines of the sample plugin, which others edit."""
    text = re.sub(r"(sample_plugin\.lua):\d+", r"\1:N", text)
    text = re.sub(r"^([ >]) +\d\d+ \| ", r"\1 N | ", text, flags=re.M)
    text = re.sub(r'(duration|timestamp)("?): [\d.]+', r'\1\2: N', text)
    text = re.sub(r"(seconds=|\) )\d+\.\d+", r"\1N", text)
    return re.sub(r"^\d\.\d{6} s$", "N s", text, flags=re.M)


@test("fifty lines with the sample plugin")
def _():
    with open(TRANSCRIPT, encoding="utf-8") as file:
        expected = file.read()
    typed = [(line[:7], line[7:]) for line in expected.split("\n") if line.startswith(PROMPTS)]
    expect(len(typed) >= 50, len(typed))
    home = tempfile.mkdtemp(prefix="bosun-transcript-")
    shutil.copytree(ROOT + "/sample_plugin", home + "/sample_plugin")
    shutil.copytree(ROOT + "/sample_configs", home + "/sample_configs")
    with open(home + "/private.yaml", "w", encoding="utf-8") as file:
        file.write("environmentDir: environment\nlargestModel: 1Mi\n")
    with Screen([os.path.abspath(BOSUN), "repl", "--color", "never"], columns=160, rows=50, home=home) as screen:
        screen.wait_last("bosun>")
        for number, (_, line) in enumerate(typed):
            following = typed[number + 1][0].strip() if number + 1 < len(typed) else "bosun>"
            screen.run(line, prompt=following)
        got = same(screen.text().replace(home, "HOME")) + "\n"
    shutil.rmtree(home)
    got = "\n".join(line.rstrip() for line in got.split("\n"))
    if os.environ.get("ACCEPT"):
        with open(TRANSCRIPT, "w", encoding="utf-8") as file:
            file.write(got)
        return
    if got != expected:
        import difflib  # pylint: disable=import-outside-toplevel
        raise AssertionError("\n".join(difflib.unified_diff(expected.split("\n"), got.split("\n"), "expected", "got", "")))


main()

"""Is this the output that the page shows? Times, durations, ids of processes and runs, and lines of the library always are; in what a page shows,
… stands for anything within a line, and a line of ... for any number of lines."""
import difflib
import re

VARYING = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r'(\bduration"?: )\d+\.\d+'), r"\1<seconds>"),
    (re.compile(r'(\btimestamp"?: )\d+'), r"\1<milliseconds>"),
    (re.compile(r'(\bseconds"?[=:])\d+(\.\d+)?(e-\d+)?'), r"\1<seconds>"),
    (re.compile(r'(\brun"?[=:]"?)[0-9a-f]{16}\b'), r"\1<run>"),
    (re.compile(r'(\btrace_id"?[=:]"?)[0-9a-f]{32}\b'), r"\1<trace>"),
    (re.compile(r'(\bspan_id"?[=:]"?)[0-9a-f]{16}\b'), r"\1<span>"),
    (re.compile(r"\b(after|at least|in) \d+(\.\d+)? (ms|milliseconds|s)\b"), r"\1 <duration>"),
    (re.compile(r"\bpid([ =])\d+"), r"pid\1<pid>"),
    # Lines of the library and the built-in plugins, in tracebacks.
    (re.compile(r"(?<![\w/])((?:bosun|plugins)/[\w/]+\.lua):\d+"), r"\1:<line>"),
    # What docker ps and docker create print.
    (re.compile(r"\bUp (Less than a second|About a minute|\d+ (second|minute)s?)"), "Up <duration>"),
    (re.compile(r"^(sha256:)?[0-9a-f]{64}$", re.MULTILINE), "<id>"),
]


def settle(text):
    """The text without what varies from run to run."""
    for pattern, instead in VARYING:
        text = pattern.sub(instead, text)
    return text


def pattern_of(lines):
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"(?:[^\n]*\n)*")
        else:
            parts.append(r"[^\n]*".join(re.escape(piece) for piece in settle(line).split("…")) + r"\n")
    return re.compile("".join(parts))


def difference(expected, actual):
    """None when the output `actual` is what the page shows (a list of lines), else a text that shows both."""
    lines = actual.splitlines()
    text = settle("".join(line + "\n" for line in lines))
    if pattern_of(expected).fullmatch(text):
        return None
    shown = [settle(line) for line in expected]
    changes = difflib.unified_diff(shown, text.splitlines(), "the page", "what came", lineterm="", n=1)
    return "\n".join([*changes, "the output as it came:", *lines])

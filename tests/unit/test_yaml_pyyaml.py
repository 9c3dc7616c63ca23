"""Compares the YAML reader and writer with PyYAML over a generated corpus, through tests/unit/yaml_dump.c.

The reader has to accept what PyYAML's safe_load accepts, and find the same values, with the exceptions listed in
`ExpectedLoader`. Both of PyYAML's parsers have to read what the writer writes as the original values. YAML_CORPUS
scales the corpus (1.0), YAML_SEED picks another.
"""
import itertools
import math
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

import yaml

SOURCE = os.environ.get("BOSUN_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BOSUN_BUILD", os.path.join(SOURCE, "build"))
SCALE = float(os.environ.get("YAML_CORPUS", "1"))
RANDOM = random.Random(int(os.environ.get("YAML_SEED", "20261123")))


class Rejected(Exception):
    """A document that one side rejects."""


# ---- the driver


def driver(folder):
    """The path of yaml_dump: the one make has built, or one built here."""
    made = os.path.join(BUILD, "tests", "unit", "yaml_dump")
    if os.path.exists(made):
        return made
    path = os.path.join(folder, "yaml_dump")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "yaml-0.1"], check=True, capture_output=True, text=True)
    core = [f"{SOURCE}/host/core/{name}.c" for name in
            ("base/buf", "base/err", "base/value", "yaml/read", "yaml/scalar", "yaml/tag", "yaml/merge", "yaml/problem",
             "yaml/write")]
    subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-g", f"-I{SOURCE}/host", f"-I{SOURCE}/host/include", "-o", path, f"{SOURCE}/tests/unit/yaml_dump.c",
                    *core, *flags.stdout.split(), "-lm"], check=True)
    return path


def run(path, mode, documents):
    data = b"".join(b"%d\n" % len(d) + d for d in documents)
    done = subprocess.run([path, mode], input=data, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"yaml_dump {mode} ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
    return done.stdout


def parse_tree(lines):
    """The value described by the next tokens."""
    kind, _, rest = next(lines).partition(" ")
    if kind == "!":
        raise Rejected(rest)
    if kind in "[{":
        items = []
        while (item := parse_item(lines)) is not END:
            items.append(item)
        return items if kind == "[" else dict(zip(map(distinct, items[::2]), items[1::2]))
    return {"n": lambda: None, "b": lambda: rest == "1", "i": lambda: int(rest), "d": lambda: parse_float(rest),
            "s": lambda: bytes.fromhex(rest)}[kind]()


END = object()


def parse_item(lines):
    line = next(lines)
    if line in "]}":
        return END
    return parse_tree(iter([line]) if line[0] not in "[{" else Chain(line, lines))


class Chain:
    """Tokens with a look at the next one."""

    def __init__(self, first, rest):
        self.first, self.rest = first, rest

    def __iter__(self):
        return self

    def __next__(self):
        if self.first is not None:
            first, self.first = self.first, None
            return first
        return next(self.rest)


def parse_float(text):
    return math.nan if text == "nan" else struct.unpack(">d", bytes.fromhex(text))[0]


def read_ours(path, documents):
    lines = iter(run(path, "read", documents).decode().split("\n"))
    results = []
    for _ in documents:
        try:
            results.append(parse_tree(lines))
        except Rejected as error:
            results.append(error)
    return results


def write_ours(path, documents):
    out, at, results = run(path, "write", documents), 0, []
    for _ in documents:
        end = out.index(b"\n", at)
        head = out[at:end]
        at = end + 1
        if head.startswith(b"!"):
            results.append(Rejected(head.decode()))
        else:
            results.append(out[at:at + int(head)])
            at += int(head)
    return results


# ---- PyYAML, with the exceptions of ours


class ExpectedLoader(yaml.CSafeLoader):
    """safe_load with these exceptions: dates, "=" and "<<" as values are strings; integers that do not fit in 64 bits,
    duplicate keys, keys that are collections or NaN, and the collection types !!set, !!omap and !!pairs are errors; text
    has to match its tag."""


def construct_int(loader, node):
    if node.value.replace("_", "").lstrip("+-") in ("0b", "0x"):
        return node.value
    value = yaml.constructor.SafeConstructor.construct_yaml_int(loader, node)
    if not -2**63 <= value < 2**63 or node.value.strip() != node.value:
        raise Rejected("past 64 bits, or Python's int() had to strip it")
    return value


def construct_binary(loader, node):
    if re.search(r"[^A-Za-z0-9+/= \t\n]|=[ \t\n]*[^= \t\n]", node.value):
        raise Rejected("not base64")
    return yaml.constructor.SafeConstructor.construct_yaml_binary(loader, node)


def construct_null(loader, node):
    value = loader.construct_scalar(node)
    if value not in ("", "~", "null", "Null", "NULL"):
        raise Rejected("not null")


def check_keys(loader, node, seen):
    """Raises for keys that we reject, before PyYAML merges mappings and drops them."""
    if seen.get(node) == "open":
        raise Rejected("an alias inside the value that it names")
    if isinstance(node, yaml.ScalarNode) or node in seen:
        return
    seen[node] = "open"
    for child in node.value:
        check_keys(loader, child[1] if isinstance(node, yaml.MappingNode) else child, seen)
    seen[node] = "done"
    keys = []
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if not isinstance(key, yaml.ScalarNode):
            raise Rejected("a collection as key")
        constructed = "<<" if key.tag == "tag:yaml.org,2002:merge" else loader.construct_object(key)
        if constructed != constructed:
            raise Rejected("nan as key")
        keys.append((key.tag == "tag:yaml.org,2002:merge", distinct(constructed)))
    if len(set(keys)) != len(keys):
        raise Rejected("twice")


def construct_mapping(loader, node):
    data = {}
    yield data
    if not isinstance(node, yaml.MappingNode):
        raise Rejected("!!map on something else")
    loader.flatten_mapping(node)
    for key, value in node.value:
        data[distinct(loader.construct_object(key))] = loader.construct_object(value)


def distinct(key):
    """In Python True == 1 as keys; here they differ."""
    return Bool(key) if isinstance(key, bool) else key


class Bool:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Bool) and self.value == other.value

    def __hash__(self):
        return hash((Bool, self.value))

    def __repr__(self):
        return f"Bool({self.value})"


def reject(loader, node):
    raise Rejected(node.tag)


ExpectedLoader.add_constructor("tag:yaml.org,2002:int", construct_int)
ExpectedLoader.add_constructor("tag:yaml.org,2002:binary", construct_binary)
ExpectedLoader.add_constructor("tag:yaml.org,2002:null", construct_null)
ExpectedLoader.add_constructor("tag:yaml.org,2002:map", construct_mapping)
for name in ("timestamp", "value", "merge"):
    ExpectedLoader.add_constructor(f"tag:yaml.org,2002:{name}", lambda loader, node: loader.construct_scalar(node))
for name in ("set", "omap", "pairs"):
    ExpectedLoader.add_constructor(f"tag:yaml.org,2002:{name}", reject)


def read_expected(document):
    try:
        loader = ExpectedLoader(document)
        node = loader.get_single_node()
        if node is None:
            return None
        check_keys(loader, node, {})
        return canonical(loader.construct_document(node))
    except (yaml.YAMLError, Rejected, ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        return Rejected(f"{type(error).__name__}: {error}")


def canonical(value):
    """Strings as bytes, like those of the driver."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if isinstance(value, dict):
        return {canonical(k): canonical(v) for k, v in value.items()}
    return value


def same(a, b):
    if isinstance(a, Rejected) or isinstance(b, Rejected):
        return isinstance(a, Rejected) and isinstance(b, Rejected)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, float):
        return isinstance(b, float) and (struct.pack(">d", a) == struct.pack(">d", b) or (a != a and b != b))
    return type(a) is type(b) and a == b


# ---- corpora

KNOWN = """yes Yes YES yEs no No NO on On ON off Off OFF true True TRUE false False FALSE y n Y N tRUE ~ null Null NULL nULL
0 00 08 09 012 0o14 0b11 0b_1 0b 0b2 0x10 0xFF_ 0x 0x_ 0xg 0X10 1_000 1_ _1 +1 -1 +-1 -0 +0 - + 1:30 20:03:20 1:60 1:5 01:30
-1:30 1:30.5 0:30.5 1:2:3.25 1:2: 1.0:2 1e3 1e+16 1.5e+3 1.5E-3 1.e+3 1.5e3 +.5 -.5 .5 ._5 .5_ . .. ... +. 1. 1_.5 1._5 -1.5 +1.5
.inf .Inf .INF .iNF -.inf +.inf .nan .NaN .NAN -.nan inf nan Infinity 9223372036854775807 9223372036854775808 -9223372036854775808
-9223372036854775809 0x7fffffffffffffff 0x8000000000000000 -0x8000000000000000 0777777777777777777777 01777777777777777777777
2026-01-02 2026-1-2 2026-01-02T03:04:05Z 2026-01-02t03:04:05.5+01:00 12:30:45 0.1 0.30000000000000004 1.7976931348623157e+308
1.8e+308 5.0e-324 2.0e-324 4.9e-324 123456789012345678901234567890.5 = << <<< =a 1,000 1__0 190:20:30.15 685_230.15 0.1e+1 1.0e+""".split()


def scalars(count):
    alphabets = ("0123456789_.:+-eE", "01:_.", "0123456789abcdefxXbo_+-", "yesnoYESNOtrufalTRUFAL", "~nulNUL.infINFaA", "+-.0123456789e")
    made = set(KNOWN)
    while len(made) < count:
        if RANDOM.random() < 0.3:
            text = list(RANDOM.choice(KNOWN))
            at = RANDOM.randrange(len(text) + 1)
            text[at:at + RANDOM.randrange(2)] = RANDOM.choice("0123456789_.:+-eExb~nN \t'\"#")
            made.add("".join(text).strip())
        else:
            alphabet = RANDOM.choice(alphabets)
            made.add("".join(RANDOM.choice(alphabet) for _ in range(RANDOM.randrange(1, 14))))
    return [f"- {text}\n".encode() for text in sorted(made)]


NUMBER = itertools.count()


def words():
    if RANDOM.random() < 0.02:
        return RANDOM.choice(("*missing", "!foo 1", "x: y", "- z", "", "!!int x", "[a]"))
    return RANDOM.choice(("a", "b", "c", "<<", "1", "1.0", "yes", "~", '"a b"', "'it''s'", '"\\u00e9\\n"', "é", "!!str 1", "!!int '7'",
                          "!!float 1", "!!binary aGk=", "! x", "! '1'", "!!null ''", "2026-01-02", "#c", "*a", "*b",
                          f"&n{next(NUMBER)} 5", "!!bool 'on'", "=", "|\n    text\n", ">-\n    folded\n    text\n", ".5", "0x1F"))


def block(depth, indent):
    pad = " " * indent
    kind = RANDOM.random()
    tag = RANDOM.choice(("", "", "", "", "", "!!map ", "!!seq ")) if RANDOM.random() < 0.1 else ""
    anchor = f"&m{next(NUMBER)} {tag}" if RANDOM.random() < 0.2 else tag
    if depth == 0 or kind < 0.2:
        return " " + words() + "\n"
    if kind < 0.3:
        return f" {anchor}[{flow(depth)}, {flow(depth)}]\n"
    if kind < 0.4:
        return f" {anchor}{{{words()}: {flow(depth)}, {words()}: {flow(depth)}}}\n"
    if kind < 0.6:
        return f" {anchor}\n" + "".join(f"{pad}-{block(depth - 1, indent + 2)}" for _ in range(RANDOM.randrange(1, 4)))
    return f" {anchor}\n" + "".join(pad + pair(depth, indent) for _ in range(RANDOM.randrange(1, 5)))


def pair(depth, indent):
    if RANDOM.random() < 0.08:
        return RANDOM.choice(("<<: *a\n", "<<: *b\n", "<<: [*a, *b]\n", "<<: {a: 1, z: 2}\n", '"<<": *a\n'))
    key = RANDOM.choice("abcdefgh") if RANDOM.random() < 0.2 else f"k{next(NUMBER)}"
    return f"{key}:{block(depth - 1, indent + 2)}"


def flow(depth):
    if depth > 0 and RANDOM.random() < 0.3:
        return f"[{flow(depth - 1)}]" if RANDOM.random() < 0.5 else f"{{{RANDOM.choice('abc')}: {flow(depth - 1)}}}"
    return RANDOM.choice(("1", "a", "'q'", '"d"', "*a", "~", "true", "1.5", "!!str 5", "2026-01-01"))


def documents(count):
    made = []
    for _ in range(count):
        text = "0: &a {a: 1, b: 2}\n1: &b {b: 3, c: 4}\n"
        text += "".join(pair(3, 0) for _ in range(RANDOM.randrange(1, 6)))
        for _ in range(RANDOM.choice((0, 0, 1, 3))):
            at = RANDOM.randrange(len(text))
            text = text[:at] + RANDOM.choice(" \t\n:-[]{}&*!|>'\"%@`,?#~\\\x07\u0085\u2028\ufeff") + text[at + RANDOM.randrange(3):]
        made.append(text.encode())
    return made


def hostile_string():
    pieces = (*KNOWN, " ", "\t", "\n", "\r\n", "\0", "\x07", "\x1b[31m", "\x7f", "\x80", "\x85", "\x9f", "\xa0", "é", "日本", "\u2028",
              "\u2029", "\ufeff", "\ufffe", "\uffff", "\ud7ff", "\ue000", "😀", "\U0010ffff", "\U0001fffe", '"', "\\", "'", "#", ": ",
              "- ", "? ", "{", "}", "[", "]", ",", "&a", "*a", "!", "!!int", "|", ">", "%", "@", "`", "---", "...", "x" * 300)
    return "".join(RANDOM.choice(pieces) for _ in range(RANDOM.randrange(5)))


def any_float():
    bits = RANDOM.getrandbits(64).to_bytes(8, "big")
    value = struct.unpack(">d", bits)[0]
    choices = (value, RANDOM.uniform(-1e6, 1e6), float(RANDOM.randrange(-10**17, 10**17)), round(RANDOM.random(), 3), 0.0, -0.0, 1e16, 1e-5)
    value = RANDOM.choice(choices)
    return value if math.isfinite(value) else 0.5


def tree(depth):
    kind = RANDOM.random()
    if depth > 0 and kind < 0.25:
        return [tree(depth - 1) for _ in range(RANDOM.randrange(4))]
    if depth > 0 and kind < 0.6:
        return {RANDOM.choice((hostile_string(), RANDOM.randrange(-9, 99), "k")): tree(depth - 1) for _ in range(RANDOM.randrange(5))}
    return RANDOM.choice((None, True, False, RANDOM.randrange(-2**63, 2**63), any_float(), hostile_string(), hostile_string(), "", [], {}))


# ---- tests

results = []


def report(name, failures, total):
    results.append(not failures and total > 0)
    print(f"{'ok' if results[-1] else 'not ok'} {len(results)} - {name} ({total} cases)")
    for line in failures[:10]:
        print(f"# {line}")


def test_reading(path, name, texts):
    failures = []
    ours = read_ours(path, texts)
    for text, result in zip(texts, ours):
        expected = read_expected(text)
        if not same(result, expected):
            failures.append(f"{text!r}: ours {result!r}, PyYAML {expected!r}")
    report(name, failures, len(texts))
    accepted = sum(not isinstance(o, Rejected) for o in ours)
    print(f"# {accepted} accepted, {len(ours) - accepted} rejected by both")


def test_writing(path, name, trees):
    sources = [yaml.dump(t, Dumper=yaml.CSafeDumper, default_style='"', width=10**6).encode() for t in trees]
    failures = []
    for value, written in zip(trees, write_ours(path, sources)):
        if isinstance(written, Rejected):
            failures.append(f"{value!r}: {written}")
            continue
        for loader in (yaml.SafeLoader, yaml.CSafeLoader):
            try:
                again = yaml.load(written, loader)
            except Exception as error:  # anything a reader raises
                again = error
            if not same(canonical(again) if not isinstance(again, Exception) else Rejected(again), canonical(value)):
                failures.append(f"{value!r} written as {written!r}, read by {loader.__name__} as {again!r}")
    report(name, failures, len(trees))


def test_float_text(path):
    floats = [any_float() for _ in range(int(5000 * SCALE))]
    texts = write_ours(path, [b"!!float " + repr(f).encode() for f in floats])
    longer = [f"{f!r}: {t.decode().strip()}" for f, t in zip(floats, texts)
              if float(t) != f or len(t) - 1 > len(yaml.safe_dump(f).split("\n", maxsplit=1)[0]) + 1]
    report("a float is written with at most one digit more than Python's repr", longer, len(floats))


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = driver(folder)
        test_reading(path, "plain scalars mean what they mean to PyYAML", scalars(int(40000 * SCALE)))
        test_reading(path, "documents, whole and damaged, mean what they mean to PyYAML", documents(int(12000 * SCALE)))
        test_writing(path, "PyYAML reads what is written as the original values", [tree(4) for _ in range(int(3000 * SCALE))])
        test_float_text(path)
    print(f"1..{len(results)}")
    sys.exit(0 if all(results) else 1)


main()

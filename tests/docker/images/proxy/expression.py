"""Traefik's expressions: rules (Host(`a`) && Path(`/x`, `/y`)) and constraints (Label(`key`, `value`)). Parsed to
nested tuples: ("and"|"or", left, right), ("not", operand), (name, [arguments]).

What this stand-in does not know (Headers, Query, regular expressions, {} in a path) is an error, not a guess."""
import re

TOKEN = re.compile(r"\s*(?:(&&|\|\||[(),!])|([A-Za-z]+)|`([^`]*)`|\"((?:[^\"\\]|\\.)*)\"|(\S))")


def tokens(text):
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        sign, name, raw, quoted, other = match.groups()
        if other:
            raise ValueError(f"unexpected {other!r} in {text!r}")
        if sign or name:
            found.append(sign or name)
        else:
            found.append(("text", raw if raw is not None else re.sub(r"\\(.)", r"\1", quoted)))
        at = match.end()
    return found + [None]


class Parser:
    def __init__(self, text, functions):
        self.text, self.functions = text, functions
        self.rest = tokens(text)

    def take(self, *allowed):
        token = self.rest[0]
        if allowed and token not in allowed:
            raise ValueError(f"expected {' or '.join(map(str, allowed))}, not {token!r}, in {self.text!r}")
        return self.rest.pop(0)

    def whole(self):
        parsed = self.either()
        self.take(None)
        return parsed

    def either(self):
        left = self.both()
        while self.rest[0] == "||":
            self.take()
            left = ("or", left, self.both())
        return left

    def both(self):
        left = self.operand()
        while self.rest[0] == "&&":
            self.take()
            left = ("and", left, self.operand())
        return left

    def operand(self):
        if self.rest[0] == "!":
            self.take()
            return ("not", self.operand())
        if self.rest[0] == "(":
            self.take()
            inner = self.either()
            self.take(")")
            return inner
        name = self.take()
        if not isinstance(name, str) or name not in self.functions:
            raise ValueError(f"unsupported function: {name!r} in {self.text!r}")
        return (name, self.arguments())

    def arguments(self):
        self.take("(")
        found = []
        while True:
            token = self.take()
            if not isinstance(token, tuple):
                raise ValueError(f"expected a quoted text, not {token!r}, in {self.text!r}")
            found.append(token[1])
            if self.take(",", ")") == ")":
                return found


def constraint(text):
    """A function that says whether labels satisfy the expression."""
    parsed = Parser(text, {"Label"}).whole()

    def holds(node, labels):
        kind = node[0]
        if kind == "not":
            return not holds(node[1], labels)
        if kind in ("and", "or"):
            sides = (holds(side, labels) for side in node[1:])
            return all(sides) if kind == "and" else any(sides)
        key, value = node[1]
        return labels.get(key) == value
    return lambda labels: holds(parsed, labels)


def lua_string(text):
    return '"' + "".join(c if c.isalnum() or c in "/-_. :" else "".join(f"\\{b:03d}" for b in c.encode())
                         for c in text) + '"'


def lua_test(name, argument):
    if "{" in argument or "}" in argument:
        raise ValueError(f"{name}(`{argument}`): this stand-in has no regular expressions")
    if name in ("Path", "PathPrefix") and not argument.startswith("/"):
        raise ValueError(f"{name}: path does not start with a '/': {argument!r}")
    wanted = lua_string(argument.lower() if name == "Host" else argument)
    if name == "PathPrefix":
        return f"r.path:sub(1, {len(argument.encode())}) == {wanted}"
    return f"r.{name.lower()} == {wanted}"


def rule_to_lua(text):
    """The rule as the source of a Lua expression on r = {host=, path=, method=}."""
    def source(node):
        if node[0] == "not":
            raise ValueError(f"unsupported in a rule: ! in {text!r}")
        if node[0] in ("and", "or"):
            return f"({source(node[1])} {node[0]} {source(node[2])})"
        if not node[1]:
            raise ValueError(f"{node[0]} without an argument in {text!r}")
        return "(" + " or ".join(lua_test(node[0], argument) for argument in node[1]) + ")"
    return source(Parser(text, {"Host", "Path", "PathPrefix", "Method"}).whole())

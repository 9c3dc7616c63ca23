"""An interposer on an engine's Unix socket, for answers that a healthy engine does not give.

usage: between.py LISTEN TARGET RULES LOG

Every request is noted in LOG, a JSON line each. The first rule in RULES (a JSON list, read for each request) whose
`match` is found in "METHOD path" applies; one with `times` only that often. A rule has one of: `answer` {status, type,
body}; `drop`: the connection ends without a word; `after`: the connection ends once these bytes of the answer have
passed, which looks like a whole answer when `ends` is true. Other requests pass. One request per connection.
"""

import json
import os
import re
import socket
import sys
import threading

LISTEN, TARGET, RULES, LOG = sys.argv[1:]
used = {}
lock = threading.Lock()


def read_header(client):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            return None, b""
        data += piece
    header, _, rest = data.partition(b"\r\n\r\n")
    return header, rest


def rule_for(request):
    with open(RULES, encoding="utf-8") as file:
        rules = json.load(file)
    with lock:
        for rule in rules:
            key = json.dumps(rule, sort_keys=True)
            if re.search(rule["match"], request) and used.get(key, 0) < rule.get("times", 1 << 30):
                used[key] = used.get(key, 0) + 1
                return rule
    return {}


def note(request, header):
    headers = dict(line.decode().split(": ", 1) for line in header.split(b"\r\n")[1:])
    with lock, open(LOG, "a", encoding="utf-8") as file:
        file.write(json.dumps({"request": request, "headers": headers}) + "\n")


def answer(client, given):
    body = given["body"].encode()
    head = f"HTTP/1.1 {given['status']} Whatever\r\nContent-Type: {given['type']}\r\n"
    client.sendall(head.encode() + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)


def pump(source, target):
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_RDWR)  # an engine whose client is gone must not wait for the rest
    except OSError:
        pass


def pass_until(source, target, stop):
    """Hands on what comes, up to and including the text `stop`."""
    seen = b""
    while piece := source.recv(65536):
        if stop and stop in seen + piece:
            cut = (seen + piece).index(stop) + len(stop) - len(seen)
            target.sendall(piece[: max(cut, 0)])
            return
        seen = (seen + piece)[-len(stop) :] if stop else b""
        target.sendall(piece)


def forward(client, header, rest, rule):
    with socket.socket(socket.AF_UNIX) as engine:
        engine.connect(TARGET)
        lines = [line for line in header.split(b"\r\n") if not re.match(rb"(?i)connection:|expect:", line)]
        if rule.get("ends"):
            lines[0] = lines[0].replace(b"HTTP/1.1", b"HTTP/1.0")
        if re.search(rb"(?im)^expect:", header):
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        engine.sendall(b"\r\n".join(lines + [b"Connection: close"]) + b"\r\n\r\n" + rest)
        threading.Thread(target=pump, args=(client, engine), daemon=True).start()
        pass_until(engine, client, rule.get("after", "").encode())


def serve(client):
    with client:
        header, rest = read_header(client)
        if header is None:
            return
        request = header.split(b" HTTP/", 1)[0].decode()
        note(request, header)
        rule = rule_for(request)
        if "answer" in rule:
            answer(client, rule["answer"])
        elif not rule.get("drop"):
            forward(client, header, rest, rule)
        client.shutdown(socket.SHUT_RDWR)


def main():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(LISTEN + ".new")
    listener.listen(64)
    os.rename(LISTEN + ".new", LISTEN)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


main()

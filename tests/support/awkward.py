"""awkward.py PORT_FILE [PEM]: a Kubernetes API server on a free port of 127.0.0.1 that says what a healthy one never does. The
first part of a path names what is wrong: http://127.0.0.1:PORT/NAME is the server of a kubeconfig, and the functions here
are the NAMEs. /NAME/seen tells which requests came: a JSON list of "METHOD path?query token"."""

import gzip
import json
import os
import socket
import struct
import sys
import threading

import badserver

SEEN = {}
LOCK = threading.Lock()
PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"


def status(r, code, reason, message="no luck", headers="", **more):
    return send(r, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code,
                    "message": message, **more}, f"{code} {reason}", headers)


def send(r, value, line="200 OK", headers=""):
    return r.reply(json.dumps(value), line, f"Content-Type: application/json\r\n{headers}")


def pod(name, version="1", **more):
    return {"metadata": {"name": name, "namespace": "default", "uid": "uid-" + name, "resourceVersion": version}, **more}


def pods(r, names, version, token=None, versions=()):
    items = [pod(name, dict(versions).get(name, "1")) for name in names]
    return send(r, {"kind": "PodList", "metadata": {"resourceVersion": version, "continue": token}, "items": items})


def reset(r):
    r.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def begin_watch(r):
    r.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")


def chunk(r, text):
    r.send(f"{len(text):x}\r\n{text}\r\n")


def event(kind, value):
    return json.dumps({"type": kind, "object": value}) + "\n"


def end_watch(r):
    r.send("0\r\n\r\n")
    return True


# ---- what is wrong -----------------------------------------------------------------------------------------------


def fine(r, number):
    return send(r, pod("x"), "201 Created")


def echo(r, number):
    """The headers that make a client another, in a message."""
    return status(r, 400, "BadRequest", " ".join(f"{k}={v}" for k, v in r.headers.items() if "impersonate" in k))


api = fine  # of a server without a path


def busy(r, number):
    """Too busy, twice: text instead of a Status, and once with a date."""
    if number > 2:
        return fine(r, number)
    return r.reply("Too many requests, please try again later.", "429 Too Many Requests",
                   "Retry-After: " + ("1" if number == 1 else "Thu, 01 Jan 1970 00:00:01 GMT") + "\r\n")


def always_busy(r, number):
    return r.reply("Too many requests, please try again later.", "429 Too Many Requests")


def overloaded(r, number):
    """The same as 5xx, as a server that starts or stops has it."""
    if number == 1:
        return status(r, 500, "InternalError", headers="Retry-After: 1\r\n")
    if number == 2:
        return status(r, 504, "Timeout")
    if number == 3:
        return reset(r)
    return fine(r, number)


def broken(r, number):
    return status(r, 500, "InternalError", "boom")


def resets(r, number):
    return reset(r)


def schema(r, number):
    return send(r, {"kind": "Status", "status": "Failure", "code": 500,
                    "message": 'failed to create typed patch object (x; v1): .spec.y: field not declared in schema'},
                "500 Internal Server Error")


def terminating(r, number):
    return status(r, 403, "Forbidden", "unable to create new content in namespace x because it is being terminated",
                  details={"causes": [{"reason": "NamespaceTerminating", "message": "namespace x is being terminated"}]})


def forbidden(r, number):
    return status(r, 403, "Forbidden", 'pods is forbidden: User "me" cannot list resource "pods" in API group ""')


def too_large(r, number):
    return r.reply("<html><head><title>413 Request Entity Too Large</title></head></html>", "413 Too Large")


def nonsense(r, number):
    return r.reply("{nothing", "200 OK")


def rotated(r, number):
    """The token in the file is replaced when it is used for the first time."""
    if "new" in r.headers.get("authorization", ""):
        return fine(r, number)
    with open(os.environ["TOKEN_FILE"], "w", encoding="ascii") as file:
        file.write("token-new\n")
    return status(r, 401, "Unauthorized", "Unauthorized")


def refused(r, number):
    return status(r, 401, "Unauthorized", "Unauthorized")


def second_token(r, number):
    """The second token of a credential program is the good one."""
    if "token-2" in r.headers.get("authorization", ""):
        return fine(r, number)
    return status(r, 401, "Unauthorized", "Unauthorized")


def pages(r, number):
    """The second page has expired, but the server knows how to go on."""
    token = r.query.get("continue")
    if not token:
        return pods(r, ["a", "b"], "10", "t1")
    if token == "t1":
        return status(r, 410, "Expired", metadata={"continue": "t2"})
    return pods(r, ["c"], "11")


def lost_pages(r, number):
    """The second page has expired, and the list has to begin again."""
    if not r.query.get("continue"):
        return pods(r, ["a", "b"] if number == 1 else ["a"], "10", "t1")
    if number == 2:
        return status(r, 410, "Expired")
    return pods(r, ["c"], "11")


def always_expired(r, number):
    if not r.query.get("continue"):
        return pods(r, ["a"], "10", "t1")
    return status(r, 410, "Expired")


def packed(r, number):
    """A list in gzip, which is asked for."""
    assert "gzip" in r.headers["accept-encoding"]
    body = gzip.compress(json.dumps({"metadata": {}, "items": [pod("a")]}).encode())
    return r.reply(body, headers="Content-Encoding: gzip\r\n")


def watched(r, number):
    """All that can happen to a watch, one after the other. The pods: a and b; c comes; b goes while nobody looks, and a
    changes; d comes; the end is e."""
    if "watch" not in r.query:
        if number == 1:
            return pods(r, ["a", "b"], "10")
        return pods(r, ["a", "c"], "20", versions=[("a", "15"), ("c", "11")])
    begin_watch(r)
    if number == 2:  # a line in pieces, then an expired version
        for byte in event("ADDED", pod("c", "11", spec={"text": "é"})):
            chunk(r, byte) if byte.isascii() else r.send(b"2\r\n" + byte.encode() + b"\r\n")
        chunk(r, event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}))
        return end_watch(r)
    if number == 4:  # the list came between
        chunk(r, event("ADDED", pod("d", "21")))
        return reset(r)
    if number == 5:  # nothing, for longer than asked for
        assert r.query["resourceVersion"] == "21"
        return r.until_gone()
    if number == 6:  # a clean end after a bookmark
        chunk(r, event("BOOKMARK", {"metadata": {"resourceVersion": "30"}}))
        return end_watch(r)
    assert r.query["resourceVersion"] == "30"
    if number == 7:
        return end_watch(r)
    chunk(r, event("ADDED", pod("e", "31")) + event("ADDED", pod("late", "32")))
    return r.until_gone()


def gone(r, number):
    """410 as a status, and not as an event."""
    if "watch" not in r.query:
        return pods(r, ["a"] if number < 3 else ["a", "b"], str(number))
    return status(r, 410, "Gone")


def garbled(r, number):
    if "watch" not in r.query:
        return pods(r, [], "1")
    begin_watch(r)
    chunk(r, "nonsense\n")
    return end_watch(r)


def endless(r, number):
    """A list, and then watches that are reset."""
    if "watch" not in r.query:
        return pods(r, [], "1")
    return reset(r)


def denied_watch(r, number):
    return pods(r, [], "1") if "watch" not in r.query else status(r, 403, "Forbidden", "pods is forbidden")


# ---- streams -----------------------------------------------------------------------------------------------------


def stream(r, *messages):
    ws = badserver.WebSocket(r)
    for message in messages:
        ws.frame(2, message)
    return ws


def closed(ws):
    ws.frame(8, struct.pack(">H", 1000))
    ws.r.until_gone()


def old_stream(r, number):
    """A server that only speaks v4: it does not learn that the input has ended."""
    r.query["protocol"] = "v4.channel.k8s.io"
    ws = stream(r, b"\1")
    received = b""
    while len(received) < 5:
        kind, data = ws.receive()
        assert kind == 2 and data[0] == 0
        received += data[1:]
    ws.frame(2, b"\1" + received.upper())
    ws.frame(2, b'\3{"status":"Success"}')
    return closed(ws)


def cut_stream(r, number):
    r.query["protocol"] = "v5.channel.k8s.io"
    stream(r, b"\1half")


def no_result(r, number):
    r.query["protocol"] = "v5.channel.k8s.io"
    return closed(stream(r, b"\1all"))


def no_protocol(r, number):
    badserver.WebSocket(r)
    return r.until_gone()


def stream_refused(r, number):
    if number == 1:
        return status(r, 401, "Unauthorized", "Unauthorized")
    return forbidden(r, number)


# ---- a server that is none, or too old ---------------------------------------------------------------------------


def page(r, number):
    return r.reply("<html><title>Welcome to nginx!</title></html>", "404 Not Found")


def version(r, number):
    return send(r, {"gitVersion": "v1.35.4"})


VERSIONS = {
    "page": page, "old": lambda r, n: send(r, {"gitVersion": "v1.24.17"}), "other": lambda r, n: send(r, {"a": 1}),
    "closed_off": lambda r, n: status(r, 403, "Forbidden", "forbidden"), "refused": refused, "not_json": nonsense,
}


class Handler(badserver.Handler):
    def handle(self):
        try:
            while request := self.read_request():
                if not self.answer(request):
                    return
        except (ConnectionError, ValueError):
            pass

    def answer(self, r):
        if r.path.count("/") == 1:
            return version(r, 1)
        _, name, path = r.path.split("/", 2)
        if path == "seen":
            return send(r, SEEN.get(name, []))
        for _ in r.body():
            pass
        if path == "version":
            return VERSIONS.get(name, version)(r, 1)
        with LOCK:
            seen = SEEN.setdefault(name, [])
            seen.append(f"{r.method} {r.target.split('/', 2)[2]} {r.headers.get('authorization', '-')}")
            number = len(seen)
        return globals()[name.split("-")[0]](r, number)


def main():
    with badserver.Server(("127.0.0.1", 0), Handler) as server:
        badserver.write_port(sys.argv[1], server)
        server.serve_forever()


main()

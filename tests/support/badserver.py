"""badserver.py PORT_FILE [PEM]: an HTTP server on a free port of 127.0.0.1, written to PORT_FILE, that misbehaves in a way of
its own for each path, and does what nginx cannot: echo, count, change protocols. With a PEM file, it serves https. Runs
until it is killed."""
import base64
import gzip
import hashlib
import json
import os
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import urllib.parse
import zlib

COUNTS = {}
LOCK = threading.Lock()


def count(key):
    with LOCK:
        COUNTS[key] = COUNTS.get(key, 0) + 1
        return COUNTS[key]


class Request:
    """One request with its query; `reply` answers it as a decent server would."""

    def __init__(self, line, headers, file, sock):
        self.method, target, self.version = line.split(" ", 2)
        self.path, _, query = target.partition("?")
        self.target = target
        self.query = dict(urllib.parse.parse_qsl(query))
        self.headers, self.file, self.sock = headers, file, sock

    def body(self):
        """The body, piece by piece."""
        if "chunked" in self.headers.get("transfer-encoding", ""):
            while size := int(self.file.readline(), 16):
                yield self.file.read(size)
                self.file.readline()
            self.file.readline()
            return
        left = int(self.headers.get("content-length", 0))
        while left:
            piece = self.file.read(min(left, 65536))
            if not piece:
                return
            left -= len(piece)
            yield piece

    def send(self, data):
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def reply(self, body="", status="200 OK", headers=""):
        body = body.encode() if isinstance(body, str) else body
        self.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n")
        self.send(b"" if self.method == "HEAD" else body)
        return True

    def forever(self, data, pause=0.0):
        """Until the client goes away."""
        while True:
            self.send(data)
            time.sleep(pause)

    def until_gone(self):
        while self.sock.recv(65536):
            pass


def echo(r):
    digest, length = hashlib.sha256(), 0
    for piece in r.body():
        digest.update(piece)
        length += len(piece)
    return r.reply(json.dumps({"method": r.method, "target": r.target, "headers": r.headers, "length": length,
                               "sha256": digest.hexdigest()}),
                   headers=f"Content-Type: application/json\r\nX-Method: {r.method}\r\n")


def counted(r):
    for _ in r.body():
        pass
    return r.reply(str(count(r.query["key"])))


def how_many(r):
    return r.reply(str(COUNTS.get(r.query["key"], 0)))


def connect(r):
    """As a proxy that refuses to, with the status that is its user's name."""
    _, _, user = r.headers.get("proxy-authorization", "").partition(" ")
    status = base64.b64decode(user).decode().partition(":")[0] or "407"
    return r.reply("<html>who are you?</html>", f"{status} No", "Proxy-Authenticate: Basic realm=x\r\n")


def several(r):
    return r.reply(headers="X-Several: one\r\nx-several: two\r\nX-Empty:\r\n")


def busy(r):
    """`status` for the first `times` requests, with `after` as Retry-After."""
    number = count(r.query["key"])
    if number <= int(r.query["times"]):
        after = r.query.get("after")
        if after == "date":
            after = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() - 5))
        return r.reply("busy", r.query.get("status", "429 Too Many Requests"),
                       f"Retry-After: {after}\r\n" if after else "")
    return r.reply(str(number))


def lines(r):
    """Lines cut in the most inconvenient places."""
    r.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for byte in b"one\r\ntwo\n\nthr\xc3\xa9e\r\nlast":
        r.send(b"1\r\n" + bytes([byte]) + b"\r\n")
    r.send("0\r\n\r\n")
    return True


def upgrade(r):
    """Echoes bytes after the change; the first bytes come together with the header."""
    r.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: " + r.headers["upgrade"] + "\r\n\r\nhello")
    while data := r.file.read1(65536):
        r.send(data)


def upgrade_refused(r):
    return r.reply('{"reason":"Forbidden"}', "403 Forbidden")


class WebSocket:
    """The server's side of RFC 6455, with whatever frames a test wants."""

    def __init__(self, r):
        self.r = r
        accept = base64.b64encode(hashlib.sha1((r.headers["sec-websocket-key"] +
                                                "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        more = "".join(f"{name}: {r.query[key]}\r\n" for name, key in (("Sec-WebSocket-Protocol", "protocol"),
                                                                       ("Sec-WebSocket-Extensions", "extension"))
                       if key in r.query)
        r.send("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\n"
               f"Upgrade: {r.query.get('upgrade', 'WebSocket')}\r\n"
               f"Sec-WebSocket-Accept: {r.query.get('accept', accept)}\r\n{more}\r\n")

    def frame(self, kind, data, final=True):
        size = len(data)
        length = (bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size) if size < 65536 else
                  b"\x7f" + struct.pack(">Q", size))
        self.r.send(bytes([kind | (0x80 if final else 0)]) + length + data)

    def receive(self):
        """The next frame: kind, data; None at the end."""
        head = self.r.file.read(2)
        if len(head) < 2:
            return None, b""
        size = head[1] & 127
        if size > 125:
            size = int.from_bytes(self.r.file.read(2 if size == 126 else 8), "big")
        mask = self.r.file.read(4)
        assert head[1] & 128, "a client masks"
        data = self.r.file.read(size)
        repeated = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        return head[0] & 15, (int.from_bytes(data, "big") ^ repeated).to_bytes(size, "big")


def websocket(r):
    """`raw`: sends these bytes (hex) and tells what came back as a last text; else echoes. `flood`: sends so many
    messages of 64 KiB before it reads anything."""
    ws = WebSocket(r)
    r.send(bytes.fromhex(r.query.get("raw", "")))
    for _ in range(int(r.query.get("flood", 0))):
        ws.frame(2, b"x" * 65536)
    while True:
        kind, data = ws.receive()
        if kind in (None, 8) or data == b"drop":
            return
        if kind == 10:
            ws.frame(1, b"pong " + data)
        elif data == b"fragments":
            ws.frame(1, b"fr", False)
            ws.frame(9, b"between")
            ws.frame(0, b"", False)
            ws.frame(0, b"agments")
        elif data == b"ping":
            ws.frame(9, b"are you there")
        elif data == b"leave":  # with a last word, and without reading what comes
            ws.frame(1, b"last word")
            time.sleep(0.3)
            r.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        elif data == b"bye":
            ws.frame(8, struct.pack(">H", 4001) + b"enough")
        else:
            ws.frame(kind, data)


def reset(r):
    r.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + "x" * 1000)
    r.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def short(r):
    r.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + "x" * 10)


def cut_chunk(r):
    r.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + "x\n" * 10)


def trickle(r):
    r.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    r.forever(b"x", 1)


def endless_headers(r):
    r.send("HTTP/1.1 200 OK\r\n")
    r.forever(b"X-Header: " + b"x" * 1000 + b"\r\n")


def long_header(r):
    r.send("HTTP/1.1 200 OK\r\nX-Header: ")
    r.forever(b"x" * 10000)


def endless_continue(r):
    r.forever(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def endless_body(r):
    r.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    r.forever(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def endless_lines(r):
    r.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    r.forever(b"5\r\nline\n\r\n")


def bomb(r):
    r.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(16 * 1024 * 1024)
    while True:
        piece = packer.compress(zeros)
        if piece:
            r.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")


def bad_gzip(r):
    return r.reply(b"\x1f\x8bthis is not gzip", headers="Content-Encoding: gzip\r\n")


def packed(r):
    """gzip: `keep` bytes of it if given, `members` of them, `more` behind it, called `as`."""
    data = gzip.compress(b"some text\n" * 1000) * int(r.query.get("members", 1))
    data = data[:int(r.query.get("keep", len(data)))] + r.query.get("more", "").encode()
    encoding = f"Content-Encoding: {r.query.get('as', 'gzip')}\r\n"
    return r.reply(data, r.query.get("status", "200 OK"), headers=encoding)


def change(r):
    """Changes a file of the client, before the body is read: appends to it, or truncates it to `size`."""
    with open(r.query["file"], "r+b") as file:
        if "size" in r.query:
            file.truncate(int(r.query["size"]))
        else:
            file.seek(0, os.SEEK_END)
            file.write(b"more")
    return echo(r)


def early(r):
    """Says that all is well before the body is there."""
    r.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    r.sock.shutdown(socket.SHUT_WR)
    for _ in range(10):
        r.file.read(1024)


def status_line(r):
    r.send(r.query["line"] + "\r\n\r\n")


def garbage(r):
    r.send("lorem ipsum dolor sit amet\r\n\r\n")


def stall(r):
    r.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
    r.until_gone()


def silent(r):
    r.until_gone()


def drop(r):
    for _ in r.body():
        pass
    count(r.query.get("key", "drop"))


def loop(r):
    return r.reply(status="302 Found", headers="Location: /loop\r\n")


def redirect(r):
    for _ in r.body():
        pass
    return r.reply(status=r.query.get("status", "302 Found"), headers=f"Location: {r.query['to']}\r\n")


PATHS = {
    "/echo": echo, "/counted": counted, "/how-many": how_many, "/several": several, "/busy": busy, "/lines": lines,
    "/upgrade": upgrade, "/upgrade-refused": upgrade_refused, "/websocket": websocket,
    "/reset": reset, "/short": short, "/cut-chunk": cut_chunk,
    "/trickle": trickle, "/endless-headers": endless_headers, "/long-header": long_header, "/bad-gzip": bad_gzip,
    "/endless-continue": endless_continue, "/endless-body": endless_body, "/endless-lines": endless_lines, "/bomb": bomb,
    "/packed": packed, "/change": change, "/early": early, "/status-line": status_line, "/garbage": garbage,
    "/stall": stall, "/silent": silent, "/drop": drop, "/loop": loop, "/redirect": redirect,
}


class Handler(socketserver.StreamRequestHandler):
    def setup(self):
        if len(sys.argv) > 2:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[2])
            self.request = context.wrap_socket(self.request, server_side=True)
        super().setup()

    def read_request(self):
        line = self.rfile.readline().decode("latin-1").strip()
        if not line:
            return None
        headers = {}
        while header := self.rfile.readline().decode("latin-1").strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        return Request(line, headers, self.rfile, self.connection)

    def handle(self):
        try:
            while request := self.read_request():
                answer = connect if request.method == "CONNECT" else PATHS[request.path]
                if not answer(request):
                    return
        except (ConnectionError, ValueError):
            pass


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


def write_port(path, server):
    """The port of a server, into a file that appears with it."""
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(str(server.server_address[1]))
    os.rename(path + ".new", path)


def main():
    with Server(("127.0.0.1", 0), Handler) as server:
        write_port(sys.argv[1], server)
        server.serve_forever()


if __name__ == "__main__":
    main()

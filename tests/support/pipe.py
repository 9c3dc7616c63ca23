"""One side of a passed-on HTTP connection: heads are read, bodies are copied as they come."""
import contextlib
import re
import select
import socket
import threading
import time

BLOCK = 65536
HEAD_END = b"\r\n\r\n"


class Collector:
    """A sink that keeps what is sent."""

    def __init__(self):
        self.parts = []

    def send(self, data):
        self.parts.append(data)

    def taken(self):
        return b"".join(self.parts)


class Cutter:
    """A sink that takes so many bytes, then breaks."""

    def __init__(self, target, limit):
        self.target, self.left = target, limit

    def send(self, data):
        self.target.send(data[:self.left])
        self.left -= len(data)
        if self.left <= 0:
            raise ConnectionError("cut")


def header(head, name):
    match = re.search(rb"(?im)^" + name.encode() + rb":[ \t]*(.*?)[ \t]*\r$", head)
    return match.group(1).decode(errors="replace") if match else None


class Pipe:
    """`watched`: another pipe, whose end breaks a wait for bytes of this one."""

    def __init__(self, sock):
        self.sock, self.buffer, self.watched = sock, b"", None

    def send(self, data):
        self.sock.sendall(data)

    def peek_head(self):
        """The head of the next request, which stays unread; None at the connection's end."""
        seen = 0
        while True:
            data = self.sock.recv(BLOCK, socket.MSG_PEEK)
            if HEAD_END in data:
                return data[:data.index(HEAD_END) + len(HEAD_END)]
            if not data or len(data) == BLOCK:
                return None
            if len(data) == seen:
                time.sleep(0.001)
            seen = len(data)

    def skip(self, count):
        self.sock.recv(count, socket.MSG_WAITALL)

    def more(self):
        """Reads what there is; False at the end."""
        poller = select.poll()
        poller.register(self.sock, select.POLLIN)
        if self.watched:
            poller.register(self.watched.sock, select.POLLRDHUP)
        if self.watched and all(fd != self.sock.fileno() for fd, _ in poller.poll()):
            raise ConnectionError("the other side has gone")
        data = self.sock.recv(BLOCK)
        self.buffer += data
        return bool(data)

    def until(self, end):
        """Everything up to and including `end`."""
        while end not in self.buffer:
            if not self.more():
                raise ConnectionError("the connection ended in a head")
        cut = self.buffer.index(end) + len(end)
        taken, self.buffer = self.buffer[:cut], self.buffer[cut:]
        return taken

    def copy(self, count, sink):
        while count:
            if not self.buffer and not self.more():
                raise ConnectionError("the connection ended in a body")
            part, self.buffer = self.buffer[:count], self.buffer[count:]
            sink.send(part)
            count -= len(part)

    def copy_chunks(self, sink):
        while True:
            line = self.until(b"\r\n")
            sink.send(line)
            size = int(line.split(b";")[0], 16)
            if size == 0:
                break
            self.copy(size + 2, sink)
        while True:
            line = self.until(b"\r\n")
            sink.send(line)
            if line == b"\r\n":
                return

    def copy_rest(self, sink):
        while True:
            if self.buffer:
                part, self.buffer = self.buffer, b""
                sink.send(part)
            if not self.more():
                return

    def copy_request_body(self, head, sink):
        if (header(head, "Transfer-Encoding") or "").lower() == "chunked":
            self.copy_chunks(sink)
        else:
            self.copy(int(header(head, "Content-Length") or 0), sink)

    def answer_head(self, client):
        """The head of the answer. Those before it (100 Continue) go to the client at once."""
        while True:
            head = self.until(HEAD_END)
            if not re.match(rb"HTTP/1\.[01] 1(?!01)", head):
                return head
            client.send(head)

    def copy_answer_body(self, head, request_head, sink):
        """Copies the answer's body; False when its end is the connection's end."""
        status = head.split(b" ", 2)[1]
        length = header(head, "Content-Length")
        if request_head.startswith(b"HEAD ") or status in (b"204", b"304"):
            return True
        if (header(head, "Transfer-Encoding") or "").lower() == "chunked":
            self.copy_chunks(sink)
            return True
        if length is not None:
            self.copy(int(length), sink)
            return True
        self.copy_rest(sink)
        return False


def is_hijacked(head):
    """Are there only raw bytes after this answer, in both directions?"""
    status = head.split(b" ", 2)[1]
    return status == b"101" or (status == b"200" and "raw-stream" in (header(head, "Content-Type") or "")
                                and not header(head, "Transfer-Encoding") and header(head, "Content-Length") is None)


def tunnel(one, other, limit=None):
    """Passes bytes both ways until both sides have ended; one that ended is told to the other. After `limit` bytes from
    the first, both are broken off."""
    def copy(source, sink, sent):
        try:
            source.copy_rest(sent)
            sink.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    one.watched = other.watched = None
    back = threading.Thread(target=copy, args=(other, one, one), daemon=True)
    back.start()
    copy(one, other, other if limit is None else Cutter(other, limit))
    if limit is not None:
        for side in (one, other):
            with contextlib.suppress(OSError):
                side.sock.shutdown(socket.SHUT_RDWR)
    back.join()

"""A man in the middle between the plugin (or another client) and the real engine or API server: a socket that passes
everything on, counts the requests, and does something at those that a test names. What it makes up itself (answer=) is
for what no server at hand does, an old API version for one.

Each connection is served by a thread of its own and speaks HTTP/1.1; bodies of both directions are passed on as they
come, chunks and all; what is hijacked (exec, attach) or upgraded is passed as bytes from there on."""
import os
import re
import socket
import socketserver
import tempfile
import threading
import time

from pipe import Collector, Cutter, Pipe, is_hijacked, tunnel


class Fault:
    """What is done to a request: see Middleman.at. `hits` counts."""

    def __init__(self, pattern, options):
        self.pattern, self.hits, self.seen = re.compile(pattern), 0, 0
        self.nth, self.times = options.pop("nth", 1), options.pop("times", 1)
        self.before, self.done, self.after = (options.pop(key, None) for key in ("before", "done", "after"))
        self.delay, self.reset = options.pop("delay", 0), options.pop("reset", False)
        self.cut, self.answer = options.pop("cut", None), options.pop("answer", None)
        self.takes, self.cut_sent = options.pop("takes", None), options.pop("cut_sent", None)
        if options:
            raise TypeError(f"no such fault: {', '.join(options)}")

    def meets(self, request):
        if not self.pattern.search(request):
            return False
        self.seen += 1
        met = self.nth <= self.seen < self.nth + self.times
        self.hits += met
        return met


class Middleman:
    """Use it with `with`. `target`: the socket of the real one, or (host, port). It listens on the socket `path`, with
    tcp=True on the port `port` of `host`."""

    def __init__(self, target, tcp=False, host="127.0.0.1"):
        self.target = target
        self.requests, self.faults, self.lock = [], [], threading.Lock()
        self.folder = tempfile.mkdtemp(prefix="bosun-mm-")
        middleman = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                middleman.serve(self.request)

        class Server(socketserver.ThreadingMixIn, socketserver.TCPServer if tcp else socketserver.UnixStreamServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass  # the one on either side went away
        self.path = os.path.join(self.folder, "server.sock")
        self.server = Server((host, 0) if tcp else self.path, Handler)
        self.port = self.server.server_address[1] if tcp else None

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        if os.path.exists(self.path):
            os.unlink(self.path)
        os.rmdir(self.folder)

    def at(self, pattern="", **options):
        """At requests that match the pattern, a regular expression on "METHOD /path?query" without the API's version:

        nth=1, times=1  at the nth match, and how many in a row (times=math.inf: all from there)
        before=f        calls f() before the engine sees the request
        done=f          calls f() when the engine has answered and the client has not seen it
        after=f         calls f() when the client has the whole answer
        delay=seconds   waits before it passes the request on
        takes=f         calls f(body) with the body of the request, which is small, before it is passed on, or with `answer`
        reset=True      breaks the connection instead (the engine sees nothing)
        cut=n           breaks it after n bytes of the answer's body
        cut_sent=n      breaks a connection that is upgraded after n bytes from the client
        answer=(status, headers, body), or a function that returns that: says so instead of the engine

        Returns the fault, whose `hits` says how often it happened."""
        fault = Fault(pattern, options)
        with self.lock:
            self.faults.append(fault)
        return fault

    def count(self, pattern=""):
        """How many requests have matched so far."""
        with self.lock:
            return sum(1 for request in self.requests if re.search(pattern, request))

    def clear(self):
        """Forgets requests and faults."""
        with self.lock:
            self.requests, self.faults = [], []

    def _meet(self, head):
        method, path = head.split(b" ", 2)[:2]
        request = f"{method.decode()} {re.sub(r'^/v[0-9.]+/', '/', path.decode(errors='replace'))}"
        with self.lock:
            self.requests.append(request)
            return next((fault for fault in self.faults if fault.meets(request)), None)

    # ---- one connection --------------------------------------------------------------------------------------------

    def serve(self, client_socket):
        client = Pipe(client_socket)
        with socket.socket(socket.AF_UNIX if isinstance(self.target, str) else socket.AF_INET) as engine_socket:
            engine_socket.connect(self.target)
            engine = Pipe(engine_socket)
            while True:
                head = client.peek_head()
                if not head or not self._request(client, engine, head, self._meet(head)):
                    return

    def _request(self, client, engine, head, fault):
        """Passes on one request and its answer. False: the connection is over."""
        if fault and fault.before:
            fault.before()
        if fault and fault.delay:
            time.sleep(fault.delay)
        if fault and fault.reset:
            # With the request still unread: the client gets ECONNRESET.
            client.sock.close()
            return False
        client.skip(len(head))
        if fault and fault.answer:
            return self._make_up(client, head, fault)
        engine.send(head)
        sender = threading.Thread(target=self._send_body, args=(client, engine, head, fault), daemon=True)
        sender.start()
        engine.watched = client
        going_on = self._answer(client, engine, head, fault or Fault("", {}))
        sender.join(5 if going_on else 0)
        return going_on and not sender.is_alive()

    @staticmethod
    def _send_body(client, engine, head, fault):
        try:
            if fault and fault.takes:
                body = Collector()
                client.copy_request_body(head, body)
                fault.takes(body.taken())
                engine.send(body.taken())
            else:
                client.copy_request_body(head, engine)
        except OSError:
            pass  # an engine that answers early does not read the rest

    @staticmethod
    def _make_up(client, head, fault):
        taken = Collector()
        client.copy_request_body(head, taken)
        if fault.takes:
            fault.takes(taken.taken())
        status, headers, body = fault.answer() if callable(fault.answer) else fault.answer
        body = body.encode() if isinstance(body, str) else body
        headers = {"Content-Length": len(body), "Connection": "close", **headers}
        lines = [f"HTTP/1.1 {status} Made-Up", *(f"{key}: {value}" for key, value in headers.items()), "", ""]
        client.send("\r\n".join(lines).encode() + (b"" if head.startswith(b"HEAD ") else body))
        return False

    @staticmethod
    def _answer(client, engine, request_head, fault):
        head = engine.answer_head(client)
        if is_hijacked(head):
            client.send(head)
            tunnel(client, engine, fault.cut_sent)
            return False
        late = Collector() if fault.done else client
        late.send(head)
        sink = late if fault.cut is None else Cutter(late, fault.cut)
        going_on = engine.copy_answer_body(head, request_head, sink)
        if fault.done:
            fault.done()
            client.send(late.taken())
        if fault.after:
            fault.after()
        return going_on

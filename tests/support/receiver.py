"""The monitoring service that a monitoring agent sends to, as a test sees it: an HTTP server on this machine that keeps
what is posted."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """`messages`: [{path=, token=, body=}…] in the order of arrival. With `status` it refuses them."""

    def __init__(self, status=200):
        self.messages, self.status = [], status
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                receiver.take(self.path, self.headers.get("Authorization") or "", body)
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass
        self.server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        self.port = self.server.server_address[1]

    def take(self, path, authorization, body):
        try:
            body = json.loads(body)
        except ValueError:
            body = body.decode(errors="replace")
        self.messages.append({"path": path, "token": authorization.removeprefix("Bearer "), "body": body})

    def url(self, hostname):
        """`hostname`: this machine's name or address as containers see it."""
        return f"http://{hostname}:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

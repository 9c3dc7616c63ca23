"""What stands in front of an engine, or in its place, in tests of failures: haproxy, with TLS or another version of the
API; a listener that is no engine."""
import os
import shutil
import socket
import socketserver
import tempfile
import threading

from ports import free_port
from runs import Process
from tap import wait_until


class Listener:
    """Answers every request on a port with these bytes, then hangs up; with None it never answers. `host`: for
    DOCKER_HOST."""

    def __init__(self, answer):
        self.over = threading.Event()
        listener = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                self.request.recv(65536)
                if answer is None:
                    listener.over.wait()
                else:
                    self.request.sendall(answer)

        class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
            daemon_threads = True
        self.server = Server(("127.0.0.1", 0), Handler)
        self.host = f"tcp://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


HAPROXY = """
defaults
  mode http
  timeout connect 10s
  timeout client 300s
  timeout server 300s
frontend front
  bind 127.0.0.1:{port} {tls}
  {rules}
  default_backend engine
backend engine
  {path}
  server engine unix@{socket}
"""

VERSION = ('http-request return status 200 content-type application/json string "{{\\"Version\\": \\"{0}\\", '
           '\\"ApiVersion\\": \\"{0}\\", \\"MinAPIVersion\\": \\"{1}\\"}}" if {{ path /version }}\n'
           '  http-request deny status 400 content-type text/plain string "client version is too old" if '
           '{{ path_reg ^/v1\\.([0-9]|[123][0-9]|4[0-3])/ }}')
SAME_ENGINE = "http-request replace-path /v1\\.[0-9]+(/.*) /v1.41\\1"


class Front:
    """haproxy in front of an engine's socket, on a port of this machine. `tls`: the options of its "bind"; `api`: the
    newest and the oldest version of the API that it says it has, in place of the engine's. `host`: for DOCKER_HOST."""

    def __init__(self, engine_socket, tls="", api=None):
        self.folder = tempfile.mkdtemp(prefix="bosun-front-")
        self.port = free_port()
        self.host = f"tcp://127.0.0.1:{self.port}"
        with open(os.path.join(self.folder, "haproxy.cfg"), "w", encoding="utf-8") as file:
            file.write(HAPROXY.format(port=self.port, tls=tls, socket=engine_socket, path=SAME_ENGINE if api else "",
                                      rules=VERSION.format(*api) if api else ""))
        self.process = None

    def __enter__(self):
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = Process(["haproxy", "-db", "-f", os.path.join(self.folder, "haproxy.cfg")], stdout=log,
                                   stderr=log, start_new_session=True)
        wait_until(self.listens, 20, "haproxy listens: " + self.log())
        return self

    def listens(self):
        with socket.create_connection(("127.0.0.1", self.port), 5):
            return True

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)

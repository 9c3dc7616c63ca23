"""nginx on an unused port of 127.0.0.1 that serves a folder."""
import contextlib
import os
import socket
import subprocess
import time

CONFIG = """
daemon off; master_process off; pid "{root}/nginx.pid"; error_log "{root}/error.log";
events {{ worker_connections 512; }}
http {{
  access_log off; default_type application/octet-stream; sendfile on; keepalive_requests 1000000; root "{www}";
  client_body_temp_path "{root}/body"; proxy_temp_path "{root}/proxy"; fastcgi_temp_path "{root}/fastcgi";
  uwsgi_temp_path "{root}/uwsgi"; scgi_temp_path "{root}/scgi";
  server {{ listen 127.0.0.1:{port}; }}
}}
"""
SECONDS = 10
# nginx ends when this process's end of the pipe is closed, however that comes about.
UNTIL_CLOSED = '"$@" <&- & pid=$!; cat; kill $pid; wait $pid'


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_start(port, root):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), SECONDS):
            return
        time.sleep(0.01)
    with open(os.path.join(root, "error.log"), encoding="utf-8", errors="replace") as log:
        raise RuntimeError("nginx does not start: " + log.read())


@contextlib.contextmanager
def serving(www, root):
    """Serves folder `www` and yields the URL. `root`: a folder for what nginx itself writes."""
    os.makedirs(root, exist_ok=True)
    port = free_port()
    config = os.path.join(root, "nginx.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(root=root, www=www, port=port))
    nginx = next((p for p in ("/usr/sbin/nginx", "/usr/local/sbin/nginx") if os.access(p, os.X_OK)), "nginx")
    command = ["sh", "-c", UNTIL_CLOSED, "sh", nginx, "-c", config, "-p", root, "-e", os.path.join(root, "error.log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE):
        await_start(port, root)
        yield f"http://127.0.0.1:{port}"

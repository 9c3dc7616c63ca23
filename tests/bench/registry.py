"""Debian's docker-registry on an unused port of 127.0.0.1, with a small image in it, base:1."""
import contextlib
import os
import subprocess
import sys

from nginx import UNTIL_CLOSED, await_start, free_port

CONFIG = """
version: 0.1
log: {{level: warn}}
http: {{addr: "127.0.0.1:{port}"}}
storage: {{filesystem: {{rootdirectory: "{root}/data"}}}}
"""
SEED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support", "seed_registry.py")
# Uploads a file as a blob: what curl can do, with a digest that is known before.
UPLOAD = """
location=$(curl -qsf -o /dev/null -X POST -D - {url}/v2/models/blobs/uploads/ | tr -d '\\r' | sed -n 's/^Location: //p')
location=$(curl -qsf -o /dev/null -X PATCH -H 'Content-Type: application/octet-stream' -T {file} -D - "$location" |
    tr -d '\\r' | sed -n 's/^Location: //p')
curl -qsf -X PUT "$location&digest={digest}"
"""


@contextlib.contextmanager
def registry(root):
    """Yields its address, without the scheme."""
    os.makedirs(root, exist_ok=True)
    port = free_port()
    config = os.path.join(root, "config.yml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(root=root, port=port))
    with open(os.path.join(root, "error.log"), "wb") as log:
        command = ["sh", "-c", UNTIL_CLOSED, "sh", "docker-registry", "serve", config]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log):
            await_start(port, root)
            address = f"127.0.0.1:{port}"
            subprocess.run([sys.executable, "-B", SEED, f"http://{address}", "base:1"], check=True,
                           stdout=subprocess.DEVNULL)
            yield address


def upload(address, file):
    """The command line with which curl uploads a file."""
    digest = subprocess.run(["sha256sum", file], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[0]
    return ["sh", "-euc", UPLOAD.format(url=f"http://{address}", file=file, digest="sha256:" + digest)]

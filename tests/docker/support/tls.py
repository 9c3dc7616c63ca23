"""Certificates for the tests of engines behind TLS, and the haproxy that has them."""
import os
import subprocess

from .engine import SOCKET
from .servers import Front

PROGRAM = os.path.join(os.path.dirname(__file__), "..", "..", "support", "certificates")
NAMES = "DNS:localhost,IP:127.0.0.1"


class Certificates:
    """A certificate authority in a folder, and what it issues."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def make(self, *words):
        subprocess.run([PROGRAM, self.folder, *(word or "" for word in words)], check=True)

    def authority(self, name):
        self.make("authority", name)

    def issue(self, name, names=NAMES, end=None):
        """Certificate and key in one file, as haproxy wants them."""
        self.make("issue", name, names, end)
        return self.path(name + ".pem")

    def client(self, name, ca="ca", cert=None, key=None):
        """A folder as DOCKER_CERT_PATH has it."""
        self.make("client", name, ca, cert, key)
        return self.path(name)


def front(certificates, name, more="", **options):
    return Front(SOCKET, tls=f"ssl crt {certificates.issue(name, **options)} {more}")


def mutual(certificates):
    return front(certificates, "server", f"ca-file {certificates.path('ca.crt')} verify required")

"""A man in the middle between the plugin (or the docker program) and the real engine."""
import middleman

from .engine import SOCKET, need_local


class Middleman(middleman.Middleman):
    """`host` is the value for DOCKER_HOST."""

    def __init__(self, tcp=False):
        need_local("a man in the middle")
        super().__init__(SOCKET, tcp)
        self.host = f"tcp://127.0.0.1:{self.port}" if tcp else f"unix://{self.path}"

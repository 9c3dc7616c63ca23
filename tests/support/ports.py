"""Ports for what tests publish."""
import random
import socket


def free_port():
    """A free port below those that the kernel gives to outgoing connections, which come and go."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
                return port
            except OSError:
                continue

"""The monitoring service that a monitoring agent sends to, as containers of the engine reach it."""
import receiver

from .engine import need_local


class Receiver(receiver.Receiver):
    def __init__(self, status=200):
        need_local("a service on this machine")
        super().__init__(status)

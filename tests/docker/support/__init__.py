"""What the tests of the docker plugin share. A test file says `from support import …`; TAP and the runner come from
tests/support."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
# pylint: disable=wrong-import-position
from actions import Outcome  # noqa: E402
from predictions import Predictions, predict  # noqa: E402
from tap import Skip, expect, main, poll, sweep, test, wait_until  # noqa: E402

from .bench import Bench  # noqa: E402
from .engine import HOST, HOSTNAME, SOCKET, docker, engine_request, inspect, need_local  # noqa: E402
from .middleman import Middleman  # noqa: E402
from .receiver import Receiver  # noqa: E402
from .registry import Registry  # noqa: E402

__all__ = ["Bench", "HOST", "HOSTNAME", "Middleman", "Outcome", "Predictions", "Receiver", "Registry", "SOCKET", "Skip",
           "docker", "engine_request", "expect", "inspect", "main", "need_local", "poll", "predict", "sweep", "test",
           "wait_until"]

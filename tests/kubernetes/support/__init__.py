"""What the tests of the kubernetes plugin share. A test file says `from support import …`; TAP, the runner, predictions
and the man in the middle come from tests/support."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
# pylint: disable=wrong-import-position
from actions import Outcome  # noqa: E402
from interruptions import AtStep, cases_of, changes_something, steps  # noqa: E402
from predictions import SECONDS, Predictions, Watched, answers, gone, predict  # noqa: E402
from tap import Skip, at_once, expect, main, poll, sweep, test, wait_until  # noqa: E402

from .bench import Bench  # noqa: E402
from .cluster import EXECUTOR, INGRESS, PPS, PRIVATE_REGISTRY, REGISTRY, Cluster, Middleman, registry  # noqa: E402
from .scene import Quick, Scene, kill_at, undisturbed, url_of  # noqa: E402

__all__ = ["AtStep", "Bench", "Cluster", "EXECUTOR", "INGRESS", "Middleman", "Outcome", "PPS", "PRIVATE_REGISTRY",
           "Predictions", "Quick", "REGISTRY", "SECONDS", "Scene", "Skip", "Watched", "answers", "at_once", "cases_of",
           "changes_something", "expect", "gone", "kill_at", "main", "poll", "predict", "registry", "steps", "sweep",
           "test", "undisturbed", "url_of", "wait_until"]

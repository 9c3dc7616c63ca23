"""What the tests of failures have in common: a bench for several scenes at once, actions that are killed or disturbed
at one of their requests, and what has to hold when they are run again."""
import threading

import interruptions
from interruptions import AtStep, cases_of, changes_something, plain, steps
from predictions import SECONDS, Watched, answers, predict
from tap import at_once, expect, wait_until

from .engine import HOST, SOCKET
from .middleman import Middleman
from .quick import Quick

__all__ = ["AtStep", "Middleman", "SECONDS", "Scene", "Watched", "at_once", "cases_of", "changes_something", "kill_at",
           "plain", "steps", "undisturbed"]

class Scene(Quick):
    """A bench that may be used by several threads, each with deployments of its own. The proxy gets the engine's own
    socket, also when the plugin reaches the engine in another way."""

    def __init__(self, name, alone=False):
        super().__init__(name, alone)
        self.beginning, self.times = threading.Lock(), {"startTimeout": "40s"}

    def private(self, **changes):
        return super().private(**{"dockerSocket": SOCKET, **self.times, **changes})

    def begin(self, *arguments, host=HOST, env=None, **options):
        """`host`: of the engine, as DOCKER_HOST has it."""
        with self.beginning:
            return super().begin(*arguments, env={"DOCKER_HOST": host, **(env or {})}, **options)

    def of(self, deployment):
        """Names of a deployment's containers."""
        return [name for name in self.servers() if name.startswith(f"{self.prefix}deployment_{deployment}_")]

    def images_of(self, model):
        # Podman's names begin with a registry's.
        return [name for name in self.images() if name.rpartition("/")[2].startswith(f"{self.prefix}{model}:")]

    def serves(self, url, deployment, model):
        """One container, and the model answers."""
        expect(len(self.of(deployment)) == 1, f"containers of {deployment}:", self.of(deployment))
        wait_until(lambda: predict(url)[0] == 200, SECONDS, f"{url} answers")
        answers(url, model, deployment)

    def clear(self):
        """After everything was stopped: the engine is as it was."""
        self.act("plugin_stop").expect("passing")
        expect(self.leftovers() == [], "left behind:", self.leftovers())


def undisturbed(scene, action, info, **options):
    """The steps of an action that passes."""
    with Middleman() as middle:
        scene.act(action, info, host=middle.host, **options).expect("passing")
        return steps(middle.requests)


def kill_at(scene, case, action, info, **options):
    """Runs an action that is ended by kill -9, with its processes, at a step."""
    middle = Middleman()
    interruptions.kill_at(middle, case, lambda: scene.begin(action, info, host=middle.host, **options))

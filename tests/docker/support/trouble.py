"""What the tests of failures have in common: a bench for several scenes at once, actions that are killed or disturbed
at one of their requests, and what has to hold when they are run again."""
import concurrent.futures
import re
import threading

from tap import expect

from .engine import HOST, SOCKET, wait_until
from .middleman import Fault, Middleman
from .predictions import Predictions, predict
from .quick import SECONDS, Quick, answers

# More than there are processors: what a scene does is mostly to wait for a health check.
SCENES = 5


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


def at_once(cases, check, scenes=SCENES):
    """Runs check(case) for all cases, several at once; raises with the reasons of those that fail."""
    def one(case):
        try:
            check(case)
        except Exception as error:  # pylint: disable=broad-except
            return f"{case}: {error or repr(error)}"
        return None
    with concurrent.futures.ThreadPoolExecutor(scenes) as pool:
        reasons = [reason for reason in pool.map(one, cases) if reason]
    expect(not reasons, f"{len(reasons)} of {len(cases)} cases failed:\n" + "\n".join(reasons))


# ---- requests ------------------------------------------------------------------------------------------------------

def plain(request):
    """A request without what differs from run to run."""
    path = re.sub(r"[0-9a-f]{64}", "ID", request.partition("?")[0])
    return re.sub(r"bt-[a-z]+-[a-z]+-", "", path)


def kind_of(request):
    """What a request that waits for something repeats: itself, or for a command in a container three of them."""
    return "a command in a container" if re.search(r"/exec(/|$)", request.partition("?")[0]) else request


def steps(requests):
    """The requests of a run as steps: those that repeat the one before, while something is waited for, count once."""
    return [request for i, request in enumerate(requests) if i == 0 or kind_of(request) != kind_of(requests[i - 1])]


def changes_something(request):
    return not request.startswith("GET ") and kind_of(request) == request


class AtStep(Fault):
    """A fault at the nth step of a run."""

    def __init__(self, nth, **options):
        super().__init__("", options)
        self.nth, self.last = nth, None

    def meets(self, request):
        self.seen += kind_of(request) != self.last
        self.last = kind_of(request)
        met = self.nth <= self.seen and self.hits < self.times
        self.hits += met
        return met


def undisturbed(scene, action, info, **options):
    """The steps of an action that passes."""
    with Middleman() as middle:
        scene.act(action, info, host=middle.host, **options).expect("passing")
        return steps(middle.requests)


class Case:
    """A step of an action, and what happens at it: "before": the engine does not get to see the request; "during": it
    does, but from somebody who is gone or does not get the answer."""

    def __init__(self, number, when, request):
        self.number, self.when, self.request = number, when, request

    def __repr__(self):
        return f"{self.when} step {self.number}, {plain(self.request)}"


def cases_of(requests):
    """All steps, "before"; and "during" those that change something."""
    cases = []
    for number, request in enumerate(requests, 1):
        cases.append(Case(number, "before", request))
        if changes_something(request):
            cases.append(Case(number, "during", request))
    return cases


def kill_at(scene, case, action, info, **options):
    """Runs an action that is ended by kill -9, with its processes, at a step. Its status says that it failed."""
    begun, running = threading.Event(), []

    def kill():
        begun.wait()
        running[0].kill()
        wait_until(running[0].ended, SECONDS, "it is dead")
    with Middleman() as middle:
        fault = AtStep(case.number, before=kill, reset=case.when == "before")
        middle.faults.append(fault)
        running.append(scene.begin(action, info, host=middle.host, **options))
        begun.set()
        result = running[0].result()
        expect(fault.hits == 1, "it did not get there:", steps(middle.requests))
    expect(result.code == 137 and result.status["status"] == "failing", "a killed action:", result.code, result.text)


# ---- predictions ---------------------------------------------------------------------------------------------------

class Watched:
    """Predictions that go on around something, and of which none may be lost. `order`: models in the order in which
    they may answer; `again`: or once more from the beginning, as when a replacement that is undone has served."""

    def __init__(self, url, *order, again=False):
        self.predictions, self.orders = Predictions(url, rate=20), [list(order)]
        if again:
            self.orders.append([*order, *order])

    def __enter__(self):
        self.predictions.__enter__()
        self.wait_for(self.orders[0][0])
        return self

    def wait_for(self, model, count=5):
        had = self.predictions.answered(model)
        wait_until(lambda: self.predictions.answered(model) >= had + count, SECONDS, f"model {model} answers")

    def __exit__(self, kind, *_):
        report = self.predictions.stop()
        if kind is None:
            expect(not report.lost, "lost predictions:", report)
            expect([model for model, _ in report.runs] in self.orders, f"not one of {self.orders}:", report)

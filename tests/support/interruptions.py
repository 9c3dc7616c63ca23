"""Actions that are killed at one of their requests: which steps an action consists of, and what is done at one."""
import re
import threading

from middleman import Fault
from tap import expect, wait_until

# Within that a killed process is dead.
SECONDS = 40


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


def kill_at(middle, case, begin):
    """Runs an action that is ended by kill -9, with its processes, at a step. Its status says that it failed. `begin`
    starts it, by way of the middleman."""
    begun, running = threading.Event(), []

    def kill():
        begun.wait()
        running[0].kill()
        wait_until(running[0].ended, SECONDS, "it is dead")
    with middle:
        fault = AtStep(case.number, before=kill, reset=case.when == "before")
        middle.faults.append(fault)
        running.append(begin())
        begun.set()
        result = running[0].result()
        expect(fault.hits == 1, "it did not get there:", steps(middle.requests))
    expect(result.code == 137 and result.status["status"] == "failing", "a killed action:", result.code, result.text)

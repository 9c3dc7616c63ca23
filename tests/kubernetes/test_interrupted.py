"""The runner is killed at a request of an action, or told to end: the same action, run again, comes to the same end as if
nothing had happened, nothing is doubled, and nothing is left."""
import signal
import threading

from support import (SECONDS, Middleman, Predictions, Quick, at_once, changes_something, expect, main, test, undisturbed,
                     wait_until)
from middleman import Fault

KINDS = ("deployment", "ingress", "middleware", "service")


class Brief(Quick):
    """A scene in which pods end soon, but not before the ingress controller has learnt of it."""

    def config(self):
        return {**super().config(), "drainTime": "4s", "stopTimeout": "2s"}

    def of(self, deployment):
        """What there is of a deployment, but for pods: ["deployment dr-d1", …]."""
        return sorted(name for name in self.leftovers() if name.endswith(f" dr-{deployment}"))

    def is_whole(self, deployment):
        """Each of its objects is there, once."""
        wanted = [f"{kind} dr-{deployment}" for kind in KINDS]
        expect(self.of(deployment) == wanted, self.of(deployment))


class AtChange(Fault):
    """A fault at the nth request that changes something; or at a question of the wait between changes."""

    def __init__(self, nth, **options):
        super().__init__("", {**options, "nth": nth})

    def meets(self, request):
        return is_change(request) and super().meets(request)


def is_change(request):
    return changes_something(request) and "dryRun" not in request and "selfsubject" not in request


class Case:
    """When an action ends: "before" the nth change reaches the API server, or "during": it is made, but nobody learns of
    it; or while it waits for pods."""

    def __init__(self, number, when):
        self.number, self.when, self.tag = number, when, f"{when[0]}{number}"

    def fault(self, act):
        if self.when == "waiting":
            return Fault(r"^GET \S*/pods\?", {"nth": self.number, "before": act, "reset": True})
        return AtChange(self.number, before=act, reset=self.when == "before")

    def __repr__(self):
        return f"{self.when} {self.number}"


def cases_of(requests, waits=()):
    """All changes of an action, and some questions while it waits."""
    changes = sum(1 for request in requests if is_change(request))
    cases = [Case(number, when) for number in range(1, changes + 1) for when in ("before", "during")]
    return cases + [Case(number, "waiting") for number in waits]


def in_turn(cases):
    """Every other one: before the first change, during the second, …"""
    return [case for case in cases if case.when == "waiting" or (case.number % 2 == 1) == (case.when == "before")]


def end_at(scene, case, end, action, info):
    """Runs an action that `end` ends at a point; returns its result."""
    begun, running = threading.Event(), []

    def act():
        begun.wait()
        end(running[0])
    with Middleman(scene.cluster) as middle:
        fault = case.fault(act)
        middle.faults.append(fault)
        running.append(scene.begin(action, info, private={"server": middle.url}))
        begun.set()
        result = running[0].result()
        expect(fault.hits == 1, "it did not get there:", [one for one in middle.requests if is_change(one)])
    return result


def kill_at(scene, case, action, info):
    """Ends an action with its processes, by SIGKILL."""
    def kill(running):
        running.kill()
        wait_until(running.ended, SECONDS, "it is dead")
    result = end_at(scene, case, kill, action, info)
    expect(result.code == 137 and result.status["status"] == "failing", "a killed action:", result.code, result.text)


@test("deployment_start killed at its requests, and run again: one deployment that serves, and no other object")
def _():
    with Brief("kstart") as scene:
        requests = undisturbed(scene, "deployment_start", scene.deployment("d0", "m0"))
        scene.stop("d0", "m0")

        def check(case):
            deployment, model = f"d{case.tag}", f"m{case.tag}"
            kill_at(scene, case, "deployment_start", scene.deployment(deployment, model))
            url = scene.start(deployment, model)
            scene.serves(url, deployment, model)
            scene.is_whole(deployment)
            scene.stop(deployment, model)
        at_once(in_turn(cases_of(requests, waits=[3])), check)
        scene.clear()


@test("deployment_replace_model killed at its requests, and run again: the new model serves, no prediction was lost")
def _():
    with Brief("kreplace") as scene:
        scene.start("d0", "old0")
        requests = undisturbed(scene, "deployment_replace_model", scene.replacement("d0", "old0", "new0"))
        scene.stop("d0", "new0")

        def check(case):
            deployment, old, new = (f"{part}{case.tag}" for part in ("d", "old", "new"))
            url = scene.start(deployment, old)
            with Predictions(url, rate=20) as sent:
                kill_at(scene, case, "deployment_replace_model", scene.replacement(deployment, old, new))
                if case.number % 3 == 0:  # the agent may also learn of a new model that is ill
                    done = scene.act("deployment_replace_model", scene.replacement(deployment, old, new, ["crash: 3"]))
                    done.expect("failing", "still serving model")
                    expect(done.state == "ready", done)
                scene.replace(deployment, old, new)
                report = sent.stop()
            expect(not report.lost and set(report.models) <= {old, new}, report)
            scene.serves(url, deployment, new)
            scene.is_whole(deployment)
            scene.stop(deployment, new)
        at_once(in_turn(cases_of(requests, waits=[2, 4])), check)
        scene.clear()


@test("deployment_stop killed at its requests, and run again: nothing is left")
def _():
    with Brief("kstop") as scene:
        scene.start("d0", "m0")
        requests = undisturbed(scene, "deployment_stop", scene.deployment("d0", "m0"))

        def check(case):
            deployment, model = f"d{case.tag}", f"m{case.tag}"
            scene.start(deployment, model)
            kill_at(scene, case, "deployment_stop", scene.deployment(deployment, model))
            scene.stop(deployment, model)
            expect(scene.of(deployment) == [], scene.of(deployment))
        # The routes of the model after these may be removed by another deployment's stop, too.
        own = [request for request in requests if request.startswith("DELETE ") and "/dr-d0" in request]
        at_once(in_turn(cases_of(own)), check)
        scene.clear()


@test("a start and a replacement told to end: the status tells what serves, and nothing of them is left")
def _():
    with Brief("term") as scene:
        requests = undisturbed(scene, "deployment_start", scene.deployment("d0", "m0"))
        scene.stop("d0", "m0")

        def told(case, action, info):
            result = end_at(scene, case, lambda running: running.signal(signal.SIGTERM), action, info)
            expect(result.code in (0, 128 + signal.SIGTERM), "exit", result.code, result.stderr[-2000:])
            return result.status

        def check(case):
            deployment, old, new = (f"{part}{case.tag}" for part in ("d", "old", "new"))
            status = told(case, "deployment_start", scene.deployment(deployment, old))
            if status["status"] != "passing":
                expect("SIGTERM" in status["msg"] and status["state"] == "errored", status)
                wait_until(lambda: scene.of(deployment) == [], SECONDS, f"nothing is left of {deployment}")
                scene.start(deployment, old)
            status = told(case, "deployment_replace_model", scene.replacement(deployment, old, new))
            served = new if status["status"] == "passing" else old
            if served == old:
                expect(f"still serving model {old}" in status["msg"] and status["data"]["oldModelInUse"], status)
            now = scene.statuses(deployment)[deployment]
            expect(now["data"]["currentModelId"] == served and now["status"] == "passing", now)
            scene.serves(f"{scene.url}/{deployment}/predict", deployment, served)
            scene.stop(deployment, served)
        at_once(in_turn(cases_of(requests, waits=[3]))[::2], check)
        scene.clear()


main()

"""The runner is told to end, or its time is up, in the middle of an action: the status says so, and the same action,
run again, comes to the same end as if nothing had happened."""
import signal
import threading

from support import expect, main, test, wait_until
from support.trouble import SECONDS, AtStep, Middleman, Scene, Watched, at_once, changes_something, steps, undisturbed

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def signal_at(scene, number, which, action, info, **options):
    """Runs an action whose runner gets a signal at a step. Its status says that it was cancelled, and its exit status by
    which signal; or that what was all but done was finished."""
    begun, running = threading.Event(), []

    def send():
        begun.wait()
        running[0].signal(which)
    with Middleman() as middle:
        fault = AtStep(number, before=send)
        middle.faults.append(fault)
        running.append(scene.begin(action, info, host=middle.host, **options))
        begun.set()
        result = running[0].result()
        expect(fault.hits == 1, "it did not get there:", steps(middle.requests))
    status = result.status
    is_finished = status["status"] == "passing"
    expect(result.code == (0 if is_finished else 128 + which), "exit", result.code, status, result.stderr[-2000:])
    expect(is_finished or status["status"] == "failing" and which.name in status["msg"], status)
    return status


def cases_of(requests):
    """Every step that changes something, and every third other; each with one of the signals."""
    for number, request in enumerate(requests, 1):
        if changes_something(request) or number % 3 == 0 or number == len(requests):
            yield number, SIGNALS[number % 3 if number % 4 == 0 else 0], request


@test("deployment_start ended by a signal at its steps, and run again: one container that serves")
def _():
    with Scene("tstart") as scene:
        scene.up()
        requests = undisturbed(scene, "deployment_start", scene.deployment("d0", "m0"))
        scene.stop("d0", "m0")

        def check(case):
            number, which, _ = case
            deployment, model = f"d{number}", f"m{number}"
            status = signal_at(scene, number, which, "deployment_start", scene.deployment(deployment, model))
            done = status["status"] == "passing"
            expect(len(scene.of(deployment)) == done and len(scene.images_of(model)) == done, status, scene.leftovers())
            url = scene.start(deployment, model)
            scene.serves(url, deployment, model)
            scene.stop(deployment, model)
        at_once(list(cases_of(requests)), check)
        scene.clear()


@test("deployment_replace_model ended by a signal at its steps, and run again: the new model serves, nothing was lost")
def _():
    with Scene("treplace") as scene:
        scene.up()
        scene.start("d0", "old0")
        requests = undisturbed(scene, "deployment_replace_model", scene.replacement("d0", "old0", "new0"))
        scene.stop("d0", "new0")

        def check(case):
            number, which, _ = case
            deployment, old, new = f"d{number}", f"old{number}", f"new{number}"
            url = scene.start(deployment, old)
            with Watched(url, old, new, again=True) as watched:
                status = signal_at(scene, number, which, "deployment_replace_model",
                                   scene.replacement(deployment, old, new))
                told_truly(scene, status, deployment, old, new)
                scene.replace(deployment, old, new)
                watched.wait_for(new)
            scene.serves(url, deployment, new)
            scene.stop(deployment, new)
        at_once(list(cases_of(requests)), check)
        scene.clear()


def told_truly(scene, status, deployment, old, new):
    """The status of a replacement names the model that serves, and nothing is left of the other one."""
    serves = new if status["status"] == "passing" else old
    expect(status["state"] == "ready" and f"serving model {serves}" in status["msg"], status)
    expect(serves == new or status["data"]["oldModelInUse"] is True, status)
    seen = scene.act("deployment_status", scene.deployment(deployment, serves)).expect("passing")
    expect(seen.data["currentModelId"] == serves and len(scene.of(deployment)) == 1, seen, scene.of(deployment))
    expect(not scene.images_of(old if serves == new else new), status, scene.images())


@test("a relaunch ended by a signal at its steps: one container with the name it had, and nothing was lost")
def _():
    with Scene("trelaunch") as scene:
        scene.up()
        scene.start("d0", "m0")
        requests = undisturbed(scene, "deployment_relaunch", scene.deployment("d0", "m0"))
        scene.stop("d0", "m0")

        def check(case):
            number, which, _ = case
            deployment, model = f"d{number}", f"m{number}"
            url = scene.start(deployment, model)
            names = scene.of(deployment)
            with Watched(url, model):
                signal_at(scene, number, which, "deployment_relaunch", scene.deployment(deployment, model))
                expect(scene.of(deployment) == names, scene.of(deployment), names)
            scene.serves(url, deployment, model)
            scene.stop(deployment, model)
        at_once(list(cases_of(requests)), check)
        scene.clear()


@test("a replacement of a shared model, and a stop, ended by a signal at their steps: one model serves, or none")
def _():
    with Scene("tshared") as scene:
        scene.up()
        shared = {"modelExecutionType": "shared"}
        scene.start("d0", "old0", info=shared)
        requests = undisturbed(scene, "deployment_replace_model", scene.replacement("d0", "old0", "new0", **shared))
        stop = undisturbed(scene, "deployment_stop", scene.deployment("d0", "new0", **shared))

        def check(case):
            number, which, _ = case
            deployment, old, new = f"d{number}", f"old{number}", f"new{number}"
            url = scene.start(deployment, old, info=shared)
            with Watched(url, old, new, again=True) as watched:
                status = signal_at(scene, number, which, "deployment_replace_model",
                                   scene.replacement(deployment, old, new, **shared))
                told_truly(scene, status, deployment, old, new)
                scene.replace(deployment, old, new, info=shared)
                watched.wait_for(new)
            if number <= len(stop):
                signal_at(scene, number, which, "deployment_stop", scene.deployment(deployment, new, **shared))
                expect(scene.of(deployment) == [], scene.of(deployment))
            scene.stop(deployment, new)
        at_once(list(cases_of(requests)), check)
        scene.clear()


@test("an action that waits for a model is ended by a signal at once, and a second signal does no harm")
def _():
    with Scene("twait") as scene:
        scene.up()
        running = scene.begin("deployment_start", scene.deployment("d1", "a", ["start-delay: 600"]))
        wait_until(lambda: scene.of("d1"), SECONDS, "its container is there")
        running.signal(signal.SIGTERM)
        running.signal(signal.SIGTERM)
        result = running.result(SECONDS)
        expect(result.code == 143 and result.status["status"] == "failing", result.code, result.text)
        seen = scene.act("deployment_status", scene.deployment("d1", "a"))
        expect(seen.status != "passing", seen)
        scene.stop("d1", "a")
        scene.clear()


@test("a replacement that is ended while the old model drains has come up: the old one is removed, and it passes")
def _():
    with Scene("tdrain") as scene:
        scene.up()
        for end, options in (("SIGTERM", {}), ("--timeout", {"timeout": 12})):
            url = scene.start("d1", "A")
            with Watched(url, "A", "B") as watched:
                running = scene.begin("deployment_replace_model", scene.replacement("d1", "A", "B"),
                                      private={"drainTime": "1h"} if end == "SIGTERM" else {"stopTimeout": "1h"}, **options)
                watched.wait_for("B")
                if end == "SIGTERM":
                    running.signal(signal.SIGTERM)
                done = running.finish().expect("passing", "serving model B")
                expect(end != "SIGTERM" or "cancelled by SIGTERM" in done.msg, done)
            expect(len(scene.of("d1")) == 1 and scene.images_of("A") == [], scene.leftovers())
            scene.stop("d1", "B")


@test("--timeout ends a start while the image is built, and while the engine does not answer; run again, it serves")
def _():
    with Scene("tlimit") as scene:
        scene.up()
        for pattern in (r"POST /build\?", "POST /containers/create", "/start$"):
            with Middleman() as middle:
                fault = middle.at(pattern, delay=4)
                done = scene.act("deployment_start", scene.deployment("d1", "a"), host=middle.host, timeout=3)
                expect(done.status == "failing" and ("timed out" in done.msg or "deadline" in done.msg), done)
                expect(fault.hits == 1, middle.requests)
            scene.serves(scene.start("d1", "a"), "d1", "a")
            scene.stop("d1", "a")
        scene.clear()


if __name__ == "__main__":
    main()

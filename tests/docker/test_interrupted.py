"""The runner is told to end, or its time is up, in the middle of an action: the status says so, and the same action,
run again, comes to the same end as if nothing had happened."""
import signal
import threading

from support import expect, main, test, wait_until
from support.trouble import SECONDS, AtStep, Middleman, Scene, Watched, at_once, changes_something, steps, undisturbed

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def signal_at(scene, number, which, action, info, **options):
    """Runs an action whose runner gets a signal at a step. Its status says that it was cancelled, its exit status by
    which signal."""
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
    expect(result.code == 128 + which, "exit", result.code, status, result.stderr[-2000:])
    expect(status["status"] == "failing" and ("cancelled" in status["msg"] or which.name in status["msg"]), status)
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
            signal_at(scene, number, which, "deployment_start", scene.deployment(deployment, model))
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
            with Watched(url, old, new) as watched:
                signal_at(scene, number, which, "deployment_replace_model", scene.replacement(deployment, old, new))
                seen = scene.act("deployment_status", scene.deployment(deployment, new))
                expect(seen.state == "ready" and seen.data["currentModelId"] in (old, new), seen)
                scene.replace(deployment, old, new)
                watched.wait_for(new)
            scene.serves(url, deployment, new)
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


@test("--timeout ends a start while the image is built, and while the engine does not answer; run again, it serves")
def _():
    with Scene("tlimit") as scene:
        scene.up()
        for pattern in (r"POST /build\?", "POST /containers/create", "/start$"):
            with Middleman() as middle:
                fault = middle.at(pattern, nth=2 if "create" in pattern else 1, delay=4)
                done = scene.act("deployment_start", scene.deployment("d1", "a"), host=middle.host, timeout=3)
                expect(done.status == "failing" and ("timed out" in done.msg or "deadline" in done.msg), done)
                expect(fault.hits == 1, middle.requests)
            scene.serves(scene.start("d1", "a"), "d1", "a")
            scene.stop("d1", "a")
        scene.clear()


if __name__ == "__main__":
    main()

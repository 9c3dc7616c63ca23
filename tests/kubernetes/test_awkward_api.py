"""An API server that says what a healthy one never does, between what a real one says: too busy, expired pages, refused
credentials, connections that break or stall. An action passes all the same, or ends in time with the reason."""
import json
import threading

from support import (SECONDS, Middleman, Quick, Scene, answers, at_once, cases_of, expect, kill_at, main, test, undisturbed,
                     wait_until)

BUSY = (429, {"Retry-After": "1", "Content-Type": "text/plain"}, "The apiserver is too busy\n")
AWAY = (503, {"Content-Type": "text/plain"}, "upstream connect error\n")
REFUSED = (403, {"Content-Type": "application/json"}, json.dumps({
    "kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": "services is forbidden"}))


def started(scene, name, *faults):
    """A start by way of these faults, which passes and serves, and its removal."""
    with Middleman(scene.cluster) as middle:
        done = [middle.at(pattern, **options) for pattern, options in faults]
        url = scene.start(name, "m" + name, private={"server": middle.url})
        answers(url, "m" + name, name)
        scene.stop(name, "m" + name, private={"server": middle.url})
        expect(all(fault.hits for fault in done), [(fault.pattern.pattern, fault.hits) for fault in done], middle.requests)


@test("a server that is busy, away for a moment, or breaks connections: a start passes, a stop too, nothing is doubled")
def _():
    cases = {
        "busy": [("", {"answer": BUSY, "nth": 3}), ("^PATCH", {"answer": BUSY, "nth": 2}), ("^DELETE", {"answer": BUSY})],
        "away": [("^GET .*/pods", {"answer": AWAY}), ("^PATCH .*/deployments", {"answer": AWAY})],
        "reset": [("^PATCH .*/services", {"reset": True}), ("^PATCH .*/ingresses", {"reset": True}),
                  ("^DELETE .*/deployments", {"reset": True}), ("^GET .*/pods", {"reset": True, "nth": 2})],
        "cut": [("^GET .*/deployments", {"cut": 20}), ("^PATCH .*/deployments", {"cut": 100, "nth": 2})],
    }
    with Quick("awkward") as scene:
        at_once(cases, lambda name: started(scene, name, *cases[name]))
        scene.clear()


@test("a list whose page has expired is read on or again; one that expires each time fails with that")
def _():
    expired = {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410, "message": "too old"}
    with Quick("expired") as scene, Middleman(scene.cluster) as middle:
        scene.start()
        # the list says that there is more, and has forgotten it when it is asked
        status, real = scene.cluster.request("GET", f"/apis/apps/v1/namespaces/{scene.namespace}/deployments")
        expect(status == 200, status)
        real["metadata"]["continue"] = "lost"
        first = middle.at("^GET .*/deployments[?]((?!continue).)*$",
                          answer=(200, {"Content-Type": "application/json"}, json.dumps(real)))
        gone = middle.at("^GET .*/deployments.*continue=lost", times=99,
                         answer=(410, {"Content-Type": "application/json"}, json.dumps(expired)))
        expect(set(scene.listed(private={"server": middle.url})) == {"d1"}, "not the deployment")
        expect(first.hits and gone.hits, middle.requests)
        middle.clear()
        middle.at("^GET .*/deployments", times=99, answer=(410, {"Content-Type": "application/json"}, json.dumps(expired)))
        done = scene.act("deployment_list", private={"server": middle.url}).expect("failing", "too old")
        expect(done.error["code"] == "Expired", done.error)
        scene.stop()


@test("a token that is rotated during an action is read again; one that is refused for good says whose it is")
def _():
    with Quick("token") as scene, Middleman(scene.cluster) as middle:
        seen = []
        file = scene.write("token", "first")

        def rotate():
            seen.append("401")
            scene.write("token", "second")
            return 401, {"Content-Type": "application/json"}, json.dumps({
                "kind": "Status", "status": "Failure", "reason": "Unauthorized", "code": 401, "message": "Unauthorized"})
        middle.at("^PATCH .*/services", answer=rotate)
        config = scene.kubeconfig(middle.url, tokenFile=file)
        # kubectl proxy has credentials of its own: what the client sends does not matter to the server
        scene.start(private={"kubeConfigFile": config})
        expect(seen == ["401"], seen)
        middle.at("^GET .*/deployments", answer=rotate, times=99)
        done = scene.act("deployment_list", private={"kubeConfigFile": config}).expect("failing", "Unauthorized")
        expect(done.error["code"] == "Unauthorized", done.error)
        scene.stop()


@test("a server that stops answering is given up when the action's time is over, and the status says so")
def _():
    with Quick("stalled") as scene, Middleman(scene.cluster) as middle:
        over = threading.Event()
        middle.at("^PATCH .*/deployments", before=lambda: over.wait(60), times=99)
        done = scene.act("deployment_start", scene.deployment(), private={"server": middle.url}, timeout=8)
        over.set()
        expect(done.status == "failing" and done.seconds < 30, done, done.seconds)
        scene.stop()
        wait_until(lambda: scene.leftovers() == [], SECONDS, "nothing is left")


@test("a right that is withdrawn half-way is named, and what was begun is undone")
def _():
    with Quick("withdrawn") as scene, Middleman(scene.cluster) as middle:
        middle.at("^PATCH .*/services/.*", answer=REFUSED, times=99)
        done = scene.act("deployment_start", scene.deployment(), private={"server": middle.url})
        done.expect("failing", "services is forbidden")
        expect(done.error["code"] == "Forbidden", done.error)
        wait_until(lambda: scene.leftovers() == [], SECONDS, f"nothing is left: {scene.leftovers()}")


@test("a start with the builder in the cluster, killed at requests of the build, and run again: it serves, nothing is left")
def _():
    with Scene("kbuild") as scene:
        requests = undisturbed(scene, "deployment_start", scene.deployment("d0", "m0"))
        scene.stop("d0", "m0")
        of_build = [case for case in cases_of(requests) if "/jobs" in case.request or "/exec" in case.request]
        expect(len(of_build) >= 4, requests)

        def check(case):
            deployment, model = f"d{case.number}{case.when}", f"m{case.number}{case.when}"
            kill_at(scene, case, "deployment_start", scene.deployment(deployment, model))
            url = scene.start(deployment, model)
            scene.serves(url, deployment, model)
            scene.stop(deployment, model)
        at_once(of_build[::2], check)
        scene.clear()
        expect(scene.tags() == [], scene.tags())


main(jobs=3)

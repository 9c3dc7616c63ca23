"""The plugin on Podman's service, which has Docker's API; Podman 4.3, as root, with CNI networks and without systemd.

What Podman cannot do here, or does in another way:
- Without systemd nobody runs health checks: the plugin asks for them while it waits, and when somebody asks for a
  status.
- It has no events of health. The proxy looks at containers when one starts or ends, and does not hear of one that
  becomes healthy later: then a start fails with "it has no router". Here containers that come and go keep it awake.
- Names of containers are not resolved on its networks without the CNI plugin dnsname, which Debian's bookworm does not
  have: servers do not find the queue, so there is no test with monitoring.
- When the service ends, containers go on. The proxy has lost it then, until it is started again: the socket that it got
  is that of the old service (not so where systemd holds the socket).
- It does not say of a container that runs again that it was killed for its memory."""
import contextlib
import signal
import threading

import own_engine
engine = own_engine.enter(own_engine.Podman, "1500m")
# pylint: disable=wrong-import-position
from support import docker, expect, main, predict, test, wait_until  # noqa: E402
from support.bench import PPS  # noqa: E402
from support.trouble import (SECONDS, Scene, Watched, at_once, cases_of, changes_something, kill_at,  # noqa: E402
                             undisturbed)


@contextlib.contextmanager
def awake(name):
    """A scene in which containers start and end, so that the proxy looks."""
    over = threading.Event()

    def stir():
        while not over.wait(1):
            docker("run", "--rm", "--entrypoint", "/bin/true", "--label", "bosun.prefix=nobody", PPS, check=False)
    with Scene(name) as scene:
        thread = threading.Thread(target=stir, daemon=True)
        thread.start()
        try:
            yield scene
        finally:
            over.set()
            thread.join()


@test("Podman: a deployment's life; no prediction is lost in a replacement and a relaunch; nothing is left")
def _():
    with awake("plife") as scene:
        scene.up()
        expect(scene.listed() == {}, "deployments before the first one")
        url = scene.start("d1", "a")
        scene.serves(url, "d1", "a")
        scene.start("d1", "a")
        seen = scene.act("deployment_status", scene.deployment("d1", "a")).expect("passing")
        expect(seen.state == "ready" and seen.data["currentModelId"] == "a", seen)
        expect(scene.statuses("d1")["d1"]["status"] == "passing", "pe_status")
        with Watched(url, "a", "b") as watched:
            scene.replace("d1", "a", "b")
            watched.wait_for("b")
            scene.act("deployment_relaunch", scene.deployment("d1", "b")).expect("passing")
            watched.wait_for("b")
        scene.serves(url, "d1", "b")
        expect(scene.of("d1") == [f"{scene.prefix}deployment_d1_b"] and scene.images_of("a") == [], scene.leftovers())
        expect(list(scene.listed()) == ["d1"], scene.listed())
        scene.stop("d1", "b")
        scene.stop("d1", "b").expect("passing", "not deployed")
        expect(predict(url)[0] == 404, predict(url))
        scene.clear()


@test("Podman: the shared server: start, replace, stop")
def _():
    with awake("pshared") as scene:
        scene.up()
        shared = {"modelExecutionType": "shared"}
        url = scene.start("d1", "a", info=shared)
        other = scene.start("d2", "c", info=shared)
        with Watched(url, "a", "b") as watched:
            scene.replace("d1", "a", "b", info=shared)
            watched.wait_for("b")
        scene.serves(url, "d1", "b")
        scene.serves(other, "d2", "c")
        scene.stop("d1", "b", info=shared)
        scene.stop("d2", "c", info=shared)
        scene.clear()


BROKEN = {
    "crash": (["crash: 3"], {}, ["exited with code 3", "fatal"]),
    "greedy": (["eat-memory: yes"], {"memory": "16m"}, ["greedy"]),
    "sick": (["never-healthy: yes"], {}, ["health check", "503"]),
}


@test("Podman: a model that crashes, eats its memory, never gets well: start fails; a replacement leaves the old one")
def _():
    with awake("pbroken") as scene:
        scene.times = {"startTimeout": "15s"}
        scene.up()

        def check(name):
            directives, values, words = BROKEN[name]
            info = scene.deployment("s-" + name, name, directives, keyValueConfig=values)
            expect(scene.act("deployment_start", info).expect("failing", *words).state == "errored", name)
            expect(scene.of("s-" + name) == [], scene.of("s-" + name))
            url = scene.start("r-" + name, "old-" + name)
            with Watched(url, "old-" + name):
                info = scene.replacement("r-" + name, "old-" + name, name, directives, keyValueConfig=values)
                done = scene.act("deployment_replace_model", info).expect("failing", *words)
                expect(done.state == "ready" and done.data == {"oldModelInUse": True}, done)
            scene.serves(url, "r-" + name, "old-" + name)
            scene.stop("r-" + name, "old-" + name)
        at_once(list(BROKEN), check)
        scene.clear()


@test("Podman: a container that somebody stopped, killed, paused or removed: the statuses say so, start repairs it")
def _():
    with awake("pbyhand") as scene:
        scene.up()
        harm = {"stop": ["stop", "-t", "1"], "kill": ["kill"], "pause": ["pause"], "rm": ["rm", "-f"]}
        for what, words in harm.items():
            url = scene.start(what, "m-" + what)
            docker(*words, scene.of(what)[0])
            seen = scene.act("deployment_status", scene.deployment(what, "m-" + what))
            expect(seen.status == "failing" and seen.state in ("stopped", "errored"), what, seen)
            expect(scene.statuses(what)[what]["status"] == "failing", what)
            scene.start(what, "m-" + what)
            scene.serves(url, what, "m-" + what)
            docker(*words, scene.of(what)[0])
            scene.stop(what, "m-" + what)
            expect(scene.of(what) == [] and scene.images_of("m-" + what) == [], what, scene.leftovers())


@test("Podman: what is absent, taken or refused: network, name, port, image; the codes of its own are understood")
def _():
    with awake("prefused") as scene:
        docker("network", "rm", scene.network)
        scene.act("plugin_start").expect("failing", scene.network, "docker network create")
        docker("network", "create", "--label", f"bosun.prefix={scene.prefix}", scene.network)
        docker("create", "--name", scene.prefix + "traefik", PPS)
        scene.act("plugin_start").expect("failing", scene.prefix + "traefik", "someone else")
        docker("rm", "-f", scene.prefix + "traefik")
        docker("run", "-d", "--name", scene.prefix + "port", "-p", f"{scene.ports[80]}:8080", PPS)
        scene.act("plugin_start").expect("failing", "traefik")
        expect(scene.prefix + "traefik" not in scene.containers(), scene.containers())
        docker("rm", "-f", scene.prefix + "port")
        scene.up()
        info = scene.deployment("d1", "a")
        docker("create", "--name", f"{scene.prefix}deployment_d1_a", PPS)
        scene.act("deployment_start", info).expect("failing", f"{scene.prefix}deployment_d1_a", "someone else")
        docker("rm", "-f", f"{scene.prefix}deployment_d1_a")
        image = "127.0.0.1:1/none:1"
        scene.act("deployment_start", info, private={"ppsBaseImage": image}).expect("failing", image)
        limited = scene.deployment("d1", "a", keyValueConfig={"memory": "1"})
        scene.act("deployment_start", limited).expect("failing", "memory")
        scene.serves(scene.start("d1", "a"), "d1", "a")


@test("Podman: starts at once: one container, one proxy")
def _():
    with awake("ponce") as scene:
        running = [scene.begin("deployment_start", scene.deployment("d1", "a")) for _ in range(3)]
        done = [one.finish() for one in running]
        expect([one.status for one in done] == ["passing"] * 3, done)
        scene.serves(scene.url + "/d1/predict", "d1", "a")
        expect(len(scene.containers()) == 2, scene.containers())
        scene.stop("d1", "a")
        scene.clear()


@test("Podman: its service ends and starts again: everything goes on, and the plugin with it")
def _():
    with awake("pservice") as scene:
        scene.up()
        url = scene.start("d1", "a")
        with Watched(url, "a") as watched:
            engine.end(signal.SIGTERM)
            scene.act("pe_status").expect("failing", engine.host)
            watched.wait_for("a")
            engine.start()
            scene.act("pe_status").expect("passing")
        docker("restart", "-t", "1", scene.prefix + "traefik")
        scene.replace("d1", "a", "b")
        scene.serves(url, "d1", "b")


@test("Podman: start and replacement killed at steps that change something, and run again")
def _():
    with awake("pkilled") as scene:
        scene.up()
        started = undisturbed(scene, "deployment_start", scene.deployment("d0", "old0"))
        replaced = undisturbed(scene, "deployment_replace_model", scene.replacement("d0", "old0", "new0"))
        scene.stop("d0", "new0")

        def start(case):
            name = f"{case.number}{case.when}"
            kill_at(scene, case, "deployment_start", scene.deployment("s" + name, "m" + name))
            scene.serves(scene.start("s" + name, "m" + name), "s" + name, "m" + name)
            scene.stop("s" + name, "m" + name)

        def replace(case):
            name = f"{case.number}{case.when}"
            deployment, old, new = "r" + name, "old" + name, "new" + name
            url = scene.start(deployment, old)
            kill_at(scene, case, "deployment_replace_model", scene.replacement(deployment, old, new))
            wait_until(lambda: predict(url)[0] == 200, SECONDS, "one of the models answers")
            scene.replace(deployment, old, new)
            scene.serves(url, deployment, new)
            scene.stop(deployment, new)
        for requests, check in ((started, start), (replaced, replace)):
            at_once([case for case in cases_of(requests) if changes_something(case.request)][1::2], check)
        scene.clear()


if __name__ == "__main__":
    main()

"""Containers that make trouble, or that somebody made trouble for: each action tells the truth about it, undoes what it
began, and the next action goes on from there."""
from support import docker, expect, inspect, main, predict, test, wait_until
from support.trouble import SECONDS, Scene, Watched, at_once


def patience(name):
    """Private config for a model that is broken: those that say nothing of their end are not waited for long."""
    return {"startTimeout": "6s" if name in ("sick", "slow") else "60s"}


def status_of(scene, deployment="d1", **options):
    """deployment_status and the same deployment in pe_status, which have to agree."""
    one = scene.act("deployment_status", scene.deployment(deployment), **options)
    all_ = scene.act("pe_status", pe_info={"deployments": [deployment]}, **options)
    other = all_.data["deploymentsStatus"][deployment]
    expect((one.status, one.state) == (other["status"], other["state"]), one, "but in pe_status", other)
    return one


def nothing_of(scene, deployment, model):
    expect(scene.of(deployment) == [], "containers:", scene.of(deployment))
    expect(scene.images_of(model) == [], "images:", scene.images_of(model))


# ---- models that do not come up ------------------------------------------------------------------------------------

# What is wrong with a model, what keyValueConfig it has, and what the message says of it.
BROKEN = {
    "crash": (["crash: 3"], {}, ["exited with code 3", "fatal"]),
    "late": (["crash-after: 0.2", "never-healthy: yes"], {}, ["exited with code 3"]),
    "greedy": (["eat-memory: yes"], {"memory": "16m"}, ["ran out of memory", "16 MiB", "keyValueConfig.memory"]),
    "sick": (["never-healthy: yes"], {}, ["health check", "503"]),
    "slow": (["start-delay: 600"], {}, ["not within"]),
}


@test("a model that crashes, eats its memory, or never gets well: start fails, says why, and takes it away again")
def _():
    with Scene("broken") as scene:
        scene.up()

        def check(name):
            directives, values, words = BROKEN[name]
            info = scene.deployment("d-" + name, name, directives, keyValueConfig=values)
            done = scene.act("deployment_start", info, private=patience(name)).expect("failing", "d-" + name, *words)
            expect(done.state == "errored", done)
            seen = status_of(scene, "d-" + name)
            expect(seen.status == "failing", "after a failed start:", seen)
            expect(scene.act("deployment_stop", info).expect("passing").state == "stopped", "stop of what failed")
            nothing_of(scene, "d-" + name, name)
        at_once(list(BROKEN), check)


@test("a replacement that crashes, eats its memory, or never gets well: the old model serves on, and nothing is lost")
def _():
    with Scene("stays") as scene:
        scene.up()

        def check(name):
            directives, values, words = BROKEN[name]
            url = scene.start("d-" + name, "old-" + name)
            with Watched(url, "old-" + name) as watched:
                info = scene.replacement("d-" + name, "old-" + name, name, directives, keyValueConfig=values)
                done = scene.act("deployment_replace_model", info, private=patience(name))
                done.expect("failing", "d-" + name, *words)
                expect(done.state == "ready" and done.data == {"oldModelInUse": True}, done)
                watched.wait_for("old-" + name)
            expect(scene.images_of(name) == [], "the image of what failed:", scene.images_of(name))
            seen = status_of(scene, "d-" + name)
            expect(seen.status == "passing" and seen.data["currentModelId"] == "old-" + name, seen)
            scene.serves(url, "d-" + name, "old-" + name)
        at_once(list(BROKEN), check)


@test("a model that begins to crash, or to eat its memory, when it has served: the status has exit code and last words")
def _():
    with Scene("later") as scene:
        scene.up()
        scene.start("d1", "a", ["crash-after: 3"])
        wait_until(lambda: inspect(scene.of("d1")[0])["RestartCount"] > 0, SECONDS, "it crashes")
        scene.act("deployment_replace_model", scene.replacement("d1", "a", "b", ["crash-after: 0.1"])).expect("failing")
        # Each crash is waited for longer by the engine.
        seen = wait_until(lambda: restarting(scene, "d1"), SECONDS, "the engine waits before a restart")
        seen.expect("failing", "exited with code 3", "fatal")
        expect(seen.state == "errored", seen)
        scene.replace("d1", "a", "c")
        scene.serves(scene.url + "/d1/predict", "d1", "c")


def restarting(scene, deployment):
    seen = scene.act("deployment_status", scene.deployment(deployment))
    return seen if "keeps crashing" in seen.msg else None


@test("a container that the kernel killed for its memory: status says so, start brings it back")
def _():
    with Scene("oom") as scene:
        scene.up()
        url = scene.start("d1", "a", info={"keyValueConfig": {"memory": "24m"}})
        name, = scene.of("d1")
        docker("update", "--restart", "no", name)
        docker("exec", name, "sh", "-c", "tail /dev/zero", check=False)
        docker("exec", name, "sh", "-c", "kill -KILL 1", check=False)
        if inspect(name)["State"]["Running"]:
            docker("kill", name)
        wait_until(lambda: not inspect(name)["State"]["Running"], SECONDS, "it is dead")
        seen = status_of(scene)
        seen.expect("failing", "24 MiB" if inspect(name)["State"]["OOMKilled"] else "exited with code 137")
        scene.start("d1", "a", info={"keyValueConfig": {"memory": "24m"}})
        scene.serves(url, "d1", "a")


# ---- by hand -------------------------------------------------------------------------------------------------------

@test("a container that somebody stopped, killed, paused, removed or renamed: the statuses say so, start repairs it")
def _():
    with Scene("byhand") as scene:
        scene.up()
        harm = {
            "stop": (["stop", "-t", "1"], "errored", "exited with code"), "kill": (["kill"], "errored", "exited with code 137"),
            "pause": (["pause"], "stopped", "paused"), "rm": (["rm", "-f"], "errored", "not deployed"),
        }

        def check(what):
            words, state, said = harm[what]
            url = scene.start(what, "m-" + what)
            docker(*words, scene.of(what)[0])
            seen = status_of(scene, what).expect("failing", said)
            expect(seen.state == state, seen)
            listed = scene.listed()
            expect((what in listed) == (what != "rm"), "listed:", listed)
            scene.start(what, "m-" + what)
            scene.serves(url, what, "m-" + what)
            expect(status_of(scene, what).status == "passing", "after the repair:", status_of(scene, what))
            docker(*words, scene.of(what)[0])
            scene.stop(what, "m-" + what)
            nothing_of(scene, what, "m-" + what)
        at_once(list(harm), check)
        url = scene.start("renamed", "m")
        docker("rename", scene.of("renamed")[0], scene.prefix + "other-name")
        expect(status_of(scene, "renamed").status == "passing", "a renamed container serves")
        scene.start("renamed", "m")
        expect(predict(url)[1]["model"] == "m", predict(url))
        scene.stop("renamed", "m")
        expect(scene.servers() == [] and scene.prefix + "other-name" not in scene.containers(), scene.containers())


@test("an image that somebody removed under its container: status, start and replace go on")
def _():
    with Scene("image") as scene:
        scene.up()
        url = scene.start("d1", "a")
        docker("rmi", "-f", scene.prefix + "a")
        expect(status_of(scene).status == "passing", "without its image:", status_of(scene))
        scene.start("d1", "a")
        docker("rm", "-f", *scene.of("d1"))
        docker("rmi", "-f", scene.prefix + "a", check=False)
        scene.start("d1", "a")
        scene.serves(url, "d1", "a")
        scene.replace("d1", "a", "b")
        scene.stop("d1", "b")
        nothing_of(scene, "d1", "b")


@test("the proxy stopped, paused or removed by hand: pe_status fails and says so, start and replace bring it back")
def _():
    with Scene("proxy") as scene:
        scene.up()
        url = scene.start("d1", "a")
        proxy = scene.prefix + "traefik"
        for number, words in enumerate((["stop", "-t", "1"], ["pause"], ["rm", "-f"], ["kill"])):
            docker(*words, proxy)
            scene.act("pe_status").expect("failing", "proxy")
            seen = scene.act("deployment_status", scene.deployment("d1", "a"))
            expect(seen.state in ("ready", "errored"), words, seen)
            if number % 2:
                scene.replace("d1", "a" if number == 1 else "m1", f"m{number}")
            else:
                scene.start("d1", "a" if number == 0 else "m1")
            scene.serves(url, "d1", ["a", "m1", "m1", "m3"][number])
            scene.act("pe_status").expect("passing")


# ---- stops ---------------------------------------------------------------------------------------------------------

@test("stop twice, stop what was never there, stop with another model's id: passing, and it is gone")
def _():
    with Scene("stop") as scene:
        scene.up()
        scene.start("d1", "a")
        scene.stop("d1", "a")
        scene.stop("d1", "a").expect("passing", "not deployed")
        scene.stop("never", "a").expect("passing", "not deployed")
        scene.start("d2", "a")
        scene.stop("d2", "b").expect("passing", "model a")
        nothing_of(scene, "d2", "a")
        scene.start("d3", "c")
        docker("rm", "-f", *scene.of("d3"))
        scene.stop("d3", "c")
        nothing_of(scene, "d3", "c")


@test("a server that does not hear SIGTERM is killed: by a stop, and at the end of a replacement")
def _():
    with Scene("stubborn") as scene:
        scene.up()
        url = scene.start("d1", "a", ["ignore-term: yes"])
        with Watched(url, "a", "b") as watched:
            scene.replace("d1", "a", "b", ["ignore-term: yes"])
            watched.wait_for("b")
        scene.serves(url, "d1", "b")
        scene.stop("d1", "b")
        nothing_of(scene, "d1", "b")


if __name__ == "__main__":
    main()

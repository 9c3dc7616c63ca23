"""The engine crashes or is restarted while an action works with it, and its disk is full: the action waits for it or
says what failed, and the next one finds its way from whatever is there."""
import glob
import os
import signal

import own_engine
engine = own_engine.enter(own_engine.Engine, "500m")
# pylint: disable=wrong-import-position
from support import Registry, docker, expect, inspect, main, predict, test, wait_until  # noqa: E402
from support.trouble import SECONDS, Scene  # noqa: E402

ENDS = (signal.SIGKILL, signal.SIGTERM)


def temporary(pattern):
    """Files that the engine has while it works on a pull or a build."""
    return glob.glob(os.path.join(engine.data, "tmp", pattern))


def waited_for(scene, deployment, model):
    """Waits until an action waits for the deployment's container."""
    name = f"{scene.prefix}deployment_{deployment}_{model}"
    wait_until(lambda: (inspect(name) or {"State": {}})["State"].get("Running"), SECONDS, f"{name} runs")


def well(scene):
    wait_until(lambda: scene.act("pe_status").status == "passing", SECONDS, "pe_status passes")


@test("the engine ends and starts again: everything comes back by itself, as the statuses tell")
def _():
    with Scene("comeback") as scene:
        scene.up()
        url = scene.start("d1", "a")
        for number in ENDS:
            engine.end(number)
            scene.act("pe_status").expect("failing", engine.host)
            expect(scene.act("deployment_status", scene.deployment("d1", "a")).state == "unknown", "nobody knows")
            engine.start()
            well(scene)
            scene.serves(url, "d1", "a")
            wait_until(lambda: scene.act("deployment_status", scene.deployment("d1", "a")).status == "passing", SECONDS,
                       "deployment_status passes")


@test("the engine crashes during a pull: it is done again; the engine is ended during one: the next start passes")
def _():
    with Scene("pull") as scene, Registry() as registry:
        os.mkdir(scene.join("base"))
        with open(scene.join("base", "blob"), "wb") as file:
            file.write(os.urandom(60_000_000))
        lines = [f"FROM {own_engine.IMAGES[0]}", f"LABEL bosun.prefix={scene.prefix}", "COPY blob /blob"]
        scene.write("base/Dockerfile", "\n".join(lines))
        image = registry.image(scene.prefix + "pps") + ":1"
        docker("build", "-q", "-t", image, scene.join("base"))
        docker("push", "-q", image)
        scene.up()
        for turn, number in enumerate(ENDS):
            docker("rmi", image)
            private = {"ppsBaseImage": image}
            running = scene.begin("deployment_start", scene.deployment(f"d{turn}", f"m{turn}"), private=private)
            wait_until(lambda: temporary("GetImageBlob*"), SECONDS, "it is being pulled")
            engine.restart(number)
            done = running.finish()
            if number == signal.SIGTERM and done.status == "failing":
                # It may say that it cannot pull while it ends, which is a refusal like any other.
                expect(image in done.msg, done)
                scene.start(f"d{turn}", f"m{turn}", private=private)
            else:
                done.expect("passing")
            well(scene)
            scene.serves(f"{scene.url}/d{turn}/predict", f"d{turn}", f"m{turn}")
            scene.stop(f"d{turn}", f"m{turn}")


@test("the engine restarts while an action waits for a model: start and replacement pass")
def _():
    with Scene("wait") as scene:
        scene.up()
        for turn, number in enumerate(ENDS):
            deployment = f"d{turn}"
            running = scene.begin("deployment_start", scene.deployment(deployment, "a", ["start-delay: 4"]))
            waited_for(scene, deployment, "a")
            engine.restart(number)
            running.finish().expect("passing")
            scene.serves(f"{scene.url}/{deployment}/predict", deployment, "a")
            info = scene.replacement(deployment, "a", "b", ["start-delay: 4"])
            running = scene.begin("deployment_replace_model", info)
            waited_for(scene, deployment, "b")
            engine.restart(number)
            running.finish().expect("passing")
            scene.serves(f"{scene.url}/{deployment}/predict", deployment, "b")
            scene.stop(deployment, "b")
        scene.clear()


@test("the engine ends while an action waits, and stays away: failing, with what is wrong; later it goes on from there")
def _():
    with Scene("away") as scene:
        scene.times = {"startTimeout": "8s"}
        scene.up()
        url = scene.start("d1", "a")
        running = scene.begin("deployment_replace_model", scene.replacement("d1", "a", "b", ["start-delay: 4"]))
        waited_for(scene, "d1", "b")
        engine.end()
        done = running.finish().expect("failing", "no answer from the engine", engine.host)
        expect(done.state == "unknown" and not (done.data or {}).get("oldModelInUse"), done)
        engine.start()
        scene.replace("d1", "a", "b", ["start-delay: 4"])
        scene.serves(url, "d1", "b")
        scene.stop("d1", "b")
        scene.clear()


@test("the engine ends during a build: failing, with what was being done; the next start builds anew; nothing is left")
def _():
    with Scene("build", alone=True) as scene:
        scene.up()
        info = scene.deployment("d1", "a")
        with open(info["modelArtifact"], "r+b") as file:
            file.truncate(60_000_000)
        running = scene.begin("deployment_start", info)
        wait_until(lambda: temporary("docker-builder*"), SECONDS, "it is being built")
        engine.end()
        running.finish().expect("failing", "d1", "build", engine.host)
        engine.start()
        with open(info["modelArtifact"], "r+b") as file:
            file.truncate(60_000_000)
        scene.act("deployment_start", info).expect("passing")
        scene.serves(scene.url + "/d1/predict", "d1", "a")
        scene.act("deployment_stop", info).expect("passing")
        scene.clear()


# ---- its disk ------------------------------------------------------------------------------------------------------

# What the engine says itself when it runs out of disk.
BLIND = {"roomCheck": False}


@test("a model too big for the engine's disk: failing, no space; the old model serves on, and the space is free again")
def _():
    with Scene("big", alone=True) as scene:
        scene.up()
        url = scene.start("d1", "a")
        before = engine.free()
        for action, info in (("deployment_replace_model", scene.replacement("d1", "a", "b")),
                             ("deployment_start", scene.deployment("d2", "b"))):
            with open(info["modelArtifact"], "r+b") as file:
                file.truncate(before - 60_000_000)
            scene.act(action, info).expect("failing", "b", "no room: disk")
            done = scene.act(action, info, private=BLIND).expect("failing", "b", "no space left on device")
            expect((done.data == {"oldModelInUse": True}) == (action == "deployment_replace_model"), done)
            scene.serves(url, "d1", "a")
            wait_until(lambda: engine.free() > before - 10_000_000, SECONDS, f"{before} bytes are free again")
        scene.replace("d1", "a", "b")
        scene.stop("d1", "b")
        scene.clear()


@test("no space at all on the engine's disk: start and replacement fail and say so, a stop works; then all is well")
def _():
    with Scene("full", alone=True) as scene:
        scene.up()
        url = scene.start("d1", "a")
        scene.start("d2", "c")
        filler = engine.fill()
        try:
            done = scene.act("deployment_replace_model", scene.replacement("d1", "a", "b"), private=BLIND)
            done.expect("failing", "no space left")
            expect(done.data == {"oldModelInUse": True} and done.state == "ready", done)
            done = scene.act("deployment_start", scene.deployment("d3", "e"), private=BLIND)
            done.expect("failing", "no space left")
            expect(done.state == "errored", done)
            expect(predict(url)[1]["model"] == "a", predict(url))
            expect(scene.act("deployment_status", scene.deployment("d1", "a")).status == "passing", "it serves")
            scene.stop("d2", "c")
        finally:
            os.unlink(filler)
        scene.replace("d1", "a", "b")
        scene.serves(url, "d1", "b")
        scene.start("d3", "e")
        scene.stop("d1", "b")
        scene.stop("d3", "e")
        scene.clear()


if __name__ == "__main__":
    main()

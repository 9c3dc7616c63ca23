"""Images that the engine does not have, and images that are built: registries that do not know them, want a password or
break off, and builds that fail when the engine has said 200 already."""
import base64
import json
import math
import os

from support import Registry, docker, expect, main, test
from support.bench import PPS, PROXY
from support.registry import PASSWORD, USER, client_config, push
from support.trouble import Middleman, Scene, Watched

JSON = {"Content-Type": "application/json"}


def build_image(scene, name, lines, blob=0):
    """An image on the stand-in server's, with so many random bytes and these lines of a Dockerfile."""
    os.makedirs(scene.join(name), exist_ok=True)
    with open(scene.join(name, "blob"), "wb") as file:
        file.write(os.urandom(blob))
    lines = [f"FROM {PPS}", f"LABEL bosun.prefix={scene.prefix}", "COPY blob /blob", *lines]
    scene.write(f"{name}/Dockerfile", "\n".join(lines))
    docker("build", "-q", "-t", scene.prefix + name, scene.join(name))
    return scene.prefix + name


def keeps_secret(done, *secrets):
    for secret in (PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(), *secrets):
        expect(secret not in done.msg and secret not in done.stderr, "the password is told:", done, done.stderr)
    return done


# ---- registries ----------------------------------------------------------------------------------------------------

@test("a registry that wants a password: with the right one both images are pulled, by DOCKER_CONFIG or the config")
def _():
    with Scene("right") as scene, Registry(password=True) as registry:
        images = {"traefikImage": push(registry, PROXY, scene.prefix + "proxy"),
                  "ppsBaseImage": push(registry, PPS, scene.prefix + "pps")}
        folder = client_config(scene, "right", registry)
        keeps_secret(scene.up(private=images, env={"DOCKER_CONFIG": folder}))
        file = {"dockerConfigFile": os.path.join(folder, "config.json")}
        info = scene.deployment()
        done = scene.act("deployment_start", info, private={**images, **file}, env={"DOCKER_CONFIG": scene.path},
                         args=("--log-level", "debug", "--trace", scene.join("trace")))
        keeps_secret(done.expect("passing"))
        with open(scene.join("trace"), encoding="utf-8") as trace:
            expect(PASSWORD not in trace.read(), "the password is in the trace")
        scene.serves(done.data["predictionUrl"], "d1", "A")


@test("no credentials, wrong ones, another registry's: failing, with the image and what was tried; no secret told")
def _():
    with Scene("denied") as scene, Registry(password=True) as registry, Registry() as other:
        proxy, server = (push(registry, image, scene.prefix + name) for image, name in ((PROXY, "proxy"), (PPS, "pps")))
        folders = {"without credentials": client_config(scene, "other", other),
                   "without credentials: no file": scene.join("absent"),
                   "with the credentials of tester": client_config(scene, "wrong", registry, password="wrong-password")}
        scene.up()
        for words, folder in folders.items():
            words = words.partition(":")[0]
            env = {"DOCKER_CONFIG": folder}
            done = scene.act("plugin_start", private={"traefikImage": proxy}, env=env)
            keeps_secret(done.expect("failing", proxy, words), "wrong-password")
            done = scene.act("deployment_start", scene.deployment(), private={"ppsBaseImage": server}, env=env)
            keeps_secret(done.expect("failing", "d1", server, words), "wrong-password")
            expect(done.state == "errored" and scene.servers() == [], done, scene.containers())
        scene.act("pe_status").expect("passing")


@test("a config file for registries that is broken: the pull goes on without credentials, and the message tells")
def _():
    with Scene("broken") as scene, Registry(password=True) as registry:
        proxy = push(registry, PROXY, scene.prefix + "proxy")
        scene.write("broken/config.json", '{"auths": {')
        done = scene.act("plugin_start", private={"traefikImage": proxy}, env={"DOCKER_CONFIG": scene.join("broken")})
        done.expect("failing", proxy, "without credentials", scene.join("broken"))


@test("an image that no registry has, no registry: failing, with the image's name; the old model serves on")
def _():
    with Scene("absent") as scene, Registry() as registry:
        push(registry, PPS, scene.prefix + "pps")
        scene.up()
        url = scene.start("d1", "a")
        images = [registry.image(scene.prefix + "pps") + ":2", registry.image("none") + ":1", "127.0.0.1:1/none:1"]
        for image in images:
            private = {"ppsBaseImage": image}
            done = scene.act("deployment_start", scene.deployment("d2", "b"), private=private).expect("failing", image)
            with Watched(url, "a"):
                info = scene.replacement("d1", "a", "b")
                done = scene.act("deployment_replace_model", info, private=private).expect("failing", image)
                expect(done.data == {"oldModelInUse": True}, done)
        done = scene.act("plugin_start", private={"traefikImage": images[0]}).expect("failing", images[0], "proxy")
        expect(scene.act("pe_status").status == "passing", "the proxy that ran goes on", done)
        registry.stop()
        image = registry.image(scene.prefix + "pps") + ":1"
        info = scene.deployment("d2", "b")
        scene.act("deployment_start", info, private={"ppsBaseImage": image}).expect("failing", image, "refused")
        registry.start()
        scene.start("d2", "b", private={"ppsBaseImage": image})
        scene.serves(scene.url + "/d2/predict", "d2", "b")


@test("a pull that breaks off after 200 is done again; one that says an error after 200 has failed, with that error")
def _():
    with Scene("pull") as scene, Registry() as registry, Middleman() as middle:
        image = push(registry, build_image(scene, "base", [], blob=5_000_000), scene.prefix + "pps")
        docker("rmi", scene.prefix + "base")
        scene.up()
        error = {"errorDetail": {"message": "write /layer: no space left on device"}, "error": "write /layer: no space"}
        lines = "\r\n".join(json.dumps(line) for line in ({"status": "Pulling from x", "id": "1"}, error)) + "\r\n"
        said = middle.at("POST /images/create", answer=(200, JSON, lines))
        private = {"ppsBaseImage": image}
        done = scene.act("deployment_start", scene.deployment("d1", "a"), host=middle.host, private=private)
        done.expect("failing", image, "no space left on device")
        expect(said.hits == 1 and middle.count("POST /images/create") == 1, "a refusal is tried again", middle.requests)
        middle.clear()
        middle.at("POST /images/create", cut=60)
        scene.start("d1", "a", host=middle.host, private=private)
        expect(middle.count("POST /images/create") == 2, middle.requests)
        scene.serves(scene.url + "/d1/predict", "d1", "a")


@test("a pull that never comes to its end: failing after some attempts")
def _():
    with Scene("cut") as scene, Middleman() as middle:
        lines = json.dumps({"status": "Pulling from x", "id": "1"}) + "\r\n"
        broken = middle.at("POST /images/create", times=math.inf, answer=(200, JSON, lines))
        done = scene.act("plugin_start", host=middle.host, private={"traefikImage": "127.0.0.1:1/traefik:1"})
        done.expect("failing", "127.0.0.1:1/traefik:1", "ended before the transfer was complete")
        expect(2 <= broken.hits <= 10, broken.hits, "attempts")


# ---- builds --------------------------------------------------------------------------------------------------------

@test("a build that fails: the message has its last lines; nothing is left of it, and the old model serves on")
def _():
    with Scene("build") as scene:
        bad = build_image(scene, "bad", ["ONBUILD RUN echo a-line-of-the-output; echo and-its-reason >&2; exit 7"])
        scene.up()
        url = scene.start("d1", "a")
        words = ["a-line-of-the-output", "and-its-reason", "7"]
        with Watched(url, "a"):
            for _ in range(2):
                private = {"ppsBaseImage": bad}
                done = scene.act("deployment_start", scene.deployment("d2", "b"), private=private)
                expect(done.expect("failing", "b", *words).state == "errored", done)
                done = scene.act("deployment_replace_model", scene.replacement("d1", "a", "b"), private=private)
                expect(done.expect("failing", "b", *words).data == {"oldModelInUse": True}, done)
        expect(scene.images_of("b") == [], scene.images_of("b"))
        scene.stop("d1", "a")
        docker("rmi", bad)
        scene.clear()


@test("a build that breaks off or says an error after 200: failing; the next start builds anew")
def _():
    with Scene("stream") as scene, Middleman() as middle:
        scene.up()
        step = json.dumps({"stream": "Step 1/3 : FROM x\n"}) + "\r\n"
        faults = {
            "unpigz: corrupted": {"answer": (200, JSON, step + json.dumps({"error": "unpigz: corrupted"}) + "\r\n")},
            "ended before the image was built": {"answer": (200, JSON, step)}, "build": {"cut": 100},
            "no space left": {"answer": (500, JSON, json.dumps({"message": "no space left on device"}))},
            "Gateway": {"answer": (504, {"Content-Type": "text/html"}, "<title>504 Gateway Time-out</title>")},
        }
        for number, (words, fault) in enumerate(faults.items()):
            deployment, model = f"d{number}", f"m{number}"
            middle.at(r"POST /build\?", nth=1, **fault)
            done = scene.act("deployment_start", scene.deployment(deployment, model), host=middle.host)
            done.expect("failing", deployment, scene.prefix + model, words)
            expect(scene.of(deployment) == [], scene.of(deployment))
            scene.start(deployment, model, host=middle.host)
            scene.serves(f"{scene.url}/{deployment}/predict", deployment, model)
            middle.clear()
        for number in range(len(faults)):
            scene.stop(f"d{number}", f"m{number}")
        scene.clear()


if __name__ == "__main__":
    main()

"""imageBuilder: registry: the plugin adds the model to the base image in a real registry, and the engine pulls the result."""
import json
import os
import urllib.error
import urllib.request

from support import Registry, docker, expect, main, test
from support.bench import PPS
from support.registry import PASSWORD, USER, client_config, push
from support.trouble import Scene, Watched

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def manifest(registry, name, tag="latest"):
    """What the registry has under a name; None: nothing."""
    request = urllib.request.Request(f"http://{registry.address}/v2/{name}/manifests/{tag}", headers={"Accept": MANIFEST})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)
    except urllib.error.HTTPError:
        return None


def through(scene, registry, base=None):
    """The private config for images of this registry."""
    return {"imageBuilder": "registry", "generatedImagePrefix": registry.image("models/" + scene.prefix),
            "ppsBaseImage": base or push(registry, PPS, scene.prefix + "pps")}


def image_names(scene):
    return docker("images", "--format", "{{.Repository}}:{{.Tag}}@{{.Digest}}", "--filter",
                  f"label=bosun.prefix={scene.prefix}").split()


@test("a deployment's life: the model is a layer on the base image's; the engine builds nothing and keeps one name")
def _():
    with Scene("life") as scene, Registry() as registry:
        private = through(scene, registry)
        name = private["generatedImagePrefix"]
        scene.up()
        url = scene.start("d1", "a", private=private)
        scene.serves(url, "d1", "a")
        expect(image_names(scene) == [f"{name}a:latest@<none>"], image_names(scene))
        made, base = manifest(registry, f"models/{scene.prefix}a"), manifest(registry, scene.prefix + "pps", "1")
        expect(made["layers"][:-1] == base["layers"] and len(made["layers"]) == len(base["layers"]) + 1, made)
        again = scene.act("deployment_start", scene.deployment("d1", "a"), private=private, args=("--dry-run",))
        expect(not again.expect("passing").data.get("plan"), "the same again changes something", again)
        with Watched(url, "a", "b"):
            scene.replace("d1", "a", "b", private=private)
        scene.serves(url, "d1", "b")
        expect(image_names(scene) == [f"{name}b:latest@<none>"], image_names(scene))
        scene.stop("d1", "b", private=private)
        expect(image_names(scene) == [], image_names(scene))
        scene.clear()


@test("a newer base image in the registry: the next start of the model makes a new image, which the engine pulls")
def _():
    with Scene("newer") as scene, Registry() as registry:
        private = through(scene, registry)
        scene.up()
        scene.start("d1", "a", private=private)
        before = manifest(registry, f"models/{scene.prefix}a")
        with open(os.path.join(scene.path, "Dockerfile"), "w", encoding="ascii") as file:
            file.write(f"FROM {PPS}\nLABEL bosun.prefix={scene.prefix} newer=yes\n")
        docker("build", "-q", "-t", scene.prefix + "newer", scene.path)
        push(registry, scene.prefix + "newer", scene.prefix + "pps")
        docker("rmi", scene.prefix + "newer")
        url = scene.start("d2", "a", private=private)
        scene.serves(url, "d2", "a")
        expect(manifest(registry, f"models/{scene.prefix}a") != before, "the base image is still the old one")
        scene.stop("d2", "a", private=private)
        scene.stop("d1", "a", private=private)
        expect(image_names(scene) == [], image_names(scene))
        scene.clear()


@test("a registry with a password: with docker login's; without it failing, with what was tried, and nothing is left")
def _():
    with Scene("closed") as scene, Registry(password=True) as registry:
        private = through(scene, registry)
        scene.up()
        done = scene.act("deployment_start", scene.deployment("d1", "a"), private=private,
                         env={"DOCKER_CONFIG": scene.join("none")})
        done.expect("failing", "authentication required", "without credentials", registry.address)
        expect(scene.of("d1") == [] and image_names(scene) == [], scene.of("d1"), image_names(scene))
        env = {"DOCKER_CONFIG": client_config(scene, "right", registry, USER, PASSWORD)}
        done = scene.act("deployment_start", scene.deployment("d1", "a"), private=private, env=env).expect("passing")
        expect(PASSWORD not in done.stderr + done.msg, "the password is told")
        scene.serves(done.data["predictionUrl"], "d1", "a")
        scene.stop("d1", "a", private=private)
        scene.clear()


@test("an image of the registry that is somebody else's is left alone; a prefix without a registry is a mistake")
def _():
    with Scene("theirs") as scene, Registry() as registry:
        private = through(scene, registry)
        name = f"models/{scene.prefix}a"
        docker("tag", PPS, registry.image(name))
        docker("push", "-q", registry.image(name))
        docker("rmi", registry.image(name))
        theirs = manifest(registry, name)
        scene.up()
        done = scene.act("deployment_start", scene.deployment("d1", "a"), private=private)
        done.expect("failing", registry.image(name), "has not made", "docker pull")
        expect(manifest(registry, name) == theirs, "somebody else's image was replaced")
        done = scene.act("pe_status", private={**private, "generatedImagePrefix": "mlops_"})
        done.expect("failing", "generatedImagePrefix", "names no registry")
        scene.clear()


@test("a registry that is away, before and during: failing, with its address; a start later makes it so")
def _():
    with Scene("away") as scene, Registry() as registry:
        private = through(scene, registry)
        scene.up()
        registry.stop()
        done = scene.act("deployment_start", scene.deployment("d1", "a"), private=private)
        done.expect("failing", registry.address, "refused")
        registry.start()
        url = scene.start("d1", "a", private=private)
        registry.stop()
        expect(scene.act("deployment_start", scene.deployment("d1", "a"), private=private).status == "passing",
               "a deployment that serves needs no registry")
        scene.serves(url, "d1", "a")
        scene.stop("d1", "a", private=private)
        scene.clear()


@test("a dry run names the push and the pull, and does neither")
def _():
    with Scene("dry") as scene, Registry() as registry:
        private = through(scene, registry)
        scene.up()
        done = scene.act("deployment_start", scene.deployment("d1", "a"), private=private, args=("--dry-run",))
        steps = [step["operation"] for step in done.expect("passing").data["plan"]]
        expect(steps[:3] == ["registry.push", "docker.pull", "docker.tag"], steps)
        expect(manifest(registry, f"models/{scene.prefix}a") is None and image_names(scene) == [], image_names(scene))
        scene.clear()


if __name__ == "__main__":
    main()

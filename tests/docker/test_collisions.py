"""What is in the way: containers of strangers, ports that are taken, other actions at the same time."""
import socket

from support import docker, expect, inspect, main, predict, test
from support.bench import PPS
from support.trouble import Scene

# ---- names and ports ---------------------------------------------------------------------------------------

@test("a name that a stranger's container has: failing, the message says whose it is, and it stays as it was")
def _():
    with Scene("stranger") as scene:
        def check(owner, name, action, info=None, **labels):
            name = scene.prefix + name
            docker("create", "--name", name, *(f"--label=bosun.{key}={value}" for key, value in labels.items()), PPS)
            before = inspect(name)
            done = scene.act(action, info).expect("failing", name, owner, "is taken")
            expect(inspect(name) == before, "the stranger's container is another", done)
            docker("rm", "-f", name)
        check("someone else", "traefik", "plugin_start")
        check("other-", "traefik", "plugin_start", prefix="other-", role="proxy")
        scene.up()
        ours = {"prefix": scene.prefix, "role": "server", "deployment": "d1"}
        for owner, labels in {"someone else": {}, "other-": {**ours, "prefix": "other-"},
                              "pe-2": {**ours, "environment": "pe-2"}, "deployment d2": {**ours, "deployment": "d2"},
                              scene.prefix: {**ours, "role": "proxy"}}.items():
            check(owner, "deployment_d1_a", "deployment_start", scene.deployment("d1", "a"), **labels)
        expect(scene.of("d1") == [], scene.of("d1"))


@test("a port that is taken: failing, the message says which; nothing is left of it; free again, it comes up")
def _():
    with Scene("port") as scene, socket.socket() as taken:
        taken.bind(("0.0.0.0", scene.ports[80]))
        taken.listen()
        for action, info in (("plugin_start", None), ("deployment_start", scene.deployment())):
            scene.act(action, info).expect("failing", str(scene.ports[80]), "traefik")
            expect(scene.containers() == [], scene.containers())
        taken.close()
        scene.up()
        scene.serves(scene.start(), "d1", "A")


# ---- at once -------------------------------------------------------------------------------------------------------

def all_at_once(scene, *actions):
    """Begins all these at the same time; their outcomes."""
    running = [scene.begin(action, info) for action, info in actions]
    return [one.finish() for one in running]


@test("replacements by different models at once, and a stop beside a start: the next action finds everything in order")
def _():
    with Scene("beside") as scene:
        scene.up()
        for turn in range(3):
            deployment = f"d{turn}"
            url = scene.start(deployment, "a")
            done = all_at_once(scene, *[("deployment_replace_model", scene.replacement(deployment, "a", new))
                                        for new in ("b", "c")])
            expect("passing" in [one.status for one in done], done)
            served = predict(url)[1]["model"]
            expect(served in "abc", served)
            scene.replace(deployment, served, "e")
            scene.serves(url, deployment, "e")
            all_at_once(scene, ("deployment_start", scene.deployment(deployment, "e")),
                        ("deployment_stop", scene.deployment(deployment, "e")))
            scene.stop(deployment, "e")
            expect(scene.of(deployment) == [], scene.of(deployment))
        for model in "abce":
            scene.stop("d0", model)
        scene.clear()


@test("deployments that come and go do not disturb the building of another one's image")
def _():
    with Scene("building") as scene:
        scene.up()
        info = scene.deployment("big", "big")
        with open(info["modelArtifact"], "r+b") as file:
            file.truncate(600_000_000)
        running = scene.begin("deployment_start", info)
        while not running.ended():
            scene.act("deployment_stop", scene.deployment("none", "none")).expect("passing")
            scene.up()
        running.finish().expect("passing")
        scene.stop("big", "big")
        scene.clear()


if __name__ == "__main__":
    main()

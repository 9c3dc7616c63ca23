"""Limits and model packages that are not what they should be: failing, with what is wrong; nothing is made, and what
serves goes on."""
import os

from support import docker, expect, inspect, main, test, wait_until
from support.trouble import SECONDS, Scene, Watched, at_once


def nothing_of(scene, deployment, model):
    expect(scene.of(deployment) == [], "containers:", scene.of(deployment))
    expect(scene.images_of(model) == [], "images:", scene.images_of(model))


@test("memory and cpus that are none, too little or too much: failing, the message names the key; nothing is made")
def _():
    bad = [("memory", value) for value in
           ("much", "5m", "-1g", "0", "1z", "", "1m2", [1], True, 1e30, "9999999999999999g")]
    bad += [("cpus", value) for value in ("many", "0", "-1", "0.001", 1000, "1e400", "nan", [2], "1,5")]
    with Scene("limits") as scene:
        scene.up()

        def check(case):
            key, value = case
            info = scene.deployment(f"d{bad.index(case)}", "a", keyValueConfig={key: value})
            done = scene.act("deployment_start", info).expect("failing")
            expect(key in done.msg.lower(), f"no {key} in", done)
        at_once(bad, check)
        expect(scene.servers() == [], scene.servers())
        scene.start("d", "a", info={"keyValueConfig": {"memory": "64Mi", "cpus": "0.5"}})
        host = inspect(scene.of("d")[0])["HostConfig"]
        expect((host["Memory"], host["NanoCpus"]) == (64 << 20, 500_000_000), host["Memory"], host["NanoCpus"])


@test("a model package that is missing, empty, a folder, a FIFO, a path through a file: failing, with the path")
def _():
    with Scene("artifact") as scene:
        scene.up()
        url = scene.start("d1", "a")
        os.mkdir(scene.join("folder"))
        os.mkfifo(scene.join("fifo"))
        empty = scene.write("empty.mlpkg", "")
        paths = [scene.join("missing.mlpkg"), empty, scene.join("folder"), scene.join("fifo"), empty + "/x", "", None]
        with Watched(url, "a"):
            for path in paths:
                words = [path] if path else ["modelArtifact"]
                done = scene.act("deployment_start", scene.deployment("d2", "b", modelArtifact=path))
                expect(done.expect("failing", *words).state == "errored", done)
                done = scene.act("deployment_replace_model", scene.replacement("d1", "a", "b", modelArtifact=path))
                expect(done.expect("failing", *words).data == {"oldModelInUse": True}, done)
        nothing_of(scene, "d2", "b")


@test("a model package that shrinks or grows while it is read: failing, or what was read at first; never a mixture")
def _():
    with Scene("shrinks", alone=True) as scene:
        scene.up()
        url = scene.start("d1", "a")
        for change in (lambda file: file.truncate(30_000_000), lambda file: file.truncate(0)):
            info = scene.replacement("d1", "a", "b")
            with open(info["modelArtifact"], "r+b") as file:
                file.truncate(3_000_000_000)
                running = scene.begin("deployment_replace_model", info)
                wait_until(lambda: position(running, info["modelArtifact"]) > 50_000_000, SECONDS, "it is being read")
                change(file)
            done = running.finish().expect("failing", info["modelArtifact"])
            expect(done.data == {"oldModelInUse": True}, done)
            scene.serves(url, "d1", "a")
            expect(scene.images_of("b") == [], "an image of it:", scene.leftovers())
        scene.stop("d1", "a")
        scene.clear()


def position(running, path):
    """How far some process of the action has read the file."""
    for process in os.listdir("/proc"):
        try:
            if not process.isdigit() or os.getpgid(int(process)) != running.process.pid:
                continue
            for number in os.listdir(f"/proc/{process}/fd"):
                if os.readlink(f"/proc/{process}/fd/{number}") == path:
                    with open(f"/proc/{process}/fdinfo/{number}", encoding="ascii") as info:
                        return int(info.readline().split()[1])
        except OSError:
            continue
    return 0


if __name__ == "__main__":
    main()

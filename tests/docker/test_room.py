"""Where two do not fit: the old container stops first and is put back after a failure, with the seconds told; what does
not fit at all is refused before anything is touched, with numbers; GPUs and devices; and which package it is."""
import hashlib
import json
import math
import os
import signal
import time

from support import Middleman, Predictions, docker, engine_request, expect, inspect, main, test, wait_until
from support.bench import PPS
from support.quick import SECONDS, Quick, answers, url_of

STOP_FIRST = {"private": {"replaceStrategy": "stopFirst"}}


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def events_since(start, bench):
    """What happened to the deployments' containers: ["die A", "start B"]; the model is the end of the name."""
    text = docker("events", "--since", str(start), "--until", str(time.time() + 1), "--filter", "type=container",
                  "--format", "{{.Status}} {{.Actor.Attributes.name}}")
    return [line for line in text.splitlines()
            if line.split()[0] in ("die", "start") and bench.prefix + "deployment_" in line]


@test("stopFirst: the old container ends before the new one starts, and the seconds without predictions are told")
def _():
    with Quick("first") as bench:
        bench.up()
        url = bench.start("d1", "A", **STOP_FIRST)
        start = time.time()
        done = bench.act("deployment_replace_model", bench.replacement(), **STOP_FIRST).expect(
            "passing", "instead of model A", "without predictions for ")
        expect(done.state == "ready" and 0 < done.data["outageSeconds"] < SECONDS, done)
        seen = [line.split()[0] for line in events_since(start, bench)]
        expect(seen[:2] == ["die", "start"], seen)
        answers(url, "B")
        expect(len(bench.servers()) == 1 == len(bench.images()), bench.leftovers())
        bench.act("deployment_start", bench.deployment("d1", "B"), **STOP_FIRST).expect("passing", "already serving")
        done = bench.act("deployment_relaunch", bench.deployment("d1", "B"), **STOP_FIRST).expect("passing")
        expect(done.data["outageSeconds"] > 0 and len(bench.servers()) == 1, done, bench.servers())
        answers(url, "B")
        # One deployment can differ from the private config.
        beside = {"keyValueConfig": {"replaceStrategy": "beside"}}
        with Predictions(url) as seen:
            done = bench.act("deployment_replace_model", bench.replacement("d1", "B", "C", **beside), **STOP_FIRST)
            expect("outageSeconds" not in done.expect("passing").data, done)
        expect(not [one for one in seen.predictions if one.problem], "predictions were lost")


@test("stopFirst: a new model that fails is removed, and the old container serves again; msg has the seconds")
def _():
    with Quick("back") as bench:
        bench.up()
        url = bench.start()
        before = inspect(bench.servers()[0])["Id"]
        for info in (bench.replacement("d1", "A", "B", ["crash: 3"]),
                     {**bench.deployment("d1", "A", ["crash: 3"]), "newModelId": "A"}):
            done = bench.act("deployment_replace_model", info, **STOP_FIRST).expect(
                "failing", "the old container, which was stopped first, serves again after ", "still serving model A")
            expect(done.state == "ready" and done.data["outageSeconds"] > 0, done)
            expect(done.data.get("oldModelInUse") is (True if info["newModelId"] == "B" else None), done)
            answers(url, "A")
            server, = bench.servers()
            expect(inspect(server)["Id"] == before and server.endswith("deployment_d1_A"), server)
        # The engine has no GPU: it refuses at the start.
        gpu = bench.replacement("d1", "A", "B", keyValueConfig={"gpus": 1})
        bench.act("deployment_replace_model", gpu, **STOP_FIRST).expect("failing", "serves again", "gpu")
        answers(url, "A")
        expect(len(bench.images()) == 1, bench.images())


@test("stopFirst: an action that is cancelled, or killed, leaves a deployment that serves, or does after the next one")
def _():
    with Quick("cut") as bench:
        bench.up()
        url = bench.start()
        running = bench.begin("deployment_replace_model", bench.replacement("d1", "A", "B", ["never-healthy: yes"]),
                              **STOP_FIRST)
        wait_until(lambda: any(name.endswith("_B") for name in bench.servers()), SECONDS, "the new container starts")
        running.signal(signal.SIGTERM)
        done = running.result().status
        expect("serves again after " in done["msg"] and "still serving model A" in done["msg"], done)
        expect(done["state"] == "ready" and done["data"]["oldModelInUse"] and done["data"]["outageSeconds"] > 0, done)
        answers(url, "A")
        running = bench.begin("deployment_replace_model", bench.replacement("d1", "A", "B", ["never-healthy: yes"]),
                              **STOP_FIRST)
        wait_until(lambda: any(name.endswith("_B") for name in bench.servers()), SECONDS, "the new container starts")
        running.kill()
        running.result()
        bench.act("deployment_start", bench.deployment(), **STOP_FIRST).expect("passing")
        answers(url, "A")
        expect(len(bench.servers()) == 1, bench.servers())


@test("a dry run of stopFirst plans the stop before the creation, and changes nothing")
def _():
    with Quick("dryfirst") as bench:
        bench.up()
        bench.start()
        before = bench.state()
        done = bench.act("deployment_replace_model", bench.replacement(), args=["--dry-run"], **STOP_FIRST)
        plan = [json.dumps(entry) for entry in done.expect("passing").data["plan"]]
        at = {word: next(i for i, entry in enumerate(plan) if word in entry) for word in ("stop", "create")}
        expect(at["stop"] < at["create"], plan)
        expect(bench.state() == before, bench.state())


@test("more memory or processors than the machine has, and devices that it lacks, are refused before anything is done")
def _():
    with Quick("room") as bench:
        before = bench.state()
        memory, cpus = (docker("info", "--format", "{{." + key + "}}") for key in ("MemTotal", "NCPU"))
        for values, words in (
                ({"memory": int(memory) * 2}, ["memory: it needs ", "GiB (keyValueConfig.memory), the engine's machine"]),
                ({"cpus": int(cpus) + 1}, [f"CPUs: it needs {int(cpus) + 1} ", f"machine has {cpus}"]),
                ({"devices": ["/dev/no-such-device"]}, ["/dev/no-such-device", "does not exist"])):
            info = bench.deployment(keyValueConfig=values)
            bench.act("deployment_start", info, private={"allowedDevices": ["/dev/no-such-*"]}).expect(
                "failing", "no room: ", *words)
            expect(bench.state() == before, bench.leftovers())
        bench.up()
        url = bench.start()
        before = bench.state()
        done = bench.act("deployment_replace_model", bench.replacement(keyValueConfig={"memory": int(memory) * 2}))
        done.expect("failing", "no room: ", "still serving model A")
        expect(done.data["oldModelInUse"] and done.error["code"] == "no_room", done)
        expect(bench.state() == before, bench.state())
        answers(url, "A")


@test("what the engine tells of disk and GPUs: a shortfall is named with numbers; roomCheck: false skips it")
def _():
    with Quick("told") as bench, Middleman() as engine:
        _, info = engine_request("GET", "/info")
        info["DockerRootDir"] = "/proc"  # no byte is free there
        info["GenericResources"] = [{"NamedResourceSpec": {"Kind": "NVIDIA-GPU", "Value": "GPU-1"}}]
        engine.at("GET /info", times=math.inf, answer=(200, {"Content-Type": "application/json"},
                                                       json.dumps(info).encode()))
        through = {"env": {"DOCKER_HOST": engine.host}}
        before = bench.state()
        done = bench.act("deployment_start", bench.deployment(keyValueConfig={"gpus": 2}), **through).expect(
            "failing", "disk: it needs ", "to build an image), 0 B are free", "GPUs: it needs 2", "the engine has 1")
        expect(bench.state() == before, done)
        bench.act("deployment_start", bench.deployment(), private={"roomCheck": False}, **through).expect("passing")


@test("devices of keyValueConfig: those that the private config allows, with place and permissions")
def _():
    with Quick("devices") as bench:
        bench.up()
        allowed = {"private": {"allowedDevices": ["/dev/null", "/dev/z*"]}}
        values = {"devices": ["/dev/null:/dev/mine:r", "/dev/zero"]}
        bench.start("d1", "A", info={"keyValueConfig": values}, **allowed)
        host = inspect(bench.servers()[0])["HostConfig"]
        expect([(one["PathOnHost"], one["PathInContainer"], one["CgroupPermissions"]) for one in host["Devices"]]
               == [("/dev/null", "/dev/mine", "r"), ("/dev/zero", "/dev/zero", "rwm")], host["Devices"])
        before = bench.state()
        for value in ("/dev/sda", "/dev/z/../sda", "/dev/zfs/sda", "relative", "/dev/null:/x:q", [7], [], {"a": 1}):
            bench.act("deployment_start", bench.deployment("d2", "A", keyValueConfig={"devices": value}), **allowed
                      ).expect("failing", "keyValueConfig.devices")
        for value in ("many", 0, -1, 1.5, [], [7], {"a": 1}, True):
            bench.act("deployment_start", bench.deployment("d2", "A", keyValueConfig={"gpus": value})).expect(
                "failing", "keyValueConfig.gpus", "expected a number of GPUs")
        bench.act("deployment_start", bench.deployment(keyValueConfig={"replaceStrategy": "after"})).expect(
            "failing", "replaceStrategy: expected beside or stopFirst")
        expect(bench.state() == before, bench.state())


@test("the SHA-256 of the package is told, and has to be the one that deploymentInfo has, before anything is touched")
def _():
    with Quick("sum") as bench:
        before = bench.state()
        info = bench.deployment()
        digest = sha256(info["modelArtifact"])
        done = bench.act("deployment_start", {**info, "modelSha256": "0" * 64})
        done.expect("failing", digest, "not " + "0" * 64)
        expect(done.error["code"] == "digest", done)
        expect(bench.state() == before, "a proxy was made", bench.leftovers())
        bench.up()
        for kind in ("dedicated", "shared"):
            given = {**info, "modelExecutionType": kind, "keyValueConfig": {"sha256": digest}}
            done = bench.act("deployment_start", given)
            expect(url_of(done) and done.data["artifactSha256"] == digest, done)
            done = bench.act("deployment_start", given).expect("passing", "already serving")
            expect(done.data["artifactSha256"] == digest, done)
            status = bench.act("deployment_status", given).expect("passing")
            expect(status.data == {"currentModelId": "A", "artifactSha256": digest}, status)
            expect(bench.listed()["d1"]["data"]["artifactSha256"] == digest, bench.listed())
            gone = {**given, "modelArtifact": "/nowhere/x", "keyValueConfig": {"sha256": "0" * 64}}
            bench.act("deployment_start", gone).expect("failing", "of the model that is served is " + digest)


@test("artifactDigest: false reads no package, and what serves goes on")
def _():
    with Quick("nosum") as bench:
        bench.up()
        bench.start()
        before = bench.state()
        off = {"private": {"artifactDigest": False}}
        bench.act("deployment_start", bench.deployment(), **off).expect("passing", "already serving")
        expect(bench.state() == before, bench.state())
        done = bench.act("deployment_start", bench.deployment("d2", "B"), **off).expect("passing")
        expect("artifactSha256" not in done.data, done)
        bench.act("deployment_start", bench.deployment("d2", "B"), **off).expect("passing", "already serving")


@test("a custom model's image that was built anew under its name is another model")
def _():
    with Quick("custom") as bench:
        bench.up()
        folder = bench.join("custom")
        os.makedirs(folder)
        image = bench.prefix + "mine"
        info = {"id": "d1", "modelId": "mine"}
        for model in ("one", "two"):
            bench.write("custom/m.mlpkg", f"model: {model}\n")
            bench.write("custom/Dockerfile", f"FROM {PPS}\nCOPY m.mlpkg /opt/ml/model/\n")
            docker("build", "-q", "-t", image, folder)
            answers(url_of(bench.act("deployment_start", info)), model)
            bench.act("deployment_start", info).expect("passing", "already serving")
        expect(len(bench.servers()) == 1, bench.servers())
        docker("rmi", "-f", image)


if __name__ == "__main__":
    main()

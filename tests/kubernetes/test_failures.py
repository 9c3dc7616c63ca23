"""A deployment that does not come up fails early, with the cluster's own reason and the server's last lines, and leaves
nothing; a replacement leaves the model that was served, and says so once that has answered."""
import base64
import json

from support import (PRIVATE_REGISTRY, REGISTRY, SECONDS, Predictions, Quick, at_once, expect, main, test,
                     wait_until)

QUOTA = """{"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"},
            "spec": {"hard": {"pods": "%d", "limits.memory": "1Gi", "requests.memory": "1Gi"}}}"""
SMALL, HUGE = {"keyValueConfig": {"memory": "64Mi"}}, {"keyValueConfig": {"memory": "900Gi"}}

# What is wrong; the model's directives, deploymentInfo's and the private config's keys; the code and words of the error.
CASES = [
    ("crash", ["crash: 3"], {}, {}, "CrashLoopBackOff", ("exit status 3", "fatal: the model is broken")),
    ("memory", ["eat-memory: yes"], SMALL, {}, "OOMKilled", ("OOMKilled",)),
    ("room", [], HUGE, {}, "Unschedulable", ("nodes are available", "Insufficient memory")),
    ("selector", [], {}, {"nodeSelector": {"disk": "gold"}}, "Unschedulable", ("node affinity/selector",)),
    ("ping", ["never-healthy: yes"], {}, {"startTimeout": "6s"}, "timeout", ("Unhealthy", "503")),
    ("model", ["other: Z"], {}, {}, "failed", ("serves model Z, not",)),
    ("variable", [], {}, {"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "no", "key": "k"}}}]},
     "CreateContainerConfigError", ('secret "no" not found',)),
    ("refused", [], {}, {"affinity": {"nodeAffinity": {"odd": 1}}}, "Invalid", ("odd",)),
]


@test("a start that fails says why, and leaves nothing")
def _():
    with Quick("fail") as scene:
        def check(case):
            name, directives, more, private, code, words = case
            info = scene.deployment(name, f"m-{name}", directives, **more)
            done = scene.act("deployment_start", info, private=private)
            done.expect("failing", f"{name}: cannot bring up", *words)
            expect(done.state == "errored" and done.error["code"] == code, done, done.error)
            expect("oldModelInUse" not in (done.data or {}), done)
        at_once(CASES, check)
        wait_until(lambda: scene.leftovers() == [], SECONDS, "nothing is left")
        expect(scene.listed() == {}, scene.listed())


@test("a replacement that fails is undone: the old model serves on, no prediction is lost, the same objects are there")
def _():
    with Quick("undo") as scene:
        def check(case):
            name, directives, more, private, code, words = case
            url = scene.start(name, f"old-{name}")
            before = what(scene, name)
            with Predictions(url) as sent:
                info = scene.replacement(name, f"old-{name}", f"new-{name}", directives, **more)
                done = scene.act("deployment_replace_model", info, private=private)
                done.expect("failing", f"still serving model old-{name}", *words)
            report = sent.stop()
            # A server that serves another model than it should is found out when it serves.
            expect(not report.lost and (name == "model" or list(report.models) == [f"old-{name}"]), report)
            expect(done.state == "ready" and done.data == {"oldModelInUse": True}, done)
            expect(done.error["code"] == code, done.error)
            expect(what(scene, name) == before, "before and after:", before, what(scene, name))
            scene.stop(name, f"old-{name}")
        at_once(CASES, check)
        scene.clear()


def what(scene, name):
    """What the objects of a deployment say, but for their versions."""
    found = {}
    for kind in ("deployments", "services", "ingresses"):
        for item in scene.objects(kind):
            if item["metadata"]["name"] == f"dr-{name}":
                notes = {key: value for key, value in item["metadata"]["annotations"].items() if "bosun/" in key}
                found[kind] = (notes, item["metadata"]["labels"], item["spec"])
    return found


@test("images in a private registry without a pull secret: the registry's words; with one the start passes")
def _():
    with Quick("pull") as scene:
        scene.kubectl("create", "secret", "docker-registry", "pull", f"--docker-server={PRIVATE_REGISTRY}",
                      "--docker-username=kube", "--docker-password=kube")
        # The agent's user has logged in; nodes know nothing of that.
        login = base64.b64encode(b"kube:kube").decode()
        scene.write("docker/config.json", json.dumps({"auths": {PRIVATE_REGISTRY: {"auth": login}}}))
        env = {"DOCKER_CONFIG": scene.join("docker")}
        private = {"generatedImageRepo": f"{PRIVATE_REGISTRY}/{scene.namespace}",
                   "insecureRegistries": [REGISTRY, PRIVATE_REGISTRY]}
        done = scene.act("deployment_start", scene.deployment(), private=private, env=env)
        done.expect("failing", "cannot bring up model A", "401 Unauthorized")
        expect(done.error["code"] in ("ErrImagePull", "ImagePullBackOff") and done.state == "errored", done, done.error)
        wait_until(lambda: scene.leftovers() == ["secret pull"], SECONDS, "nothing is left")
        done = scene.act("plugin_start", private={**private, "imagePullSecrets": ["pul"]}, env=env)
        done.expect("failing", "imagePullSecrets", "no Secret pul")
        private["imagePullSecrets"] = ["pull"]
        scene.act("deployment_start", scene.deployment(), private=private, env=env).expect("passing")


@test("a quota: the cluster's words, the old model serves on; when the quota is gone, the start passes")
def _():
    with Quick("quota") as scene:
        scene.act("deployment_start", scene.deployment("d1", "A", **SMALL)).expect("passing")
        scene.kubectl("apply", "-f", "-", text=QUOTA % 1)
        done = scene.act("deployment_start", scene.deployment("d2", "A", **SMALL))
        done.expect("failing", "exceeded quota: few")
        expect(done.error["code"] == "FailedCreate" and done.state == "errored", done, done.error)
        done = scene.act("deployment_replace_model", scene.replacement("d1", "A", "B", **SMALL))
        done.expect("failing", "exceeded quota: few", "still serving model A")
        expect(done.data == {"oldModelInUse": True}, done)
        scene.kubectl("delete", "resourcequota", "few")
        scene.act("deployment_start", scene.deployment("d2", "A", **SMALL)).expect("passing")


main()

"""The image builder in the cluster: what it makes, what it is given, what it is like when it fails. Kaniko itself is not
to be had: a stand-in takes its flags (programs/executor); the Job and the hand-over are real."""
import base64
import hashlib
import json
import os

from support import (PRIVATE_REGISTRY, REGISTRY, Middleman, Quick, Scene, at_once, expect, main, registry, test,
                     wait_until)
from support.cluster import PASSWORD, PPS, USER, RegistryFront, image_config

DENIED = (403, {"Content-Type": "application/json"}, json.dumps({"errors": [{"code": "DENIED", "message": "read only"}]}))
NOWHERE = {"builder": {"nodeSelector": {"bosun-test": "nowhere"}}}


def fails(scene, deployment, *words, **private):
    """A start that fails with these words, and leaves nothing; its error's code."""
    done = scene.act("deployment_start", scene.deployment(deployment, "m" + deployment), private=private)
    done.expect("failing", f"cannot build the image {private.get('generatedImageRepo', scene.repository)}:m-m{deployment}",
                *words)
    expect(done.state == "errored", done)
    wait_until(lambda: not [item for item in scene.leftovers() if f"dr-{deployment}-" in item], 30, "its pod is gone")
    return done.error["code"]


@test("an image has the package, its labels, and the base image's layers; it is made anew only for something else")
def _():
    with Scene("image") as scene:
        info = scene.deployment("d1", "A")
        scene.act("deployment_start", info).expect("passing", "serving model A")
        made = image_config(f"{scene.repository}:m-A")
        expect(made["layers"] == image_config(PPS)["layers"] + 1, made)
        expect(made["Labels"]["bosun.model"] == "A" and made["Labels"]["bosun.base"] == PPS, made)
        expect(made["Entrypoint"] == image_config(PPS)["Entrypoint"], made)
        deployment, = scene.objects("deployments")
        container, = deployment["spec"]["template"]["spec"]["containers"]
        expect(container["image"] == f"{scene.repository}@{made['digest']}", container["image"])
        scene.act("deployment_start", info).expect("passing", "already serving")
        expect(image_config(f"{scene.repository}:m-A")["digest"] == made["digest"], "built once more")

        scene.package("A", "predict-delay: 0")  # the same model id, other bytes
        done = scene.act("deployment_start", info).expect("passing", "serving model A")
        again = image_config(f"{scene.repository}:m-A")
        expect(again["digest"] != made["digest"], "the package differs, the image does not")
        expect(done.data["artifactSha256"] == again["Labels"]["bosun.package"] != made["Labels"]["bosun.package"], done)
        expect(registry(f"{scene.namespace}/manifests/{made['digest']}")[0] == 200, "one replaced image is kept")
        scene.stop("d1", "A")
        for image in (made, again):
            expect(registry(f"{scene.namespace}/manifests/{image['digest']}")[0] == 404, "an image is left:", image)
        scene.clear()


@test("replaced images are kept as keptImages says; one that another deployment runs stays")
def _():
    with Quick("kept") as scene:
        # the repository is the same, the package in it, too: the second start builds nothing
        scene.start("d1", "A")
        scene.start("d2", "A")
        scene.replace("d1", "A", "B", private={"keptImages": 0})
        expect(scene.tags() == ["m-A", "m-B"], "d2 runs model A:", scene.tags())
        scene.replace("d1", "B", "C", private={"keptImages": 1})
        expect(scene.tags() == ["m-A", "m-B", "m-C"], scene.tags())
        scene.stop("d2", "A")
        done = scene.act("deployment_replace_model", scene.replacement("d1", "C", "E", ["crash: 1"]))
        done.expect("failing", "still serving model C")
        expect(scene.tags() == ["m-B", "m-C"], "of others, or of a model that did not come up:", scene.tags())
        scene.stop("d1", "C")
        expect(scene.tags() == [], scene.tags())
        scene.clear()


@test("a custom model's image is used as it is and never removed; without it and without a package, a start says so")
def _():
    with Quick("custom") as scene:
        info = {"id": "d1", "name": "d1", "modelId": "X", "modelExecutionType": "dedicated", "modelArtifact": None}
        scene.act("deployment_start", info).expect("failing", "modelArtifact is missing", "no custom model image",
                                                   f"{scene.repository}:m-X")
        # somebody's own image, made of one that the plugin has built
        scene.start("d0", "A")
        status, manifest, headers = registry(f"{scene.namespace}/manifests/m-A")
        expect(status == 200, status)
        body = json.dumps(manifest, indent=3).encode()
        status, answer, _ = registry(f"{scene.namespace}/manifests/m-X", method="PUT", body=body,
                                     content_type=headers["Content-Type"])
        expect(status == 201, status, answer)
        info["modelArtifact"] = scene.package("X")
        scene.act("deployment_start", info).expect("passing", "serving model X")
        expect(scene.tags() == ["m-A", "m-X"], scene.tags())
        expect(image_config(f"{scene.repository}:m-X")["digest"] == "sha256:" + hashlib.sha256(body).hexdigest(), "built over it")
        scene.stop("d0", "A")
        scene.stop("d1", "X")
        expect("m-X" in scene.tags(), "a custom model's image was removed")


def with_bytes(info):
    """A package of 3 MiB."""
    with open(info["modelArtifact"], "ab") as file:
        file.write(b"#" + os.urandom(3 << 20))
    return info


def fail_in_builder(scene):
    code = fails(scene, "base", "container kaniko", "its last lines:", "MANIFEST_UNKNOWN",
                 kanikoInitImage=PPS, ppsBaseImage=f"{REGISTRY}/no-such-base:1")
    expect(code == "Failed", code)


def fail_at_image(scene):
    code = fails(scene, "pull", "container receive", "no-such-image", kanikoInitImage=f"{REGISTRY}/no-such-image:1")
    expect(code in ("ErrImagePull", "ImagePullBackOff"), code)


def fail_at_scheduler(scene):
    code = fails(scene, "sched", "Unschedulable", "didn't match Pod's node affinity/selector", **NOWHERE)
    expect(code == "Unschedulable", code)


def fail_at_account(scene):
    code = fails(scene, "account", "FailedCreate", 'serviceaccount "nobody" not found', kanikoServiceAccount="nobody")
    expect(code == "FailedCreate", code)


def fail_at_push(scene):
    code = fails(scene, "push", "container kaniko", "401",
                 generatedImageRepo=f"{PRIVATE_REGISTRY}/{scene.namespace}",
                 insecureRegistries=[REGISTRY, PRIVATE_REGISTRY])
    expect(code == "Failed", code)


def fail_at_time(scene):
    code = fails(scene, "late", "not finished within 2 s", "Unschedulable", schedulingTimeout="60s", buildTimeout="2s",
                 **NOWHERE)
    expect(code == "timeout", code)


def fail_at_deadline(scene):
    """The cluster's own limit for the Job, as an administrator may set it."""
    running = scene.begin("deployment_start", scene.deployment("dead", "mdead"),
                          private={"schedulingTimeout": "60s", **NOWHERE})
    wait_until(lambda: scene.cluster.get("jobs", scene.namespace, "dr-dead-build"), 20, "the Job is there")
    scene.cluster.merge("jobs", scene.namespace, "dr-dead-build", {"spec": {"activeDeadlineSeconds": 1}})
    done = running.finish().expect("failing", "DeadlineExceeded")
    expect(done.error["code"] == "DeadlineExceeded", done.error)


def fail_at_deletion(scene):
    running = scene.begin("deployment_start", scene.deployment("gone", "mgone"),
                          private={"schedulingTimeout": "60s", **NOWHERE})
    wait_until(lambda: scene.cluster.get("jobs", scene.namespace, "dr-gone-build"), 20, "the Job is there")
    scene.cluster.delete("jobs", scene.namespace, "dr-gone-build")
    running.finish().expect("failing", "job dr-gone-build", "somebody has deleted it")


@test("a model's id and an environment's that have several lines make no instructions of the Dockerfile")
def _():
    with Scene("lines") as scene:
        info = scene.deployment("d1", "A", modelId="A\nRUN exit 1", name='"$x\\')
        scene.act("deployment_start", info, pe_info={"id": "pe\n1"}).expect("passing", "serving model A")
        scene.act("deployment_start", info, pe_info={"id": "pe\n1"}).expect("passing", "already serving")
        image, = (pod["spec"]["containers"][0]["image"] for pod in scene.servers())
        expect(image_config(image)["Labels"]["bosun.model"] == "A RUN exit 1", image_config(image))
        scene.act("deployment_stop", info, pe_info={"id": "pe\n1"}).expect("passing", "stopped")
        expect(image_config(image) is None, "the image is left")


@test("a build that fails says where and why, with the builder's last lines, and leaves neither Job nor pod")
def _():
    with Scene("buildfail") as scene:
        at_once([fail_in_builder, fail_at_image, fail_at_scheduler, fail_at_account, fail_at_push, fail_at_time,
                 fail_at_deadline, fail_at_deletion], lambda case: case(scene))
        wait_until(lambda: scene.leftovers() == [], 40, f"nothing is left: {scene.leftovers()}")
        expect(scene.tags() == [], scene.tags())


@test("a registry that takes the layers and not the manifest: the builder's words are in the message")
def _():
    with Scene("denied") as scene, RegistryFront() as front:
        refused = front.at("PUT .*/manifests/", answer=DENIED, times=99)
        code = fails(scene, "denied", "container kaniko", "failed to push to destination", "DENIED",
                     generatedImageRepo=f"{front.name}/{scene.namespace}", insecureRegistries=[REGISTRY, front.name])
        expect(code == "Failed" and refused.hits > 0 and front.count("PATCH .*/blobs/") > 0, code, front.requests)


@test("a quota that leaves no room for the builder's pod: its words; with room again, the start passes")
def _():
    with Scene("quota") as scene:
        scene.cluster.create("resourcequotas", scene.namespace, {
            "metadata": {"name": "none"}, "spec": {"hard": {"count/pods": "0"}}})
        code = fails(scene, "d1", "FailedCreate", "exceeded quota: none")
        expect(code == "FailedCreate", code)
        running = scene.begin("deployment_start", scene.deployment(), private={"schedulingTimeout": "40s"})
        wait_until(lambda: [event for event in scene.objects("events") if event["reason"] == "FailedCreate"
                            and event["involvedObject"]["kind"] == "Job"], 20, "the quota refuses the pod")
        scene.cluster.delete("resourcequotas", scene.namespace, "none")
        running.finish().expect("passing", "serving model A")
        scene.stop()


@test("Pod Security restricted refuses Kaniko, which works as root; a builder that needs no root passes with its settings")
def _():
    with Scene("restricted", level="restricted") as scene:
        code = fails(scene, "d1", "FailedCreate", "violates PodSecurity", "restricted")
        expect(code == "FailedCreate", code)
        builder = {"podSecurityContext": {"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 1000},
                   "securityContext": {"capabilities": {"drop": ["ALL"]}},
                   "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "512Mi"}}, "labels": {"team": "ml"},
                   "env": [{"name": "HOME", "value": "/tmp"}], "tolerations": [{"operator": "Exists"}],
                   "volumes": [{"name": "more", "emptyDir": {}}],
                   "volumeMounts": [{"name": "more", "mountPath": "/more"}]}
        seen = []
        with Middleman(scene.cluster) as middle:
            middle.at("POST .*/jobs", takes=lambda body: seen.append(json.loads(body)))
            scene.act("deployment_start", scene.deployment("d2", "B"),
                      private={"builder": builder, "server": middle.url}).expect("passing", "serving model B")
        pod = seen[0]["spec"]["template"]
        container, = pod["spec"]["containers"]
        expect(pod["metadata"]["labels"]["team"] == "ml" and pod["spec"]["tolerations"], pod)
        expect(container["resources"] == {"requests": {"cpu": "10m"}, "limits": {"memory": "512Mi"}}, container)
        expect({"name": "more", "mountPath": "/more"} in container["volumeMounts"], container)
        expect(seen[0]["spec"]["backoffLimit"] == 0 and seen[0]["spec"]["activeDeadlineSeconds"] > 60, seen[0]["spec"])
        scene.stop("d2", "B")


@test("a registry with a password: kanikoSecretName or kanikoConfigmapName pushes, and the plugin sees what is there")
def _():
    config = json.dumps({"auths": {PRIVATE_REGISTRY: {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}}})
    with Scene("private") as scene:
        scene.cluster.create("secrets", scene.namespace, {
            "metadata": {"name": "push"}, "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(config.encode()).decode()}})
        scene.cluster.create("configmaps", scene.namespace, {"metadata": {"name": "push"}, "data": {"config.json": config}})
        repository = f"{PRIVATE_REGISTRY}/{scene.namespace}"
        common = {"generatedImageRepo": repository, "insecureRegistries": [REGISTRY, PRIVATE_REGISTRY],
                  "imagePullSecrets": ["push"]}
        scene.start("d1", "A", private={**common, "kanikoSecretName": "push"})
        made = image_config(f"{repository}:m-A")
        scene.start("d1", "A", private={**common, "kanikoSecretName": "push"})
        expect(image_config(f"{repository}:m-A")["digest"] == made["digest"], "built once more")
        scene.start("d2", "B", private={**common, "kanikoConfigmapName": "push"})
        scene.stop("d1", "A", private={**common, "kanikoSecretName": "push"})
        scene.stop("d2", "B", private={**common, "kanikoConfigmapName": "push"})
        expect(image_config(f"{repository}:m-A") is None and image_config(f"{repository}:m-B") is None, "images are left")


@test("a hand-over that breaks off goes on where it was; one that always breaks off ends, and nothing is built")
def _():
    with Scene("handover") as scene, Middleman(scene.cluster) as middle:
        info = with_bytes(scene.deployment())
        cuts = middle.at("/exec.*head", cut_sent=1 << 20, times=2)
        done = scene.act("deployment_start", info, private={"server": middle.url}).expect("passing", "serving model A")
        expect(cuts.hits == 2, cuts.hits)
        expect(image_config(f"{scene.repository}:m-A")["Labels"]["bosun.package"] == done.data["artifactSha256"], done)
        scene.stop()

        middle.at("/exec.*head", cut_sent=1000, times=99)
        done = scene.act("deployment_start", with_bytes(info), private={"server": middle.url})
        done.expect("failing", "cannot hand over the model package")
        expect(scene.tags() == [], scene.tags())
        wait_until(lambda: scene.leftovers() == [], 40, "nothing is left")


@test("a Job that a killed run has left is replaced; a dry run says what would be built, and makes nothing")
def _():
    with Scene("leftjob") as scene:
        running = scene.begin("deployment_start", scene.deployment(), private={"schedulingTimeout": "60s", **NOWHERE})
        wait_until(lambda: scene.cluster.get("jobs", scene.namespace, "dr-d1-build"), 20, "the Job is there")
        running.kill()
        running.result()
        left = scene.cluster.get("jobs", scene.namespace, "dr-d1-build")["metadata"]["uid"]
        scene.start()
        expect(left not in [job["metadata"]["uid"] for job in scene.objects("jobs")], "the Job is still there")
        before = scene.leftovers()
        planned = scene.act("deployment_replace_model", scene.replacement(), args=["--dry-run"])
        expect("dr-d1-build" in json.dumps(planned.full), planned.full)
        expect(scene.leftovers() == before and scene.tags() == ["m-A"], scene.leftovers(), scene.tags())
        scene.stop()
        scene.clear()


@test("a start that is ended while it waits for the builder ends the build, too")
def _():
    with Scene("ended") as scene:
        done = scene.act("deployment_start", scene.deployment(), private={"schedulingTimeout": "60s", **NOWHERE}, timeout=3)
        expect(done.status == "failing", done)
        wait_until(lambda: scene.leftovers() == [], 40, "nothing is left")


main(jobs=4)

"""A start makes it so: whatever of deploymentInfo or of the private config has changed takes effect, and so does what
somebody has changed in the cluster; the same again changes nothing."""
from support import SECONDS, Predictions, Quick, answers, expect, main, test

# Kinds whose objects tell by their version that somebody has changed them. A Deployment's status changes by itself.
STILL = ("services", "ingresses", "secrets", "horizontalpodautoscalers", "poddisruptionbudgets")


def state(scene):
    """What tells a change: versions of objects, and generations of the Deployments."""
    found = {(kind, item["metadata"]["name"]): item["metadata"]["resourceVersion"]
             for kind in STILL for item in scene.objects(kind)}
    for item in scene.objects("deployments"):
        metadata = item["metadata"]
        found["deployments", metadata["name"]] = (metadata["generation"], metadata["annotations"])
    return found


def pods(scene):
    """How many servers there are."""
    return len(scene.servers())


def template(scene, name="dr-d1"):
    """The pod's spec of a Deployment."""
    one, = (item for item in scene.objects("deployments") if item["metadata"]["name"] == name)
    return one["spec"]["template"]["spec"]


@test("the same again changes nothing; another model, package or setting under the same id takes effect without a loss")
def _():
    with Quick("again") as scene:
        url = scene.start("d1", "A")
        before = state(scene)
        scene.act("deployment_start", scene.deployment()).expect("passing", "already serving model A")
        expect(state(scene) == before, before, state(scene))
        with Predictions(url) as sent:
            scene.act("deployment_start", scene.deployment("d1", "B")).expect("passing", "instead of model A")
            answers(url, "B", "d1")
            info = scene.deployment("d1", "B", keyValueConfig={"memory": "64Mi", "cpus": "0.05", "replicas": 2})
            scene.act("deployment_start", info).expect("passing", "serving model B")
            limits = template(scene)["containers"][0]["resources"]["limits"]
            expect(limits == {"memory": str(64 << 20), "cpu": "50m"} and pods(scene) == 2, limits, pods(scene))
            scene.act("deployment_start", info).expect("passing", "already serving")
            with open(info["modelArtifact"], "w", encoding="ascii") as file:
                file.write("model: n\n")
            done = scene.act("deployment_start", info).expect("passing")
            expect("already" not in done.msg, done)
            answers(url, "n", "d1")
            report = sent.stop()
        # While pods are exchanged both answer; who has given way does not come back.
        expect(not report.lost and report.order == ["A", "B", "n"], report)
        last = {model: max(one.number for one in report.predictions if one.model == model) for model in "AB"}
        first = {model: min(one.number for one in report.predictions if one.model == model) for model in "Bn"}
        expect(last["A"] < first["n"], report)


@test("what somebody has changed or removed is made again; the status says what is missing")
def _():
    with Quick("drift") as scene:
        info = scene.deployment()
        url = scene.start()
        scene.kubectl("scale", "deployment", "dr-d1", "--replicas=2")
        scene.kubectl("delete", "service", "dr-d1")
        scene.kubectl("delete", "ingress", "dr-d1")
        done = scene.statuses("d1")["d1"]
        expect(done["status"] == "warning" and "Service" in done["msg"] and "Ingress" in done["msg"], done)
        scene.act("deployment_status", info).expect("warning", "its Service and its Ingress is missing")
        scene.act("deployment_start", info).expect("passing", "serving model A")
        scene.serves(url, "d1", "A")
        expect(pods(scene) == 1, pods(scene))
        expect(scene.statuses("d1")["d1"]["status"] == "passing", scene.statuses("d1"))
        scene.kubectl("delete", "middleware", "dr-d1")
        expect("its Middleware is missing" in scene.statuses("d1")["d1"]["msg"], "without it, traefik has no route")
        scene.act("deployment_status", info).expect("warning", "its Middleware is missing")
        scene.kubectl("scale", "deployment", "dr-d1", "--replicas=0")
        done = scene.act("deployment_status", info).expect("failing", "0 pods")
        expect(done.state == "stopped", done)
        scene.kubectl("annotate", "deployment", "dr-d1", "bosun/deployment-id-")
        expect(scene.listed() == {}, "nobody knows any more whose it is:", scene.listed())
        expect(scene.statuses("d1")["d1"]["state"] == "errored", scene.statuses("d1"))


@test("a setting that is gone takes its object along; no pod goes when an autoscaler takes over their number")
def _():
    with Quick("settings") as scene:
        info = scene.deployment()
        more = {"podDisruptionBudget": {"minAvailable": 1}, "secretEnvironment": {"KEY": "s3cret"}, "replicas": 2}
        scene.act("deployment_start", info, private=more).expect("passing")
        names = scene.names("poddisruptionbudgets") + scene.names("secrets")
        expect(names == ["dr-d1", "dr-d1"], names)
        scaled = {"autoscaler": {"minimum": 1, "maximum": 3}, "resources": {"requests": {"cpu": "10m"}}}
        scene.act("deployment_start", info, private=scaled).expect("passing")
        expect(scene.names("poddisruptionbudgets") + scene.names("secrets") == [], scene.leftovers())
        expect(scene.names("horizontalpodautoscalers") == ["dr-d1"], scene.leftovers())
        expect(pods(scene) == 2, "the autoscaler begins with the pods that there are, not with", pods(scene))
        scene.act("deployment_start", info).expect("passing")
        expect(scene.names("horizontalpodautoscalers") == [] and pods(scene) == 1, scene.leftovers())


@test("a dry run plans with reasons and changes nothing; what the server would refuse fails it")
def _():
    with Quick("dry") as scene:
        done = scene.act("deployment_start", scene.deployment(), args=["--dry-run"]).expect("passing", "dry run")
        planned = {(step["operation"], step["target"].split()[0], step["reason"]) for step in done.data["plan"]
                   if step["operation"].startswith("kubernetes")}
        absent = "the deployment does not exist"
        expect(planned >= {("kubernetes.apply", kind, absent) for kind in ("deployment", "service", "ingress")}, planned)
        scene.expect_nothing()
        url = scene.start()
        done = scene.act("deployment_start", scene.deployment(), args=["--dry-run"]).expect("passing")
        expect(not done.data.get("plan"), done)
        done = scene.act("deployment_replace_model", scene.replacement(), args=["--dry-run"]).expect("passing")
        expect(any("model id differs: A is served, not B" in step["reason"] for step in done.data["plan"]), done)
        bad = {"tolerations": [{"operator": "Sometimes"}]}
        done = scene.act("deployment_start", scene.deployment("d2"), private=bad, args=["--dry-run"]).expect("failing")
        expect("tolerations" in done.msg, done)
        done = scene.act("deployment_stop", scene.deployment(), args=["--dry-run"]).expect("passing")
        expect(any(step["target"].startswith("deployment dr-d1") for step in done.data["plan"]), done)
        answers(url, "A", "d1")


@test("an id that is another deployment's model, and two of one model: the route by the id wins, the last one goes")
def _():
    with Quick("routes") as scene:
        first, second = scene.start("d1", "m"), scene.start("d2", "m")
        model = f"{scene.url}/m/predict"
        scene.serves(model, None, "m")
        scene.stop("d1", "m")
        answers(model, "m", "d2")
        third = scene.start("m", "x")
        expect(third == model, third, first)
        answers(third, "x", "m")
        answers(second, "m", "d2")
        scene.stop("d2", "m")
        answers(third, "x", "m")


main()

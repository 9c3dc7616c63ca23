"""Several plugins, environments and other people in one namespace: nobody touches what is another's."""
import json

from support import Quick, Scene, answers, at_once, expect, main, test
from support.cluster import PPS, image_config

OTHER_PREFIX = {"objectNamePrefix": "other-"}
# Another environment has other paths, as they share the controller.
OTHER_ENVIRONMENT = {"id": "pe-2"}


def versions(scene):
    """The objects of the namespace with their uids, but for pods."""
    return {(kind, item["metadata"]["name"]): item["metadata"]["uid"]
            for kind in ("deployments", "services", "ingresses", "secrets", "configmaps")
            for item in scene.objects(kind)}


@test("two prefixes: each lists, stops and sweeps its own, also under the same id and model")
def _():
    with Quick("prefix") as scene:
        other = {**OTHER_PREFIX, "outfacingPredictionURLPrefix": scene.url + "-other",
                 "generatedImageRepo": scene.repository + "/other"}
        url = scene.start("d1", "A")
        second = scene.start("d1", "A", private=other)
        answers(second, "A", "d1")
        scene.start("d2", "B", private=other)
        expect(set(scene.listed()) == {"d1"} and set(scene.listed(private=other)) == {"d1", "d2"}, scene.listed())
        scene.stop("d1", "A", private=other)
        scene.stop("d2", "B", private=other)
        expect(scene.listed(private=other) == {} and set(scene.listed()) == {"d1"}, scene.listed())
        answers(url, "A", "d1")
        scene.act("plugin_stop", private=other).expect("passing", "nothing is left")
        answers(url, "A", "d1")


@test("two environments with one prefix: the other one's deployment is neither listed nor replaced nor stopped")
def _():
    with Quick("envs") as scene:
        url = scene.start("d1", "A")
        before = versions(scene)
        other = {"pe_info": OTHER_ENVIRONMENT}
        expect(scene.listed(**other) == {}, scene.listed(**other))
        for action in ("deployment_start", "deployment_replace_model", "deployment_stop", "deployment_status"):
            done = scene.act(action, scene.replacement("d1", "A", "B"), **other)
            status = {"deployment_stop": "passing"}.get(action, "failing")
            expect(done.status == status, action, done)
            if action == "deployment_start":
                expect("belongs to prediction environment pe-1" in done.msg and "objectNamePrefix" in done.msg, done)
                expect(done.error["code"] == "AlreadyExists", done.error)
            expect(versions(scene) == before, action, before, versions(scene))
        answers(url, "A", "d1")


@test("a stop removes everything of a deployment and nothing else: look-alikes and objects of others stay")
def _():
    with Quick("others") as scene:
        scene.start("d1", "A")
        url = scene.start("d10", "A")
        labels = scene.objects("services")[0]["metadata"]["labels"]
        theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dr-d1", "labels": labels}}
        scene.kubectl("apply", "-f", "-", text=json.dumps(theirs))
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "dr-d1", "labels": labels}}
        scene.kubectl("apply", "-f", "-", text=json.dumps(secret))
        kept = {key for key in versions(scene) if key[1] != "dr-d1"} | {("configmaps", "dr-d1"), ("secrets", "dr-d1")}
        scene.stop("d1", "A")
        expect(set(versions(scene)) == kept, "left and expected:", set(versions(scene)) ^ kept)
        answers(url, "A", "d10")
        done = scene.act("deployment_start", scene.deployment(), private={"secretEnvironment": {"KEY": "v"}})
        done.expect("failing", "Secret dr-d1", "belongs to")
        expect(set(versions(scene)) == kept, set(versions(scene)) ^ kept)


@test("hostile ids: each has objects and a route of its own, is listed by its exact id, and goes")
def _():
    ids = ["1-first", "Upper.Case", "a/b", "ä ö", "x" * 200, "upper.case", "-", "d\nx",
           "1-first-again", "1-first-build"]
    with Quick("ids") as scene:
        def info(number):
            return {**scene.deployment("d1", f"m{number}"), "id": ids[number]}

        def start(number):
            url = scene.act("deployment_start", info(number)).expect("passing").data["predictionUrl"]
            answers(url, f"m{number}", ids[number])

        def stop(number):
            scene.act("deployment_stop", info(number)).expect("passing", "stopped")
        at_once(range(len(ids)), start)
        expect(set(scene.listed()) == set(ids), set(scene.listed()) ^ set(ids))
        at_once(range(len(ids)), stop)
        scene.clear()


@test("two ids whose names are the same, as far as they are shown and by their digests: the second is refused")
def _():
    ids = ["X" * 40 + "1058902", "X" * 40 + "1398057"]
    with Quick("twins") as scene:
        first, second = ({**scene.deployment("d1", model), "id": id} for id, model in zip(ids, "AB"))
        url = scene.act("deployment_start", first).expect("passing").data["predictionUrl"]
        done = scene.act("deployment_start", second).expect("failing", "belongs to the deployment " + ids[0])
        expect(done.error["code"] == "AlreadyExists", done.error)
        scene.act("deployment_stop", second).expect("passing", "not deployed")
        expect(set(scene.listed()) == {ids[0]}, scene.listed())
        answers(url, "A", ids[0])


@test("a Job of somebody else with the name of the builder's stays, and is named")
def _():
    with Scene("job") as scene:
        scene.kubectl("create", "job", "dr-d1-build", "--image=" + PPS)
        job, = scene.objects("jobs")
        done = scene.act("deployment_start", scene.deployment()).expect("failing", "Job dr-d1-build", "someone else")
        expect(done.error["code"] == "AlreadyExists", done.error)
        expect([item["metadata"]["uid"] for item in scene.objects("jobs")] == [job["metadata"]["uid"]], scene.leftovers())


@test("two namespaces with one repository: what one removes there, the other does not run")
def _():
    with Quick("staging") as staging, Quick("production") as production:
        shared = {"generatedImageRepo": staging.repository}
        theirs, ours = {"pe_info": {"id": "pe-s"}}, {"pe_info": {"id": "pe-p"}, "private": shared}
        staging.start("d1", "A", **theirs)
        production.start("d1", "A", **ours)
        image, = (pod["spec"]["containers"][0]["image"] for pod in production.servers())
        expect(len(staging.tags()) == 2, "each has a name of its own:", staging.tags())
        staging.stop("d1", "A", **theirs)
        expect(image_config(image), "the image that production runs is gone")
        done = production.act("deployment_start", production.deployment("d1", "A"), **ours)
        done.expect("passing", "already serving")
        production.stop("d1", "A", **ours)
        expect(image_config(image) is None and staging.tags() == [], staging.tags())


main()

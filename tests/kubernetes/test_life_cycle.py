"""The agent's whole life with a deployment: each action through the runner, predictions through the published URL."""
from support import Scene, answers, expect, gone, main, predict, test

STATUS_KEYS = {"status", "msg", "state", "duration", "timestamp", "data"}


def model_url(url, deployment, model):
    """The URL of the route by the model's id."""
    return url.replace(f"/{deployment}/predict", f"/{model}/predict")


@test("plugin_start, start, list, status, replace, relaunch, stop, plugin_stop: each does what it says; nothing is left")
def _():
    with Scene("life") as scene:
        scene.up()
        expect(scene.listed() == {}, scene.listed())
        url = scene.start("d1", "A")
        expect(url == f"{scene.url}/d1/predict", url)
        scene.serves(url, "d1", "A")
        scene.serves(model_url(url, "d1", "A"), "d1", "A")
        entry = scene.listed()["d1"]
        expect(STATUS_KEYS <= set(entry) and entry["data"]["currentModelId"] == "A", entry)
        expect((entry["id"], entry["modelId"], entry["name"]) == ("d1", "A", "d1"), entry)
        expect((entry["status"], entry["state"]) == ("passing", "ready"), entry)
        done = scene.act("deployment_status", scene.deployment()).expect("passing", "model A", "1 of 1")
        expect(done.state == "ready" and done.data["currentModelId"] == "A", done)
        expect(scene.replace("d1", "A", "B") == url, url)
        scene.serves(url, "d1", "B")
        scene.serves(model_url(url, "d1", "B"), "d1", "B")
        gone(model_url(url, "d1", "A"))
        before = {pod["metadata"]["uid"] for pod in scene.servers()}
        scene.act("deployment_relaunch", scene.deployment("d1", "B")).expect("passing", "serving model B")
        expect(before.isdisjoint(pod["metadata"]["uid"] for pod in scene.servers()), scene.servers())
        answers(url, "B", "d1")
        expect(scene.statuses("d1")["d1"]["data"]["currentModelId"] == "B", scene.statuses("d1"))
        scene.act("plugin_stop").expect("passing", "still running: 1")
        answers(url, "B", "d1")
        scene.stop("d1", "B")
        expect(predict(url)[0] == 404, predict(url))
        scene.stop("d1", "B")
        scene.clear()


@test("a deployment that does not exist: status and replacement say so, a stop succeeds")
def _():
    with Scene("absent") as scene:
        done = scene.act("deployment_status", scene.deployment("d9")).expect("failing", "d9: not deployed")
        expect(done.state == "errored" and done.error["code"] == "not_deployed", done)
        expect(scene.statuses("d9")["d9"]["state"] == "errored", scene.statuses("d9"))
        done = scene.act("deployment_replace_model", scene.replacement("d9")).expect("failing", "deployment_start")
        expect(done.state == "errored" and done.error["code"] == "not_deployed", done)
        scene.act("deployment_stop", scene.deployment("d9")).expect("passing", "not deployed")
        scene.expect_nothing()


main()

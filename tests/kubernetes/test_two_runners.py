"""Two runners at once, on one machine and on two: one deployment comes out whole, and each status is true."""
from support import Quick, answers, expect, main, test


def machine(scene, name):
    """The environment of a machine of its own, whose locks no other one sees."""
    scene.write(f"{name}/here", "")
    return {"TMPDIR": scene.join(name)}


def is_whole(scene, model):
    """One deployment, with the objects of one model alone."""
    expect(set(scene.listed()) == {"d1"} and scene.listed()["d1"]["modelId"] == model, scene.listed())
    models = {item["metadata"]["annotations"]["bosun/model-id"]
              for kind in ("deployments", "services", "ingresses") for item in scene.objects(kind)}
    expect(models == {model} and len(scene.servers()) == 1, models, len(scene.servers()))


@test("two starts of one deployment on one machine wait for each other: the last one serves")
def _():
    with Quick("onehost") as scene:
        running = [scene.begin("deployment_start", scene.deployment("d1", model)) for model in ("A", "B")]
        for done in [action.finish() for action in running]:
            done.expect("passing", "serving model")
        model = scene.listed()["d1"]["modelId"]
        answers(f"{scene.url}/d1/predict", model, "d1")
        is_whole(scene, model)


@test("on two machines, of two different replacements at once one may fail, and says so; what serves is whole")
def _():
    with Quick("twohosts") as scene:
        url = scene.start("d1", "A")
        running = {model: scene.begin("deployment_replace_model", scene.replacement("d1", "A", model),
                                      env=machine(scene, model)) for model in ("B", "C")}
        done = {model: action.finish() for model, action in running.items()}
        passed = [model for model, one in done.items() if one.status == "passing"]
        expect(passed, done)
        for model, one in done.items():
            expect(model in passed or one.error["code"] == "Conflict" and one.state == "ready", one, one.error)
        served = scene.listed()["d1"]["modelId"]
        expect(served in passed, served, done)
        # The one that gave way may have left what the next action clears up.
        scene.act("deployment_start", scene.deployment("d1", served)).expect("passing", f"serving model {served}")
        answers(url, served, "d1")
        is_whole(scene, served)


@test("on two machines, the same start, and a stop during a replacement: nothing is doubled, nothing is half there")
def _():
    with Quick("startstop") as scene:
        running = [scene.begin("deployment_start", scene.deployment(), env=machine(scene, name)) for name in ("x", "y")]
        ended = [action.finish() for action in running]
        expect("passing" in [done.status for done in ended], ended)
        for done in ended:
            expect("serving model A" in done.msg and done.state == "ready", done)
            expect(done.status == "passing" or done.error["code"] == "Conflict", done, done.error)
        is_whole(scene, "A")
        start = scene.begin("deployment_replace_model", scene.replacement(), env=machine(scene, "x"))
        stop = scene.begin("deployment_stop", scene.deployment(), env=machine(scene, "y"))
        start.finish()
        stop.finish().expect("passing")
        scene.stop("d1", "B")
        scene.clear()


main()

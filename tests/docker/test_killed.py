"""Actions that are ended by kill -9 between any two of their requests to the engine, or while it works on one: the same
action, run again, comes to the same end as if nothing had happened, and no prediction is lost meanwhile."""
from support import expect, main, test
from support.trouble import Scene, Watched, at_once, cases_of, kill_at, undisturbed


def truthful(scene, deployment, model, *models):
    """What is said of a deployment after an action on it was killed."""
    seen = scene.act("deployment_status", scene.deployment(deployment, model))
    expect(seen.status != "passing" or seen.data["currentModelId"] in models, seen)
    return seen


@test("deployment_start, killed at each step and run again: one container that serves")
def _():
    with Scene("kstart", alone=True) as scene:
        scene.up()
        cases = cases_of(undisturbed(scene, "deployment_start", scene.deployment("d0", "m0")))
        scene.stop("d0", "m0")

        def check(case):
            deployment, model = f"d{case.number}{case.when}", f"m{case.number}{case.when}"
            kill_at(scene, case, "deployment_start", scene.deployment(deployment, model))
            truthful(scene, deployment, model, model)
            url = scene.start(deployment, model)
            scene.serves(url, deployment, model)
            scene.stop(deployment, model)
            expect(not scene.of(deployment) and not scene.images_of(model), "after the stop:", scene.leftovers())
        at_once(cases, check)
        scene.clear()


@test("deployment_replace_model, killed at each step and run again: the new model serves, and nothing was lost")
def _():
    with Scene("kreplace", alone=True) as scene:
        scene.up()
        scene.start("d0", "old0")
        cases = cases_of(undisturbed(scene, "deployment_replace_model", scene.replacement("d0", "old0", "new0")))
        scene.stop("d0", "new0")

        def check(case):
            name = f"{case.number}{case.when}"
            deployment, old, new = "d" + name, "old" + name, "new" + name
            url = scene.start(deployment, old)
            with Watched(url, old, new) as watched:
                kill_at(scene, case, "deployment_replace_model", scene.replacement(deployment, old, new))
                seen = truthful(scene, deployment, new, old, new)
                expect(seen.state == "ready", "a model served all the time, but", seen)
                scene.replace(deployment, old, new)
                watched.wait_for(new)
            scene.serves(url, deployment, new)
            expect(not scene.images_of(old), "the old model's image is there")
            scene.stop(deployment, new)
        at_once(cases, check)
        scene.clear()


if __name__ == "__main__":
    main()

"""As test_killed.py, for the actions that are not start and replace, for plugin_start, and for models in the shared
server: ended by kill -9 at steps that change something, and run again."""
from support import docker, expect, inspect, main, test
from support.trouble import Scene, Watched, at_once, cases_of, changes_something, kill_at, undisturbed

MONITORED = {"MLOPS_BOSUN_PRED_ENV_ENABLE_MONITORING": True, "mlopsUrl": "http://127.0.0.1:9", "mlopsApiToken": "token"}


def changing(requests):
    return [case for case in cases_of(requests) if changes_something(case.request)]


@test("deployment_stop, killed at each step and run again: nothing of the deployment is there")
def _():
    with Scene("kstop") as scene:
        scene.up()
        scene.start("d0", "m0")
        cases = cases_of(undisturbed(scene, "deployment_stop", scene.deployment("d0", "m0")))

        def check(case):
            deployment, model = f"d{case.number}{case.when}", f"m{case.number}{case.when}"
            scene.start(deployment, model)
            kill_at(scene, case, "deployment_stop", scene.deployment(deployment, model))
            scene.stop(deployment, model)
            expect(not scene.of(deployment) and not scene.images_of(model), "after the stop:", scene.leftovers())
        at_once(cases, check)
        scene.clear()


@test("deployment_relaunch, killed at steps that change something and run again: one container, and nothing was lost")
def _():
    with Scene("krelaunch") as scene:
        scene.up()
        scene.start("d0", "m0")
        cases = changing(undisturbed(scene, "deployment_relaunch", scene.deployment("d0", "m0")))
        scene.stop("d0", "m0")

        def check(case):
            deployment, model = f"d{case.number}{case.when}", f"m{case.number}{case.when}"
            url = scene.start(deployment, model)
            before = inspect(scene.of(deployment)[0])["Id"]
            with Watched(url, model):
                kill_at(scene, case, "deployment_relaunch", scene.deployment(deployment, model))
                scene.act("deployment_relaunch", scene.deployment(deployment, model)).expect("passing")
            scene.serves(url, deployment, model)
            name, = scene.of(deployment)
            expect(inspect(name)["Id"] != before, "the same container as before the relaunch")
            expect(name == f"{scene.prefix}deployment_{deployment}_{model}", "its name:", name)
            scene.stop(deployment, model)
        at_once(cases, check)
        scene.clear()


@test("the shared server: start and replace, killed at steps that change something and run again")
def _():
    with Scene("kshared") as scene:
        scene.up()
        shared = {"modelExecutionType": "shared"}
        started = changing(undisturbed(scene, "deployment_start", scene.deployment("d0", "old0", **shared)))[1::2]
        given = scene.replacement("d0", "old0", "new0", **shared)
        replaced = changing(undisturbed(scene, "deployment_replace_model", given))[::2]
        scene.stop("d0", "new0")

        def start(case):
            deployment, model = f"s{case.number}{case.when}", f"m{case.number}{case.when}"
            kill_at(scene, case, "deployment_start", scene.deployment(deployment, model, **shared))
            url = scene.start(deployment, model, info=shared)
            scene.serves(url, deployment, model)
            scene.stop(deployment, model, info=shared)

        def replace(case):
            name = f"{case.number}{case.when}"
            deployment, old, new = "r" + name, "old" + name, "new" + name
            url = scene.start(deployment, old, info=shared)
            with Watched(url, old, new) as watched:
                kill_at(scene, case, "deployment_replace_model", scene.replacement(deployment, old, new, **shared))
                scene.replace(deployment, old, new, info=shared)
                watched.wait_for(new)
            scene.serves(url, deployment, new)
            scene.stop(deployment, new, info=shared)
        at_once(started, start)
        at_once(replaced, replace)
        scene.clear()


def running(scene):
    """The names of the plugin's containers, all of which run."""
    names = scene.containers()
    for name in names:
        expect(inspect(name)["State"]["Status"] == "running", name, "is", inspect(name)["State"]["Status"])
    return names


@test("plugin_start, killed at steps that change something and run again: the proxy runs, once")
def _():
    with Scene("kplugin") as scene:
        cases = changing(undisturbed(scene, "plugin_start", None))
        for case in cases:
            docker("rm", "-f", *scene.containers())
            kill_at(scene, case, "plugin_start", None)
            scene.up()
            expect(len(running(scene)) == 1, case, scene.containers())
            scene.act("pe_status").expect("passing")
        scene.clear()


@test("plugin_start with monitoring, killed at steps that change something and run again: all run, once")
def _():
    with Scene("kmonitor") as scene:
        scene.up()  # the proxy is there each time
        requests = undisturbed(scene, "plugin_start", None, plugin_config=MONITORED)
        names = running(scene)
        expect(len(names) == 3, names)
        agent, queue = scene.prefix + "agent", scene.prefix + "rabbitmq"
        # The queue takes long to start: it is taken away only where it is what was being started.
        created = [case.number for case in changing(requests) if "/containers/create" in case.request]
        for case in changing(requests):
            if case.number < created[1] or case.when == "before" and case.number == created[1]:
                continue
            docker("rm", "-f", agent, *([queue] if case.number < created[2] else []))
            kill_at(scene, case, "plugin_start", None, plugin_config=MONITORED)
            scene.up(plugin_config=MONITORED)
            expect(running(scene) == names, case, scene.containers())
            expect("RABBITMQ_SPOOL" in docker("exec", agent, "cat", "/opt/bosun/mlops.agent.conf.yaml"), case)
            scene.act("pe_status", plugin_config=MONITORED).expect("passing")
        scene.act("plugin_stop", plugin_config=MONITORED).expect("passing")
        expect(scene.leftovers() == [f"volume {queue}"], "left behind:", scene.leftovers())


if __name__ == "__main__":
    main()

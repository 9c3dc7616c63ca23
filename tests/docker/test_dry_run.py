"""--dry-run: the plan says what would be built, created and removed, in order; the engine is as before."""
from support import docker, expect, main, test
from support.quick import Quick, answers

SHARED = {"modelExecutionType": "shared"}


def dry(bench, action, info=None, **options):
    """The plan of a dry run, which passes and changes nothing. Where there is nothing to change its answer is the real
    one."""
    before = bench.state()
    done = bench.act(action, info, args=["--dry-run"], **options).expect("passing")
    entries = (done.data or {}).get("plan") or []
    expect(all(entry["reason"] for entry in entries), "an entry without a reason", entries)
    plan = [" ".join(str(word) for word in entry.values() if word is not None) for entry in entries]
    expect(not plan or done.state is None and done.msg.startswith("dry run, nothing was changed"), done)
    expect(bench.state() == before, f"{action} changed something:", bench.state(), "was", before)
    return plan


def in_order(plan, *steps):
    """The plan has steps with all these words, in this order; returns nothing."""
    at = 0
    for words in steps:
        found = [number for number, step in enumerate(plan) if number >= at and all(word in step for word in words)]
        expect(found, f"no step {words} from number {at} on in", plan)
        at = found[0] + 1


@test("a dry plugin_start lists the proxy, and with monitoring the queue and the agent; when all is up: nothing")
def _():
    with Quick("dryup") as bench:
        plan = dry(bench, "plugin_start")
        in_order(plan, ("create", bench.prefix + "traefik"), ("start", bench.prefix + "traefik"))
        monitored = {"plugin_config": {"MLOPS_BOSUN_PRED_ENV_ENABLE_MONITORING": True, "mlopsUrl": "http://127.0.0.1:1",
                                       "mlopsApiToken": "the-secret-token"}}
        plan = dry(bench, "plugin_start", **monitored)
        in_order(plan, ("create", "traefik"), ("create", "rabbitmq"), ("start", "rabbitmq"), ("create", "agent"))
        expect("the-secret-token" not in str(plan), plan)
        expect(bench.leftovers() == [], bench.leftovers())
        bench.up()
        expect(dry(bench, "plugin_start") == [], "a plan for what is up already")


@test("a dry deployment_start lists build, create and start; of what runs already, nothing")
def _():
    with Quick("drystart") as bench:
        bench.up()
        plan = dry(bench, "deployment_start", bench.deployment("d1", "m"))
        in_order(plan, ("build", bench.prefix + "m"), ("create", bench.prefix + "deployment_d1_m"),
                 ("start", bench.prefix + "deployment_d1_m"))
        expect(len(plan) == 3, plan)
        expect(all("container absent" in step for step in plan), plan)
        bench.start("d1", "m")
        expect(dry(bench, "deployment_start", bench.deployment("d1", "m")) == [], "a plan for what runs already")
        plan = dry(bench, "deployment_start", bench.deployment("d1", "other"))
        in_order(plan, ("build", bench.prefix + "other"), ("start", bench.prefix + "deployment_d1_other"),
                 ("remove", bench.prefix + "deployment_d1_m"))


@test("a dry replacement lists the new one before the old one's end; a dry relaunch the same of one model")
def _():
    with Quick("dryrep") as bench:
        bench.up()
        url = bench.start("d1", "m")
        plan = dry(bench, "deployment_replace_model", bench.replacement("d1", "m", "n"))
        in_order(plan, ("build", bench.prefix + "n"), ("create", "deployment_d1_n"), ("start", "deployment_d1_n"),
                 ("stop", ), ("remove", "container"), ("remove", "image", bench.prefix + "m"))
        in_order(dry(bench, "deployment_relaunch", bench.deployment("d1", "m")), ("rename", "deployment_d1_m"),
                 ("create", "deployment_d1_m"), ("start", "deployment_d1_m"), ("stop", ), ("remove", "container"))
        answers(url, "m")


@test("after each action the same one plans nothing; a relaunch plans itself, and says so")
def _():
    with Quick("dryagain") as bench:
        bench.up()
        bench.start("d1", "m")
        given, new = bench.deployment("d1", "m"), bench.replacement("d1", "m", "n")
        for action in ("plugin_start", "plugin_stop", "pe_status", "deployment_list"):
            bench.act(action).expect("passing")
            expect(dry(bench, action) == [], action)
        for action, info in (("deployment_start", given), ("deployment_status", given), ("deployment_replace_model", new),
                             ("deployment_relaunch", bench.deployment("d1", "n")),
                             ("deployment_stop", bench.deployment("d1", "n"))):
            bench.act(action, info).expect("passing")
            plan = dry(bench, action, info)
            if action == "deployment_relaunch":
                expect(plan and all("a relaunch brings the deployment up anew" in step for step in plan), plan)
            else:
                expect(plan == [], action, plan)


@test("a dry stop lists container and image; plugin_stop what it would remove, nothing while there are deployments")
def _():
    with Quick("drystop") as bench:
        bench.up()
        bench.start("d1", "m")
        expect(dry(bench, "plugin_stop") == [], "a plan while there are deployments")
        plan = dry(bench, "deployment_stop", bench.deployment("d1", "m"))
        in_order(plan, ("stop", ), ("remove", "container"), ("remove", "image", bench.prefix + "m"))
        bench.stop("d1", "m")
        expect(dry(bench, "deployment_stop", bench.deployment("d1", "m")) == [], "a plan for what is gone")
        in_order(dry(bench, "plugin_stop"), ("remove", "container"))
        expect(bench.containers() == [bench.prefix + "traefik"], bench.containers())


@test("dry runs in the shared server send it nothing")
def _():
    with Quick("dryshared") as bench:
        bench.up()
        plan = dry(bench, "deployment_start", bench.deployment("d1", "A", **SHARED))
        in_order(plan, ("create", "shared_server"), ("create", "deployment_d1_A"))
        url = bench.start("d1", "A", info=SHARED)
        models = docker("exec", bench.prefix + "shared_server", "find", "/opt/ml/model")
        in_order(dry(bench, "deployment_replace_model", bench.replacement("d1", "A", "B", **SHARED)),
                 ("create", "deployment_d1_B"), ("remove", "container"))
        dry(bench, "deployment_relaunch", bench.deployment("d1", "A", **SHARED))
        in_order(dry(bench, "deployment_stop", bench.deployment("d1", "A", **SHARED)), ("remove", "container"))
        expect(docker("exec", bench.prefix + "shared_server", "find", "/opt/ml/model") == models, "the server's models")
        answers(url, "A")


@test("dry runs of what fails say what would fail; of what only reads, the answer is the real one")
def _():
    with Quick("dryfail") as bench:
        bench.up()
        before = bench.state()
        given = {**bench.deployment(), "modelArtifact": bench.join("none")}
        bench.act("deployment_start", given, args=["--dry-run"]).expect("failing", "none")
        bench.act("deployment_start", bench.deployment(keyValueConfig={"memory": "lots"}), args=["--dry-run"]
                  ).expect("failing", "memory")
        missing = {"dockerNetwork": bench.prefix + "absent"}
        bench.act("plugin_start", private=missing, args=["--dry-run"]).expect("failing", missing["dockerNetwork"])
        expect(bench.state() == before, bench.state())
        bench.start()
        done = bench.act("deployment_list", args=["--dry-run"]).expect("passing")
        expect(done.data["d1"]["modelId"] == "A", done)
        bench.act("deployment_status", bench.deployment(), args=["--dry-run"]).expect("passing", "model A")


if __name__ == "__main__":
    main()

"""A start makes it so: whatever of deploymentInfo has changed takes effect, without an interruption, and the message
says what became of what was there. What is not valid is refused with a word."""
import json

from support import docker, expect, inspect, main, test
from support.quick import Quick, answers, url_of
from support.trouble import Watched

SHARED = {"modelExecutionType": "shared"}


def labels_of(bench):
    container, = bench.servers()
    return inspect(container)["Config"]["Labels"]


@test("a start while another model serves exchanges it in, and says what it replaced; a failed one leaves the old one")
def _():
    with Quick("exchange") as bench:
        bench.up()
        url = bench.start()
        with Watched(url, "A", "B") as watched:
            done = bench.act("deployment_start", bench.deployment("d1", "B")).expect("passing", "model B", "model A")
            expect(url_of(done) == url, done)
            watched.wait_for("B")
            expect(bench.images() == [bench.prefix + "b-" + bench.images()[0].rpartition("b-")[2]], bench.images())
            ill = bench.deployment("d1", "C", ["crash: 3"])
            done = bench.act("deployment_start", ill).expect("failing", "still serving model B")
            expect(done.state == "ready" and len(bench.servers()) == 1 == len(bench.images()), done, bench.leftovers())


@test("a changed package, name or keys under the same model id take effect at the next start; the same again: nothing")
def _():
    with Quick("changed") as bench:
        bench.up()
        for kind in ({}, SHARED):
            url = bench.start("d1", "m", info=kind)
            info = {**bench.deployment("d1", "m"), **kind}
            with Watched(url, "m", "n") as watched:
                before = bench.state()
                bench.act("deployment_start", info).expect("passing", "already serving")
                expect(bench.state() == before, bench.state())
                # As large as the other one, under the same name.
                with open(info["modelArtifact"], "w", encoding="ascii") as file:
                    file.write("model: n\n")
                done = bench.act("deployment_start", info).expect("passing")
                expect("already" not in done.msg and url_of(done) == url, done)
                watched.wait_for("n")
                before = bench.state()
                moved = {**info, "modelArtifact": bench.write("elsewhere/other.mlpkg", "model: n\n")}
                bench.act("deployment_start", moved).expect("passing", "already serving")
                # The agent may have removed what it fetched.
                bench.act("deployment_start", {**info, "modelArtifact": "/nowhere/x"}).expect("passing", "already")
                expect(bench.state() == before, bench.state())
                for key, value in (("name", "renamed"), ("description", "new"), ("keyValueConfig", {"team": "blue"})):
                    info[key] = value
                    bench.act("deployment_start", info).expect("passing")
                    expect(bench.listed()["d1"][key] == value, key, bench.listed())
                    expect(json.loads(labels_of(bench)["bosun.info"])[key] == value, labels_of(bench))
            bench.act("deployment_stop", info).expect("passing")
        expect(bench.images() == [], bench.images())


@test("two deployments of one model id with packages of their own: each serves its own, and the action says so")
def _():
    with Quick("twopack") as bench:
        bench.up()
        first = bench.start("d1", "m")
        info = {**bench.deployment("d2", "m"), "modelArtifact": bench.write("other/m.mlpkg", "model: n\n")}
        done = bench.act("deployment_start", info).expect("passing", "another package", "d1")
        second = url_of(done)
        answers(first, "m", "d1")
        answers(second, "n", "d2")
        bench.act("deployment_relaunch", bench.deployment("d1", "m")).expect("passing", "another package", "d2")
        answers(first, "m", "d1")
        answers(second, "n", "d2")
        # Containers that the engine starts again keep what they had.
        docker("restart", "-t", "1", *bench.servers())
        for name, given in (("d1", bench.deployment("d1", "m")), ("d2", info)):
            bench.act("deployment_start", given).expect("passing", name)
        answers(first, "m", "d1")
        answers(second, "n", "d2")
        bench.stop("d1", "m")
        answers(second, "n", "d2")
        bench.stop("d2", "m")
        expect(bench.images() == [] and bench.servers() == [], bench.leftovers())


@test("a deployment that is not there is errored: deployment_status, pe_status, replace; entries of the list are whole")
def _():
    with Quick("absent") as bench:
        bench.up()
        done = bench.act("deployment_status", bench.deployment("d9")).expect("failing", "not deployed")
        expect(done.state == "errored", done)
        expect(bench.statuses("d9")["d9"]["state"] == "errored", bench.statuses("d9"))
        done = bench.act("deployment_replace_model", bench.replacement("d9")).expect("failing", "deployment_start")
        expect(done.state == "errored" and bench.servers() == [], done)
        bench.start()
        entry = bench.listed()["d1"]
        expect({"status", "msg", "state", "duration", "timestamp", "data"} <= set(entry), entry)
        expect((entry["status"], entry["state"], entry["data"]["currentModelId"]) == ("passing", "ready", "A"), entry)
        expect((entry["id"], entry["modelId"], entry["name"]) == ("d1", "A", "d1"), entry)
        docker("stop", "-t", "1", bench.servers()[0])
        entry = bench.listed()["d1"]
        expect((entry["status"], entry["state"]) == ("failing", "errored") and "Exited" in entry["msg"], entry)


@test("a replacement without newModelId replaces by modelId")
def _():
    with Quick("nonew") as bench:
        bench.up()
        url = bench.start()
        bench.act("deployment_replace_model", bench.deployment("d1", "B")).expect("passing", "B", "instead of model A")
        answers(url, "B", "d1")
        empty = {**bench.deployment("d1", "C"), "newModelId": ""}
        bench.act("deployment_replace_model", empty).expect("passing", "C")
        answers(url, "C", "d1")


@test("modelExecutionType: any case, empty; misspelt, a number, a list: refused by its place; another word: said")
def _():
    with Quick("type") as bench:
        bench.up()

        def given(value):
            return bench.deployment("d1", "m", modelExecutionType=value)
        for value in ("Dedicated", " dedicated ", "", None):
            bench.act("deployment_start", given(value)).expect("passing")
            expect(labels_of(bench)["bosun.role"] == "server", value, labels_of(bench))
        before = bench.state()
        for value in (7, ["dedicated"], {"a": 1}, True, "dedicatd", "shraed"):
            done = bench.act("deployment_start", given(value)).expect("failing", "modelExecutionType", "dedicated")
            expect(bench.state() == before, value, done)
        bench.act("deployment_start", given("multi")).expect("passing", "multi", "shared")
        expect(labels_of(bench)["bosun.role"] == "route", labels_of(bench))
        bench.act("deployment_start", given("Shared")).expect("passing", "already")


@test("a package whose name an image cannot have: refused, and nothing is made; it serves in the shared server")
def _():
    with Quick("names") as bench:
        bench.up()
        before = bench.state()
        for name, word in ((".wh.a.mlpkg", ".wh."), (".wh.b", ".wh."), ("x" * 252, "too long")):
            info = {**bench.deployment("d1", "m"), "modelArtifact": bench.write(f"odd/{name}", "model: m\n")}
            bench.act("deployment_start", info).expect("failing", name[:50], word)
            expect(bench.state() == before, bench.state())
        info["modelArtifact"] = bench.write(f"odd/{'y' * 246}.mlpkg", "model: m\n")
        answers(url_of(bench.act("deployment_start", info)), "m", "d1")


if __name__ == "__main__":
    main()

"""The life of deployments, action by action, as the agent runs them: what each answers, what predictions get, and what
is on the engine afterwards."""
import os

from support import docker, expect, inspect, main, predict, test, wait_until
from support.quick import SECONDS, Quick, answers, gone, url_of


@test("an agent's whole life: start, list, statuses, replace, relaunch, stop, each with its status")
def _():
    with Quick("life") as bench:
        bench.up()
        expect(bench.listed() == {}, "deployments before the first one")
        done = bench.act("deployment_start", bench.deployment())
        url = url_of(done)
        expect(url == bench.url + "/d1/predict", done)
        answers(url, "A", "d1")
        answers(bench.url + "/A/predict", "A", "d1")
        seen = bench.act("deployment_status", bench.deployment()).expect("passing", "d1", "A")
        expect(seen.state == "ready" and seen.data["currentModelId"] == "A", seen)
        seen = bench.statuses("d1")["d1"]
        expect((seen["status"], seen["state"], seen["data"]["currentModelId"]) == ("passing", "ready", "A"), seen)
        expect(bench.replace() == url, "another prediction URL after a replacement")
        answers(url, "B", "d1")
        answers(bench.url + "/B/predict", "B", "d1")
        gone(bench.url + "/A/predict")
        before = inspect(bench.servers()[0])["Id"]
        expect(url_of(bench.act("deployment_relaunch", bench.deployment("d1", "B"))) == url, "URL of a relaunch")
        answers(url, "B", "d1")
        expect(len(bench.servers()) == 1 and inspect(bench.servers()[0])["Id"] != before, "a relaunch makes a new one")
        listed = bench.listed()
        expect(set(listed) == {"d1"} and listed["d1"]["modelId"] == "B", listed)
        bench.stop("d1", "B")
        gone(url)
        expect(bench.listed() == {}, "after the stop")
        bench.stop("d1", "B").expect("passing", "not deployed")
        bench.act("plugin_stop").expect("passing")
        expect(bench.leftovers() == [], bench.leftovers())


@test("plugin_start adopts what runs, and leaves it undisturbed")
def _():
    with Quick("adopt") as bench:
        bench.up()
        url = bench.start()
        before = bench.state()
        bench.up()
        expect(bench.state() == before, before, bench.state())
        answers(url, "A")


@test("plugin_start brings back what was stopped or removed; predictions go on")
def _():
    with Quick("back") as bench:
        bench.up()
        url = bench.start()
        proxy, = [name for name in bench.containers() if name not in bench.servers()]
        for spoil in (("stop", "-t", "1"), ("pause",), ("rm", "-f")):
            docker(*spoil, proxy)
            bench.act("pe_status").expect("failing", "proxy")
            bench.up()
            wait_until(lambda: predict(url)[0] == 200, SECONDS, f"predictions after {spoil[0]}")
            bench.act("pe_status").expect("passing")


@test("plugin_stop leaves deployments serving, and removes what is its own when there are none")
def _():
    with Quick("close") as bench:
        bench.up()
        url = bench.start()
        bench.act("plugin_stop").expect("passing", "still running: 1;")
        answers(url, "A")
        bench.up()
        bench.stop()
        bench.act("plugin_stop").expect("passing")
        expect(bench.leftovers() == [], bench.leftovers())
        docker("network", "inspect", bench.network)
        bench.act("plugin_stop").expect("passing")


@test("several deployments live side by side: each has its URL, its container, its end")
def _():
    with Quick("several") as bench:
        bench.up()
        urls = {name: bench.start(name, "M" + name) for name in ("a", "b", "c")}
        for name, url in urls.items():
            answers(url, "M" + name, name)
        expect(set(bench.listed()) == {"a", "b", "c"} and len(bench.servers()) == 3, bench.servers())
        expect(bench.replace("b", "Mb", "N") == urls["b"], "URL")
        bench.stop("a", "Ma")
        answers(urls["b"], "N", "b")
        answers(urls["c"], "Mc", "c")
        gone(urls["a"])
        expect(set(bench.listed()) == {"b", "c"}, bench.listed())
        seen = bench.statuses("a", "b", "c")
        expect({name: one["status"] for name, one in seen.items()}
               == {"a": "failing", "b": "passing", "c": "passing"}, seen)
        expect(seen["a"]["state"] == "errored", seen)


@test("deployments of one model share its image, which goes with the last one")
def _():
    with Quick("share") as bench:
        bench.up()
        bench.start("d1", "m")
        bench.start("d2", "m")
        image = bench.prefix + "m:latest"
        expect(bench.images() == [image], bench.images())
        bench.stop("d1", "m")
        expect(bench.images() == [image], bench.images())
        answers(bench.url + "/d2/predict", "m", "d2")
        # The proxy forgets the other one a moment after it has ended.
        wait_until(lambda: predict(bench.url + "/m/predict")[0] == 200, SECONDS, "d2 answers for the model")
        answers(bench.url + "/m/predict", "m", "d2")
        bench.replace("d2", "m", "n")
        expect(bench.images() == [bench.prefix + "n:latest"], bench.images())
        bench.stop("d2", "n")
        expect(bench.images() == [], bench.images())


@test("starting what runs changes nothing, nor does replacing by the model that is there")
def _():
    with Quick("again") as bench:
        bench.up()
        url = bench.start()
        before = bench.state()
        expect(bench.start() == url and bench.state() == before, bench.state())
        # Replaced by the model that it has: done already.
        expect(bench.replace("d1", "A", "A") == url and bench.state() == before, bench.state())


@test("a container that was stopped or removed by hand is started again by deployment_start")
def _():
    with Quick("byhand") as bench:
        bench.up()
        url = bench.start()
        for spoil in (("stop", "-t", "1"), ("pause",), ("rm", "-f")):
            docker(*spoil, bench.servers()[0])
            expect(bench.start() == url, "URL")
            answers(url, "A")
            expect(len(bench.servers()) == 1, bench.servers())


@test("start and replace bring the proxy up when plugin_start was not called")
def _():
    with Quick("noproxy") as bench:
        answers(bench.start(), "A")
        docker("rm", "-f", *[name for name in bench.containers() if name not in bench.servers()])
        answers(bench.replace(), "B")


@test("a stop needs neither package nor model, and tells when another model was served")
def _():
    with Quick("stop") as bench:
        bench.up()
        bench.start()
        given = bench.deployment("d1", "other")
        os.unlink(given["modelArtifact"])
        bench.act("deployment_stop", given).expect("passing", "A")
        bench.start()
        bench.act("deployment_stop", {"id": "d1"}).expect("passing")
        expect(bench.servers() == [] and bench.images() == [], bench.leftovers())


if __name__ == "__main__":
    main()

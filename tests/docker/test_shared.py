"""Deployments that share one multi-model prediction server (modelExecutionType other than "dedicated")."""
from support import Predictions, docker, expect, inspect, main, predict, test, wait_until
from support.quick import SECONDS, Quick, answers, gone, url_of

SHARED = {"modelExecutionType": "shared"}
# What the plugin leaves when nothing is deployed.
NOTHING = []


def server_of(bench):
    return bench.prefix + "shared_server"


def in_server(bench):
    """What the server has: its folders of models."""
    return sorted(docker("exec", server_of(bench), "ls", "/opt/ml/model").split())


def shared_two(bench):
    bench.up()
    return bench.start("d1", "A", info=SHARED), bench.start("d2", "B", info=SHARED)


@test("two deployments share a server: each has its URL and status, one stops and the other goes on, the last ends all")
def _():
    with Quick("shared") as bench:
        urls = shared_two(bench)
        expect(urls == (bench.url + "/d1/predict", bench.url + "/d2/predict"), urls)
        for path, model, deployment in (("/d1", "A", "d1"), ("/A", "A", "d1"), ("/d2", "B", "d2"), ("/B", "B", "d2")):
            answers(f"{bench.url}{path}/predict", model, deployment)
        expect(bench.images() == [], "an image was built for a shared deployment:", bench.images())
        listed = bench.listed()
        expect({name: one["modelId"] for name, one in listed.items()} == {"d1": "A", "d2": "B"}, listed)
        expect(listed["d1"]["modelExecutionType"] == "shared", listed)
        expect([one["status"] for one in bench.statuses("d1", "d2").values()] == ["passing"] * 2, "statuses")
        with Predictions(urls[1], rate=20) as sender:
            bench.stop("d1", "A", info=SHARED)
            gone(urls[0])
            had = sender.answered()
            wait_until(lambda: sender.answered() > had + 5, SECONDS, "d2 goes on")
            report = sender.stop()
        expect(not report.lost and set(report.models) == {"B"}, report)
        expect(in_server(bench) == ["d2"] and set(bench.listed()) == {"d2"}, in_server(bench))
        bench.act("plugin_stop").expect("passing", "still running: 1;")
        answers(urls[1], "B")
        bench.stop("d2", "B", info=SHARED)
        bench.act("plugin_stop").expect("passing")
        expect(bench.leftovers() == NOTHING, bench.leftovers())


@test("replacements and a relaunch in the shared server lose no prediction, and its other deployments go on")
def _():
    with Quick("sharedrep") as bench:
        url, other = shared_two(bench)
        with Predictions(url, rate=30) as ours, Predictions(url, rate=30, keep_alive=True) as kept, \
                Predictions(other, rate=10) as theirs:
            wait_until(lambda: ours.answered("A") and kept.answered("A"), SECONDS, "A answers")
            for old, new in ("AC", "CD", "DA"):
                had = [one.answered(new) for one in (ours, kept)]
                expect(bench.replace("d1", old, new, info=SHARED) == url, "URL")
                answers(url, new, "d1")
                wait_until(lambda: all(one.answered(new) > n + 5 for one, n in zip((ours, kept), had)), SECONDS, "new")
                expect(in_server(bench) == ["d1", "d2"], in_server(bench))
            url_of(bench.act("deployment_relaunch", bench.deployment("d1", "A", **SHARED)))
            reports = ours.stop(), kept.stop()
            expect(not theirs.stop().lost, theirs.stop())
        for report in reports:
            expect(not report.lost and [model for model, _ in report.runs] == list("ACDA"), report)
        expect(len(bench.servers()) == 2 and in_server(bench) == ["d1", "d2"], bench.servers(), in_server(bench))


@test("a restart of the shared server keeps its models; its end is told, and mended by the next start")
def _():
    with Quick("restart") as bench:
        urls = shared_two(bench)
        docker("restart", "-t", "5", server_of(bench))
        for url, model in zip(urls, "AB"):
            wait_until(lambda url=url: predict(url)[0] == 200, SECONDS, f"{url} after a restart")
            answers(url, model)
        for end in (("stop", "-t", "5"), ("rm", "-f")):
            docker(*end, server_of(bench))
            seen = bench.act("pe_status", pe_info={"deployments": ["d1", "d2"]}).data["deploymentsStatus"]
            expect([one["status"] for one in seen.values()] == ["failing"] * 2, end, seen)
            expect("shared" in seen["d1"]["msg"], seen)
            expect(bench.start("d1", "A", info=SHARED) == urls[0], "URL")
            answers(urls[0], "A")
            wait_until(lambda: predict(urls[1])[0] == 200, SECONDS, "d2 is back, too: its model lies in the volume")
            answers(urls[1], "B")


@test("a model that the shared server lost is told by both statuses, and mended by start and by relaunch")
def _():
    with Quick("lost") as bench:
        url, other = shared_two(bench)
        for action in ("deployment_start", "deployment_relaunch"):
            docker("exec", server_of(bench), "rm", "-r", "/opt/ml/model/d1")
            seen = bench.statuses("d1", "d2")
            expect((seen["d1"]["status"], seen["d2"]["status"]) == ("failing", "passing"), seen)
            expect(seen["d1"]["state"] == "errored" and "d1" in seen["d1"]["msg"], seen)
            bench.act("deployment_status", bench.deployment("d1", "A", **SHARED)).expect("failing", "shared server")
            expect(url_of(bench.act(action, bench.deployment("d1", "A", **SHARED))) == url, action)
            answers(url, "A", "d1")
            answers(other, "B", "d2")
            expect(in_server(bench) == ["d1", "d2"], in_server(bench))


@test("a deployment moves from a server of its own to the shared one and back without a lost prediction")
def _():
    with Quick("moves") as bench:
        bench.up()
        url = bench.start("d1", "A")
        with Predictions(url, rate=30) as new, Predictions(url, rate=30, keep_alive=True) as kept:
            wait_until(lambda: new.answered("A") and kept.answered("A"), SECONDS, "A answers")
            expect(bench.replace("d1", "A", "B", info=SHARED) == url, "URL")
            expect(bench.images() == [] and in_server(bench) == ["d1"], bench.leftovers())
            bench.replace("d1", "B", "C")
            expect(in_server(bench) == [] and bench.images() == [bench.prefix + name_of("c", bench)], bench.leftovers())
            # The same model, in the other kind of server.
            bench.replace("d1", "C", "C", info=SHARED)
            wait_until(lambda: new.answered("C") > 5 and kept.answered("C") > 5, SECONDS, "C answers")
            reports = new.stop(), kept.stop()
        for report in reports:
            expect(not report.lost and [model for model, _ in report.runs] == list("ABC"), report)
        expect(bench.listed()["d1"]["modelExecutionType"] == "shared" and bench.images() == [], bench.leftovers())
        bench.stop("d1", "C", info=SHARED)
        bench.act("plugin_stop").expect("passing")
        expect(bench.leftovers() == NOTHING, bench.leftovers())


def name_of(letter, bench):
    """The one image whose name begins so, without the prefix."""
    return next((name[len(bench.prefix):] for name in bench.images() if name.startswith(bench.prefix + letter)), "none")


@test("a package that the shared server refuses: the start leaves nothing, the replacement keeps the old model")
def _():
    with Quick("refused") as bench:
        url, _ = shared_two(bench)
        before = bench.state()
        done = bench.act("deployment_start", bench.deployment("d3", "bad", ["crash: 3"], **SHARED))
        expect(done.expect("failing", "d3", "500", "cannot be loaded").state == "errored", done)
        expect(bench.state() == before and in_server(bench) == ["d1", "d2"], bench.leftovers(), in_server(bench))
        with Predictions(url, rate=20) as sender:
            given = bench.replacement("d1", "A", "bad", ["crash: 3"], **SHARED)
            done = bench.act("deployment_replace_model", given).expect("failing", "500")
            report = sender.stop()
        expect(done.data == {"oldModelInUse": True} and done.state == "ready", done)
        expect(not report.lost and set(report.models) == {"A"}, report)
        expect(bench.state() == before and in_server(bench) == ["d1", "d2"], bench.leftovers(), in_server(bench))


@test("eight shared deployments at once start, are replaced, and stop")
def _():
    with Quick("sharedmany") as bench:
        bench.up()
        ids = [f"d{number}" for number in range(8)]
        for model, action, make in (("m", "deployment_start", bench.deployment),
                                    ("n", "deployment_replace_model", lambda name, model, **more: bench.replacement(
                                        name, "m" + name, model, **more))):
            running = [bench.begin(action, make(name, model + name, **SHARED)) for name in ids]
            for name, one in zip(ids, running):
                answers(url_of(one.finish()), model + name, name)
        expect(in_server(bench) == ids and len(bench.servers()) == 8, in_server(bench))
        running = [bench.begin("deployment_stop", bench.deployment(name, "n" + name, **SHARED)) for name in ids]
        for one in running:
            one.finish().expect("passing")
        expect(in_server(bench) == [] and bench.servers() == [], in_server(bench))


@test("hostile ids in the shared server: each answers for itself, and none gets near another one's")
def _():
    with Quick("sharedids") as bench:
        bench.up()
        ids = ["d1", "D1", "../d1", "d1-next", "a/b", "ünï cödé", "d1/../../ping", "x" * 300, "%2e%2e", "a\nb"]
        urls = [bench.start(name, f"m{number}", info=SHARED) for number, name in enumerate(ids)]
        expect(len(set(urls)) == len(ids), urls)
        for number, url in enumerate(urls):
            answers(url, f"m{number}")
        bench.replace("d1", "m0", "new", info=SHARED)
        bench.stop("../d1", "m2", info=SHARED)
        for number, url in enumerate(urls):
            if ids[number] != "../d1":
                answers(url, f"m{number}" if number else "new")
        expect(set(bench.listed()) == set(ids) - {"../d1"}, bench.listed())
        expect(inspect(server_of(bench))["State"]["Running"], "the server ended")


if __name__ == "__main__":
    main()

"""Actions at the same time: the agent runs those of several deployments side by side, and an impatient one repeats what
has not ended yet."""
from support import Predictions, docker, expect, main, sweep, test, wait_until
from support.quick import SECONDS, Quick, answers, url_of

MANY = 8


def at_once(bench, action, infos, **options):
    """Starts an action for each of these; returns the outcomes of all."""
    running = [bench.begin(action, info, **options) for info in infos]
    return [one.finish() for one in running]


@test("eight starts of one deployment at once: all pass, with one container of one image")
def _():
    with Quick("starts") as bench:
        bench.up()
        urls = {url_of(done) for done in at_once(bench, "deployment_start", [bench.deployment()] * MANY)}
        expect(urls == {bench.url + "/d1/predict"}, urls)
        answers(urls.pop(), "A", "d1")
        expect(len(bench.servers()) == 1 and len(bench.images()) == 1, bench.leftovers())


@test("eight starts at once without a proxy: all pass, with one proxy")
def _():
    with Quick("proxies") as bench:
        for done in at_once(bench, "plugin_start", [None] * MANY):
            done.expect("passing")
        expect(len(bench.containers()) == 1, bench.containers())
        bench.act("plugin_stop").expect("passing")
        for done in at_once(bench, "deployment_start", [bench.deployment()] * MANY):
            answers(url_of(done), "A")
        expect(len(bench.containers()) == 2, bench.containers())


@test("eight replacements of one deployment at once: all pass, one new container, no prediction lost")
def _():
    with Quick("replaces") as bench:
        bench.up()
        url = bench.start()
        with Predictions(url, rate=20) as sender:
            wait_until(lambda: sender.answered("A"), SECONDS, "A answers")
            for done in at_once(bench, "deployment_replace_model", [bench.replacement()] * MANY):
                expect(url_of(done) == url, done)
            had = sender.answered("B")
            wait_until(lambda: sender.answered("B") > had + 10, SECONDS, "B answers")
            report = sender.stop()
        expect(not report.lost and [model for model, _ in report.runs] == ["A", "B"], report)
        expect(len(bench.servers()) == 1 and len(bench.images()) == 1, bench.leftovers())


@test("eight deployments at once start, are replaced, and stop")
def _():
    with Quick("eight") as bench:
        bench.up()
        ids = [f"d{number}" for number in range(MANY)]
        urls = [url_of(done) for done in
                at_once(bench, "deployment_start", [bench.deployment(name, "m" + name) for name in ids])]
        expect(len(set(urls)) == MANY and len(bench.servers()) == MANY, bench.servers())
        sweep(list(zip(urls, ids)), lambda case: answers(case[0], "m" + case[1], case[1]))
        for done in at_once(bench, "deployment_replace_model",
                            [bench.replacement(name, "m" + name, "n" + name) for name in ids]):
            url_of(done)
        sweep(list(zip(urls, ids)), lambda case: answers(case[0], "n" + case[1], case[1]))
        expect(len(bench.servers()) == MANY and len(bench.images()) == MANY, bench.leftovers())
        for done in at_once(bench, "deployment_stop", [bench.deployment(name, "n" + name) for name in ids]):
            done.expect("passing")
        expect(bench.servers() == [] and bench.images() == [] and bench.listed() == {}, bench.leftovers())


@test("deployments of one model start at once, and stop at once: one image, then none")
def _():
    with Quick("onemodel") as bench:
        bench.up()
        infos = [bench.deployment(f"d{number}", "m") for number in range(4)]
        for done in at_once(bench, "deployment_start", infos):
            answers(url_of(done), "m")
        expect(bench.images() == [bench.prefix + "m:latest"] and len(bench.servers()) == 4, bench.leftovers())
        for done in at_once(bench, "deployment_stop", infos):
            done.expect("passing")
        expect(bench.images() == [] and bench.servers() == [], bench.leftovers())


@test("eight stops of one deployment at once: all pass, nothing is left")
def _():
    with Quick("stops") as bench:
        bench.up()
        bench.start()
        for done in at_once(bench, "deployment_stop", [bench.deployment()] * MANY):
            done.expect("passing")
        expect(bench.servers() == [] and bench.images() == [], bench.leftovers())


@test("a start and a stop at once leave the deployment whole, or nothing of it")
def _():
    with Quick("both") as bench:
        bench.up()
        for order in (("deployment_start", "deployment_stop"), ("deployment_stop", "deployment_start")):
            running = {action: bench.begin(action, bench.deployment()) for action in order}
            running["deployment_start"].finish()
            running["deployment_stop"].finish().expect("passing")
            if bench.servers():
                answers(bench.start(), "A")
            bench.stop()
            expect(bench.servers() == [] and bench.images() == [], bench.leftovers())


@test("three relaunches of one deployment at once: all pass, one container, no prediction lost")
def _():
    with Quick("relaunches") as bench:
        bench.up()
        url = bench.start()
        with Predictions(url, rate=20) as sender:
            for done in at_once(bench, "deployment_relaunch", [bench.deployment()] * 3):
                expect(url_of(done) == url, done)
            had = sender.answered("A")
            wait_until(lambda: sender.answered("A") > had + 10, SECONDS, "A answers")
            report = sender.stop()
        expect(not report.lost, report)
        expect(bench.servers() == [bench.prefix + "deployment_d1_A"] and len(bench.images()) == 1, bench.leftovers())


@test("starts and replacements of one shared deployment at once: all pass, one route, one model in the server")
def _():
    with Quick("sharedonce") as bench:
        bench.up()
        shared = {"modelExecutionType": "shared"}
        for done in at_once(bench, "deployment_start", [bench.deployment(**shared)] * 3):
            answers(url_of(done), "A", "d1")
        with Predictions(bench.url + "/d1/predict", rate=20) as sender:
            wait_until(lambda: sender.answered("A"), SECONDS, "A answers")
            for done in at_once(bench, "deployment_replace_model", [bench.replacement(**shared)] * 3):
                url_of(done)
            had = sender.answered("B")
            wait_until(lambda: sender.answered("B") > had + 10, SECONDS, "B answers")
            report = sender.stop()
        expect(not report.lost and [model for model, _ in report.runs] == ["A", "B"], report)
        answers(bench.url + "/d1/predict", "B", "d1")
        expect(len(bench.servers()) == 1, bench.servers())
        found = docker("exec", bench.prefix + "shared_server", "ls", "/opt/ml/model")
        expect(found == "d1", found)


if __name__ == "__main__":
    main()

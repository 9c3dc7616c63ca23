"""Replacements and relaunches while predictions come in at a steady rate: none is lost, and each is answered by the
model that was right at that time."""
import contextlib

from support import Predictions, docker, expect, inspect, main, test, wait_until
from support.quick import SECONDS, Quick, answers, gone

# Answers that a model has to have given before the next change.
ENOUGH = 10


@contextlib.contextmanager
def predictions(*urls, **options):
    """Steady predictions at each URL, with new connections and with kept ones; the list of senders."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Predictions(url, keep_alive=kept, **options)) for url in urls
               for kept in (False, True)]


def wait_for(senders, model):
    """Until each sender had answers from this model."""
    wait_until(lambda: all(one.answered(model) >= ENOUGH for one in senders), SECONDS, f"{model} answers")


def expect_order(senders, *models):
    """Each had all its predictions answered, by these models, one after the other."""
    for sender in senders:
        report = sender.stop()
        expect(not report.lost and [model for model, _ in report.runs] == list(models), report)


@test("ten replacements in a row and a relaunch lose no prediction, and nobody hears an old model again")
def _():
    with Quick("ten") as bench:
        bench.up()
        urls = bench.start("d1", "m0"), bench.start("other", "else")
        with predictions(urls[0], rate=30) as ours, predictions(urls[1], rate=10) as theirs:
            wait_for(ours, "m0")
            for turn in range(1, 11):
                expect(bench.replace("d1", f"m{turn - 1}", f"m{turn}") == urls[0], "another URL")
                wait_for(ours, f"m{turn}")
            bench.act("deployment_relaunch", bench.deployment("d1", "m10")).expect("passing")
            had = [one.answered("m10") for one in ours]
            wait_until(lambda: all(one.answered("m10") > before + ENOUGH for one, before in zip(ours, had)), SECONDS,
                       "the relaunched one answers")
            expect_order(ours, *(f"m{turn}" for turn in range(11)))
            expect_order(theirs, "else")
        expect(len(bench.servers()) == 2, bench.servers())
        expect(bench.images() == sorted([f"{bench.prefix}else:latest", f"{bench.prefix}m10:latest"]), bench.images())


@test("back and forth between two models; a model's own URL moves with it")
def _():
    with Quick("forth") as bench:
        bench.up()
        url = bench.start()
        with predictions(url, rate=30) as senders:
            wait_for(senders, "A")
            for old, new in ("AB", "BA", "AB"):
                had = [one.answered(new) for one in senders]
                bench.replace("d1", old, new)
                wait_until(lambda: all(one.answered(new) > n for one, n in zip(senders, had)), SECONDS, new)
                answers(f"{bench.url}/{new}/predict", new, "d1")
                gone(f"{bench.url}/{old}/predict")
            expect_order(senders, "A", "B", "A", "B")


@test("predictions that are under way when their server is drained are answered by it")
def _():
    with Quick("slow") as bench:
        bench.up()
        url = bench.start("d1", "A", ["predict-delay: 0.4"])
        with predictions(url, rate=15, senders=6) as senders:
            wait_for(senders, "A")
            for old, new in ("AB", "BC"):
                bench.replace("d1", old, new, ["predict-delay: 0.4"])
                wait_for(senders, new)
            for sender in senders:
                report = sender.stop()
                expect(not report.lost and report.order == ["A", "B", "C"], report)


@test("a prediction that takes longer than drainTime is answered before the old server ends")
def _():
    with Quick("slower") as bench:
        bench.up()
        slow = ["predict-delay: 3"]
        times = {"drainTime": "0.2s", "stopTimeout": "30s"}
        url = bench.start("d1", "A", slow, private=times)
        with Predictions(url, rate=4, senders=12) as sender:
            wait_for([sender], "A")
            bench.replace("d1", "A", "B", private=times)
            wait_for([sender], "B")
            report = sender.stop()
        expect(not report.lost and set(report.models) == {"A", "B"}, report)


@test("a model that does not come up is removed, and the old one serves on: crash, never healthy, broken limits")
def _():
    with Quick("fails") as bench:
        bench.up()
        url = bench.start()
        before = bench.state()
        broken = {"crash": (["crash: 3"], {}, "exited with code 3", "fatal: the model is broken"),
                  "sick": (["never-healthy: yes"], {}, "503"),
                  "memory": ([], {"keyValueConfig": {"memory": "lots"}}, "memory"),
                  "starved": (["eat-memory: yes"], {"keyValueConfig": {"memory": "20m"}}, "memory")}
        with predictions(url, rate=20) as senders:
            wait_for(senders, "A")
            for model, (directives, info, *words) in broken.items():
                given = bench.replacement("d1", "A", model, directives, **info)
                done = bench.act("deployment_replace_model", given, private={"startTimeout": "6s"})
                expect(done.expect("failing", *words).data == {"oldModelInUse": True} and done.state == "ready", done)
                expect(bench.state() == before, f"after {model}:", bench.state(), "instead of", before)
            expect_order(senders, "A")
        expect(bench.listed()["d1"]["modelId"] == "A", "the list")


@test("a relaunch that fails keeps the old container")
def _():
    with Quick("relaunch") as bench:
        bench.up()
        url = bench.start()
        before = bench.state()["containers"]
        given = bench.deployment("d1", "A", ["never-healthy: yes"])
        with predictions(url, rate=20) as senders:
            wait_for(senders, "A")
            done = bench.act("deployment_relaunch", given, private={"startTimeout": "5s"}).expect("failing")
            expect(done.state == "ready", done)
            expect(bench.state()["containers"] == before, bench.state(), before)
            bench.act("deployment_relaunch", bench.deployment()).expect("passing")
            expect_order(senders, "A")


@test("a start that does not come up leaves nothing, and says what the server said last")
def _():
    with Quick("nostart") as bench:
        bench.up()
        before = bench.state()
        for model, directive, *words in (("crash", "crash: 7", "exited with code 7", "fatal: the model is broken"),
                                         ("sick", "never-healthy: yes", "503", "ready on port 8080"),
                                         ("late", "start-delay: 600", "refused")):
            given = bench.deployment("d1", model, [directive])
            done = bench.act("deployment_start", given, private={"startTimeout": "5s"}).expect("failing", "d1", *words)
            expect(done.state == "errored" and bench.state() == before, f"after {model}:", done, bench.leftovers())
        bench.act("deployment_status", bench.deployment()).expect("failing", "not deployed")


@test("--timeout ends a start and a replacement in time: nothing is left of the new model, the old one serves")
def _():
    with Quick("timeout") as bench:
        bench.up()
        before = bench.state()
        slow, options = ["start-delay: 600"], {"timeout": 8, "private": {"startTimeout": "10m"}}
        done = bench.act("deployment_start", bench.deployment("d1", "A", slow), **options)
        expect(done.expect("failing", "d1").state == "errored", done)
        expect(bench.state() == before, bench.leftovers())
        url = bench.start()
        before = bench.state()
        with predictions(url, rate=20) as senders:
            wait_for(senders, "A")
            done = bench.act("deployment_replace_model", bench.replacement("d1", "A", "B", slow), **options)
            expect(done.expect("failing").data == {"oldModelInUse": True} and done.state == "ready", done)
            expect(bench.state() == before, bench.state(), before)
            expect_order(senders, "A")
        done = bench.act("deployment_relaunch", bench.deployment("d1", "A", slow), **options)
        expect(done.expect("failing").state == "ready", done)
        answers(url, "A")


@test("a server that ignores SIGTERM is killed after stopTimeout, and is gone then")
def _():
    with Quick("stubborn") as bench:
        bench.up()
        bench.start("d1", "A", ["ignore-term: yes"])
        bench.replace("d1", "A", "B", ["ignore-term: yes"])
        expect(len(bench.servers()) == 1 and inspect(bench.servers()[0])["State"]["Running"], bench.servers())
        bench.stop("d1", "B")
        expect(bench.servers() == [] and bench.images() == [], bench.leftovers())


@test("a replacement takes over from an old container that is stopped, paused, or crashes again and again")
def _():
    with Quick("ill") as bench:
        bench.up()
        for number, spoil in enumerate((("stop", "-t", "1"), ("pause",), None)):
            name = f"d{number}"
            url = bench.start(name, "A")
            if spoil:
                docker(*spoil, bench.servers()[0])
            else:
                crash = "echo 'crash: 3' >> /opt/ml/model/A.mlpkg; kill 1"
                docker("exec", bench.servers()[0], "sh", "-c", crash, check=False)
                wait_until(lambda: inspect(bench.servers()[0])["RestartCount"] > 0, SECONDS, "it crashes")
            expect(bench.replace(name, "A", "B") == url, "URL")
            answers(url, "B", name)
            expect(len(bench.servers()) == 1, bench.servers())
            bench.stop(name, "B")


if __name__ == "__main__":
    main()

"""Replacements whose new model dies while the old one is drained: the old one is still there, and stays."""
from support import Predictions, expect, main, test
from support.quick import Quick, answers

# What the new model does after it was healthy, its keyValueConfig, and what the message says of it.
DYING = {
    "crashes": (["crash-after: 4"], {}, ["did not last", "restarted"]),
    "crashes again": (["crash-after: 6"], {}, ["did not last", "restarted"]),
}


@test("a replacement that dies while the old model is drained is undone: the old one serves, and oldModelInUse says so")
def _():
    with Quick("dying") as bench:
        bench.up()
        url = bench.start()
        before = bench.state()
        for name, (directives, values, words) in DYING.items():
            info = bench.replacement("d1", "A", name.replace(" ", "-"), directives, keyValueConfig=values)
            done = bench.act("deployment_replace_model", info, private={"drainTime": "15s"})
            expect(done.expect("failing", *words).data == {"oldModelInUse": True} and done.state == "ready", done)
            expect(bench.state() == before, f"after {name}:", bench.state(), "instead of", before)
            answers(url, "A", "d1")
            seen = bench.act("deployment_status", bench.deployment()).expect("passing")
            expect(seen.data["currentModelId"] == "A", seen)


@test("a new model that is killed for its memory by the first real predictions is undone")
def _():
    with Quick("greedy") as bench:
        bench.up()
        url = bench.start()
        before = bench.state()
        info = bench.replacement("d1", "A", "B", ["eat-on-predict: yes"], keyValueConfig={"memory": "24m"})
        with Predictions(url, rate=5) as sender:
            done = bench.act("deployment_replace_model", info, private={"drainTime": "30s"})
            sender.stop()
        done.expect("failing", "ran out of memory", "keyValueConfig.memory")  # before or while the old one is drained
        expect(done.data == {"oldModelInUse": True} and bench.state() == before, done, bench.state())
        answers(url, "A", "d1")


@test("a relaunch whose new container dies while the old one is drained keeps the old one, and its name")
def _():
    with Quick("redying") as bench:
        bench.up()
        url = bench.start()
        before = bench.state()["containers"]
        info = bench.deployment("d1", "A", ["crash-after: 4"])
        done = bench.act("deployment_relaunch", info, private={"drainTime": "15s"}).expect("failing", "did not last")
        expect(done.state == "ready" and bench.state()["containers"] == before, done, bench.state(), before)
        answers(url, "A", "d1")


@test("a dedicated model dies while a shared one is drained")
def _():
    with Quick("kinds") as bench:
        bench.up()
        url = bench.start("d1", "A", info={"modelExecutionType": "shared"})
        done = bench.act("deployment_replace_model", bench.replacement("d1", "A", "B", ["crash-after: 4"]),
                         private={"drainTime": "15s"}).expect("failing", "did not last")
        expect(done.data == {"oldModelInUse": True}, done)
        answers(url, "A", "d1")


if __name__ == "__main__":
    main()

"""What is served is what is said: a server that is well and has no model, another one or a broken one fails the start
and the replacement, and every status; the old model is said to serve only once it has answered."""
from support import docker, expect, main, predict, test, wait_until
from support.quick import SECONDS, Quick, answers

# What is wrong with the server's model: directives of its package, changes of the private config, words of the message.
PREDICTION = {"probeRequest": {"json": {"n": 7}}, "probeExpect": {"json": {"n": 7, "model": {"matches": "^[AB]$"}}}}
BAD = {"absent": (["absent: yes"], {}, "the server has no model"),
       "other": (["other: X"], {}, "the server serves model X, not B"),
       "none": (["none: yes"], {}, "the server says that it has no model"),
       "broken": (["broken: yes"], {}, "answered 500"),
       "cannot predict": (["broken-predict: yes"], PREDICTION, "probeRequest", "status 500"),
       "predicts otherwise": ([], {"probeRequest": {"json": {"n": 7}}, "probeExpect": {"json": {"n": 8}}},
                              "n is 7; expected 8")}


@test("a start whose server is well and whose model is absent, another one or broken fails, and leaves nothing")
def _():
    with Quick("badstart") as bench:
        bench.up()
        before = bench.state()
        for kind, (directives, private, *words) in BAD.items():
            done = bench.act("deployment_start", bench.deployment("d1", "B", directives), private=private)
            expect(done.expect("failing", "d1", *words).state == "errored" and not done.data, kind, done)
            expect(bench.state() == before, f"after {kind}:", bench.leftovers())


@test("a replacement by such a server fails, and the old model answers")
def _():
    with Quick("badreplace") as bench:
        bench.up()
        url = bench.start()
        before = bench.state()
        for kind, (directives, private, *words) in BAD.items():
            if kind == "predicts otherwise":
                continue  # the old one does, too
            done = bench.act("deployment_replace_model", bench.replacement(directives=directives), private=private)
            done.expect("failing", "d1", *words, "still serving model A")
            expect(done.data == {"oldModelInUse": True} and done.state == "ready", kind, done)
            expect(bench.state() == before, f"after {kind}:", bench.state(), "instead of", before)
            answers(url, "A", "d1")


@test("an old model that does not answer either is not said to serve")
def _():
    with Quick("neither") as bench:
        bench.up()
        bench.start("d1", "A", ["broken-predict: yes"])
        done = bench.act("deployment_replace_model", bench.replacement(directives=["other: X"]), private=PREDICTION)
        done.expect("failing", "serves model X, not B", "model A is still there, but does not answer", "status 500")
        expect(not done.data and done.state == "errored", done)


@test("deployment_status and pe_status find a model that was exchanged or is gone while its server is well")
def _():
    with Quick("later") as bench:
        bench.up()
        bench.start("d1", "A")
        bench.start("d2", "B")
        answers(bench.url + "/d2/predict", "B")
        expect(bench.statuses("d1", "d2")["d1"]["status"] == "passing", "at first")
        server = next(name for name in bench.servers() if "_d1_" in name)
        docker("exec", server, "sh", "-c", "echo 'other: X' >> /opt/ml/model/A.mlpkg; kill -TERM 1", check=False)
        wait_until(lambda: "serves model X" in bench.act("deployment_status", bench.deployment()).msg, SECONDS,
                   "the other model serves")
        expect(predict(bench.url + "/d1/predict")[0] == 200, "its server answers")
        bench.act("deployment_status", bench.deployment()).expect("failing", "d1", "serves model X, not A")
        seen = bench.statuses("d1", "d2")
        expect(seen["d1"]["status"] == "failing" and "serves model X, not A" in seen["d1"]["msg"], seen)
        expect(seen["d1"]["state"] == "errored" and seen["d2"]["status"] == "passing", seen)
        expect(bench.statuses("d1", private={"proof": False})["d1"]["status"] == "passing", "proof: off")


@test("a server that does not tell its model is believed, and the message says so once")
def _():
    with Quick("untold") as bench:
        bench.up()
        word = "the server does not tell its model, and is believed"
        for action in ("deployment_start", "deployment_start", "deployment_status"):
            done = bench.act(action, bench.deployment("d1", "A", ["untold: yes"])).expect("passing", word)
            expect(done.msg.count(word) == 1, done)
        seen = bench.statuses("d1")["d1"]
        expect(seen["status"] == "passing" and seen["msg"].count(word) == 1, seen)
        told = bench.act("deployment_status", bench.deployment(), private=PREDICTION).expect("passing")
        expect(word not in told.msg, "a prediction as expected proves it:", told)


@test("proof: off asks nothing; proof: url asks the published URL, which has to lead to the proxy")
def _():
    with Quick("ways") as bench:
        bench.up()
        other = bench.deployment("d1", "A", ["other: X"])
        bench.act("deployment_start", other, private={"proof": "off"}).expect("passing")
        bench.act("deployment_status", other, private={"proof": "off"}).expect("passing")
        bench.act("deployment_start", bench.deployment("d2", "B"), private={"proof": "url"}).expect("passing")
        lost = {"proof": "url", "outfacingPredictionURLPrefix": "http://127.0.0.1:9"}
        done = bench.act("deployment_status", bench.deployment("d2", "B"), private=lost)
        done.expect("failing", "GET http://127.0.0.1:9/d2/info failed: ")


@test("a deployment in the shared server: another model fails start and replacement, a lost one the statuses")
def _():
    with Quick("sharedproof") as bench:
        bench.up()
        shared = {"modelExecutionType": "shared"}
        done = bench.act("deployment_start", bench.deployment("d1", "A", ["other: X"], **shared))
        expect(done.expect("failing", "serves model X, not A").state == "errored", done)
        expect(not bench.servers(), bench.servers())
        url = bench.start("d1", "A", info=shared)
        for directives, *words in ((["other: X"], "serves model X, not B"), (["broken: yes"], "answered 500")):
            done = bench.act("deployment_replace_model", bench.replacement("d1", "A", "B", directives, **shared))
            done.expect("failing", *words)
            expect(done.data == {"oldModelInUse": True} and done.state == "ready", done)
            answers(url, "A")
        bench.statuses("d1")


if __name__ == "__main__":
    main()

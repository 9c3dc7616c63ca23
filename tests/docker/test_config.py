"""The private config and what a deployment brings with it, each key seen in what the engine has or predictions get."""
import os

from support import Predictions, docker, expect, inspect, main, predict, test, wait_until
from support.bench import PPS
from ports import free_port
from support.quick import SECONDS, Quick, answers, environment, url_of

HOSTILE = ['say "hi"', "it's", "back`tick`", "{braces} [brackets]", "a=b,c=d;e", "$HOME ${x} $(id)", "\\ \\n \\u0041",
           "two\nlines\ttab", "ünïcödé 模型 🚀", " spaces ", "<a href='x'>&amp;</a>", "%s %d %%", "--flag", "null", "yes",
           "0x10", "1e3", "# no comment", "x" * 3000, "", "\x7f\x1b[31m"]


def limits_of(container):
    host = inspect(container)["HostConfig"]
    return host["Memory"], host["NanoCpus"]


@test("limits from keyValueConfig: memory and cpus, in all the ways that they can be written")
def _():
    with Quick("limits") as bench:
        bench.up()
        cases = [({"memory": "512m", "cpus": "0.5"}, (512 << 20, 500_000_000)), ({"memory": "64Mi"}, (64 << 20, 0)),
                 ({"memory": 67108864, "cpus": 1}, (64 << 20, 10 ** 9)), ({"memory": "1.5g", "cpus": 0.25},
                                                                         (1536 << 20, 250_000_000)), ({}, (0, 0))]
        for number, (values, wanted) in enumerate(cases):
            url = bench.start("d1", "A", info={"keyValueConfig": values})
            expect(limits_of(bench.servers()[0]) == wanted, values, limits_of(bench.servers()[0]))
            answers(url, "A")
            expect(len(bench.servers()) == 1, f"after case {number}", bench.servers())


@test("limits that cannot be are refused with file, line and column, before anything is changed")
def _():
    with Quick("badlimits") as bench:
        bench.up()
        before = bench.state()
        for key, values in (("memory", ("lots", "-1", "0", "512q", "", "1m", [1], True)),
                            ("cpus", ("many", "-1", 0, "1,5", "0.001", "1e9", "nan", {"a": 1}))):
            for value in values:
                given = bench.deployment("d1", "A", keyValueConfig={"other": "x", key: value})
                path = bench.join(f"action-{bench.runs + 1}.yaml")
                done = bench.act("deployment_start", given).expect("failing", key, path + ":")
                with open(path, encoding="utf-8") as file:
                    lines = file.read().splitlines()
                line, column = (int(word) for word in done.msg.split(path + ":")[1].split(":")[:2])
                # A list begins on the line after its key.
                expect(f"{key}:" in "".join(lines[line - 2:line]) and column > 1, value, done)
                expect("0x" not in done.msg, "an address in the message:", done)
        expect(bench.state() == before, bench.leftovers())


@test("more processors than the engine has: its refusal is told, and nothing is left")
def _():
    with Quick("toomany") as bench:
        bench.up()
        before = bench.state()
        bench.act("deployment_start", bench.deployment(keyValueConfig={"cpus": 4096})).expect("failing", "CPU")
        expect(bench.state() == before, bench.leftovers())


@test("ppsEnvironment adds to the server's environment, overrides it, and takes away with an empty text")
def _():
    with Quick("env") as bench:
        bench.up()
        text = "two\nlines = \"quoted\" $HOME 模型"
        bench.start(private={"ppsEnvironment": {"WORKERS": "3", "TEXT": text, "MLOPS_MODEL_ID": "mine",
                                                "MLOPS_DEPLOYMENT_ID": ""}})
        found = environment(bench.servers()[0])
        expect(found["WORKERS"] == "3" and found["TEXT"] == text and found["MLOPS_MODEL_ID"] == "mine", found)
        expect("MLOPS_DEPLOYMENT_ID" not in found, found)
        expect(predict(bench.url + "/d1/predict")[1]["modelId"] == "mine", "the server has another environment")


@test("a changed config makes the next start replace the container, without a lost prediction")
def _():
    with Quick("stale") as bench:
        bench.up()
        url = bench.start()
        first = inspect(bench.servers()[0])["Id"]
        with Predictions(url, rate=30) as new, Predictions(url, rate=30, keep_alive=True) as kept:
            for value in ("1", "2"):
                expect(bench.start(private={"ppsEnvironment": {"CHANGED": value}}) == url, "URL")
                expect(environment(bench.servers()[0])["CHANGED"] == value, environment(bench.servers()[0]))
            before = bench.state()
            bad = {"ppsEnvironment": {"CHANGED": "3"}, "healthCheck": "false", "startTimeout": "5s"}
            done = bench.act("deployment_start", bench.deployment(), private=bad).expect("failing")
            expect(bench.state() == before, done, bench.leftovers())
            reports = new.stop(), kept.stop()
        expect(len(bench.servers()) == 1 and inspect(bench.servers()[0])["Id"] != first, bench.servers())
        expect(not any(report.lost for report in reports), reports)
        expect(bench.servers() == [f"{bench.prefix}deployment_d1_A"], "the container's name:", bench.servers())


@test("healthCheck: a text for the shell, or words; the interval; what it says when it fails")
def _():
    with Quick("health") as bench:
        bench.up()
        for check, wanted in (("test -d /opt/ml/model && true", ["CMD-SHELL", "test -d /opt/ml/model && true"]),
                              (["/bin/sh", "-c", "exit 0"], ["CMD", "/bin/sh", "-c", "exit 0"])):
            answers(bench.start(private={"healthCheck": check, "healthInterval": "2s"}), "A")
            found = inspect(bench.servers()[0])["Config"]["Healthcheck"]
            expect(found["Test"] == wanted and found["Interval"] == 2_000_000_000, found)
        ill = {"healthCheck": "echo I am ill; exit 1", "startTimeout": "4s"}
        bench.act("deployment_replace_model", bench.replacement(), private=ill).expect("failing", "I am ill")
        answers(bench.url + "/d1/predict", "A")


@test("port mapping to one address; the proxy's API need not be published; a changed mapping is taken up")
def _():
    with Quick("ports") as bench:
        bench.up(private={"traefikPortMapping": {80: f"127.0.0.1:{bench.ports[80]}"}})
        bound = inspect(bench.prefix + "traefik")["HostConfig"]["PortBindings"]
        expect(bound == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(bench.ports[80])}]}, bound)
        mapping = {"traefikPortMapping": {80: f"127.0.0.1:{bench.ports[80]}"}}
        answers(bench.start(private=mapping), "A")
        answers(bench.replace(private=mapping), "B")
        other = free_port()
        bench.up(private={"traefikPortMapping": {80: other}})
        wait_until(lambda: predict(f"http://127.0.0.1:{other}/d1/predict")[0] == 200, SECONDS, "the new port")
        bench.up(private={"traefikPortMapping": None})
        expect(not inspect(bench.prefix + "traefik")["HostConfig"]["PortBindings"], "no port")
        inside = ("exec", bench.servers()[0], "wget", "-q", "-O-", "--post-data", '{"n": 1}')
        wait_until(lambda: '"model": "B"' in docker(*inside, f"http://{bench.prefix}traefik/d1/predict", check=False),
                   SECONDS, "an answer on the network")


@test("a port that is taken: plugin_start says which, and leaves no half proxy")
def _():
    with Quick("busy") as bench:
        bench.run("holder", PPS, f"-p{bench.ports[80]}:8080")
        bench.act("plugin_start").expect("failing", str(bench.ports[80]), "traefik")
        expect(bench.containers() == [bench.prefix + "holder"], bench.containers())
        docker("rm", "-f", bench.prefix + "holder")
        bench.up()


@test("outfacingPredictionURLPrefix with a path, with and without a slash at its end")
def _():
    with Quick("prefix") as bench:
        for path in ("/models/v1.0", "/models/v1.0/", "/", ""):
            private = {"outfacingPredictionURLPrefix": bench.url + path}
            bench.up(private=private)
            url = bench.start("d1", "A", private=private)
            expect(url == bench.url + path.rstrip("/") + "/d1/predict", url)
            answers(url, "A")
            answers(bench.url + "/d1/predict", "A")
            answers(bench.url + path.rstrip("/") + "/A/predict", "A")
            bench.stop("d1", "A")


@test("a custom model's image of the generated name is used as it is, needs no package, and stays at the stop")
def _():
    with Quick("custom") as bench:
        bench.up()
        package = os.path.basename(bench.package("other"))
        bench.write("models/Dockerfile", f"FROM {PPS}\nCOPY {package} /opt/ml/model/custom.mlpkg\nENV CUSTOM=yes\n"
                    "HEALTHCHECK --interval=1s CMD test -e /opt/ml/model/custom.mlpkg\n")
        image = bench.prefix + "own:latest"
        docker("build", "-q", "-t", image, bench.join("models"))
        made = docker("image", "inspect", "-f", "{{.Id}}", image)
        given = bench.deployment("d1", "own")
        os.unlink(given["modelArtifact"])
        answers(url_of(bench.act("deployment_start", given)), "other", "d1")
        found = inspect(bench.servers()[0])
        expect(found["Image"] == made and environment(bench.servers()[0])["CUSTOM"] == "yes", found["Image"])
        expect("custom.mlpkg" in str(found["Config"]["Healthcheck"]["Test"]), found["Config"]["Healthcheck"])
        bench.replace("d1", "own", "B")
        answers(bench.replace("d1", "B", "own"), "other")
        bench.stop("d1", "own")
        bench.act("plugin_stop").expect("passing")
        expect(bench.leftovers() == [f"image {image}"], bench.leftovers())
        expect(docker("image", "inspect", "-f", "{{.Id}}", image) == made, "another image")


@test("deployment_list hands back name, description, keyValueConfig and the rest as they came, however hostile")
def _():
    with Quick("list") as bench:
        bench.up()
        values = {f"{number} {text[:50]}": text for number, text in enumerate(HOSTILE)}
        values.update({"number": 7, "fraction": 0.5, "yes": True, "list": [1, "two", {"three": 3}]})
        info = {"name": "\n".join(HOSTILE), "description": "".join(reversed(HOSTILE)), "keyValueConfig": values}
        given = bench.deployment("d1", "A", **info)
        answers(url_of(bench.act("deployment_start", given)), "A")
        found = bench.listed()["d1"]
        for key in ("id", "modelId", "name", "description", "keyValueConfig", "modelExecutionType", "modelArtifact"):
            expect(found[key] == given[key], f"{key}:", found[key], "instead of", given[key])
        bench.act("deployment_replace_model", bench.replacement("d1", "A", "B", **info)).expect("passing")
        found = bench.listed()["d1"]
        expect(found["modelId"] == "B" and found["keyValueConfig"] == values, found)


@test("a package under any file name, in any folder; what is no package is said")
def _():
    with Quick("package") as bench:
        bench.up()
        for number, name in enumerate(("model.mlpkg", "no-extension", "sp ace 'quote\" $HOME.mlpkg", ".hidden",
                                       "ünï.tar", "-x", "[a]*?.mlpkg", "\\n.mlpkg", "x" * 200)):
            path = bench.write(f"in here/{number}/{name}", f"model: {number}\n")
            url = url_of(bench.act("deployment_start", {**bench.deployment("d1", f"m{number}"), "modelArtifact": path}))
            answers(url, str(number))
            bench.stop("d1", f"m{number}")
        before = bench.state()
        for path, word in ((bench.join("none.mlpkg"), "none.mlpkg"), (bench.path, "expected a file"),
                           (bench.write("empty.mlpkg", ""), "empty"), ("", "modelArtifact"), (None, "modelArtifact")):
            given = {**bench.deployment("d1", "bad"), "modelArtifact": path}
            bench.act("deployment_start", given).expect("failing", "d1", word)
        expect(bench.state() == before, bench.leftovers())


@test("another package of the same model is served after the next start, and leaves no old image")
def _():
    with Quick("newpkg") as bench:
        bench.up()
        url = bench.start("d1", "m", ["first: 1"])
        bench.stop("d1", "m")
        given = bench.deployment("d1", "m")
        bench.write("models/m.mlpkg", "model: second edition\n")
        url_of(bench.act("deployment_start", given))
        answers(url, "second edition")
        bench.write("models/m.mlpkg", "model: the third edition\n")
        url_of(bench.act("deployment_relaunch", given))
        answers(url, "the third edition")
        expect(bench.images() == [bench.prefix + "m:latest"], bench.images())


@test("mistakes in the private config: all of them at once, with file, line and column, before the engine is asked")
def _():
    with Quick("mistakes") as bench:
        path = bench.write("bad.yaml", "\n".join((
            "dockerNetwrk: bosun", "ppsBaseImage: 'no image: at all'", "outfacingPredictionURLPrefix: [1]",
            "traefikPortMapping: {80: eighty, 99999: 1}", "containerNamePrefix: '/evil'", "drainTime: soon",
            "generatedImagePrefix: 'UPPER'", "healthCheck: []", "ppsEnvironment: {'A=B': x}")) + "\n")
        done = bench.act("plugin_start", private=path, env={"DOCKER_HOST": "unix:///nowhere"}).expect("failing", path)
        words = ("dockerNetwork", "ppsBaseImage", "outfacingPredictionURLPrefix", "traefikPortMapping",
                 "containerNamePrefix", "drainTime", "generatedImagePrefix", "healthCheck", "ppsEnvironment")
        for line, word in enumerate(words, 1):
            expect(f":{line}:" in done.msg and word in done.msg, f"line {line}, {word}:", done)


@test("a network that is missing: plugin_start, start and pe_status say how to make it")
def _():
    with Quick("nonet") as bench:
        private = {"dockerNetwork": bench.prefix + "absent"}
        for action, info in (("plugin_start", None), ("pe_status", None), ("deployment_start", bench.deployment()),
                             ("deployment_replace_model", bench.replacement())):
            bench.act(action, info, private=private).expect("failing", f"docker network create {bench.prefix}absent")
        expect(bench.leftovers() == [], bench.leftovers())


if __name__ == "__main__":
    main()

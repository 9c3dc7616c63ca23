"""Ids are hostile text: whatever they are, a deployment has its own container, image, route and end, and nothing of
others is touched. And whose is what, when two prediction environments use one engine."""
import re

from support import docker, expect, inspect, main, predict, test, wait_until
from support.bench import PPS
from support.engine import HOSTNAME
from ports import free_port
from support.quick import SECONDS, Quick, answers, gone, url_of

# Each with a model of a name of its own; pairs that somebody could mix up are in here together.
IDS = ["d1", "D1", "d1 ", "d-1", "d_1", "`) || Path(`/d1", "{x:.*}", "a/b", "../d1", "..", "--privileged",
       "it's \"quoted\"", "two\nlines", "ünïcödé-模型 🚀", "x" * 300, "x" * 301, "%2e%2e", "?a=b#c", "a,b;c=d",
       "$(id) ${HOME}", "null", "\x7f\x1b", "traefik", "deployment_d1"]


def part_of_url(url, bench):
    """What stands for the id in a prediction URL."""
    found = re.fullmatch(re.escape(bench.url) + r"/([A-Za-z0-9_.~-]+)/predict", url)
    expect(found and not set(found.group(1)) <= {"."}, "not a URL that every client takes:", url)
    return found.group(1)


def start_all(bench, ids):
    """id → prediction URL; models are m0, m1…, several at once."""
    urls = {}
    for at in range(0, len(ids), 4):
        running = [(name, bench.begin("deployment_start", bench.deployment(name, f"m{at + number}")))
                   for number, name in enumerate(ids[at:at + 4])]
        urls.update({name: url_of(one.finish()) for name, one in running})
    return urls


@test("hostile deployment ids: each has a container, a URL and an entry of its own, and ends alone")
def _():
    with Quick("ids") as bench:
        bench.up()
        urls = start_all(bench, IDS)
        expect(len({part_of_url(url, bench) for url in urls.values()}) == len(IDS), urls)
        expect(len(bench.servers()) == len(IDS), bench.servers())
        for number, (name, url) in enumerate(urls.items()):
            answers(url, f"m{number}")
        listed = bench.listed()
        expect({name: one["modelId"] for name, one in listed.items()}
               == {name: f"m{number}" for number, name in enumerate(IDS)}, listed)
        expect(all(one["id"] == name for name, one in listed.items()), listed)
        seen = bench.statuses(*IDS)
        expect({one["data"]["currentModelId"] for one in seen.values() if one["status"] == "passing"}
               == {f"m{number}" for number in range(len(IDS))}, seen)
        left = dict(bench.state()["containers"])
        for name in ("D1", "..", "../d1", "{x:.*}", "`) || Path(`/d1", "x" * 300, "two\nlines", "traefik"):
            number = IDS.index(name)
            bench.stop(name, f"m{number}")
            now = bench.state()["containers"]
            expect(len(now) == len(left) - 1 and set(now.items()) < set(left.items()), f"the stop of {name!r}:", now)
            expect(set(listed) - {name} == set(bench.listed()), f"the stop of {name!r}")
            left = now
            del listed[name]
            gone(urls.pop(name))
        for name, url in urls.items():
            answers(url, f"m{IDS.index(name)}")


@test("hostile model ids: an image, a container and a URL each")
def _():
    with Quick("models") as bench:
        bench.up()
        models = ["M", "m", "m ", "a/b", "a:b", "a@b", "../m", "..", "-x", "two\nlines", "x" * 300, "模型", "{x}`",
                  "a__b", "sha256", "m0@sha256:" + "0" * 64]
        for at in range(0, len(models), 4):
            running = []
            for number, model in enumerate(models[at:at + 4], at):
                path = bench.write(f"package-{number}.mlpkg", f"model: n{number}\n")
                info = {"id": f"d{number}", "modelId": model, "modelArtifact": path}
                running.append(bench.begin("deployment_start", info))
            for number, one in enumerate(running, at):
                answers(url_of(one.finish()), f"n{number}", f"d{number}")
        expect(len(bench.images()) == len(models) == len(bench.servers()), bench.images(), bench.servers())
        expect({one["modelId"] for one in bench.listed().values()} == set(models), bench.listed())
        for number, model in enumerate(models[:6]):
            bench.act("deployment_stop", {"id": f"d{number}", "modelId": model}).expect("passing")
        expect(len(bench.images()) == len(models) - 6 == len(bench.servers()), bench.images())
        for number in range(6, len(models)):
            answers(f"{bench.url}/d{number}/predict", f"n{number}")


@test("ids that are no ids are refused by every action, and nothing is touched")
def _():
    with Quick("noids") as bench:
        bench.up()
        bench.start()
        before = bench.state()
        for wrong in ("", "x" * 1025, "a\0b", 7, None, ["d1"]):
            for action in ("deployment_start", "deployment_stop", "deployment_status", "deployment_relaunch",
                           "deployment_replace_model"):
                done = bench.act(action, {**bench.replacement("d1", "A", "B"), "id": wrong}).expect("failing", "id")
                expect("deploymentInfo" in done.msg, action, wrong, done)
        for key, action in (("modelId", "deployment_start"), ("newModelId", "deployment_replace_model"),
                            ("modelId", "deployment_relaunch")):
            absent = () if key == "newModelId" else ("", None)  # modelId stands in for an absent newModelId
            for wrong in (*absent, "x" * 1025, "a\0b", 7):
                bench.act(action, {**bench.replacement("d1", "A", "B"), key: wrong}).expect("failing", key)
        expect(bench.state() == before, bench.state())


@test("ids whose container names collide: the second start says whose the name is, the first one is untouched")
def _():
    with Quick("collide") as bench:
        bench.up()
        url = bench.start("a_b", "c")
        before = bench.state()
        done = bench.act("deployment_start", bench.deployment("a", "b_c")).expect("failing", "a_b", "taken")
        expect(bench.prefix + "deployment_a_b_c" in done.msg and done.state == "errored", done)
        expect(bench.state() == before, bench.state())
        answers(url, "c", "a_b")
        bench.act("deployment_stop", bench.deployment("a", "b_c")).expect("passing", "not deployed")
        expect(bench.state() == before, bench.state())
        other = bench.start("a", "else")
        done = bench.act("deployment_replace_model", bench.replacement("a", "else", "b_c")).expect("failing", "a_b")
        expect(done.data == {"oldModelInUse": True}, done)
        answers(url, "c", "a_b")
        answers(other, "else", "a")


@test("a container of somebody else with the name that is needed: an error that names it, and it is untouched")
def _():
    with Quick("stranger") as bench:
        for name, action, info in (("traefik", "plugin_start", None),
                                   ("deployment_d1_A", "deployment_start", bench.deployment())):
            docker("run", "-d", "--name", bench.prefix + name, PPS)
            before = inspect(bench.prefix + name)["Id"], inspect(bench.prefix + name)["State"]["StartedAt"]
            bench.act(action, info).expect("failing", bench.prefix + name, "taken")
            after = inspect(bench.prefix + name)["Id"], inspect(bench.prefix + name)["State"]["StartedAt"]
            expect(after == before, name, after)
            docker("rm", "-f", bench.prefix + name)
            bench.up()


@test("a deployment's id that is another one's model id: the deployment goes before the model")
def _():
    with Quick("cross") as bench:
        bench.up()
        # Either order of starting: "x" names a deployment and the other one's model.
        for first, second in ((("x", "one"), ("y", "x")), (("y", "x"), ("x", "one"))):
            for deployment, model in (first, second):
                bench.start(deployment, model)
            answers(bench.url + "/x/predict", "one", "x")
            answers(bench.url + "/y/predict", "x", "y")
            answers(bench.url + "/one/predict", "one", "x")
            bench.replace("y", "x", "z")
            answers(bench.url + "/x/predict", "one", "x")
            bench.replace("y", "z", "x")
            answers(bench.url + "/x/predict", "one", "x")
            bench.stop("x", "one")
            wait_until(lambda: predict(bench.url + "/x/predict")[0] == 200, SECONDS, "x is the model now")
            answers(bench.url + "/x/predict", "x", "y")
            bench.stop("y", "x")
        # Both ids the same.
        answers(bench.start("same", "same"), "same", "same")
        answers(bench.replace("same", "same", "other"), "other", "same")


OTHER = {"pe_info": {"id": "pe-2"}}


@test("another prediction environment with the same prefix: a clear error, and nothing of the first is touched")
def _():
    with Quick("twope") as bench:
        bench.up()
        url = bench.start()
        before = bench.state()
        bench.act("plugin_start", **OTHER).expect("failing", "pe-1", "containerNamePrefix")
        for info in (bench.deployment(), bench.deployment("d2", "B")):
            bench.act("deployment_start", info, **OTHER).expect("failing", "pe-1", "containerNamePrefix")
        bench.act("deployment_replace_model", bench.replacement(), **OTHER).expect("failing")
        expect(bench.act("deployment_list", **OTHER).expect("passing").data == {}, "it lists what is not its own")
        bench.act("deployment_status", bench.deployment(), **OTHER).expect("failing", "not deployed")
        bench.act("deployment_stop", bench.deployment(), **OTHER).expect("passing", "not deployed")
        bench.act("plugin_stop", **OTHER).expect("passing")
        expect(bench.state() == before, bench.state())
        answers(url, "A")
        # The agent says the environment in one of two places.
        bench.act("plugin_start", plugin_config={"MLOPS_BOSUN_PRED_ENV_ID": "pe-3"}).expect("failing", "pe-1")
        bench.up(plugin_config={"MLOPS_BOSUN_PRED_ENV_ID": "pe-1"}, pe_info={"id": "pe-1"})
        expect(bench.state() == before, bench.state())


@test("two prediction environments with prefixes of their own live side by side with the same deployment ids")
def _():
    with Quick("sidepe") as bench:
        port = free_port()
        second = f"http://{HOSTNAME}:{port}"
        mine = {"containerNamePrefix": bench.prefix + "two-", "generatedImagePrefix": bench.prefix + "two-",
                "traefikPortMapping": {80: port}, "outfacingPredictionURLPrefix": second}
        theirs = {"private": mine, **OTHER}
        bench.up()
        bench.up(**theirs)
        urls = bench.start("d1", "A"), bench.start("d1", "B", **theirs)
        expect(urls == (bench.url + "/d1/predict", second + "/d1/predict"), urls)
        answers(urls[0], "A", "d1")
        answers(urls[1], "B", "d1")
        bench.start("d2", "A", **theirs)
        expect(set(bench.listed()) == {"d1"} and set(bench.listed(**theirs)) == {"d1", "d2"}, "lists")
        answers(second + "/A/predict", "A", "d2")
        answers(bench.url + "/A/predict", "A", "d1")
        bench.replace("d1", "A", "C")
        answers(second + "/d2/predict", "A", "d2")
        bench.stop("d1", "C")
        bench.act("plugin_stop").expect("passing")
        answers(urls[1], "B", "d1")
        answers(second + "/d2/predict", "A", "d2")
        for name, model in (("d1", "B"), ("d2", "A")):
            bench.stop(name, model, **theirs)
        bench.act("plugin_stop", **theirs).expect("passing")
        expect(bench.leftovers() == [], bench.leftovers())


if __name__ == "__main__":
    main()

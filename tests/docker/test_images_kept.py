"""What is not of this run, or not the plugin's, stays: images that were there before a start that fails, images and
containers that somebody derived from generated ones."""
import os

from support import docker, engine_request, expect, inspect, main, test
from support.bench import PPS
from support.quick import Quick, answers, url_of
from support.trouble import Watched


def image_id(name):
    status, found = engine_request("GET", f"/images/{name}/json")
    return found["Id"] if status == 200 else None


def images_of(bench):
    """What there is of this bench: (name, id)."""
    return sorted((name, image_id(name)) for name in bench.images())


@test("a start that fails keeps the model's image that was there, under its name, whatever it fails at")
def _():
    with Quick("failed") as bench:
        bench.up()
        bench.start("d1", "m")
        docker("rm", "-f", bench.servers()[0])
        before = images_of(bench)
        expect(len(before) == 1, before)
        failing = {
            "no package": {**bench.deployment("d1", "m"), "modelArtifact": "/nowhere/m.mlpkg"},
            "a limit that the engine refuses": bench.deployment("d1", "m", keyValueConfig={"cpus": 4000}),
            "a package that crashes": bench.deployment("d1", "m", ["crash: 3"]),
            "a name that is taken": bench.deployment("d1", "m"),
        }
        for what, info in failing.items():
            bench.package("m", *(["crash: 3"] if "crashes" in what else []))
            if "taken" in what:
                docker("create", "--name", bench.prefix + "deployment_d1_m", PPS)
            bench.act("deployment_start", info).expect("failing")
            expect(images_of(bench) == before, what, images_of(bench))
        docker("rm", bench.prefix + "deployment_d1_m")
        answers(bench.start("d1", "m"), "m", "d1")
        expect(images_of(bench) == before, "built again:", images_of(bench))


@test("a replacement that fails leaves no image that it built, and those of others alone")
def _():
    with Quick("replaced") as bench:
        bench.up()
        first, second = bench.start("d1", "A"), bench.start("d2", "B")
        before = images_of(bench)
        done = bench.act("deployment_replace_model", bench.replacement("d1", "A", "B", ["crash: 3"])).expect("failing")
        expect(done.data == {"oldModelInUse": True} and images_of(bench) == before, done, images_of(bench))
        bench.act("deployment_replace_model", bench.replacement("d1", "A", "C", ["crash: 3"])).expect("failing")
        expect(images_of(bench) == before, images_of(bench))
        answers(first, "A", "d1")
        answers(second, "B", "d2")
        # The image of B is as it was: nothing is built for it.
        bench.package("B")
        bench.act("deployment_relaunch", bench.deployment("d2", "B")).expect("passing")
        expect(images_of(bench) == before, images_of(bench))


@test("a model's image that is there needs neither its base image nor, where none is named, the package")
def _():
    with Quick("nobase") as bench:
        base = bench.prefix + "base:1"
        docker("tag", PPS, base)
        private = {"ppsBaseImage": base}
        bench.up(private=private)
        bench.start("d1", "m", private=private)
        docker("rmi", base)
        for info in (bench.deployment("d1", "m"), bench.deployment("d1", "m", modelArtifact=None)):
            docker("rm", "-f", bench.servers()[0])
            answers(url_of(bench.act("deployment_start", info, private=private)), "m", "d1")
        bench.act("deployment_relaunch", bench.deployment("d1", "m"), private=private).expect("passing")
        # Another package does need it.
        ill = bench.deployment("d1", "m", ["predict-delay: 0"])
        bench.act("deployment_start", ill, private=private).expect("failing", base, "still serving")
        answers(bench.url + "/d1/predict", "m", "d1")


def derive(bench, name, source, *lines):
    folder = bench.join("derived")
    os.makedirs(folder, exist_ok=True)
    bench.write("derived/Dockerfile", "\n".join([f"FROM {source}", *lines]) + "\n")
    return docker("build", "-q", *(["-t", name] if name else []), folder)


@test("images derived from a generated one are somebody's: used as custom models, never overwritten or removed")
def _():
    with Quick("derived") as bench:
        bench.up()
        bench.start("d1", "m")
        generated, = bench.images()
        custom = bench.prefix + "custom:latest"
        derive(bench, custom, generated, "ENV DERIVED=yes")
        nameless = derive(bench, None, generated, "RUN touch /derived")
        elsewhere = bench.prefix + "else:where"
        docker("tag", generated, elsewhere)
        ids = {name: image_id(name) for name in (custom, nameless, elsewhere)}
        answers(bench.start("d2", "custom"), "m", "d2")
        used, = [one for one in bench.servers() if "custom" in one]
        expect("DERIVED=yes" in inspect(used)["Config"]["Env"], "another image is used")
        bench.act("deployment_relaunch", bench.deployment("d2", "custom")).expect("passing")
        bench.stop("d2", "custom")
        bench.stop("d1", "m")
        bench.up()
        expect({name: image_id(name) for name in ids} == ids, "they have changed", bench.leftovers())
        expect(image_id(generated) is None, "the generated image keeps its name")
        # One derived under the very name of a generated one.
        derive(bench, generated, elsewhere, "RUN touch /derived")
        ids[generated] = image_id(generated)
        answers(bench.start("d1", "m"), "m", "d1")
        bench.stop("d1", "m")
        expect({name: image_id(name) for name in ids} == ids, "they have changed", bench.leftovers())


@test("a container that somebody made from a deployment's is not its own: no action touches it, the status says so")
def _():
    with Quick("byhand") as bench:
        bench.up()
        url = bench.start("d1", "m")
        generated, = bench.images()
        copy = bench.prefix + "copy:1"
        docker("commit", bench.servers()[0], copy)
        strangers = [bench.prefix + "of-copy", bench.prefix + "of-image"]
        # The proxy would take the copy's labels for the deployment's.
        docker("run", "-d", "--name", strangers[0], "--network", "none", copy)
        docker("run", "-d", "--name", strangers[1], "--network", bench.network, generated)

        def untouched(what):
            for name in strangers:
                expect(inspect(name) and inspect(name)["State"]["Running"], what, "touched", name)
        done = bench.act("deployment_status", bench.deployment("d1", "m"))
        expect(strangers[0] in done.msg and done.state == "ready", done)
        with Watched(url, "m"):
            bench.act("deployment_relaunch", bench.deployment("d1", "m")).expect("passing")
            untouched("relaunch")
        bench.act("deployment_replace_model", bench.replacement("d1", "m", "n")).expect("passing")
        untouched("replace")
        bench.stop("d1", "n")
        bench.up()
        untouched("stop")
        expect(bench.listed() == {}, bench.listed())
        bench.act("plugin_stop").expect("passing")
        untouched("plugin_stop")
        answers(bench.start("d1", "o"), "o", "d1")
        untouched("start")
        # The deployment's own container under another name is still its own.
        own, = bench.servers()
        docker("rename", own, bench.prefix + "renamed")
        expect(set(bench.listed()) == {"d1"}, bench.listed())
        answers(bench.start("d1", "o"), "o", "d1")
        expect(bench.servers() == [own], bench.containers())


if __name__ == "__main__":
    main()

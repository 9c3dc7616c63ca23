"""An operator tidies up: `docker system prune` and removed volumes, on an engine of the test's own."""
import own_engine

ENGINE = own_engine.enter(own_engine.Engine, "2g")

# pylint: disable=wrong-import-position
from support import docker, expect, main, test  # noqa: E402
from support.bench import PPS, PROXY  # noqa: E402
from support.quick import Quick, answers  # noqa: E402


def prune():
    docker("system", "prune", "--all", "--force", "--volumes")


@test("prune beside running deployments removes nothing of them; replacements go on")
def _():
    with Quick("tidy") as bench:
        bench.up()
        url = bench.start()
        shared = bench.start("d2", "S", info={"modelExecutionType": "shared"})
        before = bench.containers()
        prune()
        expect(bench.containers() == before, bench.containers(), "instead of", before)
        answers(url, "A")
        answers(shared, "S")
        bench.act("pe_status", pe_info={"deployments": ["d1", "d2"]}).expect("passing")
        expect(bench.replace("d1", "A", "B") == url, "URL")
        answers(url, "B")
        prune()
        bench.stop("d1", "B")
        bench.stop("d2", "S")
        bench.act("plugin_stop").expect("passing")


@test("prune after everything was stopped by hand takes it all: the statuses say so, and start brings it back")
def _():
    with Quick("gone") as bench:
        bench.up()
        url = bench.start()
        shared = bench.start("d2", "S", info={"modelExecutionType": "shared"})
        keeper = ENGINE.path("images.tar")
        docker("save", "-o", keeper, PPS, PROXY)
        docker("stop", "-t", "1", *bench.containers())
        prune()
        expect(bench.containers() == [], bench.containers())
        docker("network", "create", bench.network)  # it had no container any more, either
        docker("load", "-q", "-i", keeper)
        bench.act("pe_status", pe_info={"deployments": ["d1", "d2"]}).expect("failing", "plugin_start")
        bench.act("deployment_status", bench.deployment()).expect("failing", "not deployed")
        expect(bench.listed() == {}, "deployment_list")
        bench.up()
        expect(bench.start() == url, "URL")
        answers(url, "A")
        expect(bench.start("d2", "S", info={"modelExecutionType": "shared"}) == shared, "URL")
        answers(shared, "S")
        bench.stop("d1", "A")
        bench.stop("d2", "S")
        bench.act("plugin_stop").expect("passing")
        expect(bench.leftovers() == [], bench.leftovers())


@test("the shared server's volume removed under it: the statuses say which models are lost, and start uploads them again")
def _():
    with Quick("volume") as bench:
        bench.up()
        url = bench.start("d1", "S", info={"modelExecutionType": "shared"})
        server = bench.prefix + "shared_server"
        docker("rm", "-f", server)
        docker("volume", "rm", server)
        bench.act("pe_status", pe_info={"deployments": ["d1"]}).expect("failing", "plugin_start")
        bench.up()
        seen = bench.act("pe_status", pe_info={"deployments": ["d1"]}).data["deploymentsStatus"]["d1"]
        expect(seen["status"] == "failing" and seen["msg"], seen)
        expect(bench.start("d1", "S", info={"modelExecutionType": "shared"}) == url, "URL")
        answers(url, "S")
        bench.act("pe_status", pe_info={"deployments": ["d1"]}).expect("passing")


if __name__ == "__main__":
    main()

"""The network under running deployments: who is on it, what happens when somebody is not, and which action mends it."""
import http.client

from support import Predictions, docker, expect, inspect, main, predict, test, wait_until
from support.quick import SECONDS, Quick, answers


def networks(name):
    return set(inspect(name)["NetworkSettings"]["Networks"])


def dead(url):
    """No prediction arrives any longer; the proxy may take its time to notice."""
    def fails():
        try:
            return predict(url)[0] != 200
        except (OSError, http.client.HTTPException):
            return True
    wait_until(fails, SECONDS, f"{url} is dead")


def alive(url, model, deployment):
    wait_until(lambda: predict(url)[0] == 200, SECONDS, f"{url} is alive")
    answers(url, model, deployment)


def status_of(bench, deployment="d1", status="failing", **options):
    """deployment_status and the same in pe_status, which agree; the message."""
    one = bench.act("deployment_status", bench.deployment(deployment), **options).expect(status)
    everything = bench.act("pe_status", pe_info={"deployments": [deployment]}, **options)
    other = everything.data["deploymentsStatus"][deployment]
    expect((other["status"], other["state"]) == (one.status, one.state), one, "but in pe_status", other)
    return one.msg, everything


@test("a proxy off the network: the statuses say so, plugin_start and every start connect it again")
def _():
    with Quick("proxyoff") as bench:
        bench.up()
        url = bench.start()
        proxy = bench.prefix + "traefik"
        for mend in (bench.up, bench.start):
            docker("network", "disconnect", bench.network, proxy)
            dead(url)
            _, everything = status_of(bench)
            everything.expect("failing", "proxy", "not connected to the network", "plugin_start")
            before = inspect(proxy)["Id"]
            mend()
            expect(networks(proxy) == {bench.network} and inspect(proxy)["Id"] == before, networks(proxy))
            alive(url, "A", "d1")
        status_of(bench, status="passing")


@test("a deployment off the network: the statuses say so, a start or plugin_start connects it again")
def _():
    with Quick("off") as bench:
        bench.up()
        url = bench.start()
        name, = bench.servers()
        before = inspect(name)["Id"]
        for mend in (bench.start, bench.up):
            docker("network", "disconnect", bench.network, name)
            dead(url)
            msg, everything = status_of(bench)
            expect("not connected to the network" in msg and "deployment_start" in msg, msg)
            everything.expect("passing")
            mend()
            expect(networks(name) == {bench.network} and inspect(name)["Id"] == before, networks(name))
            alive(url, "A", "d1")
        status_of(bench, status="passing")


@test("a replacement while the old deployment is off the network brings the new one up; a stopped one is started on it")
def _():
    with Quick("offold") as bench:
        bench.up()
        url = bench.start()
        docker("network", "disconnect", bench.network, bench.servers()[0])
        bench.replace()
        alive(url, "B", "d1")
        docker("stop", "-t", "1", bench.servers()[0])
        docker("network", "disconnect", "-f", bench.network, bench.servers()[0])
        bench.start("d1", "B")
        alive(url, "B", "d1")


@test("a network that was recreated under its name: everything is connected to the new one")
def _():
    with Quick("recreated") as bench:
        bench.up()
        urls = bench.start("d1", "A"), bench.start("d2", "B", info={"modelExecutionType": "shared"})
        every = bench.containers()
        for name in every:
            docker("network", "disconnect", "-f", bench.network, name)
        docker("network", "rm", bench.network)
        bench.act("pe_status").expect("failing", "does not exist", "docker network create")
        docker("network", "create", "--label", f"bosun.prefix={bench.prefix}", bench.network)
        for url in urls:
            dead(url)
        for deployment in ("d1", "d2"):
            status_of(bench, deployment)
        bench.up()
        for name in every:
            expect(networks(name) == {bench.network}, name, networks(name))
        alive(urls[0], "A", "d1")
        alive(urls[1], "B", "d2")


@test("a stopped container of a network that was recreated starts on the new one")
def _():
    with Quick("stale") as bench:
        bench.up()
        url = bench.start()
        every = bench.containers()
        docker("stop", "-t", "1", *every)
        docker("network", "rm", bench.network)
        docker("network", "create", "--label", f"bosun.prefix={bench.prefix}", bench.network)
        bench.up()
        bench.start()
        alive(url, "A", "d1")


@test("dockerNetwork changed under live deployments: they serve on, and a start moves each without losing a prediction")
def _():
    with Quick("changed") as bench:
        bench.up()
        url = bench.start()
        other = {"dockerNetwork": bench.prefix + "other"}
        docker("network", "create", "--label", f"bosun.prefix={bench.prefix}", other["dockerNetwork"])
        with Predictions(url, rate=10) as sender:
            wait_until(lambda: sender.answered("A") > 5, SECONDS, "A answers")
            bench.replace("d1", "A", "B", private=other)
            wait_until(lambda: sender.answered("B") > 5, SECONDS, "B answers")
            report = sender.stop()
        expect(not report.lost and report.order == ["A", "B"], report)
        expect(networks(bench.servers()[0]) == {other["dockerNetwork"]}, bench.servers())
        bench.start("d2", "C")
        bench.up(private=other)
        alive(bench.url + "/d2/predict", "C", "d2")
        status_of(bench, "d2", "passing", private=other)


@test("a replacement that predictions do not reach is undone, however healthy: off the network, or deaf on its port")
def _():
    with Quick("unreached") as bench:
        bench.up()
        url = bench.start()
        before = bench.state()
        new = bench.prefix + "deployment_d1_B"
        action = bench.begin("deployment_replace_model", bench.replacement("d1", "A", "B", ["start-delay: 3"]))
        wait_until(lambda: inspect(new) and inspect(new)["State"]["Running"], SECONDS, "the new one runs")
        docker("network", "disconnect", bench.network, new)
        undone(bench, url, before, action.finish(), "no router")
        info = bench.replacement("d1", "A", "B", ["start-delay: 600"])
        done = bench.act("deployment_replace_model", info, private={"healthCheck": "true"})
        undone(bench, url, before, done, "the proxy gets no answer from it (502)")


def undone(bench, url, before, done, *words):
    done.expect("failing", *words)
    expect(done.data == {"oldModelInUse": True} and done.state == "ready", done)
    expect(bench.state() == before, bench.state(), before)
    answers(url, "A", "d1")


@test("an internal network is refused when ports are to be published, which it does not do")
def _():
    with Quick("internal") as bench:
        private = {"dockerNetwork": bench.prefix + "internal"}
        docker("network", "create", "--internal", "--label", f"bosun.prefix={bench.prefix}", private["dockerNetwork"])
        for action in ("plugin_start", "pe_status"):
            bench.act(action, private=private).expect("failing", "internal", private["dockerNetwork"])
        bench.act("deployment_start", bench.deployment(), private=private).expect("failing", "internal")
        expect(bench.containers() == [], bench.containers())
        bench.up(private={**private, "traefikPortMapping": None})


@test("a shared server off the network: the statuses name that and plugin_start, which connects it again")
def _():
    with Quick("sharedoff") as bench:
        bench.up()
        url = bench.start("d1", "A", info={"modelExecutionType": "shared"})
        docker("network", "disconnect", bench.network, bench.prefix + "shared_server")
        dead(url)
        msg, everything = status_of(bench)
        expect("not connected to the network" in msg and "sharedServerPort" not in msg, msg)
        everything.expect("failing", "shared-server", "plugin_start")
        bench.up()
        alive(url, "A", "d1")
        docker("network", "disconnect", bench.network, bench.prefix + "shared_server")
        bench.start("d2", "B", info={"modelExecutionType": "shared"})
        alive(url, "A", "d1")


if __name__ == "__main__":
    main()

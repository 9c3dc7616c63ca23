"""What somebody did to the proxy or to a container by hand, and nothing shows it but a look: a proxy that hangs, a
container renamed, a restart policy or a limit changed. The statuses say it, with what undoes it."""
import os
import signal

from support import SOCKET, Middleman, docker, expect, inspect, main, need_local, predict, test
from support.quick import Quick, answers


def freeze(container, number):
    """A signal to all processes of a container, as when the engine's machine has them hang."""
    for line in docker("top", container, "-o", "pid").splitlines()[1:]:
        os.kill(int(line), number)


@test("a proxy that hangs: every status says so, and what to do; plugin_start does not call it well")
def _():
    need_local("signals to the processes of a container")
    with Quick("hung") as bench:
        bench.up()
        bench.start()
        proxy = bench.prefix + "traefik"
        freeze(proxy, signal.SIGSTOP)
        try:
            for action, info in (("pe_status", None), ("deployment_status", bench.deployment())):
                done = bench.act(action, info, pe_info={"deployments": ["d1"]})
                done.expect("failing", "does not answer", f"docker restart {proxy}")
            seen = bench.act("pe_status", pe_info={"deployments": ["d1"]}).data["deploymentsStatus"]["d1"]
            expect(seen["status"] == "failing" and seen["state"] == "errored", seen)
            bench.act("plugin_start").expect("failing", "does not answer", "docker restart")
        finally:
            freeze(proxy, signal.SIGCONT)
        bench.up()
        bench.act("pe_status", pe_info={"deployments": ["d1"]}).expect("passing")


@test("a proxy that was renamed: pe_status warns, the next plugin_start or start gives it its name back")
def _():
    with Quick("renamed") as bench:
        bench.up()
        url = bench.start()
        proxy, other = bench.prefix + "traefik", bench.prefix + "other"
        before = inspect(proxy)["Id"]
        for mend in (bench.up, bench.start):
            docker("rename", proxy, other)
            done = bench.act("pe_status", pe_info={"deployments": ["d1"]}).expect("warning", "renamed", proxy, other)
            expect(done.data["deploymentsStatus"]["d1"]["status"] == "passing", done)
            bench.act("deployment_status", bench.deployment()).expect("passing")
            mend()
            expect(inspect(proxy)["Id"] == before and not inspect(other), bench.containers())
            answers(url, "A", "d1")


@test("a restart policy and limits changed by hand: the statuses say what and which action undoes it")
def _():
    with Quick("updated") as bench:
        bench.up()
        url = bench.start("d1", "A", info={"keyValueConfig": {"memory": "64m"}})
        bench.start("d2", "B", info={"modelExecutionType": "shared"})
        for deployment, model in (("d1", "A"), ("d2", "B")):
            bench.act("deployment_status", bench.deployment(deployment, model)).expect("passing")
        server = next(name for name in bench.servers() if "_d1_" in name)
        docker("update", "--restart", "no", "--memory", "48m", "--memory-swap", "48m", "--cpus", "0.5", server)
        done = bench.act("deployment_status", bench.deployment())
        done.expect("warning", "restart policy was changed to no", "memory limit was changed to 48 MiB",
                    "keyValueConfig: 64 MiB", "cpus limit was changed to 0.5", "deployment_relaunch")
        expect(done.state == "ready", done)
        info = bench.deployment("d1", "A", keyValueConfig={"memory": "64m"})
        bench.act("deployment_relaunch", info).expect("passing")
        bench.act("deployment_status", bench.deployment()).expect("passing")
        answers(url, "A", "d1")
        proxy = bench.prefix + "traefik"
        docker("update", "--restart", "on-failure", proxy)
        bench.act("pe_status").expect("warning", "restart policy", "on-failure", f"docker update --restart always {proxy}")
        docker("update", "--restart", "always", proxy)
        bench.act("pe_status").expect("passing")


@test("a paused proxy, and one that is gone: every status says so")
def _():
    with Quick("paused") as bench:
        bench.up()
        url = bench.start()
        proxy = bench.prefix + "traefik"
        docker("pause", proxy)
        bench.act("pe_status").expect("failing", "proxy", "Paused")
        bench.act("deployment_status", bench.deployment()).expect("failing", "the proxy is paused")
        bench.up()
        expect(predict(url)[0] == 200, "it serves again")
        docker("rm", "-f", proxy)
        bench.act("pe_status").expect("failing", "does not exist", "plugin_start")
        bench.act("deployment_status", bench.deployment()).expect("failing", "the proxy is not running")
        bench.up()


@test("looking at a proxy costs pe_status no more with many deployments than with one")
def _():
    with Quick("lookcost") as bench:
        bench.up()
        with Middleman() as middle:
            bench.act("pe_status", env={"DOCKER_HOST": middle.host}, private={"dockerSocket": SOCKET}).expect("passing")
            expect(middle.count() == 5, middle.requests)


if __name__ == "__main__":
    main()

"""What only the real traefik shows: its entry points, its version, and that it does not see the engine."""
import again  # noqa: F401, pylint: disable=unused-import

from support import docker, expect, inspect, main, predict, test, wait_until
from support.bench import TRAEFIK
from support.quick import SECONDS, Quick, answers


@test("a request's body may take as long as it takes: the entry point has no limit for reading it")
def _():
    with Quick("slowbody") as bench:
        bench.up()
        timeouts = bench.proxy("/api/entrypoints/web")["transport"]["respondingTimeouts"]
        expect(timeouts.get("readTimeout", "0s") in ("0s", 0), timeouts)


@test("a proxy that cannot talk to the engine: plugin_start and pe_status say so; nobody calls it passing")
def _():
    with Quick("blind") as bench:
        # A folder where the socket should be.
        done = bench.act("plugin_start", private={"dockerSocket": bench.path}).expect("failing", "does not see the engine")
        expect("docker logs" in done.msg and bench.network in done.msg, done)
        bench.up()
        url = bench.start()
        answers(url, "A")
        proxy = bench.prefix + "traefik"
        found = inspect(proxy)["Config"]["Labels"]
        docker("rm", "-f", proxy)
        # As it is after an update of the engine, or of what stands before its socket: the container runs, it is blind.
        labels = [word for key, value in found.items() for word in ("--label", f"{key}={value}")]
        docker("run", "-d", "--name", proxy, "--network", bench.network, *labels,
               *(f"-p{host}:{port}" for port, host in bench.ports.items()), TRAEFIK,
               "--providers.docker", "--providers.docker.endpoint=tcp://127.0.0.1:1", "--entrypoints.web.address=:80",
               "--api.insecure=true")
        wait_until(lambda: bench.proxy("/api/version"), SECONDS, "it answers")
        seen = bench.act("pe_status", pe_info={"deployments": ["d1"]}).expect("failing", "does not see the engine")
        expect(seen.data["deploymentsStatus"]["d1"]["status"] == "failing", seen.data)
        docker("rm", "-f", proxy)
        bench.up()
        wait_until(lambda: predict(url)[0] == 200, SECONDS, "predictions")
        bench.act("pe_status", pe_info={"deployments": ["d1"]}).expect("passing")


if __name__ == "__main__":
    main()

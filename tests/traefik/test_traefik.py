"""What only the real traefik shows: its entry points, its version, and that it does not see the engine."""
import os
import re

import again  # noqa: F401, pylint: disable=unused-import

from support import Middleman, docker, expect, inspect, main, predict, test, wait_until
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


@test("a public path with %20 and letters beyond ASCII is matched as it is decoded")
def _():
    with Quick("percent") as bench:
        private = {"outfacingPredictionURLPrefix": bench.url + "/my%20models/m%C3%BC"}
        bench.up(private=private)
        url = bench.start(private=private)
        expect(url.startswith(bench.url + "/my%20models/m%C3%BC/d1/"), url)
        answers(url, "A")
        answers(bench.url + "/d1/predict", "A")


@test("what traefik asks of the engine is what the page on security lets through")
def _():
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "how-to", "docker-security.md")
    with open(page, encoding="utf-8") as file:
        allowed = re.search(r"acl may_ask path_reg (\S+)", file.read()).group(1)
    with Quick("asks") as bench, Middleman() as middle:
        private = {"dockerSocket": middle.host[len("unix://"):]}
        bench.up(private=private)
        answers(bench.start(private=private), "A")
        answers(bench.replace(private=private), "B")
        expect(middle.count("/events") > 0, middle.requests)
        for request in middle.requests:
            method, path = request.split()
            expect(method in ("GET", "HEAD") and re.search(allowed, path.partition("?")[0]), request)


if __name__ == "__main__":
    main()

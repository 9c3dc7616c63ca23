"""What few do and somebody does: one prefix on two networks, packages that are far larger than the memory of an
action."""
import json
import os
import sys

from support import SOCKET, Middleman, docker, expect, main, test
from ports import free_port
from support.quick import Quick, answers

MIB = 1 << 20


@test("one containerNamePrefix for two environments on two networks: the second is told whose it is, the first serves on")
def _():
    with Quick("twonets") as bench:
        bench.up()
        url = bench.start()
        other = bench.prefix + "other"
        docker("network", "create", "--label", f"bosun.prefix={bench.prefix}", other)
        before = bench.state()["containers"]
        second = {"private": {"dockerNetwork": other}, "pe_info": {"id": "pe-2"}}
        bench.act("plugin_start", **second).expect("failing", "pe-1", "containerNamePrefix")
        done = bench.act("deployment_start", bench.deployment("d2", "B"), **second)
        done.expect("failing", "pe-1", "containerNamePrefix")
        bench.act("deployment_stop", bench.deployment(), **second)
        bench.act("plugin_stop", **second)
        after = bench.state()["containers"]
        expect(after == before, after, "instead of", before)
        answers(url, "A")
        bench.act("pe_status", pe_info={"deployments": ["d1"]}).expect("passing")


@test("a rootless engine: its networks are not on this machine, and nobody else's container is asked in their place")
def _():
    with Quick("rootless") as bench, Middleman() as middle:
        # A bridge that is not named after the network says nothing, so the engine is asked.
        network = bench.prefix + "named"
        docker("network", "create", "--label", f"bosun.prefix={bench.prefix}", "-o",
               f"com.docker.network.bridge.name=bt{bench.prefix[-6:-1]}", network)
        private = {"dockerNetwork": network, "dockerSocket": SOCKET, "traefikPortMapping": {80: bench.ports[80]}}
        options = {"env": {"DOCKER_HOST": middle.host}, "private": private}
        given = bench.deployment("d1", "S", modelExecutionType="shared")
        info = json.dumps({"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]})
        rootless = middle.at("^GET /info", times=99, answer=(200, {"Content-Type": "application/json"}, info))
        bench.act("plugin_start", **options).expect("passing")
        expect(rootless.hits > 0 and middle.count("^POST /containers/.*/exec$") > 0, middle.requests)
        bench.act("deployment_start", given, **options).expect("failing", "sharedServerPort")
        mapped = {**options, "private": {**private, "sharedServerPort": f"127.0.0.1:{free_port()}"}}
        bench.act("deployment_start", given, **mapped).expect("passing")
        answers(bench.url + "/d1/predict", "S")
        bench.act("deployment_stop", given, **mapped).expect("passing")
        middle.clear()
        bench.act("deployment_start", given, **options).expect("passing")


# Runs a command, and says on standard error how much memory (KiB) one of its processes had at most.
MEASURE = """import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)"""


@test("a package of hundreds of MB goes into an image, and to the shared server, in a few MB of memory")
def _():
    size = int(os.environ.get("BOSUN_LARGE_MIB", "300")) * MIB
    with Quick("large") as bench:
        bench.up()
        given = bench.deployment()
        os.truncate(given["modelArtifact"], size)
        shared = {**given, "id": "d2", "modelId": "S", "modelExecutionType": "shared"}
        for info in (given, shared):
            done = bench.act("deployment_start", info, prefix=(sys.executable, "-c", MEASURE)).expect("passing")
            used = int(done.stderr.strip().splitlines()[-1]) * 1024
            expect(used < 60 * MIB, f"{used / MIB:.0f} MiB of memory for {info['id']}")
        name = os.path.basename(given["modelArtifact"])
        found = docker("exec", bench.servers()[0], "stat", "-c", "%s", f"/opt/ml/model/{name}")
        expect(int(found) == size, found)


if __name__ == "__main__":
    main()

"""Measures the runner against baselines of the same run and prints a table of ratios and their bounds. Ends with 0
whatever the ratios are; with 1 when something could not be measured. Arguments: the groups to measure, default all."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import yaml

import cluster
import registry
import table
from nginx import serving
from table import mib, ms, ns, rate, us

BUILD = os.environ["BOSUN_BUILD"]
RUNNER = os.path.join(BUILD, "bosun-plugin-runner")
HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = sys.executable
MIB = 1024 ** 2


def tool(name, *arguments):
    return [os.path.join(BUILD, "tests", "bench", name), *map(str, arguments)]


def measure(rounds, *commands, before=None):
    """[(median seconds, peak MiB)] for each command."""
    argv = tool("measure", rounds)
    argv += ["-b", before] if before else []
    for command in commands:
        argv += ["--", *command]
    lines = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\n")
    return [(int(time) / 1e6, int(peak) / 1024) for time, peak in (line.split() for line in lines if line)]


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.status = self.join("status.yaml")
        self.action = self.write("pe.yaml", {"pluginConfig": {"name": "bench"}, "peInfo": {"id": "pe", "name": "pe"}})
        self.www = self.join("www")
        self.model = self.join("www", "model.mlpkg")
        os.mkdir(self.www)

    def join(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, content):
        with open(self.join(name), "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else yaml.safe_dump(content))
        return self.join(name)

    def runner(self, action, config, private, plugin):
        return [RUNNER, "--plugin", plugin, "--action", action, "--config", config, "--private-config", private,
                "--status-file", self.status, "--log-level", "error"]

    def work(self, work, **config):
        """The runner with one of the works of work.lua."""
        private = self.write(f"work-{work}.yaml", {"work": work, **config})
        return self.runner("pe_status", self.action, private, os.path.join(HERE, "work.lua"))

    # ---- the rows --------------------------------------------------------------------------------------------------

    def start_up(self):
        table.group("start-up: pe_status of the test plugin, start to exit")
        private = self.write("test.yaml", {"tmp_dir": self.folder, "pe_status_time_sec": 0})
        ours = self.runner("pe_status", self.action, private, "test")
        script = [PYTHON, os.path.join(HERE, "baseline.py"), self.action, private, self.status]
        (run, peak), (bare, _) = measure(200, ours, tool("bare"))
        (again, _), (least, _), (python, _) = measure(30, ours, tool("bare"), script)
        table.at_most("runner; bare C program with Lua and libyaml", ms(run), ms(bare), run / bare, 3)
        table.row("runner; Python with PyYAML", ms(again), ms(python), f"1/{python / again:.0f}", "<= 1/50",
                  python >= 50 * again)
        table.row("attainable: the bare C program; that Python", ms(least), ms(python), f"1/{python / least:.0f}")
        table.peak(peak, 8)
        loaded = subprocess.run(ours, env={**os.environ, "LD_DEBUG": "files"}, check=True, stderr=subprocess.PIPE,
                                text=True, errors="replace").stderr
        curl = "libcurl" in loaded
        table.row("loads libcurl", "yes" if curl else "no", bound="no", good=not curl and "libc.so" in loaded)

    def warm(self):
        table.group("libbosun: an action that does nothing, of a host that stays warm; lua_pcall of an empty function")
        argv = tool("warm", 20_000, self.action)
        outputs = [subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout for _ in range(5)]
        rounds = [[float(word) for word in output.split()] for output in outputs]
        bare, run, with_config = (sorted(times)[2] / 1e9 for times in zip(*rounds))
        table.at_most("without a config", us(run), ns(bare), run / bare, 60)
        table.at_most("with a config in a file; without one", us(with_config), us(run), with_config / run, 1.5)

    def many(self):
        """The same actions over 1,000 and 10,000 deployments, which are copies of one that the plugin made."""
        table.group("filesystem plugin: over 10,000 deployments; over 1,000")
        sizes = {}
        for count in (1_000, 10_000):
            base = self.join(f"base-{count}")
            os.mkdir(base)
            private = self.write(f"fs-{count}.yaml", {"baseDir": base})
            self.populate(base, private, count)
            ids = [f"d{i:05}" for i in range(count)]
            sizes[count] = (self.write(f"pe-{count}.yaml", {"peInfo": {"id": "pe", "deployments": ids}}), private)
        for action in ("pe_status", "deployment_list"):
            few, many = (self.runner(action, *sizes[count], "filesystem") for count in (1_000, 10_000))
            (small, small_peak), (large, peak) = measure(5, few, many)
            table.at_most(action, ms(large), ms(small), large / small, 11)
            table.row("peak memory", mib(peak), mib(small_peak))

    def populate(self, base, private, count):
        model = self.write("small.mlpkg", "a small model\n")
        first = self.write("first.yaml", {"deploymentInfo": {"id": "d00000", "modelId": "m", "modelArtifact": model}})
        subprocess.run(self.runner("deployment_start", first, private, "filesystem"), check=True)
        made = os.path.join(base, "deployment_d00000")
        with open(os.path.join(made, "config.yml"), encoding="utf-8") as file:
            info = file.read()
        for i in range(1, count):
            folder = os.path.join(base, f"deployment_d{i:05}")
            shutil.copytree(made, folder)
            with open(os.path.join(folder, "config.yml"), "w", encoding="utf-8") as file:
                file.write(info.replace("d00000", f"d{i:05}"))

    def data(self):
        """The largest status, of deployments and of what needs most memory, against the text that is in the file."""
        table.group("data of a status: nearly 64 MiB, the most that it can hold; the text of the file")
        for what, count in (("deployments", 200_000), ("numbers", 11_000_000)):
            (run, peak), = measure(3, self.work("data", data=what, times=count))
            size = os.path.getsize(self.status) / MIB
            table.row(f"{count:,} {what}: time", ms(run), f"{size:.1f} MiB", "", "", 58 <= size <= 64)
            table.at_most(f"{count:,} {what}: peak memory", mib(peak), mib(size), peak / size, BOUNDS[what])

    def make_model(self):
        """1 GiB that the big rows share."""
        if os.path.exists(self.model):
            return
        with open(self.model, "wb") as file:
            for _ in range(1024):
                file.write(os.urandom(MIB))
            os.fsync(file.fileno())

    def big_model(self):
        """A start copies the model and takes its SHA-256 meanwhile. What that costs a processor without instructions for
        it is measured by keeping them from nettle."""
        table.group("filesystem plugin: a model of 1 GiB")
        self.make_model()
        base, copy = self.join("base"), self.join("copy")
        config = self.write("start.yaml",
                            {"deploymentInfo": {"id": "big", "modelId": "m", "modelArtifact": self.model}})
        starts = [self.runner("deployment_start", config,
                              self.write(f"fs-{digest}.yaml", {"baseDir": base, "artifactDigest": digest}),
                              "filesystem") for digest in (True, False)]
        portable = ["env", "NETTLE_FAT_OVERRIDE=vendor:intel", *starts[0]]
        by_hand = ["sh", "-c", f"cp '{self.model}' '{copy}' && sync '{copy}'"]
        (run, peak), (without, _), (slow, _), (cp, _) = measure(
            5, *starts, portable, by_hand,
            before=f"rm -rf '{base}' '{copy}' && mkdir '{base}' && sync -f '{self.folder}'")
        if has_sha_instructions():
            table.at_most("deployment_start; cp and sync", ms(run), ms(cp), run / cp, 1.3)
        else:
            table.row("deployment_start; cp and sync", ms(run), ms(cp), f"{run / cp:.2f}")
        table.at_most("artifactDigest: false; cp and sync", ms(without), ms(cp), without / cp, 1.15)
        table.row("without SHA instructions; cp and sync", ms(slow), ms(cp), f"{slow / cp:.2f}")
        table.peak(peak, 16)
        shutil.rmtree(base)
        os.remove(copy)

    def debugger(self):
        table.group("debugger: code without breakpoints in it, while there is one elsewhere; the same code without a debugger")
        argv = self.runner("pe_status", self.action, self.write("none.yaml", {}), os.path.join(HERE, "debugged.lua"))
        subprocess.run(argv, check=True)
        with open(self.status, encoding="utf-8") as file:
            times = yaml.safe_load(file)["data"]
        for name, under in sorted(times["under"].items()):
            without = times["without"][name]
            if name == "passed":
                table.row("a breakpoint that a million iterations pass, its condition false", ms(under), ms(without),
                          f"{under / without:.0f}")
            else:
                table.at_most(name, ms(under), ms(without), under / without, 2)

    def http(self):
        with serving(self.www, self.join("nginx")) as url:
            self.gets(url)
            self.download(f"{url}/{os.path.basename(self.model)}")

    def gets(self, url):
        count = 2_000
        table.group("bosun.http: 2,000 GETs of 1 KiB from nginx, 64 at once")
        self.write(os.path.join("www", "small"), "x" * 1024)
        urls = [f"{url}/small?{i}" for i in range(count)]
        listed = self.write("curl.conf", "".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls))
        ours = self.work("get", list=self.write("urls", "\n".join(urls)))
        curl = ["curl", "-q", "-s", "--no-progress-meter", "--fail", "--parallel", "--parallel-max", "64",
                "--config", listed]
        (run, peak), (theirs, their_peak) = measure(15, ours, curl)
        table.at_least("http.all; curl --parallel", rate(count, run, "req"), rate(count, theirs, "req"), theirs / run,
                       0.8)
        table.row("peak memory", mib(peak), mib(their_peak))

    def download(self, url):
        table.group("bosun.http: 1 GiB from nginx to a file")
        self.make_model()
        to, copy = self.join("to"), self.join("copy")
        curl = ["curl", "-q", "-s", "--fail", "--output", copy, url]
        (run, peak), (theirs, their_peak) = measure(7, self.work("download", url=url, file=to), curl,
                                                    before=f"rm -f '{to}' '{copy}' && sync -f '{self.folder}'")
        table.at_least("http.get with a sink; curl -o", rate(1024, run, "MiB"), rate(1024, theirs, "MiB"), theirs / run,
                       0.9)
        table.peak(peak, 16, mib(their_peak))
        os.remove(copy)

    def kubernetes(self):
        table.group("kubernetes plugin: 1,000 deployments on a control plane; the same lists with curl")
        if not cluster.programs():
            table.row("not measured: run tests/kubernetes/programs/build kube")
            return
        with cluster.kubeconfig() as path, cluster.Fleet(1000) as fleet:
            for action in ("deployment_list", "pe_status"):
                self.kubernetes_action(action, path, fleet)

    def kubernetes_action(self, action, path, fleet):
        given = {"pluginConfig": {}, "peInfo": {"id": cluster.ENVIRONMENT, "deployments": fleet.ids()}}
        config = self.write("fleet-action.yaml", given)

        def run(server):
            subprocess.run(self.runner(action, config, private(server), "kubernetes"), check=True)
            with open(self.status, encoding="utf-8") as file:
                told = file.read().count('"currentModelId":')
            if told != len(fleet.ids()):
                sys.exit(f"{action} tells of {told} deployments")

        def private(server=None):
            if server:
                kubeconfig = {"apiVersion": "v1", "kind": "Config", "current-context": "test",
                              "clusters": [{"name": "test", "cluster": {"server": server}}], "users": [],
                              "contexts": [{"name": "test", "context": {"cluster": "test"}}]}
            return self.write(f"fleet-{bool(server)}.yaml", {
                "kubeConfigFile": self.write("kubeconfig.yaml", kubeconfig) if server else path,
                "kubeConfigContext": "test", "kubeNamespace": fleet.namespace, "proof": "off",
                "outfacingPredictionURLPrefix": "http://example.com/", "ppsBaseImage": "registry.example/pps:1",
                "generatedImageRepo": "registry.example/models"})
        paths = [one for one in fleet.requests(run) if "limit=" in one]
        options, server = cluster.certificates(path, self.folder)
        curl = ["curl", "-qsfg", "--compressed", *options]
        for one in paths:
            curl += ["-o", "/dev/null", server + one]
        ours = self.runner(action, config, private(), "kubernetes")
        (run_time, peak), (theirs, their_peak) = measure(5, ours, curl)
        table.at_most(action, ms(run_time), ms(theirs), run_time / theirs, 3)
        table.peak(peak, 64, mib(their_peak))

    def registry(self):
        table.group("bosun.registry: a model of 2 GiB to a docker-registry")
        self.make_model()
        model = self.join("large.mlpkg")
        subprocess.run(["sh", "-euc", f"cat '{self.model}' '{self.model}' >'{model}'"], check=True)
        with registry.registry(self.join("registry")) as address:
            ours = self.work("push", file=model, registry=address)
            (run, peak), (theirs, their_peak) = measure(5, ours, registry.upload(address, model),
                                                        before=f"sync -f '{self.folder}'")
        table.at_least("client:append; curl -T", rate(2048, run, "MiB"), rate(2048, theirs, "MiB"), theirs / run, 0.8)
        table.peak(peak, 32, mib(their_peak))
        shutil.rmtree(self.join("registry"))
        os.remove(model)

    def process(self):
        count = 1_000
        table.group("bosun.process: one program, of 1,000 in a row")
        (run, _), (bare, _) = measure(7, self.work("run", times=count), tool("spawn", count))
        table.at_most('process.run{"true"}; posix_spawnp, wait in C', us(run / count), us(bare / count), run / bare,
                      1.5)

    def yaml(self):
        count = 10
        table.group("bosun.yaml: a config of 1 MiB")
        text = self.write("big.yaml", big_config())
        (run, _), (bare, _) = measure(9, self.work("decode", file=text, times=count), tool("events", text, count))
        table.at_most("yaml.decode; libyaml's events in C", ms(run / count), ms(bare / count), run / bare, 3)


def has_sha_instructions():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = file.read().split()
    return "sha_ni" in flags or "sha2" in flags


# Peak memory of a status over its size. A number is a line of six bytes; it takes 16 in Lua and 64 in the tree that is
# redacted and written.
BOUNDS = {"deployments": 8, "numbers": 20}

PARTS = ("start_up", "warm", "many", "data", "big_model", "http", "registry", "kubernetes", "process", "yaml", "debugger")

DEPLOYMENT = """\
  - id: deployment-{number:05}
    name: "Churn model of region {number}"
    description: Predicts which customers are about to leave, from their last twelve months of orders
    modelArtifact: /srv/models/churn/{number:05}/model.mlpkg
    # What the autoscaler begins with; it goes up to four times as many.
    replicas: {number}
    threshold: 0.{number:05}
    resources: {{cpu: 4, memory: 512Mi, gpu: false}}
    labels:
      team: pricing
      stage: 'production'
    env:
      - name: LOG_LEVEL
        value: info
      - name: ENDPOINT
        value: https://predictions.example.com/v1/{number}
"""


def big_config():
    """1 MiB of what a person would write, to the last whole deployment."""
    text = "deployments:\n"
    number = 0
    while len(text) + len(entry := DEPLOYMENT.format(number=number)) <= MIB:
        text += entry
        number += 1
    return text


def main():
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            del os.environ[name]
    folder = tempfile.mkdtemp(prefix="bosun-bench-")
    try:
        bench = Bench(folder)
        table.begin()
        for part in sys.argv[1:] or PARTS:
            getattr(bench, part)()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

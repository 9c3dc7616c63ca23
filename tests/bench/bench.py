"""Measures the runner against baselines of the same run and prints a table of ratios and their bounds. Ends with 0
whatever the ratios are; with 1 when something could not be measured."""
import os
import shutil
import subprocess
import sys
import tempfile

import yaml

BUILD = os.environ["BOSUN_BUILD"]
RUNNER = os.path.join(BUILD, "bosun-plugin-runner")
TOOLS = os.path.join(BUILD, "tests", "bench")
GIB = 1024 ** 3
PYTHON = sys.executable


def measure(rounds, *commands, before=None):
    """[(median seconds, peak MiB)] for each command."""
    argv = [os.path.join(TOOLS, "measure"), str(rounds)]
    argv += ["-b", before] if before else []
    for command in commands:
        argv += ["--", *command]
    lines = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\n")
    return [(int(time) / 1e6, int(peak) / 1024) for time, peak in (line.split() for line in lines if line)]


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.status = self.join("status.yaml")
        self.rows = []

    def join(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, content):
        with open(self.join(name), "w", encoding="utf-8") as file:
            yaml.safe_dump(content, file)
        return self.join(name)

    def row(self, what, measured, baseline, ratio, bound, good):
        self.rows.append((what, measured, baseline, ratio, bound, "ok" if good else "over"))

    def runner(self, action, config, private, plugin):
        return [RUNNER, "--plugin", plugin, "--action", action, "--config", config, "--private-config", private,
                "--status-file", self.status, "--log-level", "error"]

    # ---- the rows --------------------------------------------------------------------------------------------------

    def start_up(self):
        config = self.write("pe.yaml", {"pluginConfig": {"name": "bench"}, "peInfo": {"id": "pe", "name": "pe"}})
        private = self.write("test.yaml", {"tmp_dir": self.folder, "pe_status_time_sec": 0})
        ours = self.runner("pe_status", config, private, "test")
        script = [PYTHON, os.path.join(os.path.dirname(__file__), "baseline.py"), config, private, self.status]
        (run, peak), (bare, _) = measure(200, ours, [os.path.join(TOOLS, "bare")])
        (again, _), (python, _) = measure(30, ours, script)
        self.row("pe_status, start to exit; bare C program", ms(run), ms(bare), f"{run / bare:.2f}", "<= 3",
                 run <= 3 * bare)
        self.row("the same; Python with PyYAML", ms(again), ms(python), f"1/{python / again:.0f}", "<= 1/50",
                 python >= 50 * again)
        self.row("its peak memory", mib(peak), "", "", "<= 8 MiB", peak <= 8)
        loaded = subprocess.run(ours, env={**os.environ, "LD_DEBUG": "files"}, check=True, stderr=subprocess.PIPE,
                                text=True, errors="replace").stderr
        curl = "libcurl" in loaded
        self.row("loads libcurl", "yes" if curl else "no", "", "", "no", not curl and "libc.so" in loaded)

    def big_model(self):
        model = self.join("model.mlpkg")
        with open(model, "wb") as file:
            for _ in range(GIB // (1 << 20)):
                file.write(os.urandom(1 << 20))
            os.fsync(file.fileno())
        base, copy = self.join("base"), self.join("copy")
        config = self.write("start.yaml", {"deploymentInfo": {"id": "big", "modelId": "m", "modelArtifact": model}})
        ours = self.runner("deployment_start", config, self.write("fs.yaml", {"baseDir": base}), "filesystem")
        by_hand = ["sh", "-c", f"cp '{model}' '{copy}' && sync '{copy}'"]
        (run, peak), (cp, _) = measure(5, ours, by_hand,
                                       before=f"rm -rf '{base}' '{copy}' && mkdir '{base}' && sync -f '{self.folder}'")
        self.row("deployment_start of 1 GiB; cp and sync", ms(run), ms(cp), f"{run / cp:.2f}", "<= 1.15",
                 run <= 1.15 * cp)
        self.row("its peak memory", mib(peak), "", "", "<= 16 MiB", peak <= 16)
        shutil.rmtree(base)
        os.remove(copy)
        os.remove(model)

    def many(self):
        """The same actions over 1,000 and 10,000 deployments, which are copies of one that the plugin made."""
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
            (small, _), (large, peak) = measure(5, few, many)
            self.row(f"{action} over 10,000; over 1,000", ms(large), ms(small), f"{large / small:.1f}", "<= 11",
                     large <= 11 * small)
            self.row("its peak memory", mib(peak), "", "", "", True)

    def populate(self, base, private, count):
        model = self.join("small.mlpkg")
        with open(model, "w", encoding="utf-8") as file:
            file.write("a small model\n")
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

    def table(self):
        head = ("what; baseline", "measured", "baseline", "ratio", "bound", "")
        widths = [max(len(row[i]) for row in [head, *self.rows]) for i in range(len(head))]
        for row in [head, *self.rows]:
            print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                            for i, (cell, width) in enumerate(zip(row, widths))).rstrip())


def ms(seconds):
    return f"{seconds * 1000:.2f} ms"


def mib(value):
    return f"{value:.1f} MiB"


def main():
    folder = tempfile.mkdtemp(prefix="bosun-bench-")
    try:
        bench = Bench(folder)
        for part in (bench.start_up, bench.many, bench.big_model):
            part()
        bench.table()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()

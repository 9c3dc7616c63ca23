"""The shell of a page: one bash in a fresh folder, in which the page's commands run one after the other."""
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

SOURCE = pathlib.Path(os.environ.get("BOSUN_SOURCE", pathlib.Path(__file__).parents[2])).resolve()
BUILD = pathlib.Path(os.environ.get("BOSUN_BUILD", SOURCE / "build")).resolve()
# What pages copy and change.
SAMPLES = ("sample_configs", "sample_plugin")
# No command of a page takes longer.
PATIENCE = 120
# What pages write for the home folder of their reader, and for the engine that DOCKER_HOST names here.
HOME, ENGINE = "/home/ops", "unix:///var/run/docker.sock"
KEPT = ("DOCKER_HOST", "ASAN_OPTIONS", "UBSAN_OPTIONS", "ASAN_SYMBOLIZER_PATH")

# Reads names of scripts from a descriptor and sources them: what one of them sets, the next one sees.
LOOP = """
status=0
while IFS= read -r script <&{names}; do
    source "$script" </dev/null {names}<&-
    status=$?
    printf '\\n%s\\n' "$BOSUN_DOCS_MARK"
done
"""
# Sets $? to that of the command before, as in a shell that is typed into.
RESTORE = '(exit "$status")\n'


class Session:
    """To be used in a with statement, which ends whatever the page has started and removes its folder."""

    def __init__(self, in_clone=False):
        self.home = tempfile.mkdtemp(prefix="bd-", dir="/tmp")  # short: Lua cuts long paths in messages
        self.folder = os.path.join(self.home, "try")
        self._mark = f"<<{os.urandom(8).hex()}>>"
        self._lay_out_clone(os.path.join(self.folder, "bosun"))
        self._cwd = os.path.join(self.folder, "bosun") if in_clone else self.folder
        names, self._names = os.pipe()
        self._bash = subprocess.Popen(["bash", "-c", LOOP.format(names=names)], cwd=self._cwd, pass_fds=[names],
                                      env=self._environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, start_new_session=True)
        os.close(names)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._names)
        try:
            os.killpg(self._bash.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._bash.wait()
        self._bash.stdout.close()
        shutil.rmtree(self.home, ignore_errors=True)

    @staticmethod
    def _lay_out_clone(folder):
        """The clone as its reader has it, with the build under test: links, but for what pages copy and change."""
        os.makedirs(folder)
        for entry in SOURCE.iterdir():
            if entry.name not in (".git", "build", *SAMPLES):
                os.symlink(entry, os.path.join(folder, entry.name))
        os.symlink(BUILD, os.path.join(folder, "build"))
        for name in SAMPLES:
            shutil.copytree(SOURCE / name, os.path.join(folder, name))

    def _environment(self):
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # the images of tests/docker
        own = {"XDG_CACHE_HOME": cache, "HOME": self.home, "PATH": f"{BUILD}:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
               "LC_ALL": "C.UTF-8", "BOSUN_DOCS_MARK": self._mark}
        if os.environ.get("BOSUN_TEST_KUBECONFIG"):
            own["KUBECONFIG"] = os.environ["BOSUN_TEST_KUBECONFIG"]
            own["PATH"] += f":{cache}/bosun/kubernetes/bin"  # kubectl and helm
        return {**own, **{name: os.environ[name] for name in KEPT if name in os.environ}}

    def save(self, name, lines):
        path = os.path.join(self._cwd, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))

    def run(self, command):
        """What the command writes, on standard output and standard error together. None: it hangs or ended bash."""
        script = os.path.join(self.home, "script")
        with open(script, "w", encoding="utf-8") as file:
            file.write(RESTORE + command + "\n")
        try:
            os.write(self._names, (script + "\n").encode())
        except BrokenPipeError:
            return None
        output = self._read_to_mark()
        # A message of bash begins with the script's name and line.
        return None if output is None else re.sub(re.escape(script) + r": line \d+: ", "bash: ", output)

    def shown(self, output):
        """The output as a page shows it: with the places that its reader has."""
        output = output.replace(self.home, HOME)
        engine = os.environ.get("DOCKER_HOST")
        return output.replace(engine, ENGINE) if engine else output

    def _read_to_mark(self):
        end = f"\n{self._mark}\n".encode()
        deadline = time.monotonic() + PATIENCE
        seen = b""
        while not seen.endswith(end):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._bash.stdout], [], [], left)[0]:
                return None
            chunk = os.read(self._bash.stdout.fileno(), 65536)
            if not chunk:
                return None
            seen += chunk
        return seen[:-len(end)].decode("utf-8", "replace")

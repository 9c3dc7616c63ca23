"""A Docker Engine, or a Podman, of a test file's own, which the test may kill, start again, and fill the disk of. It
has namespaces of its own: its networks, iptables and mounts are apart from those of the machine and its engine, and all
of it is gone when the test ends, however it ends. The test is in there with it, so that published ports are where they
always are. It is not in support, which wants to know the engine when it is imported."""
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

INSIDE = "BOSUN_OWN_ENGINE"
IMAGES = ("bosun-test/pps:1", "bosun-test/proxy:2.3.3")
HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
START_SECONDS = 60


def skip(reason):
    print(f"1..1\nok 1 - an engine of its own # SKIP {reason}")
    sys.exit(0)


def enter(kind, size):
    """Called first thing in a test file, with Engine or Podman. Returns one of them, to a process that runs in its
    namespaces and has it as DOCKER_HOST. `size`: of its disk, as tmpfs has it."""
    if os.environ.get(INSIDE):
        return kind(os.environ[INSIDE], size)
    if os.geteuid() != 0:
        skip("needs root")
    if not shutil.which(kind.PROGRAM, path=PATH):
        skip(f"there is no {kind.PROGRAM}")
    folder = tempfile.mkdtemp(prefix="bosun-engine-")
    try:
        subprocess.run(["docker", "save", "-o", os.path.join(folder, "images.tar"), *IMAGES], check=True)
        # With --kill-child nothing in there outlives this process. The shell is the namespace's init: it reaps what has
        # lost its parent, which an engine that starts again takes for a running containerd otherwise.
        words = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                 "sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-B", *sys.argv]
        done = subprocess.run(words, check=False, env={**os.environ, INSIDE: folder, "TMPDIR": folder, "PATH": PATH})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(done.returncode)


class Engine:
    """`host`: for DOCKER_HOST; `data`: the folder that is its disk."""
    PROGRAM = "dockerd"

    def __init__(self, folder, size):
        self.folder, self.data = folder, os.path.join(folder, "data")
        self.host = f"unix://{folder}/docker.sock"
        os.environ["DOCKER_HOST"] = self.host
        os.mkdir(self.data)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.data], check=True)
        self.process = None
        self.start()
        subprocess.run(["docker", "load", "-q", "-i", os.path.join(folder, "images.tar")], check=True,
                       stdout=subprocess.DEVNULL)
        os.unlink(os.path.join(folder, "images.tar"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def command(self):
        return ["dockerd", "--host", self.host, "--data-root", self.data, "--exec-root", self.path("exec"), "--pidfile",
                self.path("dockerd.pid"), "--add-runtime", f"noadj={HERE}/runc-noadj", "--default-runtime", "noadj"]

    def start(self):
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            cwd=self.folder, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while subprocess.run(["docker", "version"], capture_output=True, check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.PROGRAM} did not come up:\n" + self.log())
            time.sleep(0.05)

    def end(self, number=signal.SIGKILL):
        """As a crash, or with SIGTERM as an update ends it."""
        self.process.send_signal(number)
        self.process.wait()

    def restart(self, number=signal.SIGKILL):
        self.end(number)
        self.start()

    def log(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-3000:]

    def free(self):
        """Bytes free on its disk."""
        disk = os.statvfs(self.data)
        return disk.f_bavail * disk.f_frsize

    def fill(self, left=0):
        """Takes all of its disk but so many bytes; the name of the file that does, for os.unlink."""
        name = os.path.join(self.data, "filler")
        with open(name, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, self.free() - left))
        return name


# Without systemd; limits as they are, which may not be raised.
CONTAINERS = """
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_config_dir = "{folder}/networks"
"""


class Podman(Engine):
    """Podman's service with the API of Docker."""
    PROGRAM = "podman"

    def command(self):
        os.makedirs(self.path("networks"), exist_ok=True)
        files, processes = (resource.getrlimit(limit)[1] for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC))
        with open(self.path("containers.conf"), "w", encoding="ascii") as config:
            config.write(CONTAINERS.format(files=files, processes=processes, folder=self.folder))
        with open(self.path("registries.conf"), "w", encoding="ascii") as config:
            config.write('unqualified-search-registries = ["localhost"]\n')
        os.environ.update(CONTAINERS_CONF=self.path("containers.conf"),
                          CONTAINERS_REGISTRIES_CONF=self.path("registries.conf"))
        return ["podman", "--root", os.path.join(self.data, "root"), "--runroot", os.path.join(self.data, "run"),
                "system", "service", "-t", "0", self.host]

"""A model at a URL: what of it reaches the deployment, what the server is asked for, and who gets the token."""
import glob
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading

SOURCE = os.environ.get("BOSUN_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
from tap import expect, main, test  # noqa: E402  pylint: disable=wrong-import-position

TOOL = os.path.abspath(os.path.join(os.environ.get("BOSUN_BUILD", os.path.join(SOURCE, "build")), "bosun"))
MODEL = os.urandom(2_500_000)
PIECE = 1_000_000
TOKEN = "not-a-real-token"


class Store(http.server.BaseHTTPRequestHandler):
    """/cut breaks off after each piece; /new too, and has another model from the second request on; /slow-start
    answers 503 first; /gone 404."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):  # pylint: disable=arguments-differ
        pass

    def do_HEAD(self):
        self.answer(only_head=True)

    def do_GET(self):
        self.answer()

    def answer(self, only_head=False):
        self.server.requests.append((self.command, dict(self.headers)))
        first = len(self.server.requests) == 1
        kind = self.path.split("/")[1]
        if kind == "gone" or (kind == "slow-start" and first):
            self.send_response(404 if kind == "gone" else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        model, etag = (MODEL[::-1], '"2"') if kind == "new" and not first else (MODEL, '"1"')
        asked = self.headers.get("Range") if self.headers.get("If-Range") == etag else None
        begin = int(asked[len("bytes="):-1]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(model) - begin))
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{len(model) - 1}/{len(model)}")
        self.end_headers()
        cut = kind == "cut" or (kind == "new" and first)
        if not only_head:
            self.wfile.write(model[begin:begin + PIECE] if cut else model[begin:])
        self.close_connection = True


class Scene:
    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="bosun-test-url-")
        os.mkdir(os.path.join(self.root, "base"))
        os.mkdir(os.path.join(self.root, "tmp"))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
        self.server.requests = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.root)

    def act(self, kind, *settings, action="deployment_start"):
        argv = [TOOL, "run", "filesystem", action, "--format", "json", f"pluginConfig.baseDir={self.root}/base",
                f"pluginConfig.mlopsApiToken={TOKEN}", "deploymentInfo.id=d1", "deploymentInfo.modelId=A",
                f"deploymentInfo.modelArtifact={self.url}/{kind}/model_A.mlpkg?version=1", *settings]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False,
                              env={**os.environ, "TMPDIR": os.path.join(self.root, "tmp"), "no_proxy": "*"})
        expect(TOKEN not in done.stdout + done.stderr, "the token is shown:", done.stdout, done.stderr)
        expect(os.listdir(os.path.join(self.root, "tmp")) == [], "left behind:", os.listdir(self.root + "/tmp"))
        return json.loads(done.stdout), done.stderr

    def deployed(self):
        found = glob.glob(os.path.join(self.root, "base", "deployment_d1", "model_A.mlpkg"))
        if not found:
            return None
        with open(found[0], "rb") as file:
            return file.read()

    def asked(self, name):
        return [headers.get(name) for _, headers in self.server.requests]


@test("is fetched, under its own name, and nothing stays behind")
def _():
    with Scene() as scene:
        status, _ = scene.act("whole")
        expect((status["status"], status["state"]) == ("passing", "ready"), status)
        expect(scene.deployed() == MODEL, "another model")


@test("is resumed where it broke off")
def _():
    with Scene() as scene:
        status, log = scene.act("cut")
        expect(status["status"] == "passing" and scene.deployed() == MODEL, status)
        expect(scene.asked("Range") == [None, f"bytes={PIECE}-", f"bytes={2 * PIECE}-"], scene.asked("Range"))
        expect("the model's transfer broke off; trying again bytes=1000000" in log, log)


@test("is fetched anew when it changed in between")
def _():
    with Scene() as scene:
        status, _ = scene.act("new")
        expect(status["status"] == "passing" and scene.deployed() == MODEL[::-1], status)


@test("is asked for again after a 503, but not after a 404")
def _():
    with Scene() as scene:
        status, _ = scene.act("slow-start")
        expect(status["status"] == "passing" and len(scene.server.requests) == 2, status)
    with Scene() as scene:
        status, _ = scene.act("gone")
        expect("cannot fetch the model http://127.0.0.1:" in status["msg"] and "answered 404" in status["msg"], status)
        expect(status["status"] == "failing" and len(scene.server.requests) == 1, status, scene.server.requests)
        expect(scene.deployed() is None, "something was deployed")


@test("is checked against the SHA-256 of keyValueConfig")
def _():
    with Scene() as scene:
        digest = hashlib.sha256(MODEL).hexdigest()
        status, _ = scene.act("whole", f"deploymentInfo.keyValueConfig.sha256={'0' * 63}a")
        expect(status["status"] == "failing" and f"its SHA-256 is {digest}, not 0000" in status["msg"], status)
        expect(scene.deployed() is None, "the wrong model was deployed")
        status, _ = scene.act("whole", f"deploymentInfo.keyValueConfig.sha256={digest.upper()}")
        expect(status["status"] == "passing", status)


@test("is asked for with the token only on the server of mlopsUrl")
def _():
    with Scene() as scene:
        for mlops_url, sent in ((scene.url, True), (scene.url + "/api/v2", True), ("https://127.0.0.1", False),
                                (scene.url.replace("http:", "https:"), False), ("http://localhost:1", False),
                                (scene.url.replace("127.0.0.1", "127.0.0.1.example"), False)):
            scene.server.requests.clear()
            scene.act("whole", f"pluginConfig.mlopsUrl={mlops_url}")
            scene.act("whole", action="deployment_stop")
            found = scene.asked("Authorization")
            expect(found == [f"Bearer {TOKEN}" if sent else None], mlops_url, found)


@test("is not fetched in a dry run, which looks whether it is there")
def _():
    with Scene() as scene:
        status, _ = scene.act("whole", "--dry-run")
        expect(status["status"] == "passing", status)
        expect([method for method, _ in scene.server.requests] == ["HEAD"], scene.server.requests)
        expect(status["data"]["plan"][0]["operation"] == "fetch" and status["data"]["plan"][0]["target"].startswith(
            f"{scene.url}/whole/model_A.mlpkg"), status)
        status, _ = scene.act("gone", "--dry-run")
        expect(status["status"] == "failing" and "answered 404" in status["msg"], status)


main()

"""bosun audit: what status files claim, compared with real files and a server that tells its models."""
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

BUILD = os.path.abspath(os.environ.get("BOSUN_BUILD", os.path.join(SOURCE, "build")))
TOOL, RUNNER = os.path.join(BUILD, "bosun"), os.path.join(BUILD, "bosun-plugin-runner")
ROOT = tempfile.mkdtemp()


class Server(http.server.BaseHTTPRequestHandler):
    """/a/info names model A, /none/info no model; /silent/predict is there and has no info; all else is 404."""

    def log_message(self, *args):  # pylint: disable=arguments-differ
        pass

    def answer(self, status, body=None):
        text = json.dumps(body or {}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        if self.path == "/hang/info":
            over.wait()
            self.close_connection = True
            return
        known = {"/a/info": {"modelId": "A"}, "/none/info": {"modelId": None}}
        self.answer(200 if self.path in known else 404, known.get(self.path))

    def do_OPTIONS(self):
        self.answer(405 if self.path == "/silent/predict" else 404)


over = threading.Event()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
URL = f"http://127.0.0.1:{server.server_address[1]}"


def status(data=None, outcome="passing", **facts):
    return {"status": outcome, "msg": "m", "state": None, "duration": 0.1, "timestamp": 1, "data": data, **facts}


def written(name, content):
    path = os.path.join(ROOT, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))
    return path


def audit(*arguments):
    done = subprocess.run([TOOL, "audit", *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def findings(*paths):
    code, out, err = audit("--format", "json", *paths)
    return code, json.loads(out), err


@test("a URL that answers with the model that the status names is as it says")
def agrees():
    path = written("a.yaml", status({"predictionUrl": URL + "/a/predict", "currentModelId": "A"}))
    code, out, err = audit(path)
    expect(code == 0 and "answers with model A" in out and "0 differences in 1 claim" in err, code, out, err)


@test("another model, none, a server that is gone and a route that is not there are differences")
def differs():
    for url, model, world in [("/a/predict", "B", "the server serves model A, not B"),
                              ("/none/predict", "B", "the server says that it has no model"),
                              ("/gone/predict", "B", "the server has no model"), ("/gone/predict", None, "answered 404")]:
        data = {"predictionUrl": URL + url, **({"currentModelId": model} if model else {})}
        code, found, err = findings(written("b.yaml", status(data)))
        expect(code == 1 and found[0]["agrees"] is False and world in found[0]["world"], code, found, err)
    code, found, _ = findings(written("b.yaml", status({"predictionUrl": "http://127.0.0.1:1/x", "currentModelId": "A"})))
    expect(code == 1 and "Connection refused" in found[0]["world"], found)
    code, out, _ = audit(written("b.yaml", status({"predictionUrl": "no url"})))
    expect(code == 1 and "status says: (not a URL) answers" in out and "world says:  that is not an http or https URL" in out, out)


@test("a server that does not tell its model is believed, and that is said")
def believed():
    code, found, _ = findings(written("c.yaml", status({"predictionUrl": URL + "/silent/predict", "currentModelId": "A"})))
    expect(code == 0 and "does not tell its model" in found[0]["world"], found)


@test("a failing status claims nothing, unless the old model is in use")
def failing():
    data = {"predictionUrl": URL + "/gone/predict"}
    code, found, _ = findings(written("f.yaml", status(data, "failing")))
    expect(code == 0 and found[0]["agrees"] is None, found)
    code, found, _ = findings(written("f.yaml", status({**data, "oldModelInUse": True}, "failing")))
    expect(code == 1 and found[0]["agrees"] is False, found)


@test("each entry of deploymentsStatus and of a list is checked")
def entries():
    model = written("model.bin", "the model")
    digest = hashlib.sha256(b"the model").hexdigest()
    listed = {"good": status({"artifactSha256": digest}, modelId="A", modelArtifact=model),
              "altered": status({"artifactSha256": "0" * 64}, modelId="A", modelArtifact=model),
              "lost": status({}, modelArtifact=model + ".lost")}
    pe = {"deploymentsStatus": {"x": status({"predictionUrl": URL + "/a/predict", "currentModelId": "B"}), "y": "none"}}
    code, found, _ = findings(written("list.yaml", status(listed)), written("pe.yaml", status(pe)))
    seen = {one["entry"]: one for one in found}
    expect(code == 1 and [seen[name]["agrees"] for name in ("good", "altered", "lost", "x")] == [True, False, False, False], found)
    expect(digest in seen["altered"]["world"] and "ENOENT" in seen["lost"]["world"], found)
    expect(seen[""]["status"] == "y is a deployment's status", found)


@test("the filesystem plugin's own statuses agree, until somebody changes the model")
def of_a_plugin():
    base = os.path.join(ROOT, "base")
    os.mkdir(base)
    model = written("model-A.txt", "model A")
    private = written("fs.yaml", {"baseDir": base})
    config = written("start.yaml", {"deploymentInfo": {"id": "d1", "modelId": "A", "modelArtifact": model}})

    def act(action, *more):
        path = os.path.join(ROOT, action + ".yaml")
        subprocess.run([RUNNER, "--plugin", "filesystem", "--private-config", private, "--action", action, "--status-file",
                        path, *more], check=True, capture_output=True, timeout=60)
        return path

    act("deployment_start", "--config", config)
    listed = act("deployment_list")
    code, found, err = findings(listed)
    expect(code == 0 and [one["claim"] for one in found] == ["artifact"] and found[0]["agrees"], code, found, err)
    with open(glob.glob(os.path.join(base, "*d1", "model-A.txt"))[0], "w", encoding="utf-8") as file:
        file.write("model B")
    code, found, _ = findings(listed)
    expect(code == 1 and hashlib.sha256(b"model B").hexdigest() in found[0]["world"], found)


@test("what there was no time for is not checked, and no difference")
def timed_out():
    hangs = written("hang.yaml", status({"predictionUrl": URL + "/hang/predict", "currentModelId": "A"}))
    good = written("a.yaml", status({"predictionUrl": URL + "/a/predict", "currentModelId": "A"}))
    code, out, err = audit("--timeout", "1", good, hangs, *[good] * 20)
    expect(code == 70 and "0 differences in 1 claim" in err and "cannot" not in err, code, out, err)
    expect("hang.yaml: not checked: " in out and out.count("timed out") == 21, out)
    expect(out.count(f"{good}: not checked: the file: timed out") == 20, out)


@test("a status of a dry run claims nothing")
def dry_run():
    data = {"predictionUrl": URL + "/gone/predict", "plan": []}
    code, out, err = audit(written("dry.yaml", {**status(data), "msg": "dry run, nothing was changed: started"}))
    expect(code == 0 and "not checked: status: passing: it is of a dry run" in out, code, out, err)


@test("a status above 1 MiB is read")
def large():
    data = {"predictionUrl": URL + "/gone/predict", "lines": ["a line of a report"] * 150000}
    code, out, err = audit(written("large.yaml", json.dumps(status(data))))
    expect(code == 1 and "answered 404" in out, code, out, err)


@test("what is no status file is told, and the others are checked")
def no_status():
    good = written("a.yaml", status({"predictionUrl": URL + "/a/predict"}))
    for content, why in [("a: 1", "not a status file"), ("- x", "not a status file"), ("{", "bad.yaml:2:1: "), ("", "not a status file")]:
        code, out, err = audit(written("bad.yaml", content), good)
        expect(code == 66 and why in err, content, code, out, err)
    code, out, err = audit(good, os.path.join(ROOT, "missing"))
    expect(code == 66 and "ENOENT" in err, err)
    code, out, err = audit()
    expect(code == 64 and "no status file is named" in err, err)
    pending = 'pe_status of plugin test has no outcome yet: it is still running, or it was killed together with its supervisor'
    code, out, err = audit(written("p.yaml", {**status(None, "failing"), "msg": pending}))
    expect(code == 0 and "there is no outcome to check" in out, out)


try:
    main()
finally:
    over.set()
    server.shutdown()
    shutil.rmtree(ROOT)

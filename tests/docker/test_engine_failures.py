"""The engine is not there, not to be used, not an engine, of the wrong age, or goes away in the middle: the status says
what was being done and what is wrong, and the next action finds everything in order."""
import json
import math
import os
import shutil
import socket

from support import SOCKET, docker, engine_request, expect, main, test
from support.bench import PROXY, TRAEFIK
from ports import free_port
from runs import RUNNER
from support.servers import Front, Listener
from support.trouble import AtStep, Middleman, Scene, Watched, at_once, changes_something, plain, steps, undisturbed

DEPLOYMENT_ACTIONS = ("deployment_start", "deployment_stop", "deployment_replace_model", "deployment_status",
                      "deployment_relaunch")
ACTIONS = ("plugin_start", "plugin_stop", "pe_status", "deployment_list", *DEPLOYMENT_ACTIONS)


def given(scene, action):
    return scene.replacement() if action in DEPLOYMENT_ACTIONS else None


def unreachable(scene, host, *words, actions=("plugin_start",), **options):
    """All these actions fail, and say where the engine should be, and these words."""
    def check(action):
        done = scene.act(action, given(scene, action), host=host, **options).expect("failing", *words)
        if action == "deployment_status":
            expect(done.state == "unknown", "nobody knows, but", done)
        expect(done.state not in ("ready", "stopped"), "nobody knows, but", done)
    at_once(actions, check)


# ---- no engine -----------------------------------------------------------------------------------------------------

@test("no socket: every action fails and says which one it looked for")
def _():
    with Scene("nosocket") as scene:
        path = scene.join("none", "docker.sock")
        unreachable(scene, f"unix://{path}", path, "the socket does not exist", "DOCKER_HOST", actions=ACTIONS)


@test("a socket that nobody listens at, a file, a closed port, a host that is none, an address that is none")
def _():
    with Scene("nobody") as scene:
        path = scene.join("docker.sock")
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(path)
        unreachable(scene, f"unix://{path}", path, "nothing is listening",
                    actions=("plugin_start", "deployment_status"))
        unreachable(scene, "unix://" + scene.write("file", ""), "is the path right?")
        unreachable(scene, f"tcp://127.0.0.1:{free_port()}", "127.0.0.1", "refused")
        unreachable(scene, "tcp://no-such-host.invalid:2375", "no-such-host.invalid")
        unreachable(scene, "ssh://user@host", "ssh://user@host", "ssh -nNT -L")
        unreachable(scene, "/var/run/docker.sock", "did you mean unix:///var/run/docker.sock")


@test("a socket that this user may not use: every action fails and says what to do")
def _():
    with Scene("denied") as scene, Middleman() as middle:
        path = middle.host.removeprefix("unix://")
        os.chmod(os.path.dirname(path), 0o755)
        os.chmod(path, 0o600)
        prefix = ()
        if os.geteuid() == 0:
            # Somebody else needs a runner, a folder and files that he can get at.
            shutil.copy(RUNNER, scene.join("runner"))
            os.chmod(scene.path, 0o777)
            scene.package("A"), scene.package("B")
            prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                      "sh", "-c", 'shift; exec "$0" "$@"', scene.join("runner"))
        else:
            os.chmod(path, 0)
        unreachable(scene, middle.host, path, "EACCES", "group", actions=ACTIONS, prefix=prefix)
        expect(middle.requests == [], middle.requests)


@test("what listens is no Docker Engine: the message says so")
def _():
    page = b"<html><head><title>It works!</title></head><body>Welcome to nginx</body></html>"
    answers = {
        "a web server": (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page) + page,
                         ["It works!", "not a Docker Engine"]),
        "a 404 page": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found", ["not a Docker Engine"]),
        "JSON of another API": (b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"major\": \"1\"}\n",
                                ["not a Docker Engine"]),
        "another protocol": (b"220 mail.example ESMTP\r\n", ["no answer from the engine", "is it a Docker Engine"]),
        "somebody who hangs up": (b"", ["no answer from the engine"]),
    }
    with Scene("noengine") as scene:
        for what, (bytes_, words) in answers.items():
            with Listener(bytes_) as listener:
                try:
                    unreachable(scene, listener.host, listener.host, *words)
                except AssertionError as error:
                    raise AssertionError(f"{what}: {error}") from error


@test("somebody accepts and never answers: the action's deadline ends it")
def _():
    with Scene("silent") as scene, Listener(None) as listener:
        done = scene.act("plugin_start", host=listener.host, timeout=3).expect("failing")
        expect("timed out" in done.msg or "deadline" in done.msg, done)


# ---- its API -------------------------------------------------------------------------------------------------------

def version(**changes):
    answer = {"Version": "99.0", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux", **changes}
    return 200, {"Content-Type": "application/json"}, json.dumps(answer)


@test("an API that is too old or too new: the message names both sides' versions and who has to be updated")
def _():
    with Scene("age") as scene, Middleman() as middle:
        old = middle.at("GET /version", answer=version(Version="1.13.1", ApiVersion="1.26"), times=2)
        unreachable(scene, middle.host, "1.26", "1.41", "too old", actions=("plugin_start", "deployment_status"))
        middle.at("GET /version", nth=1, answer=version(ApiVersion="1.99", MinAPIVersion="1.90"), times=2)
        unreachable(scene, middle.host, "1.90", "1.99", "too new", actions=("plugin_start", "deployment_status"))
        expect(old.hits == 2 and middle.count() == 4, middle.requests)


@test("refusals whose body is plain text or a page: the text is in the message")
def _():
    text = "client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade your client\n"
    page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1>nginx</body></html>"
    with Scene("text") as scene, Middleman() as middle:
        middle.at("GET /networks", answer=(400, {"Content-Type": "text/plain"}, text))
        unreachable(scene, middle.host, "Minimum supported API version is 1.44", "400", "network")
        middle.at("POST /containers/create", answer=(502, {"Content-Type": "text/html"}, page))
        unreachable(scene, middle.host, "502 Bad Gateway", "create container", scene.prefix + "traefik")
        middle.at("GET /containers/json", answer=(200, {"Content-Type": "text/html"}, "<p>Please log in</p>"))
        unreachable(scene, middle.host, "list containers", "not JSON", actions=("deployment_status",))
        error = (500, {"Content-Type": "application/json"}, '{"message": "disk on fire"}')
        middle.at("GET /containers/json", answer=error)
        unreachable(scene, middle.host, "list containers", "disk on fire", actions=("pe_status",))


@test("an engine of Docker 29's kind, which has no API 1.24: plugin_start warns of an old traefik, and of no newer one")
def _():
    with Scene("d29") as scene, Front(SOCKET, api=("1.52", "1.44")) as front:
        done = scene.act("plugin_start", host=front.host).expect("warning", "traefikImage", "1.24", "1.44", "3.6.1")
        expect(PROXY in done.msg, done)
        url = scene.start(host=front.host)
        scene.serves(url, "d1", "A")
        # Tags say nothing: the proxy is asked.
        docker("tag", TRAEFIK, f"{scene.prefix}proxy:2.3.3")
        scene.up(host=front.host, private={"traefikImage": f"{scene.prefix}proxy:2.3.3"})
        docker("tag", PROXY, f"{scene.prefix}proxy:v3.7")
        old = {"traefikImage": f"{scene.prefix}proxy:v3.7"}
        scene.act("plugin_start", host=front.host, private=old).expect("warning", "proxy:v3.7 is traefik 2.3.3")
        scene.act("plugin_start").expect("passing")


# ---- its network ---------------------------------------------------------------------------------------------------

@test("the network is not there: plugin_start, start and pe_status fail and say how it is made")
def _():
    with Scene("nonet") as scene:
        # A longer name is another network.
        docker("network", "create", "--label", f"bosun.prefix={scene.prefix}", scene.network + "-2")
        docker("network", "rm", scene.network)
        for action in ("plugin_start", "deployment_start", "deployment_replace_model", "pe_status"):
            done = scene.act(action, given(scene, action))
            done.expect("failing", scene.network, f"docker network create {scene.network}")
        expect(scene.containers() == [], scene.containers())
        docker("network", "create", "--label", f"bosun.prefix={scene.prefix}", scene.network)
        scene.up()


@test("two networks of the name: the message says that, and nothing is made")
def _():
    with Scene("twonets") as scene:
        body = {"Name": scene.network, "Labels": {"bosun.prefix": scene.prefix}}
        status, made = engine_request("POST", "/networks/create", body)
        if status != 201:
            # Newer engines always check for duplicates.
            expect(status == 409, status, made)
            return
        try:
            for action in ("plugin_start", "deployment_start", "pe_status"):
                scene.act(action, given(scene, action)).expect("failing", scene.network, "several networks")
            expect(scene.containers() == [], scene.containers())
        finally:
            engine_request("DELETE", f"/networks/{made['Id']}")
        scene.up()


# ---- it goes away in the middle ------------------------------------------------------------------------------------

def lose():
    raise ConnectionError("the answer is lost")


WORDS = (("GET /version", "connect"), ("/build", "build"), ("/containers/json", "list containers"),
         ("POST /containers/create", "create container"), ("/start$", "start container"), ("/stop$", "stop container"),
         ("DELETE /containers", "remove container"))
KINDS = {"once": {"reset": True}, "answer lost": {"done": lose}, "for good": {"reset": True, "times": math.inf}}


def disturb(scene, kind, number, request, action, info):
    """Runs an action whose connection breaks at a step. Its outcome."""
    with Middleman() as middle:
        fault = AtStep(number, **KINDS[kind])
        middle.faults.append(fault)
        done = scene.act(action, info, host=middle.host)
        expect(fault.hits > 0, "it did not get there:", steps(middle.requests))
        if done.status == "failing":
            expect(middle.host in done.msg or "prediction server" in done.msg, "the engine's address:", done)
            wanted = next((word for part, word in WORDS if part in plain(request)), "")
            expect(wanted in done.msg, f"no {wanted!r} in", done)
    if kind == "once" and not changes_something(request):
        done.expect("passing")
    return done


def disturbances(requests):
    """Each step that changes something with each kind; of the others some: what is broken for good takes its time."""
    for number, request in enumerate(requests, 1):
        for kind in KINDS:
            if changes_something(request) or number % {"once": 2, "for good": 4, "answer lost": 99}[kind] == 1:
                yield kind, number, request


@test("the connection breaks at a step of deployment_start: the status says at what, the next start is as any other")
def _():
    with Scene("cstart") as scene:
        scene.times = {"startTimeout": "15s"}
        scene.up()
        requests = undisturbed(scene, "deployment_start", scene.deployment("d0", "m0"))
        scene.stop("d0", "m0")

        def check(case):
            name = f"{case[1]}{case[0][0]}"
            deployment, model = "d" + name, "m" + name
            disturb(scene, *case, "deployment_start", scene.deployment(deployment, model))
            url = scene.start(deployment, model)
            scene.serves(url, deployment, model)
            scene.stop(deployment, model)
        at_once(list(disturbances(requests)), check)
        scene.clear()


@test("the connection breaks at a step of deployment_replace_model: a model serves all the time, at last the new one")
def _():
    with Scene("creplace") as scene:
        scene.times = {"startTimeout": "15s"}
        scene.up()
        scene.start("d0", "old0")
        requests = undisturbed(scene, "deployment_replace_model", scene.replacement("d0", "old0", "new0"))
        scene.stop("d0", "new0")

        def check(case):
            name = f"{case[1]}{case[0][0]}"
            deployment, old, new = "d" + name, "old" + name, "new" + name
            url = scene.start(deployment, old)
            with Watched(url, old, new) as watched:
                done = disturb(scene, *case, "deployment_replace_model", scene.replacement(deployment, old, new))
                expect(done.state in ("ready", "unknown", None), "a model served all the time, but", done)
                scene.replace(deployment, old, new)
                watched.wait_for(new)
            scene.serves(url, deployment, new)
            scene.stop(deployment, new)
        at_once(list(disturbances(requests)), check)
        scene.clear()


if __name__ == "__main__":
    main()

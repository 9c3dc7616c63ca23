"""A service with other settings has to work before the one that works goes: what plugin_start makes of a proxy, a
shared server or a queue that does not come up, of ports that are taken, and of a run that was killed in between."""
import json
import signal
import socket
import threading

from support import Middleman, docker, engine_request, expect, inspect, main, predict, test, wait_until
from support.bench import PPS, PROXY
from ports import free_port
from support.quick import SECONDS, Quick, answers
from support.trouble import Scene, Watched

SHARED = {"modelExecutionType": "shared"}


def image_without(bench, name, source, *lines):
    folder = bench.write(f"{name}/Dockerfile", "\n".join([f"FROM {source}", *lines]) + "\n").rpartition("/")[0]
    docker("build", "-q", "--label", f"bosun.prefix={bench.prefix}", "-t", f"{bench.prefix}{name}:1", folder)
    return f"{bench.prefix}{name}:1"


def die(scene, middle, step, private, when, **options):
    """Runs a plugin_start that is killed at the first request of this kind, where the middleman calls `when`. Returns
    what it was called with."""
    begun, running, called = threading.Event(), [], []

    def kill(*arguments):
        begun.wait()
        called.extend(arguments)
        running[0].kill()
        wait_until(running[0].ended, SECONDS, "it is dead")
    middle.at(step, **{when: kill}, **options)
    running.append(scene.begin("plugin_start", None, host=middle.host, private=private))
    begun.set()
    expect(running[0].result().code == 137, step, middle.requests)
    return called


def killed_at(scene, step, reset, private):
    """A plugin_start that is killed at the first request of this kind, before or after the engine gets it."""
    with Middleman() as middle:
        die(scene, middle, step, private, "before", reset=reset)


def cancelled_at(scene, step, private):
    """A plugin_start whose runner gets SIGTERM at the first request of this kind."""
    begun, running = threading.Event(), []

    def send():
        begun.wait()
        running[0].signal(signal.SIGTERM)
    with Middleman() as middle:
        middle.at(step, before=send)
        running.append(scene.begin("plugin_start", None, host=middle.host, private=private))
        begun.set()
        return running[0].result().status


def id_of(bench, name):
    return inspect(bench.prefix + name)["Id"]


@test("a proxy that does not come up: failing, and the former one serves on, with the ports that it had")
def _():
    with Quick("proxy") as bench, socket.socket() as taken:
        bench.up()
        url = bench.start()
        before = bench.state()["all"], id_of(bench, "traefik")
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        deaf = image_without(bench, "deaf", PPS)
        nothing = image_without(bench, "nothing", PPS, 'ENTRYPOINT ["/bin/false"]')
        for what, private in {"an image that is no proxy": {"traefikImage": deaf},
                              "an image that ends": {"traefikImage": nothing},
                              "a port that is taken": {"traefikPortMapping": {80: taken.getsockname()[1]}},
                              "an image that does not exist": {"traefikImage": "bosun-test/none:1"}}.items():
            done = bench.act("plugin_start", private=private).expect("failing", "proxy")
            expect("not exist" in what or "the former container runs on" in done.msg, what, done)
            wait_until(lambda: predict(url)[0] == 200, SECONDS, f"predictions after {what}")
            expect(id_of(bench, "traefik") == before[1], what, done)
            # Another image in the config is no reason to refuse what serves.
            bench.act("deployment_start", bench.deployment(), private=private).expect("passing", "already")
        bench.act("pe_status").expect("passing")
        left = [item for item in bench.leftovers() if deaf not in item and nothing not in item]
        expect(left == before[0], left)


@test("where ports allow it the new proxy runs beside the former one: nothing is lost on the port that stays")
def _():
    with Quick("beside") as bench:
        first = free_port()
        url = f"http://127.0.0.1:{first}/d1/predict"
        private = {"traefikPortMapping": {80: first}}
        bench.up(private=private)
        bench.start(private=private)
        second = {"traefikPortMapping": {80: free_port()}}
        with Watched(url, "A"):
            bench.act("plugin_start", private={**second, "traefikImage": "bosun-test/none:1"}).expect("failing")
            deaf = image_without(bench, "deaf", PPS)
            bench.act("plugin_start", private={**second, "traefikImage": deaf}).expect("failing", "former")
        old = id_of(bench, "traefik")
        bench.up(private=second)
        answers(f"http://127.0.0.1:{second['traefikPortMapping'][80]}/d1/predict", "A", "d1")
        expect(inspect(old) is None and id_of(bench, "traefik"), bench.containers())


@test("a shared server that does not come up: failing, and the former one serves on; one that does takes over")
def _():
    with Quick("shared") as bench:
        bench.up()
        url = bench.start(info=SHARED)
        server = id_of(bench, "shared_server")
        shellless = image_without(bench, "shellless", PPS, "RUN rm -f /bin/sh /usr/bin/sh")
        ends = image_without(bench, "ends", PPS, 'ENTRYPOINT ["/bin/false"]')
        with Watched(url, "A"):
            for image in (shellless, ends):
                done = bench.act("plugin_start", private={"ppsBaseImage": image, "startTimeout": "30s"})
                done.expect("failing", "shared-server", "the former container runs on")
                expect(id_of(bench, "shared_server") == server, done)
        bench.up(private={"ppsEnvironment": {"CHANGED": "yes"}})
        expect(id_of(bench, "shared_server") != server and inspect(server) is None, bench.containers())
        # The proxy learns of the exchange when it is over.
        wait_until(lambda: all(predict(url)[0] == 200 for _ in range(10)), SECONDS, "it answers")
        answers(url, "A", "d1")
        bench.stop(info=SHARED)
        bench.act("plugin_stop").expect("passing")
        left = [item for item in bench.leftovers() if "shellless" not in item and "ends" not in item]
        expect(left == [], left)


@test("a queue that does not come up: failing, and the former one is back with what it held")
def _():
    with Quick("queue") as bench:
        monitored = {"plugin_config": {"MLOPS_BOSUN_PRED_ENV_ENABLE_MONITORING": True, "mlopsApiToken": "t",
                                       "mlopsUrl": "http://127.0.0.1:1"}, "private": {"rabbitmqPortMapping": None}}
        bench.up(**monitored)
        before = id_of(bench, "rabbitmq")
        docker("exec", bench.prefix + "rabbitmq", "sh", "-c", "echo kept >/var/lib/rabbitmq/kept")
        ends = image_without(bench, "ends", PPS, 'ENTRYPOINT ["/bin/false"]')
        ill = {**monitored, "private": {**monitored["private"], "rabbitmqImage": ends}}
        bench.act("plugin_start", **ill).expect("failing", "queue", "the former container runs on")
        expect(id_of(bench, "rabbitmq") == before, bench.containers())
        bench.up(**monitored)
        kept = docker("exec", bench.prefix + "rabbitmq", "cat", "/var/lib/rabbitmq/kept")
        expect(id_of(bench, "rabbitmq") == before and kept == "kept", kept)
        docker("rename", bench.prefix + "rabbitmq", bench.prefix + "mq")
        bench.up(**monitored)
        expect(id_of(bench, "rabbitmq") == before, bench.containers())


@test("killed while it exchanges the proxy: the next plugin_start, or start, finds its way; one proxy is left")
def _():
    with Scene("killed") as scene:
        scene.up()
        url = scene.start()
        image = scene.prefix + "other:1"
        docker("tag", PROXY, image)
        images = [{"traefikImage": image}, {}]
        steps = [r"POST .*/rename", r"POST /containers/create", r"POST .*/stop", r"POST .*/start", r"POST .*/exec$",
                 r"DELETE /containers"]
        for turn, (step, reset) in enumerate((step, reset) for step in steps for reset in (True, False)):
            private = images[turn % 2]
            killed_at(scene, step, reset, private)
            if turn % 3 == 0:
                scene.act("deployment_start", scene.deployment(), private=private).expect("passing")
                scene.serves(url, "d1", "A")
            scene.up(private=private)
            scene.serves(url, "d1", "A")
            proxies = [name for name in scene.containers() if "traefik" in name]
            expect(proxies == [scene.prefix + "traefik"], step, proxies)
            expect(inspect(proxies[0])["Config"]["Image"] == private.get("traefikImage", PROXY), step)
        scene.stop()
        scene.act("plugin_stop").expect("passing")


@test("killed, and the engine creates the new proxy when the next action is about to bring the former one back")
def _():
    with Scene("late") as scene:
        scene.up()
        url, image, name = scene.start(), scene.prefix + "other:1", scene.prefix + "traefik"
        docker("tag", PROXY, image)
        with Middleman() as middle:
            [asked] = die(scene, middle, r"POST /containers/create", {"traefikImage": image}, "takes",
                          answer=(500, {}, ""))

        def create():
            status, answer = engine_request("POST", f"/containers/create?name={name}", json.loads(asked))
            expect(status == 201, answer)
        with Middleman() as middle:
            rename = middle.at(r"POST .*/rename", before=create)
            scene.act("deployment_start", scene.deployment(), host=middle.host).expect("passing")
            expect(rename.hits == 1, middle.requests)
        scene.serves(url, "d1", "A")
        scene.up()
        proxies = [name for name in scene.containers() if "traefik" in name]
        expect(proxies == [name] and inspect(name)["Config"]["Image"] == PROXY, proxies)


@test("cancelled while it exchanges the proxy: the former one is back at once, and the status says so")
def _():
    with Scene("cancelled") as scene:
        scene.up()
        url, image = scene.start(), scene.prefix + "other:1"
        before = id_of(scene, "traefik")
        docker("tag", PROXY, image)
        for step in (r"POST /containers/create", r"POST .*/stop", r"POST .*/start", r"GET .*/json"):
            status = cancelled_at(scene, step, {"traefikImage": image})
            expect(status["status"] == "failing" and "SIGTERM" in status["msg"], step, status)
            scene.serves(url, "d1", "A")
            proxies = [name for name in scene.containers() if "traefik" in name]
            expect(proxies == [scene.prefix + "traefik"] and id_of(scene, "traefik") == before, step, proxies)
            expect("json" in step or "the former container runs on: proxy" in status["msg"], step, status)


if __name__ == "__main__":
    main()

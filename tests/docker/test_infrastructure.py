"""The stand-ins and helpers of the docker tests themselves: a test that leans on them has to know that they hold."""
import http.client
import json
import math
import os
import subprocess
import urllib.error
import urllib.request

from support import (HOSTNAME, SOCKET, Bench, Middleman, Predictions, Receiver, Registry, docker, engine_request,
                     expect, inspect, main, predict, test, wait_until)
from support.bench import AGENT, PPS, PROXY, RABBITMQ, STAND_IN

# A container with a file /sick is not healthy, whatever its server says.
PING = "test ! -e /sick && wget -q -O- http://127.0.0.1:8080/ping"
# Start-ups and changes that take longer do not come.
SECONDS = 40


# ---- what the plugin will do, by hand ------------------------------------------------------------------------------

def run_proxy(bench, *options):
    bench.run("proxy", PROXY, "-v", f"{SOCKET or '/var/run/docker.sock'}:/var/run/docker.sock",
              *(f"-p{host}:{container}" for container, host in bench.ports.items()), command=(
                  "--providers.docker", "--providers.docker.exposedbydefault=false",
                  f"--providers.docker.network={bench.network}", "--entrypoints.web.address=:80", "--api.insecure=true",
                  f"--providers.docker.constraints=Label(`bosun.prefix`,`{bench.prefix}`)", *options))
    wait_until(lambda: bench.proxy("/api/version"), SECONDS, "the proxy answers")


def router_labels(bench, name, path="/d1/predict", priority=1, to="/predictions", **more):
    """Options of `docker create`. Names carry the bench's prefix: proxies of other benches see the same containers."""
    labels = {"traefik.enable": "true", "traefik.docker.network": bench.network,
              f"traefik.http.routers.{name}.rule": f"Path(`{path}`)", f"traefik.http.routers.{name}.entrypoints": "web",
              f"traefik.http.routers.{name}.middlewares": name, f"traefik.http.routers.{name}.service": name,
              f"traefik.http.routers.{name}.priority": str(priority),
              f"traefik.http.middlewares.{name}.replacepath.path": to,
              f"traefik.http.services.{name}.loadbalancer.server.port": "8080", **more}
    return [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]


def create_server(bench, name, *directives, options=(), model=None):
    """A container of the stand-in server with a model, created but not started; its name."""
    container = bench.create(name, PPS, "--health-cmd", PING, "--health-interval", "1s",
                             "--health-retries", "1", *options)
    docker("cp", bench.package(model or name, *directives), f"{container}:/opt/ml/model/")
    return container


def run_server(bench, name, *directives, options=(), model=None):
    docker("start", create_server(bench, name, *directives, options=options, model=model))
    return bench.prefix + name


def router(bench, name):
    return bench.proxy(f"/api/http/routers/{name}@docker")


def enabled(bench, name):
    return wait_until(lambda: (router(bench, name) or {}).get("status") == "enabled", SECONDS, f"router {name} is on")


def state(name):
    return inspect(name)["State"]


def exit_code(name):
    wait_until(lambda: not state(name)["Running"], SECONDS, f"{name} ends")
    return state(name)["ExitCode"]


def post(container, path, data="{}"):
    """A request from inside: what comes out of wget, with the status when it is an error."""
    return docker("exec", container, "wget", "-q", "-O-", "--post-data", data, f"http://127.0.0.1:8080{path}",
                  check=False)


# ---- the prediction server -----------------------------------------------------------------------------------------

@test("the prediction server, single-model: answers name the model, ids and host")
def _():
    with Bench("single") as bench:
        ids = ("-e", "MLOPS_MODEL_ID=m1", "-e", "MLOPS_DEPLOYMENT_ID=d1")
        container = run_server(bench, "a", options=ids, model="A")
        answer = json.loads(wait_until(lambda: post(container, "/predictions", '{"n": 7}'), SECONDS, "it answers"))
        expect(answer["n"] == 7 and answer["model"] == "A" and answer["modelId"] == "m1", answer)
        expect(answer["deploymentId"] == "d1" and inspect(container)["Id"].startswith(answer["hostname"]), answer)
        expect("404" in post(container, "/deployments/x/predictions"), "a multi-model route in single-model mode")
        wait_until(lambda: state(container)["Health"]["Status"] == "healthy", SECONDS, "healthy")


@test("the prediction server, multi-model: uploads, lists, predicts, deletes, and keeps what it has over a restart")
def _():
    with Bench("multi") as bench:
        container = bench.run("m", PPS, "-p8080")
        port = docker("port", container, "8080").splitlines()[0].rpartition(":")[2]

        def call(method, path, data=None, kind="application/octet-stream"):
            url = f"http://{HOSTNAME}:{port}{path}"
            asked = urllib.request.Request(url, data, {"Content-Type": kind}, method=method)
            try:
                with urllib.request.urlopen(asked, timeout=SECONDS) as response:
                    return response.status, json.load(response)
            except urllib.error.HTTPError as error:
                return error.code, error.read()
        wait_until(lambda: call("GET", "/ping")[0] == 200, SECONDS, "it answers")
        form = b'--x\r\nContent-Disposition: form-data; name="f"; filename="b.mlpkg"\r\n\r\nmodel: B\n\r\n--x--\r\n'
        expect(call("POST", "/deployments/d1", b"model: A\n" + b"x" * 3_000_000)[0] == 201, "raw upload")
        expect(call("POST", "/deployments/d2", form, "multipart/form-data; boundary=x")[0] == 201, "multipart upload")
        expect(call("POST", "/deployments/d2", b"model: bad\ncrash: 3\n")[0] == 500, "a broken package")
        docker("restart", "-t", "5", container)
        port = docker("port", container, "8080").splitlines()[0].rpartition(":")[2]
        wait_until(lambda: call("GET", "/ping")[0] == 200, SECONDS, "it answers again")
        listed = {one["id"]: one["model"] for one in call("GET", "/deployments")[1]["deployments"]}
        expect(listed == {"d1": "A", "d2": "B"}, listed)
        status, answer = call("POST", "/deployments/d2/predictions", b'{"n": 3}')
        expect(status == 200 and (answer["n"], answer["model"], answer["deploymentId"]) == (3, "B", "d2"), answer)
        expect(call("DELETE", "/deployments/d1")[0] == 200 and call("GET", "/deployments/d1/info")[0] == 404, "deleted")
        expect(call("POST", "/deployments/..%2Fx", b"model: A")[0] == 400, "a hostile id")


@test("the prediction server's directives: crash, crash-after, eat-memory, never-healthy, ignore-term, start-delay")
def _():
    with Bench("fail") as bench:
        crashed = run_server(bench, "crash", "crash: 3")
        later = run_server(bench, "later", "crash-after: 0.5")
        eaten = run_server(bench, "eat", "eat-memory: yes", options=("--memory", "40m"))
        sick = run_server(bench, "sick", "never-healthy: yes")
        stubborn = run_server(bench, "stubborn", "ignore-term: yes")
        slow = run_server(bench, "slow", "start-delay: 600")
        expect(exit_code(crashed) == 3 and "fatal" in bench.logs(crashed), bench.logs(crashed))
        expect(exit_code(later) == 3 and "ready" in bench.logs(later), bench.logs(later))
        expect(exit_code(eaten) == 137 and state(eaten)["OOMKilled"], state(eaten))
        wait_until(lambda: state(sick)["Health"]["Status"] == "unhealthy", SECONDS, "unhealthy")
        expect("refused" in docker("exec", slow, "wget", "-O-", "http://127.0.0.1:8080/ping", check=False), "not slow")
        docker("stop", "-t", "1", stubborn)
        docker("stop", slow)
        expect((exit_code(stubborn), exit_code(slow)) == (137, 143), state(stubborn), state(slow))


def predictions_over(bench, name, end):
    """The report of 8 predictions that are under way while a server ends by `end(container)`."""
    container = run_server(bench, name, "predict-delay: 1.5", options=("-p8080",))
    port = docker("port", container, "8080").splitlines()[0].rpartition(":")[2]
    wait_until(lambda: "ready" in bench.logs(container), SECONDS, "it listens")
    with Predictions(f"http://{HOSTNAME}:{port}/predictions", rate=8, senders=8) as predictions:
        wait_until(lambda: len(predictions.predictions) >= 8, SECONDS, "8 are under way")
        predictions.ended.set()
        end(container)
        return predictions.stop()


@test("the prediction server finishes what is in flight when it is asked to end; predictions that die are counted")
def _():
    with Bench("term") as bench:
        report = predictions_over(bench, "t", lambda container: docker("stop", container))
        expect(report.sent == 8 and not report.lost and exit_code(bench.prefix + "t") == 0, report)
        report = predictions_over(bench, "k", lambda container: docker("kill", container))
        expect(report.sent == 8 and len(report.lost) == 8, report)


# ---- the proxy -----------------------------------------------------------------------------------------------------

@test("the proxy loses nothing while a router of higher priority comes and goes")
def _():
    with Bench("comego") as bench:
        run_proxy(bench)
        first, second = bench.prefix + "g1", bench.prefix + "g2"
        run_server(bench, "a", options=router_labels(bench, first, priority=1), model="A")
        enabled(bench, first)
        url = bench.url + "/d1/predict"
        with Predictions(url, rate=100) as new, Predictions(url, rate=100, keep_alive=True) as kept:
            wait_until(lambda: new.answered("A") > 20 and kept.answered("A") > 20, SECONDS, "A answers")
            for turn in (1, 2):
                container = run_server(bench, f"b{turn}", options=router_labels(bench, second, priority=2), model="B")
                enabled(bench, second)
                had = [one.answered("B") for one in (new, kept)]
                wait_until(lambda: new.answered("B") > had[0] + 20 and kept.answered("B") > had[1] + 20, SECONDS,
                           "B answers")
                # Its router goes before its server: as when a container becomes unhealthy.
                docker("exec", container, "touch", "/sick")
                wait_until(lambda: not router(bench, second), SECONDS, "B's router is off")
                had = [one.answered("A") for one in (new, kept)]
                wait_until(lambda: new.answered("A") > had[0] and kept.answered("A") > had[1], SECONDS, "A is back")
                docker("rm", "-f", container)
            reports = new.stop(), kept.stop()
        for report in reports:
            expect(not report.lost and [model for model, _ in report.runs] == list("ABABA"), report)


@test("the proxy's API tells routers and services, what is wrong with them, and what it does not know")
def _():
    with Bench("api") as bench:
        run_proxy(bench)
        good, bad, regex = (bench.prefix + name for name in ("good", "bad", "regex"))
        run_server(bench, "g", options=router_labels(bench, good, priority=7))
        run_server(bench, "b", options=router_labels(bench, bad, **{f"traefik.http.routers.{bad}.service": "nowhere"}))
        run_server(bench, "r", options=router_labels(bench, regex, path="/{x:.*}"))
        enabled(bench, good)
        for name in (bad, regex):
            wait_until(lambda: router(bench, name), SECONDS, f"router {name} is known")
        view = router(bench, good)
        expect(view["rule"] == "Path(`/d1/predict`)" and view["priority"] == 7 and view["using"] == ["web"], view)
        expect(router(bench, bad)["status"] == "disabled" and "nowhere" in str(router(bench, bad)["error"]), "bad")
        if PROXY == STAND_IN:  # the real one knows, or takes it literally
            expect(router(bench, regex)["status"] == "disabled", router(bench, regex))
        service = bench.proxy(f"/api/http/services/{good}@docker")
        expect(service["serverStatus"] == {service["loadBalancer"]["servers"][0]["url"]: "UP"}, service)
        expect(f"{good}@docker" in bench.proxy("/api/rawdata")["routers"], "rawdata")
        expect(router(bench, "unknown") is None, "an unknown router")
        expect(predict(bench.url + "/d1/predict")[0] == 200 and predict(bench.url + "/else")[0] == 404, "routing")


@test("the proxy routes to healthy containers only, and merges and drops what has one name as traefik does")
def _():
    with Bench("health") as bench:
        run_proxy(bench)
        sick, shared, clash = (bench.prefix + name for name in ("sick", "shared", "clash"))
        run_server(bench, "sick", "never-healthy: yes", options=router_labels(bench, sick, path="/sick"))
        for name, model in (("s1", "S1"), ("s2", "S2")):
            run_server(bench, name, options=router_labels(bench, shared, path="/shared"), model=model)
        run_server(bench, "c1", options=router_labels(bench, clash, path="/clash", priority=1))
        enabled(bench, clash)
        run_server(bench, "c2", options=router_labels(bench, clash, path="/clash", priority=2))
        wait_until(lambda: not router(bench, clash), SECONDS, "routers of one name that differ are dropped")
        enabled(bench, shared)
        service = f"/api/http/services/{shared}@docker"
        wait_until(lambda: len(bench.proxy(service)["loadBalancer"]["servers"]) == 2, SECONDS, "one service of both")
        expect({predict(bench.url + "/shared")[1]["model"] for _ in range(10)} == {"S1", "S2"}, "both answer")
        expect(router(bench, sick) is None and predict(bench.url + "/sick")[0] == 404, "a container that is not healthy")
        # The engine sees a crash at once; whoever sent a request just then has lost it.
        docker("kill", bench.prefix + "s1")
        wait_until(lambda: len(bench.proxy(service)["loadBalancer"]["servers"]) == 1, SECONDS, "one is gone")
        expect(predict(bench.url + "/shared")[1]["model"] == "S2", "S2 answers")


@test("a 50 MB request passes the proxy, a larger one is refused by the server; both modes of a body")
def _():
    with Bench("large") as bench:
        run_proxy(bench)
        run_server(bench, "a", options=router_labels(bench, bench.prefix + "a"))
        enabled(bench, bench.prefix + "a")

        def send(size, chunked):
            block = b"x" * (1024 * 1024)
            data = (block for _ in range(size)) if chunked else block * size
            asked = urllib.request.Request(bench.url + "/d1/predict", data, {"Content-Type": "text/csv"})
            with urllib.request.urlopen(asked, timeout=SECONDS) as response:
                return json.load(response)["bytes"]
        expect(send(50, False) == 50 << 20 and send(50, True) == 50 << 20, "50 MB")
        try:
            expect(not send(51, True), "51 MB were taken")
        except OSError as error:
            expect("413" in str(error) or isinstance(error, ConnectionError) or "reset" in str(error), error)


# ---- monitoring ----------------------------------------------------------------------------------------------------

@test("a prediction's message goes through RabbitMQ and the monitoring agent to the service")
def _():
    with Bench("monitor") as bench, Receiver() as service:
        bench.run("rabbit", RABBITMQ, "--hostname", "rabbit", "--network-alias", "rabbit")
        channel = {"name": "c", "queueName": "q1", "queueUrl": "amqp://rabbit:5672"}
        config = bench.write("agent.yaml", {"channelConfigs": [{"type": "RABBITMQ_SPOOL", "details": channel}]})
        agent = bench.create("agent", AGENT, "-e", "MLOPS_AGENT_CONFIG_YAML=/agent.yaml", "-e", "MLOPS_API_TOKEN=token",
                             "-e", f"MLOPS_SERVICE_URL={service.url(bench.gateway)}")
        docker("cp", config, f"{agent}:/agent.yaml")
        docker("start", agent)
        container = run_server(bench, "a", model="A", options=(
            "-e", "MLOPS_MODEL_ID=m1", "-e", "MLOPS_DEPLOYMENT_ID=d1",
            "-e", "PORTABLE_PREDICTION_API_MONITORING_ACTIVE=True", "-e", "PORTABLE_PREDICTION_API_MONITORING_SETTINGS="
            "spooler_type=rabbitmq;queue_url=amqp://rabbit:5672;queue_name=q1"))
        wait_until(lambda: post(container, "/predictions", '{"n": 1}'), SECONDS, "it answers")
        wait_until(lambda: service.messages, SECONDS, "a message arrives")
        message = service.messages[0]
        expect(message["path"] == "/monitoring" and message["token"] == "token", message)
        expect(message["body"]["modelId"] == "m1" and message["body"]["deploymentId"] == "d1", message)
        expect(len(service.messages) == 1, "more than one message")
        docker("exec", bench.prefix + "rabbit", "rabbitmq-diagnostics", "-q", "ping")


# ---- helpers -------------------------------------------------------------------------------------------------------

@test("the middleman passes build, push, pull, exec, attach and events on unharmed, and counts")
def _():
    with Bench("mm") as bench, Middleman() as middle, Registry(password=True) as registry:
        host = middle.host
        os.mkdir(bench.join("context"))
        with open(bench.join("context", "blob"), "wb") as file:
            file.write(os.urandom(40_000_000))
        bench.write("context/Dockerfile", f"FROM {PPS}\nCOPY blob /blob\nLABEL bosun.prefix={bench.prefix}\n")
        image = registry.image(bench.prefix + "x:1")
        docker("build", "-q", "-t", image, bench.join("context"), host=host)
        docker("login", "-u", "tester", "-p", "secret-of-the-registry", registry.address, host=host)
        docker("push", image, host=host)
        docker("rmi", image)
        docker("pull", image, host=host)
        docker("logout", registry.address)
        container = bench.run("run", image)
        text = "through" * 100_000
        expect(docker("exec", "-i", container, "cat", stdin=text.encode(), host=host) == text, "exec")
        done = docker("run", "--rm", "-i", "--entrypoint", "/bin/sh", image, "-c", "sha256sum /blob; cat", stdin=b"in",
                      host=host)
        ours = subprocess.run(["sha256sum", bench.join("context", "blob")], capture_output=True, check=True).stdout
        expect(done.split()[0] == ours.decode().split()[0] and done.endswith("in"), "run:", done)
        docker("cp", f"{container}:/blob", bench.join("back"), host=host)
        expect(os.path.getsize(bench.join("back")) == 40_000_000, "cp")
        expect(middle.count(r"^POST /build\?") == 1 and middle.count(r"^POST /images/create\?") == 1, middle.requests)


@test("the middleman breaks, cuts, delays and makes up answers, at the request that was named")
def _():
    with Middleman() as middle:
        def ask(path="/containers/json"):
            try:
                return engine_request("GET", path, host=middle.host)[0]
            except (OSError, http.client.HTTPException) as error:
                return type(error).__name__
        called = []
        middle.at("GET /containers/json", nth=2, reset=True)
        expect([ask(), ask(), ask()] == [200, "ConnectionResetError", 200], middle.requests)
        middle.clear()
        middle.at("GET /version", cut=10)
        expect(ask("/version") == "IncompleteRead", "cut")
        middle.at("GET /info", times=math.inf, answer=(503, {"Content-Type": "text/plain"}, "no engine"))
        expect([ask("/info"), ask("/info"), ask("/_ping")] == [503, 503, 200], "made up")
        middle.at("GET /images/json", before=lambda: called.append("before"))
        middle.at("GET /networks", done=lambda: called.append("done"), nth=1)
        middle.at("GET /volumes", after=lambda: called.append("after"))
        expect([ask("/images/json"), ask("/networks"), ask("/volumes")] == [200, 200, 200], "functions")
        wait_until(lambda: called == ["before", "done", "after"], SECONDS, f"calls: {called}")
        expect(middle.count("GET /info") == 2, middle.requests)
    with Middleman(tcp=True) as middle:
        expect(docker("version", "-f", "{{.Server.APIVersion}}", host=middle.host), "no answer over TCP")


@test("a client that goes away is gone for the engine, too")
def _():
    with Bench("away") as bench, Middleman() as middle:
        container = bench.run("w", PPS)
        events = subprocess.Popen(["docker", "-H", middle.host, "events", "--filter", f"container={container}"],
                                  stdout=subprocess.PIPE)
        wait_until(lambda: middle.count("GET /events"), SECONDS, "it listens")
        threads = len(os.listdir("/proc/self/task"))
        events.kill()
        events.wait()
        events.stdout.close()
        wait_until(lambda: len(os.listdir("/proc/self/task")) < threads, SECONDS, "the connection ends")


@test("a bench sees everything that has its prefix, also what has no name, and removes what is surely its own")
def _():
    with Bench("clean", alone=True) as bench:
        label = f"bosun.prefix={bench.prefix}"
        bench.write("context/Dockerfile", f"FROM {PPS}\nCOPY Dockerfile /\n")
        docker("build", "-t", bench.prefix + "image", bench.join("context"))
        for number, option in enumerate((f"--label={label}", "--label=x=y")):
            bench.write("context/file", str(number))
            docker("build", "-q", option, bench.join("context"))
        docker("volume", "create", bench.prefix + "volume")
        docker("network", "create", "--label", label, bench.prefix + "other")
        bench.create("named", PPS, "-v", "/nameless")
        docker("create", "--label", label, PPS)
        stray = docker("create", PPS)
        kinds = sorted(item.split()[0] for item in bench.leftovers())
        expect(kinds == ["container"] * 3 + ["image"] * 3 + ["network"] + ["volume"] * 2, bench.leftovers())
        bench.cleanup()
        expect(sorted(item.split()[0] for item in bench.leftovers()) == ["container", "image"], bench.leftovers())
        docker("rm", stray)
        docker("rmi", *(item.split()[1] for item in bench.leftovers()))
        docker("network", "create", bench.network)


@test("the registry refuses without the password and serves with it")
def _():
    with Registry(password=True) as registry:
        status, answer = engine_request("POST", f"/images/create?fromImage={registry.address}/x&tag=1")
        expect(status == 500 and "no basic auth" in str(answer), status, answer)
    with Registry() as registry:
        status, answer = engine_request("POST", f"/images/create?fromImage={registry.address}/x&tag=1")
        expect(status == 404, status, answer)


if __name__ == "__main__":
    main()

"""Monitoring: predictions of monitored environments end up at the service, by RabbitMQ and the monitoring agent; its
token stays secret."""
import contextlib
import json

from support import Predictions, Receiver, docker, expect, inspect, main, predict, test, wait_until
from ports import free_port
from support.quick import SECONDS, Quick, answers, environment, url_of

TOKEN = "the-token-that-nobody-may-see-5f3a"


class Monitored(Quick):
    """A bench whose prediction environment is monitored by `service`."""

    def __init__(self, name, service):
        super().__init__(name)
        self.service, self.more = service, {}

    def begin(self, action, deployment_info=None, plugin_config=None, **options):
        config = {"MLOPS_BOSUN_PRED_ENV_ENABLE_MONITORING": True, "mlopsUrl": self.service.url(self.gateway),
                  "mlopsApiToken": TOKEN, **self.more, **(plugin_config or {})}
        return super().begin(action, deployment_info, plugin_config=config, **options)

    def others(self):
        """Names of the containers that belong to no deployment, without the prefix."""
        return [name[len(self.prefix):] for name in self.containers() if name not in self.servers()]


@contextlib.contextmanager
def monitored(name, status=200):
    with Receiver(status) as service, Monitored(name, service) as bench:
        yield bench, service


def predicted(service):
    """(deployment, model) of each message that has arrived."""
    return [(one["body"]["deploymentId"], one["body"]["modelId"]) for one in service.messages]


def send_until_arrived(service, url, deployment, model):
    predict(url)
    wait_until(lambda: (deployment, model) in predicted(service), SECONDS, f"a message of {deployment} arrives")


@test("a prediction is reported to the service with the token; each with its deployment and model")
def _():
    with monitored("mon") as (bench, service):
        bench.up()
        expect(bench.others() == ["agent", "rabbitmq", "traefik"], bench.containers())
        send_until_arrived(service, bench.start("d1", "A"), "d1", "A")
        send_until_arrived(service, bench.start("d2", "B"), "d2", "B")
        send_until_arrived(service, bench.replace("d1", "A", "C"), "d1", "C")
        expect({one["token"] for one in service.messages} == {TOKEN}, service.messages)
        expect(len(service.messages) == 3, "one message a prediction:", predicted(service))
        bench.act("pe_status").expect("passing")
        before = bench.state()
        bench.up()
        expect(bench.state() == before, "plugin_start disturbed what runs:", bench.state())


@test("predictions in the shared server are reported, too")
def _():
    with monitored("monshared") as (bench, service):
        bench.up()
        url = bench.start("d1", "A", info={"modelExecutionType": "shared"})
        answers(url, "A", "d1")
        wait_until(lambda: service.messages, SECONDS, "a message arrives")
        body = service.messages[0]["body"]
        expect((body["deploymentId"], body["model"]) == ("d1", "A"), body)


@test("the token is in no status, log, trace, message or label, and in no container but the agent's environment")
def _():
    with monitored("secret") as (bench, service):
        seen = []

        def run(action, info=None, **options):
            trace = bench.join(f"trace-{bench.runs}")
            args = ["--trace", trace, "--log-level", "trace", "--show-status"]
            done = bench.begin(action, info, args=args, **options).result()
            with open(trace, encoding="utf-8") as file:
                seen.extend([(action, text) for text in (done.stdout, done.stderr, done.text, file.read())])
            return done
        run("plugin_start")
        run("deployment_start", bench.deployment())
        run("deployment_replace_model", bench.replacement())
        run("pe_status", pe_info={"deployments": ["d1"]})
        run("deployment_status", bench.deployment("d1", "B"))
        run("deployment_list")
        run("plugin_start", private={"agentImage": "bosun-test/none:1"}).truthful("failing")
        for name in bench.containers():
            text = json.dumps(inspect(name))
            if name == bench.prefix + "agent":
                expect(text.count(TOKEN) == 1 and environment(name)["MLOPS_API_TOKEN"] == TOKEN, text)
            else:
                expect(TOKEN not in text, f"{name}: {text}")
        for name in bench.images():
            expect(TOKEN not in docker("image", "inspect", name) + docker("history", "--no-trunc", name), name)
        run("deployment_stop", bench.deployment("d1", "B"))
        run("plugin_stop")
        for action, text in seen:
            expect(TOKEN not in text, f"{action}: the token in", text)
        expect(len(seen) == 36, "runs:", len(seen))


@test("the agent gone: a warning, predictions go on, plugin_start brings it back and nothing is lost meanwhile")
def _():
    with monitored("agentgone") as (bench, service):
        bench.up()
        url = bench.start()
        send_until_arrived(service, url, "d1", "A")
        docker("rm", "-f", bench.prefix + "agent")
        bench.act("pe_status").expect("warning", "agent", "plugin_start")
        for _ in range(3):
            answers(url, "A")
        bench.up()
        wait_until(lambda: len(service.messages) >= 4, SECONDS, "the others arrive")
        bench.act("pe_status").expect("passing")
        docker("stop", "-t", "1", bench.prefix + "rabbitmq")
        bench.act("pe_status").expect("warning", "queue")
        answers(url, "A")
        bench.up()
        wait_until(lambda: len(service.messages) >= 5, SECONDS, "the last one arrives")


@test("RabbitMQ made anew with another port mapping keeps its messages; a changed service reaches the agent")
def _():
    with monitored("anew", status=500) as (bench, service):
        ports = [free_port(), free_port()]
        bench.up(private={"rabbitmqPortMapping": {5672: ports[0]}})
        url = bench.start()
        answers(url, "A")
        wait_until(lambda: service.messages, SECONDS, "the service refuses the message")
        before = inspect(bench.prefix + "rabbitmq")["Id"]
        with Predictions(url, rate=10) as sender:
            bench.up(private={"rabbitmqPortMapping": {5672: f"127.0.0.1:{ports[1]}"}})
            expect(not sender.stop().lost, "predictions lost while the queue was made anew")
        expect(inspect(bench.prefix + "rabbitmq")["Id"] != before, "the old container runs on")
        bound = inspect(bench.prefix + "rabbitmq")["HostConfig"]["PortBindings"]
        expect(bound == {"5672/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(ports[1])}]}, bound)
        service.messages.clear()
        service.status = 200
        wait_until(lambda: ("d1", "A") in predicted(service), SECONDS, "the message of before arrives")
        with Receiver() as other:
            bench.service, bench.more = other, {"mlopsApiToken": "another-token"}
            bench.up()
            wait_until(lambda: predict(url)[0] == 200 and other.messages, SECONDS, "the other service hears of it")
            expect(other.messages[0]["token"] == "another-token", other.messages[0])


@test("when nothing is deployed plugin_stop removes agent and queue, but not the messages that were not sent yet")
def _():
    with monitored("monstop") as (bench, _):
        bench.up()
        bench.start()
        bench.act("plugin_stop").expect("passing")
        expect(bench.others() == ["agent", "rabbitmq", "traefik"], bench.containers())
        bench.stop()
        bench.act("plugin_stop").expect("passing")
        expect(bench.leftovers() == [f"volume {bench.prefix}rabbitmq"], bench.leftovers())


@test("monitoring off: no queue, no agent, and no word of monitoring in the server's environment")
def _():
    for value in (None, False, "false", "False", ""):
        with Quick("off") as bench:
            config = {"mlopsUrl": "http://127.0.0.1:1", "mlopsApiToken": TOKEN}
            if value is not None:
                config["MLOPS_BOSUN_PRED_ENV_ENABLE_MONITORING"] = value
            bench.up(plugin_config=config, private={"agentImage": None})
            bench.start(plugin_config=config, private={"agentImage": None})
            expect(len(bench.containers()) == 2, value, bench.containers())
            found = environment(bench.servers()[0])
            monitoring = [name for name in found if "MONITORING" in name or "SPOOLER" in name or "RABBIT" in name]
            expect(monitoring == [] and found["MLOPS_DEPLOYMENT_ID"] == "d1", value, found)
            expect(TOKEN not in json.dumps(inspect(bench.servers()[0])), "the token in the server")


@test("what monitoring needs and does not have is said by plugin_start, before anything is changed")
def _():
    with monitored("needs") as (bench, _):
        bench.act("plugin_start", private={"agentImage": None}).expect("failing", "agentImage")
        bench.more = {"mlopsUrl": ""}
        bench.act("plugin_start").expect("failing", "mlopsUrl")
        expect(bench.leftovers() == [], bench.leftovers())
        bench.more = {"MLOPS_BOSUN_MONITORING_URL": "http://127.0.0.1:1", "mlopsUrl": ""}
        bench.up()
        expect(environment(bench.prefix + "agent")["MLOPS_SERVICE_URL"] == "http://127.0.0.1:1", "the service's URL")


@test("switched on and off again: the next start or relaunch of a deployment takes it over without a lost prediction")
def _():
    with Receiver() as service, Monitored("switch", service) as bench:
        off = {"MLOPS_BOSUN_PRED_ENV_ENABLE_MONITORING": False}
        bench.up(plugin_config=off)
        url = bench.start(plugin_config=off)
        with Predictions(url, rate=20) as sender:
            bench.up()
            url_of(bench.act("deployment_start", bench.deployment()))
            expect("PORTABLE_PREDICTION_API_MONITORING_ACTIVE" in environment(bench.servers()[0]), "monitored")
            wait_until(lambda: service.messages, SECONDS, "messages arrive")
            url_of(bench.act("deployment_relaunch", bench.deployment(), plugin_config=off))
            expect("PORTABLE_PREDICTION_API_MONITORING_ACTIVE" not in environment(bench.servers()[0]), "not monitored")
            report = sender.stop()
        expect(not report.lost and len(bench.servers()) == 1, report)


if __name__ == "__main__":
    main()

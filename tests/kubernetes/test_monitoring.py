"""Monitoring: predictions of a monitored environment end up at the service, by the real RabbitMQ and the monitoring agent of
the namespace, under the level restricted; the token is in one Secret and nowhere else."""
import json
import os
import subprocess

from support import INGRESS, REGISTRY, SECONDS, Scene, expect, main, predict, test, wait_until
from support.cluster import need_node
from receiver import Receiver

TOKEN = "the-token-that-nobody-may-see-5f3a"
HOST = INGRESS.split("/")[2].split(":")[0]
PRIVATE = {"imageBuilder": "registry", "drainTime": 2, "stopTimeout": 2, "ppsBaseImage": f"{REGISTRY}/pps-monitored:1",
           "agentImage": f"{REGISTRY}/monitoring-agent:1", "rabbitmqImage": f"{REGISTRY}/rabbitmq:1"}


class Monitored(Scene):
    """A scene whose prediction environment is monitored by `service`."""

    def __init__(self, name, service):
        need_node("a service on this machine")
        subprocess.run([os.path.join(os.path.dirname(os.path.abspath(__file__)), "images", "build"), "monitoring"],
                       check=True)
        super().__init__(name, level="restricted")
        self.more = {"MLOPS_BOSUN_PRED_ENV_ENABLE_MONITORING": True, "mlopsUrl": service.url(HOST),
                     "mlopsApiToken": TOKEN}

    def config(self):
        return {**super().config(), **PRIVATE}

    def begin(self, action, deployment_info=None, plugin_config=None, **options):
        return super().begin(action, deployment_info, plugin_config={**self.more, **(plugin_config or {})}, **options)


def predicted(service):
    return [(one["body"]["deploymentId"], one["body"]["modelId"]) for one in service.messages]


@test("a prediction is reported to the service with the token, which is in a Secret alone; a queue that is gone is a warning, and "
      "plugin_start brings it back; in the end nothing is left")
def _():
    with Receiver() as service, Monitored("monitored", service) as scene:
        scene.up()
        url = scene.start()
        scene.act("pe_status").expect("passing")
        for model in ("A", "B"):
            if model == "B":
                scene.replace()
            predict(url)
            wait_until(lambda model=model: ("d1", model) in predicted(service), SECONDS, f"a message of model {model}")
        expect({one["token"] for one in service.messages} == {TOKEN}, service.messages)
        for kind in ("deployments", "pods", "configmaps", "services", "ingresses"):
            expect(TOKEN not in json.dumps(scene.objects(kind)), f"the token is in one of the {kind}")
        before = {one["metadata"]["name"]: one["metadata"]["generation"] for one in scene.objects("deployments")}
        scene.up()
        after = {one["metadata"]["name"]: one["metadata"]["generation"] for one in scene.objects("deployments")}
        expect(before == after, "plugin_start disturbed what runs:", before, after)
        queue, = [name for name in scene.names("deployments") if "-queue-" in name]
        scene.cluster.delete("deployments", scene.namespace, queue)
        wait_until(lambda: queue not in scene.names("deployments"), SECONDS, "the queue is gone")
        scene.act("pe_status").expect("warning", "not monitored", "the queue does not exist")
        expect(predict(url)[0] == 200, "predictions are served without the queue")
        scene.up()
        scene.act("pe_status").expect("passing")
        scene.stop(model="B")
        scene.act("plugin_stop").expect("passing")
        wait_until(lambda: scene.leftovers() == [], SECONDS, f"nothing is left, but there is {scene.leftovers()}")


if __name__ == "__main__":
    main()

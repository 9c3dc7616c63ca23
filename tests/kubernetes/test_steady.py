"""Predictions at a steady rate through the published URL, on new and on kept connections, with slow ones under way,
while the agent replaces and relaunches, and while a node loses a server: none is lost but what that server was
answering, none is answered by a wrong model."""
import contextlib
import time

from support import SECONDS, Predictions, Scene, expect, main, predict, test, wait_until

# Of the traffic: name → how it is sent.
TRAFFIC = {"new connections": {"rate": 15}, "kept connections": {"rate": 15, "keep_alive": True, "senders": 3}}
# Slower than most of what happens around them.
SLOW = ["predict-delay: 0.4"]
BUILDERS = ("registry", "kaniko")


class Steady:
    """The traffic to a URL, and what was to answer it when: see `during`."""

    def __init__(self, url, model):
        self.senders = {name: Predictions(url, **how) for name, how in TRAFFIC.items()}
        self.spans, self.kills, self.model, self.since = [], [], model, 0

    def __enter__(self):
        for sender in self.senders.values():
            sender.__enter__()
        self.answered(3)
        return self

    def answered(self, count, model=None):
        """Waits for so many answers to each kind of traffic."""
        for name, sender in self.senders.items():
            had = sender.answered(model)
            wait_until(lambda s=sender, h=had: s.answered(model) >= h + count, SECONDS, f"answers on {name}")

    @contextlib.contextmanager
    def during(self, model=None, kills=False):
        """Around an action: until it ends, the model before may answer and this one, from then on this one alone.
        `kills`: what a server was answering when it was killed may be lost; nobody knows whether it may be repeated."""
        begun = time.monotonic()
        yield
        if kills:
            self.kills.append((begun, time.monotonic()))
        if model:
            self.spans += [(self.since, begun, {self.model}), (begun, time.monotonic(), {self.model, model})]
            self.model, self.since = model, time.monotonic()
        self.answered(2, self.model)

    def __exit__(self, kind, *_):
        reports = {name: sender.stop() for name, sender in self.senders.items()}
        if kind is not None:
            return
        self.spans.append((self.since, float("inf"), {self.model}))
        for name, report in reports.items():
            lost = [one for one in report.lost if not any(begin <= one.time < end for begin, end in self.kills)]
            in_hand = len(self.kills) * TRAFFIC[name].get("senders", 1)
            expect(not lost and len(report.lost) <= in_hand, f"lost on {name}:", report)
            for begin, end, models in self.spans:
                wrong = [one for one in report.predictions if begin <= one.time < end and one.model not in models]
                expect(not wrong, f"on {name}, not one of {models}:", [(one, one.time - begin) for one in wrong[:5]],
                       report)


@test("ten replacements by both builders, and a relaunch: no prediction is lost or answered by a wrong model")
def _():
    with Scene("steady") as scene:
        scene.up()
        url = scene.start("d1", "m0", SLOW)
        with Steady(url, "m0") as steady:
            for number in range(1, 11):
                builder = BUILDERS[number % 4 == 0]
                with steady.during(f"m{number}"):
                    again = scene.replace("d1", f"m{number - 1}", f"m{number}", SLOW, private={"imageBuilder": builder})
                    expect(again == url, again)
            with steady.during():
                scene.act("deployment_relaunch", scene.deployment("d1", "m10", SLOW)).expect("passing")
            expect(scene.statuses("d1")["d1"]["state"] == "ready", scene.statuses("d1"))
        scene.stop("d1", "m10")
        expect(predict(url)[0] == 404, predict(url))
        scene.clear()


def are_ready(scene, count):
    """So many servers are ready, and no other is there."""
    states = [all(container["ready"] for container in pod["status"].get("containerStatuses") or [{"ready": False}])
              for pod in scene.servers()]
    return states == [True] * count


@test("a pod is removed, and a node loses one of two servers: no prediction is lost but what that one was answering")
def _():
    with Scene("kill") as scene:
        private = {"replicas": 2, "imageBuilder": "registry"}
        url = scene.start("d1", "A", private=private)
        expect(are_ready(scene, 2), scene.servers())
        with Steady(url, "A") as steady:
            with steady.during():
                pod = scene.servers()[0]
                scene.cluster.delete("pods", scene.namespace, pod["metadata"]["name"])
                wait_until(lambda: are_ready(scene, 2), SECONDS, "two pods are ready")
            with steady.during(kills=True):
                scene.kill_server(scene.servers()[0])
                wait_until(lambda: any(p["status"]["containerStatuses"][0]["restartCount"] for p in scene.servers()),
                           SECONDS, "the container was restarted")
        scene.stop("d1", "A", private=private)


main()

"""What the tests of the kubernetes plugin have in common: a bench whose waits are short, an action in a word, what the
cluster has of it, and actions that are killed at one of their requests."""
import interruptions
from interruptions import steps
from predictions import SECONDS, answers, predict
from tap import expect, wait_until

from .bench import Bench
from .cluster import Middleman

QUICK = {"startTimeout": "60s", "buildTimeout": "60s", "schedulingTimeout": "3s", "drainTime": "2s", "stopTimeout": "5s",
         "minReadySeconds": 0}


class Scene(Bench):
    """A bench that may be used by several threads, each with deployments of its own."""

    def config(self):
        return {**super().config(), **QUICK}

    # ---- actions ---------------------------------------------------------------------------------------------------

    def up(self, **options):
        """plugin_start, which has to pass."""
        return self.act("plugin_start", **options).expect("passing")

    def start(self, deployment="d1", model="A", directives=(), info=None, **options):
        """deployment_start, which has to pass; returns the prediction URL."""
        given = self.deployment(deployment, model, directives, **(info or {}))
        return url_of(self.act("deployment_start", given, **options))

    def replace(self, deployment="d1", old="A", new="B", directives=(), info=None, **options):
        """deployment_replace_model, which has to pass; returns the prediction URL."""
        given = self.replacement(deployment, old, new, directives, **(info or {}))
        return url_of(self.act("deployment_replace_model", given, **options))

    def stop(self, deployment="d1", model="A", info=None, **options):
        """deployment_stop, which has to pass."""
        done = self.act("deployment_stop", self.deployment(deployment, model, **(info or {})), **options)
        expect(done.expect("passing").state == "stopped", done)
        return done

    def listed(self, **options):
        """What deployment_list says: id → deployment info."""
        return self.act("deployment_list", **options).expect("passing").data

    def statuses(self, *ids, status="passing", **options):
        """What pe_status says of these deployments: id → status."""
        done = self.act("pe_status", pe_info={"deployments": list(ids)}, **options).expect(status)
        expect(set(done.data["deploymentsStatus"]) == set(ids), done)
        return done.data["deploymentsStatus"]

    # ---- the cluster -----------------------------------------------------------------------------------------------

    def serves(self, url, deployment, model):
        """The model answers for the deployment."""
        wait_until(lambda: predict(url)[0] == 200, SECONDS, f"{url} answers")
        answers(url, model, deployment)

    def servers(self):
        """The pods of deployments that are not ending."""
        return [pod for pod in self.objects("pods") if not pod["metadata"].get("deletionTimestamp")
                and any(owner["kind"] == "ReplicaSet" for owner in pod["metadata"].get("ownerReferences", []))]

    def clear(self):
        """After everything was stopped: the namespace is as it was."""
        self.act("plugin_stop").expect("passing")
        wait_until(lambda: self.leftovers() == [], SECONDS, f"nothing is left, but there is {self.leftovers()}")


class Quick(Scene):
    """A scene without the builder in the cluster: the plugin makes images itself, which is quicker."""

    def config(self):
        return {**super().config(), "imageBuilder": "registry"}


def url_of(done):
    """The prediction URL of a start or replacement, which passed and left the deployment ready."""
    done.expect("passing")
    expect(done.state == "ready" and done.data["predictionUrl"], done)
    return done.data["predictionUrl"]


def undisturbed(scene, action, info, **options):
    """The steps of an action that passes."""
    with Middleman(scene.cluster) as middle:
        scene.act(action, info, private={"server": middle.url}, **options).expect("passing")
        return steps(middle.requests)


def kill_at(scene, case, action, info, **options):
    """Runs an action that is ended by kill -9, with its processes, at a step."""
    middle = Middleman(scene.cluster)
    interruptions.kill_at(middle, case, lambda: scene.begin(action, info, private={"server": middle.url}, **options))

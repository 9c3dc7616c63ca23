"""What the tests of the plugin's right behaviour have in common: a bench whose waits are short, an action in a word,
and what the engine has of it."""
from predictions import SECONDS, answers, gone
from tap import expect

from .bench import Bench
from .engine import inspect

__all__ = ["QUICK", "Quick", "SECONDS", "answers", "environment", "gone", "url_of"]
QUICK = {"healthInterval": "1s", "drainTime": "0.5s", "stopTimeout": "2s", "startTimeout": "60s"}


class Quick(Bench):
    """A bench whose private config has short times."""

    def private(self, **changes):
        return super().private(**{**QUICK, **changes})

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

    # ---- the engine ------------------------------------------------------------------------------------------------

    def servers(self):
        """Names of the containers that belong to deployments."""
        return [name for name in self.containers() if name.startswith(self.prefix + "deployment_")]

    def images(self):
        """Names, or ids where there is none, of the images that belong to this bench."""
        return [item.split()[1] for item in self.leftovers() if item.startswith("image ")]

    def state(self):
        """All that an action could change: containers with their ids, starts and names, images, volumes."""
        return {"containers": {name: (inspect(name)["Id"], inspect(name)["State"]["StartedAt"])
                               for name in self.containers()}, "all": self.leftovers()}


def url_of(done):
    """The prediction URL of a start or replacement, which passed and left the deployment ready."""
    done.expect("passing")
    expect(done.state == "ready" and done.data["predictionUrl"].endswith("/predict"), done)
    return done.data["predictionUrl"]


def environment(container):
    """The environment that a container was created with."""
    return dict(entry.split("=", 1) for entry in inspect(container)["Config"]["Env"])

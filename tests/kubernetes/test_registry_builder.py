"""imageBuilder: registry: the plugin adds the model to the base image over the registries' API, with the credentials that
the namespace has. The registry with a password is a real one."""
import json

from support import Scene, expect, main, test
from support.cluster import PASSWORD, PRIVATE_REGISTRY, REGISTRY, USER

WRONG = "wrong-password-of-the-registry"


class Private(Scene):
    """A scene whose images go to the registry with a password."""

    def __init__(self, name):
        super().__init__(name)
        self.repository = f"{PRIVATE_REGISTRY}/{self.namespace}"

    def config(self):
        return {**super().config(), "imageBuilder": "registry", "insecureRegistries": [REGISTRY, PRIVATE_REGISTRY],
                "imagePullSecrets": ["pull"]}

    def secret(self, name, password=PASSWORD):
        self.kubectl("create", "secret", "docker-registry", name, f"--docker-server={PRIVATE_REGISTRY}",
                     f"--docker-username={USER}", f"--docker-password={password}")


def keeps_secret(done, *secrets):
    for secret in secrets:
        expect(secret not in done.msg and secret not in done.stderr, "the password is told:", done, done.stderr)
    return done


@test("the Secret of kanikoSecretName pushes, the pull Secret pulls; no builder runs; nothing is left after a stop")
def _():
    with Private("push") as scene:
        scene.secret("push")
        scene.secret("pull")
        private = {"kanikoSecretName": "push"}
        scene.up(private=private)
        url = scene.start("d1", "A", private=private)
        scene.serves(url, "d1", "A")
        expect(scene.objects("jobs") == [], "a builder runs", scene.names("jobs"))
        image = scene.objects("deployments")[0]["spec"]["template"]["spec"]["containers"][0]["image"]
        expect(image.startswith(scene.repository + "@sha256:"), image)
        again = scene.act("deployment_start", scene.deployment("d1", "A"), private=private, args=("--dry-run",))
        expect(not again.expect("passing").data.get("plan"), "the same again changes something", again)
        scene.replace("d1", "A", "B", private=private)
        scene.serves(url, "d1", "B")
        scene.stop("d1", "B", private=private)


@test("credentials from a ConfigMap; a wrong password, a missing Secret: failing, with whose it was, and no password")
def _():
    with Private("refused") as scene:
        scene.secret("pull", WRONG)
        scene.secret("push", WRONG)
        done = scene.act("plugin_start", private={"kanikoSecretName": "push"})
        keeps_secret(done.expect("failing", scene.repository, "the Secret push"), WRONG)
        done = scene.act("deployment_start", scene.deployment("d1", "A"), private={"kanikoSecretName": "push"})
        keeps_secret(done.expect("failing", PRIVATE_REGISTRY, "UNAUTHORIZED", "the Secret push"), WRONG)
        done = scene.act("deployment_start", scene.deployment("d1", "A"), private={"kanikoSecretName": "missing"})
        done.expect("failing", "kanikoSecretName", "missing")
        expect(scene.objects("deployments") == [], scene.leftovers())
        scene.write("config.json", json.dumps({"auths": {PRIVATE_REGISTRY: {"username": USER, "password": PASSWORD}}}))
        scene.kubectl("create", "configmap", "push-config", f"--from-file={scene.join('config.json')}")
        scene.kubectl("delete", "secret", "pull")
        scene.secret("pull")
        private = {"kanikoConfigmapName": "push-config"}
        scene.up(private=private)
        scene.serves(scene.start("d1", "A", private=private), "d1", "A")
        scene.stop("d1", "A", private=private)


if __name__ == "__main__":
    main()

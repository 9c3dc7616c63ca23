"""How many pods a deployment has: replicas, a number of its own, an autoscaler that takes over and gives back."""
from support import SECONDS, Scene, Watched, expect, main, test, wait_until

FAST = {"imageBuilder": "registry", "drainTime": 2, "stopTimeout": 2, "minReadySeconds": 0,
        "resources": {"requests": {"cpu": "10m"}}}
SCALED = {**FAST, "autoscaler": {"minimum": 2, "maximum": 3}, "podDisruptionBudget": {"minAvailable": 1}}


def wanted(scene):
    return scene.objects("deployments")[0]["spec"]["replicas"]


def ready(scene):
    return scene.objects("deployments")[0]["status"].get("readyReplicas", 0)


@test("an autoscaler takes over from replicas without a pod less, and gives back; a deployment may have its own number")
def _():
    with Scene("scaling", level="restricted") as scene:
        url = scene.start(private={**FAST, "replicas": 2})
        expect(wanted(scene) == 2, scene.objects("deployments"))
        with Watched(url, "A"):
            scene.start(private=SCALED)
            wait_until(lambda: ready(scene) == 2, SECONDS, "two pods are ready")
            autoscaler, = scene.objects("horizontalpodautoscalers")
            expect((autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]) == (2, 3), autoscaler)
            expect(wanted(scene) == 2, "the autoscaler took over with", wanted(scene))
            scene.start(private=SCALED, info={"keyValueConfig": {"replicas": "3"}})
            expect(wanted(scene) == 3 and scene.objects("horizontalpodautoscalers") == [], scene.names("deployments"))
            scene.start(private=FAST)
            expect(wanted(scene) == 1 and scene.objects("poddisruptionbudgets") == [], scene.names("deployments"))
        scene.stop(private=FAST)


@test("a pod under a budget is not evicted while it is the last one")
def _():
    with Scene("budget") as scene:
        scene.start(private={**FAST, "podDisruptionBudget": {"minAvailable": 1}})
        pod, = scene.servers()
        name, namespace = pod["metadata"]["name"], scene.namespace
        wait_until(lambda: scene.objects("poddisruptionbudgets")[0].get("status", {}).get("expectedPods") == 1, SECONDS,
                   "the budget knows its pod")
        status, answer = scene.cluster.request("POST", f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", {
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}})
        expect(status == 429, status, answer)


if __name__ == "__main__":
    main()

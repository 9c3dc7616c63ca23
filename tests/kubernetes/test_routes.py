"""Prediction URLs: whichever controller routes them, whatever the prefix is, by the deployment's id and by the model's.
What is served at a URL that was reported is the deployment's model, and nothing else is left behind."""
from support import Scene, answers, expect, gone, main, test

FAST = {"imageBuilder": "registry", "drainTime": 2, "stopTimeout": 2, "minReadySeconds": 0}
WAYS = {
    "traefik": {"ingressClass": "traefik"}, "ingress-nginx": {"ingressClass": "nginx"},
    "Gateway": {"gateway": {"name": "web", "namespace": "kube-system"}},
}


def model_url(url, deployment, model):
    return url.replace(f"/{deployment}/", f"/{model}/")


@test("traefik, the annotations of ingress-nginx and a Gateway: both URLs work, and go with the deployment; a start under "
      "another one of them changes over")
def _():
    with Scene("ways", level="restricted") as scene:
        for private in WAYS.values():
            url = scene.start(private={**FAST, **private, "proof": "url"})
            for one in (url, model_url(url, "d1", "A")):
                scene.serves(one, "d1", "A")
        expect(scene.names("ingresses") == [], scene.names("ingresses"))
        expect(len(scene.names("httproutes")) == 2, scene.names("httproutes"))
        url = scene.replace(private={**FAST, **private})
        answers(url, "B", "d1")
        scene.serves(model_url(url, "d1", "B"), "d1", "B")
        gone(model_url(url, "d1", "A"))
        scene.stop(private={**FAST, **private})
        gone(url)
        scene.clear()


@test("a prefix that gains, changes or loses a path: the next start makes the URL that it reports work, and the former one "
      "is gone")
def _():
    with Scene("prefix") as scene:
        former = None
        for path in ("", "/models", "/other/deep~1.x/"):
            url = scene.start(private={**FAST, "outfacingPredictionURLPrefix": scene.url + path})
            expect(url == (scene.url + path).rstrip("/") + "/d1/predict", url)
            scene.serves(url, "d1", "A")
            if former:
                gone(former)
            former = url


@test("two deployments of one model: its URL stays until the last one goes")
def _():
    with Scene("model") as scene:
        urls = {id: scene.start(id, private=FAST) for id in ("d1", "d2")}
        both = model_url(urls["d1"], "d1", "A")
        scene.stop("d1", private=FAST)
        gone(urls["d1"])
        scene.serves(both, "d2", "A")
        scene.stop("d2", private=FAST)
        gone(both)
        scene.clear()


@test("a model with the id of a deployment: the URL is the deployment's, whichever came first")
def _():
    with Scene("same") as scene:
        first = scene.start("A", "B", private=FAST)
        scene.start("d1", "A", private=FAST)
        scene.serves(first, "A", "B")
        scene.stop("A", "B", private=FAST)
        other = scene.start("d2", "C", private=FAST)
        scene.serves(model_url(other, "d2", "C"), "d2", "C")
        taken = scene.start("C", "D", private=FAST)
        expect(taken == model_url(other, "d2", "C"), taken)
        scene.serves(taken, "C", "D")


@test("hostile ids: each has a URL of its own, and it works")
def _():
    with Scene("hostile") as scene:
        urls = set()
        for deployment in ("a/b", "a-b", "A.b", "ü b", "../x", "x" * 150):
            url = scene.start(deployment, private=FAST)
            scene.serves(url, deployment, "A")
            urls.add(url)
        expect(len(urls) == 6, urls)
        listed = scene.listed(private=FAST)
        expect(set(listed) == {"a/b", "a-b", "A.b", "ü b", "../x", "x" * 150}, listed)


if __name__ == "__main__":
    main()

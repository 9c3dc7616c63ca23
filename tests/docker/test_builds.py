"""What the plugin sends to the engine where engines differ: seen by somebody in the middle."""
import json

from support import SOCKET, Middleman, docker, expect, main, test
from support.quick import Quick, answers
from support.servers import Front

LOST = 'unable to find image "sha256:0123456789ab"'


def refusal(text):
    line = json.dumps({"errorDetail": {"message": text}, "error": text}) + "\n"
    return 200, {"Content-Type": "application/json"}, line


@test("a build that loses an image of the cache to somebody's removal is done once more without the cache")
def _():
    with Quick("lost") as bench, Middleman() as middle:
        bench.up()
        options = {"env": {"DOCKER_HOST": middle.host}, "private": {"dockerSocket": SOCKET}}
        middle.at("^POST /build", answer=refusal(LOST))
        bench.act("deployment_start", bench.deployment(), **options).expect("passing")
        answers(bench.url + "/d1/predict", "A")
        builds = [request for request in middle.requests if request.startswith("POST /build")]
        expect(len(builds) == 2 and ["nocache" in request for request in builds] == [False, True], builds)
        # Not for ever, and not for other failures.
        for text, times in ((LOST, 2), ("COPY failed: no space left on device", 1)):
            middle.clear()
            middle.at("^POST /build", answer=refusal(text), times=5)
            done = bench.act("deployment_replace_model", bench.replacement(), **options).expect("failing", text)
            expect(done.data == {"oldModelInUse": True}, done)
            expect(middle.count("^POST /build") == times, middle.requests)


@test("API 1.44: the health check's interval counts from the beginning; older engines are not sent what they do not know")
def _():
    for newest, sent in (("1.44", True), ("1.51", True), (None, False)):
        with Quick("interval") as bench, Middleman() as middle, \
                Front(middle.host[len("unix://"):], api=(newest, "1.44")) as front:
            bodies = []
            middle.at("^POST /containers/create", takes=bodies.append, times=9)
            host = front.host if newest else middle.host  # the engine's own is 1.41, or what it says
            sent = sent or docker("version", "-f", "{{ge .Server.APIVersion \"1.44\"}}") == "true"
            options = {"env": {"DOCKER_HOST": host}, "private": {"dockerSocket": SOCKET, "healthInterval": "2s"}}
            bench.act("deployment_start", bench.deployment(), **options).expect("passing")
            checks = [json.loads(body).get("Healthcheck") for body in bodies]
            check, = [one for one in checks if one]
            expect(check["Interval"] == 2_000_000_000, check)
            expect(check.get("StartInterval") == (2_000_000_000 if sent else None), newest, check)


if __name__ == "__main__":
    main()

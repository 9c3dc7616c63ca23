"""A replacement has to see that the proxy took up the new container. Here the plugin gets at the proxy's API neither by a
published port nor by the container's address: the engine counts as another machine's, reached by TCP."""
from support import SOCKET, Bench, Middleman, Predictions, docker, expect, main, test

QUICK = {"healthInterval": "1s", "drainTime": "1s", "stopTimeout": "2s", "dockerSocket": SOCKET}


def replaced(bench, man, **private):
    """Starts A, replaces it by B under steady predictions; the replacement's outcome."""
    private = {**QUICK, "traefikPortMapping": {80: bench.ports[80]}, **private}
    env = {"DOCKER_HOST": man.host}
    bench.act("plugin_start", private=private, env=env).expect("passing")
    started = bench.act("deployment_start", bench.deployment(), private=private, env=env).expect("passing")
    with Predictions(started.data["predictionUrl"], rate=20) as predictions:
        done = bench.act("deployment_replace_model", bench.replacement(), private=private, env=env).expect("passing")
        report = predictions.stop()
    expect(not report.lost and report.order == ["A", "B"], report)
    return done


@test("without a way to the proxy's API it is asked inside its container, and no prediction is lost")
def _():
    with Bench("inside") as bench, Middleman(tcp=True) as man:
        done = replaced(bench, man)
        expect(man.count("^POST /containers/.*/exec$") > 0, "nobody asked inside the container:", man.requests)
        expect("not reachable" not in done.stderr, done.stderr)


@test("when that is not possible either, the proxy is given time, and the log says so")
def _():
    with Bench("blind") as bench, Middleman(tcp=True) as man:
        folder = bench.write("image/Dockerfile", "FROM bosun-test/proxy:2.3.3\nRUN rm -f /usr/bin/wget\n").rsplit("/", 1)[0]
        image = bench.prefix + "proxy:2.3.3"
        docker("build", "-q", "--label", f"bosun.prefix={bench.prefix}", "-t", image, folder)
        done = replaced(bench, man, traefikImage=image)
        expect("the proxy's API is not reachable from here" in done.stderr, done.stderr)


if __name__ == "__main__":
    main()

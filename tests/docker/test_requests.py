"""How many requests an action makes: listing and looking at the environment must not cost more with more
deployments."""
import math

from support import SOCKET, Middleman, docker, expect, main, test
from support.quick import Quick

MANY = 12


def counted(bench, action, status=None, **options):
    """(number of the engine's requests, outcome) of an action."""
    with Middleman() as middle:
        done = bench.act(action, env={"DOCKER_HOST": middle.host}, **options)
        expect(status is None or done.status == status, done)
        return middle.count(), done


def fill(bench, first, count, **info):
    for at in range(first, count, 4):
        running = [bench.begin("deployment_start", bench.deployment(f"d{number}", "m", **info))
                   for number in range(at, min(at + 4, count))]
        for one in running:
            one.finish().expect("passing")


def costs(bench, count):
    """Requests of deployment_list, and of pe_status with all deployments."""
    ids = [f"d{number}" for number in range(count)]
    listing, listed = counted(bench, "deployment_list", "passing")
    looking, seen = counted(bench, "pe_status", "passing", pe_info={"deployments": ids})
    expect(set(listed.data) == set(ids) == set(seen.data["deploymentsStatus"]), listed, seen)
    return listing, looking, seen.data["deploymentsStatus"]


@test("deployment_list and pe_status ask the engine as often for twelve deployments as for one")
def _():
    with Quick("count") as bench:
        bench.up()
        fill(bench, 0, 1)
        one = costs(bench, 1)
        fill(bench, 1, MANY)
        many = costs(bench, MANY)
        expect(one[:2] == many[:2], "requests for one:", one[:2], "for twelve:", many[:2])
        expect({status["status"] for status in many[2].values()} == {"passing"}, many[2])
        status, _ = counted(bench, "deployment_status", "passing", deployment_info=bench.deployment("d0", "m"))
        expect(status <= one[1], "deployment_status:", status, "pe_status of one:", one[1])
        broken(bench)


def broken(bench):
    """pe_status of many that are not well: each is told as failing, and the number of requests stays bounded."""
    names = bench.servers()
    docker("stop", "-t", "1", *names[:8])
    eight = costs(bench, MANY)
    docker("stop", "-t", "1", *names[8:])
    twelve = costs(bench, MANY)
    expect(eight[:2] == twelve[:2], "requests with eight broken:", eight[:2], "with twelve:", twelve[:2])
    expect([one["status"] for one in twelve[2].values()] == ["failing"] * MANY, twelve[2])
    expect(all(one["state"] in ("errored", "stopped") and one["msg"] for one in twelve[2].values()), twelve[2])


@test("the same for deployments in the shared server")
def _():
    with Quick("countshared") as bench:
        bench.up()
        fill(bench, 0, 1, modelExecutionType="shared")
        one = costs(bench, 1)
        fill(bench, 1, MANY, modelExecutionType="shared")
        many = costs(bench, MANY)
        expect(one[:2] == many[:2], "requests for one:", one[:2], "for twelve:", many[:2])
        docker("exec", bench.prefix + "shared_server", "sh", "-c", "rm -r /opt/ml/model/*")
        lost = costs(bench, MANY)
        expect(lost[:2] == one[:2], "requests with all lost:", lost[:2], "for one:", one[:2])
        expect([status["status"] for status in lost[2].values()] == ["failing"] * MANY, lost[2])


@test("a start that has nothing to do, and a stop, cost a handful of requests; reading changes nothing")
def _():
    with Quick("handful") as bench:
        bench.up()
        bench.start()
        with Middleman() as middle:
            reading = {"env": {"DOCKER_HOST": middle.host}, "private": {"dockerSocket": SOCKET}}
            bench.act("deployment_list", **reading).expect("passing")
            bench.act("pe_status", pe_info={"deployments": ["d1"]}, **reading).expect("passing")
            bench.act("deployment_status", bench.deployment(), **reading).expect("passing")
            expect(middle.count("^(?!GET )") == 0, middle.requests)
            middle.clear()
            bench.act("deployment_start", bench.deployment(), **reading).expect("passing", "already")
            expect(middle.count() <= 20, middle.count(), middle.requests)
            middle.clear()
            middle.at("^GET /version", times=math.inf)
            bench.act("deployment_stop", bench.deployment(), **reading).expect("passing")
            expect(middle.count() <= 20, middle.count(), middle.requests)


if __name__ == "__main__":
    main()

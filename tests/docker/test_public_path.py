"""The path of outfacingPredictionURLPrefix: the URL that a start reports is answered, whatever the path is, or the path
is refused."""
from support import expect, main, test
from support.quick import Quick, answers, url_of
from support.trouble import Watched


@test("a prefix that gains, changes or loses a path: the next start makes the URL that it reports work")
def _():
    with Quick("gains") as bench:
        bench.up()
        with Watched(bench.start(), "A"):
            for path in ("/models", "/other/deep", "/a%20b", "/caf%C3%A9/", "/x~y;z=1", ""):
                private = {"outfacingPredictionURLPrefix": bench.url + path}
                done = bench.act("deployment_start", bench.deployment(), private=private).expect("passing")
                expect("already" not in done.msg and len(bench.servers()) == 1, path, done)
                url = url_of(done)
                expect(url == bench.url + path.rstrip("/") + "/d1/predict", url)
                answers(url, "A", "d1")
                bench.act("deployment_start", bench.deployment(), private=private).expect("passing", "already")
        shared = {"modelExecutionType": "shared"}
        bench.start(info=shared)
        private = {"outfacingPredictionURLPrefix": bench.url + "/shared"}
        answers(bench.start(info=shared, private=private), "A", "d1")


@test("paths that a client or the proxy would take for another one are refused, by their key, before anything happens")
def _():
    with Quick("hostile") as bench:
        bench.up()
        before = bench.state()
        for path in ("/a//b", "/../x", "/a/..", "/./a", "/%2e%2e/a", "/a%2Fb", "/{x}", "/%7Bx:.*%7D", "/a`b", "/a%60)",
                     "/%22", "/%5C", "/a%0Ab", "/%", "/%zz", "/%ff", "/a?b=c", "/a#b", "?x", "#"):
            private = {"outfacingPredictionURLPrefix": bench.url + path}
            for action, info in (("plugin_start", None), ("deployment_start", bench.deployment())):
                done = bench.act(action, info, private=private).expect("failing", "outfacingPredictionURLPrefix")
                expect(bench.state() == before, path, done)


if __name__ == "__main__":
    main()

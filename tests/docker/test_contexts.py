"""Contexts, as the docker program makes them: the plugin goes to the engine that the program would go to."""
import json
import os
import subprocess


from support import HOST, SOCKET, Middleman, expect, main, need_local, test
from support.quick import Quick
from support.tls import Certificates, front


class Client:
    """The docker program with a folder of its own."""

    def __init__(self, bench):
        self.folder = bench.join("client")
        os.makedirs(self.folder, exist_ok=True)
        self.env = {"DOCKER_HOST": "", "DOCKER_CONFIG": self.folder}

    def __call__(self, *words, **env):
        done = subprocess.run(["docker", *words], env={**os.environ, **self.env, **env}, capture_output=True,
                              check=False, timeout=60)
        expect(done.returncode == 0, words, done.stderr)
        return done.stdout.decode().strip()

    def create(self, name, host, *options):
        self("context", "create", name, "--docker", ",".join([f"host={host}", *options]))


@test("the current context, DOCKER_CONTEXT and DOCKER_HOST: the same engine as the docker program's")
def _():
    with Quick("context") as bench, Middleman() as current, Middleman() as named, Middleman() as variable:
        client = Client(bench)
        client.create("current", current.host)
        client.create("named.one_x", named.host)
        client("context", "use", "current")

        def asked(**env):
            """Which of the engines the plugin and the program asked."""
            found = []
            for ask in (lambda: bench.act("pe_status", env={**client.env, **env}), lambda: client("version", **env)):
                for middle in (current, named, variable):
                    middle.clear()
                ask()
                found.append([name for name, middle in (("current", current), ("named", named), ("variable", variable))
                              if middle.count()])
            expect(found[0] == found[1], "the plugin asked", found[0], "and the program", found[1])
            return found[0]
        expect(asked() == ["current"], "currentContext")
        expect(asked(DOCKER_CONTEXT="named.one_x") == ["named"], "DOCKER_CONTEXT")
        expect(asked(DOCKER_CONTEXT="named.one_x", DOCKER_HOST=variable.host) == ["variable"], "DOCKER_HOST")
        variable.clear()
        bench.act("pe_status", env=client.env, private={"dockerHost": variable.host})
        expect(variable.count() > 0 and current.count() == 0, "dockerHost")


@test("a deployment lives on the engine of a context with TLS; without its files nothing is done")
def _():
    need_local("a front with TLS")
    with Quick("contexttls") as bench:
        os.makedirs(bench.join("pki"))
        certificates = Certificates(bench.join("pki"))
        certificates.authority("ca")
        certificates.issue("me")
        client = Client(bench)
        options = f"ca-file {certificates.path('ca.crt')} verify required"
        with front(certificates, "server", options) as server:
            folder = certificates.client("me", cert="me", key="me")
            files = [f"{key}={os.path.join(folder, key)}.pem" for key in ("ca", "cert", "key")]
            client.create("secure", server.host, *files)
            client.create("bare", server.host)
            settings = {"env": {**client.env, "DOCKER_CONTEXT": "secure"}, "private": {"dockerSocket": SOCKET}}
            bench.act("plugin_start", **settings).expect("passing", server.host)
            bench.act("deployment_start", bench.deployment(), **settings).expect("passing")
            bench.act("deployment_stop", bench.deployment(), **settings).expect("passing")
            bench.act("plugin_stop", **settings).expect("passing")
            bare = {"env": {**client.env, "DOCKER_CONTEXT": "bare"}}
            done = bench.act("plugin_start", **bare).expect("failing")
            expect("PRIVATE KEY" not in done.msg + done.stderr, done)
        expect(bench.leftovers() == [], bench.leftovers())


@test("a context that is not there, is broken, or is behind SSH: the message names it, and no other engine is asked")
def _():
    with Quick("nocontext") as bench:
        client = Client(bench)

        def failing(*words, **env):
            done = bench.act("plugin_start", env={**client.env, **env}).expect("failing", *words)
            expect(bench.containers() == [], done)
        failing('context "gone"', "DOCKER_CONTEXT", "docker context ls", DOCKER_CONTEXT="gone")
        client.create("far", "ssh://me@server")
        failing('context "far"', "ssh -nNT", DOCKER_CONTEXT="far")
        client("context", "use", "far")
        failing('context "far"', "me@server")
        config = os.path.join(client.folder, "config.json")
        for text, words in ((json.dumps({"currentContext": "gone"}), ('context "gone"', config)),
                            ("{", (config,)), ('"x"', (config, "JSON object"))):
            with open(config, "w", encoding="utf-8") as file:
                file.write(text)
            failing(*words)
        for text in ("", '{"currentContext": "default"}', '{"currentContext": ""}', "{}"):
            with open(config, "w", encoding="utf-8") as file:
                file.write(text)
            # The default context: what the environment says.
            bench.act("pe_status", env={**client.env, "DOCKER_HOST": HOST}).expect("failing", "plugin_start")


if __name__ == "__main__":
    main()

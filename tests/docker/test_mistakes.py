"""Settings that the engine would take for something else, or that could never work: refused by `bosun validate`, before
anything is asked or made, with the line of the config. And their neighbours, which are right."""
import os
import subprocess

from support import docker, expect, inspect, main, test
from support.quick import Quick, answers

BOSUN = os.path.join(os.environ["BOSUN_BUILD"], "bosun")
PLAIN = "dockerNetwork: net\nppsBaseImage: pps\noutfacingPredictionURLPrefix: http://h\n"


def validated(bench, text):
    """(exit status, what it says) of `bosun validate` for this private config."""
    others = [line for line in PLAIN.splitlines() if line.split(":")[0] not in text]
    path = bench.write("validated.yaml", "\n".join([text, *others]) + "\n")
    done = subprocess.run([BOSUN, "validate", "--plugin", "docker", "--private-config", path], capture_output=True,
                          check=False, timeout=60)
    return done.returncode, (done.stdout + done.stderr).decode()


def refused(bench, text, *words):
    code, said = validated(bench, text)
    expect(code != 0 and "validated.yaml:1:" in said, text, said)
    for word in words:
        expect(word in said, f"no {word!r} for", text, said)


def taken(bench, text):
    code, said = validated(bench, text)
    expect(code == 0, text, said)


@test("an address that is none is refused: the engine would publish the port to everyone")
def _():
    with Quick("address") as bench:
        for bad in ("127.0.0.01:81", "127.0.0.256:81", "127.0.0:81", "127.0.0.1.1:81", "1270.0.1:81", "localhost:81",
                    ":81", "[127.0.0.1]:81", "[::1::]:81", "[12345::]:81", "[1:2:3:4:5:6:7:8:9]:81", "[:1]:81", "[]:81",
                    "::1:81", "[fe80::1%eth0]:81", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
                    "127.0.0.1:8 1", " 81", "81 ", "0x51", "", "127.0.0.1:81/udp", "127.0.0.1:81-82"):
            for key in ("traefikPortMapping", "rabbitmqPortMapping"):
                refused(bench, f'{key}: {{80: "{bad}"}}', f"{key}.80", "a host port, or")
            refused(bench, f'sharedServerPort: "{bad}"', "sharedServerPort")
        for bad in ("81.5", "true", "[81]", "0", "65536", "-1"):
            refused(bench, f"traefikPortMapping: {{80: {bad}}}", "traefikPortMapping.80")
        for good in ("81", '"81"', '"127.0.0.1:81"', '"0.0.0.0:81"', '"255.255.255.255:81"', '"[::1]:81"', '"[::]:81"',
                     '"[fe80::1]:81"', '"[1:2:3:4:5:6:7:8]:81"', '"[::ffff:127.0.0.1]:81"'):
            taken(bench, f"traefikPortMapping: {{80: {good}}}")
            taken(bench, f"sharedServerPort: {good}")


@test("dockerHost: schemes that cannot work are refused, and what to do instead is said")
def _():
    with Quick("scheme") as bench:
        for bad, word in (("ssh://me@server:2222", 'ssh -nNT -p 2222 -L /tmp/docker.sock:/var/run/docker.sock me@server'),
                          ("npipe:////./pipe/docker_engine", "Windows"), ("fd://", "unix:///PATH"),
                          ("/var/run/docker.sock", "did you mean unix:///var/run/docker.sock?"),
                          ("server:2375", "did you mean tcp://server:2375?"), ("unix://relative", "absolute path"),
                          ("tcp://", "tcp://HOST[:PORT]"), ("tcp://u:geheim@h", "a user"), ("", "unix:///PATH")):
            refused(bench, f'dockerHost: "{bad}"', "dockerHost", word)
            expect("geheim" not in validated(bench, f'dockerHost: "{bad}"')[1], "the password is told")
        for good in ("unix:///run/docker.sock", "tcp://h:2376", "https://h", "tcp://[::1]:2375"):
            taken(bench, f'dockerHost: "{good}"')


@test("dockerNetwork: host, none and the like are refused, and so is a network's id, which containers do not know")
def _():
    with Quick("network") as bench:
        for bad in ("host", "none", "default", "container:x"):
            refused(bench, f'dockerNetwork: "{bad}"', "dockerNetwork", "docker network create")
            bench.act("plugin_start", private={"dockerNetwork": bad}).expect("failing", "docker network create")
        whole = docker("network", "inspect", "-f", "{{.Id}}", bench.network)
        for identity in (whole, whole[:12]):
            for action, info in (("plugin_start", None), ("pe_status", None), ("deployment_start", bench.deployment())):
                done = bench.act(action, info, private={"dockerNetwork": identity})
                done.expect("failing", bench.network, "name")
        expect(bench.leftovers() == [], bench.leftovers())


@test("healthCheck as the engine has it: CMD and CMD-SHELL first are no programs; what has no command is refused")
def _():
    with Quick("cmd") as bench:
        for bad in ('["CMD"]', '["CMD-SHELL"]', '["NONE"]', '["CMD-SHELL", "a", "b"]', '[""]', '[]', '""'):
            refused(bench, f"healthCheck: {bad}", "healthCheck")
        bench.up()
        for check, wanted in ((["CMD", "/bin/sh", "-c", "exit 0"], ["CMD", "/bin/sh", "-c", "exit 0"]),
                              (["CMD-SHELL", "true && true"], ["CMD-SHELL", "true && true"])):
            answers(bench.start(private={"healthCheck": check}), "A")
            found = inspect(bench.servers()[0])["Config"]["Healthcheck"]["Test"]
            expect(found == wanted, found)


@test("the default health check asks the server, not the proxy that the server's environment names")
def _():
    with Quick("viaproxy") as bench:
        bench.up()
        nowhere = "http://127.0.0.1:9"
        names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
        answers(bench.start(private={"ppsEnvironment": {name: nowhere for name in names}}), "A")
        answers(bench.start("d2", "B", private={"ppsEnvironment": {"http_proxy": nowhere, "no_proxy": "x"}},
                            info={"modelExecutionType": "shared"}), "B")


@test("memory: the units of docker and of Kubernetes, and those that people write")
def _():
    with Quick("memory") as bench:
        bench.up()
        for text, wanted in (("64MiB", 64 << 20), ("64MB", 64 << 20), ("0.0625GiB", 64 << 20), ("65536KiB", 64 << 20)):
            bench.start("d1", "A", info={"keyValueConfig": {"memory": text}})
            found = inspect(bench.servers()[0])["HostConfig"]["Memory"]
            expect(found == wanted, text, found)


if __name__ == "__main__":
    main()

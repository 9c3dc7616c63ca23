"""An engine behind TLS: with the right certificates everything works, with any other nothing is done and the message
says which is wrong."""
import os

from support import expect, main, test
from support.tls import Certificates, front, mutual
from support.trouble import Scene


def environment(folder):
    return {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": folder}


def refused(scene, server, folder, *words):
    """Neither by the private config nor by the environment; nothing is done, no key is told."""
    for options in ({"private": {"dockerCertPath": folder}}, {"env": environment(folder)}):
        done = scene.act("plugin_start", host=server.host, **options).expect("failing", *words)
        expect("PRIVATE KEY" not in done.msg and "PRIVATE KEY" not in done.stderr, done)
    expect(scene.containers() == [], scene.containers())


@test("TLS: a deployment's life, with a client certificate, by the private config and by the environment")
def _():
    with Scene("tls") as scene:
        made = Certificates(scene.join("tls"))
        made.issue("client")
        folder = made.client("verified", cert="client", key="client")
        with mutual(made) as server:
            private = {"dockerCertPath": folder}
            scene.up(host=server.host, private=private)
            url = scene.start(host=server.host.replace("127.0.0.1", "localhost"), env=environment(folder))
            scene.serves(url, "d1", "A")
            scene.replace(host="unix:///nowhere", private={**private, "dockerHost": server.host})
            scene.serves(url, "d1", "B")
            scene.stop("d1", "B", host=server.host, private=private)
            expect(scene.servers() == [], scene.servers())


@test("TLS: a certificate that has ended, of another host, of an unknown authority: failing, and the message says so")
def _():
    with Scene("badtls") as scene:
        made = Certificates(scene.join("tls"))
        made.authority("other")
        right, stranger = made.client("right"), made.client("stranger", ca="other")
        with front(made, "ended", end="20210101000000Z") as server:
            refused(scene, server, right, "expired", server.host)
        with front(made, "elsewhere", names="DNS:inner.example") as server:
            refused(scene, server, right, "127.0.0.1", "certificate")
        with front(made, "unknown") as server:
            refused(scene, server, stranger, "certificate", server.host)
            # Without a word on TLS it is not even tried.
            scene.act("plugin_start", host=server.host).expect("failing", server.host)
            # The system's authorities do not know it.
            scene.act("plugin_start", host=server.host.replace("tcp:", "https:")).expect("failing", "certificate")


@test("TLS: no client certificate, another authority's, one without its key, a folder that is not there")
def _():
    with Scene("client") as scene:
        made = Certificates(scene.join("tls"))
        made.authority("other")
        with mutual(made) as server:
            refused(scene, server, made.client("none"), server.host, "ertificate")
            refused(scene, server, made.client("strange", cert="other", key="other"), server.host)
            refused(scene, server, made.client("half", cert="server"), "key.pem")
            refused(scene, server, made.client("mixed", cert="server", key="other"), "key")
            refused(scene, server, made.path("absent"), made.path("absent"))
            with open(os.path.join(made.client("broken"), "ca.pem"), "w", encoding="ascii") as file:
                file.write("no certificate\n")
            refused(scene, server, made.path("broken"), "ca.pem")


if __name__ == "__main__":
    main()

"""odd_registry.py PORT_FILE: a registry in memory on a free port of 127.0.0.1 that does what a healthy one does not. The first
part of a repository names what is wrong: 127.0.0.1:PORT/NAME/x, and the functions here are the NAMEs. GET /seen tells which
requests came: a JSON list of [method, path, Content-Range, Authorization]. Runs until it is killed."""
import hashlib
import json
import socket
import struct
import sys
import threading
import urllib.parse

import badserver

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LOCK = threading.RLock()
BLOBS, MANIFESTS, UPLOADS, SEEN, COUNTS = {}, {}, {}, [], {}


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def keep(data):
    BLOBS[digest_of(data)] = data
    return {"digest": digest_of(data), "size": len(data)}


def base_image():
    layer = keep(b"not really a layer " * 100000)
    config = keep(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {
        "type": "layers", "diff_ids": ["sha256:" + "1" * 64]}, "config": {}}).encode())
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": {"mediaType": "c", **config},
                       "layers": [{"mediaType": "l", **layer}]}).encode()


BASE = base_image()


def count(key):
    with LOCK:
        COUNTS[key] = COUNTS.get(key, 0) + 1
        return COUNTS[key]


def reset(r):
    r.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def refuse(r, status, code, message="no luck", headers=""):
    body = json.dumps({"errors": [{"code": code, "message": message}]})
    return r.reply(body, status, f"Content-Type: application/json\r\n{headers}")


def ended(upload):
    return f"Range: 0-{max(0, len(upload) - 1)}\r\n"


class Plain:
    """What a healthy registry does."""

    def __init__(self, request, name, rest):
        self.r, self.name, self.rest = request, name, rest
        self.base = f"/v2/{name}"

    def manifest(self, name):
        data = MANIFESTS.get((self.name, name)) or (BASE if name == "base" else None)
        if data is None:
            return refuse(self.r, "404 Not Found", "MANIFEST_UNKNOWN", "manifest unknown")
        return self.r.reply(data, headers=f"Content-Type: {MANIFEST}\r\nDocker-Content-Digest: {digest_of(data)}\r\n")

    def put_manifest(self, name):
        data = b"".join(self.r.body())
        MANIFESTS[self.name, name] = MANIFESTS[self.name, digest_of(data)] = data
        return self.r.reply("", "201 Created", f"Docker-Content-Digest: {digest_of(data)}\r\n")

    def has(self, digest):
        data = BLOBS.get(digest)
        if data is None or self.lacks(digest):
            return refuse(self.r, "404 Not Found", "BLOB_UNKNOWN", "blob unknown")
        return self.r.reply(data)

    def lacks(self, digest):
        return False

    def blob(self, digest):
        return self.has(digest)

    def begin(self):
        upload = f"{count('upload')}"
        UPLOADS[upload] = b""
        return self.r.reply("", "202 Accepted", f"Location: {self.location(upload)}\r\n{self.more_of_begin()}")

    def more_of_begin(self):
        return ""

    def location(self, upload):
        return f"{self.base}/blobs/uploads/{upload}"

    def state(self, upload):
        if upload not in UPLOADS:
            return refuse(self.r, "404 Not Found", "BLOB_UPLOAD_UNKNOWN", "blob upload unknown")
        return self.r.reply("", "204 No Content", f"Location: {self.location(upload)}\r\n{ended(UPLOADS[upload])}")

    def patch(self, upload):
        for piece in self.r.body():
            UPLOADS[upload] += piece
        return self.taken(upload)

    def taken(self, upload):
        return self.r.reply("", "202 Accepted", f"Location: {self.location(upload)}\r\n{ended(UPLOADS[upload])}")

    def put(self, upload):
        if upload not in UPLOADS:
            return self.state(upload)
        data = UPLOADS.pop(upload) + b"".join(self.r.body())
        if digest_of(data) != self.r.query["digest"]:
            return refuse(self.r, "400 Bad Request", "DIGEST_INVALID", "provided digest did not match uploaded content")
        return self.r.reply("", "201 Created", f"Docker-Content-Digest: {keep(data)['digest']}\r\n")

    def abandon(self, upload):
        UPLOADS.pop(upload, None)
        return self.r.reply("", "204 No Content")

    def tags(self):
        return self.r.reply(json.dumps({"name": self.name, "tags": []}))

    def delete(self, name):
        MANIFESTS.pop((self.name, name), None)
        return self.r.reply("", "202 Accepted")


# ---- what is wrong ---------------------------------------------------------------------------------------------------


class fine(Plain):
    pass


class breaks(Plain):
    """The connection breaks in each of the first three chunks; the upload has what came until then."""

    def patch(self, upload):
        number = count("breaks")
        left = 700_000 if number <= 3 and upload_is_large(self.r) else None
        for piece in self.r.body():
            if left is not None and left <= 0:
                return reset(self.r)
            UPLOADS[upload] += piece
            left = left and left - len(piece)
        return self.taken(upload)


def upload_is_large(r):
    return int(r.headers.get("content-length", 0)) > 1_000_000


class forgets(Plain):
    """The connection breaks once, and the upload is gone."""

    def patch(self, upload):
        if upload_is_large(self.r) and count("forgets") == 1:
            next(self.r.body())
            UPLOADS.pop(upload)
            return reset(self.r)
        return super().patch(upload)


class garbles(Plain):
    """After a break, the upload has other bytes than were sent."""

    def patch(self, upload):
        if upload_is_large(self.r) and count("garbles") == 1:
            UPLOADS[upload] = b"x" * len(next(self.r.body()))
            return reset(self.r)
        return super().patch(upload)


class always_breaks(Plain):
    def patch(self, upload):
        next(self.r.body())
        return reset(self.r)


class halves(Plain):
    """Takes only half of what it is sent."""

    def patch(self, upload):
        data = b"".join(self.r.body())
        UPLOADS[upload] += data[:max(1000, len(data) // 2)]
        return self.taken(upload)


class takes_nothing(Plain):
    def patch(self, upload):
        for _ in self.r.body():
            pass
        return self.taken(upload)


class small_bodies(Plain):
    """A proxy in front that takes no large requests."""

    def patch(self, upload):
        if int(self.r.headers.get("content-length", 0)) > 50 * 1024 * 1024:
            return self.r.reply("<html><title>413 Request Entity Too Large</title></html>", "413 Too Large",
                                "Connection: close\r\n") and False
        return super().patch(upload)


class lost_answer(Plain):
    """The upload is complete, but nobody hears of it."""

    def put(self, upload):
        if count("lost_answer") == 1:
            keep(UPLOADS.pop(upload))
            return reset(self.r)
        return super().put(upload)


class damages_config(Plain):
    def blob(self, digest):
        data = BLOBS[digest]
        return self.r.reply(data[:-1] + b" ")


class damages_manifest(Plain):
    def manifest(self, name):
        return self.r.reply(BASE + b" ", headers=f"Content-Type: {MANIFEST}\r\nDocker-Content-Digest: {digest_of(BASE)}\r\n")


class damages_layer(Plain):
    def blob(self, digest):
        data = BLOBS[digest]
        return self.r.reply(b"X" + data[1:] if len(data) > 10000 else data)


class short_layer(Plain):
    """Breaks off in a layer, twice, and goes on from where it is asked to."""

    def blob(self, digest):
        data = BLOBS[digest]
        if len(data) < 10000:
            return self.r.reply(data)
        first = int(self.r.headers.get("range", "bytes=0-")[6:].rstrip("-"))
        number = count("short_layer")
        headers = f"Content-Range: bytes {first}-{len(data) - 1}/{len(data)}\r\n" if first else ""
        status = "206 Partial Content" if first else "200 OK"
        self.r.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(data) - first}\r\n{headers}\r\n")
        self.r.send(data[first:first + 500_000] if number <= 2 else data[first:])
        return number > 2


class away(Plain):
    """Blobs are on another host, which is told no passwords; so are uploads."""

    def blob(self, digest):
        return self.r.reply("", "307 Temporary Redirect",
                            f"Location: http://localhost:{self.r.port}/elsewhere/{digest}\r\n")

    def location(self, upload):
        return f"http://localhost:{self.r.port}{self.base}/blobs/uploads/{upload}"


class relative(Plain):
    def location(self, upload):
        return upload


class old(Plain):
    def manifest(self, name):
        return self.r.reply(json.dumps({"schemaVersion": 1, "name": "x", "fsLayers": []}),
                            headers="Content-Type: application/vnd.docker.distribution.manifest.v1+json\r\n")


class index(Plain):
    """An index of two platforms."""

    def manifest(self, name):
        entries = [{"digest": digest_of(BASE), "size": len(BASE), "platform": {"os": "linux", **platform}}
                   for platform in ({"architecture": "amd64"}, {"architecture": "arm64", "variant": "v8"})]
        return self.r.reply(json.dumps({"schemaVersion": 2, "manifests": entries}),
                            headers="Content-Type: application/vnd.oci.image.index.v1+json\r\n")


class always_busy(Plain):
    def manifest(self, name):
        return refuse(self.r, "429 Too Many Requests", "TOOMANYREQUESTS", "slow down", "Retry-After: 0\r\n")


class stopped(Plain):
    """A proxy whose registry does not run."""

    def manifest(self, name):
        return self.r.reply("<html><title>503 Service Unavailable</title></html>", "503 Service Unavailable")


class closed(Plain):
    def manifest(self, name):
        return refuse(self.r, "401 Unauthorized", "UNAUTHORIZED", "authentication required",
                      'WWW-Authenticate: Basic realm="tests"\r\n')


class lost_config(Plain):
    def blob(self, digest):
        return refuse(self.r, "404 Not Found", "BLOB_UNKNOWN", "blob unknown to registry")


class loses_bytes(Plain):
    def put(self, upload):
        UPLOADS[upload] = UPLOADS[upload][1:]
        return super().put(upload)


class nothing(Plain):
    def tags(self):
        return refuse(self.r, "404 Not Found", "NAME_UNKNOWN", "repository name not known to registry")


class whole(Plain):
    def delete(self, name):
        return refuse(self.r, "405 Method Not Allowed", "UNSUPPORTED", "the operation is unsupported")


class page(Plain):
    def manifest(self, name):
        return self.r.reply("<html><title>Welcome</title></html>", headers="Content-Type: text/html\r\n")


class busy(Plain):
    def manifest(self, name):
        if self.r.method == "GET" and count("busy") <= 2:
            return refuse(self.r, "429 Too Many Requests", "TOOMANYREQUESTS", "slow down", "Retry-After: 0\r\n")
        return super().manifest(name)


class denies(Plain):
    def begin(self):
        for _ in self.r.body():
            pass
        return refuse(self.r, "403 Forbidden", "DENIED", "requested access to the resource is denied")


class full(Plain):
    def patch(self, upload):
        for _ in self.r.body():
            pass
        return refuse(self.r, "500 Internal Server Error", "UNKNOWN", "no space left on device")


class least(Plain):
    """Wants chunks of at least 2 MB."""

    def more_of_begin(self):
        return "OCI-Chunk-Min-Length: 2000000\r\n"


class no_mounts(Plain):
    def lacks(self, digest):
        return digest != digest_of(b"") and count((self.name, digest)) == 1


class pages(Plain):
    def tags(self):
        last = self.r.query.get("last", "")
        tags = ["a", "b"] if not last else ["c"]
        more = "" if last else f'Link: <{self.base}/tags/list?last=b&n=2>; rel="next"\r\n'
        return self.r.reply(json.dumps({"tags": tags}), headers=more)


# ---- requests --------------------------------------------------------------------------------------------------------


def dispatch(it, method, rest):
    kind, name = rest[0], rest[-1]
    if kind == "tags":
        return it.tags()
    if kind == "manifests":
        calls = {"GET": it.manifest, "HEAD": it.manifest, "PUT": it.put_manifest, "DELETE": it.delete}
        return calls[method](name)
    if rest[1] != "uploads":
        return it.has(name) if method == "HEAD" else it.blob(name)
    if method == "POST":
        return it.begin()
    return {"GET": it.state, "PATCH": it.patch, "PUT": it.put, "DELETE": it.abandon}[method](name)


def serve(r):
    path = urllib.parse.unquote(r.path)
    if path == "/seen":
        return r.reply(json.dumps(SEEN))
    with LOCK:
        SEEN.append([r.method, path, r.headers.get("content-range"), r.headers.get("authorization")])
    if path.startswith("/elsewhere/"):
        return r.reply(BLOBS[path.rpartition("/")[2]])
    if path == "/v2/":
        return r.reply("{}")
    parts = path.split("/")[2:]
    at = max(i for i, part in enumerate(parts) if part in ("manifests", "blobs", "tags"))
    return dispatch(globals()[parts[0]](r, "/".join(parts[:at]), parts[at:]), r.method, parts[at:])


class Handler(badserver.Handler):
    def handle(self):
        try:
            while request := self.read_request():
                request.port = self.server.server_address[1]
                if not serve(request):
                    return
        except (ConnectionError, ValueError):
            pass


def main():
    with badserver.Server(("127.0.0.1", 0), Handler) as server:
        badserver.write_port(sys.argv[1], server)
        server.serve_forever()


main()

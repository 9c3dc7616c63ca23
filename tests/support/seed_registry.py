"""seed_registry.py URL REPOSITORY:TAG [--docker] [--index] [--layers N] [--bytes N] [--user USER:PASSWORD]: puts a small image
into a registry, as others would: blobs by POST and PUT, gzipped layers, a manifest of OCI or of Docker, or an index of
two platforms. Prints the digest."""
import argparse
import base64
import gzip
import hashlib
import io
import json
import os
import tarfile
import urllib.request

TYPES = {
    "oci": ("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
            "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"),
    "docker": ("application/vnd.docker.distribution.manifest.v2+json",
               "application/vnd.docker.distribution.manifest.list.v2+json",
               "application/vnd.docker.container.image.v1+json", "application/vnd.docker.image.rootfs.diff.tar.gzip"),
}


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Seeder:
    def __init__(self, url, repository, user):
        self.url, self.repository = url, repository
        self.headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()} if user else {}

    def ask(self, method, path, data=b"", kind="application/octet-stream"):
        url = path if path.startswith("http") else f"{self.url}/v2/{self.repository}{path}"
        request = urllib.request.Request(url, data, {**self.headers, "Content-Type": kind}, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.headers

    def blob(self, data):
        location = self.ask("POST", "/blobs/uploads/")["Location"]
        location = location if location.startswith("http") else self.url + location
        self.ask("PUT", location + ("&" if "?" in location else "?") + "digest=" + sha256(data), data)
        return {"digest": sha256(data), "size": len(data)}

    def manifest(self, name, value, kind):
        data = json.dumps(value).encode()
        self.ask("PUT", f"/manifests/{name or sha256(data)}", data, kind)
        return {"mediaType": kind, "digest": sha256(data), "size": len(data)}


def layer(number, size):
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo(f"layer-{number}")
        data = os.urandom(size)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return plain.getvalue()


def image(seeder, args, tag, architecture):
    manifest_type, _, config_type, layer_type = TYPES["docker" if args.docker else "oci"]
    plain = [layer(i, args.bytes) for i in range(args.layers)]
    layers = [{"mediaType": layer_type, **seeder.blob(gzip.compress(data))} for data in plain]
    config = {
        "architecture": architecture, "os": "linux", "created": "2020-01-01T00:00:00Z",
        "config": {"Env": ["PATH=/bin", "KEEP=yes"], "Cmd": ["/serve"], "Labels": {"of": "base"}, "Volumes": {"/data": {}},
                   "Entrypoint": None, "ExposedPorts": {"8080/tcp": {}}},
        "rootfs": {"type": "layers", "diff_ids": [sha256(data) for data in plain]},
        "history": [{"created": "2020-01-01T00:00:00Z", "created_by": f"layer {i}"} for i in range(args.layers)],
    }
    data = json.dumps(config).encode()
    return seeder.manifest(tag, {
        "schemaVersion": 2, "mediaType": manifest_type, "config": {"mediaType": config_type, **seeder.blob(data)},
        "layers": layers, "annotations": {"made": "by hand"}}, manifest_type)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("name")
    parser.add_argument("--docker", action="store_true")
    parser.add_argument("--index", action="store_true")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--bytes", type=int, default=1000)
    parser.add_argument("--user")
    args = parser.parse_args()
    repository, _, tag = args.name.partition(":")
    seeder = Seeder(args.url, repository, args.user)
    if not args.index:
        print(image(seeder, args, tag, "amd64")["digest"])
        return
    index_type = TYPES["docker" if args.docker else "oci"][1]
    entries = [{**image(seeder, args, None, architecture), "platform": {"os": "linux", "architecture": architecture}}
               for architecture in ("amd64", "arm64")]
    entries[1]["platform"]["variant"] = "v8"
    print(seeder.manifest(tag, {"schemaVersion": 2, "mediaType": index_type, "manifests": entries}, index_type)["digest"])


main()

"""token_server.py PORT_FILE KEY CERT: the token service of a registry (distribution/spec/auth) on a free port of 127.0.0.1,
written to PORT_FILE. `tester` with its password may push and pull, `reader` and those without a password may pull, and the
refresh token `identity-of-tester` is as good as tester's password. EXPIRES: seconds that a token lives. Prints each request.
Runs until it is killed."""
import base64
import http.server
import json
import os
import subprocess
import sys
import time
import urllib.parse

import badserver

PASSWORDS = {"tester": "secret-of-the-registry", "reader": "secret-of-the-reader"}
IDENTITY = "identity-of-tester"
LIFETIME = int(os.environ.get("EXPIRES", "300"))


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def certificate(path):
    with open(path, encoding="ascii") as file:
        return "".join(line.strip() for line in file.read().split("-----")[2].splitlines())


def token(service, access):
    now = int(time.time())
    header = {"typ": "JWT", "alg": "RS256", "x5c": [certificate(sys.argv[3])]}
    claims = {"iss": "tests", "sub": "", "aud": service, "iat": now, "nbf": now - 10, "exp": now + LIFETIME,
              "jti": str(time.monotonic_ns()), "access": access}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", sys.argv[2]], input=text.encode(), check=True,
                            stdout=subprocess.PIPE).stdout
    return f"{text}.{encoded(signed)}"


def granted(scopes, user):
    for scope in scopes:
        kind, name, actions = scope.split(":", 2)
        allowed = {"pull", "push", "delete", "*"} if user == "tester" else {"pull"}
        private = name.startswith("private/") and user is None
        yield {"type": kind, "name": name,
               "actions": [] if private else [action for action in actions.split(",") if action in allowed]}


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def user(self):
        """The name of who asks; None: nobody; False: with a wrong password."""
        _, _, text = self.headers.get("Authorization", "").partition(" ")
        if not text:
            return None
        name, _, password = base64.b64decode(text).decode().partition(":")
        return name if PASSWORDS.get(name) == password else False

    def give(self, parameters, user):
        scopes = [scope for text in parameters.get("scope", []) for scope in text.split()]
        print(self.command, user, *scopes, flush=True)
        if user is False:
            self.answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]})
        else:
            name = "access_token" if self.command == "POST" else "token"
            self.answer(200, {name: token(parameters["service"][0], list(granted(scopes, user))), "expires_in": LIFETIME})

    def do_GET(self):
        _, _, query = self.path.partition("?")
        self.give(urllib.parse.parse_qs(query), self.user())

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        parameters = urllib.parse.parse_qs(form)
        self.give(parameters, "tester" if parameters["refresh_token"] == [IDENTITY] else False)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    badserver.write_port(sys.argv[1], server)
    server.serve_forever()


main()

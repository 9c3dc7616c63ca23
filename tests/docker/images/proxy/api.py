"""Traefik's API, the part that tells what is routed, and /ping."""
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

KINDS = ("routers", "middlewares", "services")
VERSION = {"Version": "2.3.3", "Codename": "stand-in of bosun's tests", "startDate": "2020-01-01T00:00:00Z"}


def page_of(items, query):
    """(items of the page, number of the next page); "1" ends the list, as in traefik."""
    page, size = (int(query.get(key, [default])[0]) for key, default in (("page", 1), ("per_page", 100)))
    start = (page - 1) * size
    return items[start:start + size], page + 1 if start + size < len(items) else 1


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    runtime = None
    ping = False

    def do_GET(self):
        url = urlsplit(self.path)
        words = [unquote(word) for word in url.path.strip("/").split("/")]
        if words == ["ping"] and self.ping:
            self.answer(200, "OK", kind="text/plain")
        elif words == ["api", "version"]:
            self.answer(200, VERSION)
        elif words == ["api", "rawdata"]:
            self.answer(200, {kind: getattr(self.runtime, kind) for kind in KINDS})
        elif words[:2] == ["api", "http"] and len(words) in (3, 4) and words[2] in KINDS:
            self.answer_views(words[2], words[3:], parse_qs(url.query))
        else:
            self.answer(404, "404 page not found\n", kind="text/plain; charset=utf-8")

    def answer_views(self, kind, name, query):
        views = getattr(self.runtime, kind)
        if not name:
            items, following = page_of([views[key] for key in sorted(views)], query)
            self.answer(200, items, {"X-Next-Page": str(following)})
        elif name[0] in views:
            self.answer(200, views[name[0]])
        else:
            self.answer(404, {"message": f"{kind[:-1]} not found: {name[0]}"})

    def answer(self, status, value, headers=None, kind="application/json"):
        body = (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response(status)
        for key, text in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def serve(address, runtime, with_ping):
    """Never returns."""
    Handler.runtime, Handler.ping = runtime, with_ping
    Server(address, Handler).serve_forever()

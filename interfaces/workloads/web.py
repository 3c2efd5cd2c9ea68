"""requests and urllib3 against a server on loopback, which ends with the process that traces."""

import sys

import requests
import urllib3
from meminterface_workloads import call, kind, server, sizes, workload

SERVER = '''
import http.server, sys

TEXT = b"".join(b"%08d the quick brown fox jumps over the lazy dog " % n for n in range(4096))

class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        size = int(self.path.rsplit("/", 1)[-1])
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        while size > 0:
            size -= self.wfile.write(TEXT[:size])

    def do_POST(self):
        left = int(self.headers["Content-Length"])
        while left > 0:
            left -= len(self.rfile.read(min(left, 1 << 16)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
'''


def web():
    return f"http://127.0.0.1:{server(sys.executable, '-c', SERVER, '{port}')}"


kind(requests.Response, "requests.Response", length=lambda r: len(r.content))
kind(urllib3.BaseHTTPResponse, "urllib3.HTTPResponse", length=lambda r: len(r.data))
BODY = sizes(1000, 20_000_000, edges=(0,))
MEANING = {"body_bytes": "bytes of the answer's body"}


@workload("requests.get", size=BODY, externals=MEANING, parameters=["url", "params=None", "**kwargs"])
def _(rng, size):
    return call(requests.get, f"{web()}/{size}").given(body_bytes=size)


@workload("requests.post", size=BODY, parameters=["url", "data=None", "json=None", "**kwargs"])
def _(rng, size):
    return call(requests.post, f"{web()}/", data=rng.randbytes(size))


@workload("requests.Session.get", size=BODY, externals=MEANING, parameters=["url", "**kwargs"])
def _(rng, size):
    return call(requests.Session().get, f"{web()}/{size}").given(body_bytes=size)


@workload("urllib3.PoolManager.request", size=BODY, externals=MEANING, parameters=["method", "url", "body=None", "fields=None", "**kwargs"])
def _(rng, size):
    return call(urllib3.PoolManager().request, "GET", f"{web()}/{size}").given(body_bytes=size)


@workload("urllib3.request", size=BODY, externals=MEANING, parameters=["method", "url", "*", "body=None", "**kwargs"])
def _(rng, size):
    return call(urllib3.request, "GET", f"{web()}/{size}").given(body_bytes=size)

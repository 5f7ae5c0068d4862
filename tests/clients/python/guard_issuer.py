"""An issuer of the tests' own: signs what it is told, publishes keys and status lists as Countersign does, and can be
told to hang, to lie, to die and to come back."""

import base64
import json
import socket
import threading
import time
import zlib
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

METADATA = "/.well-known/oauth-authorization-server"
KEYS = "/.well-known/jwks.json"
LISTS = "/oauth2/status-lists/"


class SigningKey:
    def __init__(self, kid=None):
        self.kid = kid or f"key-{uuid4()}"
        self.private = ec.generate_private_key(ec.SECP256R1())

    def public(self):
        jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.private.public_key()))
        return jwk | {"kid": self.kid, "alg": "ES256", "use": "sig"}

    def sign(self, claims, typ):
        return jwt.encode(claims, self.private, algorithm="ES256", headers={"typ": typ, "kid": self.kid})


class FakeIssuer:
    """Serves on 127.0.0.1 from its own threads. `requests` counts what was asked for, by path."""

    def __init__(self, lists=("1",)):
        self.key = SigningKey()
        self.published = [self.key]
        self.max_age = 300
        self.versions = dict.fromkeys(lists, 1)
        self.arrays = {name: bytearray(16) for name in lists}
        self.ttl, self.list_lifetime = 30, 3600
        self.changed = threading.Condition()
        self.requests = Counter()
        self.waiting = Counter()
        self.lies = {}
        """Path to a function that is given the request's handler and answers in the issuer's place."""
        self.port = 0
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def list_uri(self, name="1"):
        return f"{self.url}{LISTS}{name}"

    def start(self):
        self.server = Server(("127.0.0.1", self.port), Handler, self)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.server.cut()
        with self.changed:
            self.changed.notify_all()

    def token(self, *, idx=0, name="1", key=None, typ="at+jwt", about=None, **changes):
        """`about`: claims about the user, of which one is called `name`."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": str(uuid4()),
            "aud": self.url,
            "exp": now + 3600,
            "iat": now,
            "jti": str(uuid4()),
            "client_id": "countersign",
            "sid": str(uuid4()),
            "scope": "products:read",
            "auth_time": now,
            "amr": ["pwd"],
            "status": {"status_list": {"idx": idx, "uri": self.list_uri(name)}},
        }
        claims = {name: value for name, value in (claims | changes | (about or {})).items() if value is not None}
        return (key or self.key).sign(claims, typ)

    def client_token(self, client="billing", **changes):
        """A token of a client that acts for itself: no person, no session."""
        own = {"sub": client, "client_id": client, "sid": None, "auth_time": None, "amr": None}
        return self.token(**(own | changes))

    def revoke(self, idx, name="1"):
        with self.changed:
            self.arrays[name][idx // 8] |= 1 << idx % 8
            self.versions[name] += 1
            self.changed.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def wait_until_followed(self, name="1"):
        with self.changed:
            assert self.changed.wait_for(lambda: self.waiting[name] > 0, 20)

    def etag(self, name):
        return f'"{self.versions[name]}-{self.key.kid}"'

    def signed_list(self, name, **changes):
        now = int(time.time())
        lst = base64.urlsafe_b64encode(zlib.compress(bytes(self.arrays[name]))).decode().rstrip("=")
        claims = {
            "iss": self.url,
            "sub": self.list_uri(name),
            "iat": now,
            "exp": now + self.list_lifetime,
            "ttl": self.ttl,
            "version": self.versions[name],
            "status_list": {"bits": 1, "lst": lst},
        }
        return self.key.sign(claims | changes, "statuslist+jwt")


def saying(content, status=200, **headers):
    """A lie: always this answer."""
    body = content if isinstance(content, (str, bytes)) else json.dumps(content)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.answer(body, status, headers=headers)


def hanging(handler):
    """A lie: no answer, until the issuer stops."""
    while not handler.server.stopped:
        time.sleep(0.01)


def dropping(handler):
    """A lie: the connection ends without an answer."""
    handler.connection.shutdown(socket.SHUT_RDWR)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address, handler, issuer):
        self.issuer = issuer
        self.open = set()
        self.stopped = False
        super().__init__(address, handler)

    def cut(self):
        """Ends the connections that are open, as a killed server does."""
        self.stopped = True
        for connection in list(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # Headers and body leave together.

    def setup(self):
        super().setup()
        self.server.open.add(self.connection)

    def finish(self):
        self.server.open.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def handle(self):
        with suppress(OSError):
            super().handle()

    def log_message(self, *_):
        pass

    def do_GET(self):
        issuer = self.server.issuer
        with issuer.changed:
            issuer.requests[self.path] += 1
            issuer.changed.notify_all()
        if self.path in issuer.lies:
            issuer.lies[self.path](self)
        elif self.path == METADATA:
            self.answer(json.dumps({"issuer": issuer.url, "jwks_uri": issuer.url + KEYS}))
        elif self.path == KEYS:
            keys = json.dumps({"keys": [key.public() for key in issuer.published]})
            self.answer(keys, headers={"Cache-Control": f"public, max-age={issuer.max_age}"})
        elif self.path.removeprefix(LISTS) in issuer.versions:
            self.status_list(issuer, self.path.removeprefix(LISTS))
        else:
            self.answer("{}", 404)

    def do_POST(self):
        self.server.issuer.lies.get(self.path, saying("{}", 404))(self)

    def status_list(self, issuer, name):
        known = self.headers["If-None-Match"]
        wait = int((self.headers["Prefer"] or "wait=0").removeprefix("wait="))
        with issuer.changed:
            if known == issuer.etag(name) and wait:
                issuer.waiting[name] += 1
                issuer.changed.notify_all()
                issuer.changed.wait_for(lambda: known != issuer.etag(name) or self.server.stopped, wait)
                issuer.waiting[name] -= 1
            headers = {"ETag": issuer.etag(name), "Cache-Control": f"public, max-age={issuer.ttl}", "Vary": "Prefer"}
            status, body = (304, "") if known == headers["ETag"] else (200, issuer.signed_list(name))
        self.answer(body, status, headers=headers, content_type="application/statuslist+jwt")

    def answer(self, body, status=200, headers=None, content_type="application/json"):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in ({"Content-Type": content_type, "Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

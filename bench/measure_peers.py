"""Measures the peers of Countersign on the same core. Each is set up as documented by it (`bench/peers`). The results say why a
peer was not measured."""

import base64
import json
import os
import shutil
import subprocess
import sys
import urllib.parse

from tools import ROOT, free_port, lines, on_core, process

PEERS = ROOT / "target/bench"
PASSWORD = "an umbrella for tests"
FORM = "application/x-www-form-urlencoded"


def all_of_them(folder, postgres, keys, seconds, rauthy):
    """Figures by peer; under "absent", why there are none of a peer."""
    bench = Peers(folder, postgres, keys, seconds, rauthy)
    peers = {"FastAPI stack": bench.fastapi_stack, "fastapi-users": bench.fastapi_users, "better-auth": bench.better_auth, "Rauthy": bench.rauthy}
    found, absent = {}, {}
    for name, measure in peers.items():
        try:
            found[name] = measure()
        except (Absent, OSError, AssertionError, subprocess.CalledProcessError) as reason:
            absent[name] = str(reason).splitlines()[0]
            print(f"{name} was not measured: {absent[name]}", file=sys.stderr)
            continue
        told = ", ".join(f"{what} {figure['per_cpu_second']:.1f}" for what, figure in found[name].items() if isinstance(figure, dict))
        print(f"{name}: {told} per second of its processor time", file=sys.stderr)
    return found | {"absent": absent}


class Absent(Exception):
    """A peer that is not here."""


class Peers:
    def __init__(self, folder, postgres, keys, seconds, rauthy):
        self.folder, self.postgres, self.keys, self.seconds, self.rauthy_program = folder, postgres, keys, seconds, rauthy

    def fastapi_stack(self):
        port, environment = free_port(), {"DATABASE_URL": self.asyncpg(), "KEYS": str(self.keys)}
        with process(on_core(0, *self.uvicorn(), "--port", port, "fastapi_stack:app"), port, environment, self.folder) as peer:
            idle = peer.idle()
            form = encoded(username="ada@example.com", password=PASSWORD)
            token = json.loads(peer.post("/api/auth/login", form, FORM))["access_token"]
            return {
                "resident idle, MB": idle,
                "/me": self.get(peer, "/api/auth/me", f"Bearer {token}"),
                "login": self.post(peer, "/api/auth/login", form, FORM),
            }

    def fastapi_users(self):
        port, environment = free_port(), {"DATABASE_URL": self.asyncpg()}
        with process(on_core(0, *self.uvicorn(), "--port", port, "fastapi_users_app:app"), port, environment, self.folder) as peer:
            idle = peer.idle()
            peer.post("/auth/register", json.dumps({"email": "ada@example.com", "password": PASSWORD}))
            form = encoded(username="ada@example.com", password=PASSWORD)
            token = json.loads(peer.post("/auth/jwt/login", form, FORM))["access_token"]
            return {
                "resident idle, MB": idle,
                "/me": self.get(peer, "/users/me", f"Bearer {token}"),
                "login": self.post(peer, "/auth/jwt/login", form, FORM),
            }

    def better_auth(self):
        for name in ["package.json", "better_auth.mjs"]:
            PEERS.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "bench/peers" / name, PEERS)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=PEERS, check=True)
        port = free_port()
        environment = {"DATABASE_URL": self.postgres.url, "PORT": str(port)}
        with process(on_core(0, "node", PEERS / "better_auth.mjs"), port, environment, self.folder) as peer:
            idle = peer.idle()
            account = json.dumps({"email": "ada@example.com", "password": PASSWORD, "name": "Ada"})
            peer.post("/api/auth/sign-up/email", account)
            peer.post("/api/auth/sign-in/email", account)
            return {
                "resident idle, MB": idle,
                "/me": self.get(peer, "/api/auth/get-session", peer.cookie, header="cookie"),
                "login": self.post(peer, "/api/auth/sign-in/email", account, "application/json", connections=8),
            }

    def rauthy(self):
        """Rauthy 0.36 with its embedded database: userinfo as /me, and what both have. It has no sign-in without a browser;
        the password grant, by which tokens are had here, is not what its users do, and not measured."""
        if not self.rauthy_program:
            raise Absent("no program was given (--rauthy PATH)")
        place = self.folder / "rauthy"
        (place / "bootstrap").mkdir(parents=True, exist_ok=True)
        port, secret = free_port(), "s" * 64
        (place / "config.toml").write_text(rauthy_settings(port, (free_port(), free_port())))
        (place / "bootstrap/clients.json").write_text(json.dumps([rauthy_client(secret)]))
        (place / "bootstrap/users.json").write_text(json.dumps([RAUTHY_USER]))
        with process(on_core(0, self.rauthy_program.resolve(), "serve"), port, {"HQL_DATA_DIR": str(place / "data")}, place, pause=0.001) as peer:
            idle = peer.idle()
            client = {"client_id": "bench", "client_secret": secret}
            token = "/auth/v1/oidc/token"
            grant = encoded(grant_type="password", username="ada@example.com", password=PASSWORD, scope="openid", **client)
            granted = [json.loads(peer.post(token, grant, FORM)) for _ in range(8)]
            template = encoded(grant_type="refresh_token", **client) + "&refresh_token={}"
            chains = lines(self.folder, "peer-chains", [each["refresh_token"] for each in granted])
            refresh = ["refresh", "--path", token, "--media-type", FORM, "--template", template, "--lines", chains, "--connections", 8]
            return {
                "resident idle, MB": idle,
                "/me": self.get(peer, "/auth/v1/oidc/userinfo", f"Bearer {granted[0]['access_token']}"),
                "JWKS": peer.load(self.seconds, "get", "--path", "/auth/v1/oidc/certs"),
                "/readyz": peer.load(self.seconds, "get", "--path", "/auth/v1/health"),
                "refresh": peer.load(self.seconds, *refresh),
                "client credentials": self.post(peer, token, encoded(grant_type="client_credentials", **client), FORM, connections=32),
            }

    # Tools.

    def asyncpg(self):
        return self.postgres.url.replace("postgres://", "postgresql+asyncpg://")

    def uvicorn(self):
        if not (PEERS / "python/bin/pip").exists():
            subprocess.run([sys.executable, "-m", "venv", PEERS / "python"], check=True)
        subprocess.run([PEERS / "python/bin/pip", "install", "--quiet", "-r", ROOT / "bench/peers/requirements.txt"], check=True)
        return [PEERS / "python/bin/uvicorn", "--app-dir", ROOT / "bench/peers", "--no-access-log", "--log-level", "warning"]

    def get(self, peer, path, line, header="authorization"):
        return peer.load(self.seconds, "get", "--path", path, "--header", header, "--lines", lines(self.folder, "peer", [line]))

    def post(self, peer, path, body, media_type, connections=8):
        words = ["post", "--path", path, "--media-type", media_type, "--lines", lines(self.folder, "peer-body", [body])]
        return peer.load(self.seconds, *words, "--connections", connections)


def encoded(**fields):
    return urllib.parse.urlencode(fields)


def rauthy_settings(port, cluster):
    """The minimal settings of its book, without TLS, for one node with its embedded database."""
    key = base64.b64encode(os.urandom(32)).decode()
    return f"""
[bootstrap]
admin_email = "admin@localhost"
bootstrap_dir = "bootstrap"

[cluster]
node_id = 1
nodes = ["1 localhost:{cluster[0]} localhost:{cluster[1]}"]
secret_raft = "a secret for measuring"
secret_api = "a secret for measuring"

[email]
smtp_url = "localhost"
smtp_from = "Rauthy <rauthy@localhost>"

[encryption]
keys = ["bench/{key}"]
key_active = "bench"

[events]
email = "admin@localhost"

[server]
scheme = "http"
listen_address = "127.0.0.1"
port_http = {port}
pub_url = "127.0.0.1:{port}"
http_workers = 1

[webauthn]
rp_id = "localhost"
rp_origin = "http://localhost:{port}"
"""


def rauthy_client(secret):
    return {
        "id": "bench",
        "name": "bench",
        "secret": {"Plain": secret},
        "redirect_uris": ["http://127.0.0.1/callback"],
        "enabled": True,
        "flows_enabled": ["authorization_code", "client_credentials", "password", "refresh_token"],
        "access_token_alg": "EdDSA",
        "id_token_alg": "EdDSA",
        "auth_code_lifetime": 60,
        # A refresh token may be used from a minute before the access token expires: immediately, with this lifetime.
        "access_token_lifetime": 60,
        "scopes": ["openid", "profile", "email"],
        "default_scopes": ["openid"],
        "force_mfa": False,
    }


RAUTHY_USER = {
    "email": "ada@example.com",
    "given_name": "Ada",
    "password": {"Plain": PASSWORD},
    "roles": [],
    "enabled": True,
    "email_verified": True,
}

"""The same protected service four times: axum, FastAPI, Express, and whatever nginx stands in front of, all behind one
Countersign, each as a process of its own."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests/proxies"), str(ROOT / "tests/clients/python")]
import programs  # noqa: E402
from conftest import PASSWORD, free_port, wait_until_ready  # noqa: E402

LIMIT = 60.0


class Countersign:
    """One that can be killed and started again at the same place."""

    def __init__(self, folder, words=None):
        self.folder, self.port, self.process = folder, free_port(), None
        self.words = words or [program(), "serve"]
        self.base = f"http://127.0.0.1:{self.port}"

    def start(self):
        log = self.folder / "server.log"
        with log.open("a") as output:
            self.process = subprocess.Popen(
                self.words, cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        wait_until_ready(self.process, self.base, log)

    def kill(self):
        """As the power goes."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def environment(self):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
        return inherited | {"COUNTERSIGN_LISTEN": f"127.0.0.1:{self.port}", "COUNTERSIGN_LIMITS__ENABLED": "false"}

    def command(self, *words):
        done = subprocess.run([program(), *words], cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=LIMIT)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sign_in(self, email="ada@example.com"):
        account = {"email": email, "password": PASSWORD}
        httpx.post(f"{self.base}/api/auth/register", json=account, timeout=LIMIT)
        answer = httpx.post(f"{self.base}/api/auth/login", json=account, timeout=LIMIT)
        assert answer.status_code == 200, answer.text
        token = answer.json()["access_token"]
        sessions = httpx.get(f"{self.base}/api/auth/sessions", headers=bearer(token), timeout=LIMIT).json()
        return token, next(session["id"] for session in sessions if session["current"])


@dataclass
class Service:
    name: str
    url: str
    client: httpx.Client

    def ask(self, token):
        return self.client.get(self.url, headers=bearer(token)).status_code


@contextmanager
def everywhere(folder):
    """Countersign, and every service that believes it."""
    server = Countersign(folder)
    with ExitStack() as stack:
        stack.callback(server.kill)
        server.start()
        urls = {
            "Countersign": f"{server.base}/api/auth/me",
            "nginx": stack.enter_context(behind_nginx(folder, server)),
            "axum": stack.enter_context(example([os.environ["COUNTERSIGN_TEST_AXUM_API"]], server, "LISTEN", "127.0.0.1:{port}")),
            "FastAPI": stack.enter_context(
                example(
                    [sys.executable, "-m", "uvicorn", "main:app", "--app-dir", ROOT / "examples/fastapi-api", "--log-level", "warning", "--port", "{port}"],
                    server,
                )
            ),
            "Express": stack.enter_context(
                example(["node", "main.js"], server, "PORT", "{port}", cwd=Path(os.environ["COUNTERSIGN_TEST_NODE"]) / "express-api")
            ),
        }
        client = stack.enter_context(httpx.Client(timeout=LIMIT))
        yield server, [Service(name, url, client) for name, url in urls.items()]


@contextmanager
def behind_nginx(folder, server):
    place = folder / "nginx"
    place.mkdir()
    with programs.upstream(b"[]") as application, programs.started(programs.nginx, place, server.port, application.port) as gateway:
        yield f"{gateway.base}/"


@contextmanager
def example(command, server, variable=None, value="", cwd=None):
    """One of the examples at a free port, with the server as its issuer."""
    port = free_port()
    words = [str(word).format(port=port) for word in command]
    environment = server.environment() | {"ISSUER": server.base} | ({variable: value.format(port=port)} if variable else {})
    process = subprocess.Popen(words, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}/products"
        for _ in range(600):
            assert process.poll() is None, f"{words[0]} ended by itself"
            try:
                if httpx.get(url, timeout=LIMIT).status_code == 401:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        yield url
    finally:
        programs.end(process)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def program():
    return os.environ["COUNTERSIGN_TEST_BIN"]

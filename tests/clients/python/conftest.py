"""A Countersign of its own for the tests: the program `COUNTERSIGN_TEST_BIN`, an embedded database and keys in a temporary
folder, a free port. It is started once and ended by its process id."""

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from oauth_person import Person

PASSWORD = "a long umbrella"


@dataclass
class Server:
    base: str

    def post(self, path, **request):
        return httpx.post(self.base + path, timeout=30, **request)

    def get(self, path, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.get(self.base + path, headers=headers, timeout=30)

    def register(self):
        """Signs a new person up; answers with the account and its e-mail address."""
        email = f"ada-{uuid4()}@example.com"
        answer = self.post("/api/auth/register", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def login(self, email):
        """Signs in as the OAuth2 password form does."""
        answer = self.post("/api/auth/login", data={"username": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="session")
def unlimited_server(tmp_path_factory):
    """Without rate limits: a fuzzer would see nothing but 429."""
    with running(tmp_path_factory.mktemp("unlimited"), COUNTERSIGN_LIMITS__ENABLED="false") as server:
        yield server


@pytest.fixture
def account(server):
    return server.register()


@pytest.fixture
def tokens(server, account):
    return server.login(account["email"])


@pytest.fixture
def user(issuer):
    """A user of the module's own server."""
    return issuer.register()


@pytest.fixture
def person(issuer, user):
    """The browser of the user."""
    return Person(issuer.base, user["email"], PASSWORD)


@contextmanager
def running(folder: Path, **settings):
    program = os.environ.get("COUNTERSIGN_TEST_BIN")
    assert program, "COUNTERSIGN_TEST_BIN must name the server's program; scripts/test clients sets it"
    # Settings in the environment of the tests do not apply to the server.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    port = free_port()
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [program, "serve", "--listen", f"127.0.0.1:{port}"],
            cwd=folder,
            env=environment | settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        base = f"http://127.0.0.1:{port}"
        wait_until_ready(process, base, log)
        yield Server(base)
        assert process.poll() is None, f"the server ended by itself:\n{log.read_text()}"
    finally:
        end(process)


def end(process):
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def eventually(ask, expected, seconds=20):
    """Asks until the answer is the expected one. The limit is there for a test that fails."""
    end = time.monotonic() + seconds
    while (answer := ask()) != expected:
        assert time.monotonic() < end, f"still {answer!r}, not {expected!r}"
        time.sleep(0.01)


def wait_until_listening(process, port):
    """Waits until a program listens on the port. The limit is there for a machine that is busy with other tests."""

    def listens():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    eventually(lambda: process.poll() is not None or listens(), True, 60)
    assert process.poll() is None, f"{process.args[0]} did not start"


def wait_until_ready(process, base, log):
    for _ in range(300):
        assert process.poll() is None, f"the server did not start:\n{log.read_text()}"
        try:
            if httpx.get(f"{base}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the server is not ready:\n{log.read_text()}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

"""A pytest plugin that runs an in-memory Countersign server with test users for your application's tests.

    def test_products(client, countersign_token):
        headers = countersign_token("ada@example.com", scopes=["products:read"]).headers
        assert client.get("/products", headers=headers).status_code == 200

Set `COUNTERSIGN_BIN` to the program, or put `countersign` on the PATH.
"""

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from subprocess import PIPE
from typing import IO, Any, Protocol

import httpx
import pytest

START_SECONDS = 30


@dataclass(frozen=True)
class DevUser:
    """A user that exists from the start."""

    id: str
    email: str
    password: str
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class DevToken:
    """A real token of a real session."""

    access_token: str
    refresh_token: str | None
    session: str
    user: str

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request with this token."""
        return {"Authorization": f"Bearer {self.access_token}"}


@dataclass
class DevServer:
    """A running `countersign dev`."""

    issuer: str
    users: tuple[DevUser, ...]
    _ahead: float = 0

    def token(
        self,
        user: str = "ada@example.com",
        *,
        scopes: Iterable[str] | None = None,
        lifetime: str | None = None,
        audience: str | None = None,
    ) -> DevToken:
        """Signs a user in. An unknown email address is signed up; `lifetime="-1h"` returns an expired token."""
        wanted = {"user": user, "scopes": list(scopes) if scopes is not None else None}
        wanted |= {"lifetime": lifetime, "audience": audience}
        given = self._post("/dev/tokens", {name: value for name, value in wanted.items() if value is not None})
        return DevToken(given["access_token"], given.get("refresh_token"), given["session"], given["user"])

    def revoke(self, token: DevToken) -> None:
        """Ends a token's session, like an administrator."""
        httpx.delete(f"{self.issuer}/dev/sessions/{token.session}", trust_env=False).raise_for_status()

    def advance(self, duration: str) -> None:
        """Moves the server's clock forward, for example by `"1h"`, for all following tests."""
        reached = datetime.fromisoformat(self._post("/dev/clock", {"advance": duration})["now"].replace("Z", "+00:00"))
        self._ahead = reached.timestamp() - time.time()

    def now(self) -> float:
        """Returns the server's time. To give a guard the same clock: `Guard(issuer, now=countersign_server.now)`."""
        return time.time() + self._ahead

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = httpx.post(self.issuer + path, json=body, trust_env=False).raise_for_status().json()
        assert isinstance(answer, dict)  # noqa: S101
        return answer


class TokenFactory(Protocol):
    """The type of `countersign_token`: `DevServer.token`."""

    def __call__(
        self,
        user: str = "ada@example.com",
        *,
        scopes: Iterable[str] | None = None,
        lifetime: str | None = None,
        audience: str | None = None,
    ) -> DevToken:
        """Signs a user in."""


@pytest.fixture(scope="session")
def countersign_server() -> Iterator[DevServer]:
    """A Countersign server for this test session."""
    with running() as server:
        yield server


@pytest.fixture
def countersign_token(countersign_server: DevServer) -> TokenFactory:
    """Issues tokens: `countersign_token("ada@example.com", scopes=["products:write"])`."""
    return countersign_server.token


@contextmanager
def running(*options: str) -> Iterator[DevServer]:
    """Runs `countersign dev` with these additional options until the end of the block."""
    program = os.environ.get("COUNTERSIGN_BIN") or shutil.which("countersign")
    if program is None:
        raise pytest.UsageError(
            "Countersign was not found: add `countersign` to the PATH, or set COUNTERSIGN_BIN to its path."
        )
    # Settings in the environment of the tests do not apply.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    command = [program, "dev", "--listen", "127.0.0.1:0", "--json", "--until-stdin-closes", *options]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=log, env=environment) as process,  # noqa: S603 - the program that the tests name
    ):
        try:
            yield _announced(process, log)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _announced(process: "subprocess.Popen[bytes]", log: IO[bytes]) -> DevServer:
    """Reads the server's URL from its first line of output."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    too_late = threading.Timer(START_SECONDS, process.kill)
    too_late.start()
    try:
        line = process.stdout.readline()
    finally:
        too_late.cancel()
    if not line:
        process.wait()
        log.seek(0)
        raise RuntimeError(f"`countersign dev` did not start:\n{log.read().decode(errors='replace')}")
    # No more output is expected, but an unread pipe would block the server.
    threading.Thread(target=process.stdout.read, daemon=True).start()
    said = json.loads(line)
    users = [DevUser(user["id"], user["email"], user["password"], tuple(user["scopes"])) for user in said["users"]]
    return DevServer(said["issuer"], tuple(users))

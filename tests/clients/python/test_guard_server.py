"""The guard, its pytest plugin, the README and the example, against the program itself."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import eventually
from countersign_guard import Denied, Guard
from countersign_guard.testing import running
from fastapi.testclient import TestClient
from guard_support import outcome

ROOT = Path(__file__).parents[3]
README = (ROOT / "clients" / "python" / "README.md").read_text()
EXAMPLE = ROOT / "examples" / "fastapi-api" / "main.py"

# The plugin finds the program in the way that its users configure it.
if "COUNTERSIGN_TEST_BIN" in os.environ:
    os.environ["COUNTERSIGN_BIN"] = os.environ["COUNTERSIGN_TEST_BIN"]


@pytest.fixture
def guard(countersign_server):
    with Guard(countersign_server.issuer) as guard:
        yield guard


@pytest.fixture(scope="module")
def example(countersign_server):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISSUER", countersign_server.issuer)
        module = {}
        exec(compile(EXAMPLE.read_text(), str(EXAMPLE), "exec"), module)
    with TestClient(module["app"]) as client:
        yield client


def test_a_token_names_its_user_and_its_session(countersign_token, guard):
    token = countersign_token("ada@example.com", scopes=["products:write"])
    verified = asyncio.run(guard.verify(token.access_token))
    user = verified.require_user()
    assert (str(user.id), str(user.session)) == (token.user, token.session)
    assert user.scopes == {"products:write"}
    assert guard.verify_sync(token.access_token) == verified


def test_seeded_users_sign_in(countersign_server):
    ada = countersign_server.users[0]
    assert ada.email == "ada@example.com"
    assert set(ada.scopes) == {"products:read", "products:write"}
    assert countersign_server.token(ada.id).user == ada.id


def test_a_revoked_session_is_refused_at_once(countersign_server, countersign_token, guard):
    token, other = countersign_token(), countersign_token()
    assert outcome(guard, token.access_token) == outcome(guard, other.access_token) == "ok"
    countersign_server.revoke(token)
    eventually(lambda: outcome(guard, token.access_token), "invalid_token")
    assert outcome(guard, other.access_token) == "ok"


def test_an_expired_token_and_one_for_others_are_refused(countersign_token, guard):
    assert outcome(guard, countersign_token(lifetime="-1h").access_token) == "invalid_token"
    elsewhere = countersign_token("new@example.com", audience="https://api.example.com").access_token
    assert outcome(guard, elsewhere) == "invalid_token"
    with Guard(guard.issuer, audience="https://api.example.com") as other:
        assert outcome(other, elsewhere) == "ok"


def test_time_travels():
    with running() as server, Guard(server.issuer, now=server.now) as guard:
        token = server.token(lifetime="2h").access_token
        assert outcome(guard, token) == "ok"
        server.advance("3h")
        with pytest.raises(Denied, match="expired"):
            guard.verify_sync(token)
        # The current list has expired, and the held request may take long; it is not awaited.
        assert outcome(guard, server.token().access_token) == "ok"


def test_the_example_reads_with_a_token_and_writes_with_a_scope(example, countersign_server, countersign_token):
    ada = countersign_token("ada@example.com", scopes=["products:write"])
    bob = countersign_token("bob@example.com")
    assert example.get("/products").json()["code"] == "missing_token"
    assert example.get("/products", headers=bob.headers).json() == [{"name": "Umbrella", "id": 1, "added_by": None}]
    refused = example.post("/products", headers=bob.headers, json={"name": "Hat"})
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    added = example.post("/products", headers=ada.headers, json={"name": "Hat"})
    assert (added.status_code, added.json()) == (201, {"name": "Hat", "id": 2, "added_by": ada.user})
    countersign_server.revoke(ada)
    eventually(lambda: example.get("/products", headers=ada.headers).status_code, 401)


def test_the_example_is_short():
    assert len(EXAMPLE.read_text().splitlines()) < 80


def test_the_readme_protects_routes(countersign_server, countersign_token, monkeypatch):
    monkeypatch.setenv("ISSUER", countersign_server.issuer)
    module = {}
    exec(readme_application(), module)
    client = TestClient(module["app"])
    ada = countersign_token(scopes=["products:read"])
    answer = client.get("/products", headers=ada.headers)
    assert (answer.status_code, answer.json()) == (200, {"owner": ada.user})
    assert client.post("/products", headers=ada.headers).status_code == 403
    module["guard"].close()


@pytest.mark.parametrize("application", ["README", "example"])
def test_the_readme_tests_an_application(tmp_path, application):
    code = readme_application() if application == "README" else EXAMPLE.read_text()
    (tmp_path / "main.py").write_text(code)
    for block in blocks():
        if block.startswith("# "):
            (tmp_path / block.splitlines()[0].removeprefix("# ")).write_text(block)
    assert (tmp_path / "conftest.py").exists()
    done = subprocess.run(
        # Without the plugins of other tests, which load slowly.
        [sys.executable, "-m", "pytest", "--rootdir", tmp_path, tmp_path]
        + [f"-pno:{plugin}" for plugin in ("cacheprovider", "schemathesis", "hypothesispytest")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^=+ 2 passed", done.stdout, re.MULTILINE)


def readme_application():
    [code] = [block for block in blocks() if "current_user(guard)" in block]
    return code


def blocks():
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)

"""The FastAPI services of the README (with our client) and of the guide (with PyJWT alone), taken from there word by
word, and clients as FastAPI's tutorial writes them."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from conftest import PASSWORD

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session", params=["README.md", "docs/guides/any-jose-library.md"])
def service(server, request):
    text = (ROOT / request.param).read_text()
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert "http://127.0.0.1:8000" in code
    module = {}
    exec(compile(code.replace("http://127.0.0.1:8000", server.base), request.param, "exec"), module)
    return TestClient(module["app"])


def test_the_readme_s_service_knows_its_user(service, account, tokens):
    answer = service.get("/products", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"owner": account["id"]}


@pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer nonsense", "Bearer a.b.c", "Basic YTpi"])
def test_the_readme_s_service_refuses_strangers(service, authorization):
    headers = {"Authorization": authorization} if authorization else {}
    answer = service.get("/products", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].split()[0] == "Bearer"


def test_the_service_s_own_documentation_signs_in_with_us(service, server):
    scheme = service.get("/openapi.json").json()["components"]["securitySchemes"]["OAuth2PasswordBearer"]
    assert scheme["flows"]["password"]["tokenUrl"] == f"{server.base}/api/auth/login"


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        # The minimum that OAuth2PasswordRequestForm accepts.
        ({}, {}),
        # OAuth2PasswordRequestFormStrict, with an empty scope as most clients send it.
        ({"grant_type": "password", "scope": ""}, {}),
        # The request of Swagger UI: fields without a value, and a Basic header without a user.
        ({"grant_type": "password", "client_id": "", "client_secret": ""}, {"Authorization": "Basic Og=="}),
    ],
    ids=["least", "strict", "swagger"],
)
def test_a_tutorial_style_client_signs_in(server, account, fields, headers):
    form = {"username": account["email"], "password": PASSWORD} | fields
    answer = server.post("/api/auth/login", data=form, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    token = answer.json()
    assert token["token_type"].lower() == "bearer"
    me = server.get("/api/auth/me", token["access_token"])
    assert me.status_code == 200
    assert me.json()["email"] == account["email"]


def test_a_wrong_password_and_an_unknown_account_look_alike(server, account):
    wrong = server.post("/api/auth/login", data={"username": account["email"], "password": "a short umbrella"})
    unknown = server.post("/api/auth/login", data={"username": "nobody@example.com", "password": "a short umbrella"})
    answers = []
    for answer in (wrong, unknown):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        answers.append({name: value for name, value in answer.json().items() if name != "request_id"})
    assert answers[0] == answers[1]
    assert answers[0]["code"] == "invalid_credentials"

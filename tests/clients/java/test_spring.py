"""Spring Security, by the recipes of the guide, as the application of src: an API, and a web application."""

import hashlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import pytest

TESTS = Path(__file__).parents[2]
sys.path.insert(0, str(TESTS / "clients/python"))
from conftest import PASSWORD, end, eventually, free_port, running, wait_until_listening  # noqa: E402
from guide import countersign, filled_in, snippets  # noqa: E402
from oauth_person import Person  # noqa: E402

GUIDE = "connect-an-application.md"
API = "Spring Boot (resource server)"
WEB = "Spring Boot (sign-in)"
SECRET = "a secret of a client, of this test"

CONFIGURATION = f"""
[[apis]]
identifier = "https://api.example.com"
name = "Orders"
clients = "any"
scopes = [
    {{ name = "orders:read", grant = "open", words = {{ en = "See your orders" }} }},
    {{ name = "orders:write", grant = "open", words = {{ en = "Change your orders" }} }},
]

[[apis]]
identifier = "https://another.example.com"
name = "Another"
clients = "any"
scopes = [{{ name = "orders:read", grant = "open", words = {{ en = "See your orders" }} }}]

[[clients]]
client_id = "nightly"
secret_sha256 = "{hashlib.sha256(SECRET.encode()).hexdigest()}"
grant_types = ["client_credentials"]
scope = "orders:read orders:write"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spring")
    (folder / "countersign.toml").write_text(CONFIGURATION)
    return folder


@pytest.fixture(scope="module")
def issuer(folder):
    with running(folder, COUNTERSIGN_LIMITS__ENABLED="false") as server:
        yield server


@pytest.fixture(scope="module")
def shop(issuer, folder):
    port = free_port()
    base = f"http://localhost:{port}"
    register, *_ = snippets(GUIDE, WEB, "sh")
    made = countersign(folder, filled_in(register, {"https://shop.example.com": base}))
    api, _ = snippets(GUIDE, API, "text")
    web, _ = snippets(GUIDE, WEB, "text")
    properties = filled_in(api, {"https://auth.example.com": issuer.base})
    properties += filled_in(web, {"https://auth.example.com": issuer.base, "csc_…": made["client_secret"]})
    (folder / "application.properties").write_text(f"server.address=127.0.0.1\nserver.port={port}\n{properties}")
    # The quickest start, at the expense of speed later.
    command = [
        "java",
        "-XX:TieredStopAtLevel=1",
        "-jar",
        os.environ["COUNTERSIGN_TEST_SPRING"],
        "--spring.main.banner-mode=off",
    ]
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL)
    try:
        wait_until_listening(process, port)
        yield base
        assert process.poll() is None, "Spring Boot ended by itself"
    finally:
        end(process)


@pytest.fixture
def user(issuer):
    return issuer.register()


@pytest.fixture
def person(issuer, user):
    return Person(issuer.base, user["email"], PASSWORD)


@pytest.mark.parametrize("heading", [API, WEB])
def test_the_application_is_the_recipe_of_the_guide(heading):
    source = "\n".join(path.read_text() for path in Path(__file__).parent.glob("src/main/java/shop/*.java"))
    *_, recipe = snippets(GUIDE, heading, "text")
    assert textwrap.indent(recipe, "    ") in source


def token(issuer, scope, api):
    form = {"grant_type": "client_credentials", "scope": scope, "resource": api}
    answer = httpx.post(f"{issuer.base}/oauth2/token", data=form, auth=("nightly", SECRET))
    return answer.raise_for_status().json()["access_token"]


def orders(shop, token):
    return httpx.get(f"{shop}/orders", headers={"Authorization": f"Bearer {token}"} if token else {})


def test_the_api_accepts_tokens_for_itself_with_the_scope(shop, issuer):
    answer = orders(shop, token(issuer, "orders:read", "https://api.example.com"))
    assert (answer.status_code, answer.json()) == (200, {"sub": "nightly"})
    assert orders(shop, token(issuer, "orders:write", "https://api.example.com")).status_code == 403


def test_the_api_refuses_tokens_for_others(shop, issuer, user):
    for refused in (
        token(issuer, "orders:read", "https://another.example.com"),
        issuer.login(user["email"])["access_token"],
    ):
        answer = orders(shop, refused)
        assert (answer.status_code, 'error="invalid_token"' in answer.headers["WWW-Authenticate"]) == (401, True)
    assert orders(shop, None).status_code == 401


def test_a_user_signs_in(shop, person, user):
    seen = person.open(f"{shop}/").json()
    assert (seen["sub"], seen["email"]) == (user["id"], user["email"])


def test_signing_out_ends_both_sessions(shop, issuer, person):
    csrf = person.open(f"{shop}/").json()["csrf"]
    page = person.follow(person.browser.post(f"{shop}/logout", data={"_csrf": csrf}))
    assert (page.status_code, page.text, str(page.url)) == (200, "goodbye", f"{shop}/goodbye")
    assert person.browser.get(f"{shop}/").is_redirect
    assert person.browser.get(f"{issuer.base}/account").is_redirect


def test_signing_out_of_countersign_signs_out_of_the_application(shop, person):
    person.open(f"{shop}/")
    assert person.browser.get(f"{shop}/").status_code == 200
    person.sign_out()
    eventually(lambda: person.browser.get(f"{shop}/").is_redirect, True)

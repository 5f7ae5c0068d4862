"""The session of a browser's cookie, for servers that render pages: what is sent to the issuer, and what its answers mean."""

import asyncio
import json
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import pytest
from countersign_guard import ForeignForm, Guard, Session, Unavailable
from countersign_guard.fastapi import optional_session, signed_in
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request

from conftest import PASSWORD, eventually
from guard_issuer import FakeIssuer, dropping, saying

USER = {"id": "01980000-0000-7000-8000-000000000001", "email": "ada@example.com"}
APP = "https://app.example.com"
TOKEN = "/api/auth/token"


@pytest.fixture(scope="module")
def issuer():
    with FakeIssuer(("1", "2")) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def guard(issuer):
    with Guard(issuer.url) as guard:
        yield guard


@pytest.fixture
def asked(issuer):
    """The headers of every request for a token; the answer is a good one."""
    seen = []

    def answer(handler):
        seen.append({name.lower(): value for name, value in handler.headers.items()})
        body = {"user": USER, "access_token": issuer.token(sub=USER["id"]), "expires_in": 600}
        handler.answer(json.dumps(body))

    issuer.lies[TOKEN] = answer
    return seen


def request(*headers, method="GET", **named):
    pairs = [*headers, *((name.replace("_", "-"), value) for name, value in named.items())]
    raw = [(name.encode(), value.encode()) for name, value in pairs]
    return Request({"type": "http", "method": method, "path": "/", "query_string": b"", "headers": raw})


def name_of(issuer):
    return f"countersign-{issuer.port}"


@pytest.fixture(params=["async", "sync"])
def ask(guard, request):
    def in_event_loop(asking, **options):
        return asyncio.run(guard.session_from_cookie(asking, **options))

    return in_event_loop if request.param == "async" else guard.session_from_cookie_sync


def test_a_cookie_becomes_a_user_and_a_token(guard, issuer, asked, ask):
    session = ask(request(cookie=f"{name_of(issuer)}=secret"))
    assert session.user == USER and session.expires_in == 600
    assert guard.verify_sync(session.access_token).subject == session.token.subject
    assert session.access_token not in repr(session)
    assert len(asked) == 1


def test_the_issuer_gets_its_own_cookies_and_nothing_else(issuer, asked, ask):
    name = name_of(issuer)
    cookie = f"theme=dark; {name}=secret; x{name}=1; {name}x=2; countersign=3; __Host-countersign-app=own; session=private"
    ask(request(cookie=cookie, authorization="Bearer private", x_forwarded_for="203.0.113.7"), origin=APP)
    assert asked[0]["cookie"] == f"{name}=secret; __Host-countersign-app=own"
    assert asked[0]["origin"] == APP
    assert "authorization" not in asked[0] and "x-forwarded-for" not in asked[0]
    ask(request(("cookie", f"{name}=one"), ("cookie", f"{name}=two")), client_address="203.0.113.7")
    assert asked[1]["cookie"] == f"{name}=one; {name}=two"
    assert (asked[1]["origin"], asked[1]["x-forwarded-for"]) == (issuer.url, "203.0.113.7")


def test_without_a_cookie_no_one_is_asked(issuer, asked, ask):
    name = name_of(issuer)
    for cookie in ("", "theme=dark", name, f"{name}2=secret", f"; {name.upper()}=secret"):
        assert ask(request(cookie=cookie)) is None
    assert ask(request()) is None
    assert asked == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site"},
        {"origin": "https://evil.example", "sec_fetch_site": "same-origin"},
    ],
)
def test_a_form_of_another_origin_is_refused(issuer, asked, ask, headers):
    cookie = f"{name_of(issuer)}=secret"
    for method in ("POST", "delete"):
        with pytest.raises(ForeignForm) as refused:
            ask(request(method=method, cookie=cookie, **headers))
        assert (refused.value.status, refused.value.code) == (403, "origin_not_allowed")
    assert asked == []
    # A link from another site may open a page.
    assert ask(request(cookie=cookie, **headers))


def test_a_form_of_its_own_is_let_in(issuer, asked, ask):
    cookie = f"{name_of(issuer)}=secret"
    assert ask(request(method="POST", cookie=cookie, origin=issuer.url))
    assert ask(request(method="POST", cookie=cookie, sec_fetch_site="same-origin"))


def test_what_the_issuer_answers_decides(issuer, ask):
    asking = request(cookie=f"{name_of(issuer)}=secret")
    issuer.lies[TOKEN] = saying({"code": "login_required"}, 401)
    assert ask(asking) is None
    issuer.lies[TOKEN] = saying({"code": "origin_not_allowed"}, 403)
    with pytest.raises(ValueError, match="app_origins"):
        ask(asking)
    for lie in (
        saying({}, 500),
        saying({}, 429),
        saying("", 302, Location="/"),
        saying("<html>"),
        saying("null"),
        saying({}),
        saying({"user": USER, "access_token": issuer.token()}),
        saying("x" * 100_000),
        dropping,
    ):
        issuer.lies[TOKEN] = lie
        with pytest.raises(Unavailable):
            ask(asking)
    issuer.lies[TOKEN] = saying({"user": USER, "access_token": issuer.token(sub=USER["id"], aud="other")})
    with pytest.raises(ValueError, match="not accepted"):
        ask(asking)


def test_a_session_that_has_ended_opens_nothing(issuer, guard):
    issuer.lies[TOKEN] = saying({"user": USER, "access_token": issuer.token(sub=USER["id"], idx=9, name="2")})
    asking = request(cookie=f"{name_of(issuer)}=secret")
    assert guard.session_from_cookie_sync(asking)
    issuer.revoke(9, "2")
    eventually(lambda: guard.session_from_cookie_sync(asking), None)


def application(guard, origin=None):
    app = FastAPI()
    Visitor = Annotated[Session | None, Depends(optional_session(guard, origin))]
    Member = Annotated[Session, Depends(signed_in(guard, origin))]

    @app.get("/")
    async def home(session: Visitor):
        return {"email": session.user["email"] if session else None}

    @app.get("/orders/{number}")
    async def order(number: int, session: Member):
        return {"owner": session.user["id"]}

    @app.post("/orders")
    async def add(session: Member):
        return {"owner": session.user["id"]}

    return app


def test_pages_of_fastapi(guard, issuer, asked):
    client = TestClient(application(guard), base_url=issuer.url, follow_redirects=False)
    assert client.get("/").json() == {"email": None}
    sent = client.get("/orders/7?page=2&q=a%26b")
    assert (sent.status_code, sent.headers["cache-control"]) == (303, "no-store")
    place = urlsplit(sent.headers["location"])
    assert f"{place.scheme}://{place.netloc}{place.path}" == f"{issuer.url}/signin"
    assert parse_qs(place.query) == {"return_to": ["/orders/7?page=2&q=a%26b"]}
    assert client.post("/orders", headers={"Origin": issuer.url}).status_code == 401
    client.cookies.set(name_of(issuer), "secret")
    assert client.get("/").json() == {"email": "ada@example.com"}
    assert client.get("/orders/7").json() == {"owner": USER["id"]}
    # What a proxy in front said, and the peer.
    client.get("/", headers={"X-Forwarded-For": "203.0.113.7"})
    assert asked[-1]["x-forwarded-for"] == "203.0.113.7, testclient"
    assert client.post("/orders", headers={"Origin": issuer.url}).status_code == 200
    refused = client.post("/orders", headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403 and "www-authenticate" not in refused.headers


def test_pages_on_another_host_lead_back_there(guard, issuer):
    client = TestClient(application(guard, APP), base_url=APP, follow_redirects=False)
    place = urlsplit(client.get("/orders/7").headers["location"])
    assert parse_qs(place.query) == {"return_to": [f"{APP}/orders/7"]}


def test_a_cookie_opens_pages_of_the_real_server_until_its_session_ends(server):
    account = server.register()
    credentials = {"email": account["email"], "password": PASSWORD, "session": "cookie"}
    signed_in = server.post("/api/auth/login", json=credentials, headers={"Origin": server.base})
    assert signed_in.status_code == 200, signed_in.text
    name = f"countersign-{urlsplit(server.base).port}"
    cookie = f"{name}={signed_in.cookies[name]}"
    with Guard(server.base) as guard:
        ask = guard.session_from_cookie_sync
        session = ask(request(cookie=cookie))
        assert (session.user["id"], session.user["email"]) == (account["id"], account["email"])
        # In development, every page on localhost is an application.
        assert ask(request(cookie=cookie), origin="http://127.0.0.1:3000").user["id"] == account["id"]
        with pytest.raises(ValueError, match="app_origins"):
            ask(request(cookie=cookie), origin=APP)
        assert ask(request(cookie=f"{cookie}x")) is None
        assert ask(request(cookie=f"{cookie}; {cookie}")) is None  # One of two was planted.
        bearer = {"Authorization": f"Bearer {session.access_token}"}
        assert server.post("/api/auth/logout", headers=bearer).status_code == 204
        assert ask(request(cookie=cookie)) is None

"""The ASGI middleware, under Starlette and under nothing."""

import asyncio

import pytest
from countersign_guard import Guard
from countersign_guard.asgi import GuardMiddleware
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse

from guard_issuer import FakeIssuer


@pytest.fixture(scope="module")
def issuer():
    with FakeIssuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def guard(issuer):
    with Guard(issuer.url) as guard:
        yield guard


def client(guard, **options):
    async def who(request):
        return JSONResponse({"user": str(request.user.id) if request.user else None})

    async def caller(request):
        caller, user = request.scope["caller"], request.user
        return JSONResponse({"caller": caller and str(caller.id), "user": user and str(user.id)})

    async def talk(socket):
        await socket.accept()
        await socket.send_text(str(socket.user.id))
        await socket.close()

    app = Starlette(routes=[Route("/who", who), Route("/caller", caller), WebSocketRoute("/talk", talk)])
    app.add_middleware(GuardMiddleware, guard=guard, **options)
    return TestClient(app)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


SUB = "01980000-0000-7000-8000-000000000001"


def test_the_user_of_a_good_token_is_there(guard, issuer):
    assert client(guard).get("/who", headers=bearer(issuer.token(sub=SUB))).json() == {"user": SUB}


def test_a_clients_token_is_refused_also_where_no_token_is_needed(guard, issuer):
    for options in ({}, {"optional": True}, {"scopes": ["products:read"]}):
        answer = client(guard, **options).get("/who", headers=bearer(issuer.client_token()))
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
        assert 'error="insufficient_scope", error_description="' in answer.headers["WWW-Authenticate"]


def test_clients_can_be_let_in(guard, issuer):
    open_to_clients = client(guard, clients=True, scopes=["products:read"])
    answer = open_to_clients.get("/caller", headers=bearer(issuer.client_token(scope="products:read")))
    assert answer.json() == {"caller": "billing", "user": None}
    answer = open_to_clients.get("/caller", headers=bearer(issuer.token(sub=SUB, scope="products:read")))
    assert answer.json() == {"caller": SUB, "user": SUB}
    assert open_to_clients.get("/caller", headers=bearer(issuer.client_token(scope="other"))).status_code == 403
    assert open_to_clients.get("/caller").status_code == 401
    assert client(guard, optional=True).get("/caller").json() == {"caller": None, "user": None}


def test_others_are_refused(guard, issuer):
    answer = client(guard).get("/who", headers=bearer("nonsense"))
    assert answer.status_code == answer.json()["status"] == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith(f'Bearer realm="{issuer.url}", error="invalid_token"')
    assert answer.json()["code"] == "invalid_token"
    assert client(guard).get("/who").json()["code"] == "missing_token"


def test_a_scope_can_be_needed(guard, issuer):
    writers = client(guard, scopes=["products:write"])
    assert writers.get("/who", headers=bearer(issuer.token(scope="products:read"))).status_code == 403
    assert writers.get("/who", headers=bearer(issuer.token(scope="products:write"))).status_code == 200


def test_strangers_can_be_let_in(guard, issuer):
    open_to_all = client(guard, optional=True)
    assert open_to_all.get("/who").json() == {"user": None}
    assert open_to_all.get("/who", headers=bearer("nonsense")).status_code == 401


def test_a_websocket_is_guarded_too(guard, issuer):
    with client(guard).websocket_connect("/talk", headers=bearer(issuer.token(sub=SUB))) as socket:
        assert socket.receive_text() == SUB
    with pytest.raises(WebSocketDenialResponse) as denied, client(guard).websocket_connect("/talk"):
        pass
    assert denied.value.status_code == 401


def test_a_websocket_is_refused_where_the_server_cannot_say_why(guard):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "headers": []}
    asyncio.run(GuardMiddleware(None, guard)(scope, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_lifespan_passes(guard):
    with client(guard):
        pass

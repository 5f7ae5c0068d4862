"""The dependency for FastAPI, in an application as a user writes it."""

from typing import Annotated

import pytest
import starlette
from countersign_guard import Guard, User, VerifiedClient
from countersign_guard.fastapi import Refusal, current_caller, current_user, optional_user, problem_details
from fastapi import Depends, FastAPI, Security, WebSocket
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from guard_issuer import KEYS, FakeIssuer, saying


@pytest.fixture(scope="module")
def issuer():
    with FakeIssuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def guard(issuer):
    with Guard(issuer.url) as guard:
        yield guard


def application(guard):
    app = FastAPI()
    get_current_user = current_user(guard, scopes={"products:write": "change products"})
    get_optional_user = optional_user(guard)

    @app.get("/products")
    async def products(user: Annotated[User, Depends(get_current_user)]):
        return {"owner": user.id}

    @app.post("/products")
    def create(user: Annotated[User, Security(get_current_user, scopes=["products:write"])]):
        return {"owner": user.id}

    @app.get("/stock")
    async def stock(caller: Annotated[User | VerifiedClient, Security(current_caller(guard), scopes=["products:read"])]):
        return {"id": caller.id, "is_user": isinstance(caller, User)}

    @app.get("/welcome")
    async def welcome(user: Annotated[User | None, Depends(get_optional_user)]):
        return {"known": user is not None}

    @app.websocket("/talk")
    async def talk(socket: WebSocket, user: Annotated[User, Depends(get_current_user)]):
        await socket.accept()
        await socket.send_text(str(user.id))
        await socket.close()

    return app


@pytest.fixture(scope="module")
def client(guard):
    return TestClient(application(guard))


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_a_good_token_is_let_in(client, issuer):
    sub = "01980000-0000-7000-8000-000000000001"
    answer = client.get("/products", headers=bearer(issuer.token(sub=sub)))
    assert (answer.status_code, answer.json()) == (200, {"owner": sub})


def test_without_a_token_no_error_is_told(client, issuer):
    answer = client.get("/products")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="{issuer.url}"'
    assert answer.json() == {"detail": "This route requires a bearer token."}


def test_a_bad_token_is_told_why(client, issuer):
    answer = client.get("/products", headers=bearer(issuer.token(exp=1)))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer realm="{issuer.url}", error="invalid_token", error_description="The token has expired."'
    )


def test_a_scope_that_is_missing_is_named(client, issuer):
    answer = client.post("/products", headers=bearer(issuer.token(scope="products:read")))
    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer realm="{issuer.url}", error="insufficient_scope", scope="products:write"'
    )
    assert client.post("/products", headers=bearer(issuer.token(scope="products:write"))).status_code == 200


def test_a_clients_token_is_for_no_person(client, issuer):
    for path in ("/products", "/welcome"):
        answer = client.get(path, headers=bearer(issuer.client_token()))
        assert answer.status_code == 403
        assert answer.headers["WWW-Authenticate"] == (
            f'Bearer realm="{issuer.url}", error="insufficient_scope", '
            "error_description=\"This route requires the token of a user, but the token belongs to a client.\""
        )
    assert client.post("/products", headers=bearer(issuer.client_token(scope="products:write"))).status_code == 403
    # Errors of the token itself come first.
    assert client.get("/products", headers=bearer(issuer.client_token(exp=1))).status_code == 401


def test_a_client_is_let_in_where_a_route_takes_its_caller(client, issuer):
    sub = "01980000-0000-7000-8000-000000000001"
    answer = client.get("/stock", headers=bearer(issuer.client_token(scope="products:read")))
    assert (answer.status_code, answer.json()) == (200, {"id": "billing", "is_user": False})
    answer = client.get("/stock", headers=bearer(issuer.token(sub=sub, scope="products:read")))
    assert (answer.status_code, answer.json()) == (200, {"id": sub, "is_user": True})
    assert client.get("/stock", headers=bearer(issuer.client_token(scope="products:write"))).status_code == 403
    assert client.get("/stock").status_code == client.get("/stock", headers=bearer("nonsense")).status_code == 401


def test_two_headers_are_refused_whatever_they_hold(client, issuer):
    good = f"Bearer {issuer.token()}"
    answer = client.get("/products", headers=[("Authorization", good), ("authorization", good)])
    assert answer.status_code == 401


def test_a_token_in_the_query_is_not_read(client, issuer):
    assert client.get("/products", params={"access_token": issuer.token()}).status_code == 401


def test_an_open_route_knows_its_user_if_there_is_one(client, issuer):
    assert client.get("/welcome").json() == {"known": False}
    assert client.get("/welcome", headers=bearer(issuer.token())).json() == {"known": True}
    assert client.get("/welcome", headers=bearer("nonsense")).status_code == 401


def test_a_websocket_knows_its_user(client, issuer):
    sub = "01980000-0000-7000-8000-000000000001"
    with client.websocket_connect("/talk", headers=bearer(issuer.token(sub=sub))) as socket:
        assert socket.receive_text() == sub
    for headers in ({}, bearer("nonsense")):
        with pytest.raises(WebSocketDisconnect) as denied, client.websocket_connect("/talk", headers=headers):
            pass
        if starlette_version() >= (0, 41):
            assert isinstance(denied.value, WebSocketDenialResponse)
            assert denied.value.status_code == 401
        else:
            # A handshake can only be closed, which servers answer with 403.
            assert denied.value.code == 1008


def starlette_version():
    return tuple(int(number) for number in starlette.__version__.split(".")[:2])


def test_without_keys_it_is_not_the_bearers_fault(issuer):
    issuer.lies[KEYS] = saying("", status=500)
    with Guard(issuer.url) as guard:
        answer = TestClient(application(guard)).get("/products", headers=bearer(issuer.token()))
    issuer.lies.clear()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert "WWW-Authenticate" not in answer.headers


def test_answers_are_problems_if_that_is_wanted(guard, issuer):
    app = application(guard)
    app.add_exception_handler(Refusal, problem_details)
    answer = TestClient(app).get("/products", headers=bearer("nonsense"))
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "The token is not a JWT.",
        "code": "invalid_token",
    }


def test_the_docs_have_their_authorize_button(client, issuer):
    document = client.get("/openapi.json").json()
    assert document["components"]["securitySchemes"] == {
        "OAuth2PasswordBearer": {
            "type": "oauth2",
            "flows": {
                "password": {
                    "tokenUrl": f"{issuer.url}/api/auth/login",
                    "scopes": {"products:write": "change products"},
                }
            },
        }
    }
    assert document["paths"]["/products"]["get"]["security"] == [{"OAuth2PasswordBearer": []}]
    assert document["paths"]["/products"]["post"]["security"] == [{"OAuth2PasswordBearer": ["products:write"]}]
    # The dependency adds no parameters to the document.
    assert "parameters" not in document["paths"]["/products"]["get"]

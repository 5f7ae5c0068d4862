"""Protects FastAPI's routes.

guard = Guard("https://auth.example.com", audience="https://api.example.com")
get_current_user = current_user(guard)

@app.get("/products")
async def products(user: Annotated[User, Depends(get_current_user)]): ...

@app.post("/products")
async def create(user: Annotated[User, Security(get_current_user, scopes=["products:write"])]): ...
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated
from weakref import WeakKeyDictionary

import starlette
from fastapi import Depends, HTTPException, Request, WebSocket, WebSocketException
from fastapi.openapi.models import OAuth2, OAuthFlowPassword, OAuthFlows
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse, Response
from fastapi.security import OAuth2PasswordBearer, SecurityScopes

from .denied import Denied, MissingToken
from .guard import Guard
from .subject import User

__all__ = ["Refusal", "current_user", "optional_user", "problem_details"]


class Refusal(HTTPException):
    """The answer to a request that is not let in. FastAPI sends it as `{"detail": "…"}`; see `problem_details`."""

    def __init__(self, denied: Denied) -> None:
        super().__init__(denied.status, denied.detail, denied.headers)
        self.denied = denied


def current_user(guard: Guard, scopes: Mapping[str, str] | None = None) -> Callable[..., Awaitable[User]]:
    """A dependency that gives the person behind a request, or answers as RFC 6750 says: 403 for a client's token.

    `scopes` (names and what they are for) are offered by the *Authorize* button of `/docs`, which signs in at the
    issuer: the issuer's `cors_origins` must name this service's origin for that.
    """

    async def get_current_user(
        connection: HTTPConnection,
        needed: SecurityScopes,
        _shown_in_docs: Annotated[None, Depends(_scheme(guard, scopes))],
    ) -> User:
        try:
            token = await guard.authenticate(connection.headers.getlist("Authorization"), needed.scopes)
            return token.require_user()
        except Denied as denied:
            raise _refusal(denied, connection) from None

    return get_current_user


def optional_user(guard: Guard, scopes: Mapping[str, str] | None = None) -> Callable[..., Awaitable[User | None]]:
    """The same for routes that are open: gives `None` if no token came. A bad token is still refused."""

    async def get_optional_user(
        connection: HTTPConnection,
        needed: SecurityScopes,
        _shown_in_docs: Annotated[None, Depends(_scheme(guard, scopes))],
    ) -> User | None:
        try:
            token = await guard.authenticate(connection.headers.getlist("Authorization"), needed.scopes)
            return token.require_user()
        except MissingToken:
            return None
        except Denied as denied:
            raise _refusal(denied, connection) from None

    return get_optional_user


async def problem_details(_request: Request, refusal: Exception) -> Response:
    """Answers with a body as RFC 9457 says: `app.add_exception_handler(Refusal, problem_details)`."""
    if not isinstance(refusal, Refusal):
        raise refusal
    denied = refusal.denied
    return JSONResponse(denied.problem, denied.status, denied.headers, media_type="application/problem+json")


def _refusal(denied: Denied, connection: HTTPConnection) -> Exception:
    if isinstance(connection, WebSocket) and not _ANSWERS_HANDSHAKES:
        # The server answers 403: this Starlette sends no answer to a handshake.
        return WebSocketException(1008, denied.detail)
    return Refusal(denied)


_ANSWERS_HANDSHAKES = tuple(int(number) for number in starlette.__version__.split(".")[:2]) >= (0, 41)


class _Shown(OAuth2PasswordBearer):
    """A scheme that stands in the OpenAPI document and looks at nothing.

    FastAPI's own asks for a `Request`, which a WebSocket does not have; and of several headers it looks at one.
    """

    async def __call__(self, request: HTTPConnection) -> None:
        return None


def _scheme(guard: Guard, scopes: Mapping[str, str] | None) -> _Shown:
    """Stands for the guard in the OpenAPI document: once, with the scopes that any of its dependencies offers."""
    url = f"{guard.issuer}/api/auth/login"
    shown = _Shown(url, scheme_name=OAuth2PasswordBearer.__name__, auto_error=False)
    scheme, offered = _schemes.setdefault(guard, (shown, {}))
    offered.update(scopes or {})
    scheme.model = OAuth2(flows=OAuthFlows(password=OAuthFlowPassword(tokenUrl=url, scopes=offered)))
    return scheme


_schemes: WeakKeyDictionary[Guard, tuple[_Shown, dict[str, str]]] = WeakKeyDictionary()

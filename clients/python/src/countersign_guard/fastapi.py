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

from fastapi import Depends, HTTPException, Request
from fastapi.openapi.models import OAuth2, OAuthFlowPassword, OAuthFlows
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse, Response
from fastapi.security import OAuth2PasswordBearer, SecurityScopes

from .denied import Denied, MissingToken
from .guard import Guard
from .user import User

__all__ = ["Refusal", "current_user", "optional_user", "problem_details"]


class Refusal(HTTPException):
    """The answer to a request that is not let in. FastAPI sends it as `{"detail": "…"}`; see `problem_details`."""

    def __init__(self, denied: Denied) -> None:
        super().__init__(denied.status, denied.detail, denied.headers)
        self.denied = denied


def current_user(guard: Guard, scopes: Mapping[str, str] | None = None) -> Callable[..., Awaitable[User]]:
    """A dependency that gives the sender of a request, or answers as RFC 6750 says.

    `scopes` (names and what they are for) are offered by the *Authorize* button of `/docs`, which signs in at the
    issuer: the issuer's `cors_origins` must name this service's origin for that.
    """

    async def get_current_user(
        connection: HTTPConnection,
        needed: SecurityScopes,
        _shown_in_docs: Annotated[str | None, Depends(_scheme(guard, scopes))],
    ) -> User:
        return await _user_of(guard, connection, needed)

    return get_current_user


def optional_user(guard: Guard, scopes: Mapping[str, str] | None = None) -> Callable[..., Awaitable[User | None]]:
    """The same for routes that are open: gives `None` if no token came. A bad token is still refused."""

    async def get_optional_user(
        connection: HTTPConnection,
        needed: SecurityScopes,
        _shown_in_docs: Annotated[str | None, Depends(_scheme(guard, scopes))],
    ) -> User | None:
        try:
            return await _user_of(guard, connection, needed)
        except Refusal as refusal:
            if isinstance(refusal.denied, MissingToken):
                return None
            raise

    return get_optional_user


async def problem_details(_request: Request, refusal: Exception) -> Response:
    """Answers with a body as RFC 9457 says: `app.add_exception_handler(Refusal, problem_details)`."""
    if not isinstance(refusal, Refusal):
        raise refusal
    denied = refusal.denied
    return JSONResponse(denied.problem, denied.status, denied.headers, media_type="application/problem+json")


async def _user_of(guard: Guard, connection: HTTPConnection, needed: SecurityScopes) -> User:
    try:
        return await guard.authenticate(connection.headers.getlist("Authorization"), needed.scopes)
    except Denied as denied:
        raise Refusal(denied) from None


def _scheme(guard: Guard, scopes: Mapping[str, str] | None) -> OAuth2PasswordBearer:
    """Stands for the guard in the OpenAPI document: once, with the scopes that any of its dependencies offers.

    What it finds in a request is not used: of several headers it looks at one.
    """
    url = f"{guard.issuer}/api/auth/login"
    scheme, offered = _schemes.setdefault(guard, (OAuth2PasswordBearer(url, auto_error=False), {}))
    offered.update(scopes or {})
    scheme.model = OAuth2(flows=OAuthFlows(password=OAuthFlowPassword(tokenUrl=url, scopes=offered)))
    return scheme


_schemes: WeakKeyDictionary[Guard, tuple[OAuth2PasswordBearer, dict[str, str]]] = WeakKeyDictionary()

"""Protects FastAPI routes.

guard = Guard("https://auth.example.com", audience="https://api.example.com")
get_current_user = current_user(guard)

@app.get("/products")
async def products(user: Annotated[User, Depends(get_current_user)]): ...

@app.post("/products")
async def create(user: Annotated[User, Security(get_current_user, scopes=["products:write"])]): ...

@app.get("/stock")              # for users, and for clients on their own behalf, such as a cron job
async def stock(caller: Annotated[User | VerifiedClient, Depends(current_caller(guard))]): ...

@app.get("/account")            # a page: the session of the browser's cookie, or the sign-in page
async def account(session: Annotated[Session, Depends(signed_in(guard))]): ...
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated
from urllib.parse import quote
from weakref import WeakKeyDictionary

import starlette
from fastapi import Depends, HTTPException, Request, WebSocket, WebSocketException
from fastapi.openapi.models import OAuth2, OAuthFlowPassword, OAuthFlows
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse, Response
from fastapi.security import OAuth2PasswordBearer, SecurityScopes

from .denied import Denied, MissingToken
from .guard import Guard
from .session import Session
from .subject import Caller, User

__all__ = [
    "Refusal",
    "current_caller",
    "current_user",
    "optional_session",
    "optional_user",
    "problem_details",
    "signed_in",
]


class Refusal(HTTPException):
    """The response to a rejected request. FastAPI sends it as `{"detail": "…"}`; see `problem_details`."""

    def __init__(self, denied: Denied) -> None:
        super().__init__(denied.status, denied.detail, denied.headers)
        self.denied = denied


def current_user(guard: Guard, scopes: Mapping[str, str] | None = None) -> Callable[..., Awaitable[User]]:
    """Returns a dependency for the user of a request. It rejects others as RFC 6750 requires: 403 for a client's token.

    `scopes` (names and descriptions) are offered by the *Authorize* button of `/docs`, which signs in at the issuer.
    The issuer's `app_origins` must include this service's origin for that.
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


def current_caller(guard: Guard, scopes: Mapping[str, str] | None = None) -> Callable[..., Awaitable[Caller]]:
    """The same for routes that clients may call on their own behalf: returns a `User` or a `VerifiedClient`."""

    async def get_current_caller(
        connection: HTTPConnection,
        needed: SecurityScopes,
        _shown_in_docs: Annotated[None, Depends(_scheme(guard, scopes))],
    ) -> Caller:
        try:
            return (await guard.authenticate(connection.headers.getlist("Authorization"), needed.scopes)).caller
        except Denied as denied:
            raise _refusal(denied, connection) from None

    return get_current_caller


def optional_user(guard: Guard, scopes: Mapping[str, str] | None = None) -> Callable[..., Awaitable[User | None]]:
    """The same for public routes: returns `None` if there is no token. An invalid token is still rejected."""

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


def optional_session(guard: Guard, origin: str | None = None) -> Callable[..., Awaitable[Session | None]]:
    """Returns a dependency for pages: the session of the browser's cookie, or `None` if no one is signed in.

    `origin` is the origin of this application, if it is not the issuer's. `Guard.session_from_cookie` says more.
    """

    async def get_optional_session(request: Request) -> Session | None:
        try:
            return await guard.session_from_cookie(request, origin=origin, client_address=_forwarded_for(request))
        except Denied as denied:
            raise Refusal(denied) from None

    return get_optional_session


def signed_in(guard: Guard, origin: str | None = None) -> Callable[..., Awaitable[Session]]:
    """The same for pages of signed-in users. It sends others to the sign-in page, which leads back.

    A request that is not a GET, such as a form, gets 401.
    """
    find = optional_session(guard, origin)

    async def get_session(request: Request) -> Session:
        session = await find(request)
        if session is not None:
            return session
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(401, "Sign in and try again.")
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return_to = quote((origin or "") + path, safe="")
        # Shared and private caches must not keep the way to the sign-in page for a user who has signed in since.
        headers = {"Location": f"{guard.issuer}/signin?return_to={return_to}", "Cache-Control": "no-store"}
        raise HTTPException(303, headers=headers)

    return get_session


def _forwarded_for(request: Request) -> str | None:
    """The addresses that a proxy in front named, and the peer's, as a proxy would pass them on."""
    peer = request.client.host if request.client else None
    return ", ".join([*request.headers.getlist("x-forwarded-for"), *([peer] if peer else [])]) or None


async def problem_details(_request: Request, refusal: Exception) -> Response:
    """Responds with a body according to RFC 9457: `app.add_exception_handler(Refusal, problem_details)`."""
    if not isinstance(refusal, Refusal):
        raise refusal
    denied = refusal.denied
    return JSONResponse(denied.problem, denied.status, denied.headers, media_type="application/problem+json")


def _refusal(denied: Denied, connection: HTTPConnection) -> Exception:
    if isinstance(connection, WebSocket) and not _ANSWERS_HANDSHAKES:
        # The server answers 403: this Starlette version cannot send a response to a handshake.
        return WebSocketException(1008, denied.detail)
    return Refusal(denied)


_ANSWERS_HANDSHAKES = tuple(int(number) for number in starlette.__version__.split(".")[:2]) >= (0, 41)


class _Shown(OAuth2PasswordBearer):
    """A security scheme for the OpenAPI document that checks nothing.

    FastAPI's own needs a `Request`, which a WebSocket does not have, and checks only one of several headers.
    """

    async def __call__(self, request: HTTPConnection) -> None:
        return None


def _scheme(guard: Guard, scopes: Mapping[str, str] | None) -> _Shown:
    """Represents the guard in the OpenAPI document once, with the scopes of all its dependencies."""
    url = f"{guard.issuer}/api/auth/login"
    shown = _Shown(url, scheme_name=OAuth2PasswordBearer.__name__, auto_error=False)
    scheme, offered = _schemes.setdefault(guard, (shown, {}))
    offered.update(scopes or {})
    scheme.model = OAuth2(flows=OAuthFlows(password=OAuthFlowPassword(tokenUrl=url, scopes=offered)))
    return scheme


_schemes: WeakKeyDictionary[Guard, tuple[_Shown, dict[str, str]]] = WeakKeyDictionary()

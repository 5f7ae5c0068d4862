"""The session of a browser's cookie, for servers that render pages.

The issuer exchanges the cookie for a short access token, which is verified like any other. Nothing is cached, so a
session that has ended opens nothing.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from .denied import Denied, Unavailable
from .subject import VerifiedToken
from .transport import Reply

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SECONDS = 10
LONGEST = 64 * 1024
_UNAVAILABLE = "Who is signed in cannot be checked at the moment. Try again."
_VISIBLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Session:
    """The session of a signed-in user."""

    user: Mapping[str, Any]
    """The account, as `GET /api/auth/me` returns it."""
    access_token: str = field(repr=False)
    """A token for requests to your services. Never send it to the browser."""
    expires_in: int
    """The seconds for which the token is valid."""
    token: VerifiedToken = field(repr=False)
    """The verified token."""


class Request(Protocol):
    """A request of Starlette, FastAPI, or another framework with such headers."""

    @property
    def method(self) -> str:
        """`GET`, `POST` or another."""
        ...

    @property
    def headers(self) -> "Headers":
        """The headers, whose names have no case."""
        ...


class Headers(Protocol):
    """Headers like those of Starlette and Werkzeug."""

    def getlist(self, key: str, /) -> list[str]:
        """Returns all values of a header."""
        ...


class ForeignForm(Denied):
    """A page from another origin sent the request with the user's cookie."""

    status, code, title = 403, "origin_not_allowed", "Forbidden"

    @property
    def headers(self) -> dict[str, str]:
        """There is no challenge, because a token would not help."""
        return {}


def refuse_foreign_form(request: Request, own: str) -> None:
    """Rejects a form that a page from another origin sends. `SameSite=Lax` lets pages of the same site do so."""
    if request.method.upper() in SAFE:
        return
    origins = request.headers.getlist("origin")
    is_own = origins == [own] if origins else request.headers.getlist("sec-fetch-site") == ["same-origin"]
    if not is_own:
        raise ForeignForm("The request was sent by a page from another origin.")


def cookies_for(request: Request, issuer: str, origin: str) -> str:
    """Returns the cookies of the issuer, and no other.

    There may be two: the one of the pages, if the application is on the issuer's host, and the application's own, set
    by forward-auth.
    """
    names = (_cookie_name("countersign", issuer), _cookie_name("countersign-app", origin))
    pairs = (pair.strip() for value in request.headers.getlist("cookie") for pair in value.split(";"))
    return "; ".join(pair for pair in pairs if _is_of(pair, names) and _VISIBLE.fullmatch(pair))


def read_reply(reply: Reply, origin: str) -> dict[str, Any] | None:
    """Returns what the issuer says about the cookie: `None` if no one is signed in."""
    if reply.status == 401:
        return None
    if reply.status == 403:
        advice = "add it to the issuer's app_origins, or pass the right one as `origin`"
        raise ValueError(f"the issuer does not accept the origin {origin}: {advice}")
    if reply.status != 200:
        raise Unavailable(_UNAVAILABLE)
    try:
        body: dict[str, Any] = json.loads(reply.body)
    except ValueError:
        raise Unavailable(_UNAVAILABLE) from None
    user = body.get("user") if isinstance(body, dict) else None
    if not isinstance(user, dict) or not isinstance(body.get("access_token"), str):
        raise Unavailable(_UNAVAILABLE)
    return body


def session_of(body: dict[str, Any], token: VerifiedToken) -> Session:
    """Returns the session of a reply and its verified token."""
    if str(token.require_user().id) != body["user"].get("id"):
        raise Unavailable(_UNAVAILABLE)
    return Session(body["user"], body["access_token"], body.get("expires_in", 0), token)


def unavailable() -> Unavailable:
    """Returns the error of an issuer that cannot be asked."""
    return Unavailable(_UNAVAILABLE)


def _is_of(pair: str, names: Iterable[str]) -> bool:
    name, equals, _ = pair.partition("=")
    return bool(equals) and name in names


def _cookie_name(name: str, origin: str) -> str:
    parts = urlsplit(origin)
    prefix = "__Host-" if parts.scheme == "https" else ""
    return f"{prefix}{name}" + (f"-{parts.port}" if parts.port else "")

"""Why a request is rejected, and the response according to RFC 6750 §3."""

from collections.abc import Iterable
from typing import Any, ClassVar


class Denied(Exception):  # noqa: N818 - it is a response, not an error in the program
    """A rejected request. `status`, `headers` and `problem` are the response to send."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]

    realm = ""
    """The protection space that the challenge names: the issuer. The guard sets it."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the response: the challenge, or when to retry."""
        challenge = {"realm": self.realm} | self._challenge()
        return {
            "WWW-Authenticate": "Bearer " + ", ".join(f'{name}="{_quoted(text)}"' for name, text in challenge.items())
        }

    @property
    def problem(self) -> dict[str, Any]:
        """The body of the response (RFC 9457), to be sent as `application/problem+json`."""
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }

    def _challenge(self) -> dict[str, str]:
        return {"error": self.code, "error_description": self.detail}


class MissingToken(Denied):
    """The request has no bearer token."""

    status, code, title = 401, "missing_token", "Unauthorized"

    def _challenge(self) -> dict[str, str]:
        return {}  # RFC 6750 §3.1: a request without a token gets no error code.


class InvalidToken(Denied):
    """The token is invalid."""

    status, code, title = 401, "invalid_token", "Unauthorized"


class Revoked(InvalidToken):
    """The token is genuine but was revoked."""


class InsufficientScope(Denied):
    """The token lacks a scope that the route needs."""

    status, code, title = 403, "insufficient_scope", "Forbidden"

    def __init__(self, needed: Iterable[str]) -> None:
        self.scope = " ".join(needed)
        super().__init__(f"This route needs the scope {self.scope}.")

    def _challenge(self) -> dict[str, str]:
        return {"error": self.code, "scope": self.scope}


class UserRequired(Denied):
    """The token is valid but belongs to a client, and the route is for users only."""

    status, code, title = 403, "insufficient_scope", "Forbidden"


class Unavailable(Denied):
    """The token cannot be checked right now: the issuer's keys or its status list are missing."""

    status, code, title = 503, "unavailable", "Service Unavailable"

    @property
    def headers(self) -> dict[str, str]:
        """When to retry. There is no challenge, because another token would not help."""
        return {"Retry-After": "1"}


def _quoted(text: str) -> str:
    """RFC 6750 §3: printable ASCII without quotation mark and backslash."""
    return "".join("'" if c in '"\\' else c if " " <= c <= "~" else "?" for c in text)

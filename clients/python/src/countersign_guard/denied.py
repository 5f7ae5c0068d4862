"""Why a request is not let in, and how RFC 6750 §3 says so."""

from collections.abc import Iterable
from typing import Any, ClassVar


class Denied(Exception):  # noqa: N818 - it is an answer, not an error of the program
    """A request that is not let in. `status`, `headers` and `problem` are the answer to send."""

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
        """The headers of the answer: the challenge, or when to come again."""
        challenge = {"realm": self.realm} | self._challenge()
        return {
            "WWW-Authenticate": "Bearer " + ", ".join(f'{name}="{_quoted(text)}"' for name, text in challenge.items())
        }

    @property
    def problem(self) -> dict[str, Any]:
        """The body of the answer (RFC 9457), to be sent as `application/problem+json`."""
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
    """No bearer token came with the request."""

    status, code, title = 401, "missing_token", "Unauthorized"

    def _challenge(self) -> dict[str, str]:
        return {}  # RFC 6750 §3.1: a request without a token is told no error.


class InvalidToken(Denied):
    """The token is not acceptable."""

    status, code, title = 401, "invalid_token", "Unauthorized"


class Revoked(InvalidToken):
    """The token is genuine, but was taken back."""


class InsufficientScope(Denied):
    """The token lacks a scope that the route needs."""

    status, code, title = 403, "insufficient_scope", "Forbidden"

    def __init__(self, needed: Iterable[str]) -> None:
        self.scope = " ".join(needed)
        super().__init__(f"This route needs the scope {self.scope}.")

    def _challenge(self) -> dict[str, str]:
        return {"error": self.code, "scope": self.scope}


class UserRequired(Denied):
    """The token is good, but a client's, and only people may do this."""

    status, code, title = 403, "insufficient_scope", "Forbidden"


class Unavailable(Denied):
    """It cannot be found out just now whether the token is good: the issuer's keys or its status list are missing."""

    status, code, title = 503, "unavailable", "Service Unavailable"

    @property
    def headers(self) -> dict[str, str]:
        """When to come again. There is no challenge: another token would not help."""
        return {"Retry-After": "1"}


def _quoted(text: str) -> str:
    """RFC 6750 §3: printable ASCII without quotation mark and backslash."""
    return "".join("'" if c in '"\\' else c if " " <= c <= "~" else "?" for c in text)

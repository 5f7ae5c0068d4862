"""The subject of a verified token: a user's account, or a client that acts for itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from .denied import UserRequired


@dataclass(frozen=True, slots=True)
class Account:
    """A user's account, by its id."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Client:
    """A client that acts for itself, by its `client_id`. No user is involved (RFC 9068 §2.2)."""

    id: str


@dataclass(frozen=True, slots=True)
class User:
    """The user of a request, according to the verified token."""

    id: UUID
    """The account (`sub`)."""
    session: UUID | None
    """The session (`sid`), which a revocation ends, or `None` for a token without one."""
    scopes: frozenset[str]
    """The granted scopes."""
    claims: Mapping[str, Any]
    """All claims of the token. Shared between requests, so read-only."""

    @property
    def email(self) -> str | None:
        """The user's email address (`email`), if the issuer includes it in its tokens.

        It may belong to someone else unless `email_verified` is true.
        """
        email: str | None = self.claims.get("email")
        return email

    @property
    def email_verified(self) -> bool | None:
        """Whether the user has shown control of the email address, if the issuer includes it in its tokens."""
        verified: bool | None = self.claims.get("email_verified")
        return verified

    @property
    def name(self) -> str | None:
        """The name that the user has given, if there is one and the issuer includes it in its tokens.

        It is not an identifier; escape it before you display it.
        """
        name: str | None = self.claims.get("name")
        return name


@dataclass(frozen=True, slots=True)
class VerifiedClient:
    """The client that calls on its own behalf, according to the verified token."""

    id: str
    """The client (`sub` and `client_id`), which is never a UUID."""
    scopes: frozenset[str]
    """The granted scopes."""
    claims: Mapping[str, Any]
    """All claims of the token. Shared between requests, so read-only."""


Caller: TypeAlias = User | VerifiedClient
"""The caller: a user, through any client, or a client on its own behalf, such as a cron job."""


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token whose signature and claims are valid and which has not been revoked."""

    subject: Account | Client
    """The subject of the token (`sub`).

    It is a client if `sub` equals `client_id`, and otherwise an account. The two cannot be confused: accounts have
    UUIDs, and a token whose `client_id` is a UUID is rejected.
    """
    client_id: str
    """The client that the token was issued to."""
    session: UUID | None
    """The session (`sid`), if the token belongs to one. A client's token never does."""
    scopes: frozenset[str]
    """The granted scopes."""
    claims: Mapping[str, Any]
    """All claims of the token. Shared between requests, so read-only."""

    @property
    def caller(self) -> Caller:
        """Who calls: the user, or the client of a client's token."""
        if isinstance(self.subject, Client):
            return VerifiedClient(self.subject.id, self.scopes, self.claims)
        return User(self.subject.id, self.session, self.scopes, self.claims)

    def require_user(self) -> User:
        """Returns the user. Raises `UserRequired` (403) if the token is a client's."""
        caller = self.caller
        if isinstance(caller, User):
            return caller
        denied = UserRequired("This route requires the token of a user, but the token belongs to a client.")
        denied.realm = self.claims["iss"]
        raise denied

"""Whom a verified token is about: a person's account, or a client (a program) that acts for itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from .denied import UserRequired


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account, by its id."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Client:
    """A client that acts for itself, by its `client_id`. No person takes part (RFC 9068 §2.2)."""

    id: str


@dataclass(frozen=True, slots=True)
class User:
    """The person who sent a request, as the verified token says."""

    id: UUID
    """The account (`sub`)."""
    session: UUID | None
    """The session (`sid`), which is what a revocation ends. A token that belongs to no session has none."""
    scopes: frozenset[str]
    """The scopes that were granted."""
    claims: Mapping[str, Any]
    """All claims of the token. Shared by the requests that bring it: read only."""


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token whose signature and claims hold, and which has not been revoked."""

    subject: Account | Client
    """Whom the token is about (`sub`).

    It is a client exactly if `sub` equals `client_id`. The two cannot be confused: accounts have UUIDs, and a token
    whose `client_id` is a UUID is refused.
    """
    client_id: str
    """The client that the token was issued to."""
    session: UUID | None
    """The session (`sid`), if the token belongs to one. A client's token never does."""
    scopes: frozenset[str]
    """The scopes that were granted."""
    claims: Mapping[str, Any]
    """All claims of the token. Shared by the requests that bring it: read only."""

    def require_user(self) -> User:
        """The person whom the token is about. Raises `UserRequired` (403) if it is about a client."""
        if isinstance(self.subject, Client):
            denied = UserRequired("This route is for signed-in users, and the token is a client's.")
            denied.realm = self.claims["iss"]
            raise denied
        return User(self.subject.id, self.session, self.scopes, self.claims)

"""Who sent a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class User:
    """The sender of a request, as the verified token says."""

    id: UUID
    """The account (`sub`)."""
    session: UUID
    """The session (`sid`), which is what a revocation ends."""
    scopes: frozenset[str]
    """The scopes that were granted."""
    claims: Mapping[str, Any]
    """All claims of the token. Shared by the requests that bring it: read only."""

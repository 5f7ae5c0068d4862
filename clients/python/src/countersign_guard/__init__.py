"""Verifies access tokens of Countersign offline, and refuses revoked ones at once.

    guard = Guard("https://auth.example.com", audience="https://api.example.com")
    user = await guard.verify(token)        # or guard.verify_sync(token)

`countersign_guard.fastapi` and `countersign_guard.asgi` protect routes with it, `countersign_guard.testing` tests them.
"""

from .denied import Denied, InsufficientScope, InvalidToken, MissingToken, Revoked, Unavailable
from .guard import Guard
from .options import WhenStale
from .user import User

__all__ = [
    "Denied",
    "Guard",
    "InsufficientScope",
    "InvalidToken",
    "MissingToken",
    "Revoked",
    "Unavailable",
    "User",
    "WhenStale",
]

"""Verifies Countersign access tokens offline and rejects revoked ones at once.

    guard = Guard("https://auth.example.com", audience="https://api.example.com")
    token = await guard.verify(text)        # or guard.verify_sync(text)
    user = token.require_user()             # the user; raises if the token is a client's
    caller = token.caller                   # the User, or the VerifiedClient of a client's token
    session = await guard.session_from_cookie(request)      # for pages: the session of the cookie, or None

`countersign_guard.fastapi` and `countersign_guard.asgi` protect routes with it, `countersign_guard.testing` tests them.
"""

from .denied import Denied, InsufficientScope, InvalidToken, MissingToken, Revoked, Unavailable, UserRequired
from .guard import Guard
from .options import WhenStale
from .session import ForeignForm, Session
from .subject import Account, Caller, Client, User, VerifiedClient, VerifiedToken

__all__ = [
    "Account",
    "Caller",
    "Client",
    "Denied",
    "ForeignForm",
    "Guard",
    "InsufficientScope",
    "InvalidToken",
    "MissingToken",
    "Revoked",
    "Session",
    "Unavailable",
    "User",
    "UserRequired",
    "VerifiedClient",
    "VerifiedToken",
    "WhenStale",
]

"""What the guard's tests share."""

import time
from contextlib import contextmanager

from countersign_guard import Denied, InvalidToken, Revoked, Unavailable


class Clock:
    """A time that is set forward by hand."""

    def __init__(self):
        self.offset = 0

    def __call__(self):
        return time.time() + self.offset


def outcome(guard, token, **options):
    """`"ok"`, or the code of the refusal."""
    try:
        guard.verify_sync(token, **options)
    except Denied as denied:
        return denied.code
    return "ok"


def verdict(guard, token):
    """What the table of token rules calls it, and for a valid token, whom it is about."""
    try:
        verified = guard.verify_sync(token)
    except Revoked:
        return "revoked"
    except InvalidToken as denied:
        assert (denied.status, denied.code) == (401, "invalid_token")
        return "invalid"
    except Unavailable as denied:
        assert (denied.status, denied.code) == (503, "unavailable")
        return "unavailable"
    return "valid", type(verified.subject).__name__.lower()


@contextmanager
def stopped(issuer):
    issuer.stop()
    try:
        yield
    finally:
        issuer.start()

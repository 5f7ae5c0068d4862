"""Finds the bearer token in a request's headers (RFC 6750 §2.1)."""

from collections.abc import Sequence

from .denied import InvalidToken, MissingToken


def bearer_token(authorization: Sequence[str]) -> str:
    """Returns the token of `Authorization: Bearer …`, from all values of that header.

    Tokens in queries and forms are ignored (RFC 9700 §4.3.2).
    """
    if len(authorization) > 1:
        raise InvalidToken("The request has more than one Authorization header.")
    # RFC 9110 §11.1: the scheme is case-insensitive.
    scheme, _, token = (authorization[0] if authorization else "").partition(" ")
    if scheme.lower() != "bearer":
        raise MissingToken("This route requires a bearer token.")
    if not token.strip(" "):
        raise InvalidToken("The Authorization header contains no token.")
    return token.strip(" ")

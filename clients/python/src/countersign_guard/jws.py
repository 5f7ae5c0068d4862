"""Signed JSON from one issuer: ES256 (RFC 7515, RFC 7518 §3.4), read without ambiguity (RFC 8725 §3).

PyJWT verifies the signature. What a header may say, and which claims must be there, is decided here and by its callers.
"""

import json
from base64 import urlsafe_b64decode
from typing import Any, NoReturn

import jwt

from .denied import InvalidToken

Claims = dict[str, Any]

# Each of them would let a token choose its own key.
_KEY_HEADERS = ("jwk", "jku", "x5u", "x5c")


def read_kid(token: str, typ: str, longest: int) -> str:
    """Judges the header of a token of media type `application/{typ}` and gives its `kid`. Nothing is verified yet."""
    if len(token) > longest:
        raise InvalidToken("The token is too long.")
    # PyJWT tolerates padding; RFC 7515 §2 does not.
    if token.count(".") != 2 or "=" in token or not token.isascii():
        raise InvalidToken("The token is no JWT.")
    part = token.partition(".")[0]
    try:
        header = read_object(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        raise InvalidToken("The token's header cannot be read.") from None
    if header.get("alg") != "ES256":
        raise InvalidToken("The token is not signed with ES256.")
    if str(header.get("typ")).lower() not in (typ, f"application/{typ}"):
        raise InvalidToken("The token is of another type.")
    # RFC 7515 §4.1.11: nothing that could be critical is understood here.
    if "crit" in header or any(name in header for name in _KEY_HEADERS):
        raise InvalidToken("The token's header says what it must not say.")
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise InvalidToken("The token does not name its key.")
    return kid


def read_claims(token: str, key: jwt.PyJWK) -> Claims:
    """Verifies the signature, and reads the claims only then."""
    try:
        return read_object(_JWS.decode(token, key, algorithms=["ES256"]))
    except jwt.PyJWTError:
        raise InvalidToken("The token's signature is not valid.") from None
    except ValueError:
        raise InvalidToken("The token's claims cannot be read.") from None


def read_object(text: bytes) -> dict[str, Any]:
    """Reads one JSON object in which no name stands twice. `ValueError` if it is none."""
    try:
        value = json.loads(text.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def date(claims: Claims, name: str) -> float:
    """A NumericDate (RFC 7519 §2), that must be there."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LARGEST:
        raise InvalidToken(f"The token's {name} is not a date.")
    return value


def whole(claims: Claims, name: str) -> int:
    """A whole number from 0 on, that must be there."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise InvalidToken(f"The token's {name} is not a whole number.")
    return value


def check_times(claims: Claims, now: float, leeway: int) -> None:
    """Holds `exp`, `iat` and, where there is one, `nbf` against the present."""
    # RFC 7519 §4.1.4: "on or after" the time that `exp` names, the token is not accepted.
    if now - leeway >= date(claims, "exp"):
        raise InvalidToken("The token has expired.")
    if date(claims, "iat") > now + leeway or ("nbf" in claims and date(claims, "nbf") > now + leeway):
        raise InvalidToken("The token is not valid yet.")


# RFC 7493 §2.2: beyond it, a JSON number is not exact.
_LARGEST = 2**53 - 1

_JWS = jwt.PyJWS(algorithms=["ES256"])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")

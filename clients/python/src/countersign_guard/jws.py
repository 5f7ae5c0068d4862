"""Signed JSON from one issuer: ES256 (RFC 7515, RFC 7518 §3.4), parsed unambiguously (RFC 8725 §3).

PyJWT verifies the signature. This module and its callers decide what a header may contain and which claims are
required, as listed in docs/security/token-rules.md.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from math import isfinite
from typing import Any, NoReturn

import jwt

from .denied import InvalidToken

Claims = dict[str, Any]

# Each would let a token choose its own key or how its payload is read. RFC 7515 §4.1.11: no critical extension is
# supported.
_FORBIDDEN = ("jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc")


def read_kid(token: str, typ: str, longest: int) -> str:
    """Checks the header of a token of media type `application/{typ}` and returns its `kid`. Nothing is verified yet."""
    if len(token) > longest:
        raise InvalidToken("The token is too long.")
    parts = token.split(".")
    if len(parts) != 3 or not all(map(is_base64url, parts)):
        raise InvalidToken("The token is not a JWT.")
    try:
        header = read_object(_decode(parts[0]))
    except ValueError:
        raise InvalidToken("The token's header is malformed.") from None
    if header.get("alg") != "ES256":
        raise InvalidToken("The token is not signed with ES256.")
    named = header.get("typ")
    if not isinstance(named, str) or named.lower() not in (typ, f"application/{typ}"):
        raise InvalidToken("The token's typ is not the expected one.")
    if any(name in header for name in _FORBIDDEN):
        raise InvalidToken("The token's header contains a forbidden parameter.")
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise InvalidToken("The token's header has no kid.")
    return kid


def read_claims(token: str, key: jwt.PyJWK) -> Claims:
    """Verifies the signature, then reads the claims."""
    try:
        return read_object(_JWS.decode(token, key, algorithms=["ES256"]))
    except jwt.PyJWTError:
        raise InvalidToken("The token's signature is not valid.") from None
    except ValueError:
        raise InvalidToken("The token's claims are malformed.") from None


def read_object(text: bytes) -> dict[str, Any]:
    """Parses one unambiguous JSON object. Raises `ValueError` otherwise.

    It must be UTF-8 without a byte order mark, duplicate members, unpaired surrogates or non-finite numbers,
    and nested at most 16 levels deep.
    """
    try:
        value = json.loads(
            text.decode(),
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_int=_integer,
            parse_float=_fraction,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    _check_depth(value)
    # Only an escape can produce an unpaired surrogate. Encoding it raises UnicodeEncodeError, which is a ValueError.
    if _SURROGATE.search(text):
        json.dumps(value, ensure_ascii=False).encode()
    return value


def is_coordinate(text: object) -> bool:
    """Whether it is 32 bytes in base64url (RFC 7518 §6.2.1.2: the full length, including leading zeros)."""
    return isinstance(text, str) and len(text) == 43 and is_base64url(text)


def date(claims: Claims, name: str) -> int:
    """Returns a required NumericDate (RFC 7519 §2) in whole seconds; a fraction is dropped."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LARGEST:
        raise InvalidToken(f"The token's {name} is not a numeric date.")
    return int(value)


def whole(claims: Claims, name: str) -> int:
    """Returns a required integer of at least 0."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise InvalidToken(f"The token's {name} is not an integer.")
    return value


def check_times(claims: Claims, now: float, leeway: int) -> None:
    """Checks `exp`, `iat` and, if present, `nbf` against the current time."""
    # RFC 7519 §4.1.4: the token is rejected "on or after" the time in `exp`.
    if now - leeway >= date(claims, "exp"):
        raise InvalidToken("The token has expired.")
    if date(claims, "iat") > now + leeway or ("nbf" in claims and date(claims, "nbf") > now + leeway):
        raise InvalidToken("The token is not valid yet.")


# RFC 7493 §2.2: larger JSON numbers are not exact.
_LARGEST = 2**53 - 1

_JWS = jwt.PyJWS(algorithms=["ES256"])


_PART = re.compile(r"[A-Za-z0-9_-]*")

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

# Including the outermost object.
_DEEPEST = 16


def _decode(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def is_base64url(part: str) -> bool:
    """Whether it is canonical (RFC 7515 §2): unused bits are zero (RFC 4648 §3.5), so a token has one spelling."""
    if not _PART.fullmatch(part) or len(part) % 4 == 1:
        return False
    return urlsafe_b64encode(_decode(part)).rstrip(b"=") == part.encode()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate member")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _integer(digits: str) -> int | float:
    # Integers have no negative zero, and one larger than any float is not finite for most parsers.
    if digits == "-0" or len(digits) > 300:
        return _fraction(digits)
    return int(digits)


def _fraction(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise ValueError("a number is not finite")
    return value


def _check_depth(value: object) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        inner = [one for each in level for one in (each.values() if isinstance(each, dict) else each)]  # type: ignore[attr-defined]
        level = [one for one in inner if isinstance(one, (dict, list))]

"""The rules for an access token with a valid signature (RFC 9068 §4, docs/security/token-rules.md)."""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

import jwt

from .denied import InvalidToken
from .jws import Claims, check_times, date, read_claims, whole
from .options import Options
from .shown import shown
from .subject import Account, Client, VerifiedToken

TYPE = "at+jwt"
LONGEST = 8 << 10


class OtherAudienceError(ValueError):
    """The token is genuine, but not for this service."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the status of a token is published (draft-ietf-oauth-status-list §6.2)."""

    uri: str
    idx: int


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that is valid until `exp`, while `key` is published under `kid` and the status at `place` is 0."""

    token: VerifiedToken
    exp: int
    kid: str
    key: jwt.PyJWK
    place: Place | None


def verify_access_token(token: str, kid: str, key: jwt.PyJWK, options: Options) -> Verified:
    """Verifies a token's signature and claims. The caller must still check whether it was revoked."""
    claims = read_claims(token, key)
    if claims.get("iss") != options.issuer:
        raise InvalidToken("The token is from another issuer.")
    _check_audience(_audience(claims), options.audience)
    check_times(claims, options.now(), options.leeway)
    # Claims that RFC 9068 §2.2 requires must be present; others must be valid if present.
    _uuid(claims, "jti")
    if "auth_time" in claims:
        date(claims, "auth_time")
    if "amr" in claims:
        _texts(claims, "amr")
    for name in ("email", "name"):
        if name in claims:
            _text(claims, name)
    if not isinstance(claims.get("email_verified", False), bool):
        raise InvalidToken("The token's email_verified is not a boolean.")
    verified = VerifiedToken(
        subject=_subject(claims),
        client_id=_client_id(claims),
        session=_uuid(claims, "sid") if "sid" in claims else None,
        scopes=_scopes(claims),
        claims=MappingProxyType(claims),
    )
    return Verified(verified, date(claims, "exp"), kid, key, _place(claims, options))


def _client_id(claims: Claims) -> str:
    """Returns a client's id. A UUID is rejected: RFC 9068 §5 warns of clients that pass for users."""
    value = _text(claims, "client_id")
    if not value or _UUID.fullmatch(value):
        raise InvalidToken("The token's client_id is empty or a UUID.")
    return value


def _subject(claims: Claims) -> Account | Client:
    """Returns the subject: a UUID for an account, or `client_id` for a client, for which no user signed in."""
    sub = _text(claims, "sub")
    if _UUID.fullmatch(sub):
        return Account(UUID(sub))
    if sub != _client_id(claims):
        raise InvalidToken("The token's sub is neither an account nor the client.")
    for name in ("sid", "auth_time", "amr", "email", "email_verified", "name"):
        if name in claims:
            raise InvalidToken(f"The token belongs to a client but contains {name}.")
    return Client(sub)


def _audience(claims: Claims) -> list[str]:
    # RFC 7519 §4.1.3: a string or a list.
    return [claims["aud"]] if isinstance(claims.get("aud"), str) else _texts(claims, "aud")


def _check_audience(audience: list[str], expected: frozenset[str]) -> None:
    if not expected.isdisjoint(audience):
        return
    # The cause is for the log of the service, not for the client.
    named, ours = shown(",".join(audience)) or "no one", " or ".join(sorted(expected))
    cause = OtherAudienceError(f"the token is for {named}, and this guard expects {ours}")
    raise InvalidToken("The token is for another audience.") from cause


def _text(claims: Claims, name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str):
        raise InvalidToken(f"The token's {name} is not a string.")
    return value


def _texts(claims: Claims, name: str) -> list[str]:
    value = claims.get(name)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidToken(f"The token's {name} is not a list of strings.")
    return value


def _uuid(claims: Claims, name: str) -> UUID:
    """Accepts only the form with hyphens (RFC 9562 §4)."""
    value = _text(claims, name)
    if not _UUID.fullmatch(value):
        raise InvalidToken(f"The token's {name} is not a UUID.")
    return UUID(value)


def _scopes(claims: Claims) -> frozenset[str]:
    scope = _text(claims, "scope") if "scope" in claims else ""
    return frozenset(name for name in scope.split(" ") if name)


def _place(claims: Claims, options: Options) -> Place | None:
    if "status" not in claims:
        if options.require_status:
            raise InvalidToken("The token has no status claim.")
        return None
    # A status of another mechanism is not supported, so it is rejected rather than ignored.
    status: Any = claims["status"]
    reference = status.get("status_list") if isinstance(status, dict) else None
    if not isinstance(reference, dict):
        raise InvalidToken("The token's status is not a status list entry.")
    uri = reference.get("uri")
    if not isinstance(uri, str) or not options.is_list(uri):
        raise InvalidToken("The token's status list is not on the issuer's origin.")
    return Place(uri, whole(reference, "idx"))


_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")

"""Token Status Lists (draft-ietf-oauth-status-list): the statuses of tokens, in 1, 2, 4 or 8 bits each."""

import zlib
from base64 import urlsafe_b64decode
from dataclasses import dataclass

import jwt

from .denied import InvalidToken
from .jws import check_times, date, is_base64url, read_claims, whole
from .options import Options

TYPE = "statuslist+jwt"
LONGEST = 4 << 20
LONGEST_INFLATED = 16 << 20


@dataclass(frozen=True, slots=True)
class StatusList:
    """A verified version of a list. Times are in seconds."""

    version: int
    iat: int
    exp: int
    ttl: int
    bits: int
    array: bytes

    def status(self, idx: int) -> int | None:
        """Returns the status of a token, 0 if it is valid; `None` if the list has no such index."""
        # §4.1: statuses fill a byte from its lowest bit.
        byte, place = divmod(idx * self.bits, 8)
        return self.array[byte] >> place & (1 << self.bits) - 1 if byte < len(self.array) else None


class Unreadable(InvalidToken):
    """The issuer has signed an unusable list. Tokens that name it are rejected, whatever the policy."""


def verify_status_list(token: str, uri: str, key: jwt.PyJWK, options: Options) -> StatusList:
    """Verifies a list (§8.3). Nothing is inflated before the signature and all claims are verified."""
    claims = read_claims(token, key)
    if claims.get("iss") != options.issuer or claims.get("sub") != uri:
        raise InvalidToken("The status list has a different URI than the one requested.")
    check_times(claims, options.now(), options.leeway)
    version, ttl = whole(claims, "version"), whole(claims, "ttl")
    # Last: this error is only reported for an otherwise genuine list.
    content = claims.get("status_list")
    bits, lst = (content.get("bits"), content.get("lst")) if isinstance(content, dict) else (None, None)
    if type(bits) is not int or bits not in (1, 2, 4, 8) or not isinstance(lst, str):
        raise Unreadable("The bits of the status list are missing or invalid.")
    return StatusList(
        version=version,
        iat=date(claims, "iat"),
        exp=date(claims, "exp"),
        ttl=ttl,
        bits=bits,
        array=_inflate(lst),
    )


def _inflate(lst: str) -> bytes:
    """Inflates one complete ZLIB stream with nothing after it, up to the allowed size."""
    stream = zlib.decompressobj()
    try:
        if not is_base64url(lst):
            raise ValueError("not base64url")
        array = stream.decompress(urlsafe_b64decode(lst + "=" * (-len(lst) % 4)), LONGEST_INFLATED + 1)
    except (ValueError, zlib.error):
        raise Unreadable("The status list is not a ZLIB stream.") from None
    if len(array) > LONGEST_INFLATED or not stream.eof or stream.unused_data:
        raise Unreadable("The status list is too large or cut off.")
    return array

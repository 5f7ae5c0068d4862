"""The issuer's keys: fetched when first needed, renewed before they expire, kept if that fails."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any

import jwt

from .jws import is_coordinate, read_object
from .options import Options
from .pace import Pace
from .shown import shown
from .transport import Refused, Reply, Transport

LONGEST = 256 << 10
SECONDS = 5


class KeySet:
    """`find` may be called from any thread; everything else runs in one event loop."""

    def __init__(self, options: Options, transport: Transport) -> None:
        self._options = options
        self._transport = transport
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._pace = Pace(f"the key set of {options.issuer}")
        self._keeping: asyncio.Task[None] | None = None
        self._fetching: asyncio.Task[float] | None = None
        self._wanted: set[str] = set()
        self._asked_for_unknown = float("-inf")
        self._jwks_uri: str | None = None
        self._body = b""

    def find(self, kid: str) -> jwt.PyJWK | None:
        """Returns the key that is published with this id, if known."""
        return self._keys.get(kid)

    @property
    def known(self) -> bool:
        """Whether the set has been fetched."""
        return bool(self._keys)

    async def want(self, kid: str) -> None:
        """Waits for a fetch that may return this key. Starts one if none is running and one is allowed now."""
        if kid in self._keys:
            return
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())
        elif self._fetching is None and not self._may_ask():
            return
        self._wanted.add(kid)
        await self._fetch()

    def _may_ask(self) -> bool:
        since = time.monotonic() - self._asked_for_unknown
        return self.known and since >= self._options.unknown_key_cooldown

    async def _keep(self) -> None:
        while True:
            seconds = await self._fetch()
            await asyncio.sleep(seconds)

    def _fetch(self) -> asyncio.Task[float]:
        """The fetch that all wait for. Returns the seconds until the next one."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._attempt())
        return self._fetching

    async def _attempt(self) -> float:
        try:
            reply = await self._request()
            # Cached tokens refer to these objects, so an unchanged set keeps them.
            if reply.body != self._body:
                self._keys, self._body = usable_keys(reply.body), reply.body
        except Exception as reason:  # noqa: BLE001 - whatever the issuer does, the current keys stay in use
            self._jwks_uri = None
            return self._pace.failed(reason)
        else:
            self._pace.succeeded()
            return 0.8 * _lifetime(reply)
        finally:
            # Recorded here and not by the waiters: before they wake, another caller may ask.
            if not self._wanted <= self._keys.keys():
                self._asked_for_unknown = time.monotonic()
            self._wanted.clear()
            self._fetching = None

    async def _request(self) -> Reply:
        if self._jwks_uri is None:
            self._jwks_uri = await self._discover()
        return _good(await self._transport.get(self._jwks_uri, longest=LONGEST, seconds=SECONDS))

    async def _discover(self) -> str:
        """RFC 8414 §3."""
        url = f"{self._options.issuer}/.well-known/oauth-authorization-server"
        metadata = read_object(_good(await self._transport.get(url, longest=LONGEST, seconds=SECONDS)).body)
        issuer = metadata.get("issuer")
        if not isinstance(issuer, str):
            raise Refused("the metadata has no issuer")
        if issuer != self._options.issuer:  # §3.3
            server = self._options.base_url or self._options.issuer
            raise Refused(
                f"the server at {server} says that its issuer is {shown(issuer)}: configure that as the issuer"
            )
        uri = metadata.get("jwks_uri")
        if not isinstance(uri, str):
            raise Refused("the metadata has no jwks_uri")
        return uri


def _good(reply: Reply) -> Reply:
    if reply.status != 200:
        raise Refused(f"the response has the status {reply.status}")
    return reply


def usable_keys(body: bytes) -> dict[str, jwt.PyJWK]:
    """The keys for ES256; others are ignored (RFC 7517 §5). A set without any is rejected."""
    keys = read_object(body).get("keys")
    usable: dict[str, jwt.PyJWK] = {}
    for jwk in keys if isinstance(keys, list) else []:
        if not isinstance(jwk, dict) or not _verifies_es256(jwk) or jwk["kid"] in usable:
            continue
        try:
            usable[jwk["kid"]] = jwt.PyJWK({name: jwk[name] for name in ("kty", "crv", "x", "y")}, algorithm="ES256")
        except (jwt.PyJWTError, ValueError):
            continue
    if not usable:
        raise Refused("the key set has no key for ES256")
    return usable


def _verifies_es256(jwk: dict[str, Any]) -> bool:
    """Whether a JWK is a public key for ES256. A member that is null counts as absent."""
    if (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256") or not isinstance(jwk.get("kid"), str):
        return False
    if not is_coordinate(jwk.get("x")) or not is_coordinate(jwk.get("y")):
        return False
    # A published private key is compromised.
    if jwk.get("alg") not in (None, "ES256") or jwk.get("use") not in (None, "sig") or jwk.get("d") is not None:
        return False
    operations = jwk.get("key_ops")
    if operations is None:
        return True
    # RFC 7517 §4.3: operations must be unique.
    if not isinstance(operations, list) or not all(isinstance(operation, str) for operation in operations):
        return False
    return len(set(operations)) == len(operations) and "verify" in operations


def _lifetime(reply: Reply) -> float:
    """Returns the seconds that the response may be cached (RFC 9111 §5.2.2.1), within limits."""
    said = re.search(r"\bmax-age=\"?(\d{1,9})\b", reply.headers.get("Cache-Control", ""), re.IGNORECASE)
    return min(max(int(said[1]) if said else 300, 10), 24 * 3600)

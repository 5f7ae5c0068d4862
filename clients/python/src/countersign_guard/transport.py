"""GET, as a verifier does it: bounded in time and size, never redirected, never inflated."""

import asyncio
import ssl
from dataclasses import dataclass
from functools import cache

import httpx

from .options import Options


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that came whole."""

    status: int
    headers: httpx.Headers
    body: bytes


class Refused(Exception):  # noqa: N818 - says what happened to the reply
    """A reply that is not believed."""


class Transport:
    """Asks the issuer where it is reached from here. Lives in one event loop."""

    def __init__(self, options: Options) -> None:
        self._options = options
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=8)
        self._client = httpx.AsyncClient(verify=_trust(), limits=limits, timeout=None)  # noqa: S113 - `get` bounds the whole

    async def get(self, url: str, *, longest: int, seconds: float, headers: dict[str, str] | None = None) -> Reply:
        """Gives the answer to one GET, or raises."""
        return await asyncio.wait_for(self._get(self._options.address(url), longest, headers or {}), seconds)

    async def close(self) -> None:
        """Ends all connections."""
        await self._client.aclose()

    async def _get(self, url: str, longest: int, headers: dict[str, str]) -> Reply:
        # As it comes, never inflated: keys are small, lists are compressed already, and a bomb stays as small as it is.
        async with self._client.stream("GET", url, headers={"Accept-Encoding": "identity"} | headers) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > longest:
                    raise Refused(f"the reply is longer than {longest} bytes")
            return Reply(response.status_code, response.headers, bytes(body))


@cache
def _trust() -> ssl.SSLContext:
    """The certificates that this machine trusts. Reading them takes long, so the guards of one program share them."""
    return httpx.create_ssl_context()

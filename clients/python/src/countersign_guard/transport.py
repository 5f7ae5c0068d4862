"""GET, as a verifier does it: bounded in time and size, never redirected, never inflated."""

import asyncio
import os
import ssl
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import certifi
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
        # Proxies that the environment names do not count: the issuer is asked directly, as the other guards do it.
        self._client = httpx.AsyncClient(verify=trust(options), trust_env=False, limits=limits, timeout=None)  # noqa: S113 - `get` bounds the whole

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


def trust(options: Options) -> ssl.SSLContext:
    """The certificates by which the issuer is known.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` name them, as for OpenSSL; else they are certifi's. `ValueError` if they cannot
    be read and are needed.
    """
    if not options.reached_by_tls:
        # Nobody is trusted, and nothing is read: no connection is to use it.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return _trust(os.environ.get("SSL_CERT_FILE") or None, os.environ.get("SSL_CERT_DIR") or None)


@cache
def _trust(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Reading certificates takes long, so the guards of one program share them."""
    try:
        if file is None and folder is None:
            return ssl.create_default_context(cafile=certifi.where())
        # OpenSSL takes several folders, and steps over those that are missing.
        if folder is not None and not any(Path(one).is_dir() for one in folder.split(os.pathsep) if one):
            raise NotADirectoryError(folder)
        return ssl.create_default_context(cafile=file, capath=folder)
    except OSError as reason:
        keys = os.environ.get("SSLKEYLOGFILE")
        if keys and reason.filename == keys:  # Python hands it to every context.
            raise ValueError(f"the file that SSLKEYLOGFILE={keys} names cannot be written: {reason}") from None
        named = f"SSL_CERT_FILE={file or ''} and SSL_CERT_DIR={folder or ''}"
        raise ValueError(f"the certificates that {named} name cannot be read: {reason}") from None

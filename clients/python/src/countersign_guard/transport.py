"""Requests limited in time and size, without redirects and decompression."""

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
    """A complete response."""

    status: int
    headers: httpx.Headers
    body: bytes


class Refused(Exception):  # noqa: N818 - describes the response
    """A rejected response."""


class Transport:
    """Sends requests to the issuer. Belongs to one event loop."""

    def __init__(self, options: Options) -> None:
        self._options = options
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=8)
        # Proxy environment variables are ignored, as in the other guards.
        self._client = httpx.AsyncClient(verify=trust(options), trust_env=False, limits=limits, timeout=None)  # noqa: S113 - `wait_for` limits the whole

    async def get(self, url: str, *, longest: int, seconds: float, headers: dict[str, str] | None = None) -> Reply:
        """Returns the response to one GET, or raises."""
        return await asyncio.wait_for(self._send("GET", self._options.address(url), longest, headers or {}), seconds)

    async def post(self, url: str, *, longest: int, seconds: float, headers: dict[str, str]) -> Reply:
        """Returns the response to one POST without a body, or raises."""
        return await asyncio.wait_for(self._send("POST", self._options.address(url), longest, headers), seconds)

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.aclose()

    async def _send(self, method: str, url: str, longest: int, headers: dict[str, str]) -> Reply:
        # Never inflated: keys are small, lists are already compressed, and a decompression bomb stays small.
        async with self._client.stream(method, url, headers={"Accept-Encoding": "identity"} | headers) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > longest:
                    raise Refused(f"the response is larger than {longest} bytes")
            return Reply(response.status_code, response.headers, bytes(body))


def trust(options: Options) -> ssl.SSLContext:
    """Returns the certificates to verify the issuer with.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` name them, as for OpenSSL; otherwise certifi's are used. Raises `ValueError` if
    they are needed and cannot be read.
    """
    if not options.reached_by_tls:
        # Nothing is trusted or read, because no connection uses it.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return _trust(os.environ.get("SSL_CERT_FILE") or None, os.environ.get("SSL_CERT_DIR") or None)


@cache
def _trust(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Reading certificates is slow, so all guards of a program share them."""
    try:
        if file is None and folder is None:
            return ssl.create_default_context(cafile=certifi.where())
        # OpenSSL accepts several folders and ignores missing ones.
        if folder is not None and not any(Path(one).is_dir() for one in folder.split(os.pathsep) if one):
            raise NotADirectoryError(folder)
        return ssl.create_default_context(cafile=file, capath=folder)
    except OSError as reason:
        keys = os.environ.get("SSLKEYLOGFILE")
        if keys and reason.filename == keys:  # Python passes it to every context.
            raise ValueError(f"cannot write to SSLKEYLOGFILE={keys}: {reason}") from None
        named = f"SSL_CERT_FILE={file or ''} and SSL_CERT_DIR={folder or ''}"
        raise ValueError(f"cannot read the certificates of {named}: {reason}") from None

"""What is known about the issuer, kept up to date in a separate thread.

Verification only reads: a key or a list is a dictionary lookup. If something must be fetched first, the caller gets a
`Future` that any thread or event loop can wait for. Therefore one implementation serves both interfaces of the guard,
nothing is bound to the caller's event loop, and no lock is needed, because all changes happen in one event loop.
"""

import asyncio
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

import httpx
import jwt

from .denied import Unavailable
from .followed_list import FollowedList
from .key_set import KeySet
from .options import Options
from .session import LONGEST, SECONDS
from .transport import Reply, Transport

T = TypeVar("T")

MOST_LISTS = 64
START_SECONDS = 5

_log = logging.getLogger("countersign_guard")


class Issuer:
    """The keys and the status lists of one issuer. It fetches nothing before it is used."""

    # Each request tries again; log it once.
    _said_that_it_cannot_run = False

    def __init__(self, options: Options) -> None:
        self._options = options
        self._transport = Transport(options)
        self._keys = KeySet(options, self._transport)
        self._lists: dict[str, FollowedList] = {}
        self._closing = asyncio.Event()
        self._closing_before_start = threading.Event()
        started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=lambda: self._run(started), name="countersign_guard", daemon=True)
        self._thread.start()
        try:
            self._loop = started.result(START_SECONDS)
        except Exception as reason:
            # For example under gevent, which runs all threads in one, where a second event loop cannot run.
            self._closing_before_start.set()
            if not Issuer._said_that_it_cannot_run:
                Issuer._said_that_it_cannot_run = True
                _log.warning("the guard's thread failed to start: %s: %s", type(reason).__name__, reason)
            raise Unavailable("The issuer is unavailable at the moment. Try again.") from reason

    def key(self, kid: str) -> jwt.PyJWK | None:
        """Returns the key with this id, if known."""
        return self._keys.find(kid)

    @property
    def has_keys(self) -> bool:
        """Whether the key set has been fetched."""
        return self._keys.known

    def status_list(self, uri: str) -> FollowedList | None:
        """Returns the list at this URL, if a fetch was tried already."""
        followed = self._lists.get(uri)
        return followed if followed is not None and followed.tried.is_set() else None

    def want_key(self, kid: str) -> "Future[None]":
        """Done when a fetch of the key was tried, or is not allowed yet."""
        return self._submit(self._keys.want(kid))

    def want_list(self, uri: str) -> "Future[None]":
        """Done when the list is usable, or a fetch has failed. It is followed from then on."""
        return self._submit(self._want_list(uri))

    def exchange(self, headers: dict[str, str]) -> "Future[Reply]":
        """Asks for the token of a cookie."""
        return self._submit(self._exchange(headers))

    def close(self) -> None:
        """Ends the thread and its connections."""
        with suppress(RuntimeError):  # It has already ended.
            self._loop.call_soon_threadsafe(self._closing.set)
        if threading.current_thread() is not self._thread:
            self._thread.join(5)

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:  # It was closed in the meantime.
            coroutine.close()
            given_up: Future[T] = Future()
            given_up.cancel()
            return given_up

    def _run(self, started: "Future[asyncio.AbstractEventLoop]") -> None:
        living = self._live(started)
        try:
            asyncio.run(living)
        except BaseException as reason:
            living.close()
            if started.done():
                raise
            started.set_exception(reason)

    async def _live(self, started: "Future[asyncio.AbstractEventLoop]") -> None:
        if not self._closing_before_start.is_set():
            started.set_result(asyncio.get_running_loop())
            await self._closing.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._transport.close()

    async def _exchange(self, headers: dict[str, str]) -> Reply:
        url = f"{self._options.issuer}/api/auth/token"
        try:
            return await self._transport.post(url, longest=LONGEST, seconds=SECONDS, headers=headers)
        except httpx.RemoteProtocolError:
            # A kept connection was closed meanwhile. Asking twice changes nothing.
            return await self._transport.post(url, longest=LONGEST, seconds=SECONDS, headers=headers)

    async def _want_list(self, uri: str) -> None:
        followed = self._lists.get(uri)
        if followed is None:
            if len(self._lists) >= MOST_LISTS:
                self._drop(min(self._lists.values(), key=lambda known: known.last_named))
            followed = self._lists[uri] = FollowedList(uri, self._options, self._transport, self._find_key)
            followed.start(ended=self._drop)
        await followed.tried.wait()
        if not followed.serves():
            await followed.hurry()

    async def _find_key(self, kid: str) -> jwt.PyJWK | None:
        await self._keys.want(kid)
        return self._keys.find(kid)

    def _drop(self, followed: FollowedList) -> None:
        if self._lists.get(followed.uri) is followed:
            del self._lists[followed.uri]
        followed.stop()

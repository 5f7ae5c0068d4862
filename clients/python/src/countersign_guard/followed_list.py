"""One status list, kept current by long polling: the issuer holds a request (RFC 7240 `wait`) until a change."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import jwt

from .jws import read_kid
from .options import Options
from .pace import Pace
from .status_list import LONGEST, TYPE, StatusList, Unreadable, verify_status_list
from .transport import Refused, Transport

WAIT = 30
SECONDS = 5
GRACE = 10
FORGOTTEN_AFTER = 3600


class FollowedList:
    """Public members may be read from any thread; everything else runs in one event loop."""

    def __init__(
        self,
        uri: str,
        options: Options,
        transport: Transport,
        find_key: Callable[[str], Awaitable[jwt.PyJWK | None]],
    ) -> None:
        self.uri = uri
        self._options = options
        self._transport = transport
        self._find_key = find_key
        self._pace = Pace(f"the status list {uri}")
        self._etag: str | None = None
        self._confirmed = 0.0
        self._unreadable = False
        self._waiting = False
        self._besides: asyncio.Task[float] | None = None
        self.held: StatusList | None = None
        self.tried = asyncio.Event()
        """Set when the first fetch has ended, successfully or not. Nothing waits for later ones."""
        self.last_named = time.monotonic()

    def status(self, idx: int) -> int | None:
        """Returns the status of a token, if known."""
        self.last_named = time.monotonic()
        return self.held.status(idx) if self.held is not None else None

    @property
    def unreadable(self) -> bool:
        """Whether the issuer has signed an unusable list, and no usable one is held."""
        return self._unreadable and self.held is None

    def serves(self) -> bool:
        """Whether the current list may be used now."""
        if self.held is None:
            return False
        now = self._options.now()
        if self._options.when_stale == "fail_closed" and abs(now - self._confirmed) > self.held.ttl + GRACE:
            return False  # Also if the clock was set back, which must not make a list fresh.
        return now - self._options.leeway < self.held.exp

    def start(self, ended: Callable[["FollowedList"], None]) -> None:
        """Starts to follow the list while tokens name it. `ended` is called when none has for a long time."""
        self._following = asyncio.create_task(self._follow())
        self._following.add_done_callback(lambda _: ended(self))

    def stop(self) -> None:
        """Stops following the list and wakes all waiters."""
        self._following.cancel()
        self.tried.set()

    async def hurry(self) -> None:
        """Fetches once more while a request is held, because the current list has become unusable in that time, for
        example after the machine was suspended.
        """
        if self._waiting and self._besides is None:
            self._besides = asyncio.create_task(self._ask(wait=0))
        if self._besides is not None:
            await self._besides

    async def _follow(self) -> None:
        while time.monotonic() - self.last_named < FORGOTTEN_AFTER:
            wait = max(1, min(WAIT, self.held.ttl)) if self.held is not None and self.serves() else 0
            self._waiting, self._besides = wait > 0, None
            pause = await self._ask(wait)
            self._waiting = False
            self.tried.set()
            await asyncio.sleep(pause)

    async def _ask(self, wait: int) -> float:
        """Fetches once and returns the seconds to wait before the next fetch."""
        began = time.monotonic()
        try:
            news = await self._fetch(wait)
        except Exception as reason:  # noqa: BLE001 - whatever the issuer does, the current list stays in use
            self._unreadable = isinstance(reason, Unreadable)
            return self._pace.failed(reason)
        self._unreadable = False
        # A held response is fine even if nothing changed. An immediate one comes from a server that does not hold
        # requests, which must not be asked in a loop.
        return self._pace.succeeded() if news or time.monotonic() - began > 1 else self._pace.idle()

    async def _fetch(self, wait: int) -> bool:
        """Fetches the list if it changed, and returns whether it did."""
        headers = {"Accept": f"application/{TYPE}"}
        if wait > 0 and self._etag is not None:
            headers |= {"If-None-Match": self._etag, "Prefer": f"wait={wait}"}
        seconds = wait + GRACE if wait > 0 else SECONDS
        reply = await self._transport.get(self.uri, longest=LONGEST, seconds=seconds, headers=headers)
        if reply.status == 304 and "If-None-Match" in headers:
            self._confirmed = self._options.now()
            return False
        if reply.status != 200:
            raise Refused(f"the response has the status {reply.status}")
        new, held = await self._verified(reply.body), self.held
        if held is not None and new.version < held.version:
            raise Refused(f"version {new.version} is older than the cached version {held.version}")
        self._etag, self._confirmed = reply.headers.get("ETag"), self._options.now()
        # Of two lists of one version, keep the one that is valid longer.
        if news := held is None or (new.version, new.exp) > (held.version, held.exp):
            self.held = new
        return news

    async def _verified(self, body: bytes) -> StatusList:
        token = body.decode("ascii")
        kid = read_kid(token, TYPE, LONGEST)
        key = await self._find_key(kid)
        if key is None:
            raise Refused("the list's key is not in the key set")
        return verify_status_list(token, self.uri, key, self._options)

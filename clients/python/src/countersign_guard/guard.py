"""The check itself: from a token's text to a verified token."""

import asyncio
import hashlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent import futures
from typing import Any

import jwt

from .access_token import LONGEST, TYPE, OtherAudienceError, Verified, verify_access_token
from .bearer import bearer_token
from .denied import Denied, InsufficientScope, InvalidToken, Revoked, Unavailable
from .followed_list import FollowedList
from .issuer import Issuer
from .jws import read_kid
from .options import Options, WhenStale
from .session import Request, Session, cookies_for, read_reply, refuse_foreign_form, session_of, unavailable
from .subject import VerifiedToken
from .transport import trust

_log = logging.getLogger("countersign_guard")

LONGEST_WAIT = 20
"""Seconds. Each fetch has its own limit; no request waits longer than this for all of them."""


class Guard:
    """Verifies access tokens of one issuer for one service. Threads and event loops may share it.

    It fetches the issuer's keys and status lists with the first token and follows them from then on.

    :param issuer: the exact `iss` of every token that is accepted, such as `https://auth.example.com`.
    :param audience: the service's name, or several; one of them must be in `aud`. Default: the issuer.
    :param base_url: where to reach the issuer from here, if not at its own URL (containers).
    :param leeway: the allowed clock difference in seconds.
    :param when_stale: what to do if a status list cannot be refreshed. `serve_until_expiry`: use the current list until
        its `exp`. `fail_open`: accept every genuine token that is not known to be revoked. `fail_closed`: reject all
        tokens once the list is older than its `ttl` plus 10 seconds.
    :param require_status: whether to reject a token without a status list, which cannot be revoked.
    :param unknown_key_cooldown: the minimum seconds between two fetches of the key set caused by unknown keys.
    :param cache_size: how many verified tokens to remember; 0 disables the cache. Their status is always checked.
    :param now: the time in seconds since the epoch, for tests.
    """

    def __init__(
        self,
        issuer: str,
        *,
        audience: str | Iterable[str] | None = None,
        base_url: str | None = None,
        leeway: int = 30,
        when_stale: WhenStale = "serve_until_expiry",
        require_status: bool = True,
        unknown_key_cooldown: float = 30,
        cache_size: int = 10_000,
        now: Callable[[], float] = time.time,
    ) -> None:
        # First, because it is the default of the audience.
        if not issuer or not isinstance(issuer, str):
            raise ValueError("issuer must be a URL, such as https://auth.example.com")
        self._options = Options(
            issuer=issuer,
            audience=_names(issuer if audience is None else audience),
            base_url=base_url,
            leeway=leeway,
            when_stale=when_stale,
            require_status=require_status,
            unknown_key_cooldown=unknown_key_cooldown,
            cache_size=cache_size,
            now=now,
        )
        # Unreadable certificates are a configuration error: fail now, not with the first request.
        trust(self._options)
        self._remembered: dict[bytes, Verified] = {}
        self._lock = threading.Lock()
        self._has_reported = False
        self._live: Issuer | None = None
        self._end: Callable[[], object] = lambda: None
        _guards.add(self)

    @property
    def issuer(self) -> str:
        """The exact `iss` of every accepted token."""
        return self._options.issuer

    async def verify(self, token: str, scopes: Iterable[str] = ()) -> VerifiedToken:
        """Verifies a token, which must have all of these scopes. Raises `Denied` otherwise.

        The subject may be a client: `require_user()` returns the user.
        """
        for step in self._steps(token, scopes):
            if isinstance(step, VerifiedToken):
                return step
            # Unlike `wait_for`, it does not cancel the shared fetch when this request is cancelled.
            await asyncio.wait([asyncio.wrap_future(step)], timeout=LONGEST_WAIT)
        raise AssertionError("the last step is the token")

    def verify_sync(self, token: str, scopes: Iterable[str] = ()) -> VerifiedToken:
        """The same without an event loop."""
        for step in self._steps(token, scopes):
            if isinstance(step, VerifiedToken):
                return step
            futures.wait([step], timeout=LONGEST_WAIT)
        raise AssertionError("the last step is the token")

    async def authenticate(self, authorization: Sequence[str], scopes: Iterable[str] = ()) -> VerifiedToken:
        """Like `verify`, for the values of a request's `Authorization` headers, of which there must be exactly one."""
        return await self.verify(self._token_of(authorization), scopes)

    def authenticate_sync(self, authorization: Sequence[str], scopes: Iterable[str] = ()) -> VerifiedToken:
        """The same without an event loop."""
        return self.verify_sync(self._token_of(authorization), scopes)

    async def session_from_cookie(
        self, request: Request, *, origin: str | None = None, client_address: str | None = None
    ) -> Session | None:
        """Returns the session of the browser's cookie, or `None` if no one is signed in. For servers that render pages.

        It asks the issuer each time, with the issuer's cookies only, so a session that has ended is never accepted.
        Raises `ForeignForm` for a form that a page from another origin sent, and `Unavailable` if the issuer cannot be
        asked.

        :param request: a request of Starlette or FastAPI, or of another framework whose headers have `getlist`.
        :param origin: the origin of your application, if it is not the issuer's. It must be in `app_origins`.
        :param client_address: the browser's IP address, or the whole `X-Forwarded-For`, for the issuer's rate limits.
            The issuer uses it if this server is in its `trusted_proxies`.
        """
        own = origin or self.issuer
        headers = self._exchange_headers(request, own, client_address)
        if headers is None:
            return None
        asked = asyncio.wrap_future((self._live or self._begin()).exchange(headers))
        try:
            reply = await asked
        except Exception as reason:
            raise unavailable() from reason
        body = read_reply(reply, own)
        return None if body is None else await self._session(body)

    def session_from_cookie_sync(
        self, request: Request, *, origin: str | None = None, client_address: str | None = None
    ) -> Session | None:
        """The same without an event loop."""
        own = origin or self.issuer
        headers = self._exchange_headers(request, own, client_address)
        if headers is None:
            return None
        try:
            reply = (self._live or self._begin()).exchange(headers).result(LONGEST_WAIT)
        except Exception as reason:
            raise unavailable() from reason
        body = read_reply(reply, own)
        if body is None:
            return None
        try:
            return session_of(body, self.verify_sync(body["access_token"]))
        except InvalidToken as denied:
            _check_that_it_is_revoked(denied)
            return None

    async def _session(self, body: dict[str, Any]) -> Session | None:
        try:
            return session_of(body, await self.verify(body["access_token"]))
        except InvalidToken as denied:
            _check_that_it_is_revoked(denied)
            return None

    def _exchange_headers(self, request: Request, own: str, client_address: str | None) -> dict[str, str] | None:
        refuse_foreign_form(request, own)
        cookie = cookies_for(request, self.issuer, own)
        if not cookie:
            return None
        headers = {"Cookie": cookie, "Origin": own, "Accept": "application/json"}
        return headers | ({"X-Forwarded-For": client_address} if client_address else {})

    def __enter__(self) -> "Guard":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the thread that follows the issuer. The guard starts again when it is used."""
        with self._lock:
            self._live, end, self._end = None, self._end, lambda: None
        end()

    async def aclose(self) -> None:
        """The same in an event loop."""
        await asyncio.to_thread(self.close)

    def _steps(self, token: str, scopes: Iterable[str]) -> Iterator[futures.Future[None] | VerifiedToken]:
        """Applies all rules in order. Yields what must be awaited before it continues, and returns the token."""
        try:
            live = self._live or self._begin()
            digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
            verified = self._recall(digest, live)
            if verified is None:
                kid = read_kid(token, TYPE, LONGEST)
                if live.key(kid) is None:
                    yield live.want_key(kid)
                verified = verify_access_token(token, kid, _found(live, kid), self._options)
                self._remember(digest, verified)
            if verified.place is not None:
                followed = live.status_list(verified.place.uri)
                if followed is None or not followed.serves():
                    yield live.want_list(verified.place.uri)
                    followed = live.status_list(verified.place.uri)
                self._check_status(followed, verified.place.idx)
            missing = [scope for scope in scopes if scope not in verified.token.scopes]
            if missing:
                raise InsufficientScope(missing)
            yield verified.token
        except Denied as denied:
            denied.realm = self.issuer
            if isinstance(denied.__cause__, OtherAudienceError):
                self._report(denied.__cause__)
            raise

    def _report(self, cause: OtherAudienceError) -> None:
        # Once per guard: most likely, its audience is wrong, and the response does not say so.
        if not self._has_reported:
            self._has_reported = True
            _log.warning("rejected a token: %s; if it is meant for this service, correct `audience`", cause)

    def _check_status(self, followed: FollowedList | None, idx: int) -> None:
        status = followed.status(idx) if followed is not None else None
        # A revoked token never becomes valid again, so this applies however old the list is.
        if status:
            raise Revoked("The token has been revoked.")
        if followed is not None and followed.unreadable:
            raise InvalidToken("The token's status list cannot be read.")
        if (followed is None or not followed.serves()) and self._options.when_stale != "fail_open":
            raise Unavailable("Whether the token was revoked cannot be checked at the moment. Try again.")
        if status is None and followed is not None and followed.held is not None:
            raise InvalidToken("The token's status index is out of range.")

    def _recall(self, digest: bytes, live: Issuer) -> Verified | None:
        verified = self._remembered.get(digest)
        if verified is None:
            return None
        # An entry expires with its token, or when its key is withdrawn.
        if self._options.now() - self._options.leeway < verified.exp and live.key(verified.kid) is verified.key:
            return verified
        with self._lock:
            self._remembered.pop(digest, None)
        return None

    def _remember(self, digest: bytes, verified: Verified) -> None:
        if self._options.cache_size == 0:
            return
        with self._lock:
            if len(self._remembered) >= self._options.cache_size:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[digest] = verified

    def _token_of(self, authorization: Sequence[str]) -> str:
        try:
            return bearer_token(authorization)
        except Denied as denied:
            denied.realm = self.issuer
            raise

    def _begin(self) -> Issuer:
        with self._lock:
            if self._live is None:
                self._live = Issuer(self._options)
                # Also when the guard is garbage collected and when the program ends.
                self._end = weakref.finalize(self, self._live.close)
            return self._live

    def _begin_anew_after_fork(self) -> None:
        if isinstance(self._end, weakref.finalize):
            self._end.detach()
        _left_behind.append(self._live)
        self._live, self._end, self._lock = None, lambda: None, threading.Lock()


def _check_that_it_is_revoked(denied: InvalidToken) -> None:
    # It was revoked between the two steps. Any other rejection means that the guard has the wrong options.
    if not isinstance(denied, Revoked):
        raise ValueError(f"the token of the session is not accepted: {denied.detail}") from denied


def _names(audience: str | Iterable[str]) -> frozenset[str]:
    return frozenset([audience] if isinstance(audience, str) else audience)


def _found(live: Issuer, kid: str) -> jwt.PyJWK:
    key = live.key(kid)
    if key is not None:
        return key
    if not live.has_keys:
        raise Unavailable("The issuer's keys are unavailable at the moment. Try again.")
    # Also if the key set could not be fetched again: a client that forges a key ID must not cause a 503.
    raise InvalidToken("The token is signed with a key that is not the issuer's.")


_guards: "weakref.WeakSet[Guard]" = weakref.WeakSet()

# A forked process has copies of the parent's sockets, but not the thread that uses them. The copies are left alone:
# closing them properly would interfere with the parent.
_left_behind: list[Issuer | None] = []


def _after_fork() -> None:
    for guard in list(_guards):
        guard._begin_anew_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

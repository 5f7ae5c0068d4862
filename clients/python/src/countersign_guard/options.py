"""The options of a guard."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from .addresses import check_issuer, check_reachable, origin_of

WhenStale = Literal["serve_until_expiry", "fail_open", "fail_closed"]
"""What to do if a status list cannot be refreshed."""

# RFC 3986 §3.3 and §3.4, without the apostrophe, which URL parsers escape.
_PLAIN_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")

# What RFC 3986 §5.2.4 removes: `.` and `..`, escaped or not.
_DOT_SEGMENT = re.compile(r"[/?](?:\.|%2[eE]){1,2}(?:[/?]|\Z)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a guard, as `Guard` documents them."""

    issuer: str
    audience: frozenset[str]
    base_url: str | None = None
    leeway: int = 30
    when_stale: WhenStale = "serve_until_expiry"
    require_status: bool = True
    unknown_key_cooldown: float = 30
    cache_size: int = 10_000
    now: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        check_issuer(self.issuer, internally=self.base_url is not None)
        if self.base_url is not None:
            check_reachable(self.base_url, internally=True)
        if not self.audience:
            raise ValueError("audience must name at least one service")
        if self.when_stale not in get_args(WhenStale):
            raise ValueError(f"when_stale must be one of {', '.join(get_args(WhenStale))}")
        if self.leeway < 0 or self.unknown_key_cooldown < 0 or self.cache_size < 0:
            raise ValueError("leeway, unknown_key_cooldown and cache_size must not be negative")

    @property
    def reached_by_tls(self) -> bool:
        """Whether requests to the issuer use TLS."""
        return (self.base_url or self.issuer).startswith("https:")

    def is_ours(self, url: str) -> bool:
        """Whether a URL has the issuer's origin: scheme, host and port, character by character."""
        return url.startswith(origin_of(self.issuer) + "/") and url.isascii() and url.isprintable() and " " not in url

    def is_list(self, uri: str) -> bool:
        """Whether a URI may be that of a status list: on the issuer's origin and in canonical spelling.

        It is compared character by character, like the list's `sub`: another spelling would be fetched in vain.
        """
        path = uri[len(self.issuer) :] if uri.startswith(self.issuer + "/") else ""
        return _PLAIN_PATH.fullmatch(path) is not None and _DOT_SEGMENT.search(path) is None

    def address(self, url: str) -> str:
        """Returns where to reach a URL of the issuer from here."""
        if not self.is_ours(url):
            return check_reachable(url, internally=self.base_url is not None)
        if self.base_url is None:
            return url
        return self.base_url.rstrip("/") + url[len(origin_of(self.issuer)) :]

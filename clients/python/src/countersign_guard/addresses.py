"""Which URLs may be requested."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit


def origin_of(url: str) -> str:
    """Returns the scheme, host and port of a URL, as written."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def check_reachable(url: str, *, internally: bool) -> str:
    """Returns the URL if it may be requested: https, or http on this machine or in a configured private network."""
    parts = urlsplit(url)
    if not url.isascii() or not url.isprintable() or " " in url or not _has_port_if_any(parts):
        raise ValueError(f"{url!r} is not a URL")
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"{url!r} must be a URL with a host and without credentials, query or fragment")
    if parts.scheme == "https" or (parts.scheme == "http" and (internally or _is_loopback(parts.hostname))):
        return url
    raise ValueError(f"{url!r} must start with https:// (http:// is only allowed for loopback hosts, or with base_url)")


def check_issuer(url: str, *, internally: bool) -> None:
    """Rejects a value that no `iss` can equal: an issuer is an origin without a path."""
    check_reachable(url, internally=internally)
    if urlsplit(url).path:
        raise ValueError(f"the issuer {url!r} must not have a path or a trailing slash")


def _has_port_if_any(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

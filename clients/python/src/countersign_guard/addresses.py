"""Which addresses are asked at all."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, as they are written in it."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def check_reachable(url: str, *, internally: bool) -> str:
    """Gives the URL back if it may be asked: by https, by http on this machine or, if told so, in one's own network."""
    parts = urlsplit(url)
    if not url.isascii() or not url.isprintable() or " " in url or not _has_port_if_any(parts):
        raise ValueError(f"{url!r} is no URL")
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is no plain URL with a host")
    if parts.scheme == "https" or (parts.scheme == "http" and (internally or _is_loopback(parts.hostname))):
        return url
    raise ValueError(f"{url!r} must begin with https:// (http:// is for this machine, or where base_url is given)")


def check_issuer(url: str, *, internally: bool) -> None:
    """Refuses a name that no `iss` is equal to: an issuer has an origin, and nothing behind it."""
    check_reachable(url, internally=internally)
    if urlsplit(url).path:
        raise ValueError(f"the issuer {url!r} must have neither a path nor a slash at its end")


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

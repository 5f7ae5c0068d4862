"""Which addresses are asked at all."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, as they are written in it."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def check_reachable(url: str, *, internally: bool) -> str:
    """Gives the URL back if it may be asked: by https, by http on this machine or, if told so, in one's own network."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is no plain URL with a host")
    if parts.scheme == "https" or (parts.scheme == "http" and (internally or _is_loopback(parts.hostname))):
        return url
    raise ValueError(f"{url!r} must begin with https:// (http:// is for this machine, or where base_url is given)")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

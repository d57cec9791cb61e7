"""Hosts: which names a server answers to, so that no foreign web page reaches it by a name of its
own (DNS rebinding).
"""

import ipaddress
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

# A proxy sends one of these; a browser on this machine does not.
FORWARDING: Final = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
)


# Few names are asked for, again and again.
@lru_cache(maxsize=1_024)
def host_name(header: str) -> str:
    """The name in a Host header or a network location, without port; empty for none.

    >>> host_name("Shop.Example:8501"), host_name("[::1]:8501"), host_name("a@b")
    ('shop.example', '::1', '')
    """
    if any(sign in header for sign in "@/\\ ,") or not header.isascii():
        return ""
    try:
        return (urlsplit(f"//{header}").hostname or "").rstrip(".")
    except ValueError:
        return ""


@lru_cache(maxsize=1_024)
def is_loopback(name: str) -> bool:
    """Whether a host name or address means this machine itself.

    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("localhost.evil.test")
    (True, True, False)
    """
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_served(header: str, public: Collection[str]) -> bool:
    """Whether a Host header names this server.

    Args:
        header: as it was sent.
        public: names of the installation. This machine's own names and addresses in figures always
            count: no foreign page can have them as its origin.
    """
    name = host_name(header)
    return bool(name) and (
        is_loopback(name) or _is_address(name) or name in {host_name(one) for one in public}
    )


def is_local_request(client: str, headers: Mapping[str, str]) -> bool:
    """Whether a request comes straight from a browser or program on this machine.

    Args:
        client: address of the other end.
        headers: by lower-case name.
    """
    origin = headers.get("origin", "")
    return (
        is_loopback(client)
        and is_loopback(host_name(headers.get("host", "")))
        and (not origin or is_loopback(host_name(urlsplit(origin).netloc)))
        and not any(name in headers for name in FORWARDING)
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

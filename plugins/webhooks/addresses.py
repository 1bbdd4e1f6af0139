"""Where a webhook may go: which URLs are taken, and which addresses are connected to.

Whoever may make an endpoint makes this server send requests. So they go to the public internet, and not to what only this server
reaches: its own machine, its network, the metadata of its cloud. What a URL says is checked when it is written, to say so early; what
protects is the check of the very address at each connection (see connecting.py).
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from core import Invalid
from plugins.webhooks.settings import Network, Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST = 2_000
PORTS = {"https": 443, "http": 80}
FIRST_FREE_PORT = 1_024  # below are mail and the like, which a request could be made to speak to
OWN_NAMES = re.compile(r"(.+\.)?(localhost|local|internal|localdomain)")
HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
UNICAST = ipaddress.ip_network("2000::/3")  # all that IANA has given out; outside are mapped, compatible, local and translated ones
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address behind a translator
TUNNELS = (ipaddress.ip_network("2002::/16"), ipaddress.ip_network("2001::/23"))  # 6to4, Teredo and what else hides an address
# Public by number, and inside of a cloud or a router all the same: relays of 6to4, and what Azure tells its machines.
INSIDE = (ipaddress.ip_network("192.88.99.0/24"), ipaddress.ip_network("168.63.129.16/32"))


@dataclass(frozen=True)
class Target:
    """A URL in parts. The host is in small letters and has no dot at its end."""

    scheme: str
    host: str
    port: int
    path: str


def target(url: str, settings: Settings) -> Target:
    """The parts of a URL to which webhooks may go, as far as it shows. Raises Invalid, which says what is wrong with it."""
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise _wrong(f"must be at most {LONGEST} printable ASCII characters; write other names as xn--..., and the rest as %..")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong("is no URL") from None
    if parts.scheme not in (("https", "http") if settings.allow_http else ("https",)):
        raise _wrong("must begin with https://" + ("" if settings.allow_http else "; [plugins.webhooks] allow_http lets others through"))
    if "@" in parts.netloc:
        raise _wrong("must not hold a user or a password; check the signature, or put a token into the path")
    if parts.fragment or url.endswith("#"):
        raise _wrong("must not hold a #")
    if port is not None and port < FIRST_FREE_PORT and port not in PORTS.values():
        raise _wrong("must be of port 80, 443, or one from 1024 on")
    host = _host(parts.hostname or "", settings)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path)


def refused(address: str, allowed: Sequence[Network]) -> bool:
    """Whether an address must not be connected to: it is not public, and no network of the settings holds it."""
    try:
        one = _meant(ipaddress.ip_address(address))
    except ValueError:  # with a zone, say
        return True
    return not any(one.version == network.version and one in network for network in allowed) and not _public(one)


def _host(text: str, settings: Settings) -> str:
    host = text.lower().removesuffix(".")
    literal = _literal(host)
    if literal is not None:
        if refused(host, settings.networks):
            raise _wrong("is not a public address")
        return host
    if not HOST.fullmatch(host) or len(host) > 253:
        raise _wrong("has no host, or one that is no name")
    if re.fullmatch(r"\d+|0x[0-9a-f]*", host.rpartition(".")[2]):  # as WHATWG's URL standard tells numbers from names
        raise _wrong("must write an address as 203.0.113.7")
    if OWN_NAMES.fullmatch(host) and not settings.networks:
        raise _wrong("is not a public address")
    return host


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _meant(address: Address) -> Address:
    """The IPv4 address that one of version 6 stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def _public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in INSIDE)
    return address in UNICAST and not any(address in network for network in TUNNELS)


def _wrong(why: str) -> Invalid:
    return Invalid(url=why)

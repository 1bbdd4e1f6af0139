"""What can be set."""

import ipaddress
from dataclasses import dataclass
from functools import cached_property

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Settings:
    """What stands in settings.toml under [plugins.webhooks].

    allow_http: whether URLs without TLS are taken. allow_addresses: networks that are reached although they are not public:
    `10.1.0.0/16`. timeout: seconds for one try as a whole. retry_hours: how long a delivery is tried again. keep_days: how long the
    log of deliveries is kept. excerpt: how many characters of an answer that is not 2xx the log keeps, 0 for none. endpoints: how many
    there may be.
    """

    allow_http: bool = False
    allow_addresses: tuple[str, ...] = ()
    timeout: float = 10.0
    retry_hours: float = 24.0
    keep_days: int = 30
    excerpt: int = 500
    endpoints: int = 100

    def __post_init__(self) -> None:
        _ = self.networks
        bounds = {"timeout": (1, 30), "retry_hours": (0, 24), "keep_days": (2, 3_650), "excerpt": (0, 5_000), "endpoints": (1, 10_000)}
        for name, (least, most) in bounds.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {least} to {most}")

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """The networks of `allow_addresses`. Raises ValueError."""
        return tuple(_network(one) for one in self.allow_addresses)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"allow_addresses: '{text}' is neither an address nor a network like 10.1.0.0/16") from None

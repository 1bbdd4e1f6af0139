"""Failed attempts to sign in: so many for an account, and for an address of the net, and then a while of waiting.

They are counted in the memory of the process, in windows that slide; several processes each count their own.
"""

import ipaddress
import math
import time
from collections import OrderedDict, deque

from core.errors import RateLimited

WINDOW = 900.0  # seconds
OF_ACCOUNT, OF_ADDRESS = 10, 50  # attempts in a window
MOST = 20_000  # accounts and addresses of which something is known; the oldest are forgotten first


class Attempts:
    """Who has failed how often of late."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, account: str, address: str | None = None) -> None:
        """Count an attempt, before it is known how it ends, so that many at once count too. Raises RateLimited when there were too many.

        `account` is what was typed, be there such an account or not: the answer does not tell.
        """
        moment, counted = time.monotonic(), self._counted(account, address)
        for name, limit in counted:
            times = self._times.setdefault(name, deque())
            self._times.move_to_end(name)
            while times and times[0] <= moment - WINDOW:
                times.popleft()
            if len(times) >= limit:
                seconds = max(1, math.ceil(times[0] + WINDOW - moment))
                raise RateLimited(f"too many failed attempts to sign in; try again in {seconds} s", seconds)
        for name, _ in counted:
            self._times[name].append(moment)
        while len(self._times) > MOST:
            self._times.popitem(last=False)

    def succeed(self, account: str, address: str | None = None) -> None:
        """The attempt was good: the account has no failures any more, and the address one less."""
        self._times.pop(f"account {account}", None)
        if address and (times := self._times.get(f"address {network(address)}")):
            times.pop()

    def _counted(self, account: str, address: str | None) -> list[tuple[str, int]]:
        of_address = [(f"address {network(address)}", OF_ADDRESS)] if address else []
        return [*of_address, (f"account {account}", OF_ACCOUNT)]


def network(address: str) -> str:
    """What counts as one address: of version 6 the first half, which belongs to one client."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64))) if found.version == 6 else str(found)

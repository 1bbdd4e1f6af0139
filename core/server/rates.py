"""How much a client may ask for in a minute: so many requests, and so many points of cost.

Each budget is a meter after the generic cell rate algorithm (GCRA: ITU-T I.371, annex A): all that is known of a client is when its
budget is whole again. What is taken pushes that time away, and whoever would push it further than a minute is asked to wait. So a
client may spend the whole minute at once, and then goes on at the pace of the budget.

The meters are in the memory of the process; several processes each have their own.
"""

import math
from collections import OrderedDict
from collections.abc import Hashable
from time import monotonic

from core.errors import LockedOut, RateLimited
from core.permissions import Actor
from core.settings import Limits

WINDOW = 60
FULL = WINDOW + 1e-6  # the sums of many small fractions are not exact
MOST = 10_000  # clients; whoever asked longest ago is forgotten first


class Budget:
    """So many of something in a minute."""

    def __init__(self, name: str, limit: int) -> None:
        self.name = name
        self.limit = limit
        self._step = WINDOW / limit
        self._pace = limit / WINDOW
        self._key = b'"%s"' % name.encode()
        self._untouched = b"%s;r=%d;t=0" % (self._key, limit)

    def taken(self, whole: float, units: int) -> float:
        """When the budget, which is whole again at `whole`, will be so after `units` more of it. Raises RateLimited."""
        now = monotonic()
        if units > self.limit:
            units = self.limit  # what is more than all of it takes all of it, else it could never be asked for
        after = (whole if whole > now else now) + units * self._step
        if after - now > FULL:
            seconds = math.ceil(after - now - WINDOW)
            raise RateLimited(f"more than {self.limit} {self.name} in a minute; ask again in {seconds} s, and for less at once", seconds)
        return after

    def told(self, missing: float) -> bytes:
        """How much of it is left, and in how many seconds it is whole again, when that is `missing` seconds away."""
        if missing <= 0.0:
            return self._untouched
        return b"%s;r=%d;t=%d" % (self._key, (FULL - missing) * self._pace, missing + 1.0)


class Meter:
    """What one client has left of its budgets."""

    __slots__ = ("_rates", "_whole_cost", "_whole_requests")

    def __init__(self, rates: "Rates") -> None:
        self._rates = rates
        self._whole_requests = self._whole_cost = 0.0

    def ask(self) -> None:
        """Take one request. Raises RateLimited."""
        if (budget := self._rates.requests) is not None:
            self._whole_requests = budget.taken(self._whole_requests, 1)

    def pay(self, cost: int) -> None:
        """Take the cost of an operation. Raises RateLimited."""
        if (budget := self._rates.cost) is not None:
            self._whole_cost = budget.taken(self._whole_cost, cost)

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What the client is told: how much is left of its budgets. The budgets themselves are in `Rates.headers`."""
        requests, cost, now = self._rates.requests, self._rates.cost, monotonic()
        if requests is not None and cost is not None:
            return ((b"ratelimit", b"%s, %s" % (requests.told(self._whole_requests - now), cost.told(self._whole_cost - now))),)
        if requests is not None:
            return ((b"ratelimit", requests.told(self._whole_requests - now)),)
        return ((b"ratelimit", cost.told(self._whole_cost - now)),) if cost is not None else ()


class Rates:
    """The meters of the clients of one process.

    `headers` say what the budgets are, the same for all. They and a meter's own are in the words of
    https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ (10th draft).
    """

    def __init__(self, limits: Limits) -> None:
        self.requests = Budget("requests", limits.requests_per_minute) if limits.requests_per_minute > 0 else None
        self.cost = Budget("cost", limits.cost_per_minute) if limits.cost_per_minute > 0 else None
        budgets = [one for one in (self.requests, self.cost) if one is not None]
        policy = ", ".join(f'"{one.name}";q={one.limit};w={WINDOW}' for one in budgets)
        self.headers = ((b"ratelimit-policy", policy.encode()),) if policy else ()
        self._meters: OrderedDict[Hashable, Meter] = OrderedDict()

    def meter(self, actor: Actor) -> Meter:
        """The meter of a client: of its key, or of its user, or of whatever it is called."""
        name = actor.key_id or actor.user_id or actor.name
        found = self._meters.get(name)
        if found is None:
            found = self._meters[name] = Meter(self)
            if len(self._meters) > MOST:
                self._meters.popitem(last=False)
        else:
            self._meters.move_to_end(name)
        return found


class Strangers:
    """How often nobody knew who asks, by the address that the requests came from."""

    def __init__(self, limits: Limits) -> None:
        self._budget = Budget("requests without a valid key", limits.failures_per_minute) if limits.failures_per_minute > 0 else None
        self._whole: OrderedDict[str, float] = OrderedDict()

    def note(self, address: str) -> None:
        """Count another one. Raises LockedOut when they were too many."""
        if self._budget is None:
            return
        try:
            self._whole[address] = self._budget.taken(self._whole.get(address, 0.0), 1)
        except RateLimited as limited:
            raise LockedOut(str(limited), limited.seconds) from None
        self._whole.move_to_end(address)
        if len(self._whole) > MOST:
            self._whole.popitem(last=False)

"""What a house counts while it works: plain numbers, made into metrics only when somebody asks for them (core/server/metrics.py)."""

from bisect import bisect_left
from collections import defaultdict

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds
MOST_CODES = 200  # kinds of outcome; a plugin that makes up codes as it goes fills no memory
OTHER = "OTHER"
PATHS = ("/graphql", "/healthz", "/readyz", "/metrics", "/login", "/logout")  # that are counted each by itself


class Times:
    """How many took how long. `counts[n]` are those that took no longer than `BOUNDS[n]`, and longer than the bound before it."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds


class Counts:
    """Numbers since the start of the house. Whoever counts runs in the thread of the event loop.

    answers: by path and status. operations: by type (query, mutation, subscription, none), road (compiled, resolved, none) and code.
    """

    def __init__(self) -> None:
        self.answers: dict[str, defaultdict[int, int]] = {path: defaultdict(int) for path in (*PATHS, "other")}
        self.operations: dict[tuple[str, str, str], Times] = {}
        self.sockets = 0  # open now
        self.events = 0  # written and committed

    def answers_at(self, path: str) -> defaultdict[int, int]:
        """The answers at a path by their status; those of plugins' paths are counted together."""
        return self.answers[path if path in self.answers else "other"]

    def operation(self, kind: str, road: str, code: str = "OK") -> Times:
        """Where operations that ended like that are counted."""
        key = kind, road, code
        if key not in self.operations and len(self.operations) >= MOST_CODES:
            key = kind, road, OTHER
        return self.operations.setdefault(key, Times())

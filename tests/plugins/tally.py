"""What the points of members should be: reckoned in plain Python from docs/plugins/loyalty.md, with nothing of the plugin.

Everything happens at its own time here: a member that was not looked at for a week has each point that it would have, had somebody looked
at every moment.
"""

import datetime
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

Moment = datetime.datetime
PER = 10  # of the amount of a sale, for a point
NEVER = datetime.datetime.max.replace(tzinfo=datetime.UTC)


class Refused(Exception):
    """What cannot be done: there are too few points, or things are not in a state for it."""


@dataclass(eq=False)
class Lot:
    """Points that were earned together, and where they are now. `order`: the how many-eth lot it is."""

    order: int
    issued: int
    earned: Moment
    available: Moment
    expires: Moment
    pending: bool
    remaining: int
    expired: int = 0
    reversed: int = 0  # taken back: from the lot, from what had expired, or owed
    forgiven: int = 0  # to be taken back, and let go


@dataclass(eq=False)
class Redemption:
    """Points that were set aside or spent, of these lots."""

    member: int
    parts: list[tuple[Lot, int]]
    until: Moment  # when the points are back by themselves
    state: str  # HELD, REDEEMED, RELEASED or REFUNDED

    @property
    def points(self) -> int:
        """What it costs."""
        return sum(points for _, points in self.parts)


@dataclass(eq=False)
class Sale:
    """A sale, and the lots that it earned. `paid`: what was left to pay when it earned the last one, which stands until it is undone.

    `bought`: whether it counts as a purchase, points or not. What was given back stays so when the sale is undone and made again.
    """

    member: int
    amount: int
    won: bool = True
    lots: list[Lot] = field(default_factory=list)
    bought: bool = False
    stands: bool = False
    paid: int = 0
    given_back: int = 0

    @property
    def left(self) -> int:
        """The money that was not given back."""
        return max(self.amount - self.given_back, 0)


@dataclass(eq=False)
class Member:
    """What a member has."""

    joined: Moment
    lots: list[Lot] = field(default_factory=list)
    debt: int = 0
    merged_into: int | None = None

    @property
    def balance(self) -> int:
        """Points that can be spent."""
        return sum(lot.remaining for lot in self.lots if not lot.pending)

    @property
    def pending(self) -> int:
        """Points that wait."""
        return sum(lot.remaining for lot in self.lots if lot.pending)


@dataclass(eq=False)
class Tally:
    """All members of a programme, and the clock. `owes`: whether spent points that are taken back are owed; let go otherwise."""

    owes: bool
    clock: Moment
    members: list[Member] = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)  # in the order in which they were made
    sales: list[Sale] = field(default_factory=list)
    redemptions: list[Redemption] = field(default_factory=list)
    burned: int = 0

    def who(self, place: int) -> int:
        """The place of the member that this one is by now."""
        into = self.members[place].merged_into
        return place if into is None else self.who(into)

    def held(self, place: int) -> int:
        """Points that a member has set aside."""
        return sum(one.points for one in self.redemptions if one.state == "HELD" and one.member == place)

    def points(self, place: int) -> tuple[int, int, int, int]:
        """Available, pending, held and owed points."""
        member = self.members[place]
        return member.balance, member.pending, self.held(place), member.debt

    def outstanding(self) -> int:
        """All that members have now, whoever has looked since it changed."""
        now = deepcopy(self)
        now.catch_up_all()
        return sum(sum(now.points(place)[:3]) for place in range(len(now.members)))

    def catch_up_all(self) -> None:
        """Do what is due, for all."""
        for place in range(len(self.members)):
            self.catch_up(place)

    def catch_up(self, place: int) -> None:
        """Do what is due for a member, each at its time: holds end, points become available and pay what is owed, points expire."""
        member = self.members[place]
        while (at := min((at for at, _ in self._due(place)), default=NEVER)) <= self.clock:
            for ended in [one for when, one in self._due(place) if when == at and isinstance(one, Redemption)]:
                self._come_back(ended, "RELEASED", at)
            for lot in [one for when, one in self._due(place) if when == at and isinstance(one, Lot)]:
                if at == lot.expires:
                    _expire(lot)
                else:
                    lot.pending = False
            self._settle(member)

    def _due(self, place: int) -> Iterator[tuple[Moment, Lot | Redemption]]:
        for lot in self.members[place].lots:
            if lot.remaining:
                yield lot.available if lot.pending and lot.available < lot.expires else lot.expires, lot
        yield from ((one.until, one) for one in self.redemptions if one.state == "HELD" and one.member == place)

    def _settle(self, member: Member) -> None:
        """The next points pay what is owed."""
        paid = min(member.debt, member.balance)
        _take(member, paid)
        member.debt -= paid

    def issue(self, place: int, points: int, at: Moment, available: Moment, expires: Moment | None) -> Lot:
        """A new lot, of what happened at a time that may be past."""
        waits = available > self.clock
        lot = Lot(len(self.lots), points, at, available, expires or NEVER, waits, points)
        self.lots.append(lot)
        self.members[place].lots.append(lot)
        self.catch_up(place)
        self._settle(self.members[place])
        return lot

    def spend(self, place: int, points: int, until: Moment | None) -> Redemption:
        """Burn points, or set them aside until a time. Raises Refused."""
        self.catch_up(place)
        if points > self.members[place].balance:
            raise Refused
        made = Redemption(place, _take(self.members[place], points), until or NEVER, "HELD" if until else "REDEEMED")
        self.burned += 0 if until else points
        self.redemptions.append(made)
        return made

    def deduct(self, place: int, points: int) -> None:
        """Burn points for good. Raises Refused."""
        self.spend(place, points, None)
        self.redemptions.pop()

    def end(self, made: Redemption, state: str) -> None:
        """Burn what is held, give it back, or undo a redemption: what leads to that state; again changes nothing. Raises Refused."""
        self.catch_up(made.member)
        if (made.state, state) in (("HELD", "RELEASED"), ("REDEEMED", "REFUNDED")):
            self.burned -= made.points if state == "REFUNDED" else 0
            self._come_back(made, state, self.clock)
            self.catch_up(made.member)
        elif (made.state, state) == ("HELD", "REDEEMED"):
            made.state, self.burned = state, self.burned + made.points
        elif made.state != state:
            raise Refused

    def _come_back(self, made: Redemption, state: str, at: Moment) -> None:
        """Points go to where they came from. What was let go since is taken back, and what is owed is paid, before they expire."""
        made.state = state
        for lot, points in made.parts:
            lot.remaining += points
            late = min(lot.forgiven, lot.remaining)
            lot.remaining, lot.forgiven, lot.reversed = lot.remaining - late, lot.forgiven - late, lot.reversed + late
        self._settle(self.members[made.member])

    def take_back(self, place: int, lot: Lot, points: int) -> None:
        """Take points back: from the lot, then from what has expired of it; the rest was spent."""
        left = min(points, lot.remaining)
        lapsed = min(points - left, lot.expired)
        spent = points - left - lapsed
        lot.remaining, lot.expired = lot.remaining - left, lot.expired - lapsed
        lot.reversed += left + lapsed + (spent if self.owes else 0)
        lot.forgiven += 0 if self.owes else spent
        self.members[place].debt += spent if self.owes else 0
        self._settle(self.members[place])

    def earn(self, sale: Sale, at: Moment, available: Moment, expires: Moment | None) -> None:
        """Earn what a sale gives that was won at a time: a point for each 10 of its amount, once."""
        self.catch_up(sale.member)
        if at < self.members[sale.member].joined or not sale.left:
            return
        sale.bought = True
        if (points := sale.left // PER) and not sale.stands:
            sale.lots.append(self.issue(sale.member, points, at, available, expires))
            sale.stands, sale.paid = True, sale.left

    def keeps(self, sale: Sale) -> int:
        """The points that are left of a sale whose amount is what it is: its share, rounded down."""
        points = sale.lots[-1].issued
        return points if sale.left >= sale.paid else points * sale.left // sale.paid

    def lessen(self, sale: Sale) -> None:
        """Take back what a sale has earned too much."""
        if not sale.stands:
            return
        self.catch_up(sale.member)
        lot = sale.lots[-1]
        if (more := lot.issued - lot.reversed - lot.forgiven - self.keeps(sale)) > 0:
            self.take_back(sale.member, lot, more)

    def undo_sale(self, sale: Sale) -> None:
        """Take back all that a sale has earned."""
        sale.bought = False
        if not sale.stands:
            return
        self.catch_up(sale.member)
        lot = sale.lots[-1]
        self.take_back(sale.member, lot, lot.issued - lot.reversed - lot.forgiven)
        sale.stands = False

    def merge(self, into: int, gone: int) -> None:
        """Make one member of two."""
        self.catch_up(into)
        self.catch_up(gone)
        one, other = self.members[into], self.members[gone]
        one.lots, other.lots = one.lots + other.lots, []
        one.debt, other.debt = one.debt + other.debt, 0
        other.merged_into = into
        for each in (*self.sales, *self.redemptions):
            each.member = into if each.member == gone else each.member
        self._settle(one)


def _take(member: Member, points: int) -> list[tuple[Lot, int]]:
    """Take available points: of those that expire first, then of those that were earned first."""
    parts: list[tuple[Lot, int]] = []
    for lot in sorted(_filled(member.lots), key=lambda lot: (lot.expires, lot.earned, lot.order)):
        part = min(points, lot.remaining)
        if part:
            lot.remaining -= part
            parts.append((lot, part))
            points -= part
    return parts


def _expire(lot: Lot) -> None:
    lot.expired, lot.remaining = lot.expired + lot.remaining, 0


def _filled(lots: Sequence[Lot]) -> list[Lot]:
    return [lot for lot in lots if lot.remaining and not lot.pending]

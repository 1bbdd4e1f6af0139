"""The ledger: the one place where points move.

A `Book` is one member whose row is locked. Each movement is a transaction with entries that sum to zero (double entry, as in
bookkeeping since Pacioli's Summa of 1494); it changes the lots, and the points that the member's row remembers, together with the entries.
"""

import datetime
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tortoise.expressions import F, Q
from tortoise.transactions import in_transaction

from core import Call, emit
from core.fields import new_id, now
from plugins.loyalty.errors import InsufficientPoints, NotPossible
from plugins.loyalty.models import (
    LoyaltyAccount,
    LoyaltyEntry,
    LoyaltyKind,
    LoyaltyLot,
    LoyaltyMember,
    LoyaltyProgramme,
    LoyaltyRedemption,
    LoyaltyRedemptionState,
    LoyaltyReward,
    LoyaltySpent,
    LoyaltyTransaction,
)

AVAILABLE, PENDING, HELD, DEBT = LoyaltyAccount.AVAILABLE, LoyaltyAccount.PENDING, LoyaltyAccount.HELD, LoyaltyAccount.DEBT
ISSUED, BURNED = LoyaltyAccount.ISSUED, LoyaltyAccount.BURNED
EXPIRED, REVERSED = LoyaltyAccount.EXPIRED, LoyaltyAccount.REVERSED
OF_MEMBERS = {AVAILABLE: "balance", PENDING: "pending", HELD: "held", DEBT: "debt"}
AT_ONCE = 100  # lots that are read together
MOST = 1_000_000_000  # points in one command
ENDLESS = datetime.datetime.max.replace(tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Side:
    """One side of a transaction: what an account gains, or loses when negative, of a lot. An account of a member is that of the book."""

    account: LoyaltyAccount
    points: int
    lot: LoyaltyLot | None = None
    member: LoyaltyMember | None = None


Part = tuple[LoyaltyLot, int]


async def opened(call: Call, member_id: uuid.UUID, moment: datetime.datetime | None = None) -> "Book":
    """The book of a member: locked until the end of the transaction around it, and up to date.

    What was due is done first, each at its own time: points that have become available, and points that have expired. So it makes
    no difference when, or how often, jobs do the same. Of several members open first the one with the smallest id.
    """
    member = await _locked(member_id)
    book = Book(call, member, await LoyaltyProgramme.get(id=member.programme_id), moment or now())
    await book.catch_up()
    return book


async def _locked(member_id: uuid.UUID) -> LoyaltyMember:
    """The member that has this id; or the one that it was merged into, perhaps since the id was read.

    A merged one is let go before the next one is waited for, who may just be merged in turn: so nobody waits in a circle.
    """
    while True:
        try:
            async with in_transaction():  # a part of the one around it; when it is undone, its lock is free
                member = await LoyaltyMember.filter(id=member_id).select_for_update().get()
                if member.merged_into_id:
                    raise _Merged(member.merged_into_id)
                return member
        except _Merged as merged:
            member_id = merged.into


class _Merged(Exception):
    """The member is another one by now, whose id is `into`."""

    def __init__(self, into: uuid.UUID) -> None:
        super().__init__()
        self.into = into


@dataclass
class Book:
    """A member, and what can be done with its points. All points are whole, and more than 0."""

    call: Call
    member: LoyaltyMember
    programme: LoyaltyProgramme
    moment: datetime.datetime
    lots: dict[uuid.UUID, LoyaltyLot] = field(default_factory=dict)

    async def earn(
        self, points: int, key: str, *, available_at: datetime.datetime, expires_at: datetime.datetime | None, **facts: Any
    ) -> LoyaltyTransaction:
        """Issue points as a lot of their own: `kind` EARN, or GRANT when it is said. They pay a debt as soon as they are available."""
        facts = {"kind": LoyaltyKind.EARN, "effective_at": self.moment, **facts}
        waits = available_at > self.moment
        lot = await LoyaltyLot.create(
            member_id=self.member.id, issued=points, remaining=0, pending=waits, earned_at=facts["effective_at"],
            available_at=available_at, expires_at=expires_at,
        )  # fmt: skip
        posted = await self.post(points, key, [Side(ISSUED, -points, lot), Side(PENDING if waits else AVAILABLE, points, lot)], **facts)
        if expires_at and expires_at <= self.moment:  # what earned it is told of late
            await self._lapse([lot], expires_at)
        await self._settle(self.moment)
        return posted

    async def hold(self, points: int, key: str, **facts: Any) -> LoyaltyTransaction:
        """Set points aside, the first to expire first. Raises InsufficientPoints."""
        parts = await self._first_to_expire(points)
        return await self.post(points, key, _moved(AVAILABLE, HELD, parts), kind=LoyaltyKind.HOLD, **facts)

    async def burn(self, points: int, key: str, **facts: Any) -> LoyaltyTransaction:
        """Spend points, the first to expire first: `kind` REDEEM, or DEDUCT when it is said. Raises InsufficientPoints."""
        parts = await self._first_to_expire(points)
        return await self.post(points, key, _moved(AVAILABLE, BURNED, parts), **{"kind": LoyaltyKind.REDEEM, **facts})

    async def capture(self, hold: LoyaltyTransaction, key: str, **facts: Any) -> LoyaltyTransaction:
        """Spend the points that were held."""
        parts = await self._parts(hold, HELD)
        return await self.post(hold.points, key, _moved(HELD, BURNED, parts), kind=LoyaltyKind.CAPTURE, **facts)

    async def give_back(
        self, done: LoyaltyTransaction, key: str, at: datetime.datetime | None = None, **facts: Any
    ) -> Sequence[LoyaltyLot]:
        """Make points available again that were held or spent: in their lots, which are given. What is owed is paid with them first.

        done: the HOLD that is released, or the REDEEM or CAPTURE that is refunded; at: when, if not now.
        """
        at = at or self.moment
        released = done.kind is LoyaltyKind.HOLD
        account, kind = (HELD, LoyaltyKind.RELEASE) if released else (BURNED, LoyaltyKind.REFUND)
        parts = await self._parts(done, account)
        await self.post(done.points, key, _moved(account, AVAILABLE, parts), kind=kind, reverses=done, effective_at=at, **facts)
        lots = [lot for lot, _ in parts]
        for lot in lots:
            await self._collect(lot, at)
        await self._settle(at)
        await self._lapse([lot for lot in lots if lot.remaining and lot.expires_at and lot.expires_at <= at], at)
        return lots

    async def undo(
        self, made: LoyaltyRedemption, state: LoyaltyRedemptionState, at: datetime.datetime | None = None
    ) -> Sequence[LoyaltyLot]:
        """Give the points of a redemption back, and the reward: RELEASED of what is held, REFUNDED of what was burned. Its lots."""
        made.state, made.undone_at = state, at or self.moment
        await made.save(update_fields=["state", "undone_at"])
        await LoyaltyReward.filter(id=made.reward_id, stock__isnull=False).update(stock=F("stock") + 1)
        spent = [LoyaltyKind.HOLD] if state is LoyaltyRedemptionState.RELEASED else [LoyaltyKind.REDEEM, LoyaltyKind.CAPTURE]
        done = await LoyaltyTransaction.get(redemption_id=made.id, kind__in=spent)
        what = state.value.lower()
        lots = await self.give_back(done, f"{what}:{made.id}", at, redemption=made)
        await emit(self.call, f"loyaltyRedemption.{what}", made, after={"points": made.points})
        return lots

    async def take_back(self, earned: LoyaltyTransaction, points: int, key: str, **facts: Any) -> LoyaltyTransaction:
        """Reverse points that a transaction issued, at most those that were not taken back before.

        They come from its lot; then from what has expired of it; the rest was spent, and is owed or let go, as the programme says.
        """
        lot = self._known(await lot_of(earned))
        left = min(points, lot.remaining)
        lapsed = min(points - left, await _sum(EXPIRED, lot))
        spent = points - left - lapsed
        owed = spent if self.programme.spent_policy is LoyaltySpent.DEBT else 0
        sides = [
            Side(PENDING if lot.pending else AVAILABLE, -left, lot), Side(EXPIRED, -lapsed, lot), Side(DEBT, -owed),
            Side(REVERSED, left + lapsed + owed, lot),
        ]  # fmt: skip
        posted = await self.post(
            left + lapsed + owed, key, sides, kind=LoyaltyKind.REVERSE, reverses=earned, forgiven=spent - owed, **facts
        )
        await self._settle(self.moment)
        return posted

    async def catch_up(self) -> None:
        """Do what is due, each at its own time: holds end, points become available and pay what is owed, points expire."""
        lots = {lot.id: lot for lot in await self._due()}
        holds = await self._ended()
        while (at := min([*map(_next, _filled(lots.values())), *(_until(made) for made in holds)], default=ENDLESS)) <= self.moment:
            for made in [made for made in holds if _until(made) <= at]:
                holds.remove(made)
                lots |= {lot.id: lot for lot in await self.undo(made, LoyaltyRedemptionState.RELEASED, at)}
            due = [lot for lot in _filled(lots.values()) if _next(lot) <= at]
            for lot in [lot for lot in due if _matures(lot)]:
                await self._mature(lot)
                due.remove(lot)
            await self._lapse(due, at)
            await self._settle(at)

    async def _ended(self) -> list[LoyaltyRedemption]:
        """The holds whose time is over."""
        held = LoyaltyRedemption.filter(member_id=self.member.id, state=LoyaltyRedemptionState.HELD, held_until__lte=self.moment)
        return list(await held.order_by("held_until", "id")) if self.member.held else []

    async def _lapse(self, lots: Sequence[LoyaltyLot], at: datetime.datetime) -> None:
        """Let the points of these lots expire, and tell of it."""
        expired = [await self._expire(lot, at) for lot in lots]
        if expired:
            await emit(self.call, "loyaltyMember.pointsExpired", self.member, after={"points": sum(one.points for one in expired)})

    async def post(self, points: int, key: str, sides: Sequence[Side], **facts: Any) -> LoyaltyTransaction:
        """Write a transaction down: its entries, its lots, and the points of the member."""
        sides = [side for side in sides if side.points]
        assert sum(side.points for side in sides) == 0, "entries sum to zero"
        facts = {"effective_at": self.moment, "recorded_at": self.moment, **facts}
        posted = await LoyaltyTransaction.create(member_id=self.member.id, points=points, key=key, **facts)
        await LoyaltyEntry.bulk_create([self._entry(posted, side) for side in sides])
        members = {self.member.id: self.member}
        for side in sides:
            member = side.member or self.member
            if side.account in OF_MEMBERS:
                name = OF_MEMBERS[side.account]
                setattr(member, name, getattr(member, name) + (-side.points if side.account is DEBT else side.points))
                members[member.id] = member
            if side.lot and side.account in (AVAILABLE, PENDING):
                side.lot.remaining += side.points
        for lot in {side.lot.id: side.lot for side in sides if side.lot}.values():
            assert 0 <= lot.remaining <= lot.issued, "a lot never holds more than it began with"
            await lot.save(update_fields=["remaining", "pending"])
        for member in members.values():
            await member.save(update_fields=list(OF_MEMBERS.values()))
        return posted

    def _entry(self, posted: LoyaltyTransaction, side: Side) -> LoyaltyEntry:
        member = (side.member or self.member).id if side.account in OF_MEMBERS else None
        return LoyaltyEntry(
            transaction_id=posted.id, account=side.account, member_id=member, programme_id=self.programme.id,
            lot_id=side.lot.id if side.lot else None, points=side.points, effective_at=posted.effective_at,
        )  # fmt: skip

    async def _due(self) -> list[LoyaltyLot]:
        """The lots for which something is due, by its time."""
        ripe = Q(pending=True, available_at__lte=self.moment) | Q(expires_at__lte=self.moment)
        some = LoyaltyLot.filter(ripe, member_id=self.member.id, remaining__gt=0)
        return [self._known(lot) for lot in await some.order_by("id")] if self.member.balance or self.member.pending else []

    def _known(self, lot: LoyaltyLot) -> LoyaltyLot:
        """The lot as this book has it: each is one object, which says what remains."""
        return self.lots.setdefault(lot.id, lot)

    async def _parts(self, done: LoyaltyTransaction, account: LoyaltyAccount) -> list[Part]:
        """What a transaction has brought to an account, by lots."""
        entries = await LoyaltyEntry.filter(transaction_id=done.id, account=account, points__gt=0).values_list("lot_id", "points")
        lots = {lot.id: self._known(lot) for lot in await LoyaltyLot.filter(id__in=[lot for lot, _ in entries])}
        return [(lots[lot], points) for lot, points in entries]

    async def _collect(self, lot: LoyaltyLot, at: datetime.datetime) -> None:
        """Take back what was let go because it was spent, now that it is not."""
        issued = await LoyaltyEntry.filter(lot_id=lot.id, account=ISSUED).get()
        back = LoyaltyTransaction.filter(reverses_id=issued.transaction_id, kind=LoyaltyKind.REVERSE)
        points = min(sum(await back.values_list("forgiven", flat=True)), lot.remaining)  # type: ignore[arg-type]
        if points > 0:
            sides = _moved(PENDING if lot.pending else AVAILABLE, REVERSED, [(lot, points)])
            facts = {"kind": LoyaltyKind.REVERSE, "reverses_id": issued.transaction_id, "forgiven": -points, "effective_at": at}
            await self.post(points, f"collect:{new_id()}", sides, **facts)

    async def _mature(self, lot: LoyaltyLot) -> LoyaltyTransaction:
        points, lot.pending = lot.remaining, False
        sides = [Side(PENDING, -points, lot), Side(AVAILABLE, points, lot)]
        return await self.post(points, f"mature:{lot.id}", sides, kind=LoyaltyKind.MATURE, effective_at=lot.available_at)

    async def _expire(self, lot: LoyaltyLot, at: datetime.datetime) -> LoyaltyTransaction:
        # The key is new each time, for points that were held may come back to the lot and expire then.
        points, key = lot.remaining, f"expire:{lot.id}:{new_id()}"
        sides = _moved(PENDING if lot.pending else AVAILABLE, EXPIRED, [(lot, points)])
        return await self.post(points, key, sides, kind=LoyaltyKind.EXPIRE, effective_at=at)

    async def _settle(self, at: datetime.datetime) -> None:
        """Let available points pay what is owed."""
        points = min(self.member.debt, self.member.balance)
        if points > 0:
            sides = [*(Side(AVAILABLE, -part, lot) for lot, part in await self._first_to_expire(points)), Side(DEBT, points)]
            await self.post(points, f"settle:{new_id()}", sides, kind=LoyaltyKind.SETTLE, effective_at=at)

    async def _first_to_expire(self, points: int) -> list[Part]:
        """So many available points, as parts of lots. Raises InsufficientPoints."""
        if points > self.member.balance:
            raise InsufficientPoints(f"{points} points are needed, and {self.member.balance} are available")
        parts: list[Part] = []
        async for lot in self._spendable():
            parts.append((lot, min(points, lot.remaining)))
            points -= parts[-1][1]
            if not points:
                break
        assert not points, "lots hold what the member has"
        return parts

    async def _spendable(self) -> AsyncGenerator[LoyaltyLot, None]:
        """Lots with available points, the first to expire first: then those that were earned first."""
        filled = LoyaltyLot.filter(member_id=self.member.id, remaining__gt=0, pending=False)
        for expires in (True, False):
            queryset, seen = filled.filter(expires_at__isnull=not expires).order_by("expires_at", "earned_at", "id"), 0
            while lots := await queryset.offset(seen).limit(AT_ONCE):
                for lot in lots:
                    yield self._known(lot)
                seen += len(lots)


async def lot_of(earned: LoyaltyTransaction) -> LoyaltyLot:
    """The lot that a transaction issued. Its member may be another one by now."""
    entry = await LoyaltyEntry.filter(transaction_id=earned.id, account=ISSUED).get()
    return await LoyaltyLot.get(id=entry.lot_id)


async def reversible(earned: LoyaltyTransaction) -> int:
    """How many points of what a transaction issued were not taken back yet."""
    back = await LoyaltyTransaction.filter(reverses_id=earned.id, kind=LoyaltyKind.REVERSE).values_list("points", "forgiven")
    return earned.points - sum(points + forgiven for points, forgiven in back)


async def merge(into: Book, gone: Book, key: str) -> LoyaltyTransaction:
    """Move all points of a member to another one, with their lots and what is held; the debt and redemptions as well.

    Both books are open. Lots stay what they are and change hands, so that what earned them can still be taken back.
    Raises NotPossible when the members are in two programmes.
    """
    if into.programme.id != gone.programme.id:
        raise NotPossible("these are members of two programmes; points of one are worth nothing in the other")
    lots = await LoyaltyLot.filter(member_id=gone.member.id)
    moves = [(PENDING if lot.pending else AVAILABLE, lot, lot.remaining) for lot in lots]
    held = await LoyaltyEntry.filter(member_id=gone.member.id, account=HELD).values_list("lot_id", "points")
    by_id = {lot.id: lot for lot in lots}
    moves += [(HELD, by_id[lot], points) for lot, points in _totals(held).items()]
    sides = [Side(account, -points, lot, gone.member) for account, lot, points in moves]
    sides += [Side(account, points, lot, into.member) for account, lot, points in moves]
    sides += [Side(DEBT, gone.member.debt, member=gone.member), Side(DEBT, -gone.member.debt, member=into.member)]
    moved = sum(points for _, _, points in moves)
    posted = await into.post(moved, key, sides, kind=LoyaltyKind.MERGE)
    await LoyaltyLot.filter(member_id=gone.member.id).update(member_id=into.member.id)
    await LoyaltyRedemption.filter(member_id=gone.member.id).update(member_id=into.member.id)
    await LoyaltyMember.filter(merged_into_id=gone.member.id).update(merged_into_id=into.member.id)
    await LoyaltyMember.filter(referred_by_id=gone.member.id).update(referred_by_id=into.member.id)
    await LoyaltyMember.filter(id=into.member.id, referred_by_id=into.member.id).update(referred_by_id=None)  # nobody refers themselves
    gone.member.merged_into_id, gone.member.contact_id = into.member.id, None
    await gone.member.save(update_fields=["merged_into_id", "contact_id"])
    await into.catch_up()
    return posted


def _matures(lot: LoyaltyLot) -> bool:
    """Whether the next thing for a lot is to become available; one that is past its time before never does."""
    return lot.pending and (lot.expires_at is None or lot.available_at < lot.expires_at)


def _next(lot: LoyaltyLot) -> datetime.datetime:
    return lot.available_at if _matures(lot) else lot.expires_at or ENDLESS


def _filled(lots: Iterable[LoyaltyLot]) -> list[LoyaltyLot]:
    return [lot for lot in lots if lot.remaining]


def _until(made: LoyaltyRedemption) -> datetime.datetime:
    return made.held_until or ENDLESS


def _moved(source: LoyaltyAccount, target: LoyaltyAccount, parts: Sequence[Part]) -> list[Side]:
    """The sides that move parts of lots from an account to another one."""
    return [side for lot, points in parts for side in (Side(source, -points, lot), Side(target, points, lot))]


async def unite(call: Call, contacts: Sequence[uuid.UUID]) -> None:
    """Make one member of those that contacts are, who are one person: of the first that is one. Raises NotPossible."""
    members = await LoyaltyMember.filter(contact_id__in=list(contacts))
    keys = [one.id for one in members]
    # All that merging changes, in one order: whoever handles deals of many members locks some of them, too.
    every = LoyaltyMember.filter(Q(id__in=keys) | Q(merged_into_id__in=keys) | Q(referred_by_id__in=keys))
    await every.order_by("id").only("id").select_for_update()
    books = {one.contact_id: await opened(call, one.id) for one in sorted(members, key=lambda one: one.id)}
    into, *gone = [books[contact] for contact in contacts if contact in books] or [None]
    for book in gone:
        if into and book:
            await merge(into, book, f"merge:{book.member.id}")


def _totals(entries: Iterable[Any]) -> Mapping[uuid.UUID, int]:
    """What the entries of each lot come to."""
    totals: Counter[uuid.UUID] = Counter()
    for lot, points in entries:
        totals[lot] += points
    return totals


async def _sum(account: LoyaltyAccount, lot: LoyaltyLot) -> int:
    """The points of a lot that are on an account."""
    return sum(await LoyaltyEntry.filter(lot_id=lot.id, account=account).values_list("points", flat=True))  # type: ignore[arg-type]

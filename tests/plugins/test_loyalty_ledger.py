"""The ledger of loyalty: whatever is done in whatever order, no point is made, lost or spent twice."""

import datetime
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from tortoise.exceptions import IntegrityError

from core import SYSTEM, Call, transaction
from core.fields import new_id
from core.models import Contact
from plugins.loyalty.due import due_until
from plugins.loyalty.errors import InsufficientPoints
from plugins.loyalty.ledger import Book, merge, opened, reversible
from plugins.loyalty.models import (
    LoyaltyAccount,
    LoyaltyEntry,
    LoyaltyKind,
    LoyaltyLot,
    LoyaltyMember,
    LoyaltyProgramme,
    LoyaltySpent,
    LoyaltyTransaction,
)
from tests.examples import for_all
from tests.house import House

pytestmark = pytest.mark.plugins("loyalty")

BEGIN = datetime.datetime(2026, 3, 21, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
POINTS = st.integers(1, 200)
COMMANDS = st.one_of(
    st.tuples(st.just("earn"), POINTS, st.integers(0, 3), st.none() | st.integers(4, 9)),
    st.tuples(st.just("hold"), POINTS),
    st.tuples(st.just("burn"), POINTS),
    st.tuples(st.sampled_from(["capture", "release", "refund"]), st.integers(0, 5)),
    st.tuples(st.just("take_back"), st.integers(0, 5), st.integers(1, 250)),
    st.tuples(st.just("wait"), st.integers(1, 4)),
)


@dataclass
class Club:
    """A programme with one member, and a clock of its own."""

    call: Call
    member: LoyaltyMember
    moment: datetime.datetime = BEGIN
    earned: list[LoyaltyTransaction] = field(default_factory=list)
    holds: list[LoyaltyTransaction] = field(default_factory=list)
    spent: list[LoyaltyTransaction] = field(default_factory=list)

    @classmethod
    async def of(cls, house: House, policy: LoyaltySpent = LoyaltySpent.DEBT, programme: LoyaltyProgramme | None = None) -> "Club":
        """A new member, of a new programme when none is given."""
        programme = programme or await LoyaltyProgramme.create(
            name="Club", name_key="club", point_value=100, currency="IRR", spent_policy=policy
        )
        contact = await Contact.create(name="Shirin", name_key="shirin")
        return cls(house.crm.call(SYSTEM), await LoyaltyMember.create(contact_id=contact.id, programme_id=programme.id))

    async def do(self, command: str, *values: Any) -> None:
        """Carry out a command; what cannot be done changes nothing."""
        if command == "wait":
            self.moment += values[0] * DAY
            return
        before = await standing(self.member)
        try:
            async with transaction(self.call):
                await getattr(self, f"_{command}")(await self.book(), *values)
        except InsufficientPoints:
            assert await standing(self.member) == before

    async def book(self) -> Book:
        """The member's book, of now."""
        return await opened(self.call, self.member.id, self.moment)

    async def _earn(self, book: Book, points: int, waits: int, lives: int | None) -> None:
        available, expires = self.moment + waits * DAY, None if lives is None else self.moment + lives * DAY
        self.earned.append(await book.earn(points, key(), available_at=available, expires_at=expires))

    async def _hold(self, book: Book, points: int) -> None:
        self.holds.append(await book.hold(points, key()))

    async def _burn(self, book: Book, points: int) -> None:
        self.spent.append(await book.burn(points, key()))

    async def _capture(self, book: Book, place: int) -> None:
        if self.holds:
            self.spent.append(await book.capture(self.holds.pop(place % len(self.holds)), key()))

    async def _release(self, book: Book, place: int) -> None:
        if self.holds:
            await book.give_back(self.holds.pop(place % len(self.holds)), key())

    async def _refund(self, book: Book, place: int) -> None:
        if self.spent:
            await book.give_back(self.spent.pop(place % len(self.spent)), key())

    async def _take_back(self, book: Book, place: int, points: int) -> None:
        if self.earned:
            earned = self.earned[place % len(self.earned)]
            if points := min(points, await reversible(earned)):
                await book.take_back(earned, points, key())


def key() -> str:
    """A key that no other transaction has."""
    return str(new_id())


async def standing(member: LoyaltyMember) -> tuple[int, int, int, int]:
    """Available, pending, held and owed points, as the member's row has them."""
    row = await LoyaltyMember.get(id=member.id)
    return row.balance, row.pending, row.held, row.debt


async def sums(**which: Any) -> Counter[LoyaltyAccount]:
    """What the entries say, account by account."""
    found: Counter[LoyaltyAccount] = Counter()
    for entry in await LoyaltyEntry.filter(**which):
        found[entry.account] += entry.points
    return found


async def hold_true(*members: LoyaltyMember) -> None:
    """Fail when one of the identities of the ledger does not hold."""
    totals: Counter[Any] = Counter()
    for entry in await LoyaltyEntry.all():
        totals[entry.transaction_id] += entry.points
    assert set(totals.values()) <= {0}, "each transaction sums to zero"
    for member in members:
        mine = await sums(member_id=member.id)
        lots = await LoyaltyLot.filter(member_id=member.id)
        balance, pending, held, debt = await standing(member)
        assert balance == mine[LoyaltyAccount.AVAILABLE] == sum(lot.remaining for lot in lots if not lot.pending) >= 0
        assert pending == mine[LoyaltyAccount.PENDING] == sum(lot.remaining for lot in lots if lot.pending) >= 0
        assert held == mine[LoyaltyAccount.HELD] >= 0
        assert debt == -mine[LoyaltyAccount.DEBT] >= 0
        assert not (debt and balance), "what is owed is paid at once"
        assert all(0 <= lot.remaining <= lot.issued for lot in lots)
    everywhere = await sums()
    issued = -everywhere.pop(LoyaltyAccount.ISSUED, 0)
    debt = -everywhere.pop(LoyaltyAccount.DEBT, 0)
    assert issued == sum(everywhere.values()) - debt
    assert min([*everywhere.values(), 0]) == 0


@pytest.mark.parametrize("policy", list(LoyaltySpent))
async def test_whatever_is_done_no_point_is_made_or_lost(house: House, policy: LoyaltySpent):
    async def check(commands: list[tuple[Any, ...]]) -> None:
        club = await Club.of(house, policy)
        for command in commands:
            await club.do(*command)
        async with transaction(club.call):
            await club.book()
        await hold_true(club.member)
        if policy is LoyaltySpent.CAP:
            assert (await standing(club.member))[3] == 0

    await for_all(check, st.lists(COMMANDS, max_size=14), share=2)


async def test_all_that_was_taken_back_nets_to_nothing(house: House):
    async def check(commands: list[tuple[Any, ...]]) -> None:
        club = await Club.of(house)
        for command in commands:
            await club.do(*command)
        for place in range(len(club.earned)):
            await club.do("take_back", place, 10**9)
        while club.holds:
            await club.do("release", 0)
        spent = sum(one.points for one in club.spent)
        balance, pending, held, debt = await standing(club.member)
        assert (balance, pending, held) == (0, 0, 0)
        mine = await sums(transaction__member_id=club.member.id)
        assert -mine[LoyaltyAccount.ISSUED] == mine[LoyaltyAccount.REVERSED]
        assert debt == spent, "what was spent is owed, and nothing else"

    await for_all(check, st.lists(COMMANDS, max_size=10), share=1)


async def test_to_hold_and_to_release_changes_nothing(house: House):
    async def check(lots: list[int], points: int) -> None:
        club = await Club.of(house)
        for place, size in enumerate(lots):
            await club.do("earn", size, 0, 4 + place % 3)
        before = await standing(club.member), await lots_of(club)
        await club.do("hold", points)
        await club.do("release", 0)
        assert (await standing(club.member), await lots_of(club)) == before

    await for_all(check, st.lists(POINTS, max_size=6), POINTS, share=1)


async def lots_of(club: Club) -> list[tuple[Any, int]]:
    """The lots and what remains of each."""
    return [(lot.id, lot.remaining) for lot in await LoyaltyLot.filter(member_id=club.member.id).order_by("id")]


async def test_the_first_to_expire_is_the_first_to_be_spent(house: House):
    async def check(lives: list[int | None], points: int) -> None:
        club = await Club.of(house)
        for one in lives:
            await club.do("earn", 10, 0, one)
        await club.do("burn", min(points, 10 * len(lives)))
        left = {lot.id: lot.remaining for lot in await LoyaltyLot.filter(member_id=club.member.id)}
        wanted = min(points, 10 * len(lives))
        for lot in sorted(
            await LoyaltyLot.filter(member_id=club.member.id), key=lambda lot: (lot.expires_at or BEGIN + 1000 * DAY, lot.earned_at, lot.id)
        ):
            taken = min(wanted, 10)
            wanted -= taken
            assert left[lot.id] == 10 - taken

    await for_all(check, st.lists(st.none() | st.integers(1, 5), min_size=1, max_size=8), st.integers(1, 90), share=1)


async def test_expired_points_are_gone_at_their_time_however_late_anybody_looks(house: House):
    club = await Club.of(house)
    await club.do("earn", 100, 1, 5)
    await club.do("wait", 30)
    await club.do("burn", 1)  # refused
    assert await standing(club.member) == (100, 0, 0, 0) or await standing(club.member) == (0, 100, 0, 0)
    async with transaction(club.call):
        await club.book()
    assert await standing(club.member) == (0, 0, 0, 0)
    matured, expired = await LoyaltyTransaction.filter(kind__in=[LoyaltyKind.MATURE, LoyaltyKind.EXPIRE]).order_by("effective_at")
    assert (matured.effective_at, expired.effective_at) == (BEGIN + DAY, BEGIN + 5 * DAY)
    assert expired.recorded_at == club.moment


async def test_points_that_come_back_after_their_time_expire_at_once(house: House):
    club = await Club.of(house)
    await club.do("earn", 100, 0, 5)
    await club.do("hold", 60)
    await club.do("wait", 4)
    await club.do("wait", 4)
    await club.do("release", 0)
    assert await standing(club.member) == (0, 0, 0, 0)
    assert (await sums(transaction__member_id=club.member.id))[LoyaltyAccount.EXPIRED] == 100


async def test_what_was_spent_is_owed_and_paid_by_the_next_points(house: House):
    club = await Club.of(house)
    await club.do("earn", 100, 0, None)
    await club.do("burn", 70)
    await club.do("take_back", 0, 100)
    assert await standing(club.member) == (0, 0, 0, 70)
    await club.do("earn", 50, 2, None)
    assert await standing(club.member) == (0, 50, 0, 70)
    await club.do("wait", 2)
    await club.do("earn", 30, 0, None)
    assert await standing(club.member) == (10, 0, 0, 0)
    await hold_true(club.member)


async def test_what_has_expired_is_not_owed_when_it_is_taken_back(house: House):
    club = await Club.of(house)
    await club.do("earn", 100, 0, 5)
    await club.do("burn", 30)
    await club.do("wait", 4)
    await club.do("wait", 4)
    await club.do("take_back", 0, 60)
    assert await standing(club.member) == (0, 0, 0, 0)
    await club.do("take_back", 0, 100)
    assert await standing(club.member) == (0, 0, 0, 30)
    assert (await sums())[LoyaltyAccount.REVERSED] == 100
    await hold_true(club.member)


@pytest.mark.parametrize("spend", ["hold", "burn"])
async def test_what_was_let_go_is_taken_back_when_it_comes_back(house: House, spend: str):
    club = await Club.of(house, LoyaltySpent.CAP)
    await club.do("earn", 100, 0, None)
    await club.do(spend, 100)
    await club.do("take_back", 0, 100)
    assert await reversible(club.earned[0]) == 0
    await club.do("release" if spend == "hold" else "refund", 0)
    assert await standing(club.member) == (0, 0, 0, 0)
    assert await reversible(club.earned[0]) == 0
    await hold_true(club.member)


async def test_points_that_expire_before_they_are_available_expire(house: House):
    club = await Club.of(house)
    async with transaction(club.call):
        await (await club.book()).earn(10, key(), available_at=BEGIN + 30 * DAY, expires_at=BEGIN + 10 * DAY)
    assert await standing(club.member) == (0, 10, 0, 0)
    assert await due_until(club.call, BEGIN + 15 * DAY) == 1
    assert await standing(club.member) == (0, 0, 0, 0)
    await hold_true(club.member)


async def test_who_has_read_a_member_before_it_was_merged_finds_the_one_that_it_is_now(house: House):
    into = await Club.of(house)
    programme = await LoyaltyProgramme.get(id=into.member.programme_id)
    first, second = await Club.of(house, programme=programme), await Club.of(house, programme=programme)
    await first.do("earn", 100, 0, None)
    await first.do("hold", 100)
    for one, gone in ((second, first), (into, second)):
        async with transaction(into.call):
            await merge(await one.book(), await gone.book(), key())
    assert (await LoyaltyMember.get(id=first.member.id)).merged_into_id == into.member.id
    await first.do("release", 0)
    assert await standing(into.member) == (100, 0, 0, 0)
    await hold_true(into.member, first.member, second.member)


async def test_merging_members_preserves_what_there_is(house: House):
    async def check(first: list[tuple[Any, ...]], second: list[tuple[Any, ...]], after: list[tuple[Any, ...]]) -> None:
        one = await Club.of(house)
        two = await Club.of(house, programme=await LoyaltyProgramme.get(id=one.member.programme_id))
        for club, commands in ((one, first), (two, second)):
            for command in commands:
                await club.do(*command)
        moment = max(one.moment, two.moment)
        one.moment = two.moment = moment
        for club in (one, two):
            async with transaction(club.call):
                await club.book()
        before = [await standing(one.member), await standing(two.member)]
        async with transaction(one.call):
            into, gone = await one.book(), await two.book()
            await merge(into, gone, key())
        balance, pending, held, debt = await standing(one.member)
        assert await standing(two.member) == (0, 0, 0, 0)
        assert (balance - debt, pending, held) == (
            sum(each[0] - each[3] for each in before),
            sum(each[1] for each in before),
            sum(each[2] for each in before),
        )
        await hold_true(one.member, two.member)
        one.earned, one.holds, one.spent = one.earned + two.earned, one.holds + two.holds, one.spent + two.spent
        for command in after:
            await one.do(*command)
        await hold_true(one.member, two.member)

    some = st.lists(COMMANDS, max_size=7)
    await for_all(check, some, some, some, share=1)


async def test_the_same_key_is_written_once(house: House):
    club = await Club.of(house)
    async with transaction(club.call):
        await (await club.book()).earn(5, "earn:a:b", available_at=BEGIN, expires_at=None)
    with pytest.raises(IntegrityError):
        async with transaction(club.call):
            await (await club.book()).earn(5, "earn:a:b", available_at=BEGIN, expires_at=None)
    assert await standing(club.member) == (5, 0, 0, 0)


@pytest.mark.parametrize("change", ["update", "delete"])
async def test_the_database_refuses_to_change_what_was_written(house: House, change: str):
    club = await Club.of(house)
    await club.do("earn", 5, 0, None)
    for model in (LoyaltyTransaction, LoyaltyEntry):
        with pytest.raises(IntegrityError):
            await (model.all().update(points=6) if change == "update" else model.all().delete())

"""The ledger of loyalty beside a tally of points that knows nothing of it: whatever is done in whatever order, both say the same."""

import datetime
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from anyio import from_thread
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core import SYSTEM, transaction
from core import Refused as Told
from core.fields import new_id
from core.models import Contact, Deal
from plugins.loyalty.commands import deduct, grant, reverse
from plugins.loyalty.due import due_until
from plugins.loyalty.earning import Source, reconcile
from plugins.loyalty.joining import join
from plugins.loyalty.ledger import opened, unite
from plugins.loyalty.liability import outstanding
from plugins.loyalty.models import (
    LoyaltyAccount,
    LoyaltyEntry,
    LoyaltyLot,
    LoyaltyMember,
    LoyaltyProgramme,
    LoyaltyRedemption,
    LoyaltyReward,
    LoyaltyRule,
    LoyaltySpent,
    LoyaltyTrigger,
)
from plugins.loyalty.redeeming import capture, hold, redeem, refund, release
from plugins.loyalty.verifying import verify
from tests.examples import drive
from tests.house import House
from tests.plugins.tally import PER, Member, Refused, Sale, Tally
from tests.plugins.test_loyalty_ledger import BEGIN, DAY, Club, standing

pytestmark = pytest.mark.plugins("loyalty")

HOUR = timedelta(hours=1)
# How many days points wait and live, by the currency of the sale: for each there is a rule of its own.
DAYS: dict[str, tuple[int, int | None]] = {"USD": (0, None), "EUR": (0, 4), "GBP": (2, 6), "CHF": (3, None), "SEK": (5, 3)}
COSTS = (10, 70, 150)

CURRENCY = st.sampled_from(list(DAYS))
PLACE = st.integers(0, 5)
REWARD = st.sampled_from(range(len(COSTS)))
POINTS = st.sampled_from([100, 33, 1])
AMOUNT = st.sampled_from([1500, 2345, 999, 7])  # some that are worth spending: chance alone likes small ones
Step = Callable[[], Awaitable[Any]]


class Clock:
    """The clock of the ledger, which goes on when the machine says so."""

    def __init__(self) -> None:
        self.moment = BEGIN

    def __call__(self) -> datetime.datetime:
        """This moment."""
        return self.moment


@dataclass(eq=False)
class Deed:
    """What the house knows of a sale: its key, its currency, and the event that told of it last."""

    id: uuid.UUID
    currency: str
    cause: str = ""


class Machine(RuleBasedStateMachine):
    """A programme in a house, and its tally. Of each step both are told; then they are held against each other."""

    def __init__(self, house: House, clock: Clock) -> None:
        super().__init__()
        self.house, self.clock, self.call = house, clock, house.crm.call(SYSTEM)
        self.clock.moment = BEGIN
        self.contacts: list[uuid.UUID] = []
        self.members: list[uuid.UUID] = []
        self.deeds: list[Deed] = []
        self.made: list[LoyaltyRedemption] = []
        self.outstanding: dict[datetime.datetime, int] = {}
        self.well = False

    @initialize(
        owes=st.sampled_from([True, True, False]),
        sales=st.lists(st.tuples(AMOUNT, st.sampled_from(["EUR", "USD"])), min_size=1, max_size=3),
    )
    def begin(self, owes: bool, sales: list[tuple[int, str]]) -> None:
        """A programme with rules, rewards and members, who have bought something."""
        self.tally = Tally(owes, BEGIN)
        from_thread.run(self._begin)
        for place, sale in enumerate(sales):
            self.join()
            self.win(place, *sale, late=0)

    async def _begin(self) -> None:
        policy = LoyaltySpent.DEBT if self.tally.owes else LoyaltySpent.CAP
        programme = await LoyaltyProgramme.create(name="Club", name_key="club", point_value=100, currency="USD", spent_policy=policy)
        for currency, (pending, lives) in DAYS.items():
            await LoyaltyRule.create(
                programme_id=programme.id, name=currency, trigger=LoyaltyTrigger.DEAL_WON, points=1000, per_amount=PER, currency=currency,
                pending_days=pending, expiry_days=lives, valid_from=BEGIN,
            )  # fmt: skip
        self.rewards = [await LoyaltyReward.create(programme_id=programme.id, name="mug", name_key="mug", cost=cost) for cost in COSTS]
        self.programme = programme

    @precondition(lambda self: len(self.people) < 2)
    @rule()
    def join(self) -> None:
        """Somebody joins."""

        async def product() -> None:
            contact = await Contact.create(name="Shirin", name_key="shirin")
            member = await join(self.call, contact.id, self.programme, at=self.clock.moment)
            self.contacts.append(contact.id)
            self.members.append(member.id)

        self.step(lambda: self.tally.members.append(Member(self.tally.clock)), product)

    @rule(place=PLACE, amount=AMOUNT, currency=CURRENCY, late=st.sampled_from([0, 1, 40]))
    def win(self, place: int, amount: int, currency: str, late: int) -> None:
        """A sale is won; the consumer hears of it some hours late."""
        self.tally.sales.append(Sale(self.person(place), amount))
        self.deeds.append(Deed(new_id(), currency))
        self._win(len(self.deeds) - 1, self.clock.moment - late * HOUR)

    @precondition(lambda self: self.deeds)
    @rule(place=PLACE, to=st.none() | PLACE)
    def win_again(self, place: int, to: int | None) -> None:
        """A sale is won that was won before, and perhaps re-opened in between; or was that of another contact."""
        self._win(place % len(self.deeds), self.clock.moment, None if to is None else self.person(to))

    def _win(self, place: int, at: datetime.datetime, to: int | None = None) -> None:
        sale, deed = self.tally.sales[place], self.deeds[place]
        to = sale.member if to is None else to
        pending, lives = DAYS[deed.currency]
        deed.cause = str(new_id())

        def expected() -> None:
            if to != sale.member:
                self.tally.undo_sale(sale)
            sale.member, sale.won, lots = to, True, len(self.tally.lots)
            self.tally.earn(sale, at, at + pending * DAY, None if lives is None else at + lives * DAY)
            for moment in self.outstanding:
                if moment >= at:  # it counts from when it happened on
                    self.outstanding[moment] += sum(lot.issued for lot in self.tally.lots[lots:])

        self.step(expected, lambda: self.told(to, sale, deed, at))

    async def told(self, member: int, sale: Sale, deed: Deed, at: datetime.datetime | None, fires: bool = True) -> None:
        """The consumer hears of a sale."""
        source = Source(deed.id, LoyaltyTrigger.DEAL_WON, self.contacts[member], at, sale.amount, deed.currency)
        await reconcile(self.call, source, deed.cause, fires=fires)

    @precondition(lambda self: self.deeds)
    @rule(place=PLACE)
    def hear_again(self, place: int) -> None:
        """The consumer hears of the same event twice: nothing changes."""
        sale, deed = self.sale(place)
        if sale.stands or not sale.won:
            at = self.clock.moment if sale.won else None
            self.step(lambda: self.tally.lessen(sale), lambda: self.told(sale.member, sale, deed, at))

    @precondition(lambda self: self.deeds)
    @rule(place=PLACE)
    def undo(self, place: int) -> None:
        """A sale is re-opened, and all of its points are back."""
        sale, deed = self.sale(place)
        deed.cause = str(new_id())

        def expected() -> None:
            self.tally.undo_sale(sale)
            sale.won = False

        self.step(expected, lambda: self.told(sale.member, sale, deed, None))
        for lot in sale.lots:
            assert lot.issued == lot.reversed + lot.forgiven, "all is taken back, to the last point"

    @precondition(lambda self: self.deeds)
    @rule(place=PLACE, amount=AMOUNT)
    def change_amount(self, place: int, amount: int) -> None:
        """The amount of a sale is changed: when it is less now, the share is taken back."""
        sale, deed = self.sale(place)
        sale.amount, deed.cause = amount, str(new_id())
        at = self.clock.moment if sale.won else None
        self.step(lambda: self.tally.lessen(sale), lambda: self.told(sale.member, sale, deed, at, fires=False))

    @precondition(lambda self: self.deeds)
    @rule(place=PLACE, amount=AMOUNT, all=st.booleans())
    def give_money_back(self, place: int, amount: int, all: bool) -> None:
        """A part of the money of a sale is given back, or all that is left."""
        sale, deed = self.sale(place)
        amount = max(sale.left, 1) if all else amount

        def expected() -> None:
            if not sale.bought or amount > sale.left:
                raise Refused
            sale.given_back += amount
            self.tally.lessen(sale)

        deal = Deal(id=deed.id, title="", amount=sale.amount, currency=deed.currency)
        self.step(expected, lambda: reverse(self.call, deal, Decimal(amount) / 100))

    @rule(place=PLACE, points=POINTS, lives=st.none() | st.integers(1, 6))
    def grant(self, place: int, points: int, lives: int | None) -> None:
        """Points are given by hand."""
        member, now = self.person(place), self.clock.moment
        expires = None if lives is None else now + lives * DAY

        def expected() -> None:
            self.tally.catch_up(member)
            self.tally.issue(member, points, now, now, expires)

        async def product() -> None:
            await grant(self.call, await self.row(member), points, None, expires)

        self.step(expected, product)

    @rule(place=PLACE, points=st.sampled_from([1, 33]))
    def deduct(self, place: int, points: int) -> None:
        """Points are taken by hand."""
        member = self.person(place)

        async def product() -> None:
            await deduct(self.call, await self.row(member), points, None)

        self.step(lambda: self.tally.deduct(member, points), product)

    @rule(place=PLACE, reward=REWARD)
    def redeem(self, place: int, reward: int) -> None:
        """A reward is redeemed."""
        self._spend(place, reward, None)

    @rule(place=PLACE, reward=REWARD, hours=st.sampled_from([2, 30, 80]))
    def hold(self, place: int, reward: int, hours: int) -> None:
        """Points are set aside for some hours."""
        self._spend(place, reward, hours)

    def _spend(self, place: int, reward: int, hours: int | None) -> bool:
        member = self.person(place)
        while reward and COSTS[reward] > self.tally.members[member].balance:
            reward -= 1  # else most would be refused, and nothing would come of that
        id = self.rewards[reward].id
        time = None if hours is None else hours * HOUR

        async def product() -> LoyaltyRedemption:
            own = self.members[member]
            return await (redeem(self.call, own, id) if time is None else hold(self.call, own, id, time))

        until = None if time is None else self.clock.moment + time
        made = self.step(lambda: self.tally.spend(member, COSTS[reward], until), product)
        if made:
            self.made.append(made)
        return made is not None

    @rule(place=PLACE, reward=REWARD)
    def hold_and_release(self, place: int, reward: int) -> None:
        """To set points aside and to give them back changes nothing."""
        self._look(place)
        before = deepcopy(self.tally.members[self.person(place)])
        if self._spend(place, reward, 2):
            self.end(len(self.made) - 1, "RELEASED")
        after = self.tally.members[self.person(place)]
        assert [vars(lot) for lot in after.lots] == [vars(lot) for lot in before.lots]
        assert after.debt == before.debt

    @precondition(lambda self: self.made)
    @rule(place=PLACE, state=st.sampled_from(["REDEEMED", "RELEASED", "REFUNDED"]))
    def end(self, place: int, state: str) -> None:
        """What was set aside is burned or given back, or a redemption is undone; perhaps for the second time."""
        place %= len(self.made)
        do = {"REDEEMED": capture, "RELEASED": release, "REFUNDED": refund}[state]
        self.step(lambda: self.tally.end(self.tally.redemptions[place], state), lambda: do(self.call, self.made[place]))

    @precondition(lambda self: len(self.people) > 1)
    @rule(into=PLACE, gone=PLACE)
    def merge(self, into: int, gone: int) -> None:
        """Two members are one person: what they have is added up."""
        one, other = self.person(into), self.person(gone)
        if one == other:
            return

        def expected() -> None:
            self.tally.catch_up(one)
            self.tally.catch_up(other)
            before = [sum(each) for each in zip(self.tally.points(one), self.tally.points(other), strict=True)]
            self.tally.merge(one, other)
            after = self.tally.points(one)
            assert (after[0] - after[3], *after[1:3]) == (before[0] - before[3], *before[1:3]), "totals are preserved"

        self.step(expected, lambda: unite(self.call, [self.contacts[one], self.contacts[other]]))

    @rule(hours=st.sampled_from([100, 48, 24, 1]))
    def wait(self, hours: int) -> None:
        """The clock goes on, and nobody looks at anything."""
        self.turn(self.clock.moment + hours * HOUR)

    def turn(self, to: datetime.datetime) -> None:
        """Set both clocks."""
        self.clock.moment = self.tally.clock = to

    @rule(late=st.sampled_from([0, 12, 36]), times=st.integers(1, 2), only=st.none() | PLACE)
    def do_what_is_due(self, late: int, times: int, only: int | None) -> None:
        """The job runs, perhaps a second time; or only now for a time that is past; or for one member alone."""
        now = self.clock.moment
        self.turn(now - late * HOUR)
        for _ in range(times):
            if only is not None:
                self._look(only)
            else:
                self.step(self.tally.catch_up_all, lambda: due_until(self.call, self.clock.moment))
        self.turn(now)

    def _look(self, place: int) -> None:
        member = self.person(place)
        self.step(lambda: self.tally.catch_up(member), lambda: opened(self.call, self.members[member]))

    @property
    def people(self) -> list[int]:
        """Members that were not merged into others."""
        return [place for place, one in enumerate(self.tally.members) if one.merged_into is None]

    def person(self, place: int) -> int:
        """One of them."""
        return self.people[place % len(self.people)]

    def sale(self, place: int) -> tuple[Sale, Deed]:
        """One of the sales."""
        return self.tally.sales[place % len(self.deeds)], self.deeds[place % len(self.deeds)]

    async def row(self, member: int) -> LoyaltyMember:
        """The member in the house."""
        return await LoyaltyMember.get(id=self.members[member])

    def step(self, expected: Callable[[], Any], product: Step) -> Any:
        """Tell both, and give what the house made: None when it refused. What is refused changes nothing."""
        self.well = False
        before, refused = deepcopy(self.tally), False
        try:
            expected()
        except Refused:
            self.tally, refused = before, True
        self.last = refused
        made = from_thread.run(self._do, product)
        assert isinstance(made, Told) is refused, f"the house says: {made}"
        return None if refused else made

    async def _do(self, product: Step) -> Any:
        try:
            async with transaction(self.call):
                return await product()
        except Told as told:
            return told

    @invariant()
    def hold_true(self) -> None:
        """All identities of the ledger hold, and both say the same."""
        if not self.members:
            return
        self.outstanding[self.clock.moment] = self.tally.outstanding()
        from_thread.run(self._hold_true)
        self.well = True

    async def _hold_true(self) -> None:
        entries = await LoyaltyEntry.filter(programme_id=self.programme.id)
        rows = {one.id: one for one in await LoyaltyMember.filter(programme_id=self.programme.id)}
        lots = await LoyaltyLot.filter(member_id__in=list(rows)).order_by("id")
        transactions: Counter[Any] = Counter()
        accounts: Counter[Any] = Counter()
        totals: Counter[LoyaltyAccount] = Counter()
        for one in entries:
            transactions[one.transaction_id] += one.points
            accounts[one.member_id, one.account] += one.points
            totals[one.account] += one.points
        assert set(transactions.values()) <= {0}, "each transaction sums to zero"
        for place, id in enumerate(self.members):
            own, mine = rows[id], [lot for lot in lots if lot.member_id == id]
            assert own.balance == accounts[id, LoyaltyAccount.AVAILABLE] == sum(lot.remaining for lot in mine if not lot.pending) >= 0
            assert own.pending == accounts[id, LoyaltyAccount.PENDING] == sum(lot.remaining for lot in mine if lot.pending) >= 0
            assert own.held == accounts[id, LoyaltyAccount.HELD] >= 0
            assert own.debt == -accounts[id, LoyaltyAccount.DEBT] >= 0
            assert (own.balance, own.pending, own.held, own.debt) == self.tally.points(place)
        assert all(0 <= lot.remaining <= lot.issued for lot in lots)
        # Lot by lot: so the first to expire are the first to be spent, set aside, and taken for what is owed.
        assert [(lot.issued, lot.remaining) for lot in lots] == [(lot.issued, lot.remaining) for lot in self.tally.lots]
        issued, owed = -totals.pop(LoyaltyAccount.ISSUED, 0), -totals.pop(LoyaltyAccount.DEBT, 0)
        assert issued == sum(totals.values()) - owed, "issued = available + pending + held + burned + expired + reversed - owed"
        assert totals[LoyaltyAccount.BURNED] == self.tally.burned
        assert totals[LoyaltyAccount.EXPIRED] == sum(lot.expired for lot in self.tally.lots)
        assert totals[LoyaltyAccount.REVERSED] == sum(lot.reversed for lot in self.tally.lots)
        if not any(one.debt for one in self.tally.members):  # what is owed is paid when somebody looks
            assert await outstanding(self.programme, self.clock.moment) == self.outstanding[self.clock.moment]
        assert await verify() == []

    def teardown(self) -> None:
        """What was outstanding at each moment is what the ledger says of it, whatever came later; and all can be undone."""
        if not self.well:
            return
        self.wait(100)
        self.do_what_is_due(0, 1, None)
        self.hold_true()
        from_thread.run(self._look_back)
        for place in range(len(self.deeds)):
            self.undo(place)
        for place in range(len(self.made)):
            self.end(place, "RELEASED")
        self.hold_true()
        from_thread.run(self._look_back)

    async def _look_back(self) -> None:
        for moment, points in self.outstanding.items():
            assert await outstanding(self.programme, moment) == points, f"outstanding at {moment}"


async def test_whatever_is_done_the_ledger_says_what_the_tally_says(house: House, monkeypatch: pytest.MonkeyPatch):
    clock = Clock()
    monkeypatch.setattr("plugins.loyalty.ledger.now", clock)
    await drive(lambda: Machine(house, clock), steps=20, share=0.3)


@pytest.mark.parametrize("days", [2, 3], ids=["before they expire", "after that"])
async def test_points_that_become_available_pay_what_is_owed_however_late_anybody_looks(house: House, days: int):
    club = await Club.of(house)
    commands: list[tuple[Any, ...]] = [("earn", 50, 0, None), ("burn", 50), ("take_back", 0, 50), ("earn", 80, 1, 3), ("wait", days)]
    for command in commands:
        await club.do(*command)
    programme = await LoyaltyProgramme.get(id=club.member.programme_id)
    async with transaction(club.call):
        await club.book()
    assert await outstanding(programme, BEGIN + 1.5 * DAY) == 30
    assert await standing(club.member) == (30 if days == 2 else 0, 0, 0, 0)


@pytest.mark.parametrize("spend", ["hold", "burn"])
async def test_nothing_is_owed_when_sale_and_redemption_are_both_undone(house: House, spend: str):
    club = await Club.of(house)
    commands: list[tuple[Any, ...]] = [("earn", 100, 0, 4), (spend, 100), ("take_back", 0, 100), ("wait", 5)]
    for command in commands:
        await club.do(*command)
    await club.do("release" if spend == "hold" else "refund", 0)
    assert await standing(club.member) == (0, 0, 0, 0)


async def test_what_is_outstanding_does_not_depend_on_when_the_job_ends_a_hold(house: House, monkeypatch: pytest.MonkeyPatch):
    club, clock = await held(house, monkeypatch)
    clock.moment += 3 * DAY
    await due_until(club.call, clock.moment)
    assert await outstanding(await LoyaltyProgramme.get(id=club.member.programme_id), BEGIN + 2 * DAY) == 0


async def test_points_of_a_hold_that_is_over_can_be_spent(house: House, monkeypatch: pytest.MonkeyPatch):
    club, clock = await held(house, monkeypatch)
    clock.moment += 2 * HOUR
    async with transaction(club.call):
        await deduct(club.call, club.member, 100, None)


async def held(house: House, monkeypatch: pytest.MonkeyPatch) -> tuple[Club, Clock]:
    """A member whose points live for a day and are set aside for an hour."""
    clock = Clock()
    monkeypatch.setattr("plugins.loyalty.ledger.now", clock)
    club = await Club.of(house)
    await club.do("earn", 100, 0, 1)
    mug = await LoyaltyReward.create(programme_id=club.member.programme_id, name="mug", name_key="mug", cost=100)
    async with transaction(club.call):
        await hold(club.call, club.member.id, mug.id, HOUR)
    return club, clock

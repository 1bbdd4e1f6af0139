"""Reports as fields: points by period, and which rewards work."""

import asyncio
import datetime
import uuid
from collections import defaultdict
from decimal import Decimal
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import strawberry
from tortoise.models import Model

from core import Call, Invalid, Money, NotFound, Period, demand, key_of, permit, select, visible
from core.fields import now
from core.models import Deal, Stage
from plugins.loyalty.effect import DAY, MOST, Effect, Estimate, Person, Purchase, effect
from plugins.loyalty.flow import flow
from plugins.loyalty.models import LoyaltyMember, LoyaltyProgramme, LoyaltyRedemption, LoyaltyRedemptionState, LoyaltyReward

M = TypeVar("M", bound=Model)

MOST_PERIODS = 1_000
LONGEST = 730  # days
EARLIEST, LATEST = datetime.date(1970, 1, 1), datetime.date(2099, 12, 31)


@strawberry.type(description="Points that came and went in a period.")
class LoyaltyFlow:
    """One period."""

    start: datetime.date = strawberry.field(description="Its first day, by the calendar of the programme.")
    complete: bool = strawberry.field(description="Whether it is over.")
    issued: Decimal = strawberry.field(description="Points earned or given.")
    matured: Decimal = strawberry.field(description="Pending points that became available.")
    burned: Decimal = strawberry.field(description="Points spent or taken by hand, less those of redemptions that were undone.")
    expired: Decimal = strawberry.field(description="Points past their time.")
    reversed: Decimal = strawberry.field(description="Points taken back.")


@strawberry.type(description="A mean difference, with its interval of 95 %.")
class LoyaltyEstimate:
    """A share, or money per member."""

    value: Decimal = strawberry.field(description="The difference.")
    low: Decimal | None = strawberry.field(description="The lower end; null for fewer than two redeemers.")
    high: Decimal | None = strawberry.field(description="The upper end; null for fewer than two redeemers.")


@strawberry.type(description="Those who redeemed a reward beside members who were alike and did not.")
class LoyaltyRewardEffect:
    """What came of a reward."""

    redeemers: int = strawberry.field(description="Members who redeemed it in the time, each with the first time, whose days are over.")
    unfinished: int = strawberry.field(description="Members who redeemed it so lately that their days are not over: not counted.")
    matched: int = strawberry.field(description="Redeemers for whom there were members alike; the others are left out.")
    repeat: LoyaltyEstimate | None = strawberry.field(description="How much likelier a purchase in the days after was, as a share of 1.")
    revenue: LoyaltyEstimate | None = strawberry.field(description="How much more was bought in the days after, per redeemer.")
    currency: str = strawberry.field(description="ISO 4217 code of the revenue; deals in other currencies are no purchases here.")


@strawberry.type(name="Query", extend=True)
class LoyaltyReports:
    """Fields that join the root type Query."""

    @strawberry.field(description="Points that came and went, for each period that has a day in the time.")
    @permit("loyalty.report")
    async def loyalty_flow(
        self,
        info: strawberry.Info[Call],
        programme_id: Annotated[strawberry.ID, strawberry.argument(description="Global id of a LoyaltyProgramme.")],
        from_day: Annotated[datetime.date, strawberry.argument(name="from", description="The first day.")],
        to_day: Annotated[datetime.date, strawberry.argument(name="to", description="The last day.")],
        period: Annotated[Period, strawberry.argument(description="How long each one is.")] = Period.MONTH,
    ) -> list[LoyaltyFlow] | None:
        """Points by period."""
        programme = await _one(info.context, LoyaltyProgramme, programme_id, "programme_id")
        _sensible(from_day, to_day)
        if (to_day - from_day).days > MOST_PERIODS * {Period.DAY: 1, Period.WEEK: 7}.get(period, 28):
            raise Invalid(period=f"makes more than {MOST_PERIODS} periods; take a longer one")
        today = now().astimezone(ZoneInfo(programme.time_zone)).date()
        found = await flow(programme, from_day, to_day, period, today, info.context.crm.settings.company.weekday)
        return [
            LoyaltyFlow(
                start=one.start, complete=one.complete, issued=Decimal(one.issued), matured=Decimal(one.matured),
                burned=Decimal(one.burned), expired=Decimal(one.expired), reversed=Decimal(one.reversed),
            )
            for one in found
        ]  # fmt: skip

    @strawberry.field(description="Whether a reward works: what its redeemers bought afterwards, beside members who were alike.")
    @permit("loyalty.report")
    async def loyalty_reward_effect(
        self,
        info: strawberry.Info[Call],
        reward_id: Annotated[strawberry.ID, strawberry.argument(description="Global id of a LoyaltyReward.")],
        from_day: Annotated[datetime.date, strawberry.argument(name="from", description="The first day of redemptions, in UTC.")],
        to_day: Annotated[datetime.date, strawberry.argument(name="to", description="The last day of redemptions, in UTC.")],
        days: Annotated[int, strawberry.argument(description="How many days before and after are looked at.")] = 90,
    ) -> LoyaltyRewardEffect | None:
        """Redeemers beside a matched hold-out."""
        call = info.context
        demand(call, Deal, "amount", "currency", "stage", "closed_at", "contact")
        demand(call, Stage, "kind")
        _sensible(from_day, to_day)
        if not 1 <= days <= LONGEST:
            raise Invalid(days=f"must be between 1 and {LONGEST}, not {days}")
        reward = await _one(call, LoyaltyReward, reward_id, "reward_id")
        programme = await LoyaltyProgramme.get(id=reward.programme_id)
        redeemers = await _redeemers(reward, from_day, to_day)
        over = {member: at for member, at in redeemers.items() if at + days * DAY <= now()}
        members = await _members(call, programme, list(over))
        pairs = [(members[member], at) for member, at in over.items() if member in members]
        others = [person for member, person in members.items() if member not in redeemers]
        found = await asyncio.to_thread(effect, pairs, others, days)
        return _told(found, len(redeemers) - len(over), programme)


def _sensible(first: datetime.date, last: datetime.date) -> None:
    for name, day in (("from", first), ("to", last)):
        if not EARLIEST <= day <= LATEST:
            raise Invalid({name: f"must be between {EARLIEST} and {LATEST}, not {day}"})
    if last < first:
        raise Invalid(to=f"{last} must not come before from, {first}")


async def _one(call: Call, model: type[M], id: str, path: str) -> M:
    found = await visible(call, model).get_or_none(id=key_of(call, model, id, path))
    if found is None:
        raise NotFound(f"there is no {model.__name__} with this id")
    return found


async def _redeemers(reward: LoyaltyReward, first: datetime.date, last: datetime.date) -> dict[uuid.UUID, datetime.datetime]:
    """The first time in these days at which each member redeemed the reward."""
    start = datetime.datetime.combine(first, datetime.time(), datetime.UTC)
    end = datetime.datetime.combine(last, datetime.time(), datetime.UTC) + DAY
    made = LoyaltyRedemption.filter(reward_id=reward.id, state=LoyaltyRedemptionState.REDEEMED, redeemed_at__gte=start, redeemed_at__lt=end)
    found: dict[uuid.UUID, datetime.datetime] = {}
    for member, at in await made.order_by("redeemed_at").values_list("member_id", "redeemed_at"):
        found.setdefault(member, at)
    return found


async def _members(call: Call, programme: LoyaltyProgramme, wanted: list[uuid.UUID]) -> dict[uuid.UUID, Person]:
    """The wanted members and some others, with what they bought. The others are drawn by the end of their ids, which is random."""
    some = LoyaltyMember.filter(programme_id=programme.id, contact_id__isnull=False)
    drawn = await select(
        f"SELECT m.id AS id FROM {{others}} AS m ORDER BY SUBSTR(CAST(m.id AS TEXT), 25), m.id LIMIT {MOST}",
        others=some.exclude(id__in=wanted).values("id"),
    )
    rows = await some.filter(id__in=[*wanted, *(uuid.UUID(str(row["id"])) for row in drawn)])
    purchases: dict[uuid.UUID, list[Purchase]] = defaultdict(list)
    contacts = [one.contact_id for one in rows]
    for row in await select(
        'SELECT d.contact_id AS contact, d.closed_at AS at, d.amount AS amount FROM {deals} AS d JOIN "stage" AS s ON s.id = d.stage_id'
        " WHERE s.kind = 'WON' AND d.amount IS NOT NULL ORDER BY d.closed_at",
        deals=visible(call, Deal)
        .filter(contact_id__in=contacts, currency=programme.currency, closed_at__isnull=False)
        .values("contact_id", "closed_at", "amount", "stage_id"),
    ):
        at = row["at"] if isinstance(row["at"], datetime.datetime) else datetime.datetime.fromisoformat(row["at"])
        purchases[uuid.UUID(str(row["contact"]))].append((at, int(row["amount"])))
    redeemed: dict[uuid.UUID, list[datetime.datetime]] = defaultdict(list)
    made = LoyaltyRedemption.filter(member_id__in=[one.id for one in rows], redeemed_at__isnull=False)
    for member, when in await made.values_list("member_id", "redeemed_at"):
        redeemed[member].append(when)
    return {one.id: Person(one.joined_at, purchases[one.contact_id], redeemed[one.id]) for one in rows if one.contact_id}


def _told(found: Effect, unfinished: int, programme: LoyaltyProgramme) -> LoyaltyRewardEffect:
    digits = -Money.of_minor(1, programme.currency).amount.as_tuple().exponent  # type: ignore[operator]

    def told(one: Estimate | None, scale: int, places: int) -> LoyaltyEstimate | None:
        def exact(number: float) -> Decimal:
            return round(Decimal(number).scaleb(-scale), places)

        if one is None:
            return None
        low, high = (None if each is None else exact(each) for each in (one.low, one.high))
        return LoyaltyEstimate(value=exact(one.value), low=low, high=high)

    return LoyaltyRewardEffect(
        redeemers=found.redeemers, unfinished=unfinished, matched=found.matched, repeat=told(found.repeat, 0, 6),
        revenue=told(found.revenue, digits, digits), currency=programme.currency,
    )  # fmt: skip

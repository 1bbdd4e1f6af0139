"""Earning: what deals and activities have become is held against what was earned for them, and the difference is posted.

This is done for each event in the transaction in which it is noted that it was done, so once. It does not matter how often a deal was
won and re-opened in between, nor in how many pieces its events come: what counts is what it is now.
"""

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from core import CRM, SYSTEM, Call, KeptEvent, emit
from core.fields import now
from core.models import Activity, Contact, Deal, Stage, StageKind
from plugins.loyalty.calendar import since
from plugins.loyalty.joining import join
from plugins.loyalty.ledger import MOST, Book, lot_of, opened, reversible
from plugins.loyalty.models import (
    LoyaltyAccount,
    LoyaltyBoost,
    LoyaltyEntry,
    LoyaltyKind,
    LoyaltyLot,
    LoyaltyMember,
    LoyaltyProgramme,
    LoyaltyRule,
    LoyaltyTier,
    LoyaltyTransaction,
    LoyaltyTrigger,
)
from plugins.loyalty.past import as_of
from plugins.loyalty.points import THOUSAND, kept, points_of
from plugins.loyalty.purchases import Purchase, noted, spend, withdraw
from plugins.loyalty.tiering import retier

DECISIVE = {"stage_id", "closed_at", "currency", "done_at", "contact_id", "kind", "deleted_at"}


@dataclass(frozen=True)
class Source:
    """What can earn, as it is now. `at` is when it happened; None when it has not happened, or no longer."""

    id: uuid.UUID
    trigger: LoyaltyTrigger
    contact_id: uuid.UUID | None
    at: datetime.datetime | None
    amount: int | None = None
    currency: str | None = None
    kind: str | None = None


async def earn(crm: CRM, events: Sequence[KeptEvent]) -> None:
    """Post what has come of these events."""
    call = crm.call(SYSTEM)
    await _lock([event.record_id for event in events])
    for event in events:
        source = await (_deal if event.resource == "deal" else _activity)(event.record_id)
        if source:
            await reconcile(call, source, str(event.id), fires=_decisive(event))


async def _lock(sources: Sequence[uuid.UUID]) -> None:
    """Lock the members whom these deals and activities are about, before anything is done for one of them.

    In the order of their ids, as whoever merges members does: so nobody waits in a circle.
    """
    contacts = [*await Deal.filter(id__in=sources).values_list("contact_id", flat=True)]
    contacts += await Activity.filter(id__in=sources).values_list("contact_id", flat=True)
    earned = await LoyaltyTransaction.filter(source_id__in=sources, kind=LoyaltyKind.EARN).values_list("id", flat=True)
    lots = await LoyaltyEntry.filter(transaction_id__in=earned, account=LoyaltyAccount.ISSUED).values_list("lot_id", flat=True)
    holders = [*await LoyaltyLot.filter(id__in=lots).values_list("member_id", flat=True)]
    holders += await LoyaltyTransaction.filter(source_id__in=sources, kind=LoyaltyKind.SPEND).values_list("member_id", flat=True)
    found = await LoyaltyMember.filter(Q(contact_id__in=contacts) | Q(id__in=holders)).values_list("id", "referred_by_id")
    await LoyaltyMember.filter(id__in={id for both in found for id in both if id}).order_by("id").only("id").select_for_update()


def _decisive(event: KeptEvent) -> bool:
    """Whether rules may fire. Of any other change they must not hear: they may be other ones by now than when it happened."""
    if event.name.endswith((".created", ".restored")) or DECISIVE & set(event.changed):
        return True
    return "amount" in event.changed and event.before.get("amount") is None


async def reconcile(call: Call, source: Source, cause: str, *, fires: bool) -> None:
    """Take back what the source has not earned, or not any more; then let rules fire that have not. `cause` is the id of an event."""
    member = await _member(call, source)
    bought = await noted(source.id)
    left = max((source.amount or 0) - (bought.back if bought and bought.currency == source.currency else 0), 0)
    for earned in await standing(source.id):
        lot = await lot_of(earned)
        book = await opened(call, lot.member_id)
        other = earned.amount is not None and earned.currency != source.currency
        if source.at is None or not member or other or (lot.member_id != member.id and not await of_referral(earned)):
            await undo(book, earned)
        else:
            await lessen(book, earned, left, cause)
    stands = bool(bought and bought.stands and await _changed(call, source, member, bought, left, cause))
    if fires and member and source.at and (left or not source.amount):
        book = await opened(call, member.id)
        if left and source.currency and not stands and book.programme.active and source.at >= book.member.joined_at:
            await spend(book, source.id, source.at, left, source.currency, cause)
            await retier(book)
        await _fire(book, replace(source, amount=left) if left else source, source.at, cause)


async def _changed(call: Call, source: Source, member: LoyaltyMember | None, bought: Purchase, left: int, cause: str) -> bool:
    """Note that what is left of a sale is another sum, or that it is none any more; whether it still is one."""
    book = await opened(call, bought.member_id)
    stands = bool(source.at and source.amount and member and book.member.id == member.id and bought.currency == source.currency)
    if not stands:
        await withdraw(book, source.id, bought, cause)
    elif left != bought.left:
        await spend(book, source.id, bought.at, left - bought.left, bought.currency, cause)
    else:
        return True
    await retier(book)
    return stands


async def undo(book: Book, earned: LoyaltyTransaction) -> None:
    """Take back all of what was earned, so that it can be earned again."""
    if points := await reversible(earned):
        await emit(book.call, "loyaltyMember.reversed", book.member, after={"points": points})
    await book.take_back(earned, points, f"undo:{earned.id}", source_id=earned.source_id)
    await retier(book)


async def lessen(book: Book, earned: LoyaltyTransaction, left: int, cause: str) -> None:
    """Take back what is too much when so much money is left of what was paid: less, or given back."""
    if not earned.amount:
        return
    points = await reversible(earned) - kept(earned.points, left, earned.amount)
    if points > 0:
        await book.take_back(earned, points, f"less:{earned.id}:{cause}", source_id=earned.source_id)
        await emit(book.call, "loyaltyMember.reversed", book.member, after={"points": points})
        await retier(book)


async def give(book: Book, rule: LoyaltyRule, points: int, key: str, at: datetime.datetime, **facts: object) -> LoyaltyTransaction | None:
    """Post what a rule gives, within its bound; None when that is nothing, or was given before under the same key."""
    if await LoyaltyTransaction.exists(key=key):
        return None
    points = min(points, MOST, await _room(book, rule, at))
    if points <= 0:
        return None
    pending = book.programme.pending_days if rule.pending_days is None else rule.pending_days
    lives = book.programme.expiry_days if rule.expiry_days is None else rule.expiry_days
    posted = await book.earn(
        points, key, available_at=at + timedelta(days=pending), expires_at=None if lives is None else at + timedelta(days=lives),
        effective_at=at, rule_id=rule.id, rule_version=rule.version, **facts,
    )  # fmt: skip
    await emit(book.call, "loyaltyMember.earned", book.member, after={"points": points})
    await retier(book)
    return posted


async def welcome(book: Book) -> Book:
    """Give what rules give for joining, once."""
    at = book.member.joined_at
    for rule in await rules_of(book, LoyaltyTrigger.SIGN_UP, at):
        factor = await factor_of(book, rule, at)
        await give(book, rule, points_of(rule, None, factor), f"earn:{rule.id}:{book.member.id}", at, factor=round(factor * THOUSAND))
    return book


async def rules_of(book: Book, trigger: LoyaltyTrigger, at: datetime.datetime) -> list[LoyaltyRule]:
    """The rules that answered to what happened then; none before the member has joined."""
    if not book.programme.active or at < book.member.joined_at:
        return []
    rules = await as_of(at, LoyaltyRule.filter(programme_id=book.programme.id, trigger=trigger))
    return [rule for rule in rules if rule.active and _holds(rule, at)]


async def factor_of(book: Book, rule: LoyaltyRule, at: datetime.datetime) -> Fraction:
    """By what the points of a rule were multiplied then: the factor of the member's tier, and the largest boost."""
    boosts = await as_of(at, LoyaltyBoost.filter(programme_id=book.programme.id))
    factors = [boost.factor for boost in boosts if boost.rule_id in (rule.id, None) and _holds(boost, at)]
    tier = await LoyaltyTier.get(id=book.member.tier_id) if book.member.tier_id else None
    boost = max(factors, default=THOUSAND)
    return Fraction(tier.factor if tier else THOUSAND, THOUSAND) * Fraction(boost, THOUSAND)


def _holds(one: LoyaltyRule | LoyaltyBoost, at: datetime.datetime) -> bool:
    return one.valid_from <= at and (one.valid_until is None or at < one.valid_until)


async def _fire(book: Book, source: Source, at: datetime.datetime, cause: str) -> None:
    fired = {earned.rule_id for earned in await standing(source.id)}
    for rule in await rules_of(book, source.trigger, at):
        if rule.id in fired or not _answers(rule, source):
            continue
        factor = await factor_of(book, rule, at)
        await give(
            book, rule, points_of(rule, source.amount, factor), f"earn:{rule.id}:{cause}", at, source_id=source.id,
            amount=source.amount, currency=source.currency, factor=round(factor * THOUSAND),
        )  # fmt: skip
    if source.trigger is LoyaltyTrigger.DEAL_WON and book.member.referred_by_id:
        await _refer(book, source, at, cause)


def _answers(rule: LoyaltyRule, source: Source) -> bool:
    if rule.trigger is LoyaltyTrigger.ACTIVITY:
        return rule.activity_kind == source.kind
    if rule.currency and rule.currency != source.currency:
        return False
    return rule.min_amount is None or (source.amount or 0) >= rule.min_amount


async def _refer(book: Book, source: Source, at: datetime.datetime, cause: str) -> None:
    """The member who referred this one earns with a deal that this one has won, unless one before stands for which that was so."""
    assert book.member.referred_by_id
    referrer = await LoyaltyMember.get(id=book.member.referred_by_id)
    other = await opened(book.call, referrer.id)
    if other.member.id == book.member.id:
        return
    for rule in await rules_of(other, LoyaltyTrigger.REFERRAL, at):
        factor = await factor_of(other, rule, at)
        key = f"earn:{rule.id}:{book.member.id}"
        if not await _standing(LoyaltyTransaction.filter(rule_id=rule.id, key__startswith=key)):
            points = points_of(rule, None, factor)
            await give(other, rule, points, f"{key}:{cause}", at, source_id=source.id, factor=round(factor * THOUSAND))


async def of_referral(earned: LoyaltyTransaction) -> bool:
    """Whether it was earned by a deal of somebody else, who had been referred."""
    return await LoyaltyRule.exists(id=earned.rule_id, trigger=LoyaltyTrigger.REFERRAL)


async def _room(book: Book, rule: LoyaltyRule, at: datetime.datetime) -> int:
    """How many points the rule still gives the member in the period."""
    if rule.cap_points is None:
        return 2**62
    members = [book.member.id, *await LoyaltyMember.filter(merged_into_id=book.member.id).values_list("id", flat=True)]
    given = LoyaltyTransaction.filter(member_id__in=members, rule_id=rule.id, kind=LoyaltyKind.EARN)
    start, end = since(book.programme, rule.cap_period, at, book.call.crm.settings.company.weekday)
    if start:
        given = given.filter(effective_at__gte=start, effective_at__lt=end)
    earned = dict(await given.values_list("id", "points"))
    back = LoyaltyTransaction.filter(reverses_id__in=list(earned), kind=LoyaltyKind.REVERSE)
    return rule.cap_points - sum(earned.values()) + sum(await back.values_list("points", flat=True))  # type: ignore[arg-type]


async def standing(source_id: uuid.UUID) -> list[LoyaltyTransaction]:
    """What was earned for a deal or an activity, and not undone."""
    return await _standing(LoyaltyTransaction.filter(source_id=source_id))


async def _standing(some: QuerySet[LoyaltyTransaction]) -> list[LoyaltyTransaction]:
    earned = await some.filter(kind=LoyaltyKind.EARN).order_by("id")
    keys = [f"undo:{one.id}" for one in earned]
    undone = set(await LoyaltyTransaction.filter(key__in=keys).values_list("key", flat=True)) if keys else set()
    return [one for one, key in zip(earned, keys, strict=True) if key not in undone]


async def _member(call: Call, source: Source) -> LoyaltyMember | None:
    if not source.contact_id:
        return None
    merged = await Contact.get(id=source.contact_id)  # perhaps while this was written: its rows are moved a second later
    contact_id = merged.merged_into_id or merged.id
    member = await LoyaltyMember.get_or_none(contact_id=contact_id)
    if member or source.at is None or source.trigger is not LoyaltyTrigger.DEAL_WON:
        return member
    programme = await LoyaltyProgramme.filter(auto_join=True, active=True, deleted_at__isnull=True).order_by("created_at", "id").first()
    if programme is None or source.at < programme.created_at:
        return None
    member = await join(call, contact_id, programme, at=source.at)
    return (await welcome(await opened(call, member.id))).member


async def _deal(id: uuid.UUID) -> Source | None:
    deal = await Deal.get_or_none(id=id)
    if deal is None:
        return None
    won = deal.deleted_at is None and (await Stage.get(id=deal.stage_id)).kind is StageKind.WON
    at = min(deal.closed_at or now(), now()) if won else None
    return Source(deal.id, LoyaltyTrigger.DEAL_WON, deal.contact_id, at, deal.amount, deal.currency)


async def _activity(id: uuid.UUID) -> Source | None:
    one = await Activity.get_or_none(id=id)
    if one is None:
        return None
    done = one.done_at if one.deleted_at is None else None
    return Source(one.id, LoyaltyTrigger.ACTIVITY, one.contact_id, done and min(done, now()), kind=str(one.kind))

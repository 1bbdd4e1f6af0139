"""Earning: what deals and activities have become is held against what was earned for them, and the difference is posted.

This is done for each event in the transaction in which it is noted that it was done, so once. It does not matter how often a deal was
won and re-opened in between, nor in how many pieces its events come: what counts is what it is now.
"""

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from tortoise.expressions import Q
from tortoise.functions import Sum

from core import CRM, SYSTEM, Call, KeptEvent, emit
from core.fields import now
from core.models import Activity, Deal, Stage, StageKind
from plugins.loyalty.calendar import since
from plugins.loyalty.joining import join
from plugins.loyalty.ledger import MOST, Book, lot_of, opened, reversible
from plugins.loyalty.models import (
    LoyaltyBoost,
    LoyaltyKind,
    LoyaltyMember,
    LoyaltyProgramme,
    LoyaltyRule,
    LoyaltyTier,
    LoyaltyTransaction,
    LoyaltyTrigger,
)
from plugins.loyalty.points import THOUSAND, kept, points_of
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
    for event in events:
        source = await (_deal if event.resource == "deal" else _activity)(event.record_id)
        if source:
            await reconcile(call, source, str(event.id), fires=_decisive(event))


def _decisive(event: KeptEvent) -> bool:
    """Whether rules may fire. Of any other change they must not hear: they may be other ones by now than when it happened."""
    if event.name.endswith((".created", ".restored")) or DECISIVE & set(event.changed):
        return True
    return "amount" in event.changed and event.before.get("amount") is None


async def reconcile(call: Call, source: Source, cause: str, *, fires: bool) -> None:
    """Take back what the source has not earned, or not any more; then let rules fire that have not. `cause` is the id of an event."""
    member = await _member(call, source)
    for earned in await standing(source.id):
        lot = await lot_of(earned)
        book = await opened(call, lot.member_id)
        other = earned.amount is not None and earned.currency != source.currency
        if source.at is None or not member or lot.member_id != member.id or other:
            await undo(book, earned)
        else:
            await lessen(book, earned, source.amount, cause)
    if fires and member and source.at:
        await _fire(await opened(call, member.id), source, source.at, cause)


async def undo(book: Book, earned: LoyaltyTransaction) -> None:
    """Take back all of what was earned, so that it can be earned again."""
    if points := await reversible(earned):
        await emit(book.call, "loyaltyMember.reversed", book.member, after={"points": points})
    await book.take_back(earned, points, f"undo:{earned.id}", source_id=earned.source_id)
    await retier(book)


async def lessen(book: Book, earned: LoyaltyTransaction, amount: int | None, cause: str, refund: int = 0) -> None:
    """Take back what is too much when the amount is now less than it was, or so much of it was given back."""
    if not earned.amount:
        return
    given = LoyaltyTransaction.filter(reverses_id=earned.id, amount__isnull=False)
    back = sum(await given.values_list("amount", flat=True)) + refund  # type: ignore[arg-type]
    left = kept(earned.points, min(amount or 0, earned.amount) - back, earned.amount)
    points = max(await reversible(earned) - left, 0)
    if points or refund:
        facts = {"amount": refund, "currency": earned.currency} if refund else {}
        await book.take_back(earned, points, f"less:{earned.id}:{cause}", source_id=earned.source_id, **facts)
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
        effective_at=at, rule=rule, rule_version=rule.version, **facts,
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
    rules = LoyaltyRule.filter(programme_id=book.programme.id, trigger=trigger, active=True, deleted_at__isnull=True, valid_from__lte=at)
    return await rules.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=at)).order_by("id")


async def factor_of(book: Book, rule: LoyaltyRule, at: datetime.datetime) -> Fraction:
    """By what the points of a rule were multiplied then: the factor of the member's tier, and the largest boost."""
    boosts = LoyaltyBoost.filter(programme_id=book.programme.id, deleted_at__isnull=True, valid_from__lte=at, valid_until__gt=at)
    factors = await boosts.filter(Q(rule_id=rule.id) | Q(rule_id__isnull=True)).values_list("factor", flat=True)
    tier = await LoyaltyTier.get(id=book.member.tier_id) if book.member.tier_id else None
    boost = max([int(str(one)) for one in factors], default=THOUSAND)
    return Fraction(tier.factor if tier else THOUSAND, THOUSAND) * Fraction(boost, THOUSAND)


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
        await _refer(book, at)


def _answers(rule: LoyaltyRule, source: Source) -> bool:
    if rule.trigger is LoyaltyTrigger.ACTIVITY:
        return rule.activity_kind == source.kind
    if rule.currency and rule.currency != source.currency:
        return False
    return rule.min_amount is None or (source.amount or 0) >= rule.min_amount


async def _refer(book: Book, at: datetime.datetime) -> None:
    """The member who referred this one earns, once, with the first deal that this one has won."""
    assert book.member.referred_by_id
    referrer = await LoyaltyMember.get(id=book.member.referred_by_id)
    other = await opened(book.call, referrer.id)
    if other.member.id == book.member.id:
        return
    for rule in await rules_of(other, LoyaltyTrigger.REFERRAL, at):
        factor = await factor_of(other, rule, at)
        key = f"earn:{rule.id}:{book.member.id}"
        await give(other, rule, points_of(rule, None, factor), key, at, factor=round(factor * THOUSAND))


async def _room(book: Book, rule: LoyaltyRule, at: datetime.datetime) -> int:
    """How many points the rule still gives the member in the period; what was taken back counts as given."""
    if rule.cap_points is None:
        return 2**62
    given = LoyaltyTransaction.filter(member_id=book.member.id, rule_id=rule.id, kind=LoyaltyKind.EARN)
    start, end = since(book.programme, rule.cap_period, at)
    if start:
        given = given.filter(effective_at__gte=start, effective_at__lt=end)
    [total] = await given.annotate(total=Sum("points")).values_list("total", flat=True)
    return rule.cap_points - int(str(total or 0))


async def standing(source_id: uuid.UUID) -> list[LoyaltyTransaction]:
    """What was earned for a deal or an activity, and not undone."""
    earned = await LoyaltyTransaction.filter(source_id=source_id, kind=LoyaltyKind.EARN).order_by("id")
    keys = [f"undo:{one.id}" for one in earned]
    undone = set(await LoyaltyTransaction.filter(key__in=keys).values_list("key", flat=True)) if keys else set()
    return [one for one, key in zip(earned, keys, strict=True) if key not in undone]


async def _member(call: Call, source: Source) -> LoyaltyMember | None:
    if not source.contact_id:
        return None
    member = await LoyaltyMember.get_or_none(contact_id=source.contact_id)
    if member or source.at is None or source.trigger is not LoyaltyTrigger.DEAL_WON:
        return member
    programme = await LoyaltyProgramme.filter(auto_join=True, active=True, deleted_at__isnull=True).order_by("created_at", "id").first()
    if programme is None or source.at < programme.created_at:
        return None
    member = await join(call, source.contact_id, programme, at=source.at)
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

"""Loyalty: a customers' club, whose points are kept in a ledger of double entry."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import click
from tortoise.expressions import Q, Subquery
from tortoise.models import Model

from core import CRM, Actor, Call, Consumer, Expressed, Job, Kind, Resource, hookimpl, visible
from core.models import Contact
from plugins.loyalty import checking
from plugins.loyalty.birthdays import congratulate
from plugins.loyalty.command import loyalty
from plugins.loyalty.due import catch_up, warn
from plugins.loyalty.earning import earn
from plugins.loyalty.graphql import LoyaltyMutations, LoyaltyQuery
from plugins.loyalty.ledger import unite
from plugins.loyalty.members import MemberFields
from plugins.loyalty.models import (
    LoyaltyBoost,
    LoyaltyEntry,
    LoyaltyLot,
    LoyaltyMember,
    LoyaltyNote,
    LoyaltyProgramme,
    LoyaltyRedemption,
    LoyaltyReward,
    LoyaltyRule,
    LoyaltyTier,
    LoyaltyTransaction,
)
from plugins.loyalty.reports import LoyaltyReports
from plugins.loyalty.settings import Settings
from plugins.loyalty.tiering import look

__all__ = ["Settings"]

READ = frozenset({"read"})
OF_MEMBERS = {"loyaltyLot.read", "loyaltyRedemption.read", "loyaltyTransaction.read"}


@hookimpl
def resources() -> list[Resource]:
    """What the house decides, and what the ledger keeps, which nobody writes by hand."""
    return [
        Resource(LoyaltyProgramme, prepare=checking.programme),
        Resource(LoyaltyTier, reverse={"programme": "tiers"}, prepare=checking.tier),
        Resource(LoyaltyRule, reverse={"programme": "rules"}, prepare=checking.rule),
        Resource(LoyaltyBoost, reverse={"programme": "boosts"}, prepare=checking.boost),
        Resource(LoyaltyReward, reverse={"programme": "rewards"}, prepare=checking.reward),
        Resource(LoyaltyMember, verbs=READ, reverse={"contact": "loyalty", "merged_into": "merged"}, natural=()),
        Resource(LoyaltyLot, verbs=READ, reverse={"member": "lots"}, natural=()),
        Resource(LoyaltyRedemption, verbs=READ, reverse={"member": "redemptions"}, natural=()),
        Resource(LoyaltyTransaction, verbs=READ, reverse={"member": "history"}, natural=(), hidden=frozenset({"source_id"})),
        Resource(
            LoyaltyEntry,
            verbs=READ,
            part_of="transaction",
            reverse={"transaction": "entries"},
            natural=(),
            hidden=frozenset({"programme_id"}),
        ),
        Resource(
            LoyaltyNote, verbs=READ, part_of="transaction", reverse={"transaction": "notes"}, natural=(), personal=frozenset({"reason"})
        ),
    ]


@hookimpl
def graphql() -> list[type]:
    """What is done about points."""
    return [MemberFields, LoyaltyQuery, LoyaltyReports, LoyaltyMutations]


@hookimpl
def expressions(crm: CRM) -> list[Expressed]:
    """The balance as a field of contacts, so that they can be ordered by it; and what expires soon."""
    balance = "SELECT m.balance FROM {members} AS m WHERE m.contact_id = {row}.id"
    what = "Points of loyalty that can be spent; null for a contact that is no member."
    tells: Mapping[type[Model], tuple[str, ...]] = {LoyaltyMember: ("balance",)}
    days = crm.settings_of(Settings).expiring_days
    soon = (
        "SELECT CAST(COALESCE(SUM(l.remaining), 0) AS BIGINT) FROM {lots} AS l WHERE l.member_id = {row}.id AND NOT l.pending"
        " AND l.expires_at > {now} AND l.expires_at <= {later}"
    )
    lots: Mapping[type[Model], tuple[str, ...]] = {LoyaltyLot: ("remaining", "pending", "expires_at")}
    return [
        Expressed(Contact, "loyalty_balance", Kind.BIG_INT, what, balance, rows={"members": LoyaltyMember}, tells=tells),
        Expressed(
            LoyaltyMember, "expiring_soon", Kind.BIG_INT, f"Points that can be spent and expire within {days} days.", soon,
            rows={"lots": LoyaltyLot}, tells=lots, later=timedelta(days=days),
        ),
    ]  # fmt: skip


@hookimpl
def permissions() -> Mapping[str, str]:
    """Who may do what about points."""
    return {
        "loyalty.join": "To make contacts members of a loyalty programme.",
        "loyalty.redeem": "To redeem rewards of members, to set points aside, and to undo it.",
        "loyalty.adjust": "To give and take points by hand.",
        "loyalty.report": "To read what all points are worth, and whether the ledger is well, whichever contacts one sees.",
    }


@hookimpl
def rule(crm: CRM, actor: Actor, permission: str) -> bool | Q | None:
    """Members are seen with their contacts, and what is theirs with them; those that were merged into another one are seen with it."""
    if permission in OF_MEMBERS:
        seen = visible(crm.call(actor), LoyaltyMember).values("id") if actor.may("loyaltyMember.read") else None
        return Q(member_id__in=Subquery(seen)) if seen else False
    if permission != "loyaltyMember.read":
        return None
    if not actor.may("contact.read"):
        return False
    contacts = visible(crm.call(actor), Contact).values("id")
    merged = LoyaltyMember.filter(contact_id__in=Subquery(contacts)).values("id")
    return Q(contact_id__in=Subquery(contacts)) | Q(merged_into_id__in=Subquery(merged))


@hookimpl
async def merge(call: Call, into: Contact, contacts: Sequence[Contact]) -> None:
    """Points, lots, what is held and what is owed of contacts that are one person are added up; the history of each stays."""
    await unite(call, [into.id, *(one.id for one in contacts)])


@hookimpl
def consumers() -> list[Consumer]:
    """What deals and activities earn follows from their events."""
    return [Consumer("loyalty.earn", earn, names=("deal.*", "activity.*"), batch=20, skip_poison=True)]


@hookimpl
def commands(cli: click.Group) -> None:
    """`payvand loyalty verify`."""
    cli.add_command(loyalty)


@hookimpl
def jobs() -> list[Job]:
    """What comes with time."""
    return [
        Job("loyalty.catchUp", catch_up, cron="* * * * *"),
        Job("loyalty.warn", warn, cron="15 6 * * *"),
        Job("loyalty.birthdays", congratulate, cron="5 * * * *"),
        Job("loyalty.tiers", look, cron="45 0 * * *"),
    ]

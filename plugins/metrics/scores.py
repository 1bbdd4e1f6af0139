"""Scores beside their contacts: who sees them, what contacts are ordered by, and what becomes of them with a contact."""

from collections.abc import Sequence

from tortoise.expressions import Q, Subquery

from core import CRM, Actor, Call, Expressed, Kind, enqueue, visible
from core.models import Contact, Deal, Stage
from plugins.metrics.models import MetricsScore

READ = "metricsScore.read"
TOLD = {Deal: ("stage", "closed_at", "contact", "amount"), Stage: ("kind",)}


def expressed() -> list[Expressed]:
    """What contacts are ordered by. All else of a score, and money as money, is in `Contact.score`, which filters as well."""
    none = "null for a contact that is no customer"
    minor = f"in the smallest unit of the currency of the score; {none}"
    fields = {
        "rfm_recency": (Kind.INT, "recency", f"Days since the last purchase when scores were worked out; {none}.", 0),
        "rfm_frequency": (Kind.INT, "frequency", f"Number of purchases; {none}.", 0),
        "rfm_monetary": (Kind.BIG_INT, "monetary", f"Sum of the amounts of the purchases, {minor}.", 0),
        "purchase_gaps": (
            Kind.DECIMAL,
            "gaps",
            "For how many times its usual time the contact has not bought; null when nothing is usual.",
            2,
        ),
        "alive_probability": (Kind.DECIMAL, "alive_probability", "The probability, from 0 to 1, that the contact still is a customer.", 4),
        "expected_purchases": (Kind.DECIMAL, "expected_purchases", "Purchases to expect within the next 90 days.", 3),
        "predicted_value": (Kind.BIG_INT, "predicted_value", f"The amount to expect within the next 365 days, {minor}.", 0),
    }
    return [
        Expressed(
            Contact, name, kind, what, f"SELECT s.{column} FROM {{scores}} AS s WHERE s.contact_id = {{row}}.id",
            rows={"scores": MetricsScore}, scale=scale, tells={MetricsScore: (column,), **TOLD},
        )
        for name, (kind, column, what, scale) in fields.items()
    ]  # fmt: skip


def rule_of_scores(crm: CRM, actor: Actor, permission: str) -> bool | Q | None:
    """Scores are seen with their contact, by whoever may read deals and from whom nothing is hidden of what a score tells."""
    if permission != READ:
        return None
    told = {f"{crm.resource(model).key}.{name}" for model, names in TOLD.items() for name in names}
    if told & actor.hidden or not (actor.may("contact.read") and actor.may("deal.read")):
        return False
    call = crm.call(actor)
    # Who sees every contact is spared the look for each: on SQLite it reads all of them, however few are shown.
    if " WHERE " not in visible(call, Contact, deleted=True).values("id").sql():
        return None
    return Q(contact_id__in=Subquery(visible(call, Contact).values("id")))


async def forget(contact: Contact) -> None:
    """Remove the score of a contact that is erased; it gets no other."""
    await MetricsScore.filter(contact_id=contact.id).delete()


async def score_again(call: Call, contacts: Sequence[Contact]) -> None:
    """Remove the scores of contacts that become a part of another one, and have all scores worked out anew."""
    await MetricsScore.filter(contact_id__in=[one.id for one in contacts]).delete()
    await enqueue(call, "metrics.score", key="merged")

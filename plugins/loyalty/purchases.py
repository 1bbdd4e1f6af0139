"""Purchases: what members spend on won deals is noted in the ledger beside their points, for tiers and for refunds. No points move."""

import datetime
import uuid
from dataclasses import dataclass, replace

from plugins.loyalty.ledger import Book
from plugins.loyalty.models import LoyaltyKind, LoyaltyTransaction

SPENT, BACK, GONE = "spend", "back", "gone"  # how keys begin


@dataclass(frozen=True)
class Purchase:
    """What was noted of a deal: who bought and when, the money in minor units of the currency, and how much of it was given back.

    `stands` says whether it is a sale now. What was given back stays so when the deal is won again.
    """

    member_id: uuid.UUID
    at: datetime.datetime
    currency: str
    paid: int
    back: int = 0
    stands: bool = True

    @property
    def left(self) -> int:
        """The money that was not given back."""
        return self.paid - self.back


async def noted(deal_id: uuid.UUID) -> Purchase | None:
    """What was noted of a deal; None when nothing was."""
    found: Purchase | None = None
    for one in await LoyaltyTransaction.filter(source_id=deal_id, kind=LoyaltyKind.SPEND).order_by("recorded_at", "id"):
        kind, amount = one.key.partition(":")[0], one.amount or 0
        if found is None or one.currency != found.currency:
            found = Purchase(one.member_id, one.effective_at, str(one.currency), amount)
        elif kind == GONE:
            found = replace(found, paid=found.back, stands=False)
        elif kind == BACK:
            found = replace(found, back=found.back - amount)
        elif found.stands:
            found = replace(found, paid=found.paid + amount)
        else:
            found = Purchase(one.member_id, one.effective_at, found.currency, found.paid + amount, found.back)
    return found


async def spend(book: Book, deal_id: uuid.UUID, at: datetime.datetime, amount: int, currency: str, cause: str) -> None:
    """Note money that was spent, at the time of the sale; less than 0 when the amount of the deal was lowered."""
    await _post(book, SPENT, deal_id, at, amount, currency, cause)


async def give_back(book: Book, deal_id: uuid.UUID, bought: Purchase, amount: int, cause: str) -> None:
    """Note money that was given back. It counts when the sale did."""
    await _post(book, BACK, deal_id, bought.at, -amount, bought.currency, cause)


async def withdraw(book: Book, deal_id: uuid.UUID, bought: Purchase, cause: str) -> None:
    """Note that a sale is none any more, so that it can be one again."""
    await _post(book, GONE, deal_id, bought.at, -bought.left, bought.currency, cause)


async def _post(book: Book, kind: str, deal_id: uuid.UUID, at: datetime.datetime, amount: int, currency: str, cause: str) -> None:
    facts = {"effective_at": at, "source_id": deal_id, "amount": amount, "currency": currency}
    await book.post(0, f"{kind}:{deal_id}:{cause}", [], kind=LoyaltyKind.SPEND, **facts)

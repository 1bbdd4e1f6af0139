"""Customers: contacts or companies with won deals."""

from enum import Enum
from typing import Annotated

import strawberry

from core import Call, demand
from core.models import Deal, Stage


@strawberry.enum(description="Who a customer is.")
class MetricsCustomer(Enum):
    """By which relation of a deal customers are told apart."""

    CONTACT = strawberry.enum_value("contact", description="The contact of a deal.")
    COMPANY = strawberry.enum_value("company", description="The company of a deal.")

    @property
    def relation(self) -> str:
        """The relation of a deal to its customer."""
        return str(self.value)

    @property
    def key(self) -> str:
        """The column of a deal with the key of its customer."""
        return f"{self.relation}_id"


Whose = Annotated[MetricsCustomer, strawberry.argument(description="Who a customer is. Deals without one do not count.")]


def demand_purchases(call: Call, customer: MetricsCustomer, *more: str) -> None:
    """Raise Forbidden for whoever must not see what makes a purchase of a customer, and `more` columns of deals."""
    demand(call, Deal, "stage", "closed_at", customer.relation, *more)
    demand(call, Stage, "kind")

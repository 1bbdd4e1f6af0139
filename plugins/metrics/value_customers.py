"""Customers: contacts or companies with won deals."""

from typing import Annotated

import strawberry

from core import Call, demand
from core.models import Deal, Stage
from plugins.metrics.customers import MetricsCustomer

Whose = Annotated[MetricsCustomer, strawberry.argument(description="Who a customer is. Deals without one do not count.")]


def demand_purchases(call: Call, customer: MetricsCustomer, *more: str) -> None:
    """Raise Forbidden for whoever must not see what makes a purchase of a customer, and `more` columns of deals."""
    demand(call, Deal, "stage", "closed_at", customer.relation, *more)
    demand(call, Stage, "kind")

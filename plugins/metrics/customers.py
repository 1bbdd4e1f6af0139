"""Who a customer is: a person, or a company."""

from enum import Enum

import strawberry


@strawberry.enum(description="Who a customer is.")
class MetricsCustomer(Enum):
    """By which relation of a deal, or of an activity, customers are told apart."""

    CONTACT = strawberry.enum_value("contact", description="A contact.")
    COMPANY = strawberry.enum_value("company", description="A company.")

    @property
    def relation(self) -> str:
        """The relation of a deal, or of an activity, to its customer."""
        return str(self.value)

    @property
    def key(self) -> str:
        """The column with the key of its customer."""
        return f"{self.relation}_id"

"""What stands behind a connection while it is answered."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.records.orders import Order
from core.records.pages import Page
from core.resources import Resource


@dataclass
class Listing:
    """A page of a resource; rows are counted only when somebody asks, and once."""

    resource: Resource
    orders: Sequence[Order]
    page: Page
    count: Callable[[], Awaitable[tuple[int, bool]]]
    _counted: Any = field(default=None)

    async def counted(self) -> tuple[int, bool]:
        """How many rows there are, and whether that is all of them."""
        if self._counted is None:
            self._counted = await self.count()
        return self._counted

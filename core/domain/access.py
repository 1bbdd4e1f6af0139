"""Roles: what their grants may say, and that nobody gives more than it has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.resources import Change

if TYPE_CHECKING:
    from core.crm import Call


async def roles(call: "Call", changes: Sequence[Change]) -> None:
    """Check the names."""


async def grants(call: "Call", changes: Sequence[Change]) -> None:
    """Check the permissions and filters."""


async def fields(call: "Call", changes: Sequence[Change]) -> None:
    """Check the fields."""

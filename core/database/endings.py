"""Transactions end, whatever happens to the task that waits for them: a cancelled one, even cancelled twice, leaves nothing open."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from tortoise.backends.base.client import NestedTransactionContext

T = TypeVar("T")


async def to_the_end(work: Awaitable[T]) -> T:
    """Wait for `work` until it is done. A cancellation in the meantime is raised after it, not instead of it."""
    task = asyncio.ensure_future(work)
    interrupted: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            interrupted = error
    if interrupted is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # to have asked for it is to have seen it; the cancellation says more
    raise interrupted


class Inner(NestedTransactionContext):
    """A transaction within another, which may go on after this one has failed."""

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        await to_the_end(super().__aexit__(exc_type, exc_val, exc_tb))

"""Waiting together for what a batch loader loads: one who stops waiting stops nobody else."""

import asyncio
from typing import Any


def shared(made: Any) -> Any:
    """The loader itself, whose loads are shielded, or whatever else was made.

    Of those who wait for the same rows one is cancelled when a field beside it fails. The rows come all the same.
    """
    load = getattr(made, "load", None)
    if load is not None:

        def shielded(key: Any) -> asyncio.Future[Any]:
            loading = load(key)
            loading.add_done_callback(_heard)
            return asyncio.shield(loading)

        made.load = shielded
    return made


def _heard(loading: asyncio.Future[Any]) -> None:
    """Nobody may be left to hear how it ended."""
    if not loading.cancelled():
        loading.exception()

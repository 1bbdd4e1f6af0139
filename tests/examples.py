"""Hypothesis for tests that ask a house: the examples are drawn in a thread, and asked in the loop of the test."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from anyio import from_thread, to_thread
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


async def for_all(check: Callable[..., Coroutine[Any, Any, None]], *values: st.SearchStrategy[Any], share: float = 1) -> None:
    """Await `check` for many examples of the values: less where a check costs much, more where it costs little."""

    @settings(max_examples=max(1, int(settings().max_examples * share)))
    @given(st.tuples(*values))
    def every(given: tuple[Any, ...]) -> None:
        from_thread.run(partial(check, *given))

    await to_thread.run_sync(every)


async def drive(machine: Callable[[], RuleBasedStateMachine], steps: int, share: float = 1) -> None:
    """Run a state machine many times, so many steps at most each time. What its rules await, they run by `anyio.from_thread`."""
    many = max(1, int(settings().max_examples * share))
    # No health check means anything for many steps: Hypothesis itself turns them off for machines.
    chosen = settings(max_examples=many, stateful_step_count=steps, suppress_health_check=[*HealthCheck])  # type: ignore[arg-type]
    await to_thread.run_sync(partial(run_state_machine_as_test, machine, settings=chosen))  # type: ignore[arg-type]

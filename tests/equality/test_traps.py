"""Traps written by hand: both roads lead past them to the same answer, for everyone."""

import pytest

from schema.transport.parameters import Parameters
from tests.equality.laboratory import BLIND, ROLES, Laboratory
from tests.equality.roads import same
from tests.equality.trap import Things
from tests.equality.traps import traps

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("role", [*ROLES, BLIND])
@pytest.mark.parametrize("name", traps(Things()))
async def test_no_trap_tells_the_roads_apart(laboratory: Laboratory, name: str, role: str):
    trap = traps(Things.of(laboratory.pools))[name]
    laboratory.engine.prepare(Parameters(trap.document, trap.variables[0]))
    assert await same(laboratory, trap.document, trap.variables, role)

"""Traps written by hand: both roads lead past them to the same answer, for everyone."""

import pytest

from tests.equality.laboratory import ROLES, Laboratory
from tests.equality.roads import same
from tests.equality.traps import Things, traps

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", traps(Things()))
async def test_no_trap_tells_the_roads_apart(laboratory: Laboratory, name: str, role: str):
    trap = traps(Things.of(laboratory.pools))[name]
    answers = await same(laboratory, trap.document, trap.variables, role)
    assert answers, "the document must be valid"

"""Random operations: whatever is asked, by whomever, both roads lead to the same answer."""

import pytest

from tests.equality.laboratory import ROLES, Laboratory
from tests.equality.operations import THEMES, Operation, operations
from tests.equality.roads import same
from tests.examples import for_all

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("theme", THEMES)
async def test_both_roads_lead_to_the_same_answer(laboratory: Laboratory, theme: str, role: str):
    async def check(asked: Operation) -> None:
        await same(laboratory, asked.document, asked.variables, role, asked.name)

    await for_all(check, operations(laboratory.engine.schema._schema, laboratory.pools, theme), share=0.4)

"""Random operations: whatever is asked, by whomever, both roads lead to the same answer."""

import pytest

from tests.equality.cases import asked
from tests.equality.laboratory import BLIND, ROLES, Laboratory
from tests.equality.operations import THEMES

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("role", [*ROLES, BLIND])
@pytest.mark.parametrize("theme", THEMES)
async def test_both_roads_lead_to_the_same_answer(laboratory: Laboratory, theme: str, role: str):
    assert [one async for one in asked(laboratory, theme, role)]

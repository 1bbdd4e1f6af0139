"""A field that fails and cannot be null stops its neighbours; what else waits for the same rows must not be stopped with them."""

import asyncio

import pytest

from schema.transport.parameters import Parameters
from tests.equality.laboratory import Laboratory

pytestmark = pytest.mark.anyio

SHARED = {
    "rows": "owner { id } company { name }",
    "parts and ties": "emails { id } tags { id }",
    "pages": "deals { nodes { id } totalCount }",
    "what a plugin loads": "probeCount",
    "rows behind Python": "newest { id assignee { name } } owner { id }",
}


@pytest.mark.parametrize("road", ["interpret", "execute"])
@pytest.mark.parametrize("shared", SHARED)
async def test_a_field_that_fails_cancels_nothing_that_others_wait_for(laboratory: Laboratory, shared: str, road: str):
    fragment = f"fragment S on Contact {{ {SHARED[shared]} }}"
    document = f"{{ a: contacts(first: 50) {{ nodes {{ ...S brittle }} }} b: contacts(first: 50) {{ nodes {{ ...S }} }} }} {fragment}"
    try:
        answer = await getattr(laboratory, road)(Parameters(document), "admin")
    except asyncio.CancelledError:
        pytest.fail("the whole request was cancelled")
    assert b"has no gender" in answer.encoded()

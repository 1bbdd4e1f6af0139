"""The demo data: believable, the same for the same seed, and only for an empty house."""

import datetime
import json
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import phonenumbers
import pytest

from core.crm import Call
from core.demo import empty, fill
from core.demo.story import story
from core.errors import Conflict
from core.permissions import SYSTEM

pytestmark = pytest.mark.anyio

TODAY = datetime.date(2026, 6, 1)


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, Any]]]:
    return _by_key(story(7, TODAY))


def test_the_same_seed_and_day_give_the_same_data():
    assert _nameless(story(7, TODAY, 100)) == _nameless(story(7, TODAY, 100))
    assert _nameless(story(7, TODAY, 100)) != _nameless(story(8, TODAY, 100))


def test_there_is_enough_to_look_at(rows):
    sizes = {key: len(made) for key, made in rows.items()}
    assert sizes["contact"] == 2_000
    assert sizes["company"] == 300
    assert 3_300 <= sizes["deal"] <= 3_500
    assert 7_000 <= sizes["activity"] <= 9_000
    assert sizes["user"] == 12
    assert sizes["pipeline"] == 2
    assert 8 <= sizes["product"] <= 12


def test_names_are_written_as_people_write_them(rows):
    names = [contact["family_name"] for contact in rows["contact"]]
    assert sum("\u200c" in name for name in names) > 100
    assert sum("ي" in name or "ك" in name for name in names) > 50
    assert sum(name.isascii() for name in names) > 200
    assert sum("ی" in name for name in names) > 500


def test_nobody_real_can_be_written_to_or_called(rows):
    addresses = [mail["address"] for contact in rows["contact"] for mail in contact["emails"]]
    numbers = [phone["number"] for contact in rows["contact"] for phone in contact["phones"]]
    assert len(set(addresses)) == len(addresses) > 1_500
    assert {
        address.rpartition(".")[2] for address in addresses if not address.endswith(("@example.com", "@example.org", "@example.net"))
    } == {"example"}
    assert all(phonenumbers.is_possible_number(phonenumbers.parse(number)) for number in numbers)
    assert all(number.startswith(("+98999000", "+98210000")) for number in numbers if number.startswith("+98"))


def test_nothing_was_done_after_the_day(rows):
    now = datetime.datetime.combine(TODAY, datetime.time(), datetime.UTC)
    for made in rows.values():
        assert all(row["created_at"] <= now for row in made)
    assert all(deal["started_at"] < deal.get("closed_at", now) <= now for deal in rows["deal"])
    assert all(row.get("done_at") is None or row["done_at"] <= now for row in rows["activity"])
    assert any(row.get("due_at") and row["due_at"] > now for row in rows["activity"])


def test_deals_go_through_stages_in_their_order(rows):
    place = {stage["id"]: (stage["pipeline_id"], stage["position"]) for stage in rows["stage"]}
    for deal in rows["deal"]:
        steps = deal["history"]["stage"]
        assert [at for _, at in steps] == sorted(at for _, at in steps)
        assert steps[0][1] == deal["started_at"]
        assert steps[-1][0] == deal["stage_id"]
        assert [place[stage] for stage, _ in steps] == sorted(place[stage] for stage, _ in steps)


def test_some_deals_are_won_and_offices_are_empty_at_nowruz(rows):
    kinds = {stage["id"]: stage["kind"].value for stage in rows["stage"]}
    ends = Counter(kinds[deal["stage_id"]] for deal in rows["deal"])
    assert 0.3 < ends["WON"] / (ends["WON"] + ends["LOST"]) < 0.5
    assert 100 < ends["OPEN"] < 500
    starts = Counter(deal["started_at"].date() for deal in rows["deal"])
    spring = sum(starts[datetime.date(2026, 3, 20) + datetime.timedelta(days)] for days in range(14))
    winter = sum(starts[datetime.date(2026, 2, 20) + datetime.timedelta(days)] for days in range(14))
    assert spring < winter / 2


async def test_an_empty_house_is_filled_through_the_store(house):
    call = Call(house.crm, SYSTEM)
    told: list[tuple[str, int, int]] = []
    assert await empty(call)
    made = await fill(call, lambda *step: told.append(step), today=TODAY, contacts=60)
    assert not await empty(call)
    assert made["contact"] == 60
    assert told[-1] == ("activity", sum(made.values()), sum(made.values()))
    seen = await house.ask("""{
        contacts(first: 1) { totalCount nodes { lifecycleChanges { nodes { toStage } } } }
        deals(first: 100) { totalCount nodes { stage { kind } closedAt lines { total { amount } } stageChanges { nodes { seconds } } } }
        activities(first: 1, where: { product: {}, deal: { stage: { kind: { eq: WON } } } }) { totalCount }
        teams(where: { parent: { name: { eq: "Sales" } } }) { totalCount }
    }""")
    assert seen["contacts"]["totalCount"] == 60
    assert seen["contacts"]["nodes"][0]["lifecycleChanges"]["nodes"]
    assert seen["deals"]["totalCount"] == made["deal"]
    assert all((deal["closedAt"] is None) == (deal["stage"]["kind"] == "OPEN") for deal in seen["deals"]["nodes"])
    assert all(deal["stageChanges"]["nodes"][0]["seconds"] is None for deal in seen["deals"]["nodes"])
    assert seen["activities"]["totalCount"] > 0
    assert seen["teams"]["totalCount"] == 2
    with pytest.raises(Conflict, match="there are contacts already"):
        await fill(call, contacts=60)


def test_the_command_fills_an_empty_house_once(payvand):
    waiting = len([*(Path(__file__).parent.parent / "migrations").glob("0*.py")])
    assert payvand("demo").err == f"payvand: {waiting} migrations wait to be applied; run: payvand migrate\n"
    payvand("migrate").well()
    first = json.loads(payvand("demo", "--json", "--seed", "3", timeout=180).well().out)
    assert first["filled"]
    assert first["made"]["contact"] == 2_000
    assert json.loads(payvand("demo", "--if-empty", "--json").well().out) == {"filled": False, "made": {}}
    assert payvand("demo", "--if-empty").well().out == "There are contacts already; nothing was added.\n"
    again = payvand("demo")
    assert (again.code, again.err) == (1, "payvand: there are contacts already; demo data are for an empty house\n")


def _by_key(steps: list[tuple[str, list[dict[str, Any]]]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for key, rows in steps:
        found.setdefault(key, []).extend(rows)
    return found


def _nameless(value: Any) -> Any:
    """The data with the order of their first use in place of keys."""
    seen: dict[uuid.UUID, int] = {}

    def walk(one: Any) -> Any:
        if isinstance(one, uuid.UUID):
            return seen.setdefault(one, len(seen))
        if isinstance(one, dict):
            return {name: walk(inner) for name, inner in one.items()}
        return [walk(inner) for inner in one] if isinstance(one, list | tuple) else one

    return walk(value)

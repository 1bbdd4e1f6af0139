"""The records of the plugin `lab`, with the extremes of every kind of column, and what the world leaves out."""

import random
from typing import Any

from tests.world import CITIES, DAYS, INSTANTS, NAMES, World

FLOATS = (0.1 + 0.2, 1e22, 5e-324, -0.0, 1.0, 100.0, 1.7976931348623157e308, -2.5, 1e-7, 123456789012345680.0, 1 / 3, 0.0)
JSON: tuple[Any, ...] = (
    {}, [], ["text"], 1, 1.0, 0.1 + 0.2, 1e22, True, {"b": 1, "a": [None, {"é": "\u2028😀\"\\\n"}], "": {}}, [[[]], [0, -1, 2**60]],
    {"amount": "1.50", "z": None, "long key " * 9: "x"}, ["😀 \u0001 </script>"],
)  # fmt: skip
TIMES = (
    "2026-05-01T12:00:00.120000+00:00", "2026-05-01T12:00:00+00:00", "2026-05-01T12:00:00.000001+00:00", "1800-01-02T00:00:00+00:00",
    "2199-12-30T23:59:59.999999+00:00", "1969-12-31T23:59:59.9+00:00", "2026-05-01T15:30:00+03:30", "2026-10-25T00:30:00Z",
)  # fmt: skip
DATES = ("2026-05-01", "1800-01-01", "2199-12-31", "2024-02-29", "1969-12-31")
SIZES = ("0", "0.001", "-0.001", "-12.5", "100", "9007199254740.992", "-9007199254740.992", "1.100")
MONEY = (
    {"amount": "0", "currency": "EUR"}, {"amount": "-0.01", "currency": "EUR"}, {"amount": "-1050.5", "currency": "EUR"},
    {"amount": "90071992547409.92", "currency": "EUR"}, {"amount": "-7", "currency": "JPY"}, {"amount": "0", "currency": "JPY"},
    {"amount": "-1.234", "currency": "KWD"}, {"amount": "0.001", "currency": "KWD"}, {"amount": "5", "currency": "CLF"}, None,
)  # fmt: skip
BIG = (0, -1, 2**53, -(2**53), 2**31, 7)
FEW = (0, -1, 2**31 - 1, -(2**31), 7)
SMALL = (0, -1, 32_767, -32_768, None)
MARKS = ("019a0000-0000-7000-8000-00000000000a", "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF")
TEXTS = (
    *NAMES,
    "line\nbreak",
    "tab\there",
    'quo"te',
    "back\\slash",
    "a\u2028\u2029b",
    "😀👩‍👩‍👧",
    "x\x01\x1f\x7fy",
    "\u200c",
    "</script>",
    "",
    None,
)


async def fill(world: World, chance: random.Random) -> None:
    """Make probes, samples and badges, give some records of the world an owner, and read what there is."""
    house, users = world.house, [row["id"] for row in world.tables["user"]]
    contacts = [row["id"] for row in world.tables["contact"]]
    probes: list[str] = []
    for index in range(26):
        probes += await world._make("probe", [_probe(chance, index, contacts[:9], users, probes)])
    await world._make(
        "badge",
        [
            {"number": f"n{index}", "position": index % 3, "contactId": contacts[index] if index % 4 else None,
             "holderId": chance.choice((*contacts[:4], None))}
            for index in range(12)
        ],
    )  # fmt: skip
    await world._make("team", [{"name": "One"}, {"name": "Two"}])
    for key, rows in (("company", world.tables["company"]), ("deal", world.tables["deal"][:20])):
        name = world.resource(key).name
        for index, row in enumerate(rows):
            document = (
                f"mutation ($id: ID!, $input: {name}UpdateInput!) {{ {key}Update(id: $id, input: $input) {{ userErrors {{ message }} }} }}"
            )
            given: dict[str, Any] = {"ownerId": chance.choice((*users, None))}
            if key == "deal":
                given["tagIds"] = [one["id"] for one in world.tables["tag"][: index % 3]]
            if key == "company" and index:
                given["parentId"] = rows[index - 1]["id"]
            assert (await house.ask(document, id=row["id"], input=given))[f"{key}Update"]["userErrors"] == []
    for index, text in enumerate(TEXTS):
        if text:
            await house.make("Tag", name=f"{index} {text}")
    for identity in probes[3:5]:
        await house.ask("mutation ($id: ID!) { probeDelete(id: $id) { userErrors { message } } }", id=identity)
    deal = world.tables["deal"][0]["id"]  # parts, children and ties that outlive what they belong to
    await house.ask("mutation ($id: ID!) { dealDelete(id: $id) { userErrors { message } } }", id=deal)
    some = "SELECT id FROM deal WHERE amount IS NOT NULL ORDER BY id LIMIT"
    await house.sql(f"UPDATE deal SET currency = NULL WHERE id IN ({some} 2)")
    await house.sql("UPDATE deal SET currency = 'EUR' WHERE amount IS NULL")
    for resource in house.crm.resources:
        world.tables[resource.key] = sorted(await world._read(resource), key=lambda row: row["id"])


def _probe(chance: random.Random, index: int, contacts: list[str], users: list[str], others: list[str]) -> dict[str, Any]:
    pick = chance.choice
    return {
        "label": TEXTS[-3 - index % (len(TEXTS) - 2)], "plain": pick(TEXTS),
        "prose": pick(TEXTS), "ratio": FLOATS[index % len(FLOATS)], "ratioOrNone": pick((*FLOATS, None)), "data": JSON[index % len(JSON)],
        "dataOrNone": pick((*JSON, None)), "mark": pick(MARKS), "markOrNone": pick((*MARKS, None)),
        "level": pick(("LOW", "MIDDLE", "HIGH")), "levelOrNone": pick(("LOW", "MIDDLE", "HIGH", None)),
        "colour": pick(("DEEP_RED", "GREEN", "QUOTED")),
        "colourOrNone": pick(("DEEP_RED", "GREEN", "QUOTED", None)), "day": DATES[index % len(DATES)], "dayOrNone": pick((*DATES, *DAYS)),
        "at": TIMES[index % len(TIMES)], "atOrNone": pick((*TIMES, *INSTANTS)), "size": SIZES[index % len(SIZES)],
        "sizeOrNone": pick((*SIZES, None)), "whole": pick(("0", "-5", "7", None)), "price": MONEY[index % len(MONEY)], "cost": pick(MONEY),
        "active": pick((True, False)), "activeOrNone": pick((True, False, None)), "many": BIG[index % len(BIG)],
        "manyOrNone": pick((*BIG, None)), "few": FEW[index % len(FEW)], "fewOrNone": pick(SMALL), "contactId": pick((*contacts, None)),
        "ownerId": pick((*users, None)), "twinId": pick((*others[-6:], None)), "externalId": f"e{index}" if index % 2 else None,
        "samples": [{"place": pick(CITIES) or "x", "weight": pick(("0", "-1.5", None))} for _ in range(index % 3)],
    }  # fmt: skip

"""What a trap is: an operation written by hand, where one statement may easily say something else than the resolvers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.equality.pools import Pools, ordering

LONG = "a_name_of_seventy_letters_which_no_database_keeps_as_it_is_because_it_is_"
TEXTS = (
    "'",
    '"',
    "\\",
    "\\n",
    "\n",
    "\t",
    "\x01",
    "\x7f",
    "\u2028",
    "😀",
    "é",
    "%",
    "_",
    "{}",
    "$1",
    "?",
    ":a",
    "\\u0041",
    "</script>",
    "\x00",
)


@dataclass(frozen=True)
class Trap:
    """A document and the sets of variables with which it is asked."""

    document: str
    variables: Sequence[Mapping[str, Any]] = ({},)


@dataclass(frozen=True)
class Things:
    """What the traps are about: ids, of deleted rows too, and cursors of lists."""

    contact: str = "contact"
    deal: str = "deal"
    probe: str = "probe"
    every: Sequence[str] = ()
    contacts: Sequence[str] = ()
    gone: Mapping[str, str] = field(default_factory=lambda: {"contact": "", "deal": "", "probe": ""})
    by_none: Sequence[str] = ("",) * 9
    down: Sequence[str] = ("",) * 9
    mixed: tuple[str, Sequence[str]] = ("[]", ("",) * 9)
    money: Sequence[str] = ("",) * 9

    @classmethod
    def of(cls, pools: Pools) -> "Things":
        """The things of a world."""
        ids, world = pools.ids, pools.world.tables
        here = {key: {row["id"] for row in world[key]} for key in ("contact", "deal", "probe")}
        kinds = ("contact", "deal", "probe", "tag", "contactEmail", "badge")
        return cls(
            contact=world["contact"][0]["id"],
            deal=world["deal"][1]["id"],
            probe=world["probe"][0]["id"],
            every=[world[key][0]["id"] for key in kinds],
            contacts=ids["contact"],
            gone={key: next(one for one in ids[key] if one not in there) for key, there in here.items()},
            by_none=pools.cursors["activity"][("DONE_AT", "ASC"),],
            down=pools.cursors["activity"][("DONE_AT", "DESC"),],
            mixed=_mixed(pools),
            money=pools.cursors["deal"][("AMOUNT", "DESC"),],
        )


def _mixed(pools: Pools) -> tuple[str, Sequence[str]]:
    """An order of activities that goes both ways, and its cursors."""
    orders, cursors = next(one for one in pools.cursors["activity"].items() if len({way for _, way in one[0]}) == 2)
    return ordering(orders), cursors


def aliased(count: int, name: str = "city", prefix: str = "a") -> str:
    """The same field under so many aliases."""
    return " ".join(f"{prefix}{index}: {name}" for index in range(count))


def escaped(text: str) -> str:
    """A text as it may stand between the quotes of a literal: all but letters and digits by their numbers."""
    return "".join(one if one.isalnum() and one.isascii() else "".join(f"\\u{ord(unit):04x}" for unit in _units(one)) for one in text)


def _units(letter: str) -> list[str]:
    data = letter.encode("utf-16-be")
    return [chr(int.from_bytes(data[place : place + 2], "big")) for place in range(0, len(data), 2)]

"""The whole of the demo data, as rows for the store: drawn from a seed and a day, before anything is written."""

import datetime
from random import Random

from core.demo.calendar import Calendar
from core.demo.doings import Doings
from core.demo.people import People, Row
from core.demo.selling import Selling

SEED = 1404
CONTACTS = 2_000
MOST_FIRMS = 300  # there are no more names


def story(seed: int, today: datetime.date, contacts: int = CONTACTS) -> list[tuple[str, list[Row]]]:
    """Rows with the key of their resource, in the order in which they must be made: a whole before its parts.

    The same seed, day and number of contacts give the same rows, but for the keys. Nothing was done after the
    beginning of `today` (UTC); the other numbers follow from that of the contacts.
    """
    random = Random(seed)
    calendar = Calendar(random, datetime.datetime.combine(today, datetime.time(), datetime.UTC))
    people = People(random, calendar)
    selling = Selling(random, calendar, people)
    firms = people.firms(max(20, min(contacts * 3 // 20, MOST_FIRMS)))
    persons = people.contacts(contacts, firms)
    sales = selling.sales(contacts * 7 // 4, persons)
    selling.lives(persons, sales)
    activities = Doings(random, calendar, people, selling.products).activities(persons, sales)
    return [
        *_tree("team", list(people.teams.values())),
        ("user", [seller.row for seller in people.sellers]),
        ("tag", list(people.tags.values())),
        ("product", list(selling.products.values())),
        ("pipeline", [pipe.row for pipe in selling.pipes.values()]),
        ("stage", [stage for pipe in selling.pipes.values() for stage in pipe.stages]),
        *_tree("company", [firm.row for firm in firms]),
        ("contact", [person.row for person in persons]),
        ("deal", [sale.row for sale in sales]),
        ("activity", activities),
    ]


def _tree(key: str, rows: list[Row]) -> list[tuple[str, list[Row]]]:
    return [(key, [row for row in rows if not row.get("parent_id")]), (key, [row for row in rows if row.get("parent_id")])]

"""A small company with awkward data, and an oracle in plain Python that says what the API should answer about it."""

import datetime
import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from core.models import AuditEntry
from core.money import exponent
from core.naming import camel
from core.resources import Column, Kind, Linked, Resource, ToMany, ToOne
from core.text import fold
from schema.inputs import sortable
from tests.house import House
from tests.samples import Samples

Row = dict[str, Any]
Where = dict[str, Any]

NAMES = (
    "زهرا رضایی", "زهرا رضايي", "Zahra Rezaei", "ZAHRA REZAEI", "علی کریمی", "علي كريمي", "می‌خواهم", "میخواهم", "Straße 5", "STRASSE ۵",
    "Ömer", "O\u0308mer", "100%", "a_b", "a\\b", "axb", "'; DROP TABLE contact; --", "کد ۱۲۳", "کد ١٢٣", "<b>x</b>",
)  # fmt: skip
CITIES = ("شیراز", "شيراز", "Shiraz", "SHIRAZ", "تهران", "Berlin", "berlin", None, None)
WORDS = ("web", "Web", "fair", "a%b", "a_b", "ab", "خرید", None, None)
INSTANTS = (
    "2026-03-21T20:29:59+00:00", "2026-03-21T20:30:00+00:00", "2026-03-29T00:59:59.999999+00:00", "2026-03-29T01:00:00+00:00",
    "2025-10-26T00:30:00+00:00", "2025-10-26T01:30:00+00:00", "2025-12-31T22:59:59+00:00", "2025-12-31T23:00:00+00:00",
    "2021-09-21T19:29:59+00:00", "2021-09-21T19:30:00+00:00",
    "2021-09-21T20:29:59.5+00:00", "2024-02-29T12:00:00+00:00", "1969-12-31T23:59:59+00:00",
    "2199-01-01T00:00:00+00:00", None,
)  # fmt: skip
DAYS = ("2026-03-20", "2026-03-21", "2025-12-28", "2025-12-29", "2026-01-04", "2026-01-05", "2024-02-29", "2020-06-30", None)
MONEY = (
    {"amount": "10.50", "currency": "EUR"}, {"amount": "10.51", "currency": "EUR"}, {"amount": "0", "currency": "EUR"},
    {"amount": "1050", "currency": "JPY"}, {"amount": "7", "currency": "JPY"}, {"amount": "1.234", "currency": "KWD"},
    {"amount": "90071992547409.92", "currency": "EUR"}, None, None,
)  # fmt: skip


@dataclass
class World:
    """The records of a house, as the API shows them: by resource, in the order of their ids."""

    house: House
    tables: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def samples(self) -> Samples:
        """What knows the fields of each resource."""
        return Samples(self.house)

    def resource(self, key: str) -> Resource:
        """The resource with this key."""
        return self.house.crm.resources.by_key[key]

    async def fill(self, seed: int = 7) -> None:
        """Make the records, delete some of them, and read what there is."""
        chance = random.Random(seed)
        pick: Callable[[Sequence[Any]], Any] = chance.choice
        ids: dict[str, list[Any]] = {}
        ids["user"] = await self._make("user", [{"name": name} for name in ("Sara", "سارا", "Max")])
        ids["tag"] = await self._make("tag", [{"name": name} for name in ("vip", "مشتری", "old", "gone")])
        ids["company"] = await self._make(
            "company",
            [{"name": pick(NAMES), "city": pick(CITIES), "annualRevenue": pick(MONEY), "employees": pick((None, 1, 50, 50))}
             for _ in range(6)],
        )  # fmt: skip
        ids["product"] = await self._make("product", [{"name": name, "price": pick(MONEY), "active": name != "Y"} for name in "XxYZ"])
        ids["pipeline"] = await self._make("pipeline", [{"name": "Sales"}, {"name": "Renewals", "position": 1}])
        ids["stage"] = await self._make(
            "stage",
            [
                {"name": f"{kind} {index}", "kind": kind, "position": index, "pipelineId": ids["pipeline"][index % 2],
                 "probability": pick((None, "0.1", "0.55"))}
                for index, kind in enumerate(("OPEN", "OPEN", "OPEN", "WON", "LOST"))
            ],
        )  # fmt: skip
        optional = {name: (*made, None) for name, made in ids.items()}
        ids["contact"] = await self._make(
            "contact",
            [
                {
                    "name": pick(NAMES), "givenName": pick(WORDS), "city": pick(CITIES), "gender": pick(("FEMALE", "MALE", "OTHER", None)),
                    "birthDate": pick(DAYS[:1] + DAYS[2:]), "emailConsent": pick((True, False)), "source": pick(WORDS),
                    "lifecycleStage": pick(("LEAD", "CUSTOMER")), "companyId": pick(optional["company"]), "ownerId": pick(optional["user"]),
                    "tagIds": chance.sample(ids["tag"], pick((0, 1, 2))),
                    "emails": [{"address": f"{pick('AaBb')}@example.com", "label": pick(WORDS)} for _ in range(pick((0, 1, 2)))],
                    "phones": [{"number": f"+98912000000{pick('01')}"} for _ in range(pick((0, 1)))],
                }
                for _ in range(36)
            ],
        )  # fmt: skip
        ids["deal"] = await self._make(
            "deal",
            [
                {
                    "title": pick(NAMES), "amount": (amount := pick(MONEY)), "stageId": pick(ids["stage"]), "source": pick(WORDS),
                    "contactId": pick((*ids["contact"], None)), "companyId": pick(optional["company"]), "expectedCloseOn": pick(DAYS),
                    "lines": [
                        {"productId": pick(ids["product"]), "quantity": pick(("1", "0.5", "2.125")), "discount": pick(("0", "12.5")),
                         "unitPrice": {"amount": "3", "currency": (amount or {"currency": "EUR"})["currency"]}}
                        for _ in range(pick((0, 0, 1, 2)))
                    ],
                }
                for _ in range(44)
            ],
        )  # fmt: skip
        ids["activity"] = await self._make(
            "activity",
            [
                {
                    "kind": pick(("CALL", "NOTE", "MEETING")), "subject": pick(NAMES), "contactId": pick((*ids["contact"], None)),
                    "dealId": pick((*ids["deal"], None)), "productId": pick(optional["product"]), "assigneeId": pick(optional["user"]),
                    "doneAt": INSTANTS[index % len(INSTANTS)], "dueAt": pick(INSTANTS), "body": pick(WORDS),
                }
                for index in range(60)
            ],
        )  # fmt: skip
        for key, gone in (("activity", 5), ("deal", 4), ("contact", 3), ("company", 1), ("tag", 1), ("user", 1)):
            for identity in chance.sample(ids[key], gone):
                payload = await self.house.ask(
                    f"mutation ($id: ID!) {{ {key}Delete(id: $id) {{ userErrors {{ message }} }} }}", id=identity
                )
                assert payload[f"{key}Delete"]["userErrors"] == []
        for resource in self.house.crm.resources:
            self.tables[resource.key] = sorted(await self._read(resource), key=lambda row: row["id"])

    async def _make(self, key: str, rows: list[Row]) -> list[str]:
        document = (
            f"mutation ($rows: [{self.resource(key).name}CreateInput!]!) {{ {key}BulkCreate(inputs: $rows) {{"
            " results { node { id } userErrors { field message } } } }"
        )
        results = (await self.house.ask(document, rows=rows))[f"{key}BulkCreate"]["results"]
        assert not [one for one in results if one["userErrors"]], results
        return [one["node"]["id"] for one in results]

    async def _read(self, resource: Resource) -> list[Row]:
        rows: list[Row] = []
        after, more = None, "recordId" if resource.model is AuditEntry else ""
        while True:
            page = (
                await self.house.ask(
                    f"query ($after: String) {{ page: {camel(resource.plural)}(first: 100, after: $after) {{"
                    f" nodes {{ {self.samples.fields(resource.key)} {more} }} pageInfo {{ hasNextPage endCursor }} }} }}",
                    after=after,
                )
            )["page"]
            rows += page["nodes"]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                return rows

    # The oracle

    def matching(self, key: str, where: Where) -> list[Row]:
        """The rows that fulfil a filter, in the order of their ids."""
        return [row for row in self.tables[key] if self.holds(key, row, where)]

    def holds(self, key: str, row: Row, where: Where) -> bool:
        """Whether a row fulfils a filter."""
        return all(self._clause(key, row, name, test) for name, test in where.items())

    def _clause(self, key: str, row: Row, name: str, test: Any) -> bool:
        if name == "and":
            return all(self.holds(key, row, one) for one in test)
        if name == "or":
            return any(self.holds(key, row, one) for one in test)
        if name == "not":
            return not self.holds(key, row, test)
        known = fields_of(self.house, key)[name]
        if isinstance(known, Column):
            return all(_test(known, row[name], operator, value, test) for operator, value in test.items())
        related = self.related(key, row, name)
        target = self.house.crm.resource(known.model).key
        if isinstance(known, ToOne):
            return any(self.holds(target, one, test) for one in related)
        quantified = {"some": any, "none": lambda found: not any(found), "every": all}
        return all(quantified[quantifier](self.holds(target, one, inner) for one in related) for quantifier, inner in test.items())

    def related(self, key: str, row: Row, name: str) -> list[Row]:
        """The visible rows behind a relation of a row."""
        known = fields_of(self.house, key)[name]
        target = self.house.crm.resource(known.model)
        if isinstance(known, ToMany) and target.model is AuditEntry:
            return [one for one in self.tables[target.key] if one["recordId"] == row["id"]]
        if isinstance(known, ToMany):
            forward = camel(next(one for one, relation in target.to_one.items() if relation.attr == known.attr))
            return [one for one in self.tables[target.key] if one[forward] and one[forward]["id"] == row["id"]]
        held = row[name] if isinstance(row[name], list) else [row[name]] if row[name] else []
        ids = {one["id"] for one in held}
        return [one for one in self.tables[target.key] if one["id"] in ids]

    def ordered(self, key: str, rows: Sequence[Row], orders: Sequence[Row]) -> list[Row]:
        """The rows in an order: the id breaks ties, in the direction of the last key."""
        columns = {camel(name).upper(): (camel(name), one) for name, one in self.resource(key).columns.items()}
        descending = bool(orders) and orders[-1].get("direction") == "DESC"
        found = sorted(rows, key=lambda row: row["id"], reverse=descending)
        for order in reversed(orders):
            name, column = columns[order["field"].replace("_", "")]
            down = order.get("direction") == "DESC"
            found.sort(key=lambda row, name=name, column=column: _order_key(column, row[name]), reverse=down)
        return found


def fields_of(house: House, key: str) -> Mapping[str, Any]:
    """Columns, relations, links and ways back of a resource, by the names of the API."""
    resource = house.crm.resources.by_key[key]
    known: dict[str, Any] = {camel(name): one for name, one in resource.columns.items() if one.kind is not Kind.JSON}
    known |= {camel(name): one for name, one in resource.to_one.items()}
    known |= {camel(name): one for name, one in resource.linked.items()}
    return known | {camel(name): one for name, one in house.crm.resources.children(resource).items()}


def parsed(column: Column, value: Any) -> Any:
    """A value of the wire as Python compares it."""
    match column.kind:
        case Kind.DATETIME:
            return datetime.datetime.fromisoformat(value)
        case Kind.DATE:
            return datetime.date.fromisoformat(value)
        case Kind.DECIMAL:
            return Decimal(value)
        case Kind.STRING | Kind.TEXT if column.key:
            return fold(value)
    return value


def _test(column: Column, have: Any, operator: str, want: Any, test: Where) -> bool:
    if operator == "isNull":
        return (have is None) is want
    if column.kind is Kind.MONEY:
        return have is not None and have["currency"] == test["currency"] and _money(Decimal(have["amount"]), operator, want)
    if want is None:
        return have is None
    mine = None if have is None else parsed(column, have)
    if operator in ("ne", "notIn"):
        return not _test(column, have, "eq" if operator == "ne" else "in", want, test)
    if mine is None:
        return False
    if operator == "in":
        return any(mine == parsed(column, one) for one in want)
    return _COMPARE[operator](mine, parsed(column, want))


def _money(have: Decimal, operator: str, want: Any) -> bool:
    return True if operator == "currency" else _COMPARE[operator](have, Decimal(want))


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda have, want: have == want,
    "gt": lambda have, want: have > want,
    "gte": lambda have, want: have >= want,
    "lt": lambda have, want: have < want,
    "lte": lambda have, want: have <= want,
    "contains": lambda have, want: want in have,
    "startsWith": lambda have, want: have.startswith(want),
    "endsWith": lambda have, want: have.endswith(want),
}


def _order_key(column: Column, value: Any) -> tuple[Any, ...]:
    if value is None:
        return (1,)
    if column.kind is Kind.MONEY:
        return (0, value["currency"], Decimal(value["amount"]))
    return (0, parsed(column, value))


# What to ask


def wheres(world: World, key: str, depth: int = 3) -> st.SearchStrategy[Where]:
    """Filters of a resource: any operators, nested as deep as `depth`."""
    known = fields_of(world.house, key)
    plain = [st.fixed_dictionaries({name: tests(world, key, name, one)}) for name, one in known.items() if isinstance(one, Column)]
    leaves = st.one_of(plain)
    if depth == 0:
        return leaves
    inner = st.deferred(lambda: wheres(world, key, depth - 1))
    branches: list[st.SearchStrategy[Where]] = [
        leaves,
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"and": st.lists(inner, max_size=2)}),
        st.fixed_dictionaries({"or": st.lists(inner, max_size=3)}),
        st.builds(lambda one, other: {**one, **other}, leaves, inner),
    ]
    for name, one in known.items():
        if isinstance(one, ToOne | ToMany | Linked):
            target = st.deferred(lambda one=one: wheres(world, world.house.crm.resource(one.model).key, depth - 1)) | st.just({})
            if isinstance(one, ToOne):
                branches.append(st.fixed_dictionaries({name: target}))
            else:
                quantifier = st.sampled_from(["some", "none", "every"])
                branches.append(st.fixed_dictionaries({name: st.dictionaries(quantifier, target, min_size=1, max_size=2)}))
    return st.one_of(branches)


def tests(world: World, key: str, name: str, column: Column) -> st.SearchStrategy[Where]:
    """Tests of one column, with values that are there and values that are nearly there."""
    pool = sorted({repr(row[name]): row[name] for row in world.tables[key] if row[name] is not None}.items())
    have = [value for _, value in pool] or [_stranger(column)]
    null = st.fixed_dictionaries({"isNull": st.booleans()})
    if column.kind is Kind.MONEY:
        amounts = st.sampled_from(["0", "10.5", "7", "1050"])
        operators = st.dictionaries(st.sampled_from(["eq", "gt", "gte", "lt", "lte"]), amounts, max_size=2)
        currencies = st.sampled_from(["EUR", "JPY", "KWD", "USD"])
        return null | st.builds(
            lambda currency, test: {"currency": currency, **{one: _digits(amount, currency) for one, amount in test.items()}},
            currencies,
            operators,
        )
    values = st.sampled_from(have)
    if column.kind in (Kind.STRING, Kind.TEXT) and not column.enum:
        values = values | values.flatmap(_spellings)
    equal = st.fixed_dictionaries(
        {}, optional={"eq": st.none() | values, "ne": values, "in": st.lists(values, max_size=3), "notIn": st.lists(values, max_size=3)}
    )
    if column.kind is Kind.BOOLEAN:
        return null | st.fixed_dictionaries({"eq": st.none() | values})
    if column.kind in (Kind.ID, Kind.ENUM):
        return null | equal
    if column.kind in (Kind.STRING, Kind.TEXT, Kind.UUID) and not column.key:
        return null | equal
    if column.key:
        texts = st.sampled_from(["contains", "startsWith", "endsWith"])
        return null | equal | st.dictionaries(texts, values.flatmap(_pieces), min_size=1, max_size=2)
    ranges = st.sampled_from(["gt", "gte", "lt", "lte"])
    return null | equal | st.dictionaries(ranges, values, min_size=1, max_size=2)


def orders(world: World, key: str) -> st.SearchStrategy[list[Row]]:
    """Orders of a list: several keys, either way."""
    fields = [name.upper() for name, column in world.resource(key).columns.items() if sortable(column)]
    one = st.fixed_dictionaries({"field": st.sampled_from(fields)}, optional={"direction": st.sampled_from(["ASC", "DESC"])})
    return st.lists(one, max_size=3, unique_by=lambda order: order["field"])


def _stranger(column: Column) -> Any:
    if column.enum:
        return next(iter(column.enum)).value
    return {
        Kind.STRING: "x", Kind.TEXT: "x", Kind.INT: 1, Kind.BIG_INT: 1, Kind.FLOAT: 1.5, Kind.BOOLEAN: True, Kind.DECIMAL: "1",
        Kind.DATETIME: "2026-01-01T00:00:00+00:00", Kind.DATE: "2026-01-01",
    }.get(column.kind)  # fmt: skip


def _digits(amount: str, currency: str) -> str:
    return str(Decimal(amount).quantize(Decimal(1).scaleb(-exponent(currency)), "ROUND_DOWN"))


def _spellings(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from(
        [text.upper(), text.lower(), text.translate(str.maketrans("یک", "يك")), text.translate(str.maketrans("يك", "یک"))]
    )


def _pieces(text: str) -> st.SearchStrategy[str]:
    ends = st.integers(0, len(text))
    return st.builds(lambda start, end: text[min(start, end) : max(start, end)].strip(), ends, ends) | st.sampled_from(
        ["%", "_", "\\", "A"]
    )


def periods(day: datetime.date) -> dict[str, datetime.date]:
    """The first days of the periods that a day lies in."""
    return {
        "DAY": day,
        "WEEK": day - datetime.timedelta(days=day.weekday()),
        "MONTH": day.replace(day=1),
        "QUARTER": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        "YEAR": day.replace(month=1, day=1),
    }


def grouped(rows: Sequence[Row], key: Callable[[Row], Any]) -> Iterator[tuple[Any, list[Row]]]:
    """The rows by what they have in common, nulls last."""
    by = sorted(rows, key=lambda row: _sort_key(key(row)))
    for value, some in itertools.groupby(by, key=key):
        yield value, list(some)


def _sort_key(value: Any) -> Any:
    return tuple((one is None, one) if one is not None else (True,) for one in value)

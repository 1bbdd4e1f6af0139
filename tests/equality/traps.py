"""Operations written by hand: each is a place at which one statement may easily say something else than the resolvers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.equality.pools import NOBODY, Pools

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
            money=pools.cursors["deal"][("AMOUNT", "DESC"),],
        )


def aliased(count: int, name: str = "city", prefix: str = "a") -> str:
    """The same field under so many aliases."""
    return " ".join(f"{prefix}{index}: {name}" for index in range(count))


def traps(things: Things) -> dict[str, Trap]:
    """All of them by name, about these things."""
    contact, deal, probe, gone, every = things.contact, things.deal, things.probe, things.gone, things.every
    by_none, money = things.by_none, things.money
    return {
        "keys of more than 63 bytes": Trap(
            f"{{ {LONG}: contacts(first: 2) {{ {LONG}: nodes {{ {LONG}1: name {LONG}2: city {LONG}3: id }} }} }}"
        ),
        "keys that differ after 63 bytes": Trap(
            f"{{ {LONG}1: contacts(first: 1) {{ totalCount }} {LONG}2: contacts(first: 2) {{ nodes {{ {LONG}a: id {LONG}b: name }} }} }}"
        ),
        "keys that differ in case": Trap(
            "{ A: contacts(first: 1) { nodes { ID: name Id: city id a: id A: name } } a: deals(first: 1) { nodes { id } } }"
        ),
        "keys of other fields": Trap(
            "{ nodes: contacts(first: 2) { edges: nodes { id: name name: id city: emails { address: id } emails: "
            "city } nodes: totalCount } }"
        ),
        "keys that SQL knows": Trap(
            "{ select: contacts(first: 2) { from: nodes { where: id group: name order: city null: __typename t: id c: id } } }"
        ),
        "65 fields in one object": Trap(f"{{ contacts(first: 3) {{ nodes {{ {aliased(65)} }} }} }}"),
        "130 fields in one object": Trap(f"{{ contacts(first: 3) {{ nodes {{ {aliased(130)} name }} }} }}"),
        "260 fields in one object": Trap(f'{{ contact(id: "{contact}") {{ {aliased(200)} {aliased(60, "emails { address }", "b")} }} }}'),
        "130 fields in one part of a group": Trap(
            f"{{ dealsAggregate {{ min {{ {aliased(70, 'version')} }} {aliased(60, 'count', 'c')} }} }}"
        ),
        "many aliases of a connection": Trap(
            f"{{ contacts(first: 2) {{ nodes {{ {aliased(40, 'deals(first: 1) { nodes { id } }')} }} }} }}"
        ),
        "pages backwards with edges and nodes": Trap(
            """query ($last: Int, $before: String) { activities(last: $last, before: $before, orderBy: [{field: DONE_AT}]) {
                edges { cursor node { id doneAt } } nodes { id subject } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }""",
            [{"last": size, "before": cursor} for size in (1, 3, 100, 0) for cursor in (None, by_none[2], by_none[-1])],
        ),
        "first and last of nothing": Trap(
            "{ a: contacts(first: 0) { nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor "
            "endCursor } totalCount }"
            " b: contacts(last: 0) { nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"
            " c: contacts(first: 2) { nodes { deals(first: 0) { nodes { id } totalCount pageInfo { hasNextPage } "
            "} activities(last: 0) { nodes { id } pageInfo { hasPreviousPage } } } } }"
        ),
        "sizes beyond the limits": Trap(
            "query ($first: Int, $last: Int) { contacts(first: $first, last: $last) { nodes { id } } other: deals(first: "
            "1) { nodes { id } } }",
            [
                {"first": 1},
                {"first": -1},
                {"first": 1000},
                {"last": -1},
                {"last": 101},
                {"first": 1, "last": 1},
                {"first": None, "last": None},
                {"last": 2},
            ],
        ),
        "nested sizes beyond the limits": Trap(
            "query ($first: Int) { contacts(first: 2) { nodes { name deals(first: $first) { nodes { id } } } } }",
            [{"first": 2}, {"first": -1}, {"first": 101}, {"first": None}, {}],
        ),
        "total counts": Trap(
            "{ contacts { totalCount totalCountIsExact } deals(first: 1) { totalCountIsExact } activities(last: "
            "2) { totalCount totalCountIsExact nodes { id } }"
            " companies { totalCount totalCountIsExact nodes { contacts(first: 1) { totalCount totalCountIsExact } } } }"
        ),
        "cursors at null": Trap(
            "query ($after: String, $before: String) { activities(first: 4, after: $after, before: $before, orderBy: "
            "[{field: DONE_AT}]) { edges { cursor node { id doneAt } } pageInfo { hasNextPage hasPreviousPage } "
            "} }",
            [{"after": one} for one in by_none[::7]]
            + [{"before": by_none[-1]}, {"after": by_none[-2], "before": by_none[-1]}, {"after": money[0]}, {"after": None}, {"after": ""}],
        ),
        "cursors on money": Trap(
            "query ($after: String, $last: Int) { deals(after: $after, last: $last, orderBy: [{field: AMOUNT, direction: "
            "DESC}]) { nodes { id amount { amount currency } } pageInfo { startCursor endCursor } } }",
            [{"after": one, "last": last} for one in money[::9] for last in (None, 2)],
        ),
        "cursors in nested lists": Trap(
            """query ($after: String, $first: Int) { contacts(first: 9) { nodes { activities(first: $first, after: $after, orderBy: [{field: DONE_AT}]) {
                edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage } totalCount } } } }""",
            [{"after": one, "first": 1} for one in (*by_none[:3], by_none[-1], None, "x")],
        ),
        "one list with two filters": Trap(
            '{ contacts(first: 9) { nodes { a: deals(where: {source: {eq: "web"}}) { totalCount nodes { id } } b: '
            'deals(where: {not: {source: {eq: "web"}}}) { totalCount nodes { id } } c: deals { totalCount } } } '
            "}"
        ),
        "a list of none, one and 300 values": Trap(
            "query ($ids: [ID!], $names: [String!]) { contacts(where: {or: [{id: {in: $ids}}, {name: {in: $names}}]}) "
            "{ totalCount nodes { id } } not: contacts(where: {id: {notIn: $ids}}) { totalCount } }",
            [
                {"ids": many, "names": names}
                for many in ([], [contact], [*things.contacts] * 8)
                for names in ([], ["Zahra Rezaei"], ["x"] * 300)
            ]
            + [{"ids": None, "names": []}, {}],
        ),
        "texts that fold to nothing": Trap(
            "query ($text: String!) { a: contacts(where: {name: {contains: $text}}) { totalCount } b: contacts(where: "
            "{city: {startsWith: $text}}) { totalCount } c: contacts(where: {city: {eq: $text}}) { totalCount } "
            "d: contacts(where: {not: {city: {endsWith: $text}}}) { totalCount } }",
            [{"text": text} for text in ("\u200c", "", " ", "\u200c ", "\u064b", "x\u200c", "%", "\u200c%")],
        ),
        "awkward texts in variables": Trap(
            "query ($text: String!, $texts: [String!]!) { contacts(where: {name: {ne: $text}}) { totalCount } activities(where: "
            "{body: {notIn: $texts}, subject: {contains: $text}}) { totalCount } deals(where: {source: {eq: $text}}) "
            "{ nodes { id } } }",
            [{"text": text, "texts": [text, "web"]} for text in (*TEXTS, "\ud800")],
        ),
        "awkward texts in literals": Trap(
            "{ "
            + " ".join(
                f'a{index}: contacts(where: {{name: {{contains: "{_escaped(text)}"}}}}) {{ totalCount }}'
                for index, text in enumerate(TEXTS[:10])
            )
            + " }"
        ),
        "awkward texts among data": Trap(
            "{ probes(first: 50) { nodes { label plain prose data dataOrNone colour colourOrNone } } tags(first: "
            "100) { edges { cursor node { name } } }"
            " byLabel: probes(first: 50, orderBy: [{field: LABEL}]) { edges { cursor node { label } } pageInfo { "
            "startCursor endCursor } } }"
        ),
        "leaves of every kind": Trap(
            "{ probes(first: 50, includeDeleted: true) { nodes { id externalSource externalId createdAt updatedAt "
            "deletedAt version label plain prose ratio ratioOrNone data"
            " dataOrNone mark markOrNone level levelOrNone colour colourOrNone day dayOrNone at atOrNone size sizeOrNone "
            "whole price { amount currency } cost { currency amount }"
            " active activeOrNone many manyOrNone few fewOrNone } } }"
        ),
        "orders of every kind": Trap(
            "query ($order: [ProbeOrder!]) { probes(first: 50, orderBy: $order) { edges { cursor node { id } } } "
            "behind: contacts(first: 9) { nodes { probes(last: 2, orderBy: $order) { edges { cursor } } } } }",
            [
                {"order": [{"field": one, "direction": way}]}
                for one in (
                    "LABEL",
                    "LEVEL",
                    "LEVEL_OR_NONE",
                    "COLOUR_OR_NONE",
                    "DAY_OR_NONE",
                    "AT_OR_NONE",
                    "SIZE",
                    "SIZE_OR_NONE",
                    "PRICE",
                    "COST",
                    "ACTIVE_OR_NONE",
                    "MANY_OR_NONE",
                    "FEW",
                )
                for way in ("ASC", "DESC")
            ],
        ),
        "extremes of every kind": Trap(
            "{ probesAggregate(groupBy: [{field: COLOUR_OR_NONE}]) { key { colourOrNone } count sum { size sizeOrNone "
            "whole price { amount currency } cost { amount currency } many manyOrNone few fewOrNone version }"
            " avg { size sizeOrNone whole price { amount currency } many manyOrNone few fewOrNone version } min "
            "{ day dayOrNone at atOrNone size price { amount currency } many fewOrNone } max { dayOrNone atOrNone "
            "sizeOrNone cost { amount currency } manyOrNone createdAt } } }"
        ),
        "groups of every kind": Trap(
            "query ($by: [ProbeGrouping!]) { probesAggregate(groupBy: $by) { count key { level levelOrNone colour "
            "plain active activeOrNone few fewOrNone day dayOrNone at atOrNone contact { name } owner { name } twin "
            "{ label } } } }",
            [
                {"by": [{"field": one}]}
                for one in (
                    "LEVEL",
                    "LEVEL_OR_NONE",
                    "COLOUR",
                    "PLAIN",
                    "ACTIVE",
                    "ACTIVE_OR_NONE",
                    "FEW",
                    "FEW_OR_NONE",
                    "CONTACT",
                    "TWIN",
                    "DAY",
                )
            ]
            + [
                {"by": [{"field": one, "period": period, "timeZone": zone}]}
                for one in ("DAY_OR_NONE", "AT_OR_NONE")
                for period in ("DAY", "WEEK", "QUARTER")
                for zone in ("UTC", "Asia/Tehran", "Pacific/Apia", "Mars/Base")
            ]
            + [
                {"by": [{"field": "COLOUR"}, {"field": "CONTACT"}]},
                {"by": [{"field": "COLOUR"}, {"field": "COLOUR"}]},
                {"by": []},
                {"by": None},
            ],
        ),
        "groups of hidden and deleted rows": Trap(
            "{ dealsAggregate(groupBy: [{field: CONTACT}]) { count key { contact { name deals(first: 1) { nodes "
            "{ title } } } } } activitiesAggregate(groupBy: [{field: DEAL}, {field: PRODUCT}]) { count key { deal "
            "{ id } product { name } } sum { version } } }"
        ),
        "groups of nothing": Trap(
            '{ a: contactsAggregate(where: {name: {eq: "nobody at all"}}) { count sum { version } min { createdAt '
            '} } b: dealsAggregate(where: {title: {eq: "nothing"}}) { count sum { amount { amount } } avg { version '
            "} key { source } }"
            ' c: dealsAggregate(where: {title: {eq: "nothing"}}, groupBy: [{field: SOURCE}]) { count } }'
        ),
        "too many groups": Trap(
            "{ contactsAggregate(groupBy: [{field: NAME}, {field: CITY}, {field: SOURCE}]) { count } activitiesAggregate(groupBy: "
            "[{field: CREATED_AT, period: DAY}]) { count } dealsAggregate(groupBy: [{field: CONTACT}, {field: STAGE}]) "
            "{ count } }"
        ),
        "deleted parents with parts and children": Trap(
            "query ($contact: ID!, $deal: ID!, $probe: ID!, $deleted: Boolean!) { contact(id: $contact, includeDeleted: "
            "$deleted) { emails { address contact { id } } phones { number } tags { name } deals { nodes { id contact "
            "{ id } } } lifecycleChanges { nodes { id contact { name } } } }"
            " deal(id: $deal, includeDeleted: $deleted) { lines { quantity deal { id } } stageChanges { nodes { "
            "id toStage { name } deal { id } } } } probe(id: $probe, includeDeleted: $deleted) { samples { place "
            "} twins(includeDeleted: $deleted) { totalCount nodes { twin { id } } } } }",
            [{**gone, "deleted": deleted} for deleted in (True, False)]
            + [{"contact": contact, "deal": deal, "probe": probe, "deleted": True}],
        ),
        "deleted rows in lists": Trap(
            "query ($deleted: Boolean! = true) { contacts(includeDeleted: $deleted, first: 50) { totalCount nodes "
            "{ id deletedAt company { id } owner { id } tags { id } deals(includeDeleted: $deleted) { totalCount "
            "nodes { id contact { id } } } } } contactsAggregate(includeDeleted: $deleted) { count } }",
            [{}, {"deleted": False}, {"deleted": True}],
        ),
        "one of three types": Trap(
            "query ($id: ID!) { node(id: $id) { __typename id ... on Contact { name x: version } ... on Deal { title "
            "x: version } ... on Tag { name } ... on Badge { number } ...N } } fragment N on Node { id ... on Probe "
            "{ data } ...M } fragment M on Node { again: id }",
            [{"id": one} for one in (*every, gone["deal"], f"contact_{NOBODY}", "nothing_1", "", f"nothing_{NOBODY}", contact.upper())],
        ),
        "nodes of many types": Trap(
            "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Contact { name emails { address } company "
            "{ name } } ... on Deal { title amount { amount } lines { quantity } } ... on Node { id } ... on ContactEmail "
            "{ contact { name } } } other: contacts(first: 1) { totalCount } }",
            [
                {"ids": some}
                for some in (
                    [],
                    every,
                    [contact, contact, contact],
                    [*gone.values(), contact],
                    [f"deal_{NOBODY}", deal],
                    every[::-1],
                    ["x", contact],
                    [contact] * 101,
                    contact,
                )
            ],
        ),
        "fields that raise": Trap("{ contacts(first: 20) { nodes { id shaky probeCount } } }"),
        "fields that raise and spread their null": Trap(
            "{ a: contacts(first: 20, where: {gender: {isNull: false}}) { nodes { brittle name } } b: contacts(first: "
            "9) { totalCount nodes { brittle } } c: deals(first: 5) { nodes { contact { brittle name } } } d: deals(first: "
            "1) { totalCount } }"
        ),
        "Python fields with rows below": Trap(
            "{ contacts(first: 12) { nodes { name newest { subject deal { title } contact { newest { id } } } largeDeals(least: "
            "10, most: 2) { title half { amount currency } figure { name number contact { name shaky } } lines { "
            'quantity } } echo(text: "\'\\"\\u2028", times: 2) deals(first: 2) { nodes { half { amount } figure '
            "{ contact { tags { name } } } } } } } }"
        ),
        "Python fields under long and other keys": Trap(
            f"{{ contacts(first: 5) {{ nodes {{ {LONG}: probeCount id: echo(times: null) name: echo a: echo(text: "
            f'"b") {LONG}n: newest {{ {LONG}: subject }} shaky @include(if: false) __typename }} }} }}'
        ),
        "lists that cannot be null and raise": Trap("{ probes(first: 20) { nodes { id steps samples { place } } } }"),
        "literals that hold variables": Trap(
            "query ($city: String, $name: String!, $min: DateTime, $kind: StageKind!, $money: Decimal!, $ids: [ID!], "
            '$f: ContactFilter, $is: Boolean = true) { contacts(where: {or: [{city: {eq: $city}}, {name: {in: ["x", '
            '$name, "علی کریمی"]}}, {and: [$f, {deals: {some: {stage: {kind: {in: [$kind, WON]}}, amount: {currency: '
            '"EUR", gte: $money}}}}]}, {id: {in: $ids}}], createdAt: {gte: $min}, givenName: {isNull: $is}}) { '
            "totalCount nodes { id } } }",
            [
                {
                    "city": "Shiraz",
                    "name": "100%",
                    "min": "2020-01-01T00:00:00Z",
                    "kind": "OPEN",
                    "money": "7",
                    "ids": [contact],
                    "f": {"emailConsent": {"eq": True}},
                    "is": None,
                },
                {"city": None, "name": "", "min": "2020-01-01T00:00:00Z", "kind": "LOST", "money": "10.5", "ids": [], "f": {}, "is": False},
                {"name": "\u200c", "min": "2020-01-01T00:00:00Z", "kind": "WON", "money": "1.001", "ids": [contact, deal]},
                {
                    "name": "a_b",
                    "min": "2020-01-01T00:00:00Z",
                    "kind": "WON",
                    "money": 3,
                    "ids": contact,
                    "f": {"not": {"deals": {"none": {}}}},
                },
            ],
        ),
        "arguments of variables without values": Trap(
            "query ($id: ID, $where: ContactFilter, $order: [ContactOrder!], $after: String, $deleted: Boolean) "
            "{ contacts(first: 3, where: $where, orderBy: $order, after: $after, includeDeleted: $deleted) { nodes "
            "{ id } } deals(where: {contact: {id: {eq: $id}}}) { totalCount } }",
            [
                {},
                {"id": None},
                {"where": None, "order": None, "after": None},
                {"deleted": None},
                {"deleted": True, "order": []},
                {"order": [{"field": "NAME"}, {"field": "CITY", "direction": "DESC"}]},
                {"order": {"field": "CITY"}},
            ],
        ),
        "variables with defaults that are null": Trap(
            'query ($id: ID = "contact_x", $kind: DealGroupField = STAGE, $flag: Boolean = true) { contact(id: $id) '
            "{ id } dealsAggregate(groupBy: [{field: $kind}]) { count } contacts(first: 1) @include(if: $flag) { "
            "totalCount } }",
            [{}, {"id": None}, {"kind": None}, {"flag": None}, {"id": contact, "kind": "SOURCE", "flag": False}],
        ),
        "nulls within lists": Trap(
            'query ($one: Decimal = "1", $id: ID = "x") { probes(where: {size: {in: ["1", $one]}}) { totalCount '
            "} nodes(ids: [$id]) { id } }",
            [{}, {"one": None}, {"id": None}, {"one": "0.001", "id": contact}],
        ),
        "objects that are all left out": Trap(
            "query ($no: Boolean!) { contacts(first: 2) { nodes { name @include(if: $no) } edges @skip(if: $no) "
            "{ node { id @skip(if: true) } } pageInfo { hasNextPage @include(if: $no) } } deals(first: 2) { nodes "
            "{ amount { amount @include(if: $no) } contact { id @include(if: $no) } stage { ... @include(if: $no) "
            "{ id } } } } dealsAggregate { min { version @include(if: $no) } } }",
            [{"no": True}, {"no": False}],
        ),
        "root fields that are all left out": Trap(
            "query ($no: Boolean!) { contacts @include(if: $no) { totalCount } ... @skip(if: true) { deals { totalCount } } }",
            [{"no": True}, {"no": False}],
        ),
        "the same field from many places": Trap(
            "{ contacts(first: 2) { nodes { name ...A } ...B nodes { emails { label } company { name } } } ...C "
            "} fragment A on Contact { emails { address } company { city contacts(first: 1) { nodes { id } } } }"
            " fragment B on ContactConnection { totalCount nodes { id ...A emails { id } } } fragment C on Query "
            "{ contacts(first: 2) { pageInfo { hasNextPage } nodes { company { contacts(first: 1) { totalCount nodes "
            "{ name } } } } } }"
        ),
        "type names everywhere": Trap(
            "{ __typename contacts(first: 1) { __typename t: __typename nodes { __typename company { __typename "
            "} emails { __typename } deals(first: 1) { __typename } } edges { __typename node { __typename } } pageInfo "
            "{ __typename } } dealsAggregate { __typename key { __typename } sum { __typename amount { __typename "
            "} } } }"
        ),
        "introspection beside data": Trap(
            '{ contacts(first: 1) { nodes { id } } __type(name: "Money") { name fields { name } } activityKinds '
            "{ name description } __schema { queryType { name } } }"
        ),
        "plugins beside the core": Trap(
            "{ labCount contacts(first: 2) { nodes { probeCount probes(first: 1) { nodes { data } } badge { number "
            "} badges { totalCount nodes { number contact { badge { number } } } } } } labContacts(most: 2) { name "
            "badge { number } } labFails badges(first: 3) { nodes { contact { name } holder { name } } } }"
        ),
        "filters without currency and of other types": Trap(
            '{ a: deals(where: {amount: {gte: "1"}}) { totalCount } b: contacts(where: {id: {eq: "deal_1"}}) { totalCount '
            '} c: contacts(where: {company: {id: {in: ["x"]}}}) { totalCount } d: deals(where: {amount: {}}) { totalCount '
            '} e: deals(where: {amount: {currency: "JPY", lt: "1.5"}}) { totalCount } f: contacts(where: {name: '
            "null}) { totalCount } g: contacts(where: {name: {in: null}}) { totalCount } h: contacts(where: {and: "
            "[], or: []}) { totalCount } i: contacts(where: {}) { totalCount } }"
        ),
        "texts too long for their column": Trap(
            '{ a: contacts(where: {country: {eq: "longer than two"}}) { totalCount } b: companies(where: {country: '
            '{in: ["IRN", "IR"]}}) { totalCount } c: companies(where: {country: {notIn: ["IRN"]}}) { totalCount '
            "} }"
        ),
        "errors at several places of one document": Trap(
            "{\n  a: contacts(first: -1) { nodes { id } }\n  ok: contacts(first: 1) {\n    nodes {\n      deals(after: "
            '"x") { nodes { id } }\n      b: deals(first: 101) { totalCount }\n    }\n  }\n  contact(id: "x") '
            '{ id }\n  node(id: "y") { id }\n}'
        ),
        "empty selections": Trap("{ contacts(first: 2) { nodes { company {} } pageInfo {} } deals(first: 1) {} dealsAggregate {} }"),
        "depth": Trap(
            "{ deals(first: 2) { nodes { contact { company { contacts(first: 2) { nodes { deals(first: 2) { nodes "
            "{ stage { pipeline { stages(first: 1) { nodes { name } } } } } } } } } } } } }"
        ),
        "ten root fields of one kind": Trap(
            "{ "
            + " ".join(f'r{index}: contact(id: "{one}") {{ name company {{ name }} }}' for index, one in enumerate(things.contacts[:10]))
            + " }"
        ),
    }


def _escaped(text: str) -> str:
    return "".join(one if one.isalnum() and one.isascii() else "".join(f"\\u{ord(unit):04x}" for unit in _units(one)) for one in text)


def _units(letter: str) -> list[str]:
    data = letter.encode("utf-16-be")
    return [chr(int.from_bytes(data[place : place + 2], "big")) for place in range(0, len(data), 2)]

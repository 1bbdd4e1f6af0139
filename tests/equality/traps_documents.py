"""Documents: fragments, directives, variables without values, and errors in several places."""

from tests.equality.pools import NOBODY
from tests.equality.trap import Things, Trap


def documents(things: Things) -> dict[str, Trap]:
    """The traps by name."""
    contact = things.contact
    deal = things.deal
    gone = things.gone
    every = things.every
    return {
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
        "literals that hold variables": Trap(
            "query ($city: String, $name: String!, $min: DateTime, $kind: StageKind!, $money: Decimal!, $ids: [ID!], "
            '$f: ContactFilter! = {}, $is: Boolean = true) { contacts(where: {or: [{city: {eq: $city}}, {name: {in: ["x", '
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
        "introspection beside data": Trap(
            '{ contacts(first: 1) { nodes { id } } __type(name: "Money") { name fields { name } } activityKinds '
            "{ name description } __schema { queryType { name } } }"
        ),
        "errors at several places of one document": Trap(
            "{\n  a: contacts(first: -1) { nodes { id } }\n  ok: contacts(first: 1) {\n    nodes {\n      deals(after: "
            '"x") { nodes { id } }\n      b: deals(first: 101) { totalCount }\n    }\n  }\n  contact(id: "x") '
            '{ id }\n  node(id: "y") { id }\n}'
        ),
        "empty selections": Trap("{ contacts(first: 2) { nodes { company {} } pageInfo {} } deals(first: 1) {} dealsAggregate {} }"),
        "conditions that are null": Trap(
            "query ($in: Boolean = true, $out: Boolean = false) { contacts(first: 2) { nodes { id name @include(if: $in) @skip(if: $out) "
            "company { id @skip(if: $out) } } } deals(first: 1) @include(if: $in) { totalCount @skip(if: $out) @include(if: false) } }",
            [{}, {"in": None}, {"out": None}, {"in": None, "out": None}, {"in": False, "out": None}, {"in": None, "out": True}],
        ),
    }

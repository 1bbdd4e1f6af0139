"""Lists: windows, cursors, counts, filters and deleted rows."""

from tests.equality.trap import Things, Trap


def lists(things: Things) -> dict[str, Trap]:
    """The traps by name."""
    contact = things.contact
    deal = things.deal
    probe = things.probe
    gone = things.gone
    by_none = things.by_none
    down = things.down
    orders, mixed = things.mixed
    money = things.money
    return {
        "what happened": Trap(
            "query ($first: Int, $after: String) { auditEntries(first: $first, after: $after) { edges { cursor } nodes { id name recordId"
            " changed before after record { __typename id } user { id name } key { name } } }"
            " contacts(first: 3) { nodes { name audit(first: 2, orderBy: [{field: AT, direction: DESC}]) { totalCount nodes { recordId"
            " after record { ... on Contact { name audit(first: 1) { nodes { actor changed } } } } } } } }"
            ' deals(first: 2, where: {audit: {some: {name: {eq: "deal.created"}}}}) { nodes { id audit { nodes { before after } } } } }',
            [{"first": 5}, {"first": 30}, {"first": 0}],
        ),
        "pages backwards with edges and nodes": Trap(
            """query ($last: Int, $before: String) {
                activities(last: $last, before: $before, orderBy: [{field: DONE_AT}]) {
                edges { cursor node { id doneAt } } nodes { id subject }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }""",
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
        "cursors where rows without a value come first": Trap(
            "query ($after: String, $before: String, $last: Int) { activities(last: $last, after: $after, before: $before, orderBy: "
            "[{field: DONE_AT, direction: DESC}]) { totalCount nodes { id doneAt } pageInfo { hasNextPage hasPreviousPage endCursor } } }",
            [{"after": one} for one in down[::6]]
            + [{"before": one, "last": 3} for one in down[::6]]
            + [{"after": down[1], "before": down[-2], "last": last} for last in (None, 4)],
        ),
        "cursors of an order that goes both ways": Trap(
            "query ($after: String, $before: String, $last: Int) { activities(last: $last, after: $after, before: $before, "
            f"orderBy: {orders})"
            " { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor } } }",
            [{"after": one} for one in mixed[::6]] + [{"before": one, "last": 3} for one in mixed[::6]],
        ),
        "cursors on money": Trap(
            "query ($after: String, $last: Int) { deals(after: $after, last: $last, orderBy: [{field: AMOUNT, direction: "
            "DESC}]) { nodes { id amount { amount currency } } pageInfo { startCursor endCursor } } }",
            [{"after": one, "last": last} for one in money[::9] for last in (None, 2)],
        ),
        "cursors in nested lists": Trap(
            """query ($after: String, $first: Int) { contacts(first: 9) { nodes {
                activities(first: $first, after: $after, orderBy: [{field: DONE_AT}]) {
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
        "filters without currency and of other types": Trap(
            '{ a: deals(where: {amount: {gte: "1"}}) { totalCount } b: contacts(where: {id: {eq: "deal_1"}}) { totalCount '
            '} c: contacts(where: {company: {id: {in: ["x"]}}}) { totalCount } d: deals(where: {amount: {}}) { totalCount '
            '} e: deals(where: {amount: {currency: "JPY", lt: "1.5"}}) { totalCount } f: contacts(where: {name: '
            "null}) { totalCount } g: contacts(where: {name: {in: null}}) { totalCount } h: contacts(where: {and: "
            "[], or: []}) { totalCount } i: contacts(where: {}) { totalCount } }"
        ),
    }

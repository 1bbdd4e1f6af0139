"""Response keys: long, alike, many, and names that mean something elsewhere."""

from tests.equality.trap import LONG, Things, Trap, aliased


def keys(things: Things) -> dict[str, Trap]:
    """The traps by name."""
    contact = things.contact
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
        "Python fields under long and other keys": Trap(
            f"{{ contacts(first: 5) {{ nodes {{ {LONG}: probeCount id: echo(times: null) name: echo a: echo(text: "
            f'"b") {LONG}n: newest {{ {LONG}: subject }} shaky @include(if: false) __typename }} }} }}'
        ),
        "type names everywhere": Trap(
            "{ __typename contacts(first: 1) { __typename t: __typename nodes { __typename company { __typename "
            "} emails { __typename } deals(first: 1) { __typename } } edges { __typename node { __typename } } pageInfo "
            "{ __typename } } dealsAggregate { __typename key { __typename } sum { __typename amount { __typename "
            "} } } }"
        ),
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

"""Fields that Python answers, in the midst of those that a statement answers."""

from tests.equality.trap import Things, Trap


def plugins(things: Things) -> dict[str, Trap]:
    """The traps by name."""
    return {
        "fields that raise": Trap("{ contacts(first: 20) { nodes { id shaky probeCount } } }"),
        "fields that raise and spread their null": Trap(
            "{ a: contacts(first: 20, where: {gender: {isNull: false}}) { nodes { brittle name } } b: contacts(first: "
            "9) { totalCount nodes { brittle } } c: deals(first: 5) { nodes { contact { brittle name } } } d: deals(first: "
            "1) { totalCount } }"
        ),
        "a field that fails beside one that others wait for": Trap(
            "{ a: labContacts { brittle probeCount } b: labContacts { id probeCount shaky } c: contacts(first: 50) { nodes { brittle "
            "probeCount } } d: contacts(first: 50) { nodes { probeCount } } }"
        ),
        "Python fields with rows below": Trap(
            "{ contacts(first: 12) { nodes { name newest { subject deal { title } contact { newest { id } } } largeDeals(least: "
            "10, most: 2) { title half { amount currency } figure { name number contact { name shaky } } lines { "
            'quantity } } echo(text: "\'\\"\\u2028", times: 2) deals(first: 2) { nodes { half { amount } figure '
            "{ contact { tags { name } } } } } } } }"
        ),
        "lists that cannot be null and raise": Trap("{ probes(first: 20) { nodes { id steps samples { place } } } }"),
        "plugins beside the core": Trap(
            "{ labCount contacts(first: 2) { nodes { probeCount probes(first: 1) { nodes { data } } badge { number "
            "} badges { totalCount nodes { number contact { badge { number } } } } } } labContacts(most: 2) { name "
            "badge { number } } labFails badges(first: 3) { nodes { contact { name } holder { name } } } }"
        ),
        "Python fields behind the keys of groups": Trap(
            "{ dealsAggregate(groupBy: [{field: CONTACT}]) { count key { contact { name echo probeCount deals(first: 1) { nodes { half "
            "{ amount } } } } } }"
            " activitiesAggregate(groupBy: [{field: DEAL}]) { key { deal { half { amount } figure { name } } } count } }"
        ),
    }

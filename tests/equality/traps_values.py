"""Values: every kind of leaf, and texts that are awkward wherever they stand."""

from tests.equality.trap import TEXTS, Things, Trap, escaped


def values(things: Things) -> dict[str, Trap]:
    """The traps by name."""
    return {
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
        "numbers that a small column has no room for": Trap(
            "query ($test: IntFilter!, $many: [Int!]!) { a: probesAggregate(where: {few: $test}) { count } "
            "b: probesAggregate(where: {fewOrNone: $test}) { count } c: probesAggregate(where: {not: {fewOrNone: $test}}) { count } "
            "d: probesAggregate(where: {few: {in: $many}, twin: {fewOrNone: {notIn: $many}}}) { count } "
            "jobsAggregate(where: {priority: $test}) { count } }",
            [
                {"test": {operator: number}, "many": [number, 2]}
                for operator in ("eq", "ne", "gt", "gte", "lt", "lte")
                for number in (32_767, 32_768, -32_768, -32_769, 2_147_483_647, -2_147_483_648)
            ],
        ),
        "words of enumerations in lists of several lengths": Trap(
            "query ($words: [Colour!]!, $word: Colour!) { a: probesAggregate(where: {colour: {in: $words}, twin: {colourOrNone: "
            "{notIn: $words}}}) { count } b: probesAggregate(where: {colourOrNone: {in: $words}}) { count } c: probesAggregate(where: "
            "{or: [{colour: {eq: $word}}, {colourOrNone: {ne: $word}}]}) { count } d: probes(first: 50, where: {colour: {in: [$word]}}) "
            "{ nodes { id } } }",
            [
                {"words": words, "word": word}
                for words in (["GREEN"], ["QUOTED"], ["GREEN", "QUOTED"], ["DEEP_RED", "GREEN"], [], ["GREEN"])
                for word in ("DEEP_RED", "GREEN", "QUOTED")
            ],
        ),
        "awkward texts in literals": Trap(
            "{ "
            + " ".join(
                f'a{index}: contacts(where: {{name: {{contains: "{escaped(text)}"}}}}) {{ totalCount }}'
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
        "texts too long for their column": Trap(
            '{ a: contacts(where: {country: {eq: "longer than two"}}) { totalCount } b: companies(where: {country: '
            '{in: ["IRN", "IR"]}}) { totalCount } c: companies(where: {country: {notIn: ["IRN"]}}) { totalCount '
            "} }"
        ),
    }

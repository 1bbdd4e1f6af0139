"""Aggregates: groups of every kind, of nothing, and too many of them."""

from tests.equality.trap import Things, Trap


def groups(things: Things) -> dict[str, Trap]:
    """The traps by name."""
    return {
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
        "means of numbers too large for a floating point": Trap(
            "query ($by: [ProbeGrouping!]) { probesAggregate(groupBy: $by) { count sum { many manyOrNone } avg { many manyOrNone } } }",
            [
                {"by": [{"field": "AT_OR_NONE", "period": "DAY"}, {"field": "UPDATED_AT", "period": "DAY"}]},
                *({"by": [{"field": one}]} for one in ("LEVEL", "COLOUR", "ACTIVE", "CONTACT")),
                {"by": []},
            ],
        ),
        "hidden columns that are left out": Trap(
            "query ($out: Boolean!, $in: Boolean!) { dealsAggregate { count avg { amount @skip(if: $out) { amount } } "
            "... @include(if: $in) { sum { amount { currency } } } max @skip(if: $out) { amount { amount } createdAt } ...F } } "
            "fragment F on DealAggregate { min { amount @include(if: $in) @skip(if: false) { amount } } }",
            [{"out": out, "in": not out} for out in (True, False)] + [{"out": False, "in": False}, {"out": True, "in": True}],
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
    }

"""What SQL works out of a row, in a statement: `core.records.worked` says the same with querysets."""

import re

from core.expressions import LATER, NAME, NOW, ROW, Expressed
from schema.readpath.rules import table, visible
from schema.readpath.statement import Statement


def worked(made: Statement, one: Expressed, alias: str) -> str:
    """The expression with the row, the moment, and the rows that the actor may see in their places. Raises Unfit when it may see none."""

    def place(match: re.Match[str]) -> str:
        if match[1] == ROW:
            return alias
        if match[1] in (NOW, LATER):
            keep, after = made.dialect.value, one.after(match[1])
            return made.bind(lambda call, _: keep(call.moment + after), "timestamptz")
        resource, there = made.call.crm.resource(one.rows[match[1]]), made.alias()
        tests = " AND ".join(visible(made, resource, there)) or "TRUE"
        return f'(SELECT {there}.* FROM "{table(resource)}" {there} WHERE {tests})'

    return f"({NAME.sub(place, one.sql)})"

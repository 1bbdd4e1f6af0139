"""What the server says of the practice set, beside numbers that were worked out elsewhere: one entry of this table for each of them."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
LAST_DAY = "2017-12-31"  # what came after is not in the files
RENAMED = {"GTX Pro": "GTXPro", "technology": "technolgy"}  # as the files spell them; the import has mended that
CLOSE = 1e-9
WORDS = ("definition", "customers_definition", "source", "sha256")  # are compared with nothing


@dataclass(frozen=True)
class Figure:
    """An entry of the golden numbers.

    path: where it stands there. question: fields of Query. read: their answers, in the order of the question, as the entry has them.
    """

    path: str
    question: str
    read: Callable[..., Any]


def name(part: str) -> Callable[[Row], str | None]:
    """The name of a record in the key of a row, as the files spell it; None for rows without."""
    return lambda row: spelt((row["key"][part] or {}).get("name"))


def text(part: str) -> Callable[[Row], str | None]:
    """A text in the key of a row, as the files spell it; None for rows without."""
    return lambda row: spelt(row["key"][part])


def spelt(name: str | None) -> str | None:
    """As the files spell it."""
    return name and RENAMED.get(name, name)


def month(row: Row) -> str:
    """2017-03"""
    return row["key"]["period"]["start"][:7]


def quarter(row: Row) -> str:
    """2017Q1"""
    year, number, _ = row["key"]["period"]["start"].split("-")
    return f"{year}Q{int(number) // 3 + 1}"


def one(read: Callable[[Row], Any]) -> Callable[[Row], Any]:
    """The only row of an answer."""
    return lambda answer: read(answer["rows"][0])


def by(key: Callable[[Row], str | None], read: Callable[[Row], Any]) -> Callable[[Row], Row]:
    """The rows of an answer, by their keys; without those that have none, as the entries are."""
    return lambda answer: {found: read(row) for row in answer["rows"] if (found := key(row)) is not None}


def member(name: str) -> Callable[[Row], Any]:
    """A member of a row."""
    return lambda row: row[name]


def amount(name: str) -> Callable[[Row], float]:
    """A member of a row that is money."""
    return lambda row: float(row[name]["amount"])


def parts(row: Row) -> tuple[int, int]:
    """Numerator and denominator."""
    return int(row["numerator"]), int(row["denominator"])


def won(row: Row) -> Row:
    """Of a win rate."""
    won, closed = parts(row)
    return {"won": won, "lost": closed - won, "win_rate": row["value"]}


def flow(row: Row) -> Row:
    """Of a period conversion."""
    won, engaged = parts(row)
    return {"won": won, "engaged": engaged, "rate": row["value"]}


def cohorts(share: Row, lost: Row) -> Row:
    """Months in which deals began: how many of them are won, lost and open by now."""
    gone = by(month, lambda row: int(row["numerator"]))(lost)

    def cohort(row: Row) -> Row:
        won, engaged = parts(row)
        away = gone.get(month(row), 0)
        return {"engaged": engaged, "won": won, "lost": away, "open": engaged - won - away, "rate": row["value"]}

    return by(month, cohort)(share)


def days(row: Row) -> Row:
    """Of a sales cycle."""
    return {"n": row["deals"], **{name: row[name] for name in ("mean", "median", "p25", "p75", "p90", "min", "max")}}


def step(row: Row) -> Row:
    """Of a stage conversion."""
    before, first = row["fromPrevious"] or {}, row["fromFirst"]
    return {
        "stage": row["stage"]["name"], "n": row["reached"], "step_rate": before.get("value"), "total_rate": first["value"],
        "drop": row["dropped"],
    }  # fmt: skip


def points(name: str) -> Callable[[Row], Row]:
    """The shares of a time to something, by the days asked for."""
    return lambda row: {str(point["day"]): point[name] for point in row["points"]}


def kept(answer: Row) -> Row:
    """Customer retention of the months that have one before them."""
    rows = [row for row in answer["rows"] if row["before"]]
    return {month(row): {
        "S": row["before"], "E": row["customers"], "N": row["newcomers"], "first_ever_new": row["firstEver"], "crr": row["value"],
        "churn": row["churn"],
    } for row in rows}  # fmt: skip


def count(answer: Sequence[Row]) -> int:
    """Of an aggregate without groups."""
    return answer[0]["count"] if answer else 0


def counts(answer: Sequence[Row]) -> Row:
    """Of an aggregate by stage."""
    return {row["key"]["stage"]["name"]: row["count"] for row in answer}


def names(answer: Row) -> list[str]:
    """Of the records of a page."""
    return sorted(node["name"] for node in answer["nodes"])


def rows(field: str, members: str) -> str:
    """The question for the rows of a field."""
    return f"{field} {{ rows {{ {members} }} }}"


def wins(arguments: str, key: str) -> str:
    """The question for win rates."""
    return rows(f"winRate({arguments})", f"{key} {RATE}")


def revenue(arguments: str, key: str) -> str:
    """The question for revenue."""
    return rows(f"revenue({arguments})", f"{key} numerator {{ amount }}")


OWNER, PRODUCT, COMPANY = "key { owner { name } }", "key { product { name } }", "key { company { name } }"
PERIOD = "key { period { start } }"
RATE, DAYS = "value numerator denominator", "deals mean median p25 p75 p90 min max"
TIME = f'timeTo(asOf: "{LAST_DAY}", days: [7, 14, 30, 60, 90, 120])'
WON, LOST = "where: {stage: {kind: {eq: WON}}}", "where: {stage: {kind: {eq: LOST}}}"
CLOSED = "where: {stage: {kind: {ne: OPEN}}}"
FIGURES = (
    Figure("rows", "dealsAggregate { count }", count),
    Figure("stage_counts", "dealsAggregate(groupBy: [{field: STAGE}]) { key { stage { name } } count }", counts),
    Figure(
        'quality.product GTXPro in pipeline but "GTX Pro" in products',
        'dealsAggregate(where: {lines: {some: {product: {name: {eq: "GTX Pro"}}}}}) { count }', count,
    ),
    Figure("quality.account missing", "dealsAggregate(where: {not: {company: {}}}) { count }", count),
    Figure(
        "quality.account missing among closed", "dealsAggregate(where: {not: {company: {}}, stage: {kind: {ne: OPEN}}}) { count }", count
    ),
    Figure("quality.engage_date missing (=Prospecting)", "dealsAggregate(where: {startedAt: {isNull: true}}) { count }", count),
    Figure("quality.agents in sales_teams with no deal", "users(first: 100, where: {deals: {none: {}}}) { nodes { name } }", names),
    Figure("quality.sector misspelt technolgy", 'companiesAggregate(where: {industry: {eq: "technology"}}) { count }', count),
    Figure("win_rate.overall", rows("winRate", RATE), one(won)),
    Figure("win_rate.by_agent", wins("groupBy: [OWNER]", OWNER), by(name("owner"), won)),
    Figure("win_rate.by_product", wins("groupBy: [PRODUCT]", PRODUCT), by(name("product"), won)),
    Figure("win_rate.by_close_month", wins("period: MONTH", PERIOD), by(month, won)),
    Figure("win_rate.by_close_quarter", wins("period: QUARTER", PERIOD), by(quarter, won)),
    Figure("win_rate.by_manager", wins("groupBy: [TEAM]", "key { team { name } }"), by(name("team"), won)),
    Figure("win_rate.by_region", wins("groupBy: [PARENT_TEAM]", "key { parentTeam { name } }"), by(name("parentTeam"), won)),
    Figure("win_rate.by_sector", wins(f"groupBy: [INDUSTRY], {CLOSED}", "key { industry }"), by(text("industry"), won)),
    Figure("win_rate_by_value.overall", rows("winRateByListPrice", "value"), one(member("value"))),
    Figure(
        "cohort_conversion.by_engage_month",
        rows("cohortConversion(period: MONTH)", f"{PERIOD} {RATE}") + rows(f"startedDeals(period: MONTH, {LOST})", f"{PERIOD} numerator"),
        cohorts,
    ),
    Figure("period_conversion.by_month", rows("periodConversion(period: MONTH)", f"{PERIOD} {RATE}"), by(month, flow)),
    Figure("sales_cycle_days.won", rows("salesCycle", DAYS), one(days)),
    Figure("sales_cycle_days.lost", rows("salesCycle(outcome: LOST)", DAYS), one(days)),
    Figure("sales_cycle_days.closed", rows("salesCycle(outcome: CLOSED)", DAYS), one(days)),
    Figure("sales_cycle_days.won_by_product", rows("salesCycle(groupBy: [PRODUCT])", f"{PRODUCT} {DAYS}"), by(name("product"), days)),
    Figure("sales_cycle_days.won_by_agent_mean", rows("salesCycle(groupBy: [OWNER])", f"{OWNER} mean"), by(name("owner"), member("mean"))),
    Figure("revenue.total", rows("revenue", "numerator { amount }"), one(amount("numerator"))),
    Figure("revenue.mean_deal", rows("averageDeal", "exact"), one(member("exact"))),
    Figure("revenue.by_close_month", revenue("period: MONTH", PERIOD), by(month, amount("numerator"))),
    Figure("revenue.by_agent", revenue("groupBy: [OWNER]", OWNER), by(name("owner"), amount("numerator"))),
    Figure("revenue.by_product", revenue("groupBy: [PRODUCT]", PRODUCT), by(name("product"), amount("numerator"))),
    Figure(
        "funnel.steps",
        rows("stageConversion", "steps { stage { name } reached fromPrevious { value } fromFirst { value } dropped }"),
        one(lambda row: [step(each) for each in row["steps"]]),
    ),
    Figure("velocity.open_opportunities", rows("salesVelocity", "openDeals"), one(member("openDeals"))),
    Figure("velocity.per_day", rows("salesVelocity", "exact"), one(member("exact"))),
    Figure("time_to_win_km.t", rows(TIME, "points { day value }"), one(points("value"))),
    Figure("time_to_win_km.median", rows(TIME, "median"), one(member("median"))),
    Figure("time_to_win_cumulative_incidence.t", rows(TIME, "points { day incidence }"), one(points("incidence"))),
    Figure("accounts.customers", rows("repeatRate(customer: COMPANY)", "customers"), one(member("customers"))),
    Figure("accounts.repeat_rate.value", rows("repeatRate(customer: COMPANY)", "value"), one(member("value"))),
    Figure("accounts.ltv_mean", rows("lifetimeValue(customer: COMPANY)", "exact"), one(member("exact"))),
    Figure(
        "accounts.won_per_account", rows(f"wonDeals(groupBy: [COMPANY], {WON})", f"{COMPANY} numerator"),
        by(name("company"), lambda row: int(row["numerator"])),
    ),
    Figure("accounts.revenue_per_account", revenue(f"groupBy: [COMPANY], {WON}", COMPANY), by(name("company"), amount("numerator"))),
    Figure(
        "accounts.crr_by_month.months",
        rows("customerRetention(customer: COMPANY)", f"{PERIOD} before customers newcomers firstEver value churn"),
        kept,
    ),
)  # fmt: skip


def figures(golden: Row, ask: Callable[[str], Row]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Names, with what the server says and what is right; at last the entries that nobody asked for, which should be none."""
    for one in FIGURES:
        yield one.path, (one.read(*ask(f"{{ {one.question} }}").values()), _at(golden, one.path))
    asked = {one.path for one in FIGURES}
    yield "what nobody asked for", ([path for path in _entries(golden, asked) if path not in asked], [])


def same(found: Any, wanted: Any) -> bool:
    """Whether they are equal, numbers to nine digits after the point."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return found.keys() == wanted.keys() and all(same(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(wanted, float) and isinstance(found, int | float):
        return math.isclose(found, wanted, rel_tol=0, abs_tol=CLOSE)
    return found == wanted


def _at(golden: Row, path: str) -> Any:
    for part in path.split("."):
        golden = golden[part]
    return golden


def _entries(golden: Row, asked: set[str], above: str = "") -> Iterator[str]:
    for part, entry in golden.items():
        path = f"{above}{part}"
        if isinstance(entry, dict) and path not in asked:
            yield from _entries(entry, asked, f"{path}.")
        elif part not in WORDS:
            yield path

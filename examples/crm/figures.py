"""What the plugin metrics says of the practice set, beside numbers that were worked out elsewhere, to ten digits."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

QUESTIONS = (
    """
fragment Rates on Metrics { rows {
  key { owner { name } product { name } team { name } parentTeam { name } industry } value numerator denominator
} }
{
  all: winRate { ...Rates }
  owners: winRate(groupBy: [OWNER]) { ...Rates }
  products: winRate(groupBy: [PRODUCT]) { ...Rates }
  teams: winRate(groupBy: [TEAM]) { ...Rates }
  regions: winRate(groupBy: [PARENT_TEAM]) { ...Rates }
  sectors: winRate(groupBy: [INDUSTRY], where: {stage: {kind: {ne: OPEN}}}) { ...Rates }
}""",
    """
fragment Rates on Metrics { rows { key { period { start } } value numerator denominator } }
{
  months: winRate(period: MONTH) { ...Rates }
  quarters: winRate(period: QUARTER) { ...Rates }
  cohorts: cohortConversion(period: MONTH) { ...Rates }
  lostOfCohorts: startedDeals(period: MONTH, where: {stage: {kind: {eq: LOST}}}) { ...Rates }
  flows: periodConversion(period: MONTH) { ...Rates }
}""",
    """
fragment Money on MetricsMoney { rows { key { owner { name } product { name } period { start } } exact numerator { amount } } }
{
  revenue { ...Money }
  averageDeal { ...Money }
  revenueOfOwners: revenue(groupBy: [OWNER]) { ...Money }
  revenueOfProducts: revenue(groupBy: [PRODUCT]) { ...Money }
  revenueOfMonths: revenue(period: MONTH) { ...Money }
}""",
    """
fragment Days on MetricsSalesCycle { rows { key { owner { name } product { name } } deals mean median p25 p75 p90 min max } }
{
  won: salesCycle { ...Days }
  lost: salesCycle(outcome: LOST) { ...Days }
  closed: salesCycle(outcome: CLOSED) { ...Days }
  productsDays: salesCycle(groupBy: [PRODUCT]) { ...Days }
  ownersDays: salesCycle(groupBy: [OWNER]) { ...Days }
  salesVelocity { rows { openDeals exact } }
  funnel: stageConversion { rows { steps { stage { name } reached fromPrevious { value } fromFirst { value } dropped } } }
}""",
)
DAYS = {"deals": "n", "mean": "mean", "median": "median", "p25": "p25", "p75": "p75", "p90": "p90", "min": "min", "max": "max"}
RENAMED = {"GTX Pro": "GTXPro", "technology": "technolgy"}  # as the files spell them; the import has mended that
Row = dict[str, Any]


def figures(golden: Row, answers: Row) -> dict[str, tuple[Any, Any]]:
    """Pairs of what the server says and what is right, by name."""
    wins, money, days = golden["win_rate"], golden["revenue"], golden["sales_cycle_days"]
    rows = {name: answer["rows"] for name, answer in answers.items()}
    lost = _by(rows["lostOfCohorts"], _month, lambda row: int(row["numerator"]))
    return {
        "win rate": (_won(rows["all"][0]), wins["overall"]),
        "win rate by agent": (_by(rows["owners"], _name("owner"), _won), wins["by_agent"]),
        "win rate by product": (_by(rows["products"], _product, _won), wins["by_product"]),
        "win rate by manager": (_by(rows["teams"], _name("team"), _won), wins["by_manager"]),
        "win rate by region": (_by(rows["regions"], _name("parentTeam"), _won), wins["by_region"]),
        "win rate by sector": (_by(rows["sectors"], _sector, _won), wins["by_sector"]),
        "win rate by month": (_by(rows["months"], _month, _won), wins["by_close_month"]),
        "win rate by quarter": (_by(rows["quarters"], _quarter, _won), wins["by_close_quarter"]),
        "cohorts by month": (
            {month: _cohort(row, lost.get(month, 0)) for month, row in _by(rows["cohorts"], _month, lambda row: row).items()},
            golden["cohort_conversion"]["by_engage_month"],
        ),
        "flows by month": (_by(rows["flows"], _month, _flow), golden["period_conversion"]["by_month"]),
        "revenue of all": (_revenue(rows["revenue"][0]), money["total"]),
        "mean deal": (round(rows["averageDeal"][0]["exact"], 10), money["mean_deal"]),
        "revenue by agent": (_by(rows["revenueOfOwners"], _name("owner"), _revenue), money["by_agent"]),
        "revenue by product": (_by(rows["revenueOfProducts"], _product, _revenue), money["by_product"]),
        "revenue by month": (_by(rows["revenueOfMonths"], _month, _revenue), money["by_close_month"]),
        **{f"days of {kind} deals": (_days(rows[kind][0]), days[kind]) for kind in ("won", "lost", "closed")},
        "days by product": (_by(rows["productsDays"], _product, _days), days["won_by_product"]),
        "days by agent": (_by(rows["ownersDays"], _name("owner"), lambda row: round(row["mean"], 10)), days["won_by_agent_mean"]),
        "open deals": (rows["salesVelocity"][0]["openDeals"], golden["velocity"]["open_opportunities"]),
        "velocity": (round(rows["salesVelocity"][0]["exact"], 10), golden["velocity"]["per_day"]),
        "funnel": ([_step(step) for step in rows["funnel"][0]["steps"]], _steps(golden)),
    }


def _by(rows: list[Row], name: Callable[[Row], str], value: Callable[[Row], Any]) -> Mapping[str, Any]:
    return {name(row["key"]): value(row) for row in rows}


def _name(part: str) -> Callable[[Row], str]:
    return lambda key: key[part]["name"]


def _product(key: Row) -> str:
    return _spelt(key["product"]["name"])


def _sector(key: Row) -> str:
    return _spelt(key["industry"])


def _spelt(name: str) -> str:
    return RENAMED.get(name, name)


def _month(key: Row) -> str:
    return key["period"]["start"][:7]


def _quarter(key: Row) -> str:
    year, month, _ = key["period"]["start"].split("-")
    return f"{year}Q{int(month) // 3 + 1}"


def _parts(row: Row) -> tuple[int, int]:
    return int(row["numerator"]), int(row["denominator"])


def _won(row: Row) -> Row:
    won, closed = _parts(row)
    return {"won": won, "lost": closed - won, "win_rate": round(row["value"], 10)}


def _cohort(row: Row, lost: int) -> Row:
    won, engaged = _parts(row)
    return {"engaged": engaged, "won": won, "lost": lost, "open": engaged - won - lost, "rate": round(row["value"], 10)}


def _flow(row: Row) -> Row:
    won, engaged = _parts(row)
    return {"won": won, "engaged": engaged, "rate": round(row["value"], 10)}


def _revenue(row: Row) -> Decimal:
    return Decimal(row["numerator"]["amount"])


def _days(row: Row) -> Row:
    return {theirs: _exact(row[ours])[0] for ours, theirs in DAYS.items()}


def _step(step: Row) -> tuple[Any, ...]:
    rates = _exact((step["fromPrevious"] or {}).get("value"), step["fromFirst"]["value"])
    return (step["stage"]["name"], step["reached"], *rates, step["dropped"])


def _steps(golden: Row) -> list[tuple[Any, ...]]:
    return [tuple(step[name] for name in ("stage", "n", "step_rate", "total_rate", "drop")) for step in golden["funnel"]["steps"]]


def _exact(*numbers: float | None) -> list[float | None]:
    return [None if number is None else round(number, 10) for number in numbers]

"""What the plugin metrics says of the practice set, beside numbers that were worked out elsewhere, to ten digits."""

from decimal import Decimal
from typing import Any

RATES = """{
  all: winRate { won lost rate revenue { amount } }
  owners: winRate(groupBy: [OWNER]) { key { owner { name } } won lost rate revenue { amount } }
  products: winRate(groupBy: [PRODUCT]) { key { product { name } } won lost rate revenue { amount } }
  teams: winRate(groupBy: [TEAM]) { key { team { name } } won lost rate }
  months: winRate(period: MONTH, timeZone: "UTC") { key { period { start } } won lost rate revenue { amount } }
  quarters: winRate(period: QUARTER, timeZone: "UTC") { key { period { start } } won lost rate }
  cohorts: winRate(period: MONTH, timeZone: "UTC", dateField: STARTED_AT) { key { period { start } } won lost open conversion }
}"""
CYCLES = """
fragment Days on MetricsSalesCycle { deals mean median p25 p75 p90 min max }
{
  won: salesCycle(timeZone: "UTC") { ...Days }
  lost: salesCycle(outcome: LOST, timeZone: "UTC") { ...Days }
  closed: salesCycle(outcome: CLOSED, timeZone: "UTC") { ...Days }
  products: salesCycle(groupBy: [PRODUCT], timeZone: "UTC") { key { product { name } } ...Days }
  owners: salesCycle(groupBy: [OWNER], timeZone: "UTC") { key { owner { name } } mean }
  funnel: stageConversion { steps { stage { name } reached stepRate totalRate drop } }
}"""
DAYS = {"deals": "n", "mean": "mean", "median": "median", "p25": "p25", "p75": "p75", "p90": "p90", "min": "min", "max": "max"}
RENAMED = {"GTX Pro": "GTXPro"}  # the pipeline spells it so, and the list of products otherwise


def figures(golden: dict[str, Any], rates: dict[str, Any], cycles: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Pairs of what the server says and what is right, by name."""
    wins, money, days = golden["win_rate"], golden["revenue"], golden["sales_cycle_days"]
    funnel = [tuple(step[name] for name in ("stage", "n", "step_rate", "total_rate", "drop")) for step in golden["funnel"]["steps"]]
    return {
        "win rate": (_won(rates["all"][0]), wins["overall"]),
        "win rate by agent": (_by(rates["owners"], _owner, _won), wins["by_agent"]),
        "win rate by product": (_by(rates["products"], _product, _won), wins["by_product"]),
        "win rate by manager": (_by(rates["teams"], lambda key: key["team"]["name"], _won), wins["by_manager"]),
        "win rate by month": (_by(rates["months"], _month, _won), wins["by_close_month"]),
        "win rate by quarter": (_by(rates["quarters"], _quarter, _won), wins["by_close_quarter"]),
        "cohorts by month": (_by(rates["cohorts"], _month, _cohort), golden["cohort_conversion"]["by_engage_month"]),
        "revenue of all": (_revenue(rates["all"][0]), money["total"]),
        "revenue by agent": (_by(rates["owners"], _owner, _revenue), money["by_agent"]),
        "revenue by product": (_by(rates["products"], _product, _revenue), money["by_product"]),
        "revenue by month": (_by(rates["months"], _month, _revenue), money["by_close_month"]),
        **{f"days of {kind} deals": (_days(cycles[kind][0]), days[kind]) for kind in ("won", "lost", "closed")},
        "days by product": (_by(cycles["products"], _product, _days), days["won_by_product"]),
        "days by agent": (_by(cycles["owners"], _owner, lambda row: round(row["mean"], 10)), days["won_by_agent_mean"]),
        "funnel": ([_step(step) for step in cycles["funnel"][0]["steps"]], funnel),
    }


def _by(rows: list[dict[str, Any]], name: Any, value: Any) -> dict[str, Any]:
    return {name(row["key"]): value(row) for row in rows}


def _owner(key: dict[str, Any]) -> str:
    return key["owner"]["name"]


def _product(key: dict[str, Any]) -> str:
    return RENAMED.get(key["product"]["name"], key["product"]["name"])


def _month(key: dict[str, Any]) -> str:
    return key["period"]["start"][:7]


def _quarter(key: dict[str, Any]) -> str:
    year, month, _ = key["period"]["start"].split("-")
    return f"{year}Q{int(month) // 3 + 1}"


def _won(row: dict[str, Any]) -> dict[str, Any]:
    return {"won": row["won"], "lost": row["lost"], "win_rate": round(row["rate"], 10)}


def _cohort(row: dict[str, Any]) -> dict[str, Any]:
    engaged = row["won"] + row["lost"] + row["open"]
    return {"engaged": engaged, "won": row["won"], "lost": row["lost"], "open": row["open"], "rate": round(row["conversion"], 10)}


def _revenue(row: dict[str, Any]) -> Decimal:
    return Decimal(row["revenue"][0]["amount"]) if row["revenue"] else Decimal(0)


def _days(row: dict[str, Any]) -> dict[str, Any]:
    return {theirs: _exact(row[ours])[0] for ours, theirs in DAYS.items()}


def _step(step: dict[str, Any]) -> tuple[Any, ...]:
    return (step["stage"]["name"], step["reached"], *_exact(step["stepRate"], step["totalRate"]), step["drop"])


def _exact(*numbers: float | None) -> list[float | None]:
    return [None if number is None else round(number, 10) for number in numbers]

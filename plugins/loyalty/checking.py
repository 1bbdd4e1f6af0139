"""What holds for programmes, tiers, rules, boosts and rewards, wherever they come from."""

import datetime
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import available_timezones

from core import Call, Change, Invalid
from core.fields import now
from plugins.loyalty.ledger import MOST
from plugins.loyalty.models import LoyaltyTrigger
from plugins.loyalty.past import keep

SLACK = timedelta(minutes=5)  # by which clocks of clients may differ
MOST_DAYS = 36_500
SCALE = 1000


async def programme(call: Call, changes: Sequence[Change]) -> None:
    """Check programmes. Raises Invalid."""
    for change in changes:
        if change.before is None and "time_zone" not in change.values:
            change.put("time_zone", call.crm.settings.company.time_zone)
        _zone(change)
        _between(change, 1, MOST, "per_points")
        _between(change, 0, 10_000, "breakage", shown="0 and 1")
        _between(change, 0, MOST_DAYS, "pending_days", "grace_days")
        _between(change, 1, MOST_DAYS, "expiry_days", "tier_days")
        if _given(change, "currency") and change.before is not None and change.before.get("currency") != change.record.currency:
            raise Invalid(point_value="keeps its currency: what was spent so far is in it; make another programme")


async def tier(call: Call, changes: Sequence[Change]) -> None:
    """Check tiers. Raises Invalid."""
    for change in changes:
        _between(change, 0, MOST * SCALE, "threshold")
        _between(change, 1, 100 * SCALE, "factor", shown="0.001 and 100")
        _stays(change, "programme_id")


async def rule(call: Call, changes: Sequence[Change]) -> None:
    """Check rules. Raises Invalid; the past is never credited."""
    for change in changes:
        record = change.record
        _between(change, 1, MOST * SCALE, "points", shown=f"0.001 and {MOST}")
        _between(change, 1, 2**62, "per_amount", "min_amount", shown="1 and more, in the smallest unit of the currency")
        _between(change, 0, MOST_DAYS, "pending_days")
        _between(change, 1, MOST_DAYS, "expiry_days")
        _between(change, 1, MOST * SCALE, "cap_points")
        _stays(change, "programme_id")
        _stays(change, "trigger")
        _window(change)
        if (record.trigger is LoyaltyTrigger.ACTIVITY) != bool(record.activity_kind):
            raise Invalid(activity_kind="is for rules with the trigger ACTIVITY, and they need it")
        if record.trigger is not LoyaltyTrigger.DEAL_WON and (record.per_amount or record.min_amount):
            raise Invalid(per_amount="is for rules with the trigger DEAL_WON: nothing else has an amount")
    await keep(changes)


async def boost(call: Call, changes: Sequence[Change]) -> None:
    """Check boosts. Raises Invalid; the past is never credited."""
    for change in changes:
        _between(change, 1, 100 * SCALE, "factor", shown="0.001 and 100")
        _stays(change, "programme_id")
        _window(change)
    await keep(changes)


async def reward(call: Call, changes: Sequence[Change]) -> None:
    """Check rewards. Raises Invalid."""
    for change in changes:
        _between(change, 1, MOST, "cost", "per_member")
        _between(change, 0, MOST, "stock")
        _stays(change, "programme_id")
        start, end = change.record.valid_from, change.record.valid_until
        if start and end and end <= start:
            raise Invalid(valid_until=f"{_text(end)} must come after validFrom, {_text(start)}")


def _given(change: Change, name: str) -> bool:
    return name in change.values


def _between(change: Change, least: int, most: int, *names: str, shown: str = "") -> None:
    for name in names:
        value = getattr(change.record, name)
        if _given(change, name) and value is not None and not least <= value <= most:
            raise Invalid({name: f"must be between {shown or f'{least} and {most}'}"})


def _stays(change: Change, name: str) -> None:
    if change.before is not None and _given(change, name) and change.before.get(name) != getattr(change.record, name):
        raise Invalid({name: "stays as it is; make another one"})


def _window(change: Change) -> None:
    """A time that begins now at the earliest, and ends after it begins."""
    start, end = change.record.valid_from, change.record.valid_until
    if _moved(change, "valid_from") and start < now() - SLACK:
        raise Invalid(valid_from=f"{_text(start)} is past, and the past is never credited; begin now or later")
    if end and end <= start:
        raise Invalid(valid_until=f"{_text(end)} must come after validFrom, {_text(start)}")
    if end and change.before is not None and _moved(change, "valid_until") and end < now() - SLACK:
        raise Invalid(valid_until=f"{_text(end)} is past; what was earned since then stays, so end now or later")


def _moved(change: Change, name: str) -> bool:
    return _given(change, name) and (change.before is None or change.before.get(name) != getattr(change.record, name))


def _text(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).isoformat(timespec="seconds")


def _zone(change: Change) -> None:
    if change.record.time_zone not in available_timezones():
        raise Invalid(time_zone=f"'{change.record.time_zone[:40]}' is not a time zone of the IANA database, such as Asia/Tehran")

"""Periods of both calendars: against dates that are known, and in SQL as in Python."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import (
    Calendar,
    Period,
    day_begins,
    days_later,
    first_day,
    period_end,
    period_start,
    period_starts,
    seconds_between,
    select,
    written,
)
from core.models import Contact
from tests.examples import for_all
from tests.house import House

# The first days of Solar Hijri years, as the calendar centre of the University of Tehran has published them.
NOWRUZ = {
    1375: "1996-03-20", 1376: "1997-03-21", 1379: "2000-03-20", 1380: "2001-03-21", 1387: "2008-03-20", 1391: "2012-03-20",
    1395: "2016-03-20",
    1396: "2017-03-21", 1399: "2020-03-20", 1400: "2021-03-21", 1401: "2022-03-21", 1402: "2023-03-21", 1403: "2024-03-20",
    1404: "2025-03-21", 1405: "2026-03-21", 1406: "2027-03-21", 1407: "2028-03-20", 1408: "2029-03-20", 1409: "2030-03-21",
}  # fmt: skip
DAYS = st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 12, 31))
DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize(("year", "day"), NOWRUZ.items())
def test_years_begin_when_they_do(year: int, day: str):
    first = datetime.date.fromisoformat(day)
    assert Calendar.JALALI.parts(first) == (year, 1, 1)
    assert Calendar.JALALI.date(year, 1, 1) == first
    assert period_start(first, Period.YEAR, Calendar.JALALI) == first
    assert period_start(first - DAY, Period.YEAR, Calendar.JALALI) < first
    assert period_end(period_start(first - DAY, Period.YEAR, Calendar.JALALI), Period.YEAR, Calendar.JALALI) == first - DAY


@pytest.mark.parametrize("year", [1399, 1403, 1408])
def test_leap_years_have_a_thirtieth_of_esfand(year: int):
    assert Calendar.JALALI.parts(Calendar.JALALI.date(year, 12, 30)) == (year, 12, 30)
    with pytest.raises(ValueError):
        Calendar.JALALI.date(year + 1, 12, 30)


@given(DAYS, st.sampled_from(list(Period)), st.sampled_from(list(Calendar)))
def test_a_period_holds_its_days_and_the_next_one_begins_after_it(day: datetime.date, period: Period, calendar: Calendar):
    start = period_start(day, period, calendar)
    end = period_end(start, period, calendar)
    assert start <= day <= end
    assert period_start(end, period, calendar) == start
    assert period_start(end + DAY, period, calendar) == end + DAY
    assert list(period_starts(day, end + DAY, period, calendar)) == [start, end + DAY]


def test_a_day_begins_in_its_zone():
    assert day_begins(datetime.date(2026, 3, 21), "Asia/Tehran") == datetime.datetime(2026, 3, 20, 20, 30, tzinfo=datetime.UTC)


async def test_sql_says_what_python_says(house: House):
    await Contact.create(name="one", name_key="one")

    async def check(day: datetime.date, period: Period, calendar: Calendar, weekday: int) -> None:
        await Contact.all().update(birth_date=day)
        row = Contact.all().limit(1).values("birth_date")
        [found] = await select(f"SELECT {first_day('t.birth_date', period, calendar, weekday)} AS day FROM {{row}} AS t", row=row)
        assert str(found["day"])[:10] == period_start(day, period, calendar, weekday).isoformat()

    await for_all(check, DAYS, st.sampled_from(list(Period)), st.sampled_from(list(Calendar)), st.integers(0, 6), share=4)


async def test_times_in_sql_are_those_of_python(house: House):
    await Contact.create(name="one", name_key="one")
    times = st.datetimes(datetime.datetime(1990, 1, 1), datetime.datetime(2050, 1, 1), timezones=st.just(datetime.UTC))

    async def check(start: datetime.datetime, end: datetime.datetime, days: int) -> None:
        await Contact.all().update(created_at=start, updated_at=end)
        row = Contact.all().limit(1).values("created_at", "updated_at")
        later = days_later("t.created_at", days)
        [found] = await select(
            f"SELECT {seconds_between('t.created_at', 't.updated_at')} AS seconds,"
            f" CASE WHEN t.created_at < {written(end)} THEN 1 ELSE 0 END AS before,"
            f" CASE WHEN {later} < t.updated_at THEN 1 ELSE 0 END AS over,"
            f" CASE WHEN {later} = {written(start + days * DAY)} THEN 1 ELSE 0 END AS same FROM {{row}} AS t",
            row=row,
        )
        assert found["seconds"] == (end.replace(microsecond=0) - start.replace(microsecond=0)).total_seconds()
        assert (found["before"], found["over"], found["same"]) == (start < end, start + days * DAY < end, 1)

    await for_all(check, times, times, st.integers(0, 4_000), share=2)

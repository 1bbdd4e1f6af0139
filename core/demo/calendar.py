"""When things happen: working days and hours, seasons and growth, in Iran and abroad."""

import datetime
from bisect import bisect_left
from itertools import accumulate
from random import Random

YEARS = 2
NOWRUZ = ((3, 18), (4, 3))
OFFSET = {True: datetime.timedelta(hours=3, minutes=30), False: datetime.timedelta(hours=1)}  # near enough, summers apart
DAY = datetime.timedelta(days=1)
BUSY = 0.3  # days with less weight than this are holidays


class Calendar:
    """The days from two years ago until `now`, each with its weight: how much happens on it."""

    def __init__(self, random: Random, now: datetime.datetime) -> None:
        self.random, self.now = random, now
        self.start = now - YEARS * 365 * DAY
        days = [self.start.date() + index * DAY for index in range(YEARS * 365 + 1)]
        grown = {day: 0.75 + 0.5 * index / len(days) for index, day in enumerate(days)}
        self._sums = {iran: list(accumulate(weight(day, iran) * grown[day] for day in days)) for iran in (True, False)}

    def draw(self, iran: bool, since: datetime.datetime | None = None, until: datetime.datetime | None = None) -> datetime.datetime:
        """A moment between the two, within working hours as a rule, more likely in busy times."""
        since, until = max(since or self.start, self.start), min(until or self.now, self.now)
        sums = self._sums[iran]
        first, last = (since.date() - self.start.date()).days, (until.date() - self.start.date()).days
        low, high = sums[first - 1] if first else 0.0, sums[last]
        index = min(bisect_left(sums, self.random.uniform(low, high)), last)
        moment = self._at_work(self.start.date() + index * DAY, iran)
        return moment if since <= moment < until else since + (until - since) * self.random.random()

    def after(self, moment: datetime.datetime, days: float, iran: bool) -> datetime.datetime:
        """A moment some days later, moved out of holidays and nights; never before `moment`."""
        later = moment + days * DAY
        day = later.date()
        while weight(day, iran) < BUSY:
            day += DAY
        return max(self._at_work(day, iran), moment + datetime.timedelta(minutes=self.random.randrange(5, 90)))

    def _at_work(self, day: datetime.date, iran: bool) -> datetime.datetime:
        minute = int(self.random.triangular(8 * 60, 19 * 60, 11 * 60))
        midnight = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
        return midnight + datetime.timedelta(minutes=minute, seconds=self.random.randrange(60)) - OFFSET[iran]


def weight(day: datetime.date, iran: bool) -> float:
    """How much happens on a day: 1 on a usual working day. Nowruz empties the offices, and the weeks before fill them."""
    date = (day.month, day.day)
    if iran:
        if NOWRUZ[0] <= date <= NOWRUZ[1]:
            return 0.06
        week = {3: 0.45, 4: 0.04}.get(day.weekday(), 1.0)  # half of Thursday, and Friday
        return week * (1.5 if (2, 15) <= date < NOWRUZ[0] else 1.2 if (12, 1) <= date <= (12, 21) else 1.0)
    week = {5: 0.08, 6: 0.04}.get(day.weekday(), 1.0)
    if date >= (12, 22) or date <= (1, 2):
        return week * 0.1
    return week * (0.6 if day.month == 8 else 1.35 if day.month == 11 else 1.0)

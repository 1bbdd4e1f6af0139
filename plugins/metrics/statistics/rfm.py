"""Recency, frequency and monetary value of customers, as scores from 1 to 5 and as named groups.

Scores by quintiles are those of A. M. Hughes, Strategic Database Marketing (1994).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

Number = TypeVar("Number", int, float, Decimal)
BEST = 5


class RfmGroup(StrEnum):
    """Customers who are alike in when they bought last and how often they bought."""

    CHAMPIONS = "champions"
    LOYAL = "loyal"
    POTENTIAL_LOYALISTS = "potential_loyalists"
    NEW = "new"
    PROMISING = "promising"
    NEED_ATTENTION = "need_attention"
    ABOUT_TO_SLEEP = "about_to_sleep"
    AT_RISK = "at_risk"
    CANT_LOSE = "cant_lose"
    HIBERNATING = "hibernating"
    LOST = "lost"


_NEW, _POTENTIAL, _RISK, _LOSE = RfmGroup.NEW, RfmGroup.POTENTIAL_LOYALISTS, RfmGroup.AT_RISK, RfmGroup.CANT_LOSE
_LOYAL, _SLEEP, _ATTENTION, _ASLEEP = RfmGroup.LOYAL, RfmGroup.ABOUT_TO_SLEEP, RfmGroup.NEED_ATTENTION, RfmGroup.HIBERNATING

# By score of recency, then by score of frequency from 1 to 5.
GRID: Mapping[int, tuple[RfmGroup, ...]] = {
    5: (_NEW, _POTENTIAL, _POTENTIAL, RfmGroup.CHAMPIONS, RfmGroup.CHAMPIONS),
    4: (RfmGroup.PROMISING, _POTENTIAL, _POTENTIAL, _LOYAL, _LOYAL),
    3: (_SLEEP, _SLEEP, _ATTENTION, _LOYAL, _LOYAL),
    2: (_ASLEEP, _ASLEEP, _RISK, _RISK, _LOSE),
    1: (RfmGroup.LOST, _ASLEEP, _RISK, _RISK, _LOSE),
}


def group(recency: int, frequency: int) -> RfmGroup:
    """The group of a customer with these two scores, of which 5 is best.

    The eleven names are those of Putler, RFM Analysis (putler.com/rfm-analysis); the grid is the one that most programs share,
    with ten groups that do not overlap: new 51, promising 41, potential loyalists 4-5 and 2-3, champions 5 and 4-5, loyal 3-4 and
    4-5, need attention 33, about to sleep 3 and 1-2, can't lose 1-2 and 5, at risk 1-2 and 3-4, hibernating 1-2 and 1-2.
    Of the last, lost are those with the lowest score in both. Raises ValueError for what is no score.
    """
    if not (1 <= recency <= BEST and 1 <= frequency <= BEST):
        raise ValueError(f"scores are 1 to {BEST}, not {recency} and {frequency}")
    return GRID[recency][frequency - 1]


def most_is_best(histogram: Mapping[Number, int]) -> dict[Number, int]:
    """The score of each value, given how many customers have it, where more is better: frequency and monetary value.

    A score is 1 + floor(5 · (number of customers with a smaller value) / (number of customers)). So customers who are alike have
    the same score, the worst have 1, and without ties each score has a fifth of them; with many ties some scores have nobody.
    """
    return _scores(histogram, sorted(histogram))


def least_is_best(histogram: Mapping[Number, int]) -> dict[Number, int]:
    """The same where less is better: recency, in days since the last purchase. Here those count who have a larger value."""
    return _scores(histogram, sorted(histogram, reverse=True))


def _scores(histogram: Mapping[Number, int], from_worst: Iterable[Number]) -> dict[Number, int]:
    size, worse, scores = sum(histogram.values()), 0, {}
    for value in from_worst:
        if histogram[value]:
            scores[value] = 1 + BEST * worse // size
            worse += histogram[value]
    return scores

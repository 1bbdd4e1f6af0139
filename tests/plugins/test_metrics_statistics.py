"""Statistics of metrics, beside published figures, other programs and each other."""

import csv
import random
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx
from scipy.special import hyp2f1

from plugins.metrics.statistics.bgnbd import BgNbd
from plugins.metrics.statistics.clv import lifetime_values
from plugins.metrics.statistics.gamma_gamma import GammaGamma
from plugins.metrics.statistics.intervals import wilson
from plugins.metrics.statistics.likelihood import Undetermined
from plugins.metrics.statistics.rfm import GRID, RfmGroup, group, least_is_best, most_is_best
from plugins.metrics.statistics.survival import Ended, aalen_johansen, kaplan_meier

DATA = Path(__file__).parent.parent / "data"

# Weeks in remission of 21 patients with 6-MP, and whether they fell ill again: Freireich and others (1963).
REMISSION = [(6, 3, 0, 1), (7, 1, 0, 0), (9, 0, 0, 1), (10, 1, 0, 1), (11, 0, 0, 1), (13, 1, 0, 0), (16, 1, 0, 0), (17, 0, 0, 1)]
REMISSION += [(19, 0, 0, 1), (20, 0, 0, 1), (22, 1, 0, 0), (23, 1, 0, 0), (25, 0, 0, 1), (32, 0, 0, 2), (34, 0, 0, 1), (35, 0, 0, 1)]

CDNOW = BgNbd(r=0.242593, alpha=4.413532, a=0.792886, b=2.425752)
CDNOW_VALUE = GammaGamma(p=6.248802, q=3.744588, v=15.447748)

COUNTS = st.lists(st.tuples(st.integers(0, 12), *[st.integers(0, 5)] * 3), min_size=1, max_size=20).filter(
    lambda rows: any(map(_size, rows))
)
VALUES = st.lists(st.integers(0, 12) | st.decimals(0, 10**6, places=2).map(Decimal), min_size=1, max_size=60)
HISTORIES = st.tuples(st.integers(0, 60), st.floats(0.001, 1), st.floats(0.1, 2000)).map(lambda one: _history(*one))
MODELS = st.builds(BgNbd, st.floats(0.05, 20), st.floats(0.1, 500), st.floats(0.05, 0.95) | st.floats(1.05, 20), st.floats(1, 50))


def test_nobody_pays_for_numpy_who_asks_for_no_prediction():
    rooms = "bgnbd, clv, gamma_gamma, intervals, likelihood, rfm, survival"
    script = f"import sys; from plugins.metrics.statistics import {rooms}; print({{'numpy', 'scipy'}} & {{*sys.modules}})"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "set()\n"


# Table I of R. G. Newcombe, Two-Sided Confidence Intervals for the Single Proportion, Statistics in Medicine 17 (1998), method 3.
@pytest.mark.parametrize(
    ("k", "n", "ends"), [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0, 0.1611)), (1, 29, (0.0061, 0.1718))]
)
def test_the_interval_of_a_share_is_the_published_one(k: int, n: int, ends: tuple[float, float]):
    assert wilson(k, n) == approx(ends, abs=5e-5)


def test_the_interval_of_a_share_knows_other_confidences():
    assert wilson(15, 148, 0.9) == approx((0.06744326224687144, 0.14957293174640032), rel=1e-12)  # statsmodels
    assert wilson(4238, 6711) == approx((0.619886914783114, 0.6429636693779573), rel=1e-12)


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.sampled_from((0.5, 0.9, 0.95, 0.999)))
def test_the_interval_of_a_share_holds_it(one: int, other: int, confidence: float):
    k, n = sorted((one, other))
    found = wilson(k, n, confidence)
    assert (found is None) == (n == 0)
    if found:
        low, high = found
        assert 0 <= low <= k / n <= high <= 1
        assert low < high
        assert wilson(n - k, n, confidence) == approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize(("k", "n", "confidence"), [(-1, 5, 0.95), (6, 5, 0.95), (1, -1, 0.95), (1, 5, 0), (1, 5, 1), (0, 0, 95)])
def test_no_interval_of_nonsense(k: int, n: int, confidence: float):
    with pytest.raises(ValueError):
        wilson(k, n, confidence)


def test_survival_is_that_of_the_textbook():
    """Kleinbaum and Klein, Survival Analysis: the estimates and errors of the group with 6-MP, and its median; the intervals are R's."""
    curve = kaplan_meier(REMISSION)
    assert curve is not None
    assert [(step.day, step.at_risk, step.events) for step in curve.steps] == [
        *((0, 21, 0), (6, 21, 3), (7, 17, 1), (10, 15, 1), (13, 12, 1), (16, 11, 1), (22, 7, 1), (23, 6, 1)),
    ]
    assert [step.survival for step in curve.steps] == approx([1, 0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], abs=5e-5)
    errors = [step.standard_error for step in curve.steps]
    assert errors == approx([0, 0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346], abs=5e-5)
    assert (curve.steps[1].low, curve.steps[1].high) == approx((0.619718, 0.951552), abs=5e-7)
    assert (curve.steps[-1].low, curve.steps[-1].high) == approx((0.188052, 0.680143), abs=5e-7)
    assert (curve.median, curve.last) == (23, 35)


def test_survival_between_and_beyond_its_steps():
    curve = kaplan_meier(REMISSION)
    assert curve is not None
    assert [_survival(curve.at(day)) for day in (-1, 0, 5)] == [None, 1, 1]
    assert curve.at(9) == curve.at(7) != curve.at(10)
    assert curve.at(35) == curve.steps[-1]
    assert curve.at(36) is None, "nine were not seen any longer, and what came of them is not known"


def test_survival_ends_with_nobody():
    curve = kaplan_meier([Ended(0, 1), Ended(3, 1), Ended(3, 0, 0, 0), Ended(8, 0)])
    assert curve is not None
    assert [(step.day, step.survival) for step in curve.steps] == [(0, 0.5), (3, 0)]
    assert (curve.median, curve.last) == (0, 3)
    end = curve.at(1000)
    assert end is not None
    assert (end.survival, end.standard_error, end.low, end.high) == (0, None, None, None)


def test_a_median_that_is_not_reached_is_none():
    curve = kaplan_meier([(1, 49, 0, 0), (2, 0, 0, 51)])
    assert curve is not None
    assert curve.median is None


def test_a_half_is_a_half_whatever_the_rounding():
    curve = kaplan_meier([(day, 1, 0, 0) for day in range(98)])
    assert curve is not None
    assert curve.median == 48


def test_incidence_by_hand():
    """Of ten: day 1 two events of ten at risk; day 2 one competing and one censored of eight; day 3 three events of six."""
    curve = aalen_johansen([(1, 2, 0, 0), (2, 0, 1, 1), (3, 3, 0, 0), (9, 0, 0, 3)])
    assert curve is not None
    shares = [(step.day, step.incidence, step.survival) for step in curve.steps]
    assert shares == [(0, 0, 1), (1, approx(0.2), approx(0.8)), (2, approx(0.2), approx(0.7)), (3, approx(0.55), approx(0.35))]
    assert curve.at(8) == curve.steps[-1]
    assert curve.at(10) is None


def test_time_to_win_is_what_other_programs_find():
    """Both curves of 8300 deals by lifelines; lost deals are censored in the first and compete in the second."""
    rows = [(int(row["days"]), int(row["won"]), int(row["lost"]), int(row["open"])) for row in _rows("deals_by_days.csv")]
    survival, incidence = kaplan_meier(rows), aalen_johansen(rows)
    assert survival is not None
    assert incidence is not None
    days = (7, 14, 30, 60, 90, 120)
    won = [1 - one.survival for one in map(survival.at, days) if one]
    assert won == approx([0.0944940701, 0.2040659412, 0.2421090369, 0.2991858359, 0.4799147317, 0.6435997404], abs=1e-10)
    won = [one.incidence for one in map(incidence.at, days) if one]
    assert won == approx([0.0910843373, 0.1876142323, 0.2189948341, 0.2647329742, 0.3970147464, 0.5000419622], abs=1e-10)
    assert survival.median == 93
    step = survival.at(90)
    assert step is not None
    assert (step.low, step.high) == approx((0.5078027886490355, 0.5322160441069681), rel=1e-12)


@given(COUNTS)
def test_survival_is_the_product_of_exact_fractions(rows: list[tuple[int, int, int, int]]):
    curve = kaplan_meier(rows)
    assert curve is not None
    left = Fraction(1)
    for day in range(curve.last + 1):
        risk = sum(_size(row) for row in rows if row[0] >= day)
        left *= 1 - Fraction(sum(row[1] for row in rows if row[0] == day), risk)
        assert _survival(curve.at(day)) == approx(float(left), abs=1e-12)


@given(COUNTS)
def test_survival_falls_within_its_interval(rows: list[tuple[int, int, int, int]]):
    curve = kaplan_meier(rows)
    assert curve is not None
    assert all(one.day < next.day and one.survival > next.survival for one, next in pairwise(curve.steps) if next.events)
    assert all(0 <= one.survival <= 1 for one in curve.steps)
    assert all(one.low <= one.survival <= one.high for one in curve.steps if one.low is not None and one.high is not None)


@given(COUNTS)
def test_incidence_without_competitors_is_the_rest_of_survival(rows: list[tuple[int, int, int, int]]):
    alone = [(day, events, 0, competing + censored) for day, events, competing, censored in rows]
    survival, incidence = kaplan_meier(rows), aalen_johansen(alone)
    assert survival is not None
    assert incidence is not None
    assert [one.day for one in survival.steps] == [one.day for one in incidence.steps]
    assert [1 - one.survival for one in survival.steps] == approx([one.incidence for one in incidence.steps], abs=1e-12)


@given(COUNTS)
def test_the_event_its_competitor_and_neither_share_the_whole(rows: list[tuple[int, int, int, int]]):
    curve, other = aalen_johansen(rows), aalen_johansen([(day, rival, own, lost) for day, own, rival, lost in rows])
    lone = kaplan_meier(rows)
    assert curve is not None
    assert other is not None
    assert lone is not None
    assert [one.incidence + two.incidence + one.survival for one, two in zip(curve.steps, other.steps, strict=True)] == approx(
        [1] * len(curve.steps)
    )
    assert all(0 <= one.incidence <= next.incidence <= 1 for one, next in pairwise(curve.steps))
    assert all(one.incidence <= 1 - step.survival + 1e-12 for one in curve.steps if (step := lone.at(one.day)))


@given(COUNTS, st.randoms())
def test_counts_are_the_same_as_single_rows_in_any_order(rows: list[tuple[int, int, int, int]], chance: random.Random):
    single = [
        (row[0], *kind) for row in rows for kind, many in zip(((1, 0, 0), (0, 1, 0), (0, 0, 1)), row[1:], strict=True) for _ in range(many)
    ]
    chance.shuffle(single)
    assert kaplan_meier(single) == kaplan_meier(rows)
    assert aalen_johansen(single) == aalen_johansen(rows)


def test_nothing_has_no_curve():
    assert kaplan_meier([]) is kaplan_meier([(5, 0, 0, 0)]) is aalen_johansen([]) is None


@pytest.mark.parametrize("row", [(-1, 1, 0, 0), (1, -1, 0, 0), (1, 0, -1, 0), (1, 0, 0, -1)])
def test_curves_refuse_what_is_below_nothing(row: tuple[int, int, int, int]):
    for curve in (kaplan_meier, aalen_johansen):
        with pytest.raises(ValueError):
            curve([row])


def test_purchases_are_fitted_as_published():
    """Fader, Hardie and Lee (2005), table 2: r 0.243, alpha 4.414, a 0.793, b 2.426; the last digits are those of Lifetimes."""
    model = BgNbd.fit(_buyers())
    assert (model.r, model.alpha, model.a, model.b) == approx((CDNOW.r, CDNOW.alpha, CDNOW.a, CDNOW.b), rel=2e-6)
    assert model.purchases(52, [(2, 30.43, 38.86)]) == approx([1.5585837617716687], rel=1e-6)
    assert model.alive([(2, 30.43, 38.86)]) == approx([0.726609136799059], rel=1e-6)
    # The example of the paper: 1.226 purchases within the next 39 weeks, by a customer like this one.
    assert model.purchases(39, [(2, 30.43, 38.86)]) == approx([1.226], abs=5e-4)


def test_purchases_are_fitted_the_same_in_days_and_in_groups():
    weeks = BgNbd.fit(_buyers())
    days = BgNbd.fit([(x, recency * 7, age * 7, many) for (x, recency, age), many in Counter(_buyers()).items()])
    assert (days.r, days.alpha, days.a, days.b) == approx((weeks.r, weeks.alpha * 7, weeks.a, weeks.b), rel=1e-7)


def test_purchases_are_fitted_to_many_customers_of_a_known_kind():
    model = BgNbd.fit(_simulated(BgNbd(0.8, 60, 1.2, 4), 45_000))
    assert (model.r, model.alpha, model.a, model.b) == approx((0.8, 60, 1.2, 4), rel=0.1)


# By numerical integration of the model over its two distributions, with mpmath: the last three are where formulas are 0 / 0.
@pytest.mark.parametrize(
    ("parameters", "time", "history", "purchases"),
    [
        ((0.24, 4.4, 0.8, 2.4), 52, (2, 30.43, 38.86), 1.54645640687978),
        ((0.5, 20, 0.4, 3), 365, (10_000, 399, 400), 0.00841539325863088),
        ((0.5, 20, 0.4, 3), 30, (10_000, 400, 400), 704.416730507586),
        ((0.5, 20, 1.7, 3), 365, (300, 8, 10), 6.37195990447116e-5),
        ((2, 60, 0.3, 900), 3650, (50, 300, 365), 151.475855126054),
        ((0.5, 20, 1.00003, 3), 365, (3, 10, 10), 10.226132793252),
        ((0.5, 20, 1, 3), 365, (3, 7, 10), 9.51898938030441),
        ((0.5, 20, 0.3, 0.7), 365, (0, 0, 0), 4.21142668560088),
    ],
)
def test_purchases_of_extreme_customers(parameters: tuple[float, ...], time: float, history: tuple[int, float, float], purchases: float):
    assert BgNbd(*parameters).purchases(time, [history]) == approx([purchases], rel=1e-9)


@given(MODELS, st.floats(0.1, 1000), HISTORIES)
def test_purchases_are_those_of_the_formula_of_the_paper(model: BgNbd, time: float, history: tuple[int, float, float]):
    x, _, age = history
    c, total = model.a + model.b + x - 1, model.alpha + age + time
    power = ((model.alpha + age) / total) ** (model.r + x)
    rest = power * hyp2f1(model.r + x, model.b + x, c, time / total)
    wanted = c / (model.a - 1) * (1 - rest) * model.alive([history])[0]
    error = 1e-12 * c / abs(model.a - 1) * max(1.0, abs(rest))
    assert model.purchases(time, [history])[0] == approx(wanted, rel=1e-8, abs=error)


@given(MODELS, st.lists(HISTORIES, min_size=1, max_size=20), st.floats(1, 500))
def test_purchases_of_many_are_those_of_each(model: BgNbd, histories: list[tuple[int, float, float]], time: float):
    together, later = model.purchases(time, histories), model.purchases(time * 2, histories)
    assert together == [model.purchases(time, [one])[0] for one in histories]
    assert all(0 <= one <= two * (1 + 1e-9) + 1e-9 for one, two in zip(together, later, strict=True))
    assert all(0 <= one <= 1 for one in model.alive(histories))
    assert model.purchases(0, histories) == approx([0] * len(histories), abs=1e-9)


def test_who_is_silent_for_long_has_gone():
    often = [(10_000, recency, 400.0) for recency in (400.0, 399.9, 390.0, 1.0)]
    assert CDNOW.alive(often) == approx([0.9999207, 0.9990607, 0, 0], abs=1e-6)
    assert CDNOW.alive([(0, 0, 0), (0, 0, 4000)]) == [1, 1]
    assert CDNOW.alive([]) == CDNOW.purchases(5, []) == []


def test_values_are_fitted_as_published():
    """The CDNOW sample in note 25 of Fader and Hardie: p 6.25, q 3.74, v 15.44; the last digits are those of Lifetimes."""
    spendings = _spendings()
    model = GammaGamma.fit(spendings)
    assert (model.p, model.q, model.v) == approx((CDNOW_VALUE.p, CDNOW_VALUE.q, CDNOW_VALUE.v), abs=1e-6)
    wanted = [24.658616, 18.91148, 35.171002, 71.462851, 27.282408]
    assert model.values([spendings[number - 1] for number in (1, 2, 3, 6, 9)]) == approx(wanted, abs=1e-6)
    assert model.values([(0, 0)]) == [approx(model.mean)] == [approx(35.171002, abs=1e-6)]
    assert model.values([(10_000, 50.0)]) == approx([50], rel=1e-3)


def test_values_are_fitted_the_same_in_small_money_and_in_groups():
    whole = GammaGamma.fit(_spendings())
    small = GammaGamma.fit([(x, mean * 10**6, many) for (x, mean), many in Counter(_spendings()).items()])
    assert (small.p, small.q, small.v) == approx((whole.p, whole.q, whole.v * 10**6), rel=1e-7)


def test_values_are_fitted_to_many_customers_of_a_known_kind():
    chance = random.Random(1)
    spendings = []
    for _ in range(45_000):
        often, scale = chance.randint(1, 9), chance.gammavariate(3, 1 / 20)
        spendings.append((often, chance.gammavariate(5 * often, 1 / scale / often)))
    model = GammaGamma.fit(spendings)
    assert (model.p, model.q, model.v) == approx((5, 3, 20), rel=0.05)


def test_lifetime_values_are_those_of_lifetimes():
    """customer_lifetime_value of the package, for twelve months of 4.345 weeks at 1 % a month, with the same parameters."""
    values = CDNOW_VALUE.values(_spendings()[:9])
    wanted = [36.278494993534736, 4.6374651968345715, 8.344096111223703, 8.344096111223703, 8.344096111223703]
    wanted += [283.5235803228479, 6.8814057358469976, 8.344096111223703, 43.35364203265645]
    assert lifetime_values(CDNOW, _buyers()[:9], values, 12, 4.345, 0.01) == approx(wanted, rel=1e-10)


def test_lifetime_values_without_discount_are_purchases_times_value():
    histories, values = _buyers()[:50], [float(number) for number in range(50)]
    wanted = [often * value for often, value in zip(CDNOW.purchases(52, histories), values, strict=True)]
    assert lifetime_values(CDNOW, histories, values, 4, 13, 0) == approx(wanted)
    assert lifetime_values(CDNOW, histories, values, 0, 13, 0.01) == [0] * 50


@pytest.mark.parametrize(("values", "periods", "period", "discount"), [(2, 12, 30, 0), (1, -1, 30, 0), (1, 12, 0, 0), (1, 12, 30, -1)])
def test_no_lifetime_value_of_nonsense(values: int, periods: int, period: float, discount: float):
    with pytest.raises(ValueError):
        lifetime_values(CDNOW, [(0, 0, 1)], [1.0] * values, periods, period, discount)


@pytest.mark.parametrize(
    ("histories", "why"),
    [
        ([], "fewer than 30"),
        ([(0, 0, 10, 10**6)], "fewer than 30"),
        ([(0, 0, 0, 10**6), (1, 5, 10, 29)], "fewer than 30"),
        ([(3, 100, 300, 500)], "does not end|no finite|do not tell"),
        ([(x, 365, 365, 100) for x in range(1, 30)], "does not end|no finite|do not tell"),  # nobody ever leaves
    ],
)
def test_purchases_that_cannot_be_told_are_refused(histories: list[tuple[int, float, float, int]], why: str):
    with pytest.raises(Undetermined, match=why):
        BgNbd.fit(histories)


@pytest.mark.parametrize(
    ("spendings", "why"),
    [
        ([], "fewer than 30"),
        ([(0, 0, 10**6), (1, 0, 10**6), (2, 9.5, 29)], "fewer than 30"),
        ([(2, 10, 500)], "no finite|does not end|do not tell"),
        ([(1, (number / (1000 - number)) ** 1.5) for number in range(1, 1000)], "infinite"),  # quantiles with a tail of 2/3
    ],
)
def test_values_that_cannot_be_told_are_refused(spendings: list[tuple[int, float, int]], why: str):
    with pytest.raises(Undetermined, match=why):
        GammaGamma.fit(spendings)


@pytest.mark.parametrize(
    "row", [(-1, 0, 5), (1.5, 3, 5), (1, 6, 5), (1, -1, 5), (0, 3, 5), (2, 0, 5), (1, 3, 5, -1), (0, 0, float("inf")), (1, float("nan"), 5)]
)
def test_impossible_histories_are_refused(row: tuple[int, float, float]):
    with pytest.raises(ValueError, match="is no history"):
        BgNbd.fit([*_buyers(), row])
    with pytest.raises(ValueError, match="is no history"):
        CDNOW.alive([row])


@pytest.mark.parametrize("row", [(-1, 5), (1.5, 5), (1, -5), (1, float("inf")), (1, float("nan")), (1, 5, -1)])
def test_impossible_spendings_are_refused(row: tuple[int, float]):
    with pytest.raises(ValueError, match="is not frequency"):
        GammaGamma.fit([*_spendings(), row])


def test_there_is_no_time_before_now():
    with pytest.raises(ValueError, match="no time to come"):
        CDNOW.purchases(-1, [(0, 0, 1)])


def test_scores_by_hand():
    ten = dict.fromkeys(range(1, 11), 1)
    assert most_is_best(ten) == {1: 1, 2: 1, 3: 2, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4, 9: 5, 10: 5}
    assert least_is_best(ten) == {1: 5, 2: 5, 3: 4, 4: 4, 5: 3, 6: 3, 7: 2, 8: 2, 9: 1, 10: 1}
    assert most_is_best({1: 70, 2: 15, 3: 14, 9: 1}) == {1: 1, 2: 4, 3: 5, 9: 5}
    assert least_is_best({0: 1, 30: 99}) == {30: 1, 0: 5}
    assert most_is_best({5: 3, 7: 0}) == {5: 1}
    assert most_is_best({}) == {}


@given(VALUES, st.randoms())
def test_scores_do_not_depend_on_the_order(values: list[Decimal], chance: random.Random):
    mixed = chance.sample(values, len(values))
    assert most_is_best(Counter(mixed)) == most_is_best(Counter(values))
    assert least_is_best(Counter(mixed)) == least_is_best(Counter(values))


@given(VALUES)
def test_scores_are_by_how_many_are_worse(values: list[Decimal]):
    best, least = most_is_best(Counter(values)), least_is_best(Counter(values))
    for value in values:
        assert best[value] == 1 + 5 * sum(one < value for one in values) // len(values)
        assert least[value] == 1 + 5 * sum(one > value for one in values) // len(values)
        assert {best[value], least[value]} <= {1, 2, 3, 4, 5}


def test_groups_are_those_of_the_grid():
    assert {(r, f): group(r, f) for r in GRID for f in range(1, 6)} == {
        **dict.fromkeys([(5, 4), (5, 5)], RfmGroup.CHAMPIONS),
        **dict.fromkeys([(3, 4), (3, 5), (4, 4), (4, 5)], RfmGroup.LOYAL),
        **dict.fromkeys([(4, 2), (4, 3), (5, 2), (5, 3)], RfmGroup.POTENTIAL_LOYALISTS),
        (5, 1): RfmGroup.NEW,
        (4, 1): RfmGroup.PROMISING,
        (3, 3): RfmGroup.NEED_ATTENTION,
        **dict.fromkeys([(3, 1), (3, 2)], RfmGroup.ABOUT_TO_SLEEP),
        **dict.fromkeys([(1, 3), (1, 4), (2, 3), (2, 4)], RfmGroup.AT_RISK),
        **dict.fromkeys([(1, 5), (2, 5)], RfmGroup.CANT_LOSE),
        **dict.fromkeys([(1, 2), (2, 1), (2, 2)], RfmGroup.HIBERNATING),
        (1, 1): RfmGroup.LOST,
    }


@pytest.mark.parametrize(("recency", "frequency"), [(0, 1), (1, 0), (6, 1), (1, 6), (-1, -1)])
def test_there_is_no_group_for_what_is_no_score(recency: int, frequency: int):
    with pytest.raises(ValueError, match="scores are 1 to 5"):
        group(recency, frequency)


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _buyers() -> list[tuple[int, float, float]]:
    return [(int(row["x"]), float(row["t_x"]), float(row["T"])) for row in _rows("cdnow.csv")]


def _spendings() -> list[tuple[int, float]]:
    return [(int(row["x"]), float(row["zbar"])) for row in _rows("cdnow.csv")]


def _size(row: tuple[int, int, int, int]) -> int:
    return sum(row[1:])


def _survival(step: object) -> float | None:
    return getattr(step, "survival", None)


def _history(x: int, share: float, age: float) -> tuple[int, float, float]:
    return (x, age * share if x else 0.0, age)


def _simulated(model: BgNbd, size: int) -> list[tuple[int, float, float]]:
    chance = random.Random(1)
    found = []
    for _ in range(size):
        rate, leaving = chance.gammavariate(model.r, 1 / model.alpha), chance.betavariate(model.a, model.b)
        age, x, recency = chance.uniform(0, 1000), 0, 0.0
        while rate and (then := recency + chance.expovariate(rate)) < age:
            x, recency = x + 1, then
            if chance.random() < leaving:
                break
        found.append((x, recency, age))
    return found

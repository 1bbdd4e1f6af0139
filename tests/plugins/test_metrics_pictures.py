"""Pictures of figures: whole SVG documents that anybody may read and nothing may be smuggled into."""

import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from plugins.metrics.pictures import Cohort, Line, Point, Step, funnel, heatmap, series

SVG = "{http://www.w3.org/2000/svg}"
STEPS = [Step("Lead", 420), Step("Proposal", 164), Step("Won", 52)]
COHORTS = [
    Cohort("March", [1.0, 0.625, 0.3], 200, {2}),
    Cohort("April", [1.0, 0.5, None], 1200, {1}),
    Cohort("May", [1, None, None], 90, {0}),
]
POINTS = [Point("March", (1200, 900)), Point("April", (2400, 1800)), Point("May", (None, 1000)), Point("June", (700, 2500), complete=False)]
LINES = [Line("2026"), Line("2025", compared=True)]
HOSTILE = ["</text><script>alert(1)</script>", "&lt;b&gt; ]]> <!-- \" '", "$\\frac{1}{2}$", "_hidden", "url(#x)", "{}%s", "\\", "-->"]
PICTURES: dict[str, Callable[..., str]] = {
    "funnel": lambda **said: funnel(STEPS, **said),
    "heatmap": lambda **said: heatmap(COHORTS, **said),
    "series": lambda **said: series(POINTS, LINES, **said),
}
ACROSS = [
    ("funnel", "Lead", "420"),
    ("heatmap", "March", "200"),
    ("heatmap", "200", "0"),
    ("heatmap", "0", "2"),
    ("series", "March", "June"),
]
PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
EMPTY: list[Callable[..., str]] = [
    lambda **said: funnel([], **said),
    lambda **said: funnel([Step("Lead", 0), Step("Won", 0)], **said),
    lambda **said: heatmap([], **said),
    lambda **said: heatmap([Cohort("March", []), Cohort("April", [None, None])], **said),
    lambda **said: series([], [], **said),
    lambda **said: series(POINTS, [], **said),
    lambda **said: series([], LINES, **said),
    lambda **said: series([Point("March", (None,)), Point("April", ())], LINES, **said),
]
slowly = settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
labels = some.text(max_size=60) | some.sampled_from(HOSTILE) | some.text("\u202e\u2067\u200f\u0000\u001b\ufffe\ud800م<&\n ", max_size=20)
rates = some.none() | some.floats() | some.floats(0, 1)
counts = some.integers(0, 10**18)
locales = some.sampled_from(["fa", "en"])
every = pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)


@every
@pytest.mark.parametrize("locale", ["fa", "en"])
def test_a_picture_is_a_document_that_needs_nothing_else(picture, locale):
    _check(picture(locale=locale, title="Spring"))


@every
def test_a_picture_is_the_same_whenever_and_wherever_it_is_drawn(picture):
    once = picture(locale="fa", title="بهار")
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: picture(locale="fa", title="بهار"), range(6))) == {once}
    assert picture(locale="fa", title="پاییز") != once


@every
def test_persian_pictures_run_from_right_to_left_in_persian_digits(picture):
    drawing = _check(picture(locale="fa-IR"))
    assert drawing.get("direction") == "rtl"
    assert drawing.get("lang", "").startswith("fa")
    assert "Vazirmatn" in drawing.get("font-family", "")
    written = " ".join(_texts(drawing)).replace("2026", "").replace("2025", "")
    assert re.search("[۰-۹]", written)
    assert not re.search("[0-9%]", written)


@every
def test_other_pictures_run_from_left_to_right(picture):
    drawing = _check(picture(locale="en-GB"))
    assert drawing.get("direction") == "ltr"
    assert not re.search("[۰-۹٪٫]", " ".join(_texts(drawing)))


@pytest.mark.parametrize(("picture", "one", "other"), ACROSS)
def test_what_is_first_is_on_the_side_where_reading_begins(picture, one, other):
    assert _across(_check(PICTURES[picture]()), one, other) == [one, other]
    first, second = one.translate(PERSIAN), other.translate(PERSIAN)
    mirrored = _check(PICTURES[picture](locale="fa"))
    assert _across(mirrored, first, second) == [second, first]
    assert [group.get("transform") for group in mirrored.findall(f"{SVG}g")] == ["translate(720) scale(-1 1)"]


@pytest.mark.parametrize(
    ("locale", "direction"), [("de", "ltr"), ("ar", "rtl"), ("fa_IR", "rtl"), ("fa-IR-u-nu-latn", "rtl"), ("zh-Hant-TW", "ltr")]
)
def test_a_locale_is_what_babel_knows_of_its_tag(locale, direction):
    assert _check(funnel(STEPS, locale=locale)).get("direction") == direction


@every
@pytest.mark.parametrize("locale", ["", "xx", "no such", "../en"])
def test_a_locale_that_is_none_is_refused(picture, locale):
    with pytest.raises(ValueError, match="no locale"):
        picture(locale=locale)


def test_a_funnel_tells_how_many_came_and_which_part_of_those_before():
    assert _told(funnel(STEPS), "420", "164", "52", "of the step before", "39%", "32%", "of the first", "12%")
    assert _told(funnel(STEPS, locale="fa"), "۴۲۰", "۳۹٪", "۳۲٪", "۱۲٪", "از گام پیش")
    assert _told(funnel([Step("Lead", 0), Step("Won", 3)]), "0", "3"), "a step may be skipped"


def test_a_heatmap_tells_the_rate_of_each_cell_that_is_known():
    written = _texts(_check(heatmap(COHORTS)))
    assert [text for text in written if text.endswith("%")] == ["100%", "63%", "30%", "100%", "50%", "100%"]
    assert _told(heatmap(COHORTS), "March", "April", "May", "0", "1", "2", "200", "1,200", "90", "Size", "Period not over yet")
    assert _told(heatmap(COHORTS, locale="fa"), "۶۳٪", "۱٬۲۰۰", "دوره هنوز تمام نشده است")
    assert _told(heatmap(COHORTS, periods=["at once", "a month on"]), "at once", "a month on", "2")


def test_cells_of_a_period_that_is_not_over_are_dashed():
    over = heatmap([Cohort("March", [1.0, 0.5])])
    assert "stroke-dasharray" not in over
    assert "Period not over yet" not in over
    assert heatmap([Cohort("March", [1.0, 0.5], incomplete={1})]).count("stroke-dasharray") == 2, "the cell, and what explains it"


def test_a_series_tells_its_lines_and_periods():
    assert _told(series(POINTS, LINES, unit="EUR"), "2026", "2025", "March", "April", "May", "June", "EUR", "Period not over yet")
    assert _told(series(POINTS, LINES, locale="fa"), "۰", "۱٬۰۰۰", "۲٬۰۰۰")
    assert _told(series([Point("a", (0.1,)), Point("b", (0.4,))], [Line("x")], percent=True), "0%", "20%", "40%")
    assert _told(series([Point("a", (0.3,)), Point("b", (1.5,))], [Line("x")], locale="fa"), "۰", "۰٫۵", "۱٫۵")
    assert _told(series([Point("a", (2e6,)), Point("b", (6e6,))], [Line("x")], locale="fa"), "۲\xa0میلیون")


def test_lines_to_a_period_that_is_not_over_are_dashed_and_compared_lines_dotted():
    over, not_over = [Point("a", (1, 2)), Point("b", (2, 1))], [Point("a", (1, 2)), Point("b", (2, 1), complete=False)]
    assert _dashes(series(over, [Line("x"), Line("y")])) == 0
    assert _dashes(series(over, [Line("x"), Line("y", compared=True)])) == 1
    assert _dashes(series(not_over, [Line("x")])) == 1
    assert _dashes(series(not_over, [Line("x"), Line("y", compared=True)])) == 2, "the time compared is over"


@pytest.mark.parametrize("picture", EMPTY)
def test_a_picture_of_nothing_says_so(picture):
    assert _told(picture(), "No data to show")
    assert _told(picture(locale="fa", title="بهار"), "داده‌ای برای نمایش نیست", "بهار")
    assert _told(picture(empty="Ask <me> later"), "Ask <me> later")


@every
def test_a_picture_is_read_out_by_its_title_and_its_figures(picture):
    drawing = _check(picture(title="Spring"))
    assert drawing.get("role") == "img"
    assert [part.tag for part in drawing[:2]] == [f"{SVG}title", f"{SVG}desc"]
    assert drawing[0].text == "Spring"
    assert re.search(r"\d", drawing[1].text or "")
    assert _check(picture(description="Better than ever"))[0].text == "Better than ever"


@pytest.mark.parametrize("label", HOSTILE)
def test_labels_are_text_whatever_they_hold(label):
    short = f"{label[:23]}…" if len(label) > 24 else label
    assert label in _texts(_check(funnel([Step(label, 1)])))
    assert label in _texts(_check(funnel(STEPS, title=label)))
    assert short in _texts(_check(heatmap([Cohort(label, [1.0])])))
    assert label in _texts(_check(series(POINTS, [Line(label)])))
    assert label in _texts(_check(series(POINTS, LINES, unit=label)))


def test_labels_are_short_on_one_line_and_turn_nothing_around():
    written = _texts(_check(funnel([Step("x" * 500, 2), Step("one\n two\u202eeno\x00\x1b\ud800\ufffe", 1)], title="y" * 500)))
    assert "one twoeno" in written
    assert max(map(len, written)) < 80
    assert "سرنخ‌ها" in _texts(_check(funnel([Step("سرنخ‌ها", 1)]))), "what joins letters stays"


def test_names_in_one_picture_are_not_those_of_another():
    one, other = series(POINTS, LINES), series(POINTS[:3], LINES)
    assert not set(re.findall(r'\bid="([^"]*)"', one)) & set(re.findall(r'\bid="([^"]*)"', other))


def test_a_thousand_points_are_drawn():
    points = [Point(f"day {place}", (place % 17, place % 5 or None)) for place in range(1000)]
    drawing = _check(series(points, LINES))
    assert len([text for text in _texts(drawing) if text.startswith("day")]) < 20
    assert len(_texts(_check(heatmap([Cohort(f"{row}", [0.5] * 25) for row in range(40)])))) > 1000


def test_a_server_that_draws_nothing_reads_no_library():
    code = "import sys, plugins.metrics, plugins.metrics.pictures; sys.exit('matplotlib' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@slowly
@given(some.lists(some.builds(Step, labels, counts), max_size=6), locales, labels)
def test_any_funnel_is_drawn(steps, locale, title):
    _check(funnel(steps, locale=locale, title=title))


@slowly
@given(
    some.lists(
        some.builds(Cohort, labels, some.lists(rates, max_size=5), some.none() | counts, some.sets(some.integers(0, 5))), max_size=5
    ),
    locales,
)
def test_any_heatmap_is_drawn(cohorts, locale):
    _check(heatmap(cohorts, locale=locale, periods=[cohort.label for cohort in cohorts]))


@slowly
@given(
    some.lists(some.builds(Point, labels, some.lists(rates | counts, max_size=3), some.booleans()), max_size=6),
    some.lists(some.builds(Line, labels, some.booleans()), max_size=3),
    some.booleans(),
    locales,
)
def test_any_series_is_drawn(points, lines, percent, locale):
    _check(series(points, lines, percent=percent, locale=locale, unit="<&>"))


def _check(drawn: str) -> ElementTree.Element:
    """The root of a picture, after a look at whether it is a document of its own that runs and fetches nothing."""
    drawing = ElementTree.fromstring(drawn)
    assert drawing.tag == f"{SVG}svg"
    assert "<!" not in drawn
    assert "<?" not in drawn
    names = [element.get("id") for element in drawing.iter() if element.get("id")]
    assert len(names) == len(set(names))
    for element in drawing.iter():
        assert element.tag.removeprefix(SVG) in {"svg", "title", "desc", "g", "defs", "path", "use", "text", "clipPath", "rect"}
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            assert name not in ("style", "src")
            if "href" in name or "url(" in value:
                assert re.fullmatch(r"#[\w.-]+|url\(#[\w.-]+\)", value)
                assert value.removeprefix("url(").strip("#)") in names
            assert "nan" not in value.lower().split()
    return drawing


def _texts(drawing: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in drawing.iter(f"{SVG}text")]


def _told(drawn: str, *texts: str) -> bool:
    written = _texts(_check(drawn))
    assert [text for text in texts if text not in written] == []
    return True


def _dashes(drawn: str) -> int:
    """How many lines of the plot, which is what is not in the legend, are dashed or dotted."""
    drawing = _check(drawn)
    legend = {part for group in drawing.iter(f"{SVG}g") if "legend" in group.get("id", "") for part in group.iter()}
    return sum(part not in legend and "stroke-dasharray" in part.attrib for part in drawing.iter())


def _across(drawing: ElementTree.Element, *texts: str) -> list[str]:
    """Texts of a picture from left to right, as they are seen."""
    places = {text.text: _place(text) for text in drawing.iter(f"{SVG}text")}
    return sorted(texts, key=lambda text: places[text])


def _place(text: ElementTree.Element) -> float:
    """Where the anchor of a text is seen, in a drawing that is mirrored or not."""
    x = float(text.get("x", ""))
    return x if text.get("transform") is None else -x

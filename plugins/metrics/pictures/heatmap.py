"""The picture of retention: a table of cohorts by the periods since they began."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins.metrics.pictures.canvas import FAINT, INK, Canvas
from plugins.metrics.pictures.speech import Speech, shown, speech

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW, _COLUMN, _FRAME, _LABELS = 32, 46, 112, 150


@dataclass(frozen=True)
class Cohort:
    """A row: who began together, how many they were, and which part of them was there in each period since, from 0 to 1.

    None is a period of which nothing is known. `incomplete` are the places, from 0, of periods that are not over.
    """

    label: str
    rates: Sequence[float | None]
    size: int | None = None
    incomplete: Collection[int] = ()


def heatmap(
    cohorts: Sequence[Cohort],
    *,
    periods: Sequence[str] = (),
    locale: str = "en",
    title: str = "",
    description: str = "",
    empty: str = "",
    width: int = 720,
) -> str:
    """A cell for each cohort and period, darker the more of the cohort was there; dashed while its period is not over.

    `periods` are the heads of the columns, by default their numbers from 0. The picture gets wider than `width` where cells would not hold
    their figures. Raises ValueError for an unknown locale.
    """
    said = speech(locale)
    columns = max((len(cohort.rates) for cohort in cohorts), default=0)
    heads = [shown(periods[place], 12) if place < len(periods) else said.number(place) for place in range(columns)]
    cells = [_Cell(x, y, rate, x in cohort.incomplete) for y, cohort in enumerate(cohorts) for x, rate in _known(cohort.rates)]
    told = description or said.word("semicolon").join(_told(said, cohort) for cohort in cohorts)
    canvas = Canvas(locale, max(width, _LABELS + _COLUMN * columns), _FRAME + _ROW * max(len(cohorts), 3), title, told)
    if not cells:
        return canvas.blank(shown(empty) or said.word("empty"))
    return canvas.drawn(lambda axes: _draw(axes, said, cohorts, heads, cells))


@dataclass(frozen=True)
class _Cell:
    x: int
    y: int
    rate: float
    incomplete: bool


def _known(rates: Sequence[float | None]) -> list[tuple[int, float]]:
    return [(place, rate) for place, rate in enumerate(rates) if rate is not None and math.isfinite(rate)]


def _told(said: Speech, cohort: Cohort) -> str:
    return f"{shown(cohort.label)}: {said.word('comma').join(said.percent(rate) for _, rate in _known(cohort.rates))}"


def _draw(axes: "Axes", said: Speech, cohorts: Sequence[Cohort], heads: Sequence[str], cells: Sequence[_Cell]) -> None:
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    shades = colormaps["Blues"]
    for cell in cells:
        shade = shades(0.9 * min(max(cell.rate, 0.0), 1.0))
        ink = _ink(shade)
        axes.add_patch(Rectangle((cell.x - 0.47, cell.y - 0.46), 0.94, 0.92, facecolor=shade))
        if cell.incomplete:
            axes.add_patch(
                Rectangle((cell.x - 0.42, cell.y - 0.38), 0.84, 0.76, fill=False, edgecolor=ink, linestyle=(0, (3, 2)), linewidth=1)
            )
        text = axes.text(
            cell.x,
            cell.y,
            said.percent(cell.rate),
            horizontalalignment="center",
            verticalalignment="center_baseline",
            color=ink,
            fontsize=11,
        )
        text.set_in_layout(False)
    axes.set(xlim=(-0.5, len(heads) - 0.5), ylim=(len(cohorts) - 0.5, -0.5))
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=8)
    axes.set_xticks(range(len(heads)), heads, color=FAINT, fontsize=11, verticalalignment="baseline")
    axes.set_yticks(range(len(cohorts)), [shown(cohort.label, 24) for cohort in cohorts])
    _sizes(axes, said, cohorts)
    if any(cell.incomplete for cell in cells):
        note = Rectangle((0, 0), 1, 1, fill=False, edgecolor=INK, linestyle=(0, (3, 2)), linewidth=1)
        axes.legend(
            [note], [said.word("incomplete")], loc="upper left", bbox_to_anchor=(0, 0), frameon=False, fontsize=11, borderaxespad=0.4
        )


def _sizes(axes: "Axes", said: Speech, cohorts: Sequence[Cohort]) -> None:
    if all(cohort.size is None for cohort in cohorts):
        return
    axes.tick_params(axis="y", pad=58)
    axes.annotate(
        said.word("size"),
        (0, 1),
        (-10, 8),
        xycoords="axes fraction",
        textcoords="offset points",
        horizontalalignment="right",
        color=FAINT,
        fontsize=11,
    )
    for y, cohort in enumerate(cohorts):
        text = "" if cohort.size is None else said.number(cohort.size)
        axes.annotate(
            text,
            (-0.5, y),
            (-10, 0),
            textcoords="offset points",
            horizontalalignment="right",
            verticalalignment="center_baseline",
            color=FAINT,
        )


def _ink(shade: tuple[float, float, float, float]) -> str:
    """Black or white, whichever has the greater contrast with a shade: WCAG 2.2, relative luminance. At least 4.5:1 everywhere."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shade[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "#ffffff"

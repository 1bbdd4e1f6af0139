"""The picture of figures over time: one line or several, beside those of an earlier time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from plugins.metrics.pictures.canvas import COLOURS, FAINT, Canvas
from plugins.metrics.pictures.speech import Speech, shown, speech

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_HEIGHT = 360
_CHARACTER, _GAP = 5.8, 6  # CSS pixels of a label, and between two of them, below the axis
_LETTER, _HANDLE = 6.8, 62  # and in the legend, with the stroke beside it
_MARKED, _MANY = 40, 200  # points up to which each has a mark, and from which on a line is thin
_DASHES, _DOTS = (0, (4, 2.4)), (0, (1, 1.4))
_NOTHING = float("nan")


@dataclass(frozen=True)
class Line:
    """A line. One that is `compared` shows another time for the line before it, in its colour and dotted."""

    label: str
    compared: bool = False


@dataclass(frozen=True)
class Point:
    """A period: what it is called, the value of each line in it, and whether it is over. None is a value that is not known."""

    label: str
    values: Sequence[float | None]
    complete: bool = True


def series(
    points: Sequence[Point],
    lines: Sequence[Line],
    *,
    percent: bool = False,
    unit: str = "",
    locale: str = "en",
    title: str = "",
    description: str = "",
    empty: str = "",
    width: int = 720,
) -> str:
    """Lines over periods, which are equally far from each other; dashed to and from a period that is not over.

    `percent` writes values as rates, of which 1 is 100%; `unit` is what they count. Raises ValueError for an unknown locale.
    """
    said = speech(locale)
    values = [[_value(point.values, place) for point in points] for place in range(len(lines))]
    known = [value for row in values for value in row if not math.isnan(value)]
    told = description or said.word("semicolon").join(
        _told(said, line, points, row, percent) for line, row in zip(lines, values, strict=True)
    )
    canvas = Canvas(locale, width, _HEIGHT, title, told)
    if not known:
        return canvas.blank(shown(empty) or said.word("empty"))
    chart = _Chart(said, points, lines, values, known, percent, shown(unit), width)
    return canvas.drawn(chart.draw)


@dataclass(frozen=True)
class _Chart:
    said: Speech
    points: Sequence[Point]
    lines: Sequence[Line]
    values: Sequence[Sequence[float]]
    known: Sequence[float]
    percent: bool
    unit: str
    width: int

    def draw(self, axes: "Axes") -> None:
        """Draw all of it."""
        from matplotlib.lines import Line2D

        self._scale(axes)
        self._periods(axes)
        colour, number = COLOURS[0], -1
        entries: list[tuple[Line2D, str]] = []
        for line, row in zip(self.lines, self.values, strict=True):
            if not line.compared or number < 0:
                number += 1
                colour = COLOURS[number % len(COLOURS)]
            entries.append((self._line(axes, line, row, colour), shown(line.label, 32) or "—"))
        if not all(point.complete for point in self.points):
            entries.append((Line2D([], [], color=FAINT, linestyle=_DASHES, linewidth=2.2), self.said.word("incomplete")))
        self._legend(axes, entries)

    def _legend(self, axes: "Axes", entries: "Sequence[tuple[Line2D, str]]") -> None:
        widths = [len(label) * _LETTER + _HANDLE for _, label in entries]
        room = self.width * 0.85
        columns = len(entries) if sum(widths) <= room else max(int(room / max(widths)), 1)
        filled = [entry for column in range(columns) for entry in entries[column::columns]]  # the legend is filled column by column
        axes.legend(
            [handle for handle, _ in filled],
            [label for _, label in filled],
            title=self.unit or None,
            title_fontsize=11,
            alignment="left",
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=columns,
            frameon=False,
            borderpad=0,
            borderaxespad=0.8,
            handlelength=2.6,
            columnspacing=1.6,
        )

    def _scale(self, axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        whole = not self.percent and all(value == int(value) for value in self.known)
        low, high = min(0.0, *self.known), max(0.0, *self.known)
        ticks = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10], integer=whole).tick_values(low, high if high > low else 1.0)
        axes.set_ylim(ticks[0], ticks[-1])
        said = [self.said.percent(float(tick), 2) if self.percent else self.said.number(float(tick)) for tick in ticks]
        axes.set_yticks(ticks, said, color=FAINT, fontsize=11)
        axes.grid(axis="y")

    def _periods(self, axes: "Axes") -> None:
        labels = [shown(point.label, 20) for point in self.points]
        pitch = self.width * 0.85 / len(labels)
        places = range(0, len(labels), next(step for step in range(1, len(labels) + 1) if _fit(labels[::step], step * pitch)))
        axes.set_xlim(-0.4, len(labels) - 0.6)
        axes.set_xticks(places, [labels[place] for place in places], color=FAINT, fontsize=11, verticalalignment="baseline")
        axes.tick_params(axis="x", pad=14)

    def _line(self, axes: "Axes", line: Line, row: Sequence[float], colour: str) -> "Line2D":
        over = [point.complete or line.compared for point in self.points]
        style = _DOTS if line.compared else "solid"
        weight = 1.2 if len(row) > _MANY else 1.8 if line.compared else 2.2
        (drawn,) = axes.plot(
            [value if done else _NOTHING for value, done in zip(row, over, strict=True)],
            color=colour,
            linewidth=weight,
            linestyle=style,
            clip_on=False,
        )
        if not all(over):
            near = [not all(over[max(place - 1, 0) : place + 2]) for place in range(len(over))]
            axes.plot(
                [value if here else _NOTHING for value, here in zip(row, near, strict=True)],
                color=colour,
                linewidth=weight,
                linestyle=_DASHES,
                clip_on=False,
            )
        self._marks(axes, line, row, over, colour)
        return drawn

    def _marks(self, axes: "Axes", line: Line, row: Sequence[float], over: Sequence[bool], colour: str) -> None:
        """A mark for each of few points, and for those that no line meets; hollow for a period that is not over."""
        few = len(row) <= _MARKED and not line.compared
        for done in (True, False):
            places = [
                place for place in range(len(row)) if over[place] is done and (few or _alone(row, place)) and not math.isnan(row[place])
            ]
            if not places:
                continue  # an empty one would take room at the corner of the picture
            axes.plot(
                places,
                [row[place] for place in places],
                color=colour,
                linestyle="none",
                marker="o",
                markersize=6,
                markerfacecolor=colour if done else "#ffffff",
                markeredgewidth=1.6,
                clip_on=False,
            )


def _value(values: Sequence[float | None], place: int) -> float:
    value = values[place] if place < len(values) else None
    return _NOTHING if value is None or not math.isfinite(value) else float(value)


def _alone(row: Sequence[float], place: int) -> bool:
    return all(math.isnan(value) for value in (*row[max(place - 1, 0) : place], *row[place + 1 : place + 2]))


def _fit(labels: Sequence[str], pitch: float) -> bool:
    return all((len(one) + len(other)) / 2 * _CHARACTER + _GAP <= pitch for one, other in pairwise(labels))


def _said(said: Speech, value: float, percent: bool) -> str:
    return said.percent(value) if percent else said.number(value)


def _told(said: Speech, line: Line, points: Sequence[Point], row: Sequence[float], percent: bool) -> str:
    told = (
        f"{shown(point.label)} {_said(said, value, percent)}" for point, value in zip(points, row, strict=True) if not math.isnan(value)
    )
    return f"{shown(line.label)}: {said.word('comma').join(told)}"

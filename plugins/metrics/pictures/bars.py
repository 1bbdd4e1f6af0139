"""The picture of figures by group: a bar for each, with its interval and what it was before."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins.metrics.pictures.canvas import COLOURS, FAINT, INK, TRACK, Canvas
from plugins.metrics.pictures.speech import Speech, shown, speech

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW, _FRAME, _UNIT = 38, 64, 26  # CSS pixels
_LETTER = 7.4  # CSS pixels of a digit in the widest figure beside a bar


@dataclass(frozen=True)
class Bar:
    """A group: its figure, the interval that it lies in, and the figure of an earlier time. None is a figure that is not known."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    compared: float | None = None


def bars(
    groups: Sequence[Bar],
    *,
    percent: bool = False,
    unit: str = "",
    compared: str = "",
    locale: str = "en",
    title: str = "",
    description: str = "",
    empty: str = "",
    width: int = 720,
) -> str:
    """A bar for each group, in the order given; a line through its end for the interval, and a thin bar for the earlier time.

    `percent` writes values as rates, of which 1 is 100%; `unit` is what they count, `compared` what the earlier time is called.
    Raises ValueError for an unknown locale.
    """
    said = speech(locale)
    rows = [_Row.of(said, group, percent) for group in groups]
    head = said.word("comma").join(
        filter(None, (shown(unit), f"▬ {shown(compared)}" if any(row.compared is not None for row in rows) else ""))
    )
    told = description or said.word("semicolon").join(row.told for row in rows)
    canvas = Canvas(locale, width, _FRAME + (_UNIT if head else 0) + _ROW * max(len(rows), 3), title, told)
    if not any(row.value is not None for row in rows):
        return canvas.blank(shown(empty) or said.word("empty"))
    return canvas.drawn(lambda axes: _draw(axes, rows, head, width))


@dataclass(frozen=True)
class _Row:
    label: str
    value: float | None
    low: float | None
    high: float | None
    compared: float | None
    number: str

    @classmethod
    def of(cls, said: Speech, group: Bar, percent: bool) -> "_Row":
        value, low, high, compared = (_known(one) for one in (group.value, group.low, group.high, group.compared))
        number = "—" if value is None else said.percent(value, 1) if percent else said.number(value)
        return cls(shown(group.label, 32), value, low, high, compared, number)

    @property
    def told(self) -> str:
        return f"{self.label}: {self.number}"

    @property
    def reach(self) -> tuple[float, float]:
        """From where to where the row is drawn."""
        known = [0.0, *(one for one in (self.value, self.low, self.high, self.compared) if one is not None)]
        return min(known), max(known)


def _known(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _draw(axes: "Axes", rows: Sequence[_Row], head: str, width: int) -> None:
    low, high = min(row.reach[0] for row in rows), max(row.reach[1] for row in rows)
    # Whatever the figures, the drawing is about as wide as 1: figures beyond all bounds would be none to the library.
    scale = max(high, -low) or 1.0

    def part(value: float | None) -> float:
        return 0.0 if value is None else value / scale

    room = 12 + max(len(row.number) for row in rows) * _LETTER
    span = (part(high) - part(low)) or 1.0
    places = range(len(rows))
    axes.barh(places, [part(row.value) for row in rows], height=0.56, color=COLOURS[0])
    for place, row in enumerate(rows):
        if row.compared is not None:
            axes.barh([place + 0.38], [part(row.compared)], height=0.14, color=FAINT)
        if row.low is not None and row.high is not None:
            axes.plot([part(row.low), part(row.high)], [place, place], color=INK, linewidth=1.4, marker="|", markersize=8, clip_on=False)
        axes.annotate(
            row.number,
            (part(max(row.reach)), place),
            (8, 0),
            textcoords="offset points",
            verticalalignment="center_baseline",
            fontweight="bold",
        )
    axes.axvline(0, color=TRACK, linewidth=1)
    axes.set(xlim=(part(low), part(low) + span * (1 + room / (width * 0.6))), ylim=(len(rows) - 0.4, -0.6), xticks=[])
    axes.set_yticks(places, [row.label for row in rows])
    axes.spines["bottom"].set_visible(False)
    if head:
        axes.set_title(head, loc="left", fontsize=11, color=FAINT)

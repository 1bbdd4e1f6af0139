"""The picture of a funnel: how many came to each step, and the share of those before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins.metrics.pictures.canvas import COLOURS, FAINT, TRACK, Canvas
from plugins.metrics.pictures.speech import Speech, shown, speech

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW, _RATE, _FRAME = 38, 104, 96


@dataclass(frozen=True)
class Step:
    """A step, and how many reached it or a later one: 0 or more."""

    label: str
    reached: int


def funnel(steps: Sequence[Step], *, locale: str = "en", title: str = "", description: str = "", empty: str = "", width: int = 720) -> str:
    """A bar for each step, in the order given, and two rates: of the step before and of the first.

    Raises ValueError for an unknown locale.
    """
    said = speech(locale)
    rows = [_Row.of(said, steps, place) for place in range(len(steps))]
    told = description or said.word("semicolon").join(row.told for row in rows)
    canvas = Canvas(locale, width, _FRAME + _ROW * max(len(rows), 3), title, told)
    most = max((step.reached for step in steps), default=0)
    if not most:
        return canvas.blank(shown(empty) or said.word("empty"))
    return canvas.drawn(lambda axes: _draw(axes, said, rows, most))


@dataclass(frozen=True)
class _Row:
    label: str
    reached: int
    number: str
    of_previous: str
    of_first: str

    @classmethod
    def of(cls, said: Speech, steps: Sequence[Step], place: int) -> "_Row":
        here = steps[place].reached
        before, first = steps[place - 1].reached if place else 0, steps[0].reached
        return cls(
            label=shown(steps[place].label, 32),
            reached=here,
            number=said.number(here),
            of_previous=said.percent(here / before) if before else "",
            of_first=said.percent(here / first) if first and place else "",
        )

    @property
    def told(self) -> str:
        return ": ".join(filter(None, (self.label, self.number))) + (f" ({self.of_first})" if self.of_first else "")


def _draw(axes: "Axes", said: Speech, rows: Sequence[_Row], most: int) -> None:
    places = range(len(rows))
    shares = [row.reached / most for row in rows]  # whatever the figures, the drawing is from 0 to 1
    axes.barh(places, [1.0] * len(rows), height=0.62, color=TRACK)
    axes.barh(places, shares, height=0.62, color=COLOURS[0])
    axes.set(xlim=(0, 1.12), ylim=(len(rows) - 0.5, -0.5), xticks=[])
    axes.set_yticks(places, [row.label for row in rows])
    axes.spines["bottom"].set_visible(False)
    for place, row in enumerate(rows):
        axes.annotate(
            row.number, (shares[place], place), (6, 0), textcoords="offset points", verticalalignment="center_baseline", fontweight="bold"
        )
    for column, word in enumerate(("of_previous", "of_first"), 1):
        _beside(axes, column, -0.55, said.word(word))
        for place, row in enumerate(rows):
            _beside(axes, column, place, getattr(row, word))


def _beside(axes: "Axes", column: int, y: float, text: str) -> None:
    at = axes.get_yaxis_transform()
    axes.annotate(
        text,
        (1, y),
        (_RATE * column, 0),
        at,
        "offset points",
        color=FAINT,
        horizontalalignment="right",
        verticalalignment="center_baseline",
    )

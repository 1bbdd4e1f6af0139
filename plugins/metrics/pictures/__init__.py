"""Figures as pictures: SVG documents for a browser, a mail or a page, in the digits and the direction of a locale.

Pure functions: what they draw is what they are given. All of them take

- `locale`, a BCP 47 tag that decides digits, direction and the words of the picture itself; ValueError when there is no such locale,
- `title`,
- `description`, which is read out instead of the picture; by default its figures in words,
- `empty`, what a picture without figures says, and
- `width` in CSS pixels; the height follows from what is drawn.

Labels are shown as they are, but on one line, without control characters, and shortened. The first picture reads the library that
draws, which takes a second; until then nobody pays for it. One picture at a time is drawn in a process, and a coroutine should leave it
to a thread.
"""

from plugins.metrics.pictures.bars import Bar, bars
from plugins.metrics.pictures.funnel import Step, funnel
from plugins.metrics.pictures.heatmap import Cohort, heatmap
from plugins.metrics.pictures.series import Line, Point, series

__all__ = ["Bar", "Cohort", "Line", "Point", "Step", "bars", "funnel", "heatmap", "series"]

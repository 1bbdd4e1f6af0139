"""What is the same in all pictures: how they look, and how a drawing becomes a document."""

import hashlib
import io
import threading
import unicodedata
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from plugins.metrics.pictures.speech import Speech, shown, speech

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, FAINT, RULE, TRACK = "#1f2933", "#5b6770", "#dde2e7", "#eef1f4"

# Colours that differ for every kind of sight, by Okabe and Ito (2008), those with a contrast of 3:1 on white: WCAG 2.2, 1.4.11.
COLOURS = ("#0072b2", "#d55e00", "#00805d", "#a8427f", "#1f2933", "#8a6400")

_DPI = 72  # points to an inch; the backend makes one unit of a point
_SVG, _XLINK = "http://www.w3.org/2000/svg", "{http://www.w3.org/1999/xlink}"
_FONTS = {"rtl": "Vazirmatn, Tahoma, 'DejaVu Sans', sans-serif", "ltr": "'Segoe UI', Roboto, Helvetica, Arial, sans-serif"}
_LONGEST_DESCRIPTION = 2000

# Text is measured with the font that comes with the library, whatever the machine has; it is wider than those that show it.
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "payvand",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "text.color": INK,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.edgecolor": RULE,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "xtick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.color": RULE,
    "ytick.labelcolor": INK,
    "ytick.major.size": 0,
    "ytick.major.pad": 8,
    "figure.constrained_layout.h_pad": 0.16,
    "figure.constrained_layout.w_pad": 0.16,
}

# The library and its style are global, so one picture is drawn at a time.
_one = threading.Lock()


@dataclass(frozen=True)
class Canvas:
    """A picture before it is drawn: its locale, its size in CSS pixels, and what is said about it."""

    locale: str
    width: int
    height: int
    title: str = ""
    description: str = ""
    speech: Speech = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "speech", speech(self.locale))

    def drawn(self, draw: Callable[["Axes"], None]) -> str:
        """The document of what `draw` draws into the axes, from left to right, whatever the direction of the locale."""
        library = _library()
        out = io.BytesIO()
        warnings.filterwarnings("ignore", r"Glyph \d+", UserWarning)  # what the font that measures does not have, that of a browser may
        with _one, library.style.context(_STYLE, after_reset=True):
            figure = library.figure.Figure(figsize=(self.width / _DPI, self.height / _DPI), dpi=_DPI, layout="constrained")
            if title := shown(self.title, self.width // 10):
                figure.suptitle(title, x=0.16 * _DPI / self.width, horizontalalignment="left", fontsize=15, fontweight="bold")
            draw(figure.add_subplot())
            figure.savefig(out, format="svg", metadata={"Date": None})
        return _document(out.getvalue(), self)

    def blank(self, text: str) -> str:
        """The document of a picture that has nothing to show, and says so."""

        def draw(axes: "Axes") -> None:
            axes.set_axis_off()
            axes.text(0.5, 0.5, text, transform=axes.transAxes, horizontalalignment="center", verticalalignment="center", color=FAINT)

        return self.drawn(draw)


@cache
def _library() -> Any:
    """matplotlib, read when the first picture is asked for."""
    import matplotlib.figure
    import matplotlib.style

    return matplotlib


def _document(drawn: bytes, canvas: Canvas) -> str:
    """A document of its own, which may stand alone or in a page.

    Without a stylesheet, since some pages forbid it, and one in a page would change all of it; without names that another picture in
    the same page may have; without a document type, which names an address. For a right-to-left locale the drawing is mirrored as a whole,
    and each text mirrored back where it stands.
    """
    root = ElementTree.Element(
        "svg",
        {
            "xmlns": _SVG,
            "width": str(canvas.width),
            "height": str(canvas.height),
            "viewBox": f"0 0 {canvas.width} {canvas.height}",
            "role": "img",
            "lang": canvas.speech.tag,
            "direction": canvas.speech.direction,
            "font-family": _FONTS[canvas.speech.direction],
            "stroke-linejoin": "round",
        },
    )
    for name, text in (("title", shown(canvas.title, 200)), ("desc", shown(canvas.description, _LONGEST_DESCRIPTION))):
        if text:
            ElementTree.SubElement(root, name).text = text
    mirrored = canvas.speech.direction == "rtl"
    whole = ElementTree.SubElement(root, "g", {"transform": f"translate({canvas.width}) scale(-1 1)"} if mirrored else {})
    whole.extend(child for child in ElementTree.fromstring(drawn) if child.tag in (f"{{{_SVG}}}g", f"{{{_SVG}}}defs"))
    prefix = f"p{hashlib.sha256(drawn).hexdigest()[:8]}-"
    for parent in list(whole.iter()):
        for child in [one for one in parent if one.tag == f"{{{_SVG}}}style"]:
            parent.remove(child)
        _plain(parent, prefix)
        if parent.tag == "text":
            _turn(parent, mirrored)
    return ElementTree.tostring(root, encoding="unicode")


def _plain(element: ElementTree.Element, prefix: str) -> None:
    element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
    element.tail = None
    if element.tag != "text":
        element.text = None
    for rule in filter(None, element.attrib.pop("style", "").split(";")):
        name, value = rule.split(":")
        element.set(name.strip(), value.strip())
    element.attrib.pop("font-family", None)
    for name, value in list(element.attrib.items()):
        if name == f"{_XLINK}href":
            del element.attrib[name]
            element.set("href", f"#{prefix}{value.removeprefix('#')}")
        elif name == "id":
            element.set(name, f"{prefix}{value}")
        elif value.startswith("url(#"):
            element.set(name, value.replace("#", f"#{prefix}"))


def _turn(text: ElementTree.Element, mirrored: bool) -> None:
    del text.attrib["transform"]
    if mirrored:
        text.set("transform", f"translate({2 * float(text.attrib['x']):g}) scale(-1 1)")
    if any(unicodedata.bidirectional(sign) in ("L", "R", "AL") for sign in text.text or ""):
        text.set("unicode-bidi", "plaintext")

"""How every figure is drawn: fonts that have the glyphs, colours told apart by everybody.

Figures are built with matplotlib's objects and the Agg canvas; nothing global is left changed,
and the same input gives the same bytes.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from matplotlib import font_manager, rc_context, rcdefaults
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from rtplan.report.text import visible

Box = tuple[float, float, float, float]

INK = "#17212b"
QUIET = "#566474"
LINE = "#dfe5eb"

# Okabe and Ito (2008), without the yellow that is not seen on white.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

_MAIN_FONT = "DejaVu Sans"  # comes with matplotlib
_OTHER_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "Noto Sans CJK JP",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)
_NO_GLYPH = "…"


@cache
def fonts() -> tuple[str, ...]:
    """The families to draw with: DejaVu Sans, and one with Chinese glyphs where there is one."""
    present = {entry.name for entry in font_manager.fontManager.ttflist}
    return (_MAIN_FONT, *[name for name in _OTHER_FONTS if name in present][:1])


@cache
def _glyphs(family: str) -> frozenset[int]:
    """Every code point that a font can draw."""
    return frozenset(font_manager.get_font(font_manager.findfont(family)).get_charmap())


def bold(text: str) -> dict[str, Any]:
    """Settings that draw a text in bold, where the main font, which has a bold face, has it all."""
    if all(ord(character) in _glyphs(_MAIN_FONT) for character in text):
        return {"fontweight": "bold", "fontfamily": _MAIN_FONT}
    return {}


def drawable(name: str, *, number: int | None = None, longest: int = 24) -> str:
    """A name as it can be drawn: short, nothing hidden, no glyph missing.

    What no font can draw becomes dots. With a number, the ROI number comes first where the name
    had to be changed or is empty, and alone where nothing of it can be drawn, so that it still
    tells which structure is meant.

    >>> drawable("GTV_1", number=3), drawable("", number=3)
    ('GTV_1', '#3')
    """
    seen = visible(name)
    glyphs = frozenset[int]().union(*map(_glyphs, fonts()))
    drawn = "".join(c if ord(c) in glyphs else "\0" for c in seen)
    drawn = re.sub("\0+", _NO_GLYPH, drawn)
    if drawn == _NO_GLYPH != seen and number is not None:
        return f"#{number}"
    if len(drawn) > longest:
        drawn = f"{drawn[: longest - 6]}…{drawn[-5:]}"
    changed = drawn != seen or not seen.strip()
    return f"#{number} {drawn}".rstrip() if changed and number is not None else drawn


def labels(names: Mapping[int, str]) -> dict[int, str]:
    """Names of structures as drawn, by ROI number; no two alike.

    >>> labels({3: "GTV", 4: "GTV", 5: "Heart"})
    {3: '#3 GTV', 4: '#4 GTV', 5: 'Heart'}
    """
    drawn = {number: drawable(name, number=number) for number, name in names.items()}
    times = Counter(drawn.values())
    return {
        number: label if times[label] == 1 else f"#{number} {label}"
        for number, label in drawn.items()
    }


class Space:
    """Room for labels on a drawing: what is taken stays taken, and no two labels overlap.

    Boxes are (low x, low y, high x, high y) in the drawing's own units.
    """

    def __init__(self, whole: Box, taken: Iterable[Box] = ()) -> None:
        self._whole = whole
        self._taken = list(taken)

    def place(self, around: Box, width: float, height: float) -> tuple[float, float] | None:
        """The middle of a free box of a size beside, above or below another, which is then taken.

        None where there is no room.

        >>> space = Space((0.0, 0.0, 10.0, 10.0))
        >>> space.place((4.0, 4.0, 5.0, 5.0), 2.0, 1.0), space.place((4.0, 4.0, 5.0, 5.0), 8.0, 1.0)
        ((6.0, 4.5), (4.5, 5.5))
        """
        low_x, low_y, high_x, high_y = around
        x, y = (low_x + high_x) / 2, (low_y + high_y) / 2
        right, left = high_x + width / 2, low_x - width / 2
        above, below = high_y + height / 2, low_y - height / 2
        beside = [(right, y), (left, y), (x, above), (x, below)]
        corners = [(right, above), (left, above), (right, below), (left, below)]
        for middle in (*beside, *corners):
            box = _box(middle, width, height)
            if self._holds(box) and not any(_meet(box, other) for other in self._taken):
                self._taken.append(box)
                return middle
        return None

    def _holds(self, box: Box) -> bool:
        return (
            box[0] >= self._whole[0]
            and box[1] >= self._whole[1]
            and box[2] <= self._whole[2]
            and box[3] <= self._whole[3]
        )


def _box(middle: tuple[float, float], width: float, height: float) -> Box:
    x, y = middle
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@contextmanager
def style() -> Iterator[None]:
    """Settings of matplotlib while a figure is built and written."""
    settings: Any = {
        "font.family": list(fonts()),
        "font.size": 9.0,
        "text.parse_math": False,  # a name with two dollar signs is a name
        "text.usetex": False,
        "axes.unicode_minus": True,
        "axes.edgecolor": QUIET,
        "axes.labelcolor": INK,
        "text.color": INK,
        "xtick.color": QUIET,
        "ytick.color": QUIET,
        "svg.hashsalt": "rtplan",
        "svg.fonttype": "path",
        "image.origin": "lower",
    }
    with rc_context():
        rcdefaults()
        with rc_context(settings):
            yield


def png(figure: Figure, *, dpi: int) -> bytes:
    """The figure as PNG, the same bytes every time."""
    out = io.BytesIO()
    figure.set_dpi(dpi)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(out, metadata={"Software": None})
    return out.getvalue()


def svg(figure: Figure) -> bytes:
    """The figure as SVG, letters as outlines, the same bytes every time."""
    out = io.BytesIO()
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(out, metadata={"Date": None, "Creator": None})
    return out.getvalue()

"""The plot of cumulative dose-volume histograms."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rtplan.geometry.grid import FloatArray
from rtplan.report.drawing import COLOURS, LINE, QUIET, labels, style, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CURVES = 12
"""Curves that one panel shows; more of them cannot be told apart."""

_TARGETS = ("GTV", "CTV", "PTV", "ITV")
_LAST = ("EXTERNAL", "SUPPORT", "BOLUS", "FIXATION", "MARKER", "CONTRAST_AGENT", "CONTROL")
_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.4)), (0, (1.3, 1.3)))
_WIDTH_IN, _PANEL_IN, _BOTTOM_IN, _ROW_IN, _NOTE_IN = 10.8, 3.5, 0.52, 0.2, 0.5
_KEY_COLUMNS = 3
_SHADE = 0.18


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """One curve as drawn: dose (n,) Gy, percent (n,) of the structure's volume.

    ``band`` is dose (m,), smallest and largest percent (m,) of ``rtplan.report.band``, or None.
    """

    label: str
    dose_gy: FloatArray
    percent: FloatArray
    is_target: bool
    rank: int
    band: tuple[FloatArray, FloatArray, FloatArray] | None

    @classmethod
    def of(cls, structure: Mapping[str, Any], label: str) -> _Curve:
        dose = np.asarray(structure["dvh"]["dose_gy"], dtype=float)
        percent = np.asarray(structure["dvh"]["volume_cc"]) * 100.0 / structure["volume_cc"]
        # From 0 Gy, which all of it receives, down to nothing beyond the maximum.
        dose = np.concatenate([[0.0], dose, dose[-1:]])
        percent = np.concatenate([percent[:1], percent, [0.0]])
        kind = (structure["type"] or "").upper()
        is_target = kind in _TARGETS or structure["name"].upper().startswith(_TARGETS)
        rank = 2 if kind in _LAST else 1 if kind in ("CTV", "ITV") else 0
        return cls(label, dose, percent, is_target, rank, _band(structure.get("band")))

    @property
    def is_partial(self) -> bool:
        """Whether the dose grid leaves part of the structure out."""
        return float(self.percent[0]) < 99.95


def _band(stored: Mapping[str, Any] | None) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Dose, smallest and largest percent as drawn, from 0 Gy on."""
    if stored is None:
        return None
    dose, low, high = (
        np.asarray(stored[key], dtype=float) for key in ("dose_gy", "low_percent", "high_percent")
    )
    return np.append(0.0, dose), np.append(low[0], low), np.append(high[0], high)


def has_curve(structure: Mapping[str, Any]) -> bool:
    """Whether a structure of ``rtplan/dvh/1`` has a curve that can be drawn in percent."""
    return structure["dvh"] is not None and bool(structure["volume_cc"])


def dvh_plot(structures: Sequence[Mapping[str, Any]]) -> bytes:
    """Cumulative histograms of structures: percent of volume over dose in Gy.

    Targets have a panel, other structures another, with one scale of dose. Colours are told apart
    by colour-blind readers, and with the line styles no two curves of a panel are alike. Where a
    panel has more than ``MOST_CURVES``, gross tumours and planning volumes come before other
    targets, and organs by their maximum dose; what is not shown is named under the panel. A light
    shade shows where a curve may run by what the data leave open.

    Parameters
    ----------
    structures : sequence of dict
        The structures of ``rtplan/dvh/1``; those without a curve are passed over. One may have a
        ``band`` (``rtplan.report.band``).

    Returns
    -------
    bytes
        SVG, the same bytes for the same input.
    """
    from matplotlib.figure import Figure

    drawn = [structure for structure in structures if has_curve(structure)]
    names = labels({item["number"]: item["name"] for item in drawn})
    curves = [_Curve.of(item, names[item["number"]]) for item in drawn]
    highest = max((float(curve.dose_gy[-1]) for curve in curves), default=1.0) or 1.0
    panels = [
        (title, panel)
        for title, kind in (("Targets", True), ("Other structures", False))
        if (panel := [curve for curve in curves if curve.is_target is kind])
    ]
    most = max((min(len(panel), MOST_CURVES) for _, panel in panels), default=0)
    rows = max(-(-most // _KEY_COLUMNS), 1)
    below = _BOTTOM_IN + rows * _ROW_IN + _NOTE_IN
    with style():
        figure = Figure(figsize=(_WIDTH_IN, _PANEL_IN + 0.3 + below))
        share = 1 / max(len(panels), 1)
        for place, (title, panel) in enumerate(panels or [("", [])]):
            box = (place * share + 0.052, share - 0.072)
            _panel(figure, box, rows, title, panel, highest)
        return svg(figure)


def _panel(
    figure: Figure,
    box: tuple[float, float],
    rows: int,
    title: str,
    curves: Sequence[_Curve],
    highest_gy: float,
) -> None:
    """One panel: axes in ``box`` (left, width, of the figure), a key of rows and notes below."""
    left, width = box
    height = figure.get_figheight()
    below = _BOTTOM_IN + rows * _ROW_IN + _NOTE_IN
    axes = figure.add_axes((left, below / height, width, _PANEL_IN / height))
    axes.set_title(title, loc="left", fontsize=10.5, pad=7)
    _frame(axes, highest_gy)
    by_interest = sorted(curves, key=lambda curve: (curve.rank, -float(curve.dose_gy[-1])))
    shown = [curve for curve in curves if curve in by_interest[:MOST_CURVES]]
    hidden = by_interest[MOST_CURVES:]
    key = figure.add_axes((left, _NOTE_IN / height, width, rows * _ROW_IN / height))
    key.set_axis_off()
    key.set(xlim=(0, _KEY_COLUMNS), ylim=(rows, 0))
    for place, curve in enumerate(shown):
        look = _look(place, curve.is_target)
        if curve.band is not None:
            axes.fill_between(*curve.band, color=look["color"], alpha=_SHADE, linewidth=0)
        axes.plot(curve.dose_gy, curve.percent, **look)
        x, y = place % _KEY_COLUMNS, place // _KEY_COLUMNS + 0.5
        key.plot([x, x + 0.17], [y, y], **look)
        label = curve.label + (" *" if curve.is_partial else "")
        key.text(x + 0.21, y, label, va="center", fontsize=8)
    note = _footnote(shown, hidden)
    figure.text(left, (_NOTE_IN - 0.08) / height, note, fontsize=7.5, color=QUIET, va="top")


def _frame(axes: Axes, highest_gy: float) -> None:
    axes.set(xlim=(0, highest_gy * 1.03), ylim=(0, 103))
    axes.set_xlabel("Dose (Gy)")
    axes.set_ylabel("Volume (% of the structure)")
    axes.set_yticks(range(0, 101, 20))
    axes.grid(color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _look(place: int, is_target: bool) -> dict[str, Any]:
    """Colour, style and width of the n-th curve of a panel: no two alike among those shown."""
    turn, place = divmod(place, len(COLOURS))
    return {
        "color": COLOURS[place],
        "linestyle": _DASHES[turn],
        "linewidth": 2.0 if is_target else 1.4,
        "solid_capstyle": "round",
    }


def _footnote(shown: Sequence[_Curve], hidden: Sequence[_Curve]) -> str:
    if not shown:
        return "No structure has a dose-volume histogram."
    parts = []
    if any(curve.band is not None for curve in shown):
        parts.append("Shaded: where the curve may run by what the data leave open.")
    if any(curve.is_partial for curve in shown):
        parts.append("* Partly outside the dose grid: the curve starts below 100 %.")
    if hidden:
        names = [curve.label for curve in hidden[:6]]
        more = f" and {len(hidden) - 6} more" if len(hidden) > 6 else ""
        parts.append(f"Not shown: {', '.join(names)}{more}.")
    return "\n".join(textwrap.wrap(" ".join(parts), 92)[:3])

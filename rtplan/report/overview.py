"""Where the lesions lie: the body from the front, lesions numbered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rtplan.case import Case
from rtplan.geometry.contour import StructureSet
from rtplan.lesions.model import Lesion, LesionReading
from rtplan.report.drawing import INK, QUIET, bold, drawable, png, style
from rtplan.report.scene import is_target, solids_of
from rtplan.report.views import shadow, three_views

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from shapely.geometry.base import BaseGeometry

_DPI = 260
_WIDTH_IN, _TALLEST_IN, _ROW_IN = 3.0, 4.6, 0.2
_CATEGORY_LOOKS: dict[bool, tuple[str, str]] = {
    True: ("#D55E00", "metastasis or not known"),
    False: ("#0072B2", "primary or regional node"),
}


def overview_figure(case: Case, reading: LesionReading) -> bytes | None:
    """Where the lesions lie: the body from the front, lesions numbered.

    Returns
    -------
    bytes or None
        PNG; None where no lesion has a place.
    """
    placed = [lesion for lesion in reading.lesions if lesion.centroid_mm is not None]
    if case.structure_set is None or not placed:
        return None
    coronal = three_views(np.zeros(3))[1]
    shadows = {
        number: shadow(solid, coronal) for number, solid in solids_of(case.structure_set).items()
    }
    with style():
        return png(_overview(case.structure_set, placed, shadows), dpi=_DPI)


def _overview(
    structure_set: StructureSet, placed: Sequence[Lesion], shadows: Mapping[int, BaseGeometry]
) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH_IN, _WIDTH_IN))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_aspect("equal")
    for structure in structure_set:
        if structure.number in shadows and not is_target(structure):
            body = structure.roi_type.upper() == "EXTERNAL"
            if body or structure.roi_type.upper() in ("ORGAN", "AVOIDANCE"):
                face, edge = ("#f0f2f5", "#8593a1") if body else ("#d3dae1", "#b6c0ca")
                _fill(axes, shadows[structure.number], face, edge, order=0 if body else 1)
    for lesion in placed:
        colour = _CATEGORY_LOOKS[lesion.category.counts][0]
        for ref in lesion.structures:
            if ref.number in shadows:
                _fill(axes, shadows[ref.number], colour, colour, order=3)
    axes.autoscale_view()
    _numbers(axes, placed)
    kinds = [kind for kind in (True, False) if any(p.category.counts is kind for p in placed)]
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    drawing = min(_WIDTH_IN * (top - bottom) / (right - left), _TALLEST_IN)
    key = _ROW_IN * len(kinds)
    figure.set_figheight(drawing + key)
    axes.set_position((0, key / (drawing + key), 1, drawing / (drawing + key)))
    for row, kind in enumerate(kinds):
        colour, word = _CATEGORY_LOOKS[kind]
        height = (len(kinds) - row - 0.6) * _ROW_IN / (drawing + key)
        figure.text(0.03, height, f"● {word}", color=colour, fontsize=8.5, va="center")
    return figure


def _fill(axes: Axes, outline: BaseGeometry, face: str, edge: str, *, order: int) -> None:
    import shapely
    from matplotlib.patches import Polygon

    for part in shapely.get_parts(outline):
        ring = shapely.get_coordinates(part.exterior)
        axes.add_patch(
            Polygon(ring, facecolor=face, edgecolor=edge, linewidth=0.7, alpha=0.75, zorder=order)
        )


def _numbers(axes: Axes, placed: Sequence[Lesion]) -> None:
    """The lesions' ids beside the body, joined to their places, never overlapping."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    middle, reach, gap = (left + right) / 2, (right - left) * 0.06, (top - bottom) * 0.062
    for side in (-1, 1):
        members = [p for p in placed if ((p.centroid_mm or (0.0,))[0] >= middle) == (side > 0)]
        members.sort(key=lambda lesion: -(lesion.centroid_mm or (0.0, 0.0, 0.0))[2])
        heights = _spread([(p.centroid_mm or (0.0, 0.0, 0.0))[2] for p in members], gap)
        at = right + reach if side > 0 else left - reach
        for lesion, height in zip(members, heights, strict=True):
            x, _, z = lesion.centroid_mm or (0.0, 0.0, 0.0)
            colour = _CATEGORY_LOOKS[lesion.category.counts][0]
            axes.plot([x, at], [z, height], color=INK, linewidth=0.7, zorder=4)
            axes.plot(
                [x], [z], "o", color=colour, markeredgecolor="white", markersize=4.5, zorder=5
            )
            name = drawable(lesion.id, longest=8)
            axes.text(
                at + side * reach * 0.25,
                height,
                name,
                ha="left" if side > 0 else "right",
                va="center",
                fontsize=9,
                color=colour,
                **bold(name),
            )
    for x, letter, edge in ((left, "R", "left"), (right, "L", "right")):
        axes.text(x, bottom, letter, ha=edge, va="bottom", fontsize=9, color=QUIET)
    axes.set(xlim=(left - 3 * reach, right + 3 * reach), ylim=(bottom, top))


def _spread(heights: Iterable[float], gap: float) -> list[float]:
    """Heights, falling, moved down as little as needed to be at least ``gap`` apart.

    >>> _spread([10.0, 9.5, 0.0], 2.0)
    [10.0, 8.0, 0.0]
    """
    placed: list[float] = []
    for height in heights:
        placed.append(min(height, placed[-1] - gap) if placed else height)
    return placed

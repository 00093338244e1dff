"""Where the lesions lie: the body from the front, lesions numbered, on what shines through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rtplan.case import Case
from rtplan.geometry.contour import StructureSet
from rtplan.lesions.model import Lesion, LesionReading
from rtplan.report.drawing import INK, QUIET, bold, drawable, png, style
from rtplan.report.scene import Image, image_of, is_target, solids_of
from rtplan.report.views import ViewPlane, greatest_along, shadow, three_views

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from shapely.geometry.base import BaseGeometry

_DPI = 260
_WIDTH_IN, _TALLEST_IN, _ROW_IN = 3.0, 4.6, 0.2
_NAME_SIZE, _LINE, _WIDEST = 9.0, 1.35, 0.75  # points, and parts of them
_SMALL = 0.03
_BODY_LOOK = {"facecolor": "#f0f2f5", "edgecolor": "#8593a1"}
_ORGAN_LOOK = {"facecolor": "#d3dae1", "edgecolor": "#b6c0ca", "alpha": 0.45}
_BRIGHTEST = 99.7
# Hounsfield units of what is drawn white and black; of PET, from nothing to nearly the brightest.
_WINDOWS = {"CT": (80.0, 1100.0), "PT": None}
_CATEGORY_LOOKS: dict[bool, tuple[str, str]] = {
    True: ("#D55E00", "metastasis or not known"),
    False: ("#0072B2", "primary or regional node"),
}


def overview_figure(
    case: Case, reading: LesionReading, *, image: Image | None = None
) -> bytes | None:
    """Where the lesions lie: the body from the front, lesions numbered.

    Behind them stands the maximum-intensity projection of ``image``: unless given, of the case's
    PET or CT in the structure set's frame of reference, where there is one. Dark is high.

    Returns
    -------
    bytes or None
        PNG; None where no lesion has a place.
    """
    placed = [lesion for lesion in reading.lesions if lesion.centroid_mm is not None]
    if case.structure_set is None or not placed:
        return None
    view = three_views(np.zeros(3))[1]
    shadows = {
        number: shadow(solid, view) for number, solid in solids_of(case.structure_set).items()
    }
    image = image or image_of(case, preferred="PT")
    with style():
        return png(_overview(case.structure_set, placed, shadows, image, view), dpi=_DPI)


def _overview(
    structure_set: StructureSet,
    placed: Sequence[Lesion],
    shadows: Mapping[int, BaseGeometry],
    image: Image | None,
    view: ViewPlane,
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
                look = _BODY_LOOK if body else _ORGAN_LOOK
                _fill(axes, shadows[structure.number], **look, zorder=0 if body else 1)
    for lesion in placed:
        colour = _CATEGORY_LOOKS[lesion.category.counts][0]
        for ref in lesion.structures:
            if ref.number in shadows:
                _fill(axes, shadows[ref.number], facecolor=colour, edgecolor=colour, zorder=3)
    axes.update_datalim([_place(lesion) for lesion in placed])
    axes.autoscale_view()
    note = _projection(axes, image, view) if image is not None else None
    if note is not None:
        _lay_open(axes)
    height = _numbers(axes, placed)
    kinds = [kind for kind in (True, False) if any(p.category.counts is kind for p in placed)]
    key = _ROW_IN * (len(kinds) + (note is not None))
    figure.set_figheight(height + key)
    axes.set_position((0, key / (height + key), 1, height / (height + key)))
    lines = [("● " + _CATEGORY_LOOKS[kind][1], _CATEGORY_LOOKS[kind][0], 8.5) for kind in kinds]
    lines += [(note, QUIET, 7.0)] if note else []
    for row, (line, colour, size) in enumerate(lines):
        at = (len(lines) - row - 0.5) * _ROW_IN / (height + key)
        figure.text(0.03, at, line, color=colour, fontsize=size, va="center")
    return figure


def _projection(axes: Axes, image: Image, view: ViewPlane) -> str | None:
    """Draws the maximum-intensity projection behind the outlines; what it is, None without one."""
    if image.modality not in _WINDOWS:
        return None
    found = greatest_along(image.grid, image.values, view)
    if found is None or min(found[0].shape) < 2:
        return None
    values, across, up = found
    window = _WINDOWS[image.modality]
    low, high = window if window else (0.0, float(np.percentile(values, _BRIGHTEST)))
    limits = axes.axis()
    axes.pcolormesh(
        across,
        up,
        values,
        cmap="gray_r",
        vmin=low,
        vmax=max(high, low + 1e-6),
        zorder=0.5,
        shading="nearest",
        rasterized=True,
        antialiased=False,
    )
    axes.axis(limits)
    return f"maximum-intensity projection of the {image.modality}"


def _lay_open(axes: Axes) -> None:
    """Leaves of body and organs the outlines of the large ones, so that what is behind shows."""
    anatomy = [patch for patch in axes.patches if patch.zorder <= 1]
    areas = [float(np.prod(patch.get_extents().size)) for patch in anatomy]
    for patch, area in zip(anatomy, areas, strict=True):
        is_small = area < _SMALL * max(areas)
        patch.set(fill=False, linewidth=0.5, zorder=1, visible=not is_small)


def _fill(axes: Axes, outline: BaseGeometry, **look: Any) -> None:
    import shapely
    from matplotlib.patches import Polygon

    for part in shapely.get_parts(outline):
        ring = shapely.get_coordinates(part.exterior)
        axes.add_patch(Polygon(ring, **({"linewidth": 0.7, "alpha": 0.75} | look)))


def _numbers(axes: Axes, placed: Sequence[Lesion]) -> float:
    """The lesions' ids beside the body, joined to their places, never overlapping.

    Returns the height of the drawing, in.
    """
    left, right, bottom, top = axes.axis()
    names = {lesion.id: drawable(lesion.id, longest=8) for lesion in placed}
    written = _WIDEST * _NAME_SIZE * max(map(len, names.values())) / 72 / _WIDTH_IN
    middle, reach = (left + right) / 2, (right - left) * 0.06
    width = (right - left + 2.5 * reach) / (1 - 2 * written)
    height = min(_WIDTH_IN * (top - bottom) / width, _TALLEST_IN)
    unit = max((top - bottom) / height, width / _WIDTH_IN) / 72  # mm of a point of type
    sides = {
        side: sorted(
            (p for p in placed if (_place(p)[0] >= middle) == (side > 0)),
            key=lambda lesion: -_place(lesion)[1],
        )
        for side in (-1, 1)
    }
    most = max(map(len, sides.values()))
    size = min(_NAME_SIZE, (top - bottom) / (most * _LINE * unit))
    gap = _LINE * size * unit
    for side, members in sides.items():
        places = [_place(lesion)[1] for lesion in members]
        heights = _spread(places, gap, bottom + gap / 2, top - gap / 2)
        at = right + reach if side > 0 else left - reach
        for lesion, level in zip(members, heights, strict=True):
            x, z = _place(lesion)
            colour = _CATEGORY_LOOKS[lesion.category.counts][0]
            axes.plot([x, at], [z, level], color=INK, linewidth=0.6, zorder=4)
            axes.plot([x], [z], "o", color=colour, markeredgecolor="white", markersize=4, zorder=5)
            name = names[lesion.id]
            axes.text(
                at + side * reach * 0.25,
                level,
                name,
                ha="left" if side > 0 else "right",
                va="center",
                fontsize=size,
                color=colour,
                **bold(name),
            )
    below = bottom - _LINE * _NAME_SIZE * unit
    for x, letter in ((left - 1.5 * reach, "R"), (right + 1.5 * reach, "L")):
        axes.text(x, below, letter, ha="center", va="bottom", fontsize=9, color=QUIET)
    bar = 100.0 if right - left > 200 else 20.0
    axes.plot([middle - bar / 2, middle + bar / 2], [below] * 2, color=INK, linewidth=1.8)
    axes.text(middle, below, f"{bar / 10:.0f} cm", ha="center", va="bottom", fontsize=8)
    axes.set(xlim=(middle - width / 2, middle + width / 2), ylim=(below - 2 * unit, top))
    return height * (top - below) / (top - bottom)


def _place(lesion: Lesion) -> tuple[float, float]:
    """Where a lesion lies in the view, mm."""
    assert lesion.centroid_mm is not None  # the others are not drawn
    x, _, z = lesion.centroid_mm
    return x, z


def _spread(heights: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Heights, falling, moved as little as needed to be ``gap`` apart, from ``high`` to ``low``.

    >>> _spread([10.0, 9.5, 0.0], 2.0, 0.0, 10.0)
    [10.0, 8.0, 0.0]
    """
    from scipy.optimize import isotonic_regression

    if not heights:
        return []
    steps = gap * np.arange(len(heights))
    even = isotonic_regression(np.asarray(heights) + steps, increasing=False).x
    # More names than there is room for overlap rather than leave the figure.
    even = np.clip(even, min(low + steps[-1], high), high)
    placed: list[float] = (even - steps).tolist()
    return placed

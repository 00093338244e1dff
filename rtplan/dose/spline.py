"""Dose between voxel centres by cubic splines, around one structure and guarded against ringing.

Along each axis in turn the block of voxels around the structure gets new nodes between its own.
They lie on the line between the neighbours, bent by the second derivatives of the interpolating
cubic spline, so the voxels' own doses are kept. A spline rings where the dose has a kink or an
edge that the grid does not resolve; two guards hold it:

- a second difference that stands alone, more than ``_ALONE`` times those two voxels around it, is
  a kink and not a curve: it is cut down before the spline is solved;
- what a quintic spline has more (most of the cubic one's error of the fourth order) is added, up
  to a tenth of the bow;
- a new node may leave the range of its two neighbours only where the dose bends the same way at
  both and does not turn just outside, as around a peak that lies between them; and it never
  falls below zero where they do not.

Between the new nodes the dose is still taken as linear. What that misses of the mean dose of a
cell, a twelfth of the second differences, is put back by ``cell_means``.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rtplan.dose.grid import DoseGrid
from rtplan.dose.sampling import grid_order
from rtplan.geometry.grid import FloatArray, Grid

PADDING = 10
"""Voxels beside a block that its spline takes into account; further ones change 1e-6 of it."""
AIM_CELLS = 200_000
"""Cells that a refined block may have where its edges are cut into more than two."""
MAX_CELLS = 300_000
"""Cells that a refined block may have; where two parts give more, the trilinear dose stays."""
MAX_FACTOR = 8
TOLERANCE = 2e-4
"""Bend of the dose within a refined cell, as part of the range of the doses, that may stay."""
_ALONE = 3.0
_QUINTIC = 5
_CORRECTED = 0.1  # of a spline's bow: what a quintic one may add
_OVERSHOOT = 0.25  # of the second difference: an eighth for a parabola, more for narrow peaks
_OBLIQUE = 8  # cells of a resampled field for one of the grid, at least
_COLUMNS = 4_000  # lines refined at once
_AT_ONCE = 200_000  # voxels whose means are computed at once
_DEEP = 16  # planes of these
_REACH = 4  # voxels beside one that its second difference, without kinks, looks at
_EQUAL = 1e-9

Doses = NDArray[np.floating]  # in single or double precision


def refined_around(dose: DoseGrid, axes: FloatArray, low: FloatArray, high: FloatArray) -> DoseGrid:
    """A finer dose grid over a box; the dose itself where a finer one would not differ.

    Parameters
    ----------
    dose : DoseGrid
    axes : (3, 3) float
        Columns u, v, n: unit vectors of the frame of the box, patient LPS.
    low, high : (3,) float
        Corners of the box in (u, v, n), mm.

    Returns
    -------
    DoseGrid
        The voxels whose cells touch the box, with nodes between them; the whole grid, unchanged,
        where the box misses it, where the dose is linear but for ``TOLERANCE``, or where the box
        holds more than ``MAX_CELLS`` / 8 cells.
    """
    oblique = grid_order(dose.grid, axes) is None
    spans = _spans(dose.grid, axes, low, high, margin=1 if oblique else 0)
    if spans is None:
        return dose
    cells = np.prod([last - first for first, last in spans]) * (_OBLIQUE if oblique else 1)
    most = int((AIM_CELLS / cells) ** (1 / 3))
    if most < 2 and 8 * cells <= MAX_CELLS:
        most = 2
    factor = min(most, MAX_FACTOR, _factor(dose, spans)) if most > 1 else 1
    return dose if factor < 2 else _refined(dose, spans, factor)


def cropped_around(dose: DoseGrid, axes: FloatArray, low: FloatArray, high: FloatArray) -> DoseGrid:
    """The voxels around a box (as of ``refined_around``) and as many beside it as ``cell_means``
    looks at; the whole grid where the box misses it."""
    spans = _spans(dose.grid, axes, low, high, margin=_REACH)
    if spans is None:
        return dose
    axes_mm = [
        a[first : last + 1] for (first, last), a in zip(spans, dose.grid.axes_mm, strict=True)
    ]
    k, j, i = (slice(first, last + 1) for first, last in reversed(spans))
    return DoseGrid(_part(dose.grid, axes_mm), dose.values_gy[k, j, i])


def on_nodes_of(grid: Grid, dose: DoseGrid) -> DoseGrid:
    """The trilinear dose at the voxel centres of a finer grid in the same frame and within it."""
    values = dose.values_gy
    offset = (grid.origin_mm - dose.grid.origin_mm) @ dose.grid.directions
    for axis, (own, finer) in enumerate(zip(dose.grid.axes_mm, grid.axes_mm, strict=True)):
        place = np.interp(finer + offset[axis], own, np.arange(own.size))
        lower = np.minimum(place.astype(np.intp), own.size - 2)
        weight = (place - lower).reshape([-1] + [1] * axis)
        values = values[_along(2 - axis, slice(lower[0], lower[-1] + 2))]
        lower -= lower[0]
        below, above = (np.take(values, at, axis=2 - axis) for at in (lower, lower + 1))
        values = below + weight * (above - below)
    return DoseGrid(grid, np.asarray(values))


def cell_means(dose: DoseGrid) -> DoseGrid:
    """A dose whose linear interpolation has, over each cell, the mean of the smooth dose.

    Doses are moved by a twelfth of their second differences along the three axes, within the range
    of their neighbours; in the precision of the dose. Right for a dose that bends little within a
    cell; not for extremes.
    """
    values = dose.values_gy
    means = np.empty_like(values)
    planes, rows, columns = values.shape
    wide = max(_DEEP, _AT_ONCE // (columns * min(planes, _DEEP)))
    for k, j in product(range(0, planes, _DEEP), range(0, rows, wide)):
        tile = slice(k, min(k + _DEEP, planes)), slice(j, min(j + wide, rows)), slice(0, columns)
        means[tile] = _tile_means(values, dose.grid.axes_mm[::-1], tile)
    return DoseGrid(dose.grid, means)


def _tile_means(values: Doses, axes: tuple[FloatArray, ...], tile: tuple[slice, ...]) -> Doses:
    """What ``cell_means`` puts in a part of values (k, j, i)."""
    own = np.ascontiguousarray(values[tile])
    moved, least, most = own.copy(), own.copy(), own.copy()
    for axis, positions in enumerate(axes):
        if positions.size < 3:
            continue
        within = _spread(tile[axis], positions.size)
        start, stop = tile[axis].start - within.start, tile[axis].stop - within.start
        lines = np.ascontiguousarray(values[(*tile[:axis], within, *tile[axis + 1 :])])
        for away in (-1, 1):
            first, last = max(start + away, 0), min(stop + away, within.stop - within.start)
            here = _along(axis, slice(first - away - start, last - away - start))
            beside = lines[_along(axis, slice(first, last))]
            np.minimum(least[here], beside, out=least[here])
            np.maximum(most[here], beside, out=most[here])
        positions = positions[within]
        bend = _curvatures(lines, positions, axis)
        square = np.minimum(*_steps(positions)) ** 2 / 12
        square[[0, -1]] = square[[1, -2]]
        bend *= _factor_along(square, lines.ndim - axis)
        moved -= bend[_along(axis, slice(start, stop))]
    return np.asarray(np.clip(moved, least, most, out=moved))


def _spread(part: slice, size: int) -> slice:
    """A part of an axis with ``_REACH`` nodes on either side, where there are so many."""
    return slice(max(part.start - _REACH, 0), min(part.stop + _REACH, size))


def _along(axis: int, part: slice | int) -> tuple[slice | int, ...]:
    """The index of a part along one axis."""
    return (slice(None),) * axis + (part,)


def refine_line(
    values: FloatArray, positions_mm: FloatArray, factor: int, *, first: int, last: int
) -> FloatArray:
    """Values (n, m) at nodes (n,) mm, with ``factor - 1`` new ones between nodes first .. last.

    Two nodes are joined by a line.

    Returns
    -------
    ((last - first) * factor + 1, m) float
    """
    if len(values) == 2:
        values = np.append(values, 2 * values[1:] - values[:1], axis=0)
        positions_mm = np.append(positions_mm, 2 * positions_mm[1] - positions_mm[0])
    within = slice(first, last + 1)
    operator = _operator(positions_mm)
    square = np.diff(positions_mm[within])[:, None] ** 2
    sharper = [_sharper(positions_mm, operator, within, n / factor) for n in range(1, factor)]
    refined = np.empty(((last - first) * factor + 1, values.shape[1]))
    refined[::factor] = values[within]
    for start in range(0, values.shape[1], _COLUMNS):
        part = slice(start, start + _COLUMNS)
        lines = np.ascontiguousarray(values[:, part])
        bend = _curvatures(lines, positions_mm, 0)
        nodes = lines[within]
        around = np.pad(bend, ((1, 1), (0, 0)), mode="edge")[first : last + 3]
        floor, ceiling = _guard(nodes, around, square)
        second = operator[within] @ bend[1:-1]
        for number in range(1, factor):
            u = number / factor
            bow = _bow(second, square, u)
            most = _CORRECTED * np.abs(bow)
            bow -= np.clip(sharper[number - 1] @ lines, -most, most)
            bent = (1 - u) * nodes[:-1] + u * nodes[1:] - bow
            refined[number::factor, part] = np.clip(bent, floor, ceiling)
    return refined


def _bow(second: FloatArray, square: FloatArray, part: float) -> FloatArray:
    """How far a cubic spline with second derivatives (m + 1, k) lies below the lines between its
    nodes, ``part`` of the way from each node to the next, (m, k); ``square`` (m, 1) mm²."""
    rest = 1 - part
    low, high = square * second[:-1] / 6, square * second[1:] / 6
    return np.asarray((rest - rest**3) * low + (part - part**3) * high)


def _sharper(
    positions_mm: FloatArray, operator: FloatArray, within: slice, part: float
) -> FloatArray:
    """Matrix (m, n) from values at nodes to what a quintic spline has more than a cubic one,
    ``part`` of the way from each node ``within`` to the next; 0 where nodes are too few."""
    from scipy.interpolate import make_interp_spline

    nodes, unit = positions_mm[within], np.eye(positions_mm.size)
    if positions_mm.size <= _QUINTIC:
        return np.zeros((nodes.size - 1, positions_mm.size))
    quintic = make_interp_spline(positions_mm, unit, k=_QUINTIC)
    lines = (1 - part) * unit[within][:-1] + part * unit[within][1:]
    second = operator[within] @ _bends(unit, positions_mm, 0)[1:-1]
    cubic = lines - _bow(second, np.diff(nodes)[:, None] ** 2, part)
    return np.asarray(quintic(nodes[:-1] + part * np.diff(nodes)) - cubic)


def _guard(nodes: Doses, bend: Doses, square: FloatArray) -> tuple[Doses, Doses]:
    """Least and greatest value allowed between each node (n, m) and the next, (n - 1, m) each.

    ``bend`` (n + 2, m) are the second derivatives at the nodes and at one more on either side:
    where they turn at once, there is the shoulder of an unresolved edge and not a peak.
    """
    least, most = np.minimum(nodes[:-1], nodes[1:]), np.maximum(nodes[:-1], nodes[1:])
    inner = bend[1:-2], bend[2:-1]
    outer = bend[:-3], bend[3:]
    hollow = np.minimum(*inner) + np.minimum(np.minimum(*outer), 0)
    crest = np.maximum(*inner) + np.maximum(np.maximum(*outer), 0)
    floor = least - _OVERSHOOT * square * np.maximum(hollow, 0)
    ceiling = most - _OVERSHOOT * square * np.minimum(crest, 0)
    return np.where(least >= 0, np.maximum(floor, 0), floor), ceiling


def _refined(dose: DoseGrid, spans: list[tuple[int, int]], factor: int) -> DoseGrid:
    """The block of voxels ``spans`` (first, last along i, j, k) with ``factor`` cells for each."""
    grid = dose.grid
    padded = [
        (max(first - PADDING, 0), min(last + PADDING, axis.size - 1))
        for (first, last), axis in zip(spans, grid.axes_mm, strict=True)
    ]
    part = tuple(slice(first, last + 1) for first, last in reversed(padded))
    values = dose.values_gy[part].astype(float)
    # Guards do not commute: patient axes, and not storage, decide which axis comes first.
    for axis in np.argsort(np.abs(grid.directions).argmax(axis=0), kind="stable").tolist():
        start, stop = padded[axis]
        lines = np.moveaxis(values, 2 - axis, 0)
        first, last = spans[axis][0] - start, spans[axis][1] - start
        positions = grid.axes_mm[axis][start : stop + 1]
        flat = lines.reshape(len(lines), -1)
        finer = refine_line(flat, positions, factor, first=first, last=last)
        values = np.moveaxis(finer.reshape(-1, *lines.shape[1:]), 0, 2 - axis)
    nodes = [
        _between(axis[first : last + 1], factor)
        for (first, last), axis in zip(spans, grid.axes_mm, strict=True)
    ]
    return DoseGrid(_part(grid, nodes), np.ascontiguousarray(values))


def _part(grid: Grid, axes_mm: list[FloatArray]) -> Grid:
    """A grid in the frame of another, with voxel centres at distances from the other's origin."""
    corner = np.array([axis[0] for axis in axes_mm])
    i, j, k = (axis - start for axis, start in zip(axes_mm, corner, strict=True))
    return Grid(grid.origin_mm + grid.directions @ corner, grid.directions, (i, j, k))


def _between(nodes: FloatArray, factor: int) -> FloatArray:
    """Nodes with ``factor - 1`` equal steps put between neighbours."""
    position = np.arange((nodes.size - 1) * factor + 1) / factor
    return np.asarray(np.interp(position, np.arange(nodes.size), nodes))


def _curvatures(values: Doses, positions_mm: FloatArray, axis: int) -> Doses:
    """Second derivatives of values at their nodes along an axis, each cut to ``_ALONE`` times the
    largest of the four around it. The first and last node have those of the next."""
    bend = _bends(values, positions_mm, axis)
    flat, line = bend.reshape(-1), _line(bend, axis)
    size = np.zeros(flat.size + 4 * line, dtype=flat.dtype)
    np.abs(flat, out=size[2 * line : -2 * line])
    pair = np.maximum(size[:-line], size[line:])
    most = np.maximum(pair[: flat.size], pair[3 * line :], out=size[: flat.size])
    most *= _ALONE
    np.minimum(flat, most, out=flat)
    np.maximum(flat, np.negative(most, out=most), out=flat)
    bend[_along(axis, 0)], bend[_along(axis, -1)] = bend[_along(axis, 1)], bend[_along(axis, -2)]
    return bend


def _bends(values: Doses, positions_mm: FloatArray, axis: int) -> Doses:
    """Second derivatives at nodes along an axis, from second divided differences; 0 at the ends.

    Arrays are taken as one long row, in which neighbours along the axis are ``_line`` apart: many
    short rows would take several times as long. Differences from one end to the next are undone.
    """
    before, after = _steps(positions_mm)
    flat, line = values.reshape(-1), _line(values, axis)
    slope, bend = np.zeros_like(values), np.zeros_like(values)
    slopes = slope.reshape(-1)
    np.subtract(flat[line:], flat[:-line], out=slopes[:-line])
    slope *= _factor_along(1 / after, values.ndim - axis)
    np.subtract(slopes[line:], slopes[:-line], out=bend.reshape(-1)[line:])
    bend *= _factor_along(2 / (before + after), values.ndim - axis)
    bend[_along(axis, 0)] = bend[_along(axis, -1)] = 0
    return bend


def _steps(positions_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distances (n,) of nodes from those before and after; at the ends, from the only neighbour."""
    step = np.empty(positions_mm.size + 1)
    np.subtract(positions_mm[1:], positions_mm[:-1], out=step[1:-1])
    step[0], step[-1] = step[1], step[-2]
    return step[:-1], step[1:]


def _factor_along(factors: FloatArray, axes: int) -> float | FloatArray:
    """Factors (n,) along the first of the last ``axes`` axes of values; one number where equal."""
    if factors.max() - factors.min() <= _EQUAL * factors[0]:
        return float(factors[0])
    return factors.reshape([-1] + [1] * (axes - 1))


def _line(values: Doses, axis: int) -> int:
    """How far neighbours along an axis are from each other where values are one long row."""
    return math.prod(values.shape[axis + 1 :])


def _operator(positions_mm: FloatArray) -> FloatArray:
    """Matrix (n, n - 2) from second differences at inner nodes to a spline's second derivatives.

    The equations of the interpolating cubic spline in its second derivatives; those of the first
    and the last node equal their neighbours'.
    """
    step = np.diff(positions_mm)
    count = positions_mm.size
    both = step[:-1] + step[1:]
    inner = np.arange(1, count - 1)
    matrix = np.zeros((count, count))
    matrix[inner, inner - 1] = step[:-1] / both / 3
    matrix[inner, inner] = 2 / 3
    matrix[inner, inner + 1] = step[1:] / both / 3
    matrix[[0, -1], [0, -1]] = 1
    matrix[[0, -1], [1, -2]] = -1
    return np.asarray(np.linalg.inv(matrix)[:, 1:-1])


def _spans(
    grid: Grid, axes: FloatArray, low: FloatArray, high: FloatArray, *, margin: int
) -> list[tuple[int, int]] | None:
    """First and last voxel along i, j, k of the cells that touch a box; None where none do."""
    choice = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1]), axis=-1).reshape(-1, 3)
    corners = grid.coordinates_mm(np.where(choice, high, low) @ axes.T)
    spans = []
    for axis, a, b in zip(grid.axes_mm, corners.min(axis=0), corners.max(axis=0), strict=True):
        if axis.size < 2 or b <= axis[0] or a >= axis[-1]:
            return None
        first = int(np.searchsorted(axis, a, side="right")) - 1 - margin
        last = int(np.searchsorted(axis, b, side="left")) + margin
        spans.append((max(first, 0), min(last, axis.size - 1)))
    return spans


def _factor(dose: DoseGrid, spans: list[tuple[int, int]]) -> int:
    """Into how many parts to cut cell edges so that what bends within a cell does not matter."""
    part = tuple(
        slice(max(first - 1, 0), min(last + 1, axis.size - 1) + 1)
        for (first, last), axis in zip(reversed(spans), reversed(dose.grid.axes_mm), strict=True)
    )
    values = dose.values_gy[part].astype(float)
    bends = (np.diff(values, 2, axis=axis) for axis in range(3) if values.shape[axis] > 2)
    bend = sum(float(np.square(along).mean()) for along in bends)
    span = float(np.ptp(values))
    if not span > 0:
        return 1
    return int(np.ceil(np.sqrt(np.sqrt(bend) / 8 / (TOLERANCE * span))))

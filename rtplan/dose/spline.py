"""Dose between voxel centres by cubic splines, around one structure and guarded against ringing.

Along each axis in turn the block of voxels around the structure gets new nodes between its own.
They lie on the line between the neighbours, bent by the second derivatives of the interpolating
cubic spline, so the voxels' own doses are kept. A spline rings where the dose has a kink or an
edge that the grid does not resolve; two guards hold it:

- a second difference that stands alone is a kink and not a curve: it is cut down, as
  ``dose.bends`` says, before the spline is solved;
- what a quintic spline has more (most of the cubic one's error of the fourth order) is added, up
  to a tenth of the bow;
- a new node may leave the range of its two neighbours only where the dose bends the same way at
  both and does not turn just outside, as around a peak that lies between them; and it never
  falls below zero where they do not.

Between the new nodes the dose is still taken as linear. What that misses of the mean dose of a
cell, a twelfth of the second differences, is put back by ``cell_means``.
"""

from __future__ import annotations

import numpy as np

from rtplan.dose.bends import Doses, along, bends, curvatures, factor_along, steps
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
_QUINTIC = 5
_CORRECTED = 0.1  # of a spline's bow: what a quintic one may add
_OVERSHOOT = 0.25  # of the second difference: an eighth for a parabola, more for narrow peaks
_OBLIQUE = 8  # cells of a resampled field for one of the grid, at least
_COLUMNS = 4_000  # lines refined at once


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


def bowed(dose: DoseGrid) -> DoseGrid:
    """Each dose moved by what a parabola through its neighbours rises above the lines between them:
    an eighth of the second differences along the three axes.

    Where there are no nodes between voxels, a maximum or minimum may be so far beyond theirs; but
    not below 0 where no dose is.
    """
    values = np.ascontiguousarray(dose.values_gy)
    moved = values.copy()
    for axis, positions in enumerate(dose.grid.axes_mm[::-1]):
        if positions.size > 2:
            bend = curvatures(values, positions, axis)
            square = np.minimum(*steps(positions)) ** 2 / 8
            bend *= factor_along(square, values.ndim - axis)
            moved -= bend
    if values.min() >= 0:
        np.maximum(moved, 0, out=moved)
    return DoseGrid(dose.grid, moved)


def around(
    dose: DoseGrid, axes: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[DoseGrid, DoseGrid]:
    """The voxels around a box (as of ``refined_around``), and what ``cell_means`` makes of them; of
    the whole grid where the box misses it."""
    spans = _spans(dose.grid, axes, low, high, margin=0)
    if spans is None:
        return dose, cell_means(dose)
    axes_mm = [
        a[first : last + 1] for (first, last), a in zip(spans, dose.grid.axes_mm, strict=True)
    ]
    i, j, k = (slice(first, last + 1) for first, last in spans)
    grid = _part(dose.grid, axes_mm)
    return DoseGrid(grid, dose.values_gy[k, j, i]), DoseGrid(grid, dose.means.within((k, j, i)))


def on_nodes_of(grid: Grid, dose: DoseGrid) -> DoseGrid:
    """The trilinear dose at the voxel centres of a finer grid in the same frame and within it."""
    values = dose.values_gy
    offset = (grid.origin_mm - dose.grid.origin_mm) @ dose.grid.directions
    for axis, (own, finer) in enumerate(zip(dose.grid.axes_mm, grid.axes_mm, strict=True)):
        place = np.interp(finer + offset[axis], own, np.arange(own.size))
        lower = np.minimum(place.astype(np.intp), own.size - 2)
        weight = (place - lower).reshape([-1] + [1] * axis)
        values = values[along(2 - axis, slice(lower[0], lower[-1] + 2))]
        lower -= lower[0]
        below, above = (np.take(values, at, axis=2 - axis) for at in (lower, lower + 1))
        values = below + weight * (above - below)
    return DoseGrid(grid, np.asarray(values))


def cell_means(dose: DoseGrid) -> DoseGrid:
    """A dose whose linear interpolation has, over each cell, the mean of the smooth dose, as
    ``dose.means`` says."""
    return DoseGrid(dose.grid, dose.means.within((slice(None),) * 3))


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
        bend = curvatures(lines, positions_mm, 0)
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
    second = operator[within] @ bends(unit, positions_mm, 0)[1:-1]
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

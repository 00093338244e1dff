"""Cross-sections of lofts: what they cover of grid cells at positions between their contours.

A section lies where ``(1 - t) phi0 + t phi1`` is below a level, with the signed distances phi to
the two contours, each seen from its own centroid; the level is the one at which the area is that
of the loft's profile. It is less where the two contours differ less, so that a flat side that both
share stays where it is. The section's centroid moves from the one to the other.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.distance import FAR_STEPS, Raster, raster_around, signed_distances_mm
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.levels import cover_levels, levels_of
from rtplan.geometry.loft import Loft, distinct
from rtplan.geometry.raster import BoolArray, Cells, Coverage, IndexArray, Lines, expanded

NARROW = 2.5
"""Steps beside the blend of two contours within which sections are looked for first."""
_BESIDE = 1.5  # steps of these beside the section itself
_BULGING = 0.8  # steps by which lofts bulge that need more
_WIDEST = 100  # steps: all there is
_UNSURE = 2
_INSIDE, _OUTSIDE = -2, -1
_DECIMALS = 9
_STILL_MM = 1e-3  # an outline that moves less stands still
_LEAST = 0.02  # part of the level that counts even there
_CORRECT = 1e-3  # of the area: the level is not mended for less
_SMALLEST = 0.5  # of the wanted area: a section that the grid shows so badly is put into one cell


def sections(
    lofts: Sequence[Loft], distances_mm: Sequence[FloatArray], u: Lines, v: Lines
) -> Coverage:
    """Coverage of the cells between lines by sections of lofts, one layer after another.

    Parameters
    ----------
    lofts : sequence of Loft
    distances_mm : sequence of (m,) float
        For each loft, the distances from its base at which it is cut.
    u, v : Lines
        They reach beyond the lofts on every side.
    """
    step = _step_mm(u, v)
    steps = [0.0 if loft.is_cap else loft.bulge_mm / step for loft in lofts]
    bulging = np.array(steps) > _BULGING
    narrow, wide = np.flatnonzero(~bulging), np.flatnonzero(bulging)
    widest = 2 * (max(steps) + _BESIDE)
    found = [
        _within(band, *_those(which, lofts, distances_mm), u, v)
        for which, band in ((narrow, NARROW), (wide, widest))
        if which.size
    ]
    return found[0] if len(found) == 1 else _in_order(found, (narrow, wide), distances_mm)


def _within(
    band: float, lofts: Sequence[Loft], distances_mm: Sequence[FloatArray], u: Lines, v: Lines
) -> Coverage:
    """As ``sections``, those that lie within ``band`` steps of the blend of both contours; where
    that is not enough they are looked for again, further away."""
    step = _step_mm(u, v)
    fields = _Fields.of(lofts, step_mm=step, band_mm=band * step)
    placed = _placed(lofts, distances_mm, fields, u, v, band=band)
    found = _covered(placed, u, v)
    first = np.cumsum([0, *(at.size for at in distances_mm[:-1])])
    reach = np.maximum.reduceat(np.abs(placed.level_mm), first) / step
    # A level that is not within the band says nothing of how far it is.
    beyond = (reach > band - _BESIDE) & ~np.array([loft.is_cap for loft in lofts])
    if band > _WIDEST or not beyond.any():
        return found
    del placed, fields  # before others as large are made
    lost = np.flatnonzero(beyond)
    wider = _within(2 * band, *_those(lost, lofts, distances_mm), u, v)
    return _in_order([found, wider], (np.arange(len(lofts)), lost), distances_mm)


def _those(
    which: IndexArray, lofts: Sequence[Loft], distances_mm: Sequence[FloatArray]
) -> tuple[list[Loft], list[FloatArray]]:
    """Some lofts and where they are cut."""
    return [lofts[i] for i in which], [distances_mm[i] for i in which]


def _in_order(
    found: Sequence[Coverage], which: Sequence[IndexArray], distances_mm: Sequence[FloatArray]
) -> Coverage:
    """Sections of all lofts from those of some, ``which``, each; later ones stand for earlier."""
    count = np.array([at.size for at in distances_mm])
    place = np.empty(count.sum(), dtype=np.intp)
    first = np.cumsum(count) - count
    before = 0
    for some in which:
        _, at = expanded(np.append(first, place.size), some)
        place[at] = before + np.arange(at.size)
        before += at.size
    return reduce(operator.add, found).of_layers(place)


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """The grid nodes around each of m sections where its outline may run.

    Parameters
    ----------
    rows, columns : (m, h), (m, w) int
        The grid lines of a window around each section.
    is_inside : (m, h, w) bool
        Nodes of the window that are inside whatever the section's level.
    nodes : (k,) int
        Nodes of which that is not sure, flat in the window; ``node`` are their section, grid line
        along v and along u.
    corner : (4, c) int
        Corners of the cells that outlines may run through, from the low one against the clock:
        which of ``nodes`` each is, or -2 inside and -1 outside; ``cell`` are the section, row and
        column of the grid of these cells.
    cells_mm2 : (c,) float
        Areas of these cells.
    sure_mm2 : (m,) float
        Area of the other cells that are inside.
    """

    rows: IndexArray
    columns: IndexArray
    is_inside: BoolArray
    nodes: IndexArray
    node: tuple[IndexArray, IndexArray, IndexArray]
    corner: IndexArray
    cell: tuple[IndexArray, IndexArray, IndexArray]
    cells_mm2: FloatArray
    sure_mm2: FloatArray

    @classmethod
    def of(
        cls, rows: IndexArray, columns: IndexArray, kinds: NDArray[np.uint8], u: Lines, v: Lines
    ) -> _Window:
        """``kinds`` (m, h, w): of each node, whether it is outside, inside, or not sure."""
        lowest, highest = _over_corners(kinds, np.minimum), _over_corners(kinds, np.maximum)
        unsure = (highest == _UNSURE) | (lowest != highest)
        height, width = (np.diff(lines.positions_mm) for lines in (v, u))
        sure = (lowest == 1) & ~unsure
        area = np.einsum("lvx,lv->l", sure @ width[columns[:, :-1], None], height[rows[:, :-1]])
        layer, row, column = np.nonzero(kinds == _UNSURE)
        nodes = (layer * kinds.shape[1] + row) * kinds.shape[2] + column
        node = layer, rows[layer, row], columns[layer, column]
        number = np.where(kinds == 1, _INSIDE, _OUTSIDE).ravel()
        number[nodes] = np.arange(nodes.size)
        layer, row, column = np.nonzero(unsure)
        low = (layer * kinds.shape[1] + row) * kinds.shape[2] + column
        corner = number[np.stack([low + off for off in (0, 1, kinds.shape[2] + 1, kinds.shape[2])])]
        cell = layer, rows[layer, row], columns[layer, column]
        size = height[cell[1]] * width[cell[2]]
        return cls(rows, columns, kinds == 1, nodes, node, corner, cell, size, area)

    def corners(self, values: FloatArray, inside: float, outside: float) -> FloatArray:
        """Values at the corners of the cells, (4, c), from the low corner against the clock;
        those of nodes that are sure are given."""
        return np.asarray(np.append(values, [inside, outside])[self.corner])

    def on_grid(self, is_inside: BoolArray, u: Lines, v: Lines) -> BoolArray:
        """Whether nodes of the grid are inside, (m, v lines, u lines); at ``nodes`` as given."""
        window = self.is_inside.copy()
        window.ravel()[self.nodes] = is_inside
        grid = np.zeros((len(window), v.positions_mm.size, u.positions_mm.size), dtype=bool)
        for layer, (row, column) in enumerate(zip(self.rows, self.columns, strict=True)):
            grid[layer, row[0] : row[-1] + 1, column[0] : column[-1] + 1] = window[layer]
        return grid


def _over_corners(
    values: NDArray[np.uint8], of: Callable[..., NDArray[np.uint8]]
) -> NDArray[np.uint8]:
    """The least or greatest of the values at the four corners of each cell."""
    lines = of(values[:, :-1], values[:, 1:])
    return of(lines[:, :, :-1], lines[:, :, 1:])


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """Sections as level sets at grid nodes.

    A section lies where, at the nodes of the window, ``field`` (k,) is below ``level_mm`` (m,)
    times ``weight`` (k,), within a box from ``low_mm`` to ``high_mm`` (m, 2); it has ``area_mm2``
    (m,) around ``centre`` (m, 2).
    """

    window: _Window
    field: FloatArray
    weight: FloatArray
    level_mm: FloatArray
    area_mm2: FloatArray
    centre: FloatArray
    low_mm: FloatArray
    high_mm: FloatArray


def _placed(
    lofts: Sequence[Loft],
    distances_mm: Sequence[FloatArray],
    fields: _Fields,
    u: Lines,
    v: Lines,
    *,
    band: float,
) -> _Placed:
    """Sections of lofts at grid nodes; of those between contours, only nodes within ``band`` steps
    of the blend of both are looked at."""
    raster, phi, ends, centres = fields.raster, fields.phi, fields.ends, fields.centres
    which = np.repeat(np.arange(len(lofts)), [d.size for d in distances_mm])
    at = np.concatenate(distances_mm)
    length = np.array([loft.length_mm for loft in lofts])
    further = np.array([loft.further for loft in lofts])[which] * at / length[which]
    near, other = centres[ends[which, 0]], centres[ends[which, 1]]
    centre = near + further[:, None] * (other - near)
    rows, at_v = _neighbours(v, centre[:, 1:], raster.v_mm)
    columns, at_u = _neighbours(u, centre[:, :1], raster.u_mm)
    kinds = _kinds(phi, ends, raster.step_mm)
    lower_v, lower_u = at_v.astype(np.intp), at_u.astype(np.intp)
    found = kinds[which[:, None, None], lower_v[:, :, None], lower_u[:, None, :]]
    layer, row, column = np.nonzero(found == _UNSURE)
    first, second = _at(phi, ends[which[layer]].T, at_v[layer, row], at_u[layer, column])
    change = second - first
    field = first + further[layer] * change
    # A cap lies within its contour, whatever the distances beyond would make of it.
    is_cap = np.array([loft.is_cap for loft in lofts])[which[layer]]
    field = np.where(is_cap, np.maximum(field, first), field)
    if band < _WIDEST:
        away = (np.abs(field) > band * _largest_mm(rows, columns, u, v)) & ~is_cap
        found[layer[away], row[away], column[away]] = field[away] < 0
        layer, change, field = layer[~away], change[~away], field[~away]
    window = _Window.of(rows, columns, found, u, v)
    area = np.concatenate(
        [loft.profile.area_at_mm2(d) for loft, d in zip(lofts, distances_mm, strict=True)]
    )
    moved = np.abs(change) + _STILL_MM
    moved /= _rim_means(moved, np.abs(field) < _step_mm(u, v), layer, area.size)[layer]
    unlike = np.array([len(loft.near) != len(loft.other) for loft in lofts])[which]
    moved[unlike[layer]] = 1.0
    weight = np.clip(moved, _LEAST, 1.0)
    far = float(np.abs(field).max(initial=1.0))
    middle = window.corners(field, -far, far).mean(axis=0)
    share = window.corners(weight, 1.0, 1.0).mean(axis=0)
    level = levels_of(middle, share, window.cells_mm2, window.cell[0], area, window.sure_mm2)
    boxes = [_box(loft) for loft in lofts]
    low, high = (np.array(corner)[which] for corner in zip(*boxes, strict=True))
    return _Placed(window, field, weight, level, area, centre, low, high)


def _largest_mm(rows: IndexArray, columns: IndexArray, u: Lines, v: Lines) -> float:
    """The largest step between grid lines, mm."""
    steps = [np.diff(lines.positions_mm[at]).max() for lines, at in ((v, rows), (u, columns))]
    return float(max(steps))


def _kinds(phi: FloatArray, ends: IndexArray, step_mm: float) -> NDArray[np.uint8]:
    """Of each cell of the raster, (lofts, rows - 1, columns - 1): whether its corners are outside
    (0) or inside (1) both contours of a loft, and far from both, or not sure."""
    far, inside = np.abs(phi) >= FAR_STEPS * step_mm, (phi < 0).astype(np.uint8)
    near, other = ends.T
    sure = far[near] & far[other] & (inside[near] == inside[other])
    kinds = np.where(sure, inside[near], np.uint8(_UNSURE))
    lowest, highest = _over_corners(kinds, np.minimum), _over_corners(kinds, np.maximum)
    return np.where(lowest == highest, lowest, np.uint8(_UNSURE))


def _neighbours(
    lines: Lines, centre_mm: FloatArray, nodes_mm: FloatArray
) -> tuple[IndexArray, FloatArray]:
    """Grid lines around each centre (m, 1), as many around each, (m, h), and where they are among
    the nodes of the raster, from 0, ends held beyond them."""
    position = lines.positions_mm
    first = np.searchsorted(position, centre_mm[:, 0] + nodes_mm[0])
    last = np.searchsorted(position, centre_mm[:, 0] + nodes_mm[-1], side="right")
    count = min(int((last - first).max()) + 2, position.size)
    first = np.clip(first - 1, 0, position.size - count)
    rows = first[:, None] + np.arange(count)
    place = (position[rows] - centre_mm - nodes_mm[0]) / (nodes_mm[1] - nodes_mm[0])
    # The last node belongs to the cell before it.
    return rows, np.clip(place, 0.0, (nodes_mm.size - 1) * (1 - 1e-12))


def _at(
    phi: FloatArray, layers: IndexArray, row: FloatArray, column: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Linear interpolation in two layers each, (2, k), of a raster, at rows and columns (k,) from
    0."""
    j, i = row.astype(np.intp), column.astype(np.intp)
    row, column = row - j, column - i
    width, flat = phi.shape[2], phi.ravel()
    place = j * width + i
    both = []
    for layer in layers:
        corner = place + layer * phi[0].size
        low, high = flat[corner], flat[corner + width]
        low += row * (high - low)
        after, high = flat[corner + 1], flat[corner + (width + 1)]
        after += row * (high - after)
        after -= low
        after *= column
        low += after
        both.append(low)
    return both[0], both[1]


def _rim_means(values: FloatArray, rim: BoolArray, layer: IndexArray, layers: int) -> FloatArray:
    """Means of values (k,) on a rim by layer, (layers,)."""
    count = np.maximum(np.bincount(layer[rim], minlength=layers), 1)
    return np.maximum(np.bincount(layer[rim], values[rim], layers) / count, _STILL_MM)


def _box(loft: Loft) -> tuple[FloatArray, FloatArray]:
    """Corners of the box in which a loft has its sections, (2,) mm: it holds both contours, and by
    how much the loft bulges."""
    bounds = np.array([part.bounds_mm for plane in loft.ends for part in plane.parts])
    return bounds[:, :2].min(axis=0) - loft.outside_mm, bounds[:, 2:].max(axis=0) + loft.outside_mm


def _covered(placed: _Placed, u: Lines, v: Lines) -> Coverage:
    """Coverage of cells by sections, with their areas."""
    window, area_mm2 = placed.window, placed.area_mm2
    cells = np.diff(v.positions_mm)[:, None] * np.diff(u.positions_mm)
    found, covered = _drawn(placed, placed.level_mm, u, v)
    area = found.cells.areas_mm2(cells)
    off = np.abs(area - area_mm2) > _CORRECT * area_mm2
    if off.any():
        weight = window.corners(placed.weight, 1.0, 1.0)[2]
        share = 6 * np.bincount(window.cell[0], weight * covered * (1 - covered), area.size)
        step = float(np.sqrt(cells.mean()))
        level = (area_mm2 - area) / (np.maximum(share, 0.1) * step)
        level = np.where(off, np.clip(level, -step / 2, step / 2), 0.0)
        found, _ = _drawn(placed, placed.level_mm + level, u, v)
        area = found.cells.areas_mm2(cells)
    lost = np.flatnonzero((area < _SMALLEST * area_mm2) | (area > area_mm2 / _SMALLEST))
    return _put_into_cells(found, lost, area_mm2, placed.centre, u, v) if lost.size else found


def _drawn(
    placed: _Placed, level_mm: FloatArray, u: Lines, v: Lines
) -> tuple[Coverage, FloatArray]:
    """Coverage by sections at some levels, and the covered parts of the window's cells, (c,)."""
    window = placed.window
    layer, row, column = window.node
    field = placed.field - level_mm[layer] * placed.weight
    grown = np.flatnonzero((field < 0) & (placed.field > 0))
    at = np.column_stack([u.positions_mm[column[grown]], v.positions_mm[row[grown]]])
    low, high = placed.low_mm[layer[grown]], placed.high_mm[layer[grown]]
    field[grown] = np.maximum(field[grown], np.maximum(low - at, at - high).max(axis=1))
    far = float(np.abs(field).max(initial=1.0))
    corners = window.corners(field, -far, far)
    found = cover_levels(corners, window.cell, window.on_grid(field < 0, u, v))
    return found, _fractions(found.cells, window.cell)


def _fractions(cells: Cells, place: tuple[IndexArray, IndexArray, IndexArray]) -> FloatArray:
    """Covered parts of cells that outlines run through, at ascending places, 0 elsewhere."""
    layer, row, column = place
    size, width = cells.whole[0].size, cells.whole.shape[2]
    sought = layer * size + row * width + column
    fraction = np.zeros(sought.size)
    fraction[np.searchsorted(sought, cells.layer * size + cells.cell)] = cells.fraction
    return fraction


def _put_into_cells(
    coverage: Coverage,
    layers: IndexArray,
    area_mm2: FloatArray,
    centre: FloatArray,
    u: Lines,
    v: Lines,
) -> Coverage:
    """Sections too small for the grid: their whole area in the cell of their centroid."""
    column, row = u.cell(centre[layers, 0]), v.cell(centre[layers, 1])
    size = np.diff(u.positions_mm)[column] * np.diff(v.positions_mm)[row]
    cells = coverage.cells
    whole = cells.whole.copy()
    whole[layers] = False
    keep = ~np.isin(cells.layer, layers)
    layer = np.append(cells.layer[keep], layers)
    order = np.argsort(layer, kind="stable")
    own = (
        row * u.cells + column,
        np.minimum(area_mm2[layers] / size, 1.0),
        u.fraction(centre[layers, 0], column),
        v.fraction(centre[layers, 1], row),
    )
    before = cells.cell, cells.fraction, cells.u, cells.v
    cell, *values = (np.append(old[keep], new)[order] for old, new in zip(before, own, strict=True))
    start = np.searchsorted(layer[order], np.arange(len(whole) + 1))
    return replace(coverage, cells=Cells(whole, start, cell.astype(np.intp), *values))


def _step_mm(u: Lines, v: Lines) -> float:
    """The usual distance of grid lines, mm, without the rounding of how the grid is stored."""
    steps = np.concatenate([np.diff(u.positions_mm), np.diff(v.positions_mm)])
    return round(float(np.median(steps)), _DECIMALS)


@dataclass(frozen=True, slots=True, eq=False)
class _Fields:
    """Signed distances to contours, each seen from its own centroid.

    They are exact near the contours and where the two ends of a loft differ, and only the sign is
    right elsewhere.

    Parameters
    ----------
    raster : Raster
        Around the centroids.
    phi : (contours, rows, columns) float
        mm, negative inside.
    ends : (lofts, 2) int
        The contours of each loft.
    centres : (contours, 2) float
        Centroids, mm.
    """

    raster: Raster
    phi: FloatArray
    ends: IndexArray
    centres: FloatArray

    @classmethod
    def of(cls, lofts: Sequence[Loft], *, step_mm: float, band_mm: float) -> _Fields:
        """``band_mm``: how far from the blend of two contours sections are looked for."""
        contours, ends = distinct((loft.near, loft.other) for loft in lofts)
        centres = np.empty((len(contours), 2))
        for (near, other), loft in zip(ends.tolist(), lofts, strict=True):
            centres[near], centres[other] = loft.start.centroid_mm, loft.towards.centroid_mm
        local = [
            tuple(ring - centre for ring in rings)
            for rings, centre in zip(contours, centres, strict=True)
        ]
        outside = max(loft.outside_mm for loft in lofts)
        points = np.concatenate([ring for rings in local for ring in rings])
        raster = raster_around(points, step_mm, margin_mm=2 * outside + band_mm)
        beside = int(np.ceil(band_mm / raster.step_mm + 0.5))
        pairs = [(n, o, loft.is_cap) for (n, o), loft in zip(ends.tolist(), lofts, strict=True)]
        return cls(raster, signed_distances_mm(local, raster, pairs, beside=beside), ends, centres)

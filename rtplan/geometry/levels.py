"""Level sets on grid lines: what a field's negative part covers of each cell.

The outline is where linear interpolation along the cells' edges finds zero (marching squares), so
that it is closed, and its coverage and moments are as exact as a polygon's.
"""

from __future__ import annotations

import numpy as np

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.raster import BoolArray, Coverage, IndexArray, covered_cells

# Corners of a cell, from its low corner against the clock, are bits 1, 2, 4, 8; edges, from the
# lower one against the clock, are 0 to 3. Of each set of corners inside: the edges from which and
# to which the outline runs, with the inside on its left; -1 for nothing. Two corners across from
# each other are joined (first row) or apart (second row).
_SEGMENTS = np.full((2, 16, 4), -1, dtype=np.intp)
for _case, _from, _to in (
    (1, 0, 3), (2, 1, 0), (3, 1, 3), (4, 2, 1), (6, 2, 0), (7, 2, 3),
    (8, 3, 2), (9, 0, 2), (11, 1, 2), (12, 3, 1), (13, 0, 1), (14, 3, 0),
):  # fmt: skip
    _SEGMENTS[:, _case, :2] = _from, _to
for _case, _joined, _apart in ((5, (0, 1, 2, 3), (0, 3, 2, 1)), (10, (3, 0, 1, 2), (1, 0, 3, 2))):
    _SEGMENTS[:, _case] = _joined, _apart
_TRIALS = 8
_CLOSE = 1e-4  # of the area: less than rounding may decide
_FAR_OFF = 0.01


def cover_levels(
    corners: FloatArray, place: tuple[IndexArray, IndexArray, IndexArray], node_inside: BoolArray
) -> Coverage:
    """Coverage of grid cells by where a field is negative, layer by layer.

    Parameters
    ----------
    corners : (4, k) float
        Values at the corners of cells, from the low corner against the clock: of all the cells
        that the outline runs through, and any others.
    place : three (k,) int
        Layer, row and column of each of these cells, ascending.
    node_inside : (layers, v lines, u lines) bool
        Where the field is negative; not on the rim.
    """
    inside = corners < 0
    case = inside[0] + 2 * inside[1].astype(np.int8) + 4 * inside[2].astype(np.int8)
    case += 8 * inside[3].astype(np.int8)
    cut = np.flatnonzero((case > 0) & (case < 15))
    a, b, c, d = corners[:, cut]
    edges = _SEGMENTS[(a + b + c + d >= 0).astype(np.intp), case[cut]]
    with np.errstate(divide="ignore", invalid="ignore"):
        along = np.stack([a / (a - b), b / (b - c), d / (d - c), a / (a - d)], axis=1)
    one, zero = np.ones(cut.size), np.zeros(cut.size)
    x = np.stack([along[:, 0], one, along[:, 2], zero], axis=1)
    y = np.stack([zero, along[:, 1], one, along[:, 3]], axis=1)
    second = np.flatnonzero(edges[:, 2] >= 0)
    cell = np.append(np.arange(cut.size), second)
    order = np.argsort(cell, kind="stable")
    cell = cell[order]
    start = np.append(edges[:, 0], edges[second, 2])[order]
    stop = np.append(edges[:, 1], edges[second, 3])[order]
    layer, row, column = (part[cut[cell]] for part in place)
    x0, y0 = x[cell, start], y[cell, start]
    ends = x0, y0, x[cell, stop], y[cell, stop]
    return Coverage(
        cells=covered_cells((layer, row, column), ends, node_inside),
        node_inside=node_inside,
        edge_start=np.searchsorted(layer, np.arange(len(node_inside) + 1)),
        edge_column=column,
        edge_row=row,
        edge_u=x0,
        edge_v=y0,
    )


def levels_of(
    middle: FloatArray,
    share: FloatArray,
    cells_mm2: FloatArray,
    layer: IndexArray,
    wanted_mm2: FloatArray,
    sure_mm2: FloatArray,
) -> FloatArray:
    """Levels below which a field has wanted areas, about, (layers,) in the field's unit.

    Parameters
    ----------
    middle : (k,) float
        The field in the middle of cells. It rises by about 1 per mm outwards.
    share : (k,) float
        Above 0 to 1: the field is to be compared with this part of the level.
    cells_mm2 : (k,) float
        Areas of the cells.
    layer : (k,) int
        Layer of each cell.
    wanted_mm2 : (layers,) float
        Area that is to lie below the level.
    sure_mm2 : (layers,) float
        Area of other cells, that lie below it anyway.
    """
    count = wanted_mm2.size
    step = np.sqrt(cells_mm2)
    least = 0.1 * float(step.min(initial=np.inf))
    level = np.zeros(count)
    still = np.ones(count, dtype=bool)
    off = np.full(count, np.inf)
    at, of_level, size, width, here = middle, share, cells_mm2, step, layer
    for _ in range(_TRIALS):
        part = np.clip(0.5 + (level[here] * of_level - at) / width, 0.0, 1.0)
        missing = wanted_mm2 - sure_mm2 - np.bincount(here, part * size, count)
        # Of cells on the rim, part (1 - part) is a sixth on the average.
        length = 6 * np.bincount(here, part * (1 - part) * of_level * width, count)
        level[still] += (missing / np.maximum(length, least))[still]
        off[still] = (np.abs(missing) / wanted_mm2)[still]
        if (off <= _CLOSE).all():
            break
        if (off[still] <= _CLOSE).any():
            still = off > _CLOSE
            keep = still[here]
            at, of_level, size, width = (x[keep] for x in (at, of_level, size, width))
            here = here[keep]
    for number in np.flatnonzero(off > _FAR_OFF).tolist():
        own = layer == number
        levels = middle[own] / share[own]
        order = np.argsort(levels)
        filled = np.cumsum(cells_mm2[own][order]) + sure_mm2[number]
        place = min(int(np.searchsorted(filled, wanted_mm2[number])), order.size - 1)
        level[number] = levels[order[place]] if order.size else 0.0
    return level

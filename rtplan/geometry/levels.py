"""Level sets on grid lines: what a field's negative part covers of each cell.

The outline is where linear interpolation along the cells' edges finds zero (marching squares), so
that it is closed, and its coverage and moments are as exact as a polygon's.
"""

from __future__ import annotations

import numpy as np

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.raster import Coverage, Lines, covered_cells

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
_TRIALS = 12
_CLOSE = 1e-5  # of the area: less than rounding may decide
_FAR_OFF = 0.01


def cover_levels(field: FloatArray, u: Lines, v: Lines) -> Coverage:
    """Coverage of the cells between lines by where a field is negative, layer by layer.

    Parameters
    ----------
    field : (layers, v lines, u lines) float
        Values at the nodes; positive on the rim.
    u, v : Lines
    """
    inside = field < 0
    case = inside[:, :-1, :-1] + 2 * inside[:, :-1, 1:].astype(np.int8)
    case += 4 * inside[:, 1:, 1:].astype(np.int8) + 8 * inside[:, 1:, :-1].astype(np.int8)
    layer, row, column = np.nonzero((case > 0) & (case < 15))
    here = case[layer, row, column]
    a, b = field[layer, row, column], field[layer, row, column + 1]
    c, d = field[layer, row + 1, column + 1], field[layer, row + 1, column]
    apart = (a + b + c + d >= 0).astype(np.intp)
    edges = _SEGMENTS[apart, here]
    with np.errstate(divide="ignore", invalid="ignore"):
        along = np.stack([a / (a - b), b / (b - c), d / (d - c), a / (a - d)], axis=1)
    one, zero = np.ones(len(layer)), np.zeros(len(layer))
    x = np.stack([along[:, 0], one, along[:, 2], zero], axis=1)
    y = np.stack([zero, along[:, 1], one, along[:, 3]], axis=1)
    second = np.flatnonzero(edges[:, 2] >= 0)
    cell = np.append(np.arange(len(layer)), second)
    order = np.argsort(layer[cell], kind="stable")
    cell = cell[order]
    start = np.append(edges[:, 0], edges[second, 2])[order]
    stop = np.append(edges[:, 1], edges[second, 3])[order]
    layer, row, column = layer[cell], row[cell], column[cell]
    x0, y0 = x[cell, start], y[cell, start]
    ends = x0, y0, x[cell, stop], y[cell, stop]
    fraction, centre_u, centre_v = covered_cells((layer, row, column), ends, inside)
    return Coverage(
        fraction=fraction,
        u=centre_u,
        v=centre_v,
        node_inside=inside,
        edge_start=np.searchsorted(layer, np.arange(len(field) + 1)),
        edge_column=column,
        edge_row=row,
        edge_u=x0,
        edge_v=y0,
    )


def levels_of(
    field: FloatArray, weight: FloatArray, area_mm2: FloatArray, u: Lines, v: Lines
) -> FloatArray:
    """Levels below which a field has wanted areas, about, (layers,) in the field's unit.

    Parameters
    ----------
    field : (layers, v lines, u lines) float
        Rises by about 1 per mm outwards.
    weight : (layers, v lines, u lines) or (1, 1, 1) float
        Above 0 to 1: the field is to be compared with this part of the level.
    area_mm2 : (layers,) float
    u, v : Lines
    """
    width, height = np.diff(u.positions_mm), np.diff(v.positions_mm)
    cells = (height[:, None] * width).ravel()
    step = np.sqrt(cells)
    middle = _middles(field)
    share = np.broadcast_to(_middles(weight) if weight.size > 1 else weight[0], middle.shape)
    level = np.zeros(len(field))
    off = np.full(len(field), np.inf)
    for _ in range(_TRIALS):
        still = np.flatnonzero(off > _CLOSE)
        if not still.size:
            break
        parts = share[still]
        part = np.clip(0.5 + (level[still, None] * parts - middle[still]) / step, 0.0, 1.0)
        missing = area_mm2[still] - part @ cells
        # Of cells on the rim, part (1 - part) is a sixth on the average.
        length = 6 * ((part * (1 - part) * parts) @ step)
        level[still] += missing / np.maximum(length, 0.1 * step.min())
        off[still] = np.abs(missing) / area_mm2[still]
    for layer in np.flatnonzero(off > _FAR_OFF).tolist():
        wanted = middle[layer] / share[layer]
        order = np.argsort(wanted)
        filled = int(np.searchsorted(np.cumsum(cells[order]), area_mm2[layer]))
        level[layer] = wanted[order[min(filled, order.size - 1)]]
    return level


def _middles(field: FloatArray) -> FloatArray:
    """Means over the corners of each cell, (layers, cells)."""
    rows = field[:, :-1] + field[:, 1:]
    return np.asarray(0.25 * (rows[:, :, :-1] + rows[:, :, 1:]).reshape(len(field), -1))

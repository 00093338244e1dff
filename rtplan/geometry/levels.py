"""Level sets on grid lines: what a field's negative part covers of each cell.

The outline is where linear interpolation along the cells' edges finds zero (marching squares), so
that it is closed, and its coverage and moments are as exact as a polygon's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.raster import Coverage, IndexArray, Lines

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
    start = np.append(edges[:, 0], edges[second, 2])
    stop = np.append(edges[:, 1], edges[second, 3])
    return _coverage(
        (field.shape[0], v.cells, u.cells),
        layer[cell],
        column[cell],
        row[cell],
        (x[cell, start], y[cell, start], x[cell, stop], y[cell, stop]),
        node_inside=inside,
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
    middle, share = _middles(field), np.ones(1)
    if weight.size > 1:
        share = _middles(weight)
    level = np.zeros(len(field))
    off = np.full(len(field), np.inf)
    for _ in range(_TRIALS):
        still = np.flatnonzero(off > _CLOSE)
        if not still.size:
            break
        parts = share[still] if share.ndim > 1 else share
        part = np.clip(0.5 + (level[still, None] * parts - middle[still]) / step, 0.0, 1.0)
        missing = area_mm2[still] - part @ cells
        # Of cells on the rim, part (1 - part) is a sixth on the average.
        length = 6 * ((part * (1 - part) * parts) @ step)
        level[still] += missing / np.maximum(length, 0.1 * step.min())
        off[still] = np.abs(missing) / area_mm2[still]
    for layer in np.flatnonzero(off > _FAR_OFF).tolist():
        wanted = middle[layer] / (share[layer] if share.ndim > 1 else 1.0)
        order = np.argsort(wanted)
        filled = int(np.searchsorted(np.cumsum(cells[order]), area_mm2[layer]))
        level[layer] = wanted[order[min(filled, order.size - 1)]]
    return level


def _middles(field: FloatArray) -> FloatArray:
    """Means over the corners of each cell, (layers, cells)."""
    rows = field[:, :-1] + field[:, 1:]
    return np.asarray(0.25 * (rows[:, :, :-1] + rows[:, :, 1:]).reshape(len(field), -1))


def _coverage(
    shape: tuple[int, int, int],
    layer: IndexArray,
    column: IndexArray,
    row: IndexArray,
    piece: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    *,
    node_inside: NDArray[np.bool_],
) -> Coverage:
    """Coverage of (layers, rows, columns) from directed pieces of outlines, each in one cell.

    ``piece``: x and y of both ends in the cell, 0 .. 1. The area between a piece and the right
    side of its cell counts there; the whole of its height in the cells to the right.
    """
    x0, y0, x1, y1 = piece
    layers, rows, columns = shape
    height = y0 - y1
    here = height * (1.0 - (x0 + x1) / 2)
    moment_u = height * (0.5 - (x0 * x0 + x0 * x1 + x1 * x1) / 6)
    middle = height * (y0 + y1) / 2
    moment_v = middle - height * (x0 * (2 * y0 + y1) + x1 * (y0 + 2 * y1)) / 6
    flat = (layer * rows + row) * (columns + 1) + column
    both = np.append(flat, flat + 1)
    size = layers * rows * (columns + 1)

    def total(own: FloatArray, onward: FloatArray) -> FloatArray:
        sums = np.bincount(both, np.append(own, onward - own), size)
        return np.asarray(np.cumsum(sums.reshape(layers, rows, -1), axis=2)[:, :, :-1])

    fraction = total(here, height)
    covered = fraction > 1e-12
    safe = np.where(covered, fraction, 1.0)
    order = np.argsort(layer, kind="stable")
    return Coverage(
        fraction=np.where(covered, np.minimum(fraction, 1.0), 0.0),
        u=np.clip(np.where(covered, total(moment_u, height / 2) / safe, 0.5), 0.0, 1.0),
        v=np.clip(np.where(covered, total(moment_v, middle) / safe, 0.5), 0.0, 1.0),
        node_inside=node_inside,
        edge_start=np.searchsorted(layer[order], np.arange(layers + 1)),
        edge_column=column[order],
        edge_row=row[order],
        edge_u=x0[order],
        edge_v=y0[order],
    )

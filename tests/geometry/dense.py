"""Covered parts of cells, and fields at nodes, as arrays over the whole grid."""

from __future__ import annotations

import numpy as np

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.levels import cover_levels, levels_of
from rtplan.geometry.raster import Cells, Coverage, Lines


def fractions(cells: Cells) -> FloatArray:
    """Covered part of every cell, (layers, v cells, u cells)."""
    return _over_the_grid(cells, cells.whole.astype(float), cells.fraction)


def centroids(cells: Cells) -> tuple[FloatArray, FloatArray]:
    """Centroid (u, v) of the covered part of every cell, (layers, v cells, u cells) each."""
    u, v = (_over_the_grid(cells, np.full(cells.whole.shape, 0.5), at) for at in (cells.u, cells.v))
    return u, v


def _over_the_grid(cells: Cells, values: FloatArray, cut: FloatArray) -> FloatArray:
    values.reshape(len(values), -1)[cells.layer, cells.cell] = cut
    return values


def _corners(field: FloatArray) -> FloatArray:
    """Values at the corners of every cell, (4, layers, v cells, u cells), against the clock."""
    low, high = field[:, :-1], field[:, 1:]
    return np.stack([low[..., :-1], low[..., 1:], high[..., 1:], high[..., :-1]])


def covered_below(field: FloatArray) -> Coverage:
    """Where a field (layers, v lines, u lines) is negative."""
    corners = _corners(field)
    layer, row, column = (index.ravel() for index in np.indices(corners.shape[1:]))
    return cover_levels(corners.reshape(4, -1), (layer, row, column), field < 0)


def levels(
    field: FloatArray, weight: FloatArray, area_mm2: FloatArray, u: Lines, v: Lines
) -> FloatArray:
    """Levels below which a field has some areas; ``field`` and ``weight`` as ``covered_below``."""
    size = np.diff(v.positions_mm)[:, None] * np.diff(u.positions_mm)
    middle, share = (_corners(values).mean(axis=0) for values in (field, weight))
    layer = np.repeat(np.arange(len(field)), size.size)
    cells = np.tile(size.ravel(), len(field))
    none = np.zeros(len(field))
    return levels_of(middle.ravel(), share.ravel(), cells, layer, area_mm2, none)

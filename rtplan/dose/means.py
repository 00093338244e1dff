"""Means of the cells of a dose.

Between nodes a dose is taken as linear. What that misses of the mean dose of a cell, a twelfth of
the second differences along the three axes, is put back: the doses are moved by as much, within the
range of their neighbours. Right for a dose that bends little within a cell; not for extremes.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from rtplan.dose.bends import REACH, Doses, along, curvatures, factor_along, steps
from rtplan.geometry.grid import FloatArray

_AT_ONCE = 200_000  # voxels whose means are computed at once
_DEEP = 16  # planes of these


class CellMeans:
    """Doses whose linear interpolation has the mean of each cell, in the precision of the dose.

    They are computed in tiles, each when it is first asked for, and kept: structures share them.
    Threads that ask for the same tile at once write the same numbers.

    Parameters
    ----------
    values_gy : (k, j, i) float
    axes_mm : three (n,) float
        Positions along k, j, i.
    """

    def __init__(self, values_gy: Doses, axes_mm: tuple[FloatArray, ...]) -> None:
        planes, rows, columns = values_gy.shape
        self._values, self._axes = values_gy, axes_mm
        self._rows = max(_DEEP, _AT_ONCE // (columns * min(planes, _DEEP)))
        self._means = np.empty_like(values_gy)
        self._known = np.zeros((-(-planes // _DEEP), -(-rows // self._rows)), dtype=bool)

    def within(self, part: tuple[slice, slice, slice]) -> Doses:
        """Those of a part (k, j, i) of the voxels."""
        planes, rows, columns = self._values.shape
        tiles = [
            range(start // size, -(-stop // size))
            for (start, stop, _), size in (
                (part[0].indices(planes), _DEEP),
                (part[1].indices(rows), self._rows),
            )
        ]
        for number in product(*tiles):
            if not self._known[number]:
                k, j = number[0] * _DEEP, number[1] * self._rows
                deep, wide = min(k + _DEEP, planes), min(j + self._rows, rows)
                tile = slice(k, deep), slice(j, wide), slice(0, columns)
                self._means[tile] = _means_of(self._values, self._axes, tile)
                self._known[number] = True
        return np.asarray(self._means[part])


def _means_of(values: Doses, axes: tuple[FloatArray, ...], tile: tuple[slice, ...]) -> Doses:
    """Means of a part of values (k, j, i)."""
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
            here = along(axis, slice(first - away - start, last - away - start))
            beside = lines[along(axis, slice(first, last))]
            np.minimum(least[here], beside, out=least[here])
            np.maximum(most[here], beside, out=most[here])
        positions = positions[within]
        bend = curvatures(lines, positions, axis)
        square = np.minimum(*steps(positions)) ** 2 / 12
        square[[0, -1]] = square[[1, -2]]
        bend *= factor_along(square, lines.ndim - axis)
        moved -= bend[along(axis, slice(start, stop))]
    return np.asarray(np.clip(moved, least, most, out=moved))


def _spread(part: slice, size: int) -> slice:
    """A part of an axis with ``REACH`` nodes on either side, where there are so many."""
    return slice(max(part.start - REACH, 0), min(part.stop + REACH, size))

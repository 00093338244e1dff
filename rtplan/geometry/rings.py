"""Many rings at once: their measures, and which of them surely do not cross themselves.

Rings lie one after another in one array of points, with where each starts. Most contours are seen
whole from a point within, as from the centre of a star; that is told here for all of a structure
together, and only the others are left to a general test.

A *part* is one outer ring with its holes. All parts of a structure are measured here, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.grid import FloatArray

IndexArray = NDArray[np.intp]
GeometryArray = NDArray[np.object_]
"""Array of shapely geometries."""


@dataclass(frozen=True, slots=True, eq=False)
class Rings:
    """Rings (m) of points (n, 2), mm; the first point of each is not repeated at its end."""

    points_mm: FloatArray
    start: IndexArray

    @classmethod
    def of(cls, rings: Sequence[FloatArray]) -> Rings:
        """Rings (k, 2) each, one or more, as one array."""
        stop = np.cumsum([len(ring) for ring in rings])
        return cls(np.concatenate(rings), np.append(0, stop[:-1]))

    @property
    def sizes(self) -> IndexArray:
        """Number of points of each ring, (m,)."""
        return np.diff(np.append(self.start, len(self.points_mm)))

    def __getitem__(self, index: int) -> FloatArray:
        """The points (k, 2) of one ring."""
        stop = self.start[index + 1] if index + 1 < self.start.size else None
        return self.points_mm[self.start[index] : stop]

    def bounds_mm(self) -> FloatArray:
        """Least u and v, greatest u and v of each ring, (m, 4)."""
        uv = np.ascontiguousarray(self.points_mm.T)
        low, high = (of.reduceat(uv, self.start, axis=1) for of in (np.minimum, np.maximum))
        return np.concatenate([low, high]).T

    def polygons(self) -> GeometryArray:
        """What each ring encloses, as shapely Polygons (m,)."""
        import shapely

        owner = np.repeat(np.arange(self.start.size), self.sizes)
        linear = shapely.linearrings(self.points_mm, indices=owner)
        return np.asarray(shapely.polygons(linear), dtype=object)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One outer ring with its holes, and what there is to measure of it.

    Parameters
    ----------
    rings : tuple of (n, 2) float
        The outer ring counter-clockwise, then its holes clockwise; never crossing, the first point
        not repeated; mm.
    area_mm2 : float
        Enclosed area, the holes subtracted.
    length_mm : float
        Length of all its rings.
    moment_mm3 : (float, float)
        Integral of (u, v) over the enclosed area.
    bounds_mm : (float, float, float, float)
        Least u and v, greatest u and v.
    """

    rings: tuple[FloatArray, ...]
    area_mm2: float
    length_mm: float
    moment_mm3: tuple[float, float]
    bounds_mm: tuple[float, float, float, float]


def measured(parts: Sequence[tuple[FloatArray, ...]]) -> list[Part]:
    """Parts, given the rings of each.

    >>> square = np.array([[0., 0.], [4., 0.], [4., 4.], [0., 4.]])
    >>> part, = measured([(square, 1 + square[::-1] / 2)])
    >>> part.area_mm2, part.length_mm, part.moment_mm3, part.bounds_mm
    (12.0, 24.0, (24.0, 24.0), (0.0, 0.0, 4.0, 4.0))
    """
    if not parts:
        return []
    rings = Rings.of([ring for part in parts for ring in part])
    start, count = rings.start, len(rings.points_mm)
    first = np.append(0, np.cumsum([len(part) for part in parts[:-1]])).astype(np.intp)
    uv = np.ascontiguousarray(rings.points_mm.T)
    # From its first point, (0, 0): a ring far from the origin loses no digits, and the last point
    # of a ring is followed by its first, for the next ring begins there too.
    shifted = np.zeros((2, count + 1))
    np.subtract(uv, np.repeat(uv[:, start], rings.sizes, axis=1), out=shifted[:, :-1])
    here, following = shifted[:, :-1], shifted[:, 1:]
    cross = here[0] * following[1] - following[0] * here[1]
    area = np.add.reduceat(cross, start) / 2
    sums = [np.add.reduceat((a + b) * cross, start) for a, b in zip(here, following, strict=True)]
    moment = np.stack(sums) / 6 + uv[:, start] * area
    u, v = np.square(np.diff(shifted))
    length = np.add.reduceat(np.sqrt(u + v), start)
    return [
        Part(*measures)
        for measures in zip(
            parts,
            np.add.reduceat(area, first).tolist(),
            np.add.reduceat(length, first).tolist(),
            map(tuple, np.add.reduceat(moment, first, axis=1).T.tolist()),
            map(tuple, rings.bounds_mm()[first].tolist()),
            strict=True,
        )
    ]


def signed_areas(rings: Rings) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Areas (m,), mm², positive where a ring runs counter-clockwise; and whether it is a star.

    A star runs once round the mean of its points, always onward, so that it cannot cross or touch
    itself. A ring that is no star may or may not.

    >>> square = np.array([[0., 0.], [2., 0.], [2., 2.], [0., 2.]])
    >>> bow = square[[0, 2, 1, 3]]
    >>> rings = Rings(np.concatenate([square, bow]), np.array([0, 4]))
    >>> [part.tolist() for part in signed_areas(rings)]
    [[4.0, 0.0], [True, False]]
    """
    start, sizes = rings.start, rings.sizes
    uv = np.ascontiguousarray(rings.points_mm.T)
    # From the middle: rings far from the origin lose no digits.
    uv -= np.repeat(np.add.reduceat(uv, start, axis=1) / sizes, sizes, axis=1)
    following = np.roll(uv, -1, axis=1)
    following[:, start + sizes - 1] = uv[:, start]
    onward = uv[0] * following[1] - following[0] * uv[1]
    least, most = np.minimum.reduceat(onward, start), np.maximum.reduceat(onward, start)
    # Each turn about the middle, in steps of less than half a turn, goes once from below to above.
    crosses = (uv[1] < 0) != (following[1] < 0)
    rises = np.add.reduceat(crosses.astype(np.intp), start) == 2
    slack = 1e-12 * np.maximum(np.abs(least), np.abs(most))
    star = rises & ((least > slack) | (most < -slack))
    return 0.5 * np.add.reduceat(onward, start), star


def pairs_within(groups: Sequence[Sequence[int]], bounds_mm: FloatArray) -> IndexArray:
    """Pairs (k, 2) of rings of one group whose bounds meet, the one that comes first in it first.

    ``bounds_mm`` (m, 4) are those of all rings.
    """
    every = np.array([ring for group in groups for ring in group], dtype=np.intp)
    later = [left for group in groups for left in range(len(group) - 1, -1, -1)]
    first = np.repeat(np.arange(every.size), later)
    beyond = np.cumsum(later, dtype=np.intp)
    second = first + np.arange(first.size) - np.repeat(beyond - later, later) + 1
    one, other = bounds_mm[every[first]], bounds_mm[every[second]]
    meet = (one[:, :2] <= other[:, 2:]).all(axis=1) & (other[:, :2] <= one[:, 2:]).all(axis=1)
    return np.column_stack([every[first[meet]], every[second[meet]]])

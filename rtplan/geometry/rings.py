"""Many rings at once: areas, bounds, and which of them surely do not cross themselves.

Rings lie one after another in one array of points, with where each starts. Most contours are seen
whole from a point within, as from the centre of a star; that is told here for all of a structure
together, and only the others are left to a general test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.grid import FloatArray

IndexArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Rings:
    """Rings (m) of points (n, 2), mm; the first point of each is not repeated at its end."""

    points_mm: FloatArray
    start: IndexArray

    @property
    def sizes(self) -> IndexArray:
        """Number of points of each ring, (m,)."""
        return np.diff(np.append(self.start, len(self.points_mm)))

    @property
    def following(self) -> IndexArray:
        """Index of the next point of each point's ring, (n,)."""
        following = np.arange(1, len(self.points_mm) + 1)
        following[self.start + self.sizes - 1] = self.start
        return following

    def __getitem__(self, index: int) -> FloatArray:
        """The points (k, 2) of one ring."""
        stop = self.start[index + 1] if index + 1 < self.start.size else None
        return self.points_mm[self.start[index] : stop]

    def bounds_mm(self) -> FloatArray:
        """Least u and v, greatest u and v of each ring, (m, 4)."""
        low = np.minimum.reduceat(self.points_mm, self.start, axis=0)
        return np.hstack([low, np.maximum.reduceat(self.points_mm, self.start, axis=0)])


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
    sizes, following = rings.sizes, rings.following
    centre = np.add.reduceat(rings.points_mm, rings.start, axis=0) / sizes[:, None]
    # From the middle: rings far from the origin lose no digits.
    x, y = (rings.points_mm - np.repeat(centre, sizes, axis=0)).T
    onward = x * y[following] - x[following] * y
    least, most = np.minimum.reduceat(onward, rings.start), np.maximum.reduceat(onward, rings.start)
    # Each turn about the middle, in steps of less than half a turn, goes once from below to above.
    rises = np.add.reduceat(((y < 0) != (y[following] < 0)).astype(np.intp), rings.start) == 2
    slack = 1e-12 * np.maximum(np.abs(least), np.abs(most))
    star = rises & ((least > slack) | (most < -slack))
    return 0.5 * np.add.reduceat(onward, rings.start), star


def pairs_within(groups: list[IndexArray], bounds_mm: FloatArray) -> IndexArray:
    """Pairs (k, 2) of rings of one group whose bounds meet, the smaller index first."""
    found = [np.empty((0, 2), dtype=np.intp)]
    for group in groups:
        if group.size > 1:
            first, second = np.triu_indices(group.size, 1)
            found.append(np.column_stack([group[first], group[second]]))
    pairs = np.concatenate(found)
    one, other = bounds_mm[pairs[:, 0]], bounds_mm[pairs[:, 1]]
    meet = (one[:, :2] <= other[:, 2:]).all(axis=1) & (other[:, :2] <= one[:, 2:]).all(axis=1)
    return pairs[meet]

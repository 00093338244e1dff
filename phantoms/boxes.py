"""A box of any direction."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.grid import FloatArray

from .cuts import integrate
from .sections import Polygon, Section
from .solid import CC_PER_MM3, PATIENT_AXES, Axes, Point, Solid, in_cc, matrix

# Corners closer together than this are one.
_SAME_MM = 1e-9
# Enough for a layer, which is cut at every corner.
_NODES = 16


@dataclass(frozen=True, slots=True)
class Box(Solid):
    """A box: ``sizes_mm`` along the rows of ``axes``.

    Raises
    ------
    GeometryError
        The axes are not unit vectors at right angles.

    >>> Box((0.0, 0.0, 0.0), (10.0, 20.0, 30.0)).volume_cc
    6.0
    """

    centre_mm: Point
    sizes_mm: Point
    axes: Axes = PATIENT_AXES

    def __post_init__(self) -> None:
        matrix(self.axes)

    @property
    def volume_cc(self) -> float:
        return float(np.prod(self.sizes_mm)) * CC_PER_MM3

    @property
    def centroid_mm(self) -> Point:
        return self.centre_mm

    def contains(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        away = np.asarray(points_mm, dtype=float) - np.asarray(self.centre_mm)
        inside = np.abs(away @ matrix(self.axes).T) <= np.asarray(self.sizes_mm) / 2
        return np.asarray(inside.all(axis=-1))

    def extent_mm(self, normal: FloatArray) -> tuple[float, float]:
        middle = float(normal @ np.asarray(self.centre_mm))
        reach = float(np.abs(matrix(self.axes) @ normal) @ np.asarray(self.sizes_mm)) / 2
        return middle - reach, middle + reach

    def above_cc(self, normal: FloatArray, offset_mm: FloatArray) -> FloatArray:
        """Exact for every direction: a length, averaged over the two edges across it."""
        t = np.asarray(offset_mm, dtype=float) - float(normal @ np.asarray(self.centre_mm))
        slant = np.abs(matrix(self.axes) @ normal)
        steepest = int(np.argmax(slant))
        halves = slant * np.asarray(self.sizes_mm) / 2
        wide, narrow = sorted(np.delete(halves, steepest), reverse=True)
        reach = halves[steepest]
        mean = _mean_ramp(reach - t, wide, narrow) - _mean_ramp(-reach - t, wide, narrow)
        across = float(np.prod(np.delete(np.asarray(self.sizes_mm), steepest)))
        return in_cc(mean * across / slant[steepest], self.volume_cc)

    def _local(self, centre_mm: Point) -> FloatArray:
        away = np.asarray(centre_mm, dtype=float) - np.asarray(self.centre_mm)
        return np.asarray(matrix(self.axes) @ away)

    def reach_mm(self, centre_mm: Point) -> tuple[float, float]:
        away, half = np.abs(self._local(centre_mm)), np.asarray(self.sizes_mm) / 2
        near = np.linalg.norm(np.maximum(away - half, 0.0))
        return float(near), float(np.linalg.norm(away + half))

    def within_cc(self, centre_mm: Point, radius_mm: FloatArray) -> FloatArray:
        """One integral over layers, exact to 1e-9 of the volume (see ``cuts``)."""
        rho = np.asarray(radius_mm, dtype=float)
        half = np.asarray(self.sizes_mm) / 2
        low, high = (-half - self._local(centre_mm)), (half - self._local(centre_mm))
        xs, ys = (low[0], high[0]), (low[1], high[1])

        def layer(z: FloatArray) -> FloatArray:
            disc = np.sqrt(np.maximum(rho[:, None, None] ** 2 - z**2, 0.0))
            x0, x1, y0, y1 = *xs, *ys
            upper = _quadrant(disc, x1, y1) - _quadrant(disc, x0, y1)
            return upper - _quadrant(disc, x1, y0) + _quadrant(disc, x0, y0)

        # The disc of a layer starts to be cut where it touches a side and where it meets a corner.
        meets = np.array([*xs, *ys, *(np.hypot(x, y) for x, y in product(xs, ys)), 0.0])
        heights = np.sqrt(np.maximum(rho[:, None] ** 2 - meets**2, 0.0))
        inner = np.clip(np.concatenate([-heights, heights], axis=1), low[2], high[2])
        ends = np.broadcast_to([low[2], high[2]], (len(rho), 2))
        breaks = np.concatenate([ends, inner], axis=1)
        return in_cc(integrate(layer, breaks, nodes=_NODES), self.volume_cc)

    def sections(self, z_mm: float) -> tuple[Section, ...]:
        signs = np.array(list(product((-0.5, 0.5), repeat=3)))
        corners = self.centre_mm + signs * np.asarray(self.sizes_mm) @ matrix(self.axes)
        # Two corners share an edge where one sign differs.
        edges = [
            (i, j)
            for i in range(8)
            for j in range(i + 1, 8)
            if np.count_nonzero(signs[i] != signs[j]) == 1
        ]
        found: list[FloatArray] = []
        for i, j in edges:
            start, end = corners[i], corners[j]
            rise = end[2] - start[2]
            if abs(rise) < _SAME_MM:
                continue
            part = (z_mm - start[2]) / rise
            point = (start + part * (end - start))[:2]
            if 0 <= part <= 1 and all(np.hypot(*(point - p)) > _SAME_MM for p in found):
                found.append(point)
        if len(found) < 3:
            return ()
        points = np.array(found)
        away = points - points.mean(axis=0)
        ring = points[np.argsort(np.arctan2(away[:, 1], away[:, 0]))]
        return (Polygon(tuple((float(x), float(y)) for x, y in ring)),)


def _mean_ramp(u: FloatArray, wide: float, narrow: float) -> FloatArray:
    """Mean of ``max(u + a + b, 0)`` over a within ``wide`` and b within ``narrow`` of 0.

    Over a it is 0, then a parabola, then u. Over b each of these parts is averaged by two Gauss
    nodes, which are exact; unlike the closed form with its divisions nothing cancels where an edge
    lies in the plane.
    """

    def over_wide(v: FloatArray) -> FloatArray:
        bend = (v + wide) ** 2 / (4 * wide) if wide > 0 else np.zeros_like(v)
        return np.where(v >= wide, v, np.where(v <= -wide, 0.0, bend))

    if narrow == 0:
        return over_wide(u)
    # Shares of b, so that a narrow range keeps its digits.
    bends = [np.clip((side * wide - u) / narrow, -1.0, 1.0) for side in (-1, 1)]
    breaks = [np.full_like(u, -1.0), *bends, np.full_like(u, 1.0)]
    total = np.zeros_like(u)
    for first, last in pairwise(breaks):
        middle, half = (first + last) / 2, (last - first) / 2
        step = half / np.sqrt(3)
        nodes = (u + narrow * (middle + side * step) for side in (-1, 1))
        total += half / 2 * sum(over_wide(node) for node in nodes)
    return np.asarray(total)


def _quadrant(disc: FloatArray, x: float, y: float) -> FloatArray:
    """Area of discs about the origin to the left of ``x`` and below ``y``."""

    def beside(edge: float) -> FloatArray:
        """Area over the axis from 0 to the edge, signed."""
        p = np.clip(edge, -disc, disc)
        root = np.sqrt((disc - p) * (disc + p))
        return np.asarray((p * root + disc**2 * np.arctan2(p, root)) / 2)

    quarter = np.pi * disc**2 / 4
    left, below = beside(x), beside(y)
    inside = quarter + left + below + x * y
    # A corner beyond the disc leaves one cut, two that do not overlap, or nothing.
    if x >= 0 and y >= 0:
        outside = 2 * (left + below)
    elif x < 0 and y < 0:
        outside = np.zeros_like(disc)
    else:
        outside = 2 * (quarter + (left if x < 0 else below))
    return np.where(np.hypot(x, y) <= disc, inside, outside)

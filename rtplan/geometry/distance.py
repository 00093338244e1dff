"""Signed distance to a cross-section on a small local raster, and cross-sections cut from it.

The distance at a node is exact but for the choice of the nearest edge, which is that of the
nearest piece of a densified contour; a cross-section of a wanted area is the level set that has
it, so that rounding by the raster never reaches an area.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import signed_area_mm2

Rings = tuple[FloatArray, ...]
"""Rings (n, 2) mm of a cross-section: outer counter-clockwise, holes clockwise, never crossing."""

MARGIN_STEPS = 3
MOST_NODES = 20_000
"""A raster gets coarser rather than larger."""
SMALLEST_STEPS2 = 9.0
"""Area in squared steps below which a level set is too coarse: a larger one is shrunk instead."""
_CLOSE = 2e-3  # of the area: what is left is taken up by scaling
_MOST_TRIALS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """Nodes at ``origin_mm + step_mm * (column, row)``.

    Parameters
    ----------
    origin_mm : (2,) float
    step_mm : float
    rows, columns : int
    """

    origin_mm: FloatArray
    step_mm: float
    rows: int
    columns: int

    @property
    def u_mm(self) -> FloatArray:
        """Positions of the columns, (columns,) mm."""
        return np.asarray(self.origin_mm[0] + self.step_mm * np.arange(self.columns))

    @property
    def v_mm(self) -> FloatArray:
        """Positions of the rows, (rows,) mm."""
        return np.asarray(self.origin_mm[1] + self.step_mm * np.arange(self.rows))


def raster_around(points: FloatArray, step_mm: float) -> Raster:
    """A raster that holds points (n, 2) mm with a margin, of MOST_NODES nodes or little more."""
    low, high = points.min(axis=0), points.max(axis=0)
    width, height = high - low
    step = max(step_mm, float(np.sqrt(width * height / MOST_NODES)))
    columns = int(np.ceil(width / step)) + 2 * MARGIN_STEPS + 1
    rows = int(np.ceil(height / step)) + 2 * MARGIN_STEPS + 1
    return Raster(low - MARGIN_STEPS * step, step, rows, columns)


def signed_distance_mm(rings: Rings, raster: Raster) -> FloatArray:
    """Distance of each node to the rings, (rows, columns) mm, negative inside."""
    from scipy.spatial import cKDTree

    rings = tuple(_thinned(ring, raster.step_mm) for ring in rings)
    start = np.concatenate(rings)
    along = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings]) - start
    count = np.maximum(1, np.ceil(np.hypot(*along.T) / raster.step_mm)).astype(np.intp)
    edge = np.repeat(np.arange(count.size), count)
    number = np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count)
    middle = start[edge] + along[edge] * ((number + 0.5) / count[edge])[:, None]
    u, v = np.meshgrid(raster.u_mm, raster.v_mm)
    nodes = np.column_stack([u.ravel(), v.ravel()])
    nearest = edge[cKDTree(middle).query(nodes)[1]]
    away, direction = nodes - start[nearest], along[nearest]
    length2 = np.maximum((direction**2).sum(axis=1), 1e-30)
    part = np.clip((away * direction).sum(axis=1) / length2, 0.0, 1.0)
    distance = np.hypot(*(away - part[:, None] * direction).T).reshape(u.shape)
    return np.asarray(np.where(_inside(start, along, raster), -distance, distance))


def _thinned(ring: FloatArray, step_mm: float) -> FloatArray:
    """Every few vertices of a ring drawn much more finely than the raster can tell."""
    every = int(step_mm / 3 * len(ring) / length_mm(ring))
    return ring[:: min(every, len(ring) // 24)] if every > 1 and len(ring) >= 48 else ring


def _inside(start: FloatArray, along: FloatArray, raster: Raster) -> NDArray[np.bool_]:
    """Whether each node has an odd number of edge crossings to its left."""
    v = raster.v_mm
    above = start[:, 1] > v[:, None]
    row, edge = np.nonzero(above != (start[:, 1] + along[:, 1] > v[:, None]))
    x = start[edge, 0] + (v[row] - start[edge, 1]) * along[edge, 0] / along[edge, 1]
    column = np.ceil((x - raster.origin_mm[0]) / raster.step_mm)
    column = np.clip(column, 0, raster.columns).astype(np.intp)
    flat = row * (raster.columns + 1) + column
    hits = np.bincount(flat, minlength=raster.rows * (raster.columns + 1))
    crossed = np.cumsum(hits.reshape(raster.rows, -1), axis=1)[:, :-1]
    return np.asarray(crossed % 2 == 1)


def section(
    distance_mm: FloatArray, raster: Raster, area_mm2: float, *, level_mm: float = 0.0
) -> tuple[Rings, float]:
    """Where a field lies below the level at which it encloses a wanted area.

    Parameters
    ----------
    distance_mm : (rows, columns) float
        Rises by about 1 per mm outwards, and is lower somewhere inside than on its rim.
    raster : Raster
    area_mm2 : float
        Above 0; the rings have it exactly.
    level_mm : float
        Where to start looking.

    Returns
    -------
    rings
        Scaled about their centroid by the last bit that the level leaves.
    level_mm
        The level found.
    """
    from contourpy import LineType, contour_generator

    lines = contour_generator(z=-distance_mm, line_type=LineType.Separate)
    rim = (distance_mm[[0, -1]].min(), distance_mm[:, [0, -1]].min())
    low, high = float(distance_mm.min()), float(min(rim))
    wanted = max(area_mm2, SMALLEST_STEPS2 * raster.step_mm**2)
    level = level_mm if low < level_mm < high else (low + high) / 2
    rings: Rings = ()
    for _ in range(_MOST_TRIALS):
        rings = _rings(lines.lines(-level), raster)
        area, length = _area_and_length(rings)
        if abs(area - wanted) <= _CLOSE * wanted:
            break
        low, high = (low, level) if area > wanted else (level, high)
        following = level + (wanted - area) / length if length > 0 else low
        level = following if low < following < high else (low + high) / 2
    return scaled(rings, area_mm2), level


def _rings(lines: object, raster: Raster) -> Rings:
    """Lines in raster steps as rings in mm, the first point not repeated."""
    assert isinstance(lines, list)
    return tuple(
        raster.origin_mm + raster.step_mm * line[:-1]
        for line in lines
        if len(line) > 3 and (line[0] == line[-1]).all()
    )


def _area_and_length(rings: Rings) -> tuple[float, float]:
    area = sum(signed_area_mm2(ring) for ring in rings)
    return area, sum(length_mm(ring) for ring in rings)


def length_mm(ring: FloatArray) -> float:
    """Length of a closed ring (n, 2), mm."""
    return float(np.hypot(*(np.roll(ring, -1, axis=0) - ring).T).sum())


def scaled(rings: Rings, area_mm2: float) -> Rings:
    """Rings scaled about their centroid to a wanted area; as they are if they enclose nothing."""
    area = sum(signed_area_mm2(ring) for ring in rings)
    if not area > 0:
        return ()
    centre = first_moment_mm3(rings) / area
    factor = np.sqrt(area_mm2 / area)
    return tuple(centre + factor * (ring - centre) for ring in rings)


def first_moment_mm3(rings: Rings) -> FloatArray:
    """Integral of (u, v) over the enclosed area, (2,) mm³."""
    total = np.zeros(2)
    for ring in rings:
        shifted = ring - ring[0]
        following = np.roll(shifted, -1, axis=0)
        cross = shifted[:, 0] * following[:, 1] - shifted[:, 1] * following[:, 0]
        total += ((shifted + following) * cross[:, None]).sum(axis=0) / 6
        total += ring[0] * cross.sum() / 2
    return total

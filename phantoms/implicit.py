"""Shapes as functions of position: about the distance to the surface, mm, negative inside.

A shape takes coordinates x, y, z that broadcast and returns its values; only the zero level is
exact. Shapes are combined by minimum and maximum, with rounded seams where anatomy has them, and
sampled on a box of axial planes to be drawn or painted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.errors import GeometryError
from rtplan.geometry.contour import Contour
from rtplan.geometry.grid import FloatArray

Values = NDArray[np.float32]
Shape = Callable[[Values, Values, Values], Values]

# Rings smaller than this are crumbs that nobody would draw.
_SMALLEST_RING_MM2 = 6.0


@dataclass(frozen=True, slots=True)
class Box:
    """Where a shape is looked for: ranges of x, y, z, mm."""

    x_mm: tuple[float, float]
    y_mm: tuple[float, float]
    z_mm: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Values (k, j, i) of a shape at coordinates x (i), y (j), z (k), mm."""

    x_mm: Values
    y_mm: Values
    z_mm: Values
    values: Values


def sample(shape: Shape, x_mm: FloatArray, y_mm: FloatArray, z_mm: FloatArray) -> Sampled:
    """Values of a shape where the coordinates cross."""
    x, y, z = (np.asarray(part, dtype=np.float32) for part in (x_mm, y_mm, z_mm))
    values = shape(x[None, None, :], y[None, :, None], z[:, None, None])
    full = np.broadcast_to(values, (z.size, y.size, x.size)).astype(np.float32)
    return Sampled(x, y, z, full)


def within(axis_mm: FloatArray, span_mm: tuple[float, float]) -> slice:
    """The part of an ascending axis inside a range."""
    low, high = np.searchsorted(axis_mm, span_mm)
    return slice(int(low), int(high))


def contours_of(
    sampled: Sampled, planes_mm: FloatArray, *, tolerance_mm: float = 0.06
) -> tuple[Contour, ...]:
    """Contours of the zero level on each plane: outer rings counter-clockwise, holes clockwise.

    Parameters
    ----------
    sampled : Sampled
        The planes of a shape; it must end inside the box.
    planes_mm : (k,) float
        z of each plane as it is to be written.
    tolerance_mm : float
        Vertices that move a ring by less are left out.

    Raises
    ------
    GeometryError
        The shape reaches the edge of its box.
    """
    import shapely
    from contourpy import contour_generator

    found: list[Contour] = []
    for z, plane in zip(planes_mm, sampled.values, strict=True):
        if plane.min() >= 0:
            continue
        # The higher side is on the left of a line, so the shape is made the higher side.
        lines = contour_generator(x=sampled.x_mm, y=sampled.y_mm, z=-plane).lines(0.0)
        for line in lines:
            ring = np.asarray(line, dtype=np.float64)
            if not np.array_equal(ring[0], ring[-1]):
                raise GeometryError(f"a shape reaches the edge of its box at z = {z:g} mm")
            if abs(signed_area_mm2(ring[:-1])) < _SMALLEST_RING_MM2:
                continue
            # Rings are smooth and far apart against the tolerance: none can come to cross.
            thinned = shapely.LinearRing(ring).simplify(tolerance_mm, preserve_topology=False)
            kept = shapely.get_coordinates(thinned)[:-1]
            found.append(Contour(np.column_stack([kept, np.full(len(kept), z)])))
    return tuple(found)


def signed_area_mm2(ring: FloatArray) -> float:
    """Area of a ring (n, 2+), mm2; above 0 where it runs counter-clockwise."""
    x, y = ring[:, 0], ring[:, 1]
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def drawn_volume_cc(contours: Sequence[Contour], spacing_mm: float) -> float:
    """Volume, cc, of half-slice prisms over rings whose holes run clockwise."""
    return sum(signed_area_mm2(c.points_mm) for c in contours) * spacing_mm * 1e-3


def profile(z: Values, knots_mm: Sequence[float], values: Sequence[float]) -> Values:
    """A smooth curve through ``values`` at ascending ``knots_mm``, without overshoot.

    A cubic between knots whose slope at a knot is the harmonic mean of the slopes beside it, and
    0 at a turn and at the ends (Fritsch and Butland 1984); constant beyond the knots.
    """
    knots, heights = np.asarray(knots_mm, dtype=float), np.asarray(values, dtype=float)
    steps = np.diff(knots)
    slopes = np.diff(heights) / steps
    product = slopes[:-1] * slopes[1:]
    total = np.where(product > 0, slopes[:-1] + slopes[1:], 1.0)
    tangents = np.concatenate([[0.0], np.where(product > 0, 2 * product / total, 0.0), [0.0]])
    at = np.clip(z, knots[0], knots[-1])
    part = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(steps) - 1)
    t = (at - knots[part]) / steps[part]
    rise = heights[part + 1] - heights[part]
    start, end = tangents[part] * steps[part], tangents[part + 1] * steps[part]
    curve = start * t + (3 * rise - 2 * start - end) * t**2 + (start + end - 2 * rise) * t**3
    return np.asarray(heights[part] + curve, dtype=np.float32)


def oval(
    dx: Values, dy: Values, half_x: Values | float, half_y: Values | float, *, power: float = 2.0
) -> Values:
    """A superellipse about the origin of (dx, dy); values are distances along the ray, mm."""
    u, v = np.abs(dx / half_x), np.abs(dy / half_y)
    if power == 2.0:
        rho = np.sqrt(u * u + v * v)
    else:
        rho = (u**power + v**power) ** np.float32(1 / power)
    reach = np.sqrt(dx * dx + dy * dy)
    return np.asarray(reach - reach / np.maximum(rho, 1e-3), dtype=np.float32)


def ellipsoid(
    centre_mm: Sequence[float], half_mm: Sequence[float], *, turn_deg: float = 0.0
) -> Shape:
    """An ellipsoid turned about z; values are distances along the ray from its centre, mm."""
    cx, cy, cz = centre_mm
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))

    def shape(x: Values, y: Values, z: Values) -> Values:
        dx, dy, dz = x - cx, y - cy, z - cz
        u, v = dx * cos + dy * sin, dy * cos - dx * sin
        rho2 = (u / half_mm[0]) ** 2 + (v / half_mm[1]) ** 2 + (dz / half_mm[2]) ** 2
        reach = np.sqrt(u * u + v * v + dz * dz)
        return np.asarray(reach - reach / np.sqrt(np.maximum(rho2, 1e-6)), dtype=np.float32)

    return shape


def sweep(path_mm: Sequence[Sequence[float]], radii_mm: Sequence[float]) -> Shape:
    """A tube of round section along a polyline (n, 3), its radius interpolated between vertices."""
    path = np.asarray(path_mm, dtype=np.float32)

    def shape(x: Values, y: Values, z: Values) -> Values:
        nearest: Values | None = None
        for start, end, r0, r1 in zip(path, path[1:], radii_mm, radii_mm[1:], strict=False):
            step = end - start
            square = float(step @ step)
            along = (x - start[0]) * step[0] + (y - start[1]) * step[1] + (z - start[2]) * step[2]
            t = np.clip(along / square, 0.0, 1.0)
            gap2 = (
                (x - start[0] - t * step[0]) ** 2
                + (y - start[1] - t * step[1]) ** 2
                + (z - start[2] - t * step[2]) ** 2
            )
            gap = np.sqrt(gap2) - (r0 + (r1 - r0) * t)
            nearest = gap if nearest is None else np.minimum(nearest, gap)
        if nearest is None:
            raise GeometryError("a sweep needs two points or more")
        return np.asarray(nearest, dtype=np.float32)

    return shape


def both(first: Values, second: Values, *, seam_mm: float = 0.0) -> Values:
    """Intersection; corners are rounded over about ``seam_mm``."""
    if seam_mm == 0.0:
        return np.maximum(first, second)
    gap = first - second
    return np.asarray(0.5 * (first + second + np.sqrt(gap * gap + seam_mm**2)), dtype=np.float32)


def either(first: Values, second: Values, *, seam_mm: float = 0.0) -> Values:
    """Union; the crease is filled over about ``seam_mm``."""
    return -both(-first, -second, seam_mm=seam_mm)


def without(first: Values, second: Values, *, seam_mm: float = 0.0) -> Values:
    """Difference."""
    return both(first, -second, seam_mm=seam_mm)

"""Hand-made structures for the tests: spheres, boxes and cylinders cut into contours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from rtplan.geometry.contour import Contour, Structure, StructureSet
from rtplan.geometry.grid import FloatArray

Point = tuple[float, float, float]


def ring(centre: tuple[float, float], radii: tuple[float, float], n: int = 64) -> FloatArray:
    """An ellipse (n, 2) about a centre."""
    angle = np.arange(n) * 2 * np.pi / n
    return np.column_stack(
        [centre[0] + radii[0] * np.cos(angle), centre[1] + radii[1] * np.sin(angle)]
    )


def contour(points: FloatArray, z: float) -> Contour:
    """An axial contour from (n, 2) points."""
    return Contour(np.column_stack([points, np.full(len(points), z)]))


def ellipsoid(
    centre: Point,
    radii: Point,
    *,
    step: float = 3.0,
    n: int = 64,
    skip: Iterable[float] = (),
) -> list[Contour]:
    """Axial contours of an ellipsoid on planes at multiples of ``step``, some skipped."""
    out = []
    left_out = {round(z, 3) for z in skip}
    first = int(np.ceil((centre[2] - radii[2]) / step))
    last = int(np.floor((centre[2] + radii[2]) / step))
    for k in range(first, last + 1):
        z = k * step
        scale = 1 - ((z - centre[2]) / radii[2]) ** 2
        if scale > 1e-6 and round(z, 3) not in left_out:
            size = float(np.sqrt(scale))
            out.append(contour(ring(centre[:2], (radii[0] * size, radii[1] * size), n), z))
    return out


def sphere(
    centre: Point, radius: float, *, step: float = 3.0, n: int = 64, skip: Iterable[float] = ()
) -> list[Contour]:
    """Axial contours of a sphere."""
    return ellipsoid(centre, (radius, radius, radius), step=step, n=n, skip=skip)


def box(low: Point, high: Point, *, step: float = 3.0) -> list[Contour]:
    """Axial contours of a box."""
    points = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    first, last = int(np.ceil(low[2] / step)), int(np.floor(high[2] / step))
    return [contour(points, k * step) for k in range(first, last + 1)]


def structure(
    name: str, contours: Sequence[Contour] = (), *, kind: str = "", number: int = 0
) -> Structure:
    """A structure; ``structures`` numbers those without a number."""
    return Structure(number, name, kind, tuple(contours))


def structures(*items: Structure) -> StructureSet:
    """A structure set of these, numbered from 1 where they have no number."""
    numbered = [
        item if item.number else replace(item, number=i) for i, item in enumerate(items, start=1)
    ]
    return StructureSet("1.2.3", structures=tuple(numbered))


def gtv(name: str, *parts: Sequence[Contour], kind: str = "GTV") -> Structure:
    """A structure of several pieces, of type GTV unless said."""
    return structure(name, [c for part in parts for c in part], kind=kind)

"""Hand-made structures for the tests: spheres, boxes and cylinders cut into contours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.contour import Contour, Structure, StructureSet
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.masks import outlines

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


def shell(centre: Point, inner: float, outer: float, *, step: float = 3.0) -> list[Contour]:
    """A hollow ball: the outer rings with the inner ones as holes."""
    return [*sphere(centre, outer, step=step), *sphere(centre, inner, step=step)]


def irregular(
    centre: Point,
    radius: float,
    rng: np.random.Generator,
    *,
    step: float = 3.0,
    n: int = 48,
    swing: float = 1 / 3,
) -> list[Contour]:
    """A lobulated and spiculated ball: its radius varies with the direction, by up to a part."""
    waves = [(rng.normal(size=3), rng.uniform(1.0, 4.0), rng.uniform(0, 6.3)) for _ in range(6)]
    waves = [(w / np.linalg.norm(w) * k, k, at) for w, k, at in waves]
    out = []
    for k in range(
        int(np.ceil((centre[2] - radius) / step)), int(np.floor((centre[2] + radius) / step)) + 1
    ):
        dz = k * step - centre[2]
        size = float(np.sqrt(max(radius**2 - dz**2, 0.0)))
        if size < 0.1 * radius:
            continue
        plain = ring((0.0, 0.0), (size, size), n)
        direction = np.column_stack([plain, np.full(n, dz)]) / radius
        bump = sum((np.sin(direction @ w * 2 + at) / f for w, f, at in waves), np.zeros(n))
        grown = plain * (1 + swing * np.clip(bump, -1, 1))[:, None]
        out.append(contour(grown + np.array(centre[:2]), k * step))
    return out


def voxelised(
    name: str, centre: Point, radii: Point, *, step: float, kind: str = "GTV"
) -> Structure:
    """An ellipsoid as outlines of voxels of edge ``step``, one at least: a segment of a SEG."""
    low = np.floor((np.array(centre) - radii) / step).astype(int)
    high = np.ceil((np.array(centre) + radii) / step).astype(int)
    i, j, k = np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(low, high, strict=True)))
    index = np.column_stack([i.ravel(), j.ravel(), k.ravel()])
    away = (((index * step - np.array(centre)) / np.array(radii)) ** 2).sum(axis=1)
    kept = index[(away <= 1) | (away == away.min())]
    return replace(structure(name, outlines_of(kept, step), kind=kind), slab_mm=step)


def outlines_of(voxels: NDArray[np.integer], step: float) -> list[Contour]:
    """Outlines of voxels (n, 3) of edge ``step``, plane by plane; holes are rings within."""
    low = voxels.min(axis=0)
    mask = np.zeros(np.ptp(voxels, axis=0) + 1, dtype=bool)
    mask[tuple((voxels - low).T)] = True
    return [
        contour((corners[:, ::-1] + low[:2] - 0.5) * step, (k + int(low[2])) * step)
        for k in range(mask.shape[2])
        for corners in outlines(mask[:, :, k])
    ]

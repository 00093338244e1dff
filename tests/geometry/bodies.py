"""Bodies of known volume drawn as contours, and the solids that shape interpolation makes of them.

Rings are polygons with the exact areas of the sections, so that a volume is not the polygons'.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtplan.geometry.convention import EndCap, Interpolation
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.loft import Loft
from rtplan.geometry.raster import Lines
from rtplan.geometry.solid import Solid, solid_of
from tests.shapes import circle, structure

SHAPE = Interpolation.SHAPE_BASED


def shaped(
    rings: Sequence[FloatArray], cap: EndCap = EndCap.ROUNDED, *, lone_plane_mm: float = 3.0
) -> Solid:
    """The solid of rings, shape-interpolated."""
    return solid_of(structure(rings), lone_plane_mm=lone_plane_mm, interpolation=SHAPE, end_cap=cap)


def disc(radius: float, z: float, centre: tuple[float, float] = (0.0, 0.0)) -> FloatArray:
    """A polygon of 100 points with the area of a circle, (100, 3) mm."""
    turn = 2 * np.pi / 100
    grown = radius * np.sqrt(turn / np.sin(turn))
    return circle(grown, z, points=100, centre=centre)


def planes(half: float, spacing: float, phase: float) -> list[float]:
    """Positions within ``half`` of the origin."""
    every = (np.arange(-200, 200) + phase) * spacing
    within: list[float] = every[np.abs(every) < half - 1e-6].tolist()
    return within


def ball(radius: float, spacing: float, phase: float) -> list[FloatArray]:
    """A sphere around the origin."""
    return [disc(np.sqrt(radius**2 - z**2), z) for z in planes(radius, spacing, phase)]


def ellipsoid(
    axes: tuple[float, float, float], tilt: float, spacing: float, phase: float
) -> list[FloatArray]:
    """An ellipsoid turned by ``tilt`` around y."""
    form = _form(axes, tilt)
    half = float(np.sqrt(np.linalg.inv(form)[2, 2]))
    return [ellipse(axes, tilt, z) for z in planes(half, spacing, phase)]


def ellipse(axes: tuple[float, float, float], tilt: float, z: float) -> FloatArray:
    """The section of ``ellipsoid`` at z."""
    form = _form(axes, tilt)
    centre = -np.linalg.solve(form[:2, :2], form[:2, 2]) * z
    size = 1 - form[2, 2] * z**2 - form[2, :2] @ centre * z
    values, vectors = np.linalg.eigh(form[:2, :2])
    ring = disc(1.0, z)
    ring[:, :2] = centre + (ring[:, :2] * np.sqrt(size / values)) @ vectors.T
    return ring


def _form(axes: tuple[float, float, float], tilt: float) -> FloatArray:
    cosine, sine = np.cos(tilt), np.sin(tilt)
    turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    return np.asarray(turn @ np.diag(1 / np.square(axes)) @ turn.T)


def torus(big: float, small: float, spacing: float, phase: float) -> list[FloatArray]:
    """A ring that lies flat around the origin."""
    rings = []
    for z in planes(small, spacing, phase):
        half = np.sqrt(small**2 - z**2)
        rings += [disc(big + half, z), disc(big - half, z)]
    return rings


def forked() -> list[FloatArray]:
    """A stem that becomes two branches of half its area each."""
    stem = [disc(8, z) for z in (0.0, 3.0, 6.0)]
    size = 8 / np.sqrt(2)
    pairs = [
        (disc(size, z, (-x, 0)), disc(size, z, (x, 0))) for z, x in ((9, 6.5), (12, 9), (15, 11))
    ]
    return stem + [ring for pair in pairs for ring in pair]


def irregular(seed: int) -> list[FloatArray]:
    """A lobed body whose contours change much from plane to plane."""
    random = np.random.default_rng(seed)
    angle = 2 * np.pi * np.arange(80) / 80
    rings = []
    for z in range(0, 24, 3):
        radius = 8 + 2 * np.sin(3 * angle + random.uniform(0, 6)) + random.uniform(-3, 3)
        x, y = radius * np.cos(angle) + random.uniform(-1, 1), radius * np.sin(angle)
        rings.append(np.column_stack([x, y, np.full(80, float(z))]))
    return rings


def lines_around(loft: Loft, step_mm: float, *, shift: float = 0.3) -> tuple[Lines, Lines]:
    """Even grid lines along u and v that reach beyond a loft."""
    points = np.concatenate([*loft.near, *loft.other])
    room = 2 * loft.outside_mm + 3 * step_mm
    low, high = points.min(axis=0) - room, points.max(axis=0) + room
    u, v = (
        Lines(a - shift * step_mm + step_mm * np.arange(int((b - a) / step_mm) + 3))
        for a, b in zip(low.tolist(), high.tolist(), strict=True)
    )
    return u, v

"""The slow twin of ``dvh.engine``: a solid sampled densely in the same trilinear dose."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import shapely
from scipy.interpolate import RegularGridInterpolator
from shapely.geometry.base import BaseGeometry

from rtplan.dose.grid import DoseGrid
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.solid import Solid
from tests.oracles.sections import Sections


def sampled_doses(
    solid: Solid, dose: DoseGrid, *, per_mm: float, seed: int = 7
) -> tuple[FloatArray, FloatArray]:
    """Doses, Gy, and volumes, cc, of jittered points: one in each small box within the solid."""
    points, volumes = sampled_points(solid, per_mm=per_mm, seed=seed)
    return doses_at(points @ solid.axes.T, dose), volumes / 1000


def doses_at(points: FloatArray, dose: DoseGrid) -> FloatArray:
    """Dose at points (n, 3) mm, patient LPS, all of them within the grid, (n,) Gy."""
    axes = list(dose.grid.axes_mm[::-1])
    trilinear = RegularGridInterpolator(axes, dose.values_gy.astype(float), bounds_error=True)
    return np.asarray(trilinear(dose.grid.coordinates_mm(points)[:, ::-1]))


def sampled_points(solid: Solid, *, per_mm: float, seed: int = 7) -> tuple[FloatArray, FloatArray]:
    """Points (n, 3) in the solid's frame (u, v, n), mm, and volumes (n,), mm³, they stand for.

    The boxes of a loft are four times as flat: it passes from section to section in steps.
    """
    random = np.random.default_rng(seed)
    points, volumes = [np.empty((0, 3))], [np.empty(0)]
    for section, low, high, step in _steps(solid, per_mm):
        u0, v0, u1, v1 = section.bounds
        u, v = np.meshgrid(np.arange(u0, u1, step), np.arange(v0, v1, step))
        corner = np.column_stack([u.ravel(), v.ravel(), np.full(u.size, low)])
        size = np.array([step, step, high - low])
        found = corner + random.random(corner.shape) * size
        found = found[shapely.contains_xy(section, found[:, 0], found[:, 1])]
        points.append(found)
        volumes.append(np.full(len(found), size.prod()))
    return np.concatenate(points), np.concatenate(volumes)


def _steps(solid: Solid, per_mm: float) -> Iterator[tuple[BaseGeometry, float, float, float]]:
    """Thin steps of a solid: cross-section, faces, and size of boxes in it."""
    for slab in solid.slabs:
        faces = _faces(slab.low_mm, slab.high_mm, per_mm)
        polygon = slab.plane.polygon()
        shapely.prepare(polygon)
        for low, high in pairwise(faces):
            yield polygon, low, high, 1 / per_mm
    for loft in solid.lofts:
        sections = Sections(loft)
        faces = _faces(loft.low_mm, loft.high_mm, 4 * per_mm)
        for low, high in pairwise(faces):
            section = sections.at(abs((low + high) / 2 - loft.base_mm))
            yield section, low, high, 2 / per_mm


def _faces(low_mm: float, high_mm: float, per_mm: float) -> list[float]:
    """Faces of steps of about ``1 / per_mm``."""
    count = max(1, int(np.ceil((high_mm - low_mm) * per_mm)))
    faces: list[float] = np.linspace(low_mm, high_mm, count + 1).tolist()
    return faces

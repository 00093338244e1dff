"""The slow twin of ``dvh.engine``: a solid sampled densely in the same trilinear dose."""

from __future__ import annotations

import numpy as np
import shapely
from scipy.interpolate import RegularGridInterpolator

from rtplan.dose.grid import DoseGrid
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.solid import Solid


def sampled_doses(
    solid: Solid, dose: DoseGrid, *, per_mm: float, seed: int = 7
) -> tuple[FloatArray, FloatArray]:
    """Doses, Gy, and volumes, cc, of jittered points: one in each small box within the solid."""
    random = np.random.default_rng(seed)
    axes = list(dose.grid.axes_mm[::-1])
    trilinear = RegularGridInterpolator(axes, dose.values_gy.astype(float), bounds_error=True)
    doses, volumes = [], []
    step = 1.0 / per_mm
    for slab in solid.slabs:
        polygon = slab.plane.polygon()
        u0, v0, u1, v1 = polygon.bounds
        layers = max(1, int(np.ceil(slab.thickness_mm * per_mm)))
        u, v, n = np.meshgrid(
            np.arange(u0, u1, step),
            np.arange(v0, v1, step),
            slab.low_mm + slab.thickness_mm / layers * np.arange(layers),
            indexing="ij",
        )
        points = np.stack([u, v, n], axis=-1).reshape(-1, 3)
        size = np.array([step, step, slab.thickness_mm / layers])
        points = points + random.random(points.shape) * size
        points = points[shapely.contains_xy(polygon, points[:, 0], points[:, 1])]
        local = dose.grid.coordinates_mm(points @ solid.axes.T)
        doses.append(trilinear(local[:, ::-1]))
        volumes.append(np.full(len(points), size.prod() / 1000))
    return np.concatenate(doses), np.concatenate(volumes)

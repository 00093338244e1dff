"""The slow twin of ``geometry.raster``: each cell clipped against the polygons, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.raster import Lines


def clipped(
    rings: Sequence[FloatArray], u: Lines, v: Lines
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Covered fraction of each cell and the centroid of that part, each (v cells, u cells)."""
    polygons: list[BaseGeometry] = [shapely.Polygon(ring) for ring in rings]
    polygon = reduce(shapely.symmetric_difference, polygons)
    fraction = np.zeros((v.cells, u.cells))
    centre_u, centre_v = np.full(fraction.shape, 0.5), np.full(fraction.shape, 0.5)
    for j in range(v.cells):
        for i in range(u.cells):
            u0, u1 = u.positions_mm[i : i + 2]
            v0, v1 = v.positions_mm[j : j + 2]
            part = polygon.intersection(shapely.box(u0, v0, u1, v1))
            if part.area > 0:
                fraction[j, i] = part.area / ((u1 - u0) * (v1 - v0))
                centre_u[j, i] = (part.centroid.x - u0) / (u1 - u0)
                centre_v[j, i] = (part.centroid.y - v0) / (v1 - v0)
    return fraction, centre_u, centre_v

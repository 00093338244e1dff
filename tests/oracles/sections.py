"""The slow twin of ``geometry.sections``: cross-sections of a loft as polygons.

Distances are shapely's, at every node of a fine raster; the level is the one at which the area that
contourpy draws is the profile's, and it counts for less where the contours differ less. Nothing is
banded, thinned or mended.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import shapely
from contourpy import FillType, contour_generator
from scipy.optimize import brentq
from shapely.geometry.base import BaseGeometry

from rtplan.geometry.distance import Rings
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.loft import Loft

NODES = 100
"""Of the raster, along the longer side of a loft."""
STILL_MM = 1e-3
"""An outline that moves less stands still."""
LEAST = 0.02
"""Part of the level that counts even there."""


class Sections:
    """The cross-sections of a loft."""

    def __init__(self, loft: Loft) -> None:
        self.loft = loft
        ends = [polygon_of(loft.near), polygon_of(loft.other)]
        self._centres = [np.array([end.centroid.x, end.centroid.y]) for end in ends]
        local = [
            shapely.affinity.translate(end, *-centre)
            for end, centre in zip(ends, self._centres, strict=True)
        ]
        reach = np.abs(shapely.get_coordinates(local)).max(axis=0) + 2 * loft.outside_mm
        step = self._step_mm = 2 * float(reach.max()) / NODES
        self._u, self._v = (np.arange(-half - 4 * step, half + 5 * step, step) for half in reach)
        u, v = np.meshgrid(self._u, self._v)
        self._distances = [signed_distance_mm(end, u, v) for end in local]

    def at(self, distance_mm: float) -> shapely.MultiPolygon:
        """The section so far from the base, in mm."""
        part = self.loft.further * distance_mm / self.loft.length_mm
        near, other = self._distances
        blend = (1 - part) * near + part * other
        if self.loft.is_cap:  # it lies within its contour
            blend = np.maximum(blend, near)
        moved = np.abs(other - near) + STILL_MM
        weight = np.clip(moved / moved[np.abs(blend) < self._step_mm].mean(), LEAST, 1.0)
        if len(self.loft.near) != len(self.loft.other):
            weight = np.ones_like(blend)
        wanted = float(self.loft.profile.area_at_mm2(np.array([distance_mm]))[0])
        levels = blend / weight
        rim = min(levels[[0, -1]].min(), levels[:, [0, -1]].min())
        level = brentq(
            lambda trial: self._below_zero(blend - trial * weight).area - wanted,
            levels.min(),
            rim,
            xtol=1e-5,
        )
        centre = (1 - part) * self._centres[0] + part * self._centres[1]
        found = self._below_zero(blend - level * weight)
        return shapely.affinity.translate(found, *centre)

    def _below_zero(self, field: FloatArray) -> shapely.MultiPolygon:
        """Where a field is negative."""
        filled = contour_generator(self._u, self._v, field, fill_type=FillType.OuterOffset)
        drawn: Any = filled.filled(float(field.min()) - 1.0, 0.0)
        polygons = []
        for rings, bounds in zip(*drawn, strict=True):
            shell, *holes = np.split(rings, bounds[1:-1])
            polygons.append(shapely.Polygon(shell, holes))
        return shapely.MultiPolygon(polygons)


def polygon_of(rings: Rings) -> BaseGeometry:
    """What rings enclose an odd number of times."""
    polygons: list[BaseGeometry] = [shapely.Polygon(ring) for ring in rings]
    return reduce(shapely.symmetric_difference, polygons)


def rings_of(polygons: BaseGeometry) -> list[FloatArray]:
    """Rings (n, 2) mm of polygons: outer counter-clockwise, holes clockwise."""
    oriented = [shapely.geometry.polygon.orient(part) for part in shapely.get_parts(polygons)]
    rings = [ring for part in oriented for ring in (part.exterior, *part.interiors)]
    return [shapely.get_coordinates(ring)[:-1] for ring in rings]


def signed_distance_mm(polygon: BaseGeometry, u: FloatArray, v: FloatArray) -> FloatArray:
    """Distance of points to the outline of a polygon, mm, negative inside."""
    away = shapely.distance(shapely.points(u, v), polygon.boundary)
    return np.asarray(np.where(shapely.contains_xy(polygon, u, v), -away, away))


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

"""Signed distances and level sets against shapely."""

import numpy as np
import pytest
import shapely

from rtplan.geometry.distance import (
    first_moment_mm3,
    raster_around,
    scaled,
    section,
    signed_distance_mm,
)
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import signed_area_mm2
from tests.shapes import circle


def lobes(points: int = 90) -> FloatArray:
    angle = 2 * np.pi * np.arange(points) / points
    radius = 10 + 3 * np.cos(3 * angle)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


@pytest.mark.parametrize("points", [30, 90, 900])
@pytest.mark.parametrize("step", [0.4, 1.1])
def test_distance_equals_that_to_the_polygon(points: int, step: float) -> None:
    ring, hole = lobes(points), circle(3, 0)[::-1, :2]
    raster = raster_around(ring, step)
    found = signed_distance_mm((ring, hole), raster)
    polygon = shapely.Polygon(ring, [hole])
    nodes = shapely.points(*np.meshgrid(raster.u_mm, raster.v_mm))
    exact = shapely.distance(nodes, polygon.boundary)
    exact = np.where(shapely.contains(polygon, nodes), -exact, exact)
    assert np.abs(found - exact).max() < 0.1 * step


def test_section_has_the_area_asked_for_and_keeps_holes_clockwise() -> None:
    ring, hole = lobes(), circle(3, 0)[::-1, :2]
    raster = raster_around(ring, 0.5)
    field = signed_distance_mm((ring, hole), raster)
    for area in (40.0, 150.0, 250.0, 350.0):
        rings, level = section(field, raster, area)
        assert sum(map(signed_area_mm2, rings)) == pytest.approx(area, rel=1e-12)
        assert -4 < level < 2
    rings, _ = section(field, raster, 250.0)
    assert sorted(np.sign([signed_area_mm2(r) for r in rings])) == [-1, 1]


def test_section_far_smaller_than_a_cell_is_still_there() -> None:
    ring = lobes()
    raster = raster_around(ring, 1.0)
    rings, _ = section(signed_distance_mm((ring,), raster), raster, 1e-3)
    assert sum(map(signed_area_mm2, rings)) == pytest.approx(1e-3)


def test_scaling_keeps_the_centroid() -> None:
    ring = lobes() + np.array([40.0, -7.0])
    grown = scaled((ring,), 1000.0)
    area = signed_area_mm2(ring)
    np.testing.assert_allclose(
        first_moment_mm3(grown) / 1000, first_moment_mm3((ring,)) / area, atol=1e-9
    )
    assert signed_area_mm2(grown[0]) == pytest.approx(1000)

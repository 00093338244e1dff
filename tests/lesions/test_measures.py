"""Measures against closed forms and SimpleITK."""

from typing import Any

import numpy as np
import pytest
import shapely

from rtplan.geometry.contour import Contour
from rtplan.geometry.planes import stack_planes
from rtplan.lesions.bodies import bodies_of
from rtplan.lesions.measures import Measures, _diameter, _diameter_of_hull, measure
from tests.lesions.drawing import contour, ellipsoid, gtv, sphere


def measures(contours: list[Contour]) -> Measures:
    return measure(bodies_of(stack_planes(gtv("GTV", contours)), usual_mm=3.0))


def test_sphere_has_its_diameter_in_every_direction() -> None:
    found = measures(sphere((10, -20, 30), 12, step=1.0, n=360))
    assert found.longest_diameter_mm == pytest.approx(24, rel=1e-3)
    assert found.short_axis_mm == pytest.approx(24, rel=1e-3)
    assert found.longest_3d_mm == pytest.approx(24, rel=1e-3)
    assert found.volume_cc == pytest.approx(4 / 3 * np.pi * 1.2**3, rel=2e-3)
    assert found.centroid_mm == pytest.approx((10, -20, 30), abs=1e-6)


def test_ellipsoid_has_its_axes() -> None:
    found = measures(ellipsoid((0, 0, 0), (9, 15, 40), step=1.0, n=720))
    assert found.longest_diameter_mm == pytest.approx(30, rel=1e-3)
    assert found.short_axis_mm == pytest.approx(18, rel=2e-3)
    # Contours of a long ellipsoid end one step short of its poles.
    assert found.longest_3d_mm == pytest.approx(80, abs=2.1)


def test_rotated_rectangle_has_its_diagonal_and_the_chord_across_it() -> None:
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[0.0, 0], [40, 0], [40, 30], [0, 30]]) @ turn.T
    found = measures([contour(corners, z) for z in (0.0, 3.0)])
    assert found.longest_diameter_mm == pytest.approx(50)
    # Across the diagonal of 40 x 30 the longest chord passes the centre: 30 / cos(atan(3/4)).
    assert found.short_axis_mm == pytest.approx(37.5)


@pytest.mark.parametrize("sides", [401, 1000, 1001])
@pytest.mark.parametrize("squeeze", [1.0, 0.999, 0.3, 1e-3])
def test_diameter_of_a_hull_of_many_corners_is_the_one_of_all_pairs(
    sides: int, squeeze: float
) -> None:
    angle = 2 * np.pi * np.arange(sides) / sides + 0.2
    oval = np.column_stack([300 + 40 * np.cos(angle), 40 * squeeze * np.sin(angle) - 200])
    for points in (oval, np.round(oval, 2), oval[::-1]):
        ring = shapely.get_coordinates(shapely.convex_hull(shapely.multipoints(points)))
        length, axis = _diameter_of_hull(ring)
        expected, along = _diameter(ring)
        assert length == expected
        np.testing.assert_array_equal(axis, along)


def test_longest_diameter_is_taken_in_the_plane_where_it_is_longest() -> None:
    small = contour(np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]]), 0.0)
    large = contour(np.array([[0.0, 0], [60, 0], [60, 5], [0, 5]]), 3.0)
    found = measures([small, large])
    assert found.longest_diameter_mm == pytest.approx(np.hypot(60, 5))


def test_many_points_give_the_same_extent_as_all_pairs() -> None:
    rng = np.random.default_rng(3)
    contours = ellipsoid((0, 0, 0), (20, 35, 50), step=2.0, n=200)
    points = np.concatenate([c.points_mm for c in contours])
    assert len(points) > 2000
    some = points[rng.permutation(len(points))]
    brute = max(
        float(np.linalg.norm(some - p, axis=1).max()) for p in points[:: max(1, len(points) // 500)]
    )
    assert measures(contours).longest_3d_mm >= brute - 1e-9


def test_measures_agree_with_simpleitk_on_a_fine_raster() -> None:
    import SimpleITK

    sitk: Any = SimpleITK

    axes = (9.0, 14.0, 11.0)
    x, y, z = np.meshgrid(*[np.arange(-20, 20.25, 0.5)] * 3, indexing="ij")
    inside = (x / axes[0]) ** 2 + (y / axes[1]) ** 2 + (z / axes[2]) ** 2 <= 1
    image = sitk.GetImageFromArray(inside.transpose(2, 1, 0).astype(np.uint8))
    image.SetSpacing((0.5, 0.5, 0.5))
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.ComputeFeretDiameterOn()
    statistics.Execute(image)
    found = measures(ellipsoid((0, 0, 0), axes, step=0.5, n=180))
    assert found.volume_cc == pytest.approx(statistics.GetPhysicalSize(1) / 1000, rel=0.01)
    assert found.longest_3d_mm == pytest.approx(statistics.GetFeretDiameter(1), abs=1.0)

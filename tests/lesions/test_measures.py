"""Measures against closed forms, SimpleITK and slow twins."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.dvh.engine import Settings, compute
from rtplan.geometry.contour import Contour
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import stack_planes
from rtplan.lesions.bodies import bodies_of
from rtplan.lesions.measures import (
    Measures,
    _diameter,
    _diameter_of_hull,
    _in_space,
    _widest_across,
    below_size_mm,
    measure,
    with_size_note,
)
from rtplan.lesions.model import Category, Lesion, Organ
from tests.lesions.drawing import box, contour, ellipsoid, gtv, ring, sphere
from tests.oracles.extents import label_statistics, longest_mm, widest_across_mm


def measures(contours: list[Contour], *, step: float = 3.0) -> Measures:
    return measure(bodies_of(stack_planes(gtv("GTV", contours)), usual_mm=step))


def rotation(angle: float) -> FloatArray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def tilted_cylinder(radius: float, length: float, angle: float, *, step: float) -> list[Contour]:
    """Axial contours of a cylinder about the origin, its axis turned from z towards x."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    reach = length / 2 * c + radius * s
    contours = []
    for k in range(int(-reach // step), int(reach // step) + 1):
        # Across the axis the section is an ellipse; the ends of the cylinder cut it off.
        ellipse = np.column_stack([radius * np.cos(turn) / c, radius * np.sin(turn)])
        oval = shapely.Polygon(ellipse + np.array([k * step * s / c, 0]))
        ends = sorted((end - k * step * c) / s for end in (-length / 2, length / 2))
        cut = oval.intersection(shapely.box(ends[0], -2 * radius, ends[1], 2 * radius))
        if cut.area > 1e-3:
            contours.append(contour(shapely.get_coordinates(cut)[:-1], k * step))
    return contours


def test_sphere_has_its_diameter_in_every_direction() -> None:
    found = measures(sphere((10, -20, 30), 12, step=1.0, n=360), step=1.0)
    assert found.longest_diameter_mm == pytest.approx(24, rel=1e-4)
    assert found.short_axis_mm == pytest.approx(24, rel=1e-4)
    assert found.longest_3d_mm == pytest.approx(24, rel=1e-4)
    assert found.volume_cc == pytest.approx(4 / 3 * np.pi * 1.2**3, rel=1e-4)
    assert found.centroid_mm == pytest.approx((10, -20, 30), abs=1e-6)
    np.testing.assert_allclose(found.bounds_mm, [[-2, -32, 18.0], [22, -8, 42.0]], atol=1.01)


def test_bounds_are_those_of_the_contours_without_end_caps() -> None:
    found = measures(box((-4, 5, 0), (6, 25, 9)))
    assert found.bounds_mm == ((-4, 5, 0), (6, 25, 9))


def test_ellipsoid_has_its_axes() -> None:
    found = measures(ellipsoid((0, 0, 0), (9, 15, 40), step=1.0, n=720), step=1.0)
    assert found.longest_diameter_mm == pytest.approx(30, rel=1e-4)
    assert found.short_axis_mm == pytest.approx(18, rel=2e-3)
    assert found.volume_cc == pytest.approx(4 / 3 * np.pi * 0.9 * 1.5 * 4, rel=1e-4)
    # Contours of a long ellipsoid end one step short of its poles.
    assert found.longest_3d_mm == pytest.approx(80, abs=2.1)


def test_box_has_its_edges_and_diagonals() -> None:
    found = measures(box((0, 0, 0), (30, 40, 60)))
    assert found.longest_diameter_mm == pytest.approx(50)
    # Across the diagonal of 40 x 30 the longest chord passes the centre: 30 / cos(atan(3/4)).
    assert found.short_axis_mm == pytest.approx(37.5)
    assert found.longest_3d_mm == pytest.approx(np.sqrt(30**2 + 40**2 + 60**2))
    # What is cut off stays as it is: the ends reach half a plane's spacing further.
    assert found.volume_cc == pytest.approx(30 * 40 * 63 / 1000)
    assert found.centroid_mm == pytest.approx((15, 20, 30))


@pytest.mark.parametrize("angle", [0.3, 0.8])
def test_tilted_cylinder_has_its_volume_and_diagonal(angle: float) -> None:
    radius, length = 8.0, 50.0
    found = measures(tilted_cylinder(radius, length, angle, step=0.5), step=0.5)
    assert found.volume_cc == pytest.approx(np.pi * radius**2 * length / 1000, rel=2e-3)
    assert found.longest_3d_mm == pytest.approx(np.hypot(length, 2 * radius), abs=0.5)
    assert found.longest_diameter_mm == pytest.approx(2 * radius / np.cos(angle), rel=5e-3)
    assert found.short_axis_mm == pytest.approx(2 * radius, rel=5e-3)
    assert found.centroid_mm == pytest.approx((0, 0, 0), abs=0.05)


def test_the_volume_is_the_one_that_the_histogram_prints() -> None:
    shapes = (sphere((0, 0, 0), 10), sphere((3, 3, 4), 2.5), tilted_cylinder(6, 40, 0.5, step=2.5))
    for contours in shapes:
        printed = compute(gtv("GTV", contours), None, settings=Settings(lone_plane_mm=3.0))
        assert measures(contours).volume_cc == pytest.approx(printed.volume_cc, rel=1e-9)


def test_outlines_of_voxels_have_the_volume_of_the_voxels() -> None:
    contours = box((0, 0, 0), (10, 10, 9))
    stack = stack_planes(gtv("GTV", contours))
    found = measure(bodies_of(stack, slab_mm=2.0), slab_mm=2.0)
    assert found.volume_cc == pytest.approx(4 * 10 * 10 * 2 / 1000)


def test_without_any_spacing_a_single_plane_has_no_volume() -> None:
    stack = stack_planes(gtv("GTV", box((0, 0, 0), (10, 10, 0))))
    assert measure(bodies_of(stack)).volume_cc is None


def test_rotated_rectangle_has_its_diagonal_and_the_chord_across_it() -> None:
    corners = np.array([[0.0, 0], [40, 0], [40, 30], [0, 30]]) @ rotation(0.7).T
    found = measures([contour(corners, z) for z in (0.0, 3.0)])
    assert found.longest_diameter_mm == pytest.approx(50)
    assert found.short_axis_mm == pytest.approx(37.5)


def test_two_outlines_of_a_plane_are_measured_apart() -> None:
    whole = contour(ring((0, 0), (18, 8), 90), 0.0)
    forks = [contour(ring((x, 0), (5, 5), 360), 3.0) for x in (-20.0, 20.0)]
    found = measures([*forks, contour(ring((0, 0), (26, 4), 90), 0.0)])
    assert found.longest_diameter_mm == pytest.approx(52, rel=1e-3)
    assert measures([whole, *forks]).longest_diameter_mm == pytest.approx(36, rel=1e-3)


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 60), st.floats(0, np.pi), st.integers(0, 2**32 - 1))
def test_the_short_axis_is_the_longest_of_all_chords(points: int, angle: float, seed: int) -> None:
    radius = np.random.default_rng(seed).uniform(3, 20, points)
    turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
    star = shapely.Polygon(np.column_stack([radius * np.cos(turn), radius * np.sin(turn)]))
    outline = star.difference(shapely.Point(0.5, 0.2).buffer(1.0)) if seed % 2 else star
    axis = np.array([np.cos(angle), np.sin(angle)])
    if outline.geom_type == "Polygon":
        slow = widest_across_mm(outline, axis)
        assert _widest_across(outline, axis) == pytest.approx(slow, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("sides", [401, 1000, 1001])
@pytest.mark.parametrize("squeeze", [1.0, 0.999, 0.3, 1e-3])
def test_diameter_of_a_hull_of_many_corners_is_the_one_of_all_pairs(
    sides: int, squeeze: float
) -> None:
    angle = 2 * np.pi * np.arange(sides) / sides + 0.2
    oval = np.column_stack([300 + 40 * np.cos(angle), 40 * squeeze * np.sin(angle) - 200])
    for points in (oval, np.round(oval, 2), oval[::-1]):
        hull = shapely.get_coordinates(shapely.convex_hull(shapely.multipoints(points)))
        length, axis = _diameter_of_hull(hull)
        expected, along = _diameter(hull)
        assert length == expected
        np.testing.assert_array_equal(axis, along)


def test_longest_diameter_is_taken_in_the_plane_where_it_is_longest() -> None:
    small = contour(np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]]), 0.0)
    large = contour(np.array([[0.0, 0], [60, 0], [60, 5], [0, 5]]), 3.0)
    found = measures([small, large])
    assert found.longest_diameter_mm == pytest.approx(np.hypot(60, 5))


@pytest.mark.parametrize("radii", [(20, 20, 20), (20, 35, 50), (5, 60, 8), (30, 29, 4)])
def test_many_points_give_the_same_extent_as_all_pairs(radii: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(3)
    contours = ellipsoid((7, -9, 0), radii, step=1.0, n=120)
    points = np.concatenate([c.points_mm for c in contours])
    points[:, :2] += rng.normal(0, 0.3, (len(points), 2))
    assert len(points) > 400
    assert _in_space(points) == pytest.approx(longest_mm(points), rel=1e-12)


Inside = Callable[[Any, Any, Any], Any]


@pytest.mark.parametrize(
    ("contours", "inside"),
    [
        (
            ellipsoid((1, -2, 0), (9, 14, 11), step=0.5, n=180),
            lambda x, y, z: ((x - 1) / 9) ** 2 + ((y + 2) / 14) ** 2 + (z / 11) ** 2 <= 1,
        ),
        (
            tilted_cylinder(6, 30, 0.5, step=0.5),
            lambda x, y, z: (
                (np.abs(x * np.sin(0.5) + z * np.cos(0.5)) <= 15)
                & ((x * np.cos(0.5) - z * np.sin(0.5)) ** 2 + y**2 <= 36)
            ),
        ),
        (
            box((-9, -12, -10), (8, 10, 14), step=0.5),
            lambda x, y, z: (
                (np.abs(x + 0.5) <= 8.5) & (np.abs(y + 1) <= 11) & (np.abs(z - 2) <= 12.25)
            ),
        ),
    ],
    ids=["ellipsoid", "tilted cylinder", "box"],
)
def test_measures_agree_with_simpleitk_on_a_fine_raster(
    contours: list[Contour], inside: Inside
) -> None:
    height = np.arange(-20, 20.25, 0.5)
    across = height + 0.25  # faces of the box between voxel centres
    z, y, x = np.meshgrid(height, across, across, indexing="ij")
    statistics = label_statistics(inside(x, y, z), 0.5, (across[0], across[0], height[0]))
    found = measures(contours, step=0.5)
    assert found.volume_cc == pytest.approx(statistics.GetPhysicalSize(1) / 1000, rel=0.01)
    assert found.centroid_mm == pytest.approx(statistics.GetCentroid(1), abs=0.1)
    assert found.longest_3d_mm == pytest.approx(statistics.GetFeretDiameter(1), abs=1.0)


@pytest.mark.parametrize(
    ("organ", "longest", "short", "below"),
    [
        (Organ.LIVER, 10.0, 4.0, ()),
        (Organ.LIVER, 9.99, 9.0, (10.0,)),
        (Organ.LYMPH_NODE, 30.0, 15.0, ()),
        (Organ.LYMPH_NODE, 30.0, 14.9, (15.0,)),
        (Organ.LYMPH_NODE, 30.0, 9.9, (15.0, 10.0)),
        (Organ.LIVER, None, None, None),
    ],
)
def test_the_sizes_that_are_not_reached_are_those_of_recist(
    organ: Organ, longest: float | None, short: float | None, below: tuple[float, ...] | None
) -> None:
    is_node = organ is Organ.LYMPH_NODE
    category = Category.EXTRAREGIONAL_NODE if is_node else Category.ORGAN_METASTASIS
    lesion = Lesion("L1", category, organ, longest_diameter_mm=longest, short_axis_mm=short)
    assert below_size_mm(lesion) == below


@pytest.mark.parametrize(
    ("organ", "sizes", "said"),
    [
        (Organ.LUNG, (9.0, 4.0), "longest diameter 9.0 mm, below 10 mm: not measurable"),
        (Organ.LYMPH_NODE, (20.0, 9.0), "short axis 9.0 mm, below 10 mm: no pathological node"),
        (Organ.LYMPH_NODE, (20.0, 12.0), "short axis 12.0 mm, below 15 mm: a node not measurable"),
        (Organ.LYMPH_NODE, (20.0, 15.0), None),
        (Organ.LUNG, (10.0, 4.0), None),
        (Organ.LUNG, (None, None), None),
    ],
)
def test_what_is_too_small_is_noted_once(
    organ: Organ, sizes: tuple[float | None, float | None], said: str | None
) -> None:
    lesion = Lesion(
        "L1",
        Category.UNKNOWN,
        organ,
        longest_diameter_mm=sizes[0],
        short_axis_mm=sizes[1],
    )
    notes = [f"{f.code} {f.text}" for f in with_size_note(lesion, "GTV").findings]
    expected = [] if said is None else [f"LES016 GTV: {said} by RECIST 1.1; counted all the same"]
    assert notes == expected

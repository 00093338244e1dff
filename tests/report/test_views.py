"""View planes: images and solids on a cut through the patient, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.geometry.contour import Contour, Structure
from rtplan.geometry.grid import FloatArray, Grid
from rtplan.geometry.solid import Solid, solid_of
from rtplan.report.views import (
    ViewPlane,
    greatest_along,
    sample_plane,
    section,
    shadow,
    three_views,
)

GRADIENT = np.array([0.5, -1.0, 2.0])


def rotation(angle: float, axis: int) -> FloatArray:
    turned = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    turned[i, i] = turned[j, j] = np.cos(angle)
    turned[i, j], turned[j, i] = -np.sin(angle), np.sin(angle)
    return turned


def linear(grid: Grid) -> FloatArray:
    """Values of a linear field at the voxel centres of a grid, (k, j, i)."""
    k, j, i = np.meshgrid(*grid.axes_mm[::-1], indexing="ij")
    points = grid.origin_mm + np.stack([i, j, k], axis=-1) @ grid.directions.T
    return np.asarray(points @ GRADIENT)


def grid(directions: FloatArray, *, uneven: bool = False) -> Grid:
    """A grid of 41 by 31 by 21 voxels about the origin."""
    i, j, k = np.arange(41.0) * 2, np.arange(31.0) * 3, np.arange(21.0) * 4
    if uneven:
        k = np.concatenate([[0.0], np.cumsum(np.tile([3.0, 5.0], 10))])
    middle = np.array([i[-1], j[-1], k[-1]]) / 2
    return Grid(-directions @ middle, directions, (i, j, k))


@pytest.mark.parametrize("uneven", [False, True])
@pytest.mark.parametrize(
    "directions",
    [
        np.eye(3),
        np.diag([-1.0, -1.0, 1.0]),
        np.diag([1.0, 1.0, -1.0]),
        rotation(0.3, 0) @ rotation(0.7, 2),
        rotation(np.pi / 2, 1),
    ],
)
def test_a_linear_field_is_sampled_exactly_on_any_grid(
    directions: FloatArray, uneven: bool
) -> None:
    source = grid(directions, uneven=uneven)
    for view in three_views(np.array([3.0, -2.0, 1.0])):
        sampled = sample_plane(source, linear(source), view, half_mm=20.0, count=8)
        steps = (np.arange(8) + 0.5) * 5 - 20
        x, y = np.meshgrid(steps, steps)
        points = view.origin_mm + x[..., None] * view.right + y[..., None] * view.up
        np.testing.assert_allclose(sampled, points @ GRADIENT, atol=1e-4)


def test_beyond_the_outer_voxel_faces_nothing_is_known() -> None:
    source = grid(np.eye(3))
    view = three_views(np.zeros(3))[0]
    sampled = sample_plane(source, linear(source), view, half_mm=60.0, count=120)
    known = ~np.isnan(sampled)
    assert known.any(axis=0).sum() == 82  # 41 voxels of 2 mm at 1 mm a sample
    assert known.any(axis=1).sum() in (92, 93, 94)  # 31 voxels of 3 mm


def test_a_lone_slice_is_seen_only_on_its_own_plane() -> None:
    axis = np.arange(10.0)
    source = Grid(np.zeros(3), np.eye(3), (axis, axis, np.zeros(1)))
    values = np.ones((1, 10, 10))
    seen = sample_plane(source, values, three_views(np.array([5, 5, 0.0]))[0], half_mm=2, count=4)
    missed = sample_plane(source, values, three_views(np.array([5, 5, 1.0]))[0], half_mm=2, count=4)
    assert (seen == 1).all()
    assert np.isnan(missed).all()


def ring(radius: float, *, points: int = 360) -> FloatArray:
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return radius * np.column_stack([np.cos(angle), np.sin(angle)])


def tube(radii: tuple[float, ...], frame: FloatArray) -> Solid:
    """A tube 60 mm long, planes 3 mm apart, rings nested; ``frame`` turns it in space."""
    contours = [
        Contour(np.column_stack([ring(r), np.full(360, h)]) @ frame.T)
        for h in np.arange(-28.5, 30, 3.0)
        for r in radii
    ]
    return solid_of(Structure(1, "tube", contours=tuple(contours)))


def test_a_cut_along_the_planes_is_the_contour() -> None:
    axial = three_views(np.zeros(3))[0]
    found = section(tube((20.0,), np.eye(3)), axial, half_mm=60)
    assert found.area == pytest.approx(np.pi * 20**2, rel=1e-4)


def test_a_hole_is_open_in_every_view() -> None:
    solid = tube((20.0, 10.0), np.eye(3))
    axial, coronal, sagittal = (section(solid, v, half_mm=60) for v in three_views(np.zeros(3)))
    assert axial.area == pytest.approx(np.pi * (20**2 - 10**2), rel=1e-3)
    assert coronal.area == pytest.approx(60 * 20, rel=1e-6)
    assert sagittal.area == pytest.approx(60 * 20, rel=1e-6)
    assert len(shapely.get_parts(coronal)) == 2


@settings(deadline=None, max_examples=30)
@given(st.floats(-15, 15))
def test_a_cut_across_the_planes_is_as_wide_as_the_chord(offset: float) -> None:
    coronal = three_views(np.array([0.0, offset, 0.0]))[1]
    found = section(tube((20.0,), np.eye(3)), coronal, half_mm=60)
    assert found.area == pytest.approx(60 * 2 * np.sqrt(20**2 - offset**2), rel=1e-3)
    low, high = found.bounds[1], found.bounds[3]
    assert (low, high) == pytest.approx((-30, 30))


def test_an_oblique_cut_of_a_cylinder_is_its_ellipse() -> None:
    slope = np.pi / 6
    up = np.array([0, np.cos(slope), np.sin(slope)])
    view = ViewPlane("oblique", np.zeros(3), np.array([1.0, 0, 0]), up)
    found = section(tube((20.0,), np.eye(3)), view, half_mm=60)
    assert found.area == pytest.approx(np.pi * 20**2 / np.cos(slope), rel=1e-3)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_cut_turns_with_the_solid(axis: int) -> None:
    turn = rotation(np.pi / 2, axis)
    whole = tube((20.0, 10.0), np.eye(3))
    turned = tube((20.0, 10.0), turn)
    for view in three_views(np.array([3.0, 4.0, 5.0])):
        moved = ViewPlane(view.name, turn @ view.origin_mm, turn @ view.right, turn @ view.up)
        here = section(whole, view, half_mm=60)
        there = section(turned, moved, half_mm=60)
        assert here.symmetric_difference(there).area < 1e-3 * here.area


@settings(deadline=None, max_examples=40)
@given(st.integers(3, 40), st.floats(-12, 12), st.floats(0, np.pi), st.integers(0, 2**32 - 1))
def test_chords_equal_the_intersection_of_polygon_and_line(
    points: int, offset: float, angle: float, seed: int
) -> None:
    radius = np.random.default_rng(seed).uniform(3, 20, points)
    direction = np.linspace(0, 2 * np.pi, points, endpoint=False)
    star = np.column_stack([radius * np.cos(direction), radius * np.sin(direction)])
    planes = tuple(Contour(np.column_stack([star, np.full(points, h)])) for h in (0.0, 3.0))
    solid = solid_of(Structure(1, "star", contours=planes))
    along = np.array([np.cos(angle), np.sin(angle), 0.0])
    origin = offset * np.array([-along[1], along[0], 0.0])
    view = ViewPlane("upright", origin, along, np.array([0, 0, 1.0]))
    found = section(solid, view, half_mm=60)
    ends = [(origin - 60 * along)[:2], (origin + 60 * along)[:2]]
    slow = shapely.Polygon(star).intersection(shapely.LineString(ends)).length
    assert found.area == pytest.approx(6 * slow, rel=1e-6, abs=1e-6)


def test_a_cut_beside_the_solid_is_empty() -> None:
    solid = tube((20.0,), np.eye(3))
    for origin in ([0, 0, 31.0], [21.0, 21.0, 0], [0, 300.0, 0]):
        views = three_views(np.array(origin, dtype=float))
        assert any(section(solid, view, half_mm=60).is_empty for view in views)


def test_the_shadow_of_a_tube_is_its_length_times_its_width() -> None:
    solid = tube((20.0, 10.0), np.eye(3))
    axial, coronal, _ = (shadow(solid, view) for view in three_views(np.zeros(3)))
    assert coronal.area == pytest.approx(60 * 40, rel=1e-4)
    assert axial.area == pytest.approx(np.pi * 20**2, rel=1e-3)


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (1, 1, -1), (-1, -1, -1)])
def test_the_greatest_values_stand_where_the_voxels_are(flips: tuple[int, int, int]) -> None:
    source = grid(np.diag(np.array(flips, dtype=float)))
    values = np.zeros(source.shape)
    k, j, i = 4, 7, 30
    values[k, j, i] = 5.0
    place = source.origin_mm + source.directions @ [
        axis[n] for axis, n in zip(source.axes_mm, (i, j, k), strict=True)
    ]
    for view in three_views(np.array([3.0, -2.0, 1.0])):
        found = greatest_along(source, values, view)
        assert found is not None
        flat, across, up = found
        assert flat.shape == (up.size, across.size)
        assert (np.diff(across) > 0).all()
        assert (np.diff(up) > 0).all()
        row, column = np.unravel_index(flat.argmax(), flat.shape)
        offset = place - view.origin_mm
        assert across[column] == pytest.approx(offset @ view.right)
        assert up[row] == pytest.approx(offset @ view.up)


def test_an_image_turned_by_a_quarter_is_projected_too() -> None:
    source = grid(rotation(np.pi / 2, 0))
    values = np.random.default_rng(1).uniform(size=source.shape)
    coronal = three_views(np.zeros(3))[1]
    found = greatest_along(source, values, coronal)
    assert found is not None
    # The grid's third axis now lies along the patient's y: the view looks along it.
    np.testing.assert_array_equal(np.sort(found[0].ravel()), np.sort(values.max(axis=0).ravel()))


def test_an_oblique_image_has_no_projection() -> None:
    source = grid(rotation(0.3, 0))
    assert greatest_along(source, np.zeros(source.shape), three_views(np.zeros(3))[1]) is None

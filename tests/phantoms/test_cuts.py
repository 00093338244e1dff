"""Cuts of solids by planes and balls: against layers of sections, and against themselves."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from rtplan.errors import GeometryError
from rtplan.geometry.grid import FloatArray
from rtplan.phantoms import cuts
from rtplan.phantoms.cuts import Piece, revolution_above, revolution_within
from rtplan.phantoms.solids import (
    Box,
    Capsule,
    Cone,
    Cylinder,
    Ellipsoid,
    Hollow,
    Point,
    Sphere,
    Torus,
    turned_axes,
)
from tests.oracles import quadrature
from tests.phantoms.bodies import (
    ANY_BALL,
    ASIDE,
    DIRECTIONS,
    DRAWN,
    LYING,
    MIDDLE,
    OBLIQUE,
    SOLIDS,
    turned,
)

ORIGIN: Point = (0.0, 0.0, 0.0)
PARTS = np.array([0.07, 0.31, 0.86])
# What the layers leave open, of the volume: most where a ball starts to be cut within a panel.
PLANE_TOLERANCE, BALL_TOLERANCE = 2e-5, 2e-4

axes = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: float(np.linalg.norm(v)) > 0.1)
rotations = st.tuples(axes, st.floats(0, 180)).map(
    lambda drawn: Rotation.from_rotvec(
        np.radians(drawn[1]) * np.array(drawn[0]) / np.linalg.norm(drawn[0])
    )
)


@cache
def layers(name: str) -> quadrature.Layers:
    return quadrature.layers_of(SOLIDS[name])


def centre_of(name: str) -> Point:
    """The middle of a solid: a point about which each is cut by balls."""
    return SOLIDS[name].centroid_mm if isinstance(SOLIDS[name], Cone) else MIDDLE


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("direction", ["x", "oblique", "down"])
def test_volume_beyond_a_plane_is_that_of_layers(name: str, direction: str) -> None:
    solid, normal = SOLIDS[name], DIRECTIONS[direction]
    low, high = solid.extent_mm(normal)
    offsets = low + PARTS * (high - low)
    slow = [quadrature.above_cc(layers(name), normal, float(offset)) for offset in offsets]
    gap = np.abs(solid.above_cc(normal, offsets) - slow)
    assert float(gap.max()) < PLANE_TOLERANCE * solid.volume_cc


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("centre", [None, ASIDE, (30.0, 5.0, 1.0)], ids=["middle", "aside", "far"])
def test_volume_within_a_ball_is_that_of_layers(name: str, centre: Point | None) -> None:
    if centre is not None and name not in ANY_BALL:
        pytest.skip("balls about this point are not known")
    solid, about = SOLIDS[name], centre or centre_of(name)
    near, far = solid.reach_mm(about)
    radii = near + PARTS * (far - near)
    slow = [quadrature.within_cc(layers(name), about, float(radius)) for radius in radii]
    gap = np.abs(solid.within_cc(about, radii) - slow)
    assert float(gap.max()) < BALL_TOLERANCE * solid.volume_cc


@pytest.mark.parametrize("name", SOLIDS)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_plane_cuts_fall_from_the_whole_to_nothing_and_add_up(name: str, direction: str) -> None:
    solid, normal = SOLIDS[name], DIRECTIONS[direction]
    low, high = solid.extent_mm(normal)
    offsets = np.linspace(low, high, 101)
    volumes = solid.above_cc(normal, offsets)
    whole = solid.volume_cc
    assert float(volumes[0]) == pytest.approx(whole, rel=1e-9)
    assert float(volumes[-1]) == pytest.approx(0, abs=1e-9 * whole)
    assert float(np.diff(volumes).max()) < 1e-9 * whole
    # Just within the extent something is cut, so the extent is no larger than the solid.
    assert float(volumes[2]) < whole - 1e-9 * whole
    assert float(volumes[-3]) > 0
    other = solid.above_cc(-normal, -offsets)
    assert float(np.abs(volumes + other - whole).max()) < 2e-9 * whole


@pytest.mark.parametrize("name", SOLIDS)
def test_ball_cuts_rise_from_nothing_to_the_whole(name: str) -> None:
    solid = SOLIDS[name]
    for about in (centre_of(name), *((ASIDE, (30.0, 5.0, 1.0)) if name in ANY_BALL else ())):
        near, far = solid.reach_mm(about)
        volumes = solid.within_cc(about, np.linspace(near, far, 101))
        whole = solid.volume_cc
        assert float(volumes[0]) == pytest.approx(0, abs=1e-9 * whole)
        assert float(volumes[-1]) == pytest.approx(whole, rel=1e-9)
        assert float(np.diff(volumes).min()) > -1e-9 * whole
        assert float(volumes[2]) > 0
        assert float(volumes[-3]) < whole - 1e-9 * whole


@pytest.mark.parametrize("name", SOLIDS)
@given(turn=rotations)
@settings(deadline=None, max_examples=5)
def test_cuts_turn_with_the_solid(name: str, turn: Rotation) -> None:
    solid, normal = SOLIDS[name], DIRECTIONS["oblique"]
    other, moved = turned(solid, turn), turn.apply(normal)
    low, high = solid.extent_mm(normal)
    assert other.extent_mm(moved) == pytest.approx((low, high), abs=1e-9)
    offsets = np.linspace(low, high, 23)
    gap = solid.above_cc(normal, offsets) - other.above_cc(moved, offsets)
    assert float(np.abs(gap).max()) < 1e-9 * solid.volume_cc
    about = ASIDE if name in ANY_BALL else centre_of(name)
    x, y, z = (float(part) for part in turn.apply(np.asarray(about)))
    near, far = solid.reach_mm(about)
    assert other.reach_mm((x, y, z)) == pytest.approx((near, far), abs=1e-8)
    radii = np.linspace(near, far, 23)
    gap = solid.within_cc(about, radii) - other.within_cc((x, y, z), radii)
    assert float(np.abs(gap).max()) < 1e-9 * solid.volume_cc


@pytest.mark.parametrize("name", [n for n in SOLIDS if not n.startswith("turned")])
@pytest.mark.parametrize("tilt", [1e-12, 1e-9, 1e-7, 1e-5])
@pytest.mark.parametrize("special", ["x", "z", "axis", "across"])
def test_formulas_of_a_special_direction_and_beside_it_agree(
    name: str, tilt: float, special: str
) -> None:
    solid = SOLIDS[name]
    across = np.cross(OBLIQUE, (0.0, 0.0, 1.0))
    known = {"x": (1.0, 0.0, 0.0), "z": (0.0, 0.0, 1.0), "axis": OBLIQUE, "across": across}
    exact = np.asarray(known[special]) / np.linalg.norm(known[special])
    beside = exact + tilt * np.array([0.6, 0.8, 1.0])
    beside /= np.linalg.norm(beside)
    low, high = solid.extent_mm(exact)
    # Turned about the middle of the solid, so that only the direction differs.
    shift = float((beside - exact) @ np.asarray(MIDDLE))
    offsets = np.linspace(low, high, 41)
    gap = solid.above_cc(exact, offsets) - solid.above_cc(beside, offsets + shift)
    assert float(np.abs(gap).max()) <= (20 * tilt + 3e-8) * solid.volume_cc


@pytest.mark.parametrize("aside", [1e-12, 1e-9, 1e-8, 1e-6, 1e-4])
@pytest.mark.parametrize("name", ["cylinder", "cone", "capsule", "prolate spheroid", "sphere"])
def test_balls_about_a_point_on_an_axis_and_beside_it_agree(name: str, aside: float) -> None:
    solid = SOLIDS[name]
    near, far = solid.reach_mm(MIDDLE)
    radii = np.linspace(near, far, 41)
    beside = (MIDDLE[0] + aside, MIDDLE[1], MIDDLE[2])
    gap = solid.within_cc(MIDDLE, radii) - solid.within_cc(beside, radii)
    assert float(np.abs(gap).max()) <= (aside + 1e-9) * solid.volume_cc


@given(st.floats(0, 20), st.floats(-20, 20), st.floats(0.1, 40))
@settings(deadline=None, max_examples=60)
def test_layers_of_a_ball_are_the_lens_of_two_balls(
    aside: float, height: float, radius: float
) -> None:
    ball = Piece(-12.0, 12.0, (-1.0, 0.0, 144.0))
    got = revolution_within([ball], np.array([radius]), height=height, aside=aside)
    exact = Sphere(ORIGIN, 12.0).within_cc((aside, 0.0, height), np.array([radius]))
    assert float(got[0]) / 1000 == pytest.approx(float(exact[0]), abs=1e-9 * 7.24)


@given(st.floats(1e-6, 1), st.floats(-12, 12))
@settings(deadline=None, max_examples=60)
def test_layers_of_a_ball_beyond_a_plane_are_its_cap(across: float, offset: float) -> None:
    ball = Piece(-12.0, 12.0, (-1.0, 0.0, 144.0))
    along = float(np.sqrt(1 - across**2))
    got = revolution_above([ball], np.array([offset]), along=along, across=across)
    assert float(got[0]) == pytest.approx(float(cuts.cap(offset, 12.0)), abs=1e-8 * 7240)


@given(st.floats(1e-3, 20), st.floats(-20, 20))
@settings(deadline=None, max_examples=15)
@pytest.mark.parametrize(
    "square",
    [(0.0, 0.0, 144.0), (0.25, 6.0, 36.0), (-0.3, 1.0, 140.0)],
    ids=["wall", "cone", "bulge"],
)
def test_a_body_of_many_pieces_is_cut_like_one(
    square: tuple[float, float, float], aside: float, height: float
) -> None:
    edges = np.linspace(-12.0, 12.0, 14)
    many = [Piece(a, b, square) for a, b in pairwise(edges)]
    radii = np.linspace(0.5, 40.0, 23)
    one = revolution_within([Piece(-12.0, 12.0, square)], radii, height=height, aside=aside)
    split = revolution_within(many, radii, height=height, aside=aside)
    assert one == pytest.approx(split, abs=1e-9 * float(split.max()))


def test_a_ball_about_the_axis_of_a_long_cylinder_follows_the_known_formula() -> None:
    radii = np.linspace(6.0, 50.0, 12)
    got = Cylinder(MIDDLE, 6.0, 100.0, OBLIQUE).within_cc(MIDDLE, radii)
    # A ball less what a drill leaves of it: 4/3 pi (rho^3 - (rho^2 - R^2)^(3/2)).
    known = 4 / 3 * np.pi * (radii**3 - (radii**2 - 36) ** 1.5) / 1000
    assert got == pytest.approx(known, rel=1e-10)


def test_the_two_ways_to_a_concentric_spheroid_agree() -> None:
    for half in ((6.0, 14.0, 6.0), (6.0, 14.0, 14.0), (9.0, 9.0, 9.1)):
        spheroid = Ellipsoid(ORIGIN, half)
        radii = np.linspace(0.0, 15.0, 61)
        exact = spheroid.within_cc(ORIGIN, radii)
        beside = spheroid.within_cc((2e-9, 1e-9, 2e-9), radii)
        assert float(np.abs(exact - beside).max()) < 1e-8 * spheroid.volume_cc


def test_an_ellipsoid_of_one_radius_is_a_sphere() -> None:
    ball, sphere = Ellipsoid(MIDDLE, (12.0, 12.0, 12.0)), Sphere(MIDDLE, 12.0)
    radii = np.linspace(0.0, 30.0, 31)
    for about in (MIDDLE, ASIDE):
        assert ball.within_cc(about, radii) == pytest.approx(
            sphere.within_cc(about, radii), abs=1e-9
        )
    assert ball.reach_mm(ASIDE) == pytest.approx(sphere.reach_mm(ASIDE))


def test_a_ball_about_a_corner_of_a_box_is_an_eighth_until_it_meets_a_face() -> None:
    box = Box((12.0, 9.0, 5.0), (24.0, 18.0, 10.0))
    radii = np.linspace(0.0, 10.0, 11)
    assert box.within_cc(ORIGIN, radii) == pytest.approx(np.pi / 6 * radii**3 / 1000, abs=1e-12)


@given(st.tuples(*[st.floats(-30, 30)] * 3), st.floats(0, 60))
@settings(deadline=None, max_examples=20)
def test_the_eight_parts_of_a_box_hold_what_the_box_holds(centre: Point, radius: float) -> None:
    whole = Box(ORIGIN, (24.0, 18.0, 10.0)).within_cc(centre, np.array([radius]))
    parts = sum(
        Box((x, y, z), (12.0, 9.0, 5.0)).within_cc(centre, np.array([radius]))
        for x in (-6.0, 6.0)
        for y in (-4.5, 4.5)
        for z in (-2.5, 2.5)
    )
    assert float(whole[0]) == pytest.approx(float(parts[0]), abs=1e-9 * 4.32)


def test_a_plane_across_a_torus_halves_it_and_pappus_gives_the_rest() -> None:
    torus = Torus(MIDDLE, 10.0, 4.0, OBLIQUE)
    for normal in DIRECTIONS.values():
        half = torus.above_cc(normal, np.array([float(normal @ np.asarray(MIDDLE))]))
        assert float(half[0]) == pytest.approx(torus.volume_cc / 2, rel=1e-9)
    assert torus.volume_cc == pytest.approx(2 * np.pi * 10 * np.pi * 16 / 1000)


def test_a_capsule_is_a_cylinder_and_a_sphere() -> None:
    capsule = Capsule(MIDDLE, 6.0, 20.0, LYING)
    cylinder, sphere = Cylinder(MIDDLE, 6.0, 20.0, LYING), Sphere(MIDDLE, 6.0)
    assert capsule.volume_cc == pytest.approx(cylinder.volume_cc + sphere.volume_cc)
    # Across the axis each plane leaves the same of both halves of a ball as of the ball.
    normal = np.array([-0.6, 0.8, 0.0])
    offsets = float(normal @ np.asarray(MIDDLE)) + np.linspace(-6, 6, 13)
    both = cylinder.above_cc(normal, offsets) + sphere.above_cc(normal, offsets)
    assert capsule.above_cc(normal, offsets) == pytest.approx(both, abs=1e-10)


@pytest.mark.parametrize("name", SOLIDS)
def test_centre_of_volume_is_where_the_cuts_balance(name: str) -> None:
    solid = SOLIDS[name]
    for normal in np.eye(3):
        low, high = solid.extent_mm(normal)
        at = np.linspace(low, high, 1001)
        values = solid.above_cc(normal, at)
        mean = low + float(np.sum(values[:-1] + values[1:]) / 2 * (at[1] - at[0])) / solid.volume_cc
        assert mean == pytest.approx(float(normal @ np.asarray(solid.centroid_mm)), abs=1e-3)


@pytest.mark.parametrize("name", SOLIDS)
def test_points_that_a_solid_contains_lie_in_its_extent_and_fill_its_volume(name: str) -> None:
    solid = SOLIDS[name]
    box = np.array([solid.extent_mm(axis) for axis in np.eye(3)])
    points = box[:, 0] + np.random.default_rng(3).random((40000, 3)) * np.diff(box)[:, 0]
    inside = points[solid.contains(points)]
    share = solid.volume_cc * 1000 / float(np.prod(np.diff(box)))
    assert len(inside) / len(points) == pytest.approx(share, abs=0.01)
    for normal in DIRECTIONS.values():
        low, high = solid.extent_mm(normal)
        heights = inside @ normal
        assert low <= float(heights.min()) < low + 0.15 * (high - low)
        assert high - 0.15 * (high - low) < float(heights.max()) <= high


def known_points(name: str) -> tuple[Point, ...]:
    return (MIDDLE, ASIDE, (30.0, 5.0, 1.0)) if name in ANY_BALL else (centre_of(name),)


@pytest.mark.parametrize("name", SOLIDS)
def test_reach_is_the_nearest_and_farthest_distance(name: str) -> None:
    solid = SOLIDS[name]
    box = np.array([solid.extent_mm(axis) for axis in np.eye(3)])
    points = box[:, 0] + np.random.default_rng(5).random((60000, 3)) * np.diff(box)[:, 0]
    inside = points[solid.contains(points)]
    for about in known_points(name):
        near, far = solid.reach_mm(about)
        distance = np.linalg.norm(inside - about, axis=1)
        assert near <= float(distance.min()) < near + 1.5
        assert far - 2.5 < float(distance.max()) <= far


def test_what_is_not_known_is_refused() -> None:
    radii = np.array([3.0])
    with pytest.raises(GeometryError, match="off the centre of an ellipsoid"):
        Ellipsoid(ORIGIN, (15.0, 8.0, 6.0)).within_cc(ASIDE, radii)
    with pytest.raises(GeometryError, match="off the centre of an ellipsoid"):
        Ellipsoid(ORIGIN, (15.0, 8.0, 6.0)).reach_mm(ASIDE)
    with pytest.raises(GeometryError, match="off the axis of a torus"):
        Torus(ORIGIN, 10.0, 4.0).within_cc(ASIDE, radii)
    tube = Hollow(Cylinder(ORIGIN, 12.0, 24.0), Cylinder(ORIGIN, 8.0, 24.0))
    with pytest.raises(GeometryError, match="only that of a hollow sphere"):
        tube.reach_mm(ORIGIN)


def test_solids_that_are_none_are_refused() -> None:
    with pytest.raises(GeometryError, match="leaves no hole"):
        Torus(ORIGIN, 4.0, 10.0)
    with pytest.raises(GeometryError, match="right angles"):
        Box(ORIGIN, (1.0, 1.0, 1.0), ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
    with pytest.raises(GeometryError, match="right angles"):
        Ellipsoid(ORIGIN, (1.0, 1.0, 1.0), ((2.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    with pytest.raises(GeometryError, match="axis needs a length"):
        Cylinder(ORIGIN, 1.0, 1.0, ORIGIN).extent_mm(np.array([1.0, 0.0, 0.0]))


def test_turned_axes_turn_right_handed() -> None:
    rows: FloatArray = np.asarray(turned_axes((0.0, 0.0, 1.0), 30.0))
    assert rows[0] == pytest.approx([np.cos(np.pi / 6), 0.5, 0.0])
    assert np.cross(rows[0], rows[1]) == pytest.approx(rows[2])

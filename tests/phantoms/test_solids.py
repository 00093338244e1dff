"""Solids: the closed forms against quadrature that knows only circles and chords."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from scipy.optimize import brentq

from rtplan.errors import GeometryError
from rtplan.geometry.grid import FloatArray
from rtplan.phantoms.solids import Circle, Cone, Cylinder, Hollow, Solid, Sphere

SOLIDS: dict[str, Solid] = {
    "sphere": Sphere((1.0, 2.0, 3.0), 12.0),
    "cylinder": Cylinder((1.0, 2.0, 3.0), 12.0, 24.0),
    "flat cylinder": Cylinder((0.0, 0.0, 0.0), 20.0, 2.0),
    "cone": Cone((1.0, 2.0, -3.0), 12.0, 24.0),
    "needle": Cone((0.0, 0.0, 0.0), 3.0, 40.0),
    "hollow sphere": Hollow(Sphere((0.0, 0.0, 0.0), 12.0), Sphere((1.0, 0.0, -2.0), 5.0)),
}

coordinate = st.floats(-1, 1)
directions = (
    st.tuples(coordinate, coordinate, coordinate)
    .map(np.array)
    .filter(lambda v: float(np.linalg.norm(v)) > 0.1 and float(np.hypot(v[0], v[1])) > 1e-2)
    .map(lambda v: v / np.linalg.norm(v))
)


def chord_area(distance: float, radius: float) -> float:
    """Area of a disc beyond a chord."""
    p = min(max(distance, -radius), radius)
    return float(radius**2 * np.arccos(p / radius) - p * np.sqrt(max(radius**2 - p**2, 0.0)))


def volume_by_layers(solid: Solid, normal: FloatArray, offset: float) -> float:
    """Volume beyond a plane, cc: layers in z, split where a circle meets the plane."""
    across = float(np.hypot(normal[0], normal[1]))
    low, high = solid.extent_mm(np.array([0.0, 0.0, 1.0]))

    def gaps(z: float) -> list[tuple[float, Circle]]:
        return [
            (float(offset - normal @ np.array([*ring.centre_mm, z])) / across, ring)
            for ring in solid.rings(z)
        ]

    def layer(z: float) -> float:
        return sum((-1 if r.is_hole else 1) * chord_area(p, r.radius_mm) for p, r in gaps(z))

    def touch(z: float, ring: int, side: int) -> float:
        p, circle = gaps(z)[ring]
        return float(p - side * circle.radius_mm)

    scan = np.linspace(low, high, 801)
    breaks = [low, high]
    for start, end in pairwise(scan):
        rings = len(solid.rings(float(start)))
        if rings != len(solid.rings(float(end))):
            breaks.append(bisect_ring_count(solid, float(start), float(end)))
            continue
        for ring in range(rings):
            for side in (1, -1):
                if touch(float(start), ring, side) * touch(float(end), ring, side) <= 0:
                    root = brentq(touch, start, end, args=(ring, side), xtol=1e-13)
                    breaks.append(float(root))
    nodes, weights = np.polynomial.legendre.leggauss(40)
    total = 0.0
    for start, end in pairwise(sorted(breaks)):
        half = (end - start) / 2
        # z = middle + half sin(a) smooths the square roots at both ends.
        turn = np.pi / 2 * nodes
        stretch = half * np.pi / 2 * np.cos(turn)
        values = [layer(float(z)) for z in (start + end) / 2 + half * np.sin(turn)]
        total += float(weights * stretch @ np.array(values))
    return total * 1e-3


def bisect_ring_count(solid: Solid, low: float, high: float) -> float:
    """Where between two heights the number of circles changes."""
    count = len(solid.rings(low))
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if len(solid.rings(middle)) == count else (low, middle)
    return low


@pytest.mark.parametrize("name", ["sphere", "cylinder", "flat cylinder", "cone", "needle"])
@given(normal=directions, part=st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=25)
def test_volume_beyond_a_plane_equals_quadrature(
    name: str, normal: FloatArray, part: float
) -> None:
    solid = SOLIDS[name]
    low, high = solid.extent_mm(normal)
    offset = low + part * (high - low)
    exact = float(solid.above_cc(normal, np.array([offset]))[0])
    assert exact == pytest.approx(
        volume_by_layers(solid, normal, offset), abs=1e-6 * solid.volume_cc
    )


@pytest.mark.parametrize("name", SOLIDS)
@given(normal=directions, part=st.floats(0, 1))
@settings(deadline=None, max_examples=25)
def test_the_two_sides_of_a_plane_make_the_whole(
    name: str, normal: FloatArray, part: float
) -> None:
    solid = SOLIDS[name]
    low, high = solid.extent_mm(normal)
    offset = np.array([low + part * (high - low)])
    both = solid.above_cc(normal, offset) + solid.above_cc(-normal, -offset)
    assert float(both[0]) == pytest.approx(solid.volume_cc, rel=1e-8)


@pytest.mark.parametrize("name", SOLIDS)
@given(normal=directions)
@settings(deadline=None, max_examples=15)
def test_volume_falls_from_all_to_nothing_over_the_extent(name: str, normal: FloatArray) -> None:
    solid = SOLIDS[name]
    low, high = solid.extent_mm(normal)
    volume = solid.above_cc(normal, np.linspace(low, high, 101))
    assert float(volume[0]) == pytest.approx(solid.volume_cc, rel=1e-8)
    assert float(volume[-1]) == pytest.approx(0.0, abs=1e-8 * solid.volume_cc)
    assert (np.diff(volume) <= 1e-8 * solid.volume_cc).all()


@pytest.mark.parametrize("name", SOLIDS)
@pytest.mark.parametrize("tilt", [0.0, 1e-12, 1e-7, 1e-5])
@pytest.mark.parametrize("axis", [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)])
def test_formulas_of_an_axis_and_beside_it_agree(
    name: str, tilt: float, axis: tuple[float, float, float]
) -> None:
    solid = SOLIDS[name]
    exact, beside = np.array(axis), np.array(axis) + tilt * np.array([0.6, 0.8, 1.0])
    beside /= np.linalg.norm(beside)
    low, high = solid.extent_mm(exact)
    offsets = np.linspace(low, high, 41)
    gap = solid.above_cc(exact, offsets) - solid.above_cc(beside, offsets)
    assert float(np.abs(gap).max()) <= (20 * tilt + 3e-8) * solid.volume_cc


def test_cone_across_its_axis_follows_the_known_formula() -> None:
    cone = Cone((0.0, 0.0, 0.0), 12.0, 24.0)
    u = np.linspace(0.05, 0.95, 19)
    got = cone.above_cc(np.array([1.0, 0.0, 0.0]), 12.0 * u)
    # V0/pi (acos u - 2 u sqrt(1 - u^2) + u^3 arsech u)
    known = np.arccos(u) - 2 * u * np.sqrt(1 - u**2) + u**3 * np.arccosh(1 / u)
    assert got == pytest.approx(cone.volume_cc / np.pi * known, rel=1e-10)


def test_volumes_are_those_of_the_textbook() -> None:
    assert Sphere((0.0, 0.0, 0.0), 12.0).volume_cc == pytest.approx(7.2382295)
    assert Cylinder((0.0, 0.0, 0.0), 12.0, 24.0).volume_cc == pytest.approx(10.8573442)
    assert Cone((0.0, 0.0, 0.0), 12.0, 24.0).volume_cc == pytest.approx(3.6191147)


@pytest.mark.parametrize("name", SOLIDS)
def test_centroid_is_the_mean_height_of_the_layers(name: str) -> None:
    solid = SOLIDS[name]
    up = np.array([0.0, 0.0, 1.0])
    low, high = solid.extent_mm(up)
    offsets = np.linspace(low, high, 20001)
    mean = low + float(trapezoid(solid.above_cc(up, offsets), offsets)) / solid.volume_cc
    assert mean == pytest.approx(solid.centroid_mm[2], abs=1e-4)


def test_a_hole_larger_than_the_body_is_refused() -> None:
    small, large = Sphere((0.0, 0.0, 0.0), 3.0), Sphere((0.0, 0.0, 0.0), 4.0)
    with pytest.raises(GeometryError, match="does not fit"):
        Hollow(small, large)


@given(st.integers(3, 500))
@settings(deadline=None, max_examples=30)
def test_polygon_of_a_circle_is_inscribed_or_of_its_area(vertices: int) -> None:
    circle = Circle((3.0, -4.0), 10.0)
    inscribed = circle.polygon(vertices)
    assert np.hypot(*(inscribed - (3.0, -4.0)).T) == pytest.approx(10.0)
    assert area(circle.polygon(vertices, area_matched=True)) == pytest.approx(100 * np.pi)
    turn = 2 * np.pi / vertices
    assert area(inscribed) == pytest.approx(100 * np.pi * np.sin(turn) / turn)


def area(ring: FloatArray) -> float:
    """Shoelace area of a ring, positive counter-clockwise."""
    x, y = ring.T
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def test_a_polygon_needs_three_vertices() -> None:
    with pytest.raises(GeometryError, match="3 vertices"):
        Circle((0.0, 0.0), 1.0).polygon(2)

"""Drawing: contours that hold the solid's area, holes in three ways."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.errors import GeometryError
from rtplan.geometry.contour import GeometricType
from rtplan.geometry.grid import FloatArray
from rtplan.phantoms.drawing import Holes, Pen, draw, drawn_volume_cc, keyhole
from rtplan.phantoms.solids import Cylinder, Hollow, Sphere

ORIGIN = (0.0, 0.0, 0.0)
SPHERE = Sphere(ORIGIN, 12.0)
SHELL = Hollow(SPHERE, Sphere(ORIGIN, 8.0))


def area(ring: FloatArray) -> float:
    """Shoelace area of a ring."""
    x, y = ring[:, 0], ring[:, 1]
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


@given(st.floats(0.3, 5.0), st.floats(0.0, 1.0))
@settings(deadline=None, max_examples=40)
def test_prisms_of_a_sphere_stay_within_the_slicing_bound(spacing: float, phase: float) -> None:
    drawn = drawn_volume_cc(SPHERE, Pen(spacing, phase))
    error = drawn / SPHERE.volume_cc - 1
    # Euler-Maclaurin: -1/4 to 1/8 of the square, and the cube at its largest.
    square, cube = (spacing / 12.0) ** 2, 0.03 * (spacing / 12.0) ** 3
    assert -square / 4 - cube <= error <= square / 8 + cube


def test_cylinder_on_centred_planes_is_drawn_exactly() -> None:
    cylinder = Cylinder(ORIGIN, 12.0, 24.0)
    assert drawn_volume_cc(cylinder, Pen(1.0)) == pytest.approx(cylinder.volume_cc, rel=1e-12)


@given(st.floats(0.5, 4.0), st.floats(0.0, 0.99))
@settings(deadline=None, max_examples=30)
def test_planes_are_evenly_spaced_at_their_phase(spacing: float, phase: float) -> None:
    planes = Pen(spacing, phase).planes_mm(-12.0, 12.0)
    assert np.diff(planes) == pytest.approx(spacing)
    assert np.abs(planes / spacing - phase - np.round(planes / spacing - phase)).max() < 1e-9
    assert planes[0] - spacing < -12.0 <= planes[0] + 1e-6
    assert planes[-1] - 1e-6 <= 12.0 < planes[-1] + spacing


def test_a_keyhole_encloses_the_ring_between() -> None:
    turn = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    ring = keyhole(10 * circle, 4 * circle)
    assert area(ring) == pytest.approx(area(10 * circle) - area(4 * circle), rel=1e-12)


@pytest.mark.parametrize("holes", Holes)
def test_each_way_of_drawing_a_hole_holds_the_same_area(holes: Holes) -> None:
    pen = Pen(1.0, holes=holes)
    contours = draw(SHELL, pen)
    middle = [c.points_mm for c in contours if c.points_mm[0, 2] == 0.5]
    areas = sorted((abs(area(points)) for points in middle), reverse=True)
    assert areas[0] - sum(areas[1:]) == pytest.approx(np.pi * (144 - 64), rel=1e-10)
    assert len(middle) == (1 if holes is Holes.KEYHOLE else 2)
    xor = {c.kind for c in contours} == {GeometricType.CLOSEDPLANAR_XOR}
    assert xor == (holes is Holes.XOR)


def test_inscribed_polygons_lose_their_known_share() -> None:
    pen = Pen(1.0, vertices=64, area_matched=False)
    turn = 2 * np.pi / 64
    exact = drawn_volume_cc(SPHERE, replace(pen, area_matched=True))
    assert drawn_volume_cc(SPHERE, pen) == pytest.approx(exact * np.sin(turn) / turn)
    rings = [area(contour.points_mm) for contour in draw(SPHERE, pen)]
    assert sum(rings) * 1e-3 == pytest.approx(drawn_volume_cc(SPHERE, pen))


def test_planes_without_distance_are_refused() -> None:
    with pytest.raises(GeometryError, match="above 0"):
        Pen(0.0)

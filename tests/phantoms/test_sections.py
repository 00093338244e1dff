"""Sections: regions that add up to the solid, and polygons on its surface."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import shapely

from rtplan.errors import GeometryError
from rtplan.geometry.grid import FloatArray
from rtplan.phantoms.drawing import Holes, Pen, draw, drawn_volume_cc
from rtplan.phantoms.sections import Circle, Ellipse, Outline, Polygon, Section, signed_area_mm2
from rtplan.phantoms.solids import Box, Cone, Cylinder, Hollow, Solid, Torus, turned_axes
from tests.phantoms.bodies import DRAWN, LYING, MIDDLE, OBLIQUE, SOLIDS

UP = np.array([0.0, 0.0, 1.0])


def planes(solid: Solid, count: int = 17) -> FloatArray:
    """Heights through a solid that are on none of its edges."""
    low, high = solid.extent_mm(UP)
    return np.asarray(low + (np.arange(count) + 0.37) / count * (high - low))


def sections(name: str) -> Iterator[tuple[float, Section]]:
    """Sections of a solid and their heights."""
    solid = SOLIDS[name]
    for z in planes(solid):
        for section in solid.sections(float(z)):
            yield float(z), section


@pytest.mark.parametrize("name", DRAWN)
def test_sections_add_up_to_the_volume_and_its_centre(name: str) -> None:
    solid = SOLIDS[name]
    low, high = solid.extent_mm(UP)
    # Midpoints in the angle: dense at both ends, where a section appears like a root.
    turn = (np.arange(2000) + 0.5) / 2000 * np.pi
    z = (low + high) / 2 - (high - low) / 2 * np.cos(turn)
    thickness = (high - low) / 2 * np.sin(turn) * np.pi / 2000
    areas = np.array(
        [sum((-1 if s.is_hole else 1) * s.area_mm2 for s in solid.sections(float(h))) for h in z]
    )
    assert float(areas @ thickness) / 1000 == pytest.approx(solid.volume_cc, rel=1e-5)
    middle = float((areas * z) @ thickness) / float(areas @ thickness)
    assert middle == pytest.approx(solid.centroid_mm[2], abs=1e-4)


@pytest.mark.parametrize("name", DRAWN)
def test_vertices_lie_on_the_surface(name: str) -> None:
    solid = SOLIDS[name]
    for z, section in sections(name):
        ring = section.polygon(90)
        away = ring - ring.mean(axis=0)
        for part, wanted in ((1 - 1e-6, not section.is_hole), (1 + 1e-6, section.is_hole)):
            moved = np.column_stack([ring.mean(axis=0) + part * away, np.full(len(ring), z)])
            assert (solid.contains(moved) == wanted).all()


@pytest.mark.parametrize("name", DRAWN)
def test_polygons_are_simple_rings_of_the_area(name: str) -> None:
    for _, section in sections(name):
        for vertices in (12, 90, 361):
            inscribed, matched = (
                section.polygon(vertices, area_matched=on) for on in (False, True)
            )
            assert shapely.Polygon(matched).is_valid
            assert signed_area_mm2(inscribed) <= section.area_mm2 * (1 + 1e-12)
            # A regular polygon of n vertices lacks 6.58 / n^2 of its circle.
            lacks = 1 - signed_area_mm2(inscribed) / section.area_mm2
            assert lacks < 40 / vertices**2
            assert signed_area_mm2(matched) == pytest.approx(section.area_mm2, rel=1e-9)
            assert isinstance(section, Polygon) or 0.7 * vertices <= len(matched) <= vertices + 12


@pytest.mark.parametrize("name", DRAWN)
def test_areas_are_those_of_fine_polygons(name: str) -> None:
    for _, section in sections(name):
        fine = signed_area_mm2(section.polygon(20000))
        assert section.area_mm2 == pytest.approx(fine, rel=1e-6)


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawing_holds_about_the_volume(name: str) -> None:
    solid = SOLIDS[name]
    pen = Pen(0.25, phase=0.31, vertices=180)
    assert drawn_volume_cc(solid, pen) == pytest.approx(solid.volume_cc, rel=0.012)
    contours = draw(solid, Pen(2.0, holes=Holes.NESTED))
    assert {float(c.points_mm[0, 2]) % 2 for c in contours} == {1.0}


@pytest.mark.parametrize("name", DRAWN)
def test_beyond_a_solid_there_is_no_section(name: str) -> None:
    low, high = SOLIDS[name].extent_mm(UP)
    assert SOLIDS[name].sections(low - 1e-6) == ()
    assert SOLIDS[name].sections(high + 1e-6) == ()


@pytest.mark.parametrize("tilt", [1e-8, 1e-6, 1e-4])
@pytest.mark.parametrize("kind", [Cylinder, Cone])
def test_a_solid_all_but_upright_or_level_has_the_sections_of_one_that_is(
    kind: type[Cylinder | Cone], tilt: float
) -> None:
    for axis in ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0)):
        beside = (axis[0] + tilt, 0.6 * tilt, axis[2] + tilt)
        exact, near = kind(MIDDLE, 12.0, 24.0, axis), kind(MIDDLE, 12.0, 24.0, beside)
        for z in planes(exact, 9):
            (first,), (second,) = exact.sections(float(z)), near.sections(float(z))
            largest = np.pi * 12.0**2
            slack = (20 * tilt + 1e-7) * largest
            assert second.area_mm2 == pytest.approx(first.area_mm2, abs=slack)
            one, other = (shapely.Polygon(part.polygon(720)) for part in (first, second))
            assert shapely.hausdorff_distance(one, other) < 0.12 + 40 * tilt


def test_kinds_of_sections() -> None:
    """What the textbook calls the cuts of a cylinder, a cone, a box."""
    cylinder, cone = Cylinder(MIDDLE, 12.0, 24.0, OBLIQUE), Cone(MIDDLE, 12.0, 24.0, OBLIQUE)
    assert isinstance(Cylinder(MIDDLE, 12.0, 100.0, OBLIQUE).sections(3.0)[0], Ellipse)
    assert isinstance(cylinder.sections(14.0)[0], Outline)
    assert isinstance(Cylinder(MIDDLE, 12.0, 24.0, LYING).sections(4.0)[0], Polygon)
    (cut,) = SOLIDS["leaning disc"].sections(3.0)
    assert len(cut.curves) == 2
    assert isinstance(cone.sections(6.0)[0], Ellipse)
    assert isinstance(cone.sections(20.0)[0], Outline)
    assert isinstance(Cylinder(MIDDLE, 12.0, 24.0).sections(4.0)[0], Circle)
    cube = Box(MIDDLE, (20.0, 20.0, 20.0), turned_axes((1.0, 1.0, 0.1), 52.0))
    corners = {len(s.polygon(99)) for z in planes(cube, 40) for s in cube.sections(float(z))}
    assert corners >= {3, 6}


def test_a_plane_through_the_apex_of_a_lying_cone_cuts_a_triangle() -> None:
    (section,) = Cone(MIDDLE, 12.0, 24.0, LYING).sections(MIDDLE[2])
    assert section.area_mm2 == pytest.approx(12.0 * 24.0)
    assert signed_area_mm2(section.polygon(60)) == pytest.approx(12.0 * 24.0)


@pytest.mark.parametrize("beside", [-1e-3, -1e-9, 0.0, 1e-9, 1e-3])
def test_a_plane_along_the_side_of_a_cone_cuts_a_parabola(beside: float) -> None:
    # Radius 12 on 24 mm: a side rises at atan(1/2) to the axis, so it is level for this axis.
    cone = Cone(MIDDLE, 12.0, 24.0, (2.0, 0.0, 1.0 + beside))
    (section,) = cone.sections(MIDDLE[2] + 4.0)
    # At the base, 24 mm along the axis, the parabola is a chord; two thirds of its rectangle.
    s, c = 2 / np.sqrt(5), 1 / np.sqrt(5)
    end = (24.0 - 4.0 * c) / s
    start = 4.0 * (s - 0.5 * c) / (0.5 * s + c)
    width = np.sqrt((0.5 * s + c) * (end - start) * 4.0 * (0.5 * c + s))
    known = 4 / 3 * width * (end - start)
    assert section.area_mm2 == pytest.approx(known, rel=5 * abs(beside) + 1e-8)


def test_an_oblique_tube_is_drawn_with_a_hole() -> None:
    outer, inner = (Cylinder(MIDDLE, radius, 24.0, OBLIQUE) for radius in (12.0, 8.0))
    tube = Hollow(outer, inner)
    for holes in Holes:
        pen = Pen(0.5, holes=holes)
        assert drawn_volume_cc(tube, pen) == pytest.approx(tube.volume_cc, rel=0.01)
        planes_drawn = [float(contour.points_mm[0, 2]) for contour in draw(tube, pen)]
        assert (len(planes_drawn) == len(set(planes_drawn))) == (holes is Holes.KEYHOLE)


def test_rings_are_circles_or_an_error() -> None:
    assert [ring.radius_mm for ring in Torus(MIDDLE, 10.0, 4.0).rings(3.0)] == [14.0, 6.0]
    with pytest.raises(GeometryError, match="use sections"):
        Cylinder(MIDDLE, 12.0, 24.0, OBLIQUE).rings(3.0)


def test_sections_of_an_oblique_torus_are_refused() -> None:
    with pytest.raises(GeometryError, match="axis is along z"):
        SOLIDS["oblique torus"].sections(3.0)


@pytest.mark.parametrize("name", ["sphere", "turned ellipsoid", "turned box", "oblique cone"])
def test_every_section_needs_three_vertices_and_can_be_a_hole(name: str) -> None:
    _, section = next(sections(name))
    with pytest.raises(GeometryError, match="3 vertices"):
        section.polygon(2)
    hole = section.as_hole()
    assert hole.is_hole
    assert not hole.as_hole().is_hole
    assert hole.area_mm2 == section.area_mm2

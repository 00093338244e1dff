"""Half-slice prisms: what is between and beyond the planes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.errors import GeometryError
from rtplan.geometry.contour import StructureSet
from rtplan.geometry.planes import signed_area_mm2
from rtplan.geometry.solid import plane_spacing_mm, solid_of
from tests.shapes import circle, rectangle, sphere, structure


def stack(*positions: float, size: float = 10.0) -> list[tuple[float, float]]:
    """Faces of the slabs of squares at these positions."""
    solid = solid_of(structure([rectangle(0, 0, size, size, z) for z in positions]))
    return [(round(slab.low_mm, 6), round(slab.high_mm, 6)) for slab in solid.slabs]


def test_planes_reach_halfway_to_their_neighbours_and_half_a_slice_beyond() -> None:
    assert stack(0, 3, 6) == [(-1.5, 1.5), (1.5, 4.5), (4.5, 7.5)]


def test_mixed_spacing_has_its_own_caps() -> None:
    assert stack(0, 3, 6, 10) == [(-1.5, 1.5), (1.5, 4.5), (4.5, 8.0), (8.0, 12.0)]
    assert stack(0, 3, 6, 12)[-1] == (9.0, 13.5)  # a plane is missing: not a wider spacing


def test_a_skipped_plane_is_bridged_with_a_finding() -> None:
    rings = [rectangle(0, 0, 10, 10, z) for z in (0.0, 3.0, 9.0, 12.0)]
    solid = solid_of(structure(rings))
    assert solid.volume_cc == pytest.approx(100 * 15 / 1000)
    assert {item.code for item in solid.findings} == {"GEO005"}


def test_a_wide_gap_separates_bodies_with_a_finding() -> None:
    rings = [rectangle(0, 0, 10, 10, z) for z in (0.0, 3.0, 30.0, 33.0)]
    facing = solid_of(structure(rings))
    assert facing.volume_cc == pytest.approx(100 * 12 / 1000)
    assert {item.code for item in facing.findings} == {"GEO008"}
    apart = solid_of(structure(rings[:2] + [ring + 50.0 for ring in rings[:2]]))
    assert apart.volume_cc == pytest.approx(100 * 12 / 1000)
    assert {item.code for item in apart.findings} == {"GEO007"}


def test_a_single_plane_needs_a_thickness_from_elsewhere() -> None:
    alone = structure([circle(10, 0)])
    with pytest.raises(GeometryError, match="single plane"):
        solid_of(alone)
    solid = solid_of(alone, lone_plane_mm=3.0)
    assert solid.volume_cc == pytest.approx(3 * signed_area_mm2(circle(10, 0)[:, :2]) / 1000)
    assert {item.code for item in solid.findings} == {"GEO006"}


def test_plane_spacing_is_the_most_usual_one() -> None:
    rings = [circle(10, z) for z in (0.0, 2.5, 5.0, 12.5)]
    structures = (structure(rings), structure([circle(1, 0)], number=2))
    assert plane_spacing_mm(StructureSet("1.2", structures=structures)) == 2.5
    assert plane_spacing_mm(StructureSet("1.2", structures=structures[1:])) is None


@settings(deadline=None, max_examples=30)
@given(
    radius=st.floats(2, 30),
    spacing=st.floats(1, 5),
    phase=st.floats(0, 1),
    shift=st.tuples(*[st.floats(-300, 300)] * 3),
)
def test_volume_is_the_sum_of_polygon_prisms(
    radius: float, spacing: float, phase: float, shift: tuple[float, ...]
) -> None:
    drawn = sphere(radius, spacing, phase=phase * spacing)
    areas = [signed_area_mm2(contour.points_mm[:, :2]) for contour in drawn.contours]
    moved = structure([contour.points_mm + shift for contour in drawn.contours])
    solid = solid_of(moved, lone_plane_mm=spacing)
    assert solid.volume_cc == pytest.approx(sum(areas) * spacing / 1000, rel=1e-9)


def test_centroid_of_a_sphere_is_its_centre() -> None:
    shift = np.array([30.0, -20.0, 10.0])
    rings = [contour.points_mm + shift for contour in sphere(12, 2).contours]
    np.testing.assert_allclose(solid_of(structure(rings)).centroid_mm, (30, -20, 10), atol=1e-9)

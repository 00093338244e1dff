"""Half-slice prisms: what is between and beyond the planes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rtplan.errors import GeometryError
from rtplan.geometry.contour import StructureSet
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import signed_area_mm2
from rtplan.geometry.solid import plane_spacing_mm, solid_of, typical_spacing_mm
from tests.shapes import circle, rectangle, sphere, structure


def stack(*positions: float, size: float = 10.0) -> list[tuple[float, float]]:
    """Faces of the slabs of squares at these positions."""
    solid = solid_of(structure([rectangle(0, 0, size, size, z) for z in positions]))
    return [(round(slab.low_mm, 6), round(slab.high_mm, 6)) for slab in solid.slabs]


def test_planes_reach_halfway_to_their_neighbours_and_half_a_slice_beyond() -> None:
    assert stack(0, 3, 6) == [(-1.5, 1.5), (1.5, 4.5), (4.5, 7.5)]


def test_mixed_spacing_has_its_own_caps() -> None:
    assert stack(0, 3, 6, 10) == [(-1.5, 1.5), (1.5, 4.5), (4.5, 8.0), (8.0, 12.0)]
    assert stack(0, 3, 6, 9, 15)[-1] == (12.0, 16.5)  # a plane is missing: not a wider spacing


def test_a_skipped_plane_is_bridged_with_a_finding() -> None:
    rings = [rectangle(0, 0, 10, 10, z) for z in (0.0, 3.0, 9.0, 12.0)]
    solid = solid_of(structure(rings))
    assert solid.volume_cc == pytest.approx(100 * 15 / 1000)
    assert {item.code for item in solid.findings} == {"GEO005"}


def volume_and_codes(rings: Sequence[FloatArray]) -> tuple[Any, set[tuple[str, str]]]:
    solid = solid_of(structure(rings))
    return solid.volume_cc, {(item.code, item.severity.value) for item in solid.findings}


def squares(*positions: float, x: float = 0.0) -> list[FloatArray]:
    return [rectangle(x, 0, x + 10, 10, z) for z in positions]


def test_a_wide_gap_separates_bodies_with_a_finding() -> None:
    alike = squares(0, 3, 30, 33)
    assert volume_and_codes(alike) == (pytest.approx(1.2), {("GEO007", "warning")})
    elsewhere = squares(0, 3) + squares(30, 33, x=50)
    assert volume_and_codes(elsewhere) == (pytest.approx(1.2), {("GEO007", "info")})


def test_planes_missing_between_contours_that_face_each_other_are_bridged() -> None:
    volume, codes = volume_and_codes(squares(0, 3, 6, 18, 21, 24))
    assert (volume, codes) == (pytest.approx(2.7), {("GEO008", "warning")})


def test_mixed_spacing_loses_no_volume() -> None:
    fine_then_coarse = squares(-20, -18, -16, -14, -12, -10, -8, -6, -4, -2, 0, 8, 16, 24)
    assert volume_and_codes(fine_then_coarse)[0] == pytest.approx(4.9)
    assert volume_and_codes(fine_then_coarse)[1] == set()
    coarse_outside = squares(0, 1, 2, 3, 4, 7, 10, 13)
    assert volume_and_codes(coarse_outside)[0] == pytest.approx(1.5)


def test_planes_drawn_twice_lose_no_volume() -> None:
    twice = [z + shift for z in range(0, 21, 3) for shift in (0, 0.12)]
    volume, codes = volume_and_codes(squares(*twice))
    assert volume == pytest.approx(2.1, rel=0.01)
    assert codes == {("GEO009", "warning")}


def test_bodies_on_interleaved_planes_are_each_followed_on_their_own() -> None:
    left = squares(0, 3, 6, 9, 12)
    right = squares(1.5, 4.5, 7.5, 10.5, x=40)
    assert volume_and_codes(left + right)[0] == pytest.approx(2.7)


def test_body_on_every_second_plane_of_another_is_whole() -> None:
    left = squares(0, 3, 6, 9, 12, 15, 18)
    right = squares(0, 6, 12, 18, x=40)
    volume, codes = volume_and_codes(left + right)
    assert volume == pytest.approx(2.1 + 2.4)
    assert codes == set()


def test_branches_reach_the_plane_where_they_join() -> None:
    stem = [rectangle(0, 0, 30, 10, z) for z in (0.0, 3.0)]
    branches = squares(6, 9) + squares(6, 9, x=20)
    assert volume_and_codes(stem + branches)[0] == pytest.approx(1.8 + 1.2)


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


@given(st.lists(st.floats(0.1, 20), min_size=1, max_size=12))
def test_typical_spacing_is_a_gap_that_three_quarters_do_not_exceed(gaps: list[float]) -> None:
    found = typical_spacing_mm(np.array(gaps), None)
    assert found == np.quantile(gaps, 0.75, method="lower")


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
    assume(drawn.contours)
    areas = [signed_area_mm2(contour.points_mm[:, :2]) for contour in drawn.contours]
    moved = structure([contour.points_mm + shift for contour in drawn.contours])
    solid = solid_of(moved, lone_plane_mm=spacing)
    assert solid.volume_cc == pytest.approx(sum(areas) * spacing / 1000, rel=1e-9)


def test_centroid_of_a_sphere_is_its_centre() -> None:
    shift = np.array([30.0, -20.0, 10.0])
    rings = [contour.points_mm + shift for contour in sphere(12, 2).contours]
    np.testing.assert_allclose(solid_of(structure(rings)).centroid_mm, (30, -20, 10), atol=1e-9)

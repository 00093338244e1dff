"""Stars are told without a general test, and never wrongly; areas are those of the shoelace."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.geometry import planes
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import signed_area_mm2, stack_planes
from rtplan.geometry.rings import Rings, pairs_within, signed_areas
from tests.shapes import circle, rectangle, structure

coordinates = st.floats(-50, 50).map(lambda value: round(value, 1))
drawn = st.lists(
    st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=9), min_size=1, max_size=4
)


def rings_of(*points: FloatArray) -> Rings:
    sizes = np.array([len(ring) for ring in points])
    return Rings(np.concatenate(points), np.cumsum(sizes) - sizes)


@settings(deadline=None, max_examples=150)
@given(drawn)
def test_a_star_is_a_valid_polygon_and_areas_are_signed(
    rings: list[list[tuple[float, float]]],
) -> None:
    found = rings_of(*[np.array(ring) for ring in rings])
    areas, is_star = signed_areas(found)
    for number, ring in enumerate(rings):
        assert areas[number] == pytest.approx(signed_area_mm2(np.array(ring)), abs=1e-9)
        assert shapely.Polygon(ring).is_valid or not is_star[number]


@pytest.mark.parametrize("shift", [0.0, 500.0])
def test_outlines_of_organs_are_stars(shift: float) -> None:
    outline = circle(30, 0, points=400)[:, :2] * [1.0, 0.4] + shift
    _, is_star = signed_areas(rings_of(outline, outline[::-1]))
    assert is_star.all()


def test_a_ring_drawn_twice_round_is_no_star() -> None:
    once = circle(30, 0)[:, :2]
    assert not signed_areas(rings_of(np.concatenate([once, once])))[1].any()


def test_pairs_are_of_one_group_and_meet() -> None:
    bounds = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [9, 9, 10, 10], [1, 1, 2, 2]], dtype=float)
    groups = [np.array([0, 1, 2]), np.array([3])]
    assert pairs_within(groups, bounds).tolist() == [[0, 1]]


hole = st.builds(
    lambda radius, x, y, points: circle(radius, 0, points=points, centre=(x, y)),
    st.floats(0.5, 20),
    st.integers(-12, 12),
    st.integers(-12, 12),
    st.integers(4, 9),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(hole, min_size=1, max_size=5))
def test_planes_told_by_nesting_equal_those_of_the_general_way(rings: list[FloatArray]) -> None:
    quick = stack_planes(structure(rings))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planes, "_FEW", 0)
        slow = stack_planes(structure(rings))
    difference = shapely.symmetric_difference(
        quick.planes[0].polygon(), slow.planes[0].polygon(), grid_size=1e-9
    )
    assert difference.area == pytest.approx(0.0, abs=1e-6)
    assert quick.planes[0].area_mm2 == pytest.approx(slow.planes[0].area_mm2, rel=1e-9)
    assert [item.text for item in quick.findings] == [item.text for item in slow.findings]


def test_island_in_a_hole_comes_after_the_outer_ring_and_its_hole() -> None:
    rings = [rectangle(-r, -r, r, r) for r in (2.0, 10.0, 6.0)]
    areas = [signed_area_mm2(ring) for ring in stack_planes(structure(rings)).planes[0].rings]
    assert areas == [16.0, 400.0, -144.0]

"""Stars are told without a general test, and never wrongly; measures are those of each ring."""

from itertools import combinations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.geometry import planes
from rtplan.geometry.distance import length_mm
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import signed_area_mm2, stack_planes
from rtplan.geometry.rings import Rings, measured, pairs_within, signed_areas
from tests.oracles.sections import first_moment_mm3
from tests.shapes import circle, rectangle, structure

coordinates = st.floats(-50, 50).map(lambda value: round(value, 1))
drawn = st.lists(
    st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=9), min_size=1, max_size=4
)


@settings(deadline=None, max_examples=150)
@given(drawn)
def test_a_star_is_a_valid_polygon_and_areas_are_signed(
    rings: list[list[tuple[float, float]]],
) -> None:
    found = Rings.of([np.array(ring) for ring in rings])
    areas, is_star = signed_areas(found)
    for number, ring in enumerate(rings):
        assert areas[number] == pytest.approx(signed_area_mm2(np.array(ring)), abs=1e-9)
        assert shapely.Polygon(ring).is_valid or not is_star[number]


@pytest.mark.parametrize("shift", [0.0, 500.0])
def test_outlines_of_organs_are_stars(shift: float) -> None:
    outline = circle(30, 0, points=400)[:, :2] * [1.0, 0.4] + shift
    _, is_star = signed_areas(Rings.of([outline, outline[::-1]]))
    assert is_star.all()


def test_a_ring_drawn_twice_round_is_no_star() -> None:
    once = circle(30, 0)[:, :2]
    assert not signed_areas(Rings.of([np.concatenate([once, once])]))[1].any()


@settings(deadline=None, max_examples=60)
@given(drawn, st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)))
def test_measures_of_parts_are_those_of_their_rings(
    rings: list[list[tuple[float, float]]], shift: tuple[float, float]
) -> None:
    every = [np.array(ring) + shift for ring in rings]
    parts = [(every[0],), tuple(every)]
    for part, found in zip(parts, measured(parts), strict=True):
        assert found.rings is part
        assert found.area_mm2 == pytest.approx(sum(map(signed_area_mm2, part)), abs=1e-9)
        assert found.length_mm == pytest.approx(sum(map(length_mm, part)), rel=1e-12)
        moment = first_moment_mm3(part)
        np.testing.assert_allclose(found.moment_mm3, moment, rtol=1e-11, atol=1e-6)
        outer = part[0]
        assert found.bounds_mm == (*outer.min(axis=0), *outer.max(axis=0))


def test_nothing_has_no_measures() -> None:
    assert measured([]) == []


def test_polygons_are_what_rings_enclose() -> None:
    rings = [circle(3, 0)[:, :2], circle(2, 0)[::-1, :2], rectangle(0, 0, 4, 1)[:, :2]]
    found = Rings.of(rings).polygons()
    assert shapely.equals(found, [shapely.Polygon(ring) for ring in rings]).all()


boxes = st.lists(
    st.tuples(*[st.integers(-6, 6)] * 2, *[st.integers(0, 5)] * 2), min_size=1, max_size=8
)


@settings(deadline=None, max_examples=100)
@given(boxes, st.data())
def test_pairs_are_of_one_group_and_meet(
    boxes: list[tuple[int, int, int, int]], data: st.DataObject
) -> None:
    bounds = np.array([(u, v, u + width, v + height) for u, v, width, height in boxes], dtype=float)
    owner = data.draw(st.lists(st.integers(0, 2), min_size=len(boxes), max_size=len(boxes)))
    groups = [[i for i, its in enumerate(owner) if its == group] for group in range(3)]
    wanted = []
    for group in groups:
        for one, other in combinations(group, 2):
            apart = (bounds[one, :2] > bounds[other, 2:]) | (bounds[other, :2] > bounds[one, 2:])
            if not apart.any():
                wanted.append([one, other])
    assert pairs_within(groups, bounds).tolist() == wanted


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

"""Links: parts that pass into one another are those that face each other and are the nearest."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.links import link, parts_of
from rtplan.geometry.planes import stack_planes
from tests.shapes import circle, structure

SPACING = 3.0

disc = st.builds(
    lambda radius, x, plane: circle(radius, SPACING * plane, points=12, centre=(x, 0)),
    st.floats(1, 6),
    st.integers(-12, 12),
    st.integers(0, 5),
)
drawn = st.lists(disc, min_size=2, max_size=14)


@settings(deadline=None, max_examples=80)
@given(drawn)
def test_mutual_parts_are_each_other_s_nearest_that_they_face(rings: list[FloatArray]) -> None:
    parts = parts_of(stack_planes(structure(rings)))
    links = link(parts, SPACING)
    polygons, position = parts.polygons(), parts.position_mm
    wanted = [
        [low, high]
        for low in range(len(polygons))
        for high in range(len(polygons))
        if links.above[low] == links.below[high] == position[high] - position[low]
        and shapely.intersects(polygons[low], polygons[high])
    ]
    assert links.mutual.tolist() == wanted


@settings(deadline=None, max_examples=40)
@given(drawn)
def test_parts_are_outer_rings_with_their_holes(rings: list[FloatArray]) -> None:
    stack = stack_planes(structure(rings))
    parts = parts_of(stack)
    assert (np.diff(parts.plane) >= 0).all()
    assert (
        parts.first.tolist() == np.searchsorted(parts.plane, range(len(stack.planes) + 1)).tolist()
    )
    for part, polygon in zip(parts.parts, parts.polygons(), strict=True):
        assert polygon.is_valid
        assert np.isclose(polygon.area, part.area_mm2)
    areas = np.bincount(parts.plane, [part.area_mm2 for part in parts.parts])
    np.testing.assert_allclose(areas, [plane.polygon().area for plane in stack.planes])

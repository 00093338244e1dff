"""Rings on planes: every way of drawing the same area gives the same area."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.errors import GeometryError
from rtplan.geometry.contour import Contour, GeometricType, Structure
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import stack_planes
from tests.shapes import circle, rectangle, structure

XOR = GeometricType.CLOSEDPLANAR_XOR
POLYGON = 0.5 * 200 * np.sin(2 * np.pi / 200)  # area of the drawn unit circle


def area(*rings: FloatArray, kind: GeometricType = GeometricType.CLOSED_PLANAR) -> float:
    return stack_planes(structure(list(rings), kind)).planes[0].area_mm2


def codes(*rings: FloatArray) -> set[str]:
    return {item.code for item in stack_planes(structure(list(rings))).findings}


def keyhole(outer: FloatArray, inner: FloatArray) -> FloatArray:
    return np.concatenate([outer, outer[:1], inner[:1], inner[:0:-1], inner[:1]])


def test_hole_is_subtracted() -> None:
    assert area(circle(10, 0), circle(5, 0)) == pytest.approx(POLYGON * 75, rel=1e-12)


def test_island_in_a_hole_is_added_at_any_depth() -> None:
    rings = [circle(r, 0) for r in (10.0, 8.0, 5.0, 2.0)]
    expected = POLYGON * (100 - 64 + 25 - 4)
    assert area(*rings) == pytest.approx(expected, rel=1e-12)


def test_keyhole_xor_and_nested_rings_enclose_the_same() -> None:
    outer, inner = circle(10, 0), circle(5, 0)
    nested = area(outer, inner)
    assert area(keyhole(outer, inner)) == pytest.approx(nested, rel=1e-12)
    assert area(outer, inner, kind=XOR) == pytest.approx(nested, rel=1e-12)


def test_xor_of_overlapping_rings_leaves_the_overlap_out() -> None:
    rings = [rectangle(0, 0, 4, 4), rectangle(2, 0, 6, 4)]
    assert area(*rings, kind=XOR) == pytest.approx(16.0)


def test_partly_overlapping_rings_are_joined_with_a_finding() -> None:
    rings = [rectangle(0, 0, 4, 4), rectangle(2, 0, 6, 4)]
    assert area(*rings) == pytest.approx(24.0)
    assert codes(*rings) == {"GEO001"}


def test_hole_in_joined_rings_is_still_subtracted() -> None:
    rings = [rectangle(0, 0, 4, 4), rectangle(3, 0, 9, 4), rectangle(5, 1, 7, 3)]
    assert area(*rings) == pytest.approx(36 - 4)


def test_ring_stored_twice_counts_once() -> None:
    ring = circle(10, 0)
    assert area(ring, ring[::-1]) == pytest.approx(POLYGON * 100)
    assert codes(ring, np.roll(ring, 5, axis=0)) == {"GEO003"}


@pytest.mark.parametrize("inset", [0.0005, 0.01, 0.05])
def test_nearly_the_same_ring_is_no_hole(inset: float) -> None:
    inner = rectangle(inset, inset, 20 - inset, 20 - inset)
    assert area(rectangle(0, 0, 20, 20), inner) == pytest.approx(400.0)
    assert codes(rectangle(0, 0, 20, 20), inner) == {"GEO011"}


def test_a_thin_wall_is_still_a_wall() -> None:
    assert area(rectangle(0, 0, 20, 20), rectangle(0.5, 0.5, 19.5, 19.5)) == pytest.approx(39.0)


@pytest.mark.parametrize("seed", range(20))
def test_points_on_a_line_enclose_nothing_however_they_are_rounded(seed: int) -> None:
    random = np.random.default_rng(seed)
    along = random.uniform(-5, 5, 5)[:, None] * random.normal(size=2)
    line = np.column_stack([random.uniform(-300, 300, 2) + along, np.full(5, 3.0)])
    with pytest.raises(GeometryError, match="enclose no area"):
        stack_planes(structure([line]))
    stack = stack_planes(structure([rectangle(0, 0, 4, 4), line]))
    assert [plane.position_mm for plane in stack.planes] == [0.0]
    assert {item.code for item in stack.findings} == {"GEO004"}


def test_holes_are_told() -> None:
    assert codes(circle(10, 0), circle(5, 0)) == {"GEO010"}


def test_coordinates_out_of_this_world_are_refused() -> None:
    far = rectangle(0, 0, 10, 10) + np.array([1e200, 0, 0])
    with pytest.raises(GeometryError, match="a place in a patient"):
        stack_planes(structure([far]))


def test_many_rings_on_a_plane_are_quick() -> None:
    rings = [rectangle(x, y, x + 1, y + 1) for x in range(0, 90, 2) for y in range(0, 90, 2)]
    assert area(*rings) == pytest.approx(len(rings))


def test_copies_and_nearly_the_same_are_counted_apart() -> None:
    ring, near = circle(10, 0), circle(10.01, 0)
    found = stack_planes(structure([ring, near, np.roll(near, 3, axis=0)])).findings
    assert [(item.code, item.text.split(": ")[1].split()[0]) for item in found] == [
        ("GEO003", "1"),
        ("GEO011", "1"),
    ]


def test_ring_stored_a_thousand_times_is_quick() -> None:
    assert area(*[circle(10, 0)] * 1000) == pytest.approx(POLYGON * 100)
    assert area(*[circle(10, 0)] * 1001, kind=XOR) == pytest.approx(POLYGON * 100)


@pytest.mark.parametrize(
    ("count", "what"), [(110, "nearly alike"), (460, "pairs of contours of one plane overlap")]
)
def test_more_rings_than_can_be_compared_are_refused(count: int, what: str) -> None:
    rings = [rectangle(0, 0, 10 + 1e-4 * k, 10) for k in range(count)]
    with pytest.raises(GeometryError, match=what):
        stack_planes(structure(rings))


def test_rings_that_leave_nothing_by_exclusive_or_are_told() -> None:
    pair = [circle(10, 0), circle(10, 0)]
    with pytest.raises(GeometryError, match="enclose no area"):
        stack_planes(structure(pair, XOR))
    stack = stack_planes(structure([*pair, circle(10, 3)], XOR))
    assert [plane.position_mm for plane in stack.planes] == [3.0]
    assert [item.code for item in stack.findings] == ["GEO004"]
    text = stack.findings[0].text
    assert "2 contours cancel each other by exclusive or on the plane at 0.0 mm" in text
    assert "(numbers 0, 1; the first is 0)" in text


def test_contours_without_area_are_named_with_their_plane() -> None:
    line = np.array([[0, 0, 3], [5, 0, 3], [9, 0, 3]], dtype=float)
    texts = [f.text for f in stack_planes(structure([circle(10, 0), line])).findings]
    assert texts == [
        "'GTV_1': 1 closed contour encloses no area (number 1 at 3.0 mm; the first is 0)"
    ]
    many = stack_planes(structure([*[line] * 5, circle(10, 0)])).findings
    assert "5 closed contours enclose no area (numbers 0 at 3.0 mm, 1 at" in many[0].text
    assert many[0].text.endswith("2 at 3.0 mm and 2 more; the first is 0)")


def test_one_and_several_are_told_apart_in_words() -> None:
    one = stack_planes(structure([circle(10, 0), circle(5, 0)])).findings[0].text
    assert "1 contour lies inside another; taken as a hole" in one
    rings = [circle(10, 0), circle(5, 0), circle(10, 3), circle(5, 3)]
    several = stack_planes(structure(rings)).findings[0].text
    assert "2 contours lie inside others; taken as holes" in several


def test_touching_rings_are_two_bodies() -> None:
    assert area(rectangle(0, 0, 2, 2), rectangle(2, 0, 4, 2)) == pytest.approx(8.0)


def test_ring_that_crosses_itself_is_filled_with_a_finding() -> None:
    bow = np.array([[0, 0, 0], [2, 2, 0], [2, 0, 0], [0, 2, 0]], dtype=float)
    assert area(bow) == pytest.approx(2.0)
    assert codes(bow) == {"GEO002"}


@settings(deadline=None, max_examples=40)
@given(
    start=st.integers(0, 199),
    reverse=st.booleans(),
    order=st.permutations([0, 1, 2]),
    shift=st.tuples(*[st.floats(-500, 500)] * 3),
    axes=st.permutations([0, 1, 2]),
)
def test_area_does_not_depend_on_how_it_was_drawn(
    start: int, reverse: bool, order: list[int], shift: tuple[float, ...], axes: list[int]
) -> None:
    rings = [circle(10, 0), circle(5, 0), circle(1, 0, centre=(30.0, 0.0))]
    drawn = [np.roll(ring, start, axis=0)[:: -1 if reverse else 1] for ring in rings]
    moved = [(drawn[number] + shift)[:, axes] for number in order]
    assert area(*moved) == pytest.approx(POLYGON * (100 - 25 + 1), rel=1e-9)


def test_oblique_planes_are_found() -> None:
    turn = np.linalg.qr(np.array([[1.0, 0.2, 0.1], [0.3, 1, 0.4], [-0.2, 0.1, 1]]))[0]
    rings = [circle(10, z) @ turn.T for z in (0.0, 3.0, 6.0)]
    stack = stack_planes(structure(rings))
    np.testing.assert_allclose(stack.gaps_mm, [3.0, 3.0], atol=1e-9)
    for plane in stack.planes:
        assert plane.area_mm2 == pytest.approx(POLYGON * 100)
        back = stack.to_patient(plane.rings[0], plane.position_mm)
        assert np.linalg.norm(back - np.concatenate(rings)[:, None], axis=2).min() < 1e-9


def test_axes_are_a_right_handed_frame() -> None:
    for axes in ([0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1]):
        stack = stack_planes(structure([circle(10, 0)[:, axes]]))
        assert np.linalg.det(stack.axes) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("contours", "reason"),
    [
        ((), "no contours"),
        ((Contour(np.zeros((1, 3)), GeometricType.POINT),), "POINT enclose nothing"),
        ((Contour(np.eye(3), GeometricType.OPEN_PLANAR),), "OPEN_PLANAR enclose nothing"),
        ((Contour(np.zeros((2, 3))),), "fewer than 3 points"),
        ((Contour(np.zeros((4, 3))),), "no area"),
    ],
)
def test_what_encloses_nothing_says_so(contours: tuple[Contour, ...], reason: str) -> None:
    with pytest.raises(GeometryError, match=reason):
        stack_planes(Structure(1, "GTV_1", contours=contours))


def test_contours_on_planes_that_are_not_parallel_are_refused() -> None:
    rings = [circle(10, 0), circle(10, 0)[:, [2, 0, 1]]]
    with pytest.raises(GeometryError, match="not on parallel planes"):
        stack_planes(structure(rings))

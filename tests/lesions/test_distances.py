"""Distances from surface to surface against closed forms and a slow twin."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.errors import InputError
from rtplan.geometry.contour import Contour, StructureSet
from rtplan.geometry.planes import stack_planes
from rtplan.lesions.bodies import Body, bodies_of
from rtplan.lesions.distances import surface_distance_mm, with_distances, with_neighbours
from rtplan.lesions.files import as_json, from_json
from rtplan.lesions.model import Category, Lesion, LesionCount, LesionReading, Organ
from tests.lesions.drawing import (
    Point,
    box,
    contour,
    ellipsoid,
    gtv,
    ring,
    sphere,
    structure,
    structures,
)
from tests.oracles import extents


def bodies(contours: list[Contour], *, step: float = 3.0) -> tuple[Body, ...]:
    return bodies_of(stack_planes(gtv("GTV", contours)), usual_mm=step)


def lesion(number: int) -> Lesion:
    return Lesion(f"L{number}", Category.ORGAN_METASTASIS, Organ.LIVER)


def test_spheres_side_by_side_are_apart_by_their_surfaces() -> None:
    first, second = sphere((0, 0, 0), 10, n=720), sphere((50, 0, 0), 8, n=720)
    assert surface_distance_mm(bodies(first), bodies(second)) == pytest.approx(32, abs=1e-6)


def test_spheres_at_an_angle_are_apart_within_half_a_plane_each() -> None:
    at = (30.0, 0.0, 40.0)
    first = bodies(sphere((0, 0, 0), 10, step=0.5, n=360), step=0.5)
    second = bodies(sphere(at, 8, step=0.5, n=360), step=0.5)
    assert surface_distance_mm(first, second) == pytest.approx(32, abs=0.5)


def test_boxes_are_apart_along_the_diagonal() -> None:
    first, second = box((0, 0, 0), (10, 10, 9)), box((13, 14, 24), (20, 20, 30))
    # Half-slice prisms: from -1.5 to 10.5, and from 22.5 to 31.5.
    expected = np.sqrt(3**2 + 4**2 + 12**2)
    assert surface_distance_mm(bodies(first), bodies(second)) == pytest.approx(expected)


def test_what_touches_overlaps_or_lies_inside_is_not_apart() -> None:
    whole = bodies(box((0, 0, 0), (30, 30, 30)))
    for other in (
        box((30, 0, 0), (40, 30, 30)),
        box((25, 25, 25), (50, 50, 50)),
        sphere((15, 15, 15), 5),
    ):
        assert surface_distance_mm(whole, bodies(other)) == 0


def test_a_lesion_in_a_hole_is_apart_from_what_surrounds_it() -> None:
    shell = [contour(ring((0, 0), (r, r), 360), z) for r in (20.0, 15.0) for z in (-3.0, 0, 3)]
    inner = [contour(ring((0, 0), (5, 5), 360), z) for z in (-3.0, 0.0, 3.0)]
    assert surface_distance_mm(bodies(shell), bodies(inner)) == pytest.approx(10, rel=1e-3)


def test_planes_of_another_direction_are_not_compared() -> None:
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    turned = [Contour(c.points_mm @ turn.T) for c in box((50, 0, 0), (60, 10, 9))]
    assert surface_distance_mm(bodies(box((0, 0, 0), (10, 10, 9))), bodies(turned)) is None


POINT = st.tuples(*[st.floats(-40, 40)] * 3)
RADII = st.tuples(*[st.floats(4, 30)] * 3)


@settings(deadline=None, max_examples=40)
@given(POINT, RADII, POINT, RADII)
def test_the_distance_is_the_shortest_of_all_pairs(
    at: Point, radii: Point, other: Point, others: Point
) -> None:
    first = bodies(ellipsoid(at, radii, n=24))
    second = bodies(ellipsoid(other, others, n=24))
    slow = extents.surface_distance_mm(first, second)
    assert surface_distance_mm(first, second) == pytest.approx(slow, abs=1e-6)
    assert surface_distance_mm(second, first) == pytest.approx(slow, abs=1e-6)


def row(*places: float) -> list[tuple[Body, ...]]:
    """Spheres of 5 mm radius along x."""
    return [bodies(sphere((x, 0, 0), 5, n=720)) for x in places]


def names(lesions: Sequence[Lesion]) -> list[list[str]]:
    return [[name for name, _ in item.neighbours or ()] for item in lesions]


def test_neighbours_are_the_nearest_and_all_within_five_centimetres() -> None:
    found = with_neighbours([lesion(n) for n in (1, 2, 3, 4)], row(0, 40, 99.9, 260))
    assert names(found) == [["L2"], ["L1", "L3"], ["L2"], ["L3"]]
    gaps = [[mm for _, mm in item.neighbours or ()] for item in found]
    expected = [[30.0], [30.0, 49.9], [49.9], [150.1]]
    for gap, value in zip(gaps, expected, strict=True):
        assert gap == pytest.approx(value, abs=1e-3)


def test_beyond_five_centimetres_only_the_nearest_is_a_neighbour() -> None:
    found = with_neighbours([lesion(n) for n in (1, 2, 3)], row(0, 60.1, 130))
    assert names(found) == [["L2"], ["L1"], ["L2"]]


def test_lesions_in_different_frames_of_reference_are_no_neighbours() -> None:
    frames = ["1.2", "1.3", None]
    found = with_neighbours([lesion(n) for n in (1, 2, 3)], row(0, 20, 40), frames=frames)
    assert names(found) == [["L3"], ["L3"], ["L2", "L1"]]


def test_a_lone_lesion_has_no_neighbour() -> None:
    assert with_neighbours([lesion(1)], row(0))[0].neighbours == ()


def test_a_lesion_that_no_other_can_be_compared_with_has_neighbours_not_known() -> None:
    found = with_neighbours([lesion(1), lesion(2)], row(0, 20), frames=["1.2", "1.3"])
    assert [item.neighbours for item in found] == [None, None]


def organs() -> StructureSet:
    return structures(
        structure("Liver", sphere((20, 0, 0), 5, n=720)),
        structure("Empty"),
        structure("SpinalCord", sphere((0, 0, 0), 5)),
        replace(structure("Heart", sphere((20, 0, 0), 5)), frame_of_reference_uid="1.3"),
    )


def test_distances_to_organs_are_by_name_in_the_order_asked() -> None:
    drawn = organs()
    (found,) = with_distances([lesion(1)], row(0), drawn, drawn.structures, frames=["1.2"])
    assert [name for name, _ in found.distances_mm] == ["Liver", "Empty", "SpinalCord", "Heart"]
    liver, empty, cord, heart = (mm for _, mm in found.distances_mm)
    assert liver == pytest.approx(10, abs=1e-3)
    assert cord == 0
    assert (empty, heart) == (None, None)


def placed() -> LesionReading:
    lesions = with_neighbours([lesion(1), lesion(2)], row(0, 60.1))
    drawn = organs()
    asked = with_distances(lesions, row(0, 60.1), drawn, drawn.structures[:2])
    return LesionReading(LesionCount(2, 2, 2), asked)


def test_places_are_written_and_read_back() -> None:
    body = as_json(placed())
    first = body["lesions"][0]  # type: ignore[index]
    assert first["neighbours"] == [{"id": "L2", "distance_mm": 50.1, "within_5_cm": False}]
    assert first["distances_mm"] == {"Liver": 10.0, "Empty": None}
    back = from_json(body | {"schema": "rtplan/lesions/1"}, "f")
    assert as_json(back)["lesions"] == body["lesions"]


def test_a_lesion_taken_out_of_the_file_is_no_neighbour() -> None:
    near = with_neighbours([lesion(1), lesion(2), lesion(3)], row(0, 10, 30))
    items = as_json(LesionReading(LesionCount(3, 3, 3), near))["lesions"]
    assert isinstance(items, list)

    def ids(kept: list[object]) -> list[list[str] | None]:
        found = from_json({"schema": "rtplan/lesions/1", "lesions": kept}, "f").lesions
        near = [lesion.neighbours for lesion in found]
        return [None if pairs is None else [name for name, _ in pairs] for pairs in near]

    assert ids(items) == [["L2", "L3"], ["L1", "L3"], ["L2", "L1"]]
    assert ids([items[0], items[2]]) == [["L3"], ["L1"]]
    assert ids(items[:1]) == [None]


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("bounds_mm", [[1, 2, 3]], r"expected \[\[x, y, z\], \[x, y, z\]\]"),
        ("bounds_mm", [[1, 2, 3], [1, 2, "a"]], "expected a number"),
        ("neighbours", {}, "expected a list"),
        ("neighbours", [3], "expected an object"),
        ("neighbours", [{"id": 3}], "expected a text"),
        ("neighbours", [{"id": "L2", "distance_mm": -1}], "0 or more"),
        ("distances_mm", [1], "expected an object"),
        ("distances_mm", {"Heart": True}, "expected a number"),
    ],
)
def test_a_wrong_place_is_named(key: str, value: object, text: str) -> None:
    item = {"id": "L1", "category": "organ_metastasis", "organ": "liver", key: value}
    with pytest.raises(InputError, match=rf"lesions\[0\]\.{key}.*{text}"):
        from_json({"schema": "rtplan/lesions/1", "lesions": [item]}, "f")

"""Bodies of a structure."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from rtplan.geometry.contour import Contour
from rtplan.geometry.planes import stack_planes
from rtplan.lesions.bodies import Body, bodies_of
from tests.lesions.drawing import box, contour, gtv, outlines_of, ring, sphere


def bodies(*parts: list[Contour], usual: float | None = None) -> tuple[Body, ...]:
    return bodies_of(stack_planes(gtv("GTV", *parts)), usual_mm=usual)


def test_separate_spheres_are_separate_bodies() -> None:
    assert len(bodies(sphere((0, 0, 0), 9), sphere((40, 0, 0), 9), sphere((0, 0, 60), 9))) == 3


def test_body_volume_is_that_of_its_prisms() -> None:
    (body,) = bodies(box((0, 0, 0), (10, 20, 30)))
    assert body.volume_cc == pytest.approx(10 * 20 * 33 / 1000)
    assert body.centroid_mm == pytest.approx([5, 10, 15])


def test_body_is_the_same_whether_others_share_its_structure() -> None:
    (alone,) = bodies(sphere((0, 0, 0), 9))
    together = bodies(sphere((0, 0, 0), 9), sphere((40, 0, 6), 9))
    assert together[0].volume_mm3 == pytest.approx(alone.volume_mm3)


def test_branches_are_one_body() -> None:
    stem = box((0, 0, 0), (30, 10, 9))
    left, right = box((0, 0, 12), (8, 10, 30)), box((22, 0, 12), (30, 10, 30))
    assert len(bodies(stem, left, right)) == 1


def test_rings_that_only_touch_at_an_edge_do_not_join_planes() -> None:
    square = np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]])
    assert len(bodies([contour(square, 0.0), contour(square + np.array([10, 0]), 3.0)])) == 2


def test_body_inside_the_hole_of_another_is_its_own() -> None:
    outer = [contour(ring((0, 0), (30, 30)), z) for z in (0.0, 3.0, 6.0)]
    hole = [contour(ring((0, 0), (20, 20)), z) for z in (0.0, 3.0, 6.0)]
    island = [contour(ring((0, 0), (5, 5)), z) for z in (0.0, 3.0, 6.0)]
    found = bodies(outer, hole, island)
    assert len(found) == 2
    assert sum(b.volume_mm3 for b in found) == pytest.approx(np.pi * (900 - 400 + 25) * 9, rel=0.01)


def test_one_skipped_plane_is_bridged_and_said() -> None:
    (body,) = bodies(sphere((0, 0, 0), 12, skip=[3]))
    assert body.bridged_mm == (3.0,)
    assert body.doubtful_bridges == 0


def test_two_skipped_planes_part_bodies() -> None:
    assert len(bodies(sphere((0, 0, 0), 15, skip=[0, 3]))) == 2


def test_bridge_between_closed_ends_is_doubtful() -> None:
    # Two spheres one above the other, each closing towards the empty plane between them.
    (body,) = bodies(sphere((0, 0, -10.5), 10), sphere((0, 0, 10.5), 10))
    assert body.doubtful_bridges == 1


def test_plane_drawn_on_every_other_slice_is_no_gap() -> None:
    (body,) = bodies(sphere((0, 0, 0), 20, step=6.0), usual=3.0)
    assert body.bridged_mm == ()


def test_single_plane_and_sliver_are_kept_and_told() -> None:
    disc, strip = bodies(
        [contour(ring((0, 0), (4, 4)), 0.0)], box((50, 0, 0), (50.8, 20, 9)), usual=3.0
    )
    assert disc.is_one_plane
    assert not disc.is_sliver
    assert strip.is_sliver
    assert not strip.is_one_plane


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=12, unique=True))
def test_bodies_equal_connected_components_of_a_raster(cells: list[tuple[int, int, int]]) -> None:
    import shapely

    raster = np.zeros((6, 6, 6), dtype=bool)
    for i, j, k in cells:
        raster[i, j, k] = True
    _, wanted = ndimage.label(raster)
    drawn = []
    for k in {k for *_, k in cells}:
        squares = [
            shapely.box(10 * i, 10 * j, 10 * i + 10, 10 * j + 10) for i, j, at in cells if at == k
        ]
        for part in shapely.get_parts(shapely.union_all(squares)):
            for line in (part.exterior, *part.interiors):
                drawn.append(contour(np.asarray(line.coords)[:-1, :2].copy(), 10.0 * k))
    found = bodies_of(stack_planes(gtv("GTV", drawn)), usual_mm=10.0)
    # A bridge over an empty layer joins what the raster keeps apart.
    joined = sum(len(body.bridged_mm) for body in found)
    assert len(found) <= wanted
    if not joined:
        assert len(found) == wanted


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=40, unique=True))
def test_bodies_of_a_segment_are_its_connected_components(
    voxels: list[tuple[int, int, int]],
) -> None:
    raster = np.zeros((5, 5, 5), dtype=bool)
    raster[tuple(np.array(voxels).T)] = True
    label, wanted = ndimage.label(raster)  # voxels that share a face
    segment = gtv("GTV", outlines_of(np.array(voxels), 2.0))
    found = bodies_of(stack_planes(segment), slab_mm=2.0)
    assert len(found) == wanted
    volumes = np.bincount(label[raster])[1:] * 8.0
    assert sorted(b.volume_mm3 for b in found) == pytest.approx(sorted(volumes))


def test_voxels_that_meet_at_an_edge_or_a_corner_are_two_bodies_of_a_segment() -> None:
    for other in ((1, 1, 0), (1, 0, 1), (1, 1, 1)):
        segment = gtv("GTV", outlines_of(np.array([(0, 0, 0), other]), 2.0))
        assert len(bodies_of(stack_planes(segment), slab_mm=2.0)) == 2


def test_empty_layer_of_a_segment_is_no_skipped_plane() -> None:
    segment = gtv("GTV", outlines_of(np.array([(0, 0, 0), (0, 0, 2)]), 2.0))
    assert len(bodies_of(stack_planes(segment), slab_mm=2.0)) == 2

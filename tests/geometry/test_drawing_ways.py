"""One body, drawn in many ways, is one body: whatever the order, start and direction of its rings.

All for polygon prisms and for shape interpolation with rounded ends; area by shapely.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from rtplan.geometry.contour import GeometricType, Structure
from rtplan.geometry.convention import EndCap, Interpolation
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.solid import Solid, solid_of
from tests.shapes import circle, redrawn, star, structure

EXACT = 1e-9
RADII = st.lists(st.floats(0.5, 1.0), min_size=5, max_size=20)
"""Of a star: it holds a smaller one of the same radii, whatever they are."""
SEEDS = st.integers(0, 2**32 - 1)
SPACING = 2.5

few = settings(deadline=None, max_examples=25)
many = settings(deadline=None, max_examples=60)


def prisms(drawn: Structure) -> Solid:
    return solid_of(
        drawn, interpolation=Interpolation.RIGHT_PRISM, end_cap=EndCap.HALF_SLICE, lone_plane_mm=3.0
    )


def shaped(drawn: Structure) -> Solid:
    return solid_of(
        drawn, interpolation=Interpolation.SHAPE_BASED, end_cap=EndCap.ROUNDED, lone_plane_mm=3.0
    )


Drawn = Callable[[Structure], Solid]
EITHER = pytest.mark.parametrize("solid", [prisms, shaped])


def codes(solid: Solid) -> set[str]:
    return {item.code for item in solid.findings}


def planes_of(radii: Sequence[float], sizes: Sequence[float]) -> list[FloatArray]:
    """A body of stars of some sizes, each with a hole."""
    rings = []
    for number, size in enumerate(sizes):
        rings.append(star(radii, SPACING * number, size=size))
        rings.append(star(radii, SPACING * number, size=0.4 * size))
    return rings


def on_two_planes(layer: Sequence[FloatArray]) -> list[FloatArray]:
    """Rings at z = 0 again 3 mm above: a body 6 mm thick."""
    return [ring + np.array([0.0, 0.0, z]) for z in (0.0, 3.0) for ring in layer]


SIZES = st.lists(st.floats(5, 12), min_size=2, max_size=6)


@EITHER
@few
@given(radii=RADII, sizes=SIZES, seed=SEEDS)
def test_direction_start_order_and_closing_point_do_not_matter(
    solid: Drawn, radii: list[float], sizes: list[float], seed: int
) -> None:
    rings = planes_of(radii, sizes)
    drawn, again = solid(structure(rings)), solid(structure(redrawn(rings, seed)))
    assert again.volume_cc == pytest.approx(drawn.volume_cc, rel=EXACT)
    np.testing.assert_allclose(again.centroid_mm, drawn.centroid_mm, atol=1e-3)
    assert codes(again) == codes(drawn)


@EITHER
@few
@given(
    radii=RADII, sizes=SIZES, shift=st.tuples(*[st.floats(-500, 500)] * 3), seed=st.integers(0, 47)
)
def test_place_and_order_and_direction_of_axes_do_not_matter(
    solid: Drawn, radii: list[float], sizes: list[float], shift: tuple[float, ...], seed: int
) -> None:
    order = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)][seed // 8]
    turn = np.eye(3)[list(order)] * (1 - 2 * np.array([seed & 1, seed >> 1 & 1, seed >> 2 & 1]))
    rings = planes_of(radii, sizes)
    drawn = solid(structure(rings))
    again = solid(structure([ring @ turn.T + shift for ring in rings]))
    assert again.volume_cc == pytest.approx(drawn.volume_cc, rel=EXACT)
    np.testing.assert_allclose(again.centroid_mm, turn @ drawn.centroid_mm + shift, atol=1e-3)


@EITHER
@few
@given(radii=RADII, sizes=SIZES, every=st.integers(1, 4))
def test_points_repeated_or_put_between_others_do_not_matter(
    solid: Drawn, radii: list[float], sizes: list[float], every: int
) -> None:
    rings = planes_of(radii, sizes)
    twice = [np.repeat(ring, 1 + (np.arange(len(ring)) % every == 0), axis=0) for ring in rings]
    drawn = solid(structure(rings))
    assert solid(structure(twice)).volume_cc == pytest.approx(drawn.volume_cc, rel=EXACT)
    finer = [
        np.stack([ring, (ring + np.roll(ring, -1, axis=0)) / 2], axis=1).reshape(-1, 3)
        for ring in rings
    ]
    assert solid(structure(finer)).volume_cc == pytest.approx(drawn.volume_cc, rel=1e-8)


@many
@given(
    nests=st.lists(st.tuples(RADII, st.integers(1, 6)), min_size=1, max_size=3),
    size=st.floats(15, 60),
    kind=st.sampled_from([GeometricType.CLOSED_PLANAR, GeometricType.CLOSEDPLANAR_XOR]),
    seed=SEEDS,
)
def test_rings_nested_to_any_depth_enclose_by_parity(
    nests: list[tuple[list[float], int]], size: float, kind: GeometricType, seed: int
) -> None:
    """Islands in holes in islands; several nests side by side."""
    layer = [
        star(radii, size=size * 0.6**level, centre=(2.5 * size * number, 0.0))
        for number, (radii, depth) in enumerate(nests)
        for level in range(depth)
    ]
    rings = on_two_planes(layer)
    drawn = structure(redrawn(rings, seed), kind)
    odd: BaseGeometry = shapely.MultiPolygon()
    for ring in layer:
        odd = odd.symmetric_difference(shapely.Polygon(ring))
    assert prisms(drawn).volume_cc == pytest.approx(odd.area * 6 / 1000, rel=EXACT)


def test_nest_deeper_than_anyone_draws() -> None:
    rings = [circle(60.0 - radius, 3.0 * z) for radius in range(50) for z in range(2)]
    areas = [shapely.Polygon(circle(60.0 - radius, 0)).area for radius in range(50)]
    expected = sum(areas[::2]) - sum(areas[1::2])
    assert prisms(structure(rings)).volume_cc == pytest.approx(expected * 6 / 1000, rel=EXACT)


CENTRES = st.tuples(st.floats(-10, 10), st.floats(-10, 10))
LAYERS = st.lists(st.tuples(RADII, st.floats(4, 12), CENTRES), min_size=2, max_size=5)


@many
@given(layer=LAYERS, seed=SEEDS)
def test_rings_anywhere_enclose_at_most_their_sum_and_no_more_than_their_union(
    layer: list[tuple[list[float], float, tuple[float, float]]], seed: int
) -> None:
    rings = [star(radii, size=size, centre=centre) for radii, size, centre in layer]
    both = on_two_planes(rings)
    polygons = [shapely.Polygon(ring) for ring in rings]
    volume = prisms(structure(redrawn(both, seed))).volume_cc
    assert volume <= sum(polygon.area for polygon in polygons) * 6 / 1000 * (1 + EXACT)
    assert volume <= shapely.union_all(polygons).area * 6 / 1000 * (1 + EXACT)


@many
@given(layer=LAYERS, seed=SEEDS)
def test_rings_that_overlap_in_part_are_their_union_and_say_so(
    layer: list[tuple[list[float], float, tuple[float, float]]], seed: int
) -> None:
    rings = [star(radii, size=size, centre=centre) for radii, size, centre in layer]
    polygons = [shapely.Polygon(ring) for ring in rings]
    pairs = [(a, b) for index, a in enumerate(polygons) for b in polygons[:index]]
    assume(any(a.overlaps(b) for a, b in pairs))
    assume(not any(a.covers(b) or b.covers(a) for a, b in pairs))
    # What two rings share or do not share is more than the tremor of a hand.
    assume(
        min(a.symmetric_difference(b).area for a, b in pairs)
        > 0.2 * max(a.length for a, _ in pairs)
    )
    both = on_two_planes(rings)
    found = prisms(structure(redrawn(both, seed)))
    expected = shapely.union_all(polygons).area
    assert found.volume_cc == pytest.approx(expected * 6 / 1000, rel=EXACT)
    assert codes(found) == {"GEO001"}


@many
@given(
    radii=RADII,
    other=RADII,
    size=st.floats(5, 12),
    centre=CENTRES,
    hole=st.floats(0.2, 0.8),
    seed=SEEDS,
)
def test_hole_stays_a_hole_beside_rings_that_overlap(
    radii: list[float],
    other: list[float],
    size: float,
    centre: tuple[float, float],
    hole: float,
    seed: int,
) -> None:
    """Within one large ring: a pair of rings that overlap, as one hole of any shape."""
    outer = circle(60.0, 0.0)
    pair = [star(radii, size=size), star(other, size=size, centre=centre)]
    island = star(radii, size=0.3 * hole * size)
    first, second = (shapely.Polygon(ring) for ring in pair)
    assume(first.overlaps(second) and first.symmetric_difference(second).area > 0.2 * first.length)
    assume(not shapely.Polygon(island).overlaps(second))
    layer = [outer, *pair, island]
    rings = on_two_planes(layer)
    found = prisms(structure(redrawn(rings, seed)))
    expected = shapely.Polygon(outer).area - first.union(second).area + shapely.Polygon(island).area
    assert found.volume_cc == pytest.approx(expected * 6 / 1000, rel=EXACT)
    assert "GEO001" in codes(found)


@few
@given(radii=RADII, sizes=SIZES, seed=SEEDS)
def test_hole_drawn_as_keyhole_nest_or_xor_is_the_same(
    radii: list[float], sizes: list[float], seed: int
) -> None:
    rings = planes_of(radii, sizes)
    keyholes = [
        np.concatenate([outer, outer[:1], inner[:1], inner[:0:-1], inner[:1]])
        for outer, inner in zip(rings[::2], rings[1::2], strict=True)
    ]
    nested = prisms(structure(rings)).volume_cc
    assert prisms(structure(keyholes)).volume_cc == pytest.approx(nested, rel=EXACT)
    xor = structure(redrawn(rings, seed), GeometricType.CLOSEDPLANAR_XOR)
    assert prisms(xor).volume_cc == pytest.approx(nested, rel=EXACT)


@few
@given(radii=RADII, sizes=SIZES, seed=SEEDS)
def test_ring_stored_twice_counts_once(radii: list[float], sizes: list[float], seed: int) -> None:
    rings = planes_of(radii, sizes)
    again = redrawn(rings, seed)[: 1 + seed % len(rings)]
    found = prisms(structure([*rings, *again]))
    assert found.volume_cc == pytest.approx(prisms(structure(rings)).volume_cc, rel=EXACT)
    assert "GEO003" in codes(found)


@few
@given(
    radii=RADII,
    sizes=SIZES,
    gaps=st.lists(st.floats(2.0, 2.8), min_size=6, max_size=6),
    seed=SEEDS,
)
def test_prisms_are_the_areas_times_half_the_distances(
    radii: list[float], sizes: list[float], gaps: list[float], seed: int
) -> None:
    """Each plane reaches halfway to the next; the last ones as far outwards as inwards."""
    heights = np.cumsum(gaps[: len(sizes)])
    rings = [
        star(radii, z, size=size * part)
        for z, size in zip(heights.tolist(), sizes, strict=True)
        for part in (1.0, 0.4)
    ]
    middle = (heights[1:] + heights[:-1]) / 2
    faces = np.concatenate([[2 * heights[0] - middle[0]], middle, [2 * heights[-1] - middle[-1]]])
    polygons = [
        shapely.Polygon(outer).difference(shapely.Polygon(inner))
        for outer, inner in zip(rings[::2], rings[1::2], strict=True)
    ]
    expected = np.diff(faces) @ [polygon.area for polygon in polygons]
    assert prisms(structure(redrawn(rings, seed))).volume_cc == pytest.approx(
        expected / 1000, rel=EXACT
    )

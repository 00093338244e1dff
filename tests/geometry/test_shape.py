"""Shape interpolation and end caps against solids of known volume and against themselves."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.errors import GeometryError
from rtplan.geometry.contour import Structure
from rtplan.geometry.convention import CAPPED_MM, EndCap, Interpolation
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import signed_area_mm2
from rtplan.geometry.solid import Solid, solid_of
from tests.shapes import circle, rectangle, structure

SHAPE, PRISM = Interpolation.SHAPE_BASED, Interpolation.RIGHT_PRISM
PHASES = (0.02, 0.2, 0.35, 0.5, 0.8)


def shaped(rings: list[FloatArray], cap: EndCap = EndCap.ROUNDED) -> Solid:
    return solid_of(structure(rings), lone_plane_mm=3.0, interpolation=SHAPE, end_cap=cap)


def disc(radius: float, z: float, centre: tuple[float, float] = (0.0, 0.0)) -> FloatArray:
    """A polygon of 100 points with the area of a circle, (100, 3) mm."""
    turn = 2 * np.pi / 100
    grown = radius * np.sqrt(turn / np.sin(turn))
    return circle(grown, z, points=100, centre=centre)


def planes(half: float, spacing: float, phase: float) -> FloatArray:
    """Positions within ``half`` of the origin."""
    every = (np.arange(-200, 200) + phase) * spacing
    return np.asarray(every[np.abs(every) < half - 1e-6])


def ball(radius: float, spacing: float, phase: float) -> list[FloatArray]:
    return [disc(np.sqrt(radius**2 - z**2), z) for z in planes(radius, spacing, phase).tolist()]


def ellipsoid(
    axes: tuple[float, float, float], tilt: float, spacing: float, phase: float
) -> list[FloatArray]:
    """An ellipsoid turned by ``tilt`` around y."""
    cosine, sine = np.cos(tilt), np.sin(tilt)
    turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    form = turn @ np.diag(1 / np.square(axes)) @ turn.T
    rings = []
    for z in planes(float(np.sqrt(np.linalg.inv(form)[2, 2])), spacing, phase).tolist():
        centre = -np.linalg.solve(form[:2, :2], form[:2, 2]) * z
        size = 1 - form[2, 2] * z**2 - form[2, :2] @ centre * z
        values, vectors = np.linalg.eigh(form[:2, :2])
        ring = disc(1.0, z)
        ring[:, :2] = centre + (ring[:, :2] * np.sqrt(size / values)) @ vectors.T
        rings.append(ring)
    return rings


def error_percent(solid: Solid, truth_mm3: float) -> float:
    return 100 * (1000 * solid.volume_cc / truth_mm3 - 1)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(("radius", "spacing"), [(3, 1), (4.5, 1), (8, 1), (5, 2), (12, 3)])
def test_sphere_has_its_volume_wherever_the_planes_are(
    radius: float, spacing: float, phase: float
) -> None:
    solid = shaped(ball(radius, spacing, phase))
    assert abs(error_percent(solid, 4 / 3 * np.pi * radius**3)) < 0.02
    np.testing.assert_allclose(solid.centroid_mm, 0, atol=2e-3 * radius)


@pytest.mark.parametrize("phase", PHASES)
def test_tilted_ellipsoid_has_its_volume(phase: float) -> None:
    solid = shaped(ellipsoid((15, 8, 6), 0.6, 3.0, phase))
    assert abs(error_percent(solid, 4 / 3 * np.pi * 15 * 8 * 6)) < 0.02


def test_tilted_ellipsoid_s_sections_are_where_they_belong() -> None:
    """Against the sections of the same ellipsoid drawn ten times as finely."""
    coarse = shaped(ellipsoid((15, 8, 6), 0.6, 3.0, 0.3))
    for slab in coarse.slabs:
        middle = (slab.low_mm + slab.high_mm) / 2
        exact = ellipsoid((15, 8, 6), 0.6, 1.0, middle % 1.0)
        same = [ring for ring in exact if abs(ring[0, 2] - middle) < 1e-6]
        if not same or signed_area_mm2(same[0][:, :2]) < 20:
            continue
        found = np.concatenate(slab.plane.rings)
        wanted = same[0][:, :2]
        apart = np.sqrt(((found[:, None] - wanted[None]) ** 2).sum(axis=2)).min(axis=1)
        assert apart.max() < 0.45  # half the distance of the points drawn, and little more


@pytest.mark.parametrize("phase", PHASES)
def test_cone_between_its_contours_has_its_volume(phase: float) -> None:
    rings = [disc((12 - z) / 2, z) for z in planes(12, 3, phase).tolist()]
    low, high = rings[0][0, 2], rings[-1][0, 2]
    exact = np.pi / 12 * ((12 - low) ** 3 - (12 - high) ** 3)
    assert abs(error_percent(shaped(rings, EndCap.NONE), exact)) < 0.03
    tip = shaped(rings).slabs[-1].high_mm
    assert tip == pytest.approx(12, abs=1e-3)


def torus(big: float, small: float, spacing: float, phase: float) -> list[FloatArray]:
    rings = []
    for z in planes(small, spacing, phase).tolist():
        half = np.sqrt(small**2 - z**2)
        rings += [disc(big + half, z), disc(big - half, z)]
    return rings


@pytest.mark.parametrize("phase", PHASES)
def test_torus_keeps_its_hole(phase: float) -> None:
    solid = shaped(torus(15, 6, 2, phase))
    for slab in solid.slabs:
        nearest = min(float(np.hypot(*ring.T).min()) for ring in slab.plane.rings)
        furthest = max(float(np.hypot(*ring.T).max()) for ring in slab.plane.rings)
        assert 8.9 < nearest < furthest < 21.1
    np.testing.assert_allclose(solid.centroid_mm[:2], 0, atol=0.01)
    assert abs(error_percent(solid, 2 * np.pi**2 * 15 * 6**2)) < 0.02


@pytest.mark.parametrize("phase", PHASES)
def test_flat_ended_solids_are_not_worse_than_prisms(phase: float) -> None:
    standing = [disc(12, z) for z in planes(12, 3, phase).tolist()]
    box = [rectangle(-9, -5, 9, 5, z) for z in planes(12, 3, phase).tolist()]
    stepped = standing[:5] + [disc(6, ring[0, 2]) for ring in standing[5:]]
    for rings in (standing, box, stepped):
        prisms = solid_of(structure(rings)).volume_cc
        assert shaped(rings).volume_cc == pytest.approx(prisms, rel=2e-3)


@pytest.mark.parametrize("phase", PHASES)
def test_lying_cylinder_has_its_volume(phase: float) -> None:
    """Its areas are no parabola along the normal; their squares are."""
    rings = []
    for z in planes(12, 3, phase).tolist():
        half = float(np.sqrt(144 - z * z))
        rings.append(rectangle(-12, -half, 12, half, z))
    assert abs(error_percent(shaped(rings), np.pi * 144 * 24)) < 0.02


@pytest.mark.parametrize("phase", PHASES)
def test_capsule_is_within_a_percent(phase: float) -> None:
    rings = []
    for z in planes(16, 3, phase).tolist():
        rings.append(disc(np.sqrt(36 - max(0.0, abs(z) - 10) ** 2), z))
    exact = np.pi * 36 * 20 + 4 / 3 * np.pi * 216
    prisms = abs(error_percent(solid_of(structure(rings)), exact))
    assert abs(error_percent(shaped(rings), exact)) < max(prisms, 1.0)


@pytest.mark.parametrize("cap", EndCap)
def test_section_on_a_contour_s_plane_is_the_contour(cap: EndCap) -> None:
    rings = ball(6, 2, 0.3)
    slabs = shaped(rings, cap).slabs
    for ring in rings:
        z = ring[0, 2]
        at = [slab for slab in slabs if slab.low_mm - 1e-9 <= z <= slab.high_mm + 1e-9]
        assert any(np.array_equal(slab.plane.rings[0], ring[:, :2]) for slab in at)


def test_slabs_follow_one_another_without_gap_or_overlap() -> None:
    slabs = shaped(ball(7, 2, 0.4)).slabs
    assert len(slabs) > 50
    for one, following in pairwise(slabs):
        assert following.low_mm == pytest.approx(one.high_mm, abs=1e-9)
    for slab in slabs:
        assert signed_area_mm2(slab.plane.rings[0]) > 0


def forked() -> list[FloatArray]:
    """A stem that becomes two branches of half its area each."""
    stem = [disc(8, z) for z in (0.0, 3.0, 6.0)]
    size = 8 / np.sqrt(2)
    pairs = [
        (disc(size, z, (-x, 0)), disc(size, z, (x, 0))) for z, x in ((9, 6.5), (12, 9), (15, 11))
    ]
    return stem + [ring for pair in pairs for ring in pair]


def test_branching_body_keeps_its_area_from_one_ring_to_two() -> None:
    solid = shaped(forked(), EndCap.HALF_SLICE)
    for z in np.arange(-1.45, 16.4, 0.1):
        here = [slab.plane for slab in solid.slabs if slab.low_mm < z < slab.high_mm]
        assert sum(plane.area_mm2 for plane in here) == pytest.approx(np.pi * 64, rel=1e-3)
    assert solid.volume_cc == pytest.approx(np.pi * 64 * 18 / 1000, rel=1e-4)
    assert {len(slab.plane.rings) for slab in solid.slabs if slab.low_mm > 6.5} >= {2}


def test_body_that_ends_between_planes_of_another_ends_as_it_would_alone() -> None:
    tall = [disc(6, z, (30, 0)) for z in np.arange(-15, 16, 3.0).tolist()]
    small = ball(7, 3, 0.4)
    for cap in EndCap:
        both, one, other = shaped(tall + small, cap), shaped(tall, cap), shaped(small, cap)
        assert both.volume_cc == pytest.approx(one.volume_cc + other.volume_cc, rel=1e-4)


def test_nested_holes_and_islands_have_their_volumes() -> None:
    def balls(*radii: float) -> float:
        return sum((-1.0) ** n * 4 / 3 * np.pi * r**3 for n, r in enumerate(radii))

    rings = ball(14, 2, 0.3) + ball(9, 2, 0.3) + ball(4, 2, 0.3)
    solid = shaped(rings)
    # A cavity has no tip of its own: it is closed by the contours around it.
    assert abs(error_percent(solid, balls(14, 9, 4))) < 1.0


def test_fewer_than_three_contours_stay_half_slice_prisms() -> None:
    one, two = [disc(5, 0)], [disc(5, 0), disc(3, 3)]
    for rings in (one, two):
        prisms = solid_of(structure(rings), lone_plane_mm=3.0)
        for cap in (EndCap.HALF_SLICE, EndCap.ROUNDED):
            assert shaped(rings, cap).volume_cc == prisms.volume_cc
            assert len(shaped(rings, cap).slabs) == len(prisms.slabs)


def test_a_bridged_gap_is_lofted_and_a_wide_one_separates_bodies() -> None:
    rings = ball(12, 2, 0.5)
    skipped = shaped([ring for ring in rings if abs(ring[0, 2] - 3) > 1e-6])
    assert {item.code for item in skipped.findings} == {"GEO005"}
    assert abs(error_percent(skipped, 4 / 3 * np.pi * 12**3)) < 0.05
    far = [ring + np.array([0.0, 0.0, 60.0]) for ring in rings]
    apart = shaped(rings + far)
    assert apart.volume_cc == pytest.approx(2 * shaped(rings).volume_cc, rel=1e-4)
    assert {item.code for item in apart.findings} == {"GEO007"}


@pytest.mark.parametrize("interpolation", Interpolation)
def test_end_caps_add_what_they_say(interpolation: Interpolation) -> None:
    rings = [rectangle(0, 0, 10, 10, z) for z in (0.0, 5.0, 10.0, 15.0)]
    expected = {EndCap.NONE: 0.0, EndCap.HALF_SLICE: 2.5, EndCap.HALF_SLICE_CAPPED: CAPPED_MM}
    for cap, beyond in expected.items():
        solid = solid_of(structure(rings), interpolation=interpolation, end_cap=cap)
        assert solid.volume_cc == pytest.approx(0.1 * (15 + 2 * beyond))
        assert solid.slabs[0].low_mm == pytest.approx(-beyond)
        assert solid.slabs[-1].high_mm == pytest.approx(15 + beyond)


def test_without_end_caps_a_single_plane_has_no_volume() -> None:
    with pytest.raises(GeometryError, match="without end caps"):
        shaped([disc(5, 0)], EndCap.NONE)


def test_rounded_cap_goes_with_prisms_too() -> None:
    rings = ball(12, 3, 0.4)
    solid = solid_of(structure(rings), interpolation=PRISM, end_cap=EndCap.ROUNDED)
    assert solid.slabs[0].low_mm == pytest.approx(-12, abs=1e-3)
    assert solid.slabs[-1].high_mm == pytest.approx(12, abs=1e-3)


def _same(rings: list[FloatArray], change: Callable[[list[FloatArray]], list[FloatArray]]) -> None:
    one, other = shaped(rings), shaped(change(rings))
    assert other.volume_cc == pytest.approx(one.volume_cc, rel=1e-6)
    np.testing.assert_allclose(other.centroid_mm, one.centroid_mm, atol=0.02)


def test_order_direction_and_start_of_rings_do_not_matter() -> None:
    for rings in (ball(6, 2, 0.3), torus(15, 6, 2, 0.3), forked()):
        _same(rings, lambda drawn: drawn[::-1])
        _same(rings, lambda drawn: [ring[::-1] for ring in drawn])
        _same(rings, lambda drawn: [np.roll(ring, 17, axis=0) for ring in drawn])


@settings(deadline=None, max_examples=10)
@given(
    radius=st.floats(3, 12),
    spacing=st.floats(0.7, 1.5),
    phase=st.floats(0, 1),
    shift=st.tuples(*[st.floats(-300, 300)] * 3),
)
def test_volume_of_a_sphere_does_not_depend_on_where_it_is(
    radius: float, spacing: float, phase: float, shift: tuple[float, ...]
) -> None:
    rings = [ring + np.array(shift) for ring in ball(radius, spacing, phase)]
    assert abs(error_percent(shaped(rings), 4 / 3 * np.pi * radius**3)) < 0.05


@settings(deadline=None, max_examples=10)
@given(grown=st.floats(1.01, 1.4), phase=st.floats(0, 0.99))
def test_a_larger_body_has_a_larger_volume(grown: float, phase: float) -> None:
    rings = ellipsoid((12, 8, 7), 0.4, 2.0, phase)
    larger = [np.array([grown, grown, 1.0]) * ring for ring in rings]
    solid, grown_solid = shaped(rings), shaped(larger)
    assert grown_solid.volume_cc == pytest.approx(grown**2 * solid.volume_cc, rel=1e-3)


def _irregular(seed: int) -> Structure:
    """A lobed body whose contours change much from plane to plane."""
    random = np.random.default_rng(seed)
    angle = 2 * np.pi * np.arange(80) / 80
    rings = []
    for z in range(0, 24, 3):
        radius = 8 + 2 * np.sin(3 * angle + random.uniform(0, 6)) + random.uniform(-3, 3)
        x, y = radius * np.cos(angle) + random.uniform(-1, 1), radius * np.sin(angle)
        rings.append(np.column_stack([x, y, np.full(80, float(z))]))
    return structure(rings)


@pytest.mark.parametrize("seed", range(4))
def test_irregular_body_has_valid_sections_between_its_contours(seed: int) -> None:
    import shapely

    drawn = _irregular(seed)
    solid = solid_of(drawn, interpolation=SHAPE, end_cap=EndCap.ROUNDED)
    prisms = solid_of(drawn)
    assert solid.volume_cc == pytest.approx(prisms.volume_cc, rel=0.05)
    areas = [abs(signed_area_mm2(c.points_mm[:, :2])) for c in drawn.contours]
    for slab in solid.slabs:
        assert 0 < slab.plane.area_mm2 < 1.4 * max(areas)
        assert all(shapely.LinearRing(ring).is_simple for ring in slab.plane.rings)
        assert slab.plane.polygon().area == pytest.approx(slab.plane.area_mm2, rel=1e-9)


def test_a_thin_rind_stays_prisms() -> None:
    rings = []
    for z in range(0, 15, 3):
        rings += [disc(200 - z, float(z)), disc(197 - z, float(z))]
    prisms = solid_of(structure(rings))
    assert shaped(rings, EndCap.HALF_SLICE).volume_cc == pytest.approx(prisms.volume_cc, rel=1e-12)
    assert len(shaped(rings).slabs) == len(prisms.slabs)

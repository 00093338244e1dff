"""Shape interpolation and end caps against solids of known volume and against themselves.

Where sections lie is tested in ``test_sections``, what a loft says of itself in ``test_loft``.
"""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.errors import GeometryError
from rtplan.geometry.convention import CAPPED_MM, EndCap, Interpolation
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import signed_area_mm2
from rtplan.geometry.raster import Lines
from rtplan.geometry.sections import sections
from rtplan.geometry.solid import Solid, solid_of
from tests.geometry.bodies import (
    ball,
    disc,
    ellipsoid,
    forked,
    irregular,
    lines_around,
    planes,
    shaped,
    torus,
)
from tests.geometry.dense import fractions
from tests.shapes import rectangle, structure

PHASES = (0.02, 0.2, 0.35, 0.5, 0.8)


def error_percent(solid: Solid, truth_mm3: float) -> float:
    return 100 * (1000 * solid.volume_cc / truth_mm3 - 1)


def ends_mm(solid: Solid) -> tuple[float, float]:
    """Where it ends along its normal."""
    low, high = solid.bounds_mm
    return float(low[2]), float(high[2])


def area_at_mm2(solid: Solid, z: float) -> float:
    """Area of the cross-section at z."""
    area = sum(s.plane.area_mm2 for s in solid.slabs if s.low_mm < z < s.high_mm)
    for loft in solid.lofts:
        if loft.low_mm < z < loft.high_mm:
            area += float(loft.profile.area_at_mm2(np.array([abs(z - loft.base_mm)]))[0])
    return area


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


@pytest.mark.parametrize("phase", PHASES)
def test_cone_between_its_contours_has_its_volume(phase: float) -> None:
    rings = [disc((12 - z) / 2, z) for z in planes(12, 3, phase)]
    low, high = rings[0][0, 2], rings[-1][0, 2]
    exact = np.pi / 12 * ((12 - low) ** 3 - (12 - high) ** 3)
    assert abs(error_percent(shaped(rings, EndCap.NONE), exact)) < 0.03
    assert ends_mm(shaped(rings))[1] == pytest.approx(12, abs=1e-3)


@pytest.mark.parametrize("phase", PHASES)
def test_torus_has_its_volume(phase: float) -> None:
    solid = shaped(torus(15, 6, 2, phase))
    assert abs(error_percent(solid, 2 * np.pi**2 * 15 * 6**2)) < 0.02
    np.testing.assert_allclose(solid.centroid_mm, 0, atol=0.01)


@pytest.mark.parametrize("phase", PHASES)
def test_flat_ended_solids_are_not_worse_than_prisms(phase: float) -> None:
    standing = [disc(12, z) for z in planes(12, 3, phase)]
    box = [rectangle(-9, -5, 9, 5, z) for z in planes(12, 3, phase)]
    stepped = standing[:5] + [disc(6, ring[0, 2]) for ring in standing[5:]]
    for rings in (standing, box, stepped):
        prisms = solid_of(structure(rings)).volume_cc
        assert shaped(rings).volume_cc == pytest.approx(prisms, rel=2e-3)


@pytest.mark.parametrize("phase", PHASES)
def test_lying_cylinder_has_its_volume(phase: float) -> None:
    """Its areas are no parabola along the normal; their squares are."""
    rings = []
    for z in planes(12, 3, phase):
        half = float(np.sqrt(144 - z * z))
        rings.append(rectangle(-12, -half, 12, half, z))
    assert abs(error_percent(shaped(rings), np.pi * 144 * 24)) < 0.02


@pytest.mark.parametrize("phase", PHASES)
def test_capsule_is_within_a_percent(phase: float) -> None:
    rings = []
    for z in planes(16, 3, phase):
        rings.append(disc(np.sqrt(36 - max(0.0, abs(z) - 10) ** 2), z))
    exact = np.pi * 36 * 20 + 4 / 3 * np.pi * 216
    prisms = abs(error_percent(solid_of(structure(rings)), exact))
    assert abs(error_percent(shaped(rings), exact)) < max(prisms, 1.0)


@pytest.mark.parametrize("cap", EndCap)
def test_lofts_start_and_end_with_the_contours_themselves(cap: EndCap) -> None:
    rings = ball(6, 2, 0.3)
    solid = shaped(rings, cap)
    for ring in rings:
        z = ring[0, 2]
        ends = [loft.near for loft in solid.lofts if loft.base_mm == z]
        ends += [
            loft.far
            for loft in solid.lofts
            if not loft.is_cap and loft.base_mm + loft.sign * loft.length_mm == pytest.approx(z)
        ]
        assert ends
        assert all(np.array_equal(end[0], ring[:, :2]) for end in ends)


def test_branching_body_keeps_its_area_from_one_ring_to_two() -> None:
    solid = shaped(forked(), EndCap.HALF_SLICE)
    for z in np.arange(-1.45, 16.4, 0.1).tolist():
        assert area_at_mm2(solid, z) == pytest.approx(np.pi * 64, rel=1e-3)
    assert solid.volume_cc == pytest.approx(np.pi * 64 * 18 / 1000, rel=1e-4)
    forks = [loft for loft in solid.lofts if len(loft.near) != len(loft.far)]
    assert [(loft.low_mm, loft.high_mm) for loft in forks] == [(6.0, 9.0)]
    u, v = lines_around(forks[0], 0.5)
    late = sections(forks, [np.array([2.9])], u, v).node_inside[0]
    row = late[np.abs(v.positions_mm).argmin()]
    assert np.count_nonzero(np.diff(row.astype(int)) == 1) == 2  # two branches side by side


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


@pytest.mark.parametrize("phase", np.linspace(0, 0.98, 13).tolist())
@pytest.mark.parametrize("spacing", [2.0, 3.0])
def test_a_small_sphere_of_one_to_three_contours_has_its_volume(
    spacing: float, phase: float
) -> None:
    """Of one contour only at its equator, where the others just touch it."""
    rings = ball(3, spacing, phase)
    solid = shaped(rings, lone_plane_mm=spacing)
    assert len(rings) <= 3
    assert abs(error_percent(solid, 36 * np.pi)) < 0.1
    np.testing.assert_allclose(solid.centroid_mm, 0, atol=2e-3)
    np.testing.assert_allclose(ends_mm(solid), (-3, 3), atol=1e-3)


@settings(deadline=None, max_examples=25)
@given(
    radius=st.floats(2, 5),
    at=st.floats(0.05, 0.95),
    shift=st.tuples(*[st.floats(-300, 300)] * 3),
)
def test_any_sphere_of_two_contours_has_its_volume(
    radius: float, at: float, shift: tuple[float, ...]
) -> None:
    """Two contours, and no room for a third one."""
    spacing = 1.05 * radius
    low = (0.95 * at - 1) * radius
    rings = [disc(np.sqrt(radius**2 - z**2), z) + np.array(shift) for z in (low, low + spacing)]
    solid = shaped(rings, lone_plane_mm=spacing)
    assert abs(error_percent(solid, 4 / 3 * np.pi * radius**3)) < 0.1
    np.testing.assert_allclose(solid.centroid_mm, shift, atol=0.01)


FLAT = {
    "one large": [disc(12, 0)],
    "one too large for a slice": [disc(3.1, 0)],
    "two large": [disc(30, 0), disc(30, 3)],
    "a step": [disc(5, 0), disc(1, 3)],
    "one that branches": [disc(2.5, 0), disc(1, 3, (-1.5, 0)), disc(1, 3, (1.5, 0))],
}


@pytest.mark.parametrize("rings", FLAT.values(), ids=FLAT)
def test_few_contours_that_are_not_round_stay_half_slice_prisms(rings: list[FloatArray]) -> None:
    prisms = solid_of(structure(rings), lone_plane_mm=3.0)
    for cap in (EndCap.HALF_SLICE, EndCap.ROUNDED):
        solid = shaped(rings, cap)
        assert not solid.lofts
        assert solid.volume_cc == prisms.volume_cc
        assert ends_mm(solid) == ends_mm(prisms)


def test_few_contours_are_round_only_with_rounded_ends_and_shapes() -> None:
    for rings in ([disc(2.5, 0)], ball(3, 3, 0.4)):
        prisms = solid_of(structure(rings), lone_plane_mm=3.0)
        assert shaped(rings, EndCap.HALF_SLICE).volume_cc == prisms.volume_cc
        rounded = solid_of(structure(rings), lone_plane_mm=3.0, end_cap=EndCap.ROUNDED)
        assert rounded.volume_cc == prisms.volume_cc
        assert len(shaped(rings).lofts) == len(rings) + 1


def test_contours_of_different_bodies_are_each_round_for_themselves() -> None:
    """Side by side on neighbouring planes, or on the same plane."""
    for rings in ([disc(2, 0), disc(2.5, 3, (20, 0))], [disc(2, 0), disc(2.5, 0, (20, 0))]):
        solid = shaped(rings)
        assert abs(error_percent(solid, 4 / 3 * np.pi * (2**3 + 2.5**3))) < 1e-6
        assert len(solid.lofts) == 4


def test_a_small_body_beside_a_large_one_is_as_it_is_alone() -> None:
    large = ball(12, 3, 0.4)
    small = [ring + np.array([40.0, 0, 0]) for ring in ball(3, 3, 0.4)]
    both = shaped(large + small).volume_cc
    assert both == pytest.approx(shaped(large).volume_cc + shaped(small).volume_cc, rel=1e-9)


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
        assert ends_mm(solid) == pytest.approx((-beyond, 15 + beyond))


def test_without_end_caps_a_single_plane_has_no_volume() -> None:
    with pytest.raises(GeometryError, match="without end caps"):
        shaped([disc(5, 0)], EndCap.NONE)


@pytest.mark.parametrize("interpolation", Interpolation)
def test_flat_ends_are_what_lies_beyond_the_contours(interpolation: Interpolation) -> None:
    rings = [rectangle(0, 0, 10, 10, z) for z in (0.0, 5.0, 10.0, 15.0)]
    for cap in EndCap:
        solid = solid_of(structure(rings), interpolation=interpolation, end_cap=cap)
        beyond = [(s.low_mm, s.high_mm) for s in solid.flat_ends]
        assert all(high <= 0 or low >= 15 for low, high in beyond)
        assert len(beyond) == (0 if cap is EndCap.NONE else 2)
    assert not shaped(ball(6, 2, 0.3)).flat_ends


def test_rounded_cap_goes_with_prisms_too() -> None:
    solid = solid_of(structure(ball(12, 3, 0.4)), end_cap=EndCap.ROUNDED)
    np.testing.assert_allclose(ends_mm(solid), (-12, 12), atol=1e-3)
    assert [loft.is_cap for loft in solid.lofts] == [True, True]
    assert len(solid.slabs) == 8


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


@pytest.mark.parametrize("seed", range(4))
def test_irregular_body_has_valid_sections_between_its_contours(seed: int) -> None:
    rings = irregular(seed)
    solid = shaped(rings)
    assert solid.volume_cc == pytest.approx(solid_of(structure(rings)).volume_cc, rel=0.05)
    largest = max(abs(signed_area_mm2(ring[:, :2])) for ring in rings)
    u = v = Lines(np.arange(-25, 26, 1.0))
    parts = np.array([0.1, 0.35, 0.6, 0.85])
    for loft in solid.lofts:
        at = parts * loft.length_mm
        assert (loft.profile.area_at_mm2(at) > 0).all()
        assert (loft.profile.area_at_mm2(at) < 1.4 * largest).all()
        found = sections([loft], [at], u, v)
        for values in (found.cells.fraction, found.cells.u, found.cells.v):
            assert ((values >= 0) & (values <= 1)).all()
        np.testing.assert_array_equal(fractions(found.cells)[:, [0, -1]], 0)
        assert (found.node_inside.any(axis=(1, 2))).all()


def test_a_thin_rind_has_the_volume_of_its_prisms() -> None:
    rings = []
    for z in range(0, 15, 3):
        rings += [disc(200 - z, float(z)), disc(197 - z, float(z))]
    prisms = solid_of(structure(rings))
    for cap in (EndCap.HALF_SLICE, EndCap.ROUNDED):
        assert shaped(rings, cap).volume_cc == pytest.approx(prisms.volume_cc, rel=1e-9)

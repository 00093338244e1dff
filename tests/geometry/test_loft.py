"""What a loft says of itself against its profile and its contours."""

from itertools import pairwise

import numpy as np
import pytest
import shapely

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.loft import Loft
from rtplan.geometry.planes import Plane, signed_area_mm2
from rtplan.geometry.profile import Profile
from rtplan.geometry.rings import measured
from rtplan.geometry.solid import Slab
from tests.geometry.bodies import ball, disc, ellipsoid, forked, shaped, torus
from tests.oracles.sections import polygon_of

BODIES = {
    "sphere": ball(6, 2, 0.3),
    "ellipsoid": ellipsoid((15, 8, 6), 0.6, 3.0, 0.3),
    "torus": torus(15, 6, 2, 0.3),
    "fork": forked(),
}
each_body = pytest.mark.parametrize("rings", BODIES.values(), ids=BODIES)


@each_body
def test_a_loft_starts_and_ends_with_the_areas_of_its_contours(rings: list[FloatArray]) -> None:
    for loft in shaped(rings).lofts:
        near = sum(map(signed_area_mm2, loft.near))
        assert loft.profile.area_mm2 == pytest.approx(near, rel=1e-9)
        far = sum(map(signed_area_mm2, loft.far))
        assert loft.profile.last_area_mm2 == pytest.approx(far, rel=1e-9, abs=1e-9)
        assert (loft.far == ()) == loft.is_cap
        assert loft.high_mm - loft.low_mm == pytest.approx(loft.length_mm)
        assert loft.base_mm == pytest.approx(loft.low_mm if loft.sign > 0 else loft.high_mm)


@each_body
def test_lofts_follow_one_another_without_gap_or_overlap(rings: list[FloatArray]) -> None:
    lofts = sorted(shaped(rings).lofts, key=lambda loft: loft.low_mm)
    stretches = sorted({(round(loft.low_mm, 9), round(loft.high_mm, 9)) for loft in lofts})
    for one, following in pairwise(stretches):
        assert one[1] == following[0]


@each_body
def test_volume_and_first_moment_are_those_of_thin_slices(rings: list[FloatArray]) -> None:
    for loft in shaped(rings).lofts:
        thin = loft.length_mm / 4000
        at = thin * (np.arange(4000) + 0.5)
        area = loft.profile.area_at_mm2(np.asarray(at))
        near, far = loft.centres_mm
        centre = near + (at / loft.length_mm)[:, None] * (far - near)
        position = loft.base_mm + loft.sign * at
        assert loft.volume_mm3 == pytest.approx(thin * area.sum(), rel=1e-5)
        moment = thin * (area @ np.column_stack([centre, position]))
        np.testing.assert_allclose(loft.first_moment, moment, rtol=1e-4, atol=1e-5 * area.max())


@each_body
def test_centres_are_those_of_the_contours(rings: list[FloatArray]) -> None:
    for loft in shaped(rings).lofts:
        polygons = [polygon_of(loft.near), polygon_of(loft.other)]
        near, other = (np.array([p.centroid.x, p.centroid.y]) for p in polygons)
        first, last = loft.centres_mm
        np.testing.assert_allclose(first, near, atol=1e-9)
        np.testing.assert_allclose(loft.towards.centroid_mm, other, atol=1e-9)
        if not loft.is_cap:
            np.testing.assert_allclose(last, other, atol=1e-9)
        else:  # it goes on in the direction in which it came from the contour before
            assert loft.further <= 0
            np.testing.assert_allclose(last - near, -loft.further * (near - other), atol=1e-9)


@each_body
def test_a_solid_s_box_holds_its_contours_with_room_for_what_lies_outside(
    rings: list[FloatArray],
) -> None:
    solid = shaped(rings)
    low, high = solid.bounds_mm
    points = np.concatenate([*rings])
    room = 2 * max(loft.outside_mm for loft in solid.lofts)
    np.testing.assert_allclose(low[:2], points[:, :2].min(axis=0) - room)
    np.testing.assert_allclose(high[:2], points[:, :2].max(axis=0) + room)
    stretches: list[Slab | Loft] = [*solid.slabs, *solid.lofts]
    assert low[2] == min(part.low_mm for part in stretches)
    assert high[2] == max(part.high_mm for part in stretches)


def test_a_tilted_ellipsoid_s_caps_end_where_it_ends() -> None:
    """Its sections' centres lie on a line: the highest point is at its end."""
    caps = [loft for loft in shaped(BODIES["ellipsoid"]).lofts if loft.is_cap]
    assert len(caps) == 2
    cosine, sine = np.cos(0.6), np.sin(0.6)
    top = float(np.hypot(6 * cosine, 15 * sine))
    along = (6**2 - 15**2) * sine * cosine / top
    for loft in caps:
        np.testing.assert_allclose(loft.centres_mm[1], [loft.sign * along, 0], atol=0.02)
        end = loft.base_mm + loft.sign * loft.length_mm
        assert end == pytest.approx(loft.sign * top, abs=1e-3)


def test_sections_bulge_by_as_much_as_their_area_says() -> None:
    """Halfway between two equal contours a sphere is wider than both."""
    below, above = (
        Plane(z, tuple(measured([(disc(np.sqrt(32.0), z)[:, :2],)]))) for z in (-2.0, 2.0)
    )
    loft = Loft(below, above, 1.0, Profile(32 * np.pi, 4 * np.pi, -2 * np.pi, 4.0))
    assert loft.volume_mm3 == pytest.approx(np.pi * (36 * 4 - 16 / 3))
    widest = 6 - np.sqrt(32)
    assert widest < loft.outside_mm < 1.2 * widest
    assert shapely.Polygon(loft.near[0]).length * loft.outside_mm == pytest.approx(4 * np.pi)

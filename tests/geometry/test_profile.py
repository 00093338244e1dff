"""Profiles of area along the normal against the volumes they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtplan.geometry.profile import (
    Profile,
    between,
    beyond,
    departures,
    round_between,
    round_beyond,
)
from rtplan.geometry.shape import MUCH_NEARER


def ball(z: float) -> float:
    return float(np.pi * (100 - z * z))


def lying(z: float) -> float:
    return float(48 * np.sqrt(100 - z * z))


@given(low=st.floats(-9, 5), gap=st.floats(0.5, 3.5))
def test_profile_of_a_sphere_is_its_own(low: float, gap: float) -> None:
    high = low + gap
    for before, after in (((0.7, ball(low - 0.7)), None), (None, (0.4, ball(high + 0.4)))):
        profile = between(before, (ball(low), ball(high)), after, gap)
        exact = np.pi * (100 * gap - (high**3 - low**3) / 3)
        assert profile.total_mm3 == pytest.approx(exact, rel=1e-6)
        assert profile.last_area_mm2 == pytest.approx(ball(high), rel=1e-6)


def test_squares_of_a_lying_cylinder_s_areas_are_a_parabola() -> None:
    window = (3.0, lying(-8)), (lying(-5), lying(-2)), (3.0, lying(1)), 3.0
    plain, squared = departures(*window)
    assert squared < MUCH_NEARER * plain
    profile = between(*window, power=2)
    z = np.linspace(0, 3, 3001)
    exact = np.trapezoid([lying(x - 5) for x in z], z)
    assert profile.total_mm3 == pytest.approx(exact, rel=1e-6)
    end = beyond(lying(8), (3.0, lying(5)), (3.0, lying(2)), 3.0, power=2)
    assert end is not None
    assert end.length_mm == pytest.approx(2)
    segment = 2 * 24 * (50 * np.arccos(0.8) - 4 * 6)  # twice the half of the circle's segment
    assert end.total_mm3 == pytest.approx(segment, rel=1e-4)


areas = st.floats(0.5, 500)
gaps = st.floats(0.5, 9)


@given(areas=st.tuples(*[areas] * 4), gaps=st.tuples(*[gaps] * 3))
def test_departures_are_third_divided_differences(
    areas: tuple[float, float, float, float], gaps: tuple[float, float, float]
) -> None:
    at = np.append(0.0, np.cumsum(gaps))
    values = np.array(areas)
    terms = values / [np.prod(np.delete(here - at, n)) for n, here in enumerate(at)]
    least = 1e-5 * np.abs(terms).sum()  # less tells nothing
    wanted = abs(terms.sum()), abs(values @ terms) / values.mean() / 2
    found = departures((gaps[0], areas[0]), areas[1:3], (gaps[2], areas[3]), gaps[1])
    assert found == pytest.approx(np.maximum(wanted, least), rel=1e-6)


@given(noise=st.lists(st.floats(-1e-4, 1e-4), min_size=4, max_size=4))
def test_rounding_of_drawn_contours_does_not_tell_a_power(noise: list[float]) -> None:
    """Of a standing cylinder both the areas and their squares are parabolas."""
    a, b, c, d = 100 * (1 + np.array(noise))
    plain, squared = departures((3.0, a), (b, c), (3.0, d), 3.0)
    assert squared >= MUCH_NEARER * plain


def test_a_step_in_the_areas_does_not_overshoot() -> None:
    flat = between((3, 100.0), (100.0, 100.0), (3, 25.0), 3.0)
    assert (flat.bend, flat.slope) == (0, 0)


def test_a_waist_stays_open() -> None:
    waist = between((3, 100.0), (10.0, 10.0), (3, 100.0), 3.0)
    assert waist.area_at_mm2(np.linspace(0, 3, 50)).min() >= 5 - 1e-9


def test_an_end_is_flat_unless_the_areas_fall_to_nothing_within_the_limit() -> None:
    assert beyond(100.0, (3, 100.0), (3, 100.0), 3.0) is None
    assert beyond(64.0, (3, 81.0), (3, 100.0), 3.0) is None  # a cone cut off far from its tip
    tip = beyond(1.0, (1, 4.0), (1, 9.0), 1.0)
    assert tip is not None
    assert tip.length_mm == pytest.approx(1, rel=1e-3)
    round_end = beyond(ball(9), (3, ball(6)), (3, ball(3)), 3.0)
    assert round_end is not None
    assert round_end.length_mm == pytest.approx(1)


def test_volume_rises_from_nothing_to_all() -> None:
    for power in (1, 2):
        profile = Profile(100.0, -10.0, -0.5, 6.0, power)
        volumes = profile.volume_mm3(np.linspace(0, 6, 20))
        assert volumes[0] == 0
        assert (np.diff(volumes) > 0).all()
        assert volumes[-1] == pytest.approx(profile.total_mm3)


@given(low=st.floats(-9, 5), gap=st.floats(0.5, 3.5))
def test_two_contours_of_a_sphere_tell_all_of_it(low: float, gap: float) -> None:
    high = low + gap
    middle = round_between((ball(low), ball(high)), gap)
    above = round_beyond(ball(high), ball(low), gap, 20.0)
    below = round_beyond(ball(low), ball(high), gap, 20.0)
    assert above is not None
    assert below is not None
    assert below.length_mm == pytest.approx(low + 10)
    assert above.length_mm == pytest.approx(10 - high)
    total = sum(profile.total_mm3 for profile in (below, middle, above))
    assert total == pytest.approx(4 / 3 * np.pi * 1000)
    assert middle.last_area_mm2 == pytest.approx(ball(high))


def test_one_contour_is_a_sphere_s_equator() -> None:
    half = round_beyond(ball(0), ball(0), 0.0, 10.0)
    assert half is not None
    assert half.length_mm == pytest.approx(10)
    assert half.total_mm3 == pytest.approx(2 / 3 * np.pi * 1000)


def test_a_round_body_ends_within_the_limit_or_not_at_all() -> None:
    for limit in (10.0, 9.0, 1.0):
        found = round_beyond(ball(0), ball(0), 0.0, limit)
        assert (found is None) == (limit < 10)
    assert round_beyond(ball(-5), ball(-2), 3.0, 4.9) is None
    assert round_beyond(ball(-5), ball(-2), 3.0, 5.0) is not None


def test_bulge_is_what_the_middle_has_beyond_the_ends() -> None:
    profile = round_between((ball(-2), ball(2)), 4.0)
    assert profile.bulge_mm2 == pytest.approx(ball(0) - ball(2))
    assert Profile(50.0, -5.0, 0.0, 3.0).bulge_mm2 == pytest.approx(0)


def test_bulge_of_squares_is_that_of_the_areas() -> None:
    profile = between((3, lying(-8)), (lying(-5), lying(-2)), (3, lying(1)), 3.0, power=2)
    assert profile.bulge_mm2 == pytest.approx(lying(-3.5) - (lying(-5) + lying(-2)) / 2)

"""Profiles of area along the normal against the volumes they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtplan.geometry.profile import Profile, between, beyond, departures


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
    assert squared < 1e-9 * plain
    profile = between(*window, power=2)
    z = np.linspace(0, 3, 3001)
    exact = np.trapezoid([lying(x - 5) for x in z], z)
    assert profile.total_mm3 == pytest.approx(exact, rel=1e-6)
    end = beyond(lying(8), (3.0, lying(5)), (3.0, lying(2)), 3.0, power=2)
    assert end is not None
    assert end.length_mm == pytest.approx(2)
    segment = 2 * 24 * (50 * np.arccos(0.8) - 4 * 6)  # twice the half of the circle's segment
    assert end.total_mm3 == pytest.approx(segment, rel=1e-4)


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

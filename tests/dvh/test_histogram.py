"""Ramps in a histogram: exact volume and mean, and the same as depositing them one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.dvh import histogram
from rtplan.dvh.histogram import RampHistogram

pieces = st.lists(
    st.tuples(st.floats(0.01, 5), st.floats(10, 50), st.floats(0, 20)), min_size=1, max_size=30
)


def above(volume: float, centre: float, width: float, dose: float) -> float:
    """What a piece spread evenly over its width has at a dose or above."""
    return volume * float(np.clip((centre + width / 2 - dose) / width, 0, 1))


@settings(deadline=None, max_examples=60)
@given(pieces)
def test_curve_is_the_sum_of_the_ramps(drawn: list[tuple[float, float, float]]) -> None:
    volume, centre, width = np.array(drawn).T
    width = width + 1.0
    found = RampHistogram(-1.0, 61.0)  # a ramp must end within
    found.add(volume, centre, width)
    dose, curve = found.cumulative(float(volume.sum()), -1.0, 61.0)
    rounded = 62.0 / histogram.NODES / 4 * float((volume / width).sum())  # a corner between nodes
    for at in (0.0, 9.5, 20.0, 33.3, 47.0, 60.5):
        wanted = sum(above(v, c, w, at) for v, c, w in zip(volume, centre, width, strict=True))
        assert np.interp(at, dose, curve) == pytest.approx(wanted, abs=1.1 * rounded)


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(1)
    volume, centre, width = draw.random(999), 60 * draw.random(999), 3 * draw.random(999)
    curves = []
    for chunk in (7, 10_000):
        monkeypatch.setattr(histogram, "_CHUNK", chunk)
        found = RampHistogram(0.0, 63.0)
        found.add(volume, centre, width)
        curves.append(found.cumulative(float(volume.sum()), 0.0, 63.0)[1])
    np.testing.assert_allclose(curves[0], curves[1], atol=1e-9)


def test_no_volume_is_lost_beyond_the_ends() -> None:
    """A wide piece near the lowest dose keeps its volume and mean; the curve ends at nothing."""
    found = RampHistogram(0.0, 60.0)
    found.add(np.array([5.0, 1.0]), np.array([0.5, 59.5]), np.array([10.0, 10.0]))
    dose, curve = found.cumulative(6.0, 0.0, 60.0)
    assert curve[0] == 6.0
    assert np.interp([2.0, 30.0, 58.0], dose, curve) == pytest.approx([1.0, 1.0, 1.0], abs=1e-9)
    assert np.trapezoid(curve, dose) == pytest.approx(5 * 0.5 + 59.5, rel=1e-6)

"""The stated uncertainty beside the truth, on a sphere and a box."""

from __future__ import annotations

from benchmarks.uncertainty import values


def test_a_flat_end_between_planes_is_within_the_uncertainty_of_the_volume() -> None:
    found = list(values((3.0,), solids=("box 20 x 16 x 12",), phases=(0.0, 0.5)))
    volumes = [item for item in found if item.metric == "Volume"]
    assert len(volumes) == 6
    assert max(item.outside for item in volumes) < 1e-6
    assert min(item.uncertainty for item in volumes) > 0.1


def test_a_truth_that_is_off_lies_outside() -> None:
    (first, *_) = values((2.0,), solids=("sphere 12",), phases=(0.25,))
    assert first.metric == "Volume"
    assert first.outside < 2e-3
    assert type(first)("", "", first.value * 1.1, first.uncertainty, first.true).outside > 0.05

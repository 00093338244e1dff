"""The stated uncertainty beside the truth, on a sphere and a box."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.common import computed, dose_of, drawn
from benchmarks.uncertainty import values
from rtplan.dvh.engine import Settings
from rtplan.dvh.metrics import evaluate, parse
from rtplan.phantoms.drawing import Pen
from rtplan.phantoms.solids import Sphere


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


@pytest.mark.parametrize("placement", [0.0, 0.4])
def test_a_peak_between_the_voxels_of_a_large_organ_is_within(placement: float) -> None:
    """Too large for nodes between voxels; the peak is 0.9 Gy above the highest voxel."""
    settings = replace(Settings(), lone_plane_mm=3.0)
    dose = dose_of(
        lambda points: np.asarray(60 * np.exp(-np.square(points).sum(axis=-1) / 128)),
        2.0,
        half_mm=50.0,
        placement=placement,
    )
    ball = drawn(Sphere((0.0, 0.0, 0.0), 40.0), Pen(3.0, phase=0.3))
    result, _, _ = computed(ball, dose, settings)
    found = evaluate(parse("Max"), result)
    assert found.value is not None
    assert found.uncertainty is not None
    assert abs(60 - found.value) < found.uncertainty < 2

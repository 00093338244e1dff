"""A dose grid that moves under a sphere that does not."""

from __future__ import annotations

import pytest

from benchmarks.common import PRISMS, SETTINGS
from benchmarks.grid_shift import shift
from benchmarks.spheres import fields

SIZE = (3.0, 1.0, 2.0)


@pytest.mark.parametrize("setting", list(SETTINGS))
def test_in_a_linear_dose_no_metric_moves(setting: str) -> None:
    assert shift(SIZE, fields(3.0)["oblique"], SETTINGS[setting], steps=3).percent < 0.1


def test_in_a_bent_dose_trilinear_metrics_do() -> None:
    found = shift(SIZE, fields(3.0)["Gaussian"], PRISMS, steps=2)
    assert found.percent > 0.5

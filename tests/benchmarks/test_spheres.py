"""Spheres against their closed forms, at two placements."""

from __future__ import annotations

import pytest

from benchmarks.common import PRISMS, SETTINGS
from benchmarks.spheres import fields, runs


@pytest.mark.parametrize("name", ["x", "z", "oblique", "Gaussian"])
def test_the_default_is_near_the_truth(name: str) -> None:
    for error in runs(5.0, 1.0, 1.0, fields(5.0)[name], SETTINGS["default"], count=2):
        assert abs(error.volume_percent) < 0.1
        assert error.curve_pp < 0.3


def test_sections_far_from_the_blend_are_found_too() -> None:
    """In one of these placements a section lies beyond where it is looked for first."""
    for error in runs(8.0, 3.0, 2.0, fields(8.0)["Gaussian"], SETTINGS["default"], count=6):
        assert error.curve_pp < 0.3


def test_prisms_leave_what_slicing_leaves() -> None:
    """At most a quarter of (spacing / radius) squared, and visibly more than nothing."""
    found = list(runs(5.0, 2.0, 2.0, fields(5.0)["z"], PRISMS, count=2))
    worst = max(abs(error.volume_percent) for error in found)
    assert 1.0 < worst < 25 * (2 / 5) ** 2 + 0.1
    assert max(error.curve_pp for error in found) > 1.0

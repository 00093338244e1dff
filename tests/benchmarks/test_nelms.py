"""The solids of Nelms et al.: endpoints, their truth, and what engines make of them."""

from __future__ import annotations

import pytest

from benchmarks.common import PRISMS, SETTINGS
from benchmarks.nelms import (
    CENTRE,
    GRADIENTS,
    METRICS,
    SOLIDS,
    TEST_1,
    TEST_2,
    beyond,
    cases,
    exact,
)
from rtplan.dvh.engine import EndCap
from rtplan.phantoms.fields import LinearField


def test_endpoints_are_those_of_the_study() -> None:
    each = len(SOLIDS) * len(GRADIENTS) * len(METRICS)
    assert (each * len(TEST_1), each * len(TEST_2)) == (360, 270)


@pytest.mark.parametrize("slices", [0.2, 2.0])
def test_truth_has_half_a_slice_at_flat_ends_only(slices: float) -> None:
    """Volumes of 7.24, 10.86 and 3.62 cc, and 0.45 cc for each mm of a disc."""
    field = LinearField(CENTRE, 16.0, GRADIENTS["z"])
    volume = {name: exact(name, field, slices, EndCap.ROUNDED).volume_cc for name in SOLIDS}
    disc = 0.4523893 * slices / 2
    wanted = {"sphere": 7.2382, "cylinder": 10.8573 + 2 * disc, "cone": 3.6191 + disc}
    for name, value in wanted.items():
        assert volume[name] == pytest.approx(value, abs=1e-4)
    assert volume["cylinder, lying"] == pytest.approx(10.8573, abs=1e-4)
    assert volume["cone, lying"] == pytest.approx(3.6191, abs=1e-4)


def test_prisms_meet_the_truth_of_a_standing_cylinder() -> None:
    found = list(cases(TEST_2[1:2], PRISMS, solids=("cylinder",)))
    assert len(found) == 2
    assert beyond(found, 0.2) == []


def test_prisms_of_a_lying_cylinder_miss_it() -> None:
    """What slicing alone costs there, 20 % of D99 at 3 mm, is seen."""
    found = list(cases(TEST_2[2:], PRISMS, solids=("cylinder, lying",)))
    assert {metric for _, metric, _ in beyond(found, 3.0)} >= {"Volume", "D99%"}


def test_the_default_meets_the_sphere() -> None:
    assert beyond(list(cases(TEST_2[1:2], SETTINGS["default"], solids=("sphere",))), 1.0) == []

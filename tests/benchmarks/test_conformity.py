"""The Paddick index of a sphere and the isodose on its surface."""

from __future__ import annotations

import pytest

from benchmarks.common import PRISMS, SETTINGS
from benchmarks.conformity import conformity


def test_the_default_finds_sphere_and_isodose_to_be_one() -> None:
    found = conformity(3.0, 0.25, 0.3, SETTINGS["default"])
    assert found.curve_pp < 0.9
    assert found.paddick == pytest.approx(1.0, abs=0.02)
    assert found.paddick_box == pytest.approx(1.0, abs=0.02)
    assert found.gradient_index == pytest.approx(3.69, abs=0.05)


def test_trilinear_prisms_do_not() -> None:
    found = conformity(3.0, 0.25, 0.3, PRISMS)
    assert found.curve_pp > 5
    assert found.paddick < 0.9

"""Our curve beside the planning system's."""

import numpy as np
import pytest

from rtplan.case import StoredDVH
from rtplan.dvh.compare import compare, compare_all
from rtplan.dvh.curve import DVH, StructureDVH

OURS = StructureDVH(
    3, "Heart", "ORGAN", 10.0, 10.0, DVH(np.array([10.0, 30.0]), np.array([10.0, 0.0]), 20.0)
)


def stored(shift: float, volume: float = 8.0) -> StoredDVH:
    dose = np.linspace(0, 40, 4001)
    return StoredDVH(3, dose, volume * np.clip((30 + shift - dose) / 20, 0, 1))


def test_same_curve_differs_by_nothing_but_volume() -> None:
    result = compare(stored(0.0), OURS)
    assert result.volume_difference_percent == pytest.approx(25.0)
    assert result.mean_gy == pytest.approx(20.0)
    assert result.mean_difference_gy == pytest.approx(0.0, abs=1e-9)
    assert result.curve_difference_pp == pytest.approx(0.0, abs=1e-9)


def test_shifted_curve_differs_by_its_shift() -> None:
    result = compare(stored(-1.0), OURS)
    assert result.mean_difference_gy == pytest.approx(1.0)
    assert result.curve_difference_pp == pytest.approx(5.0)


def test_structure_without_dose_has_no_difference() -> None:
    empty = StructureDVH(3, "Heart", "ORGAN", None, None, None, reason="it has no contours")
    result = compare(stored(0.0), empty)
    assert result.volume_cc == 8.0
    assert result.volume_difference_percent is None
    assert result.curve_difference_pp is None


def test_stored_curve_of_an_unknown_roi_is_left_out() -> None:
    other = StructureDVH(4, "Liver", "ORGAN", 10.0, 10.0, OURS.dvh)
    assert compare_all((stored(0.0),), (other,)) == ()
    assert compare_all((stored(0.0, volume=0.0),), (OURS,)) == ()

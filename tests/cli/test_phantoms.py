"""From files to numbers, the closed-form phantoms come out as their truth says."""

from pathlib import Path

import pytest

from benchmarks.phantoms import errors
from rtplan.phantoms import catalogue

SOLIDS = [entry.name for entry in catalogue() if entry.name != "esophagus-oligomet"]


@pytest.mark.parametrize("name", SOLIDS)
def test_phantom_read_from_its_files_has_its_closed_form(name: str, tmp_path: Path) -> None:
    """What is left is slicing: planes 0.5 mm apart in solids of 12 mm radius."""
    volume_percent, curve_pp, dose_gy = errors(name, tmp_path)
    assert abs(volume_percent) < 0.05
    assert curve_pp < 0.06
    assert dose_gy < 0.02

"""Dose between voxels, on one case of the benchmark."""

from __future__ import annotations

from benchmarks.dose_interpolation import CASES, rows


def test_cubic_is_nearer_to_a_bell_than_trilinear() -> None:
    (row,) = rows(CASES[:1])
    trilinear, cubic = row.errors
    assert cubic < 0.2
    assert trilinear > 4

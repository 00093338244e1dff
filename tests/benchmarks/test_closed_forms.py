"""Solids by slice model, one placement each."""

from __future__ import annotations

import pytest

from benchmarks.closed_forms import FIELDS, MODELS, SOLIDS, errors
from rtplan.phantoms.fields import truth

ROUNDED, PRISM = MODELS["shape, rounded"], MODELS["prism, half slice"]


@pytest.mark.parametrize("name", list(SOLIDS))
def test_every_solid_has_a_truth_in_every_dose(name: str) -> None:
    for field in FIELDS.values():
        exact = truth(SOLIDS[name], field)
        assert exact.min_gy < exact.mean_gy < exact.max_gy
        assert exact.dose_at(exact.volume_cc / 2) == pytest.approx(exact.mean_gy, rel=0.1)


@pytest.mark.parametrize(
    "name", ["sphere 5", "ellipsoid 15, 8, 6, tilted", "capsule 6 x 20, standing"]
)
def test_shape_meets_the_volume_where_prisms_do_not(name: str) -> None:
    shape = errors(SOLIDS[name], 2.0, ROUNDED, phases=(0.0,))
    prism = errors(SOLIDS[name], 2.0, PRISM, phases=(0.0,))
    assert max(map(abs, shape.volume_percent)) < 0.1
    assert max(map(abs, prism.volume_percent)) > 0.2
    assert max(shape.curve_pp) < 1.0


def test_flat_ends_are_off_by_half_a_spacing_at_most() -> None:
    """Both ends of a box 12 mm high: planes on them give 1 mm more on each side."""
    for settings in MODELS.values():
        found = errors(SOLIDS["box 20 x 16 x 12"], 2.0, settings, phases=(0.0,))
        assert found.volume_percent[0] == pytest.approx(100 * 2 / 12, abs=0.01)

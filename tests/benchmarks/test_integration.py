"""Integration alone, on one sphere: the benchmark's reference, our curve, and their distance."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.common import PRISMS, computed, dose_of, drawn
from benchmarks.integration import CENTRE, compare, fields, points_in_prisms, rows, sampled
from rtplan.geometry.solid import solid_of
from rtplan.phantoms.drawing import Pen
from rtplan.phantoms.solids import Sphere

SIZE = (5.0, 2.0, 2.0)
PEN = Pen(2.0, phase=0.3, vertices=40, area_matched=False)


def test_our_curve_equals_dense_points_in_every_dose() -> None:
    found = list(rows((SIZE,), power=14))
    assert len(found) == 6
    assert max(row.curve_pp for row in found) < 0.15
    assert max(row.dose_percent for row in found) < 0.1


def test_points_lie_evenly_in_the_prisms() -> None:
    cube = np.stack(np.meshgrid(*[(np.arange(40) + 0.5) / 40] * 3), axis=-1).reshape(-1, 3)
    points = points_in_prisms(5.0, PEN, cube)
    structure = drawn(Sphere(CENTRE, 5.0), PEN)
    solid = solid_of(structure)
    np.testing.assert_allclose(points.mean(axis=0), solid.centroid_mm, atol=0.02)
    for slab in solid.slabs:
        share = np.mean((points[:, 2] > slab.low_mm) & (points[:, 2] < slab.high_mm))
        volume = slab.plane.area_mm2 * slab.thickness_mm / 1000
        assert share == pytest.approx(volume / solid.volume_cc, abs=1.5 / 40)


def test_a_dose_that_is_off_is_seen() -> None:
    """The reference in one dose, our curve in another that is 0.2 Gy higher."""
    field = fields(5.0)["linear x"]
    structure = drawn(Sphere(CENTRE, 5.0), PEN)
    dose = dose_of(field.dose_gy, 2.0, half_mm=9.0)
    higher = dose_of(lambda points: field.dose_gy(points) + 0.2, 2.0, half_mm=9.0)
    (reference,) = sampled([dose], 5.0, PEN, 13)
    assert compare(computed(structure, dose, PRISMS)[1], reference)[0] < 0.15
    assert compare(computed(structure, higher, PRISMS)[1], reference)[0] > 1.0

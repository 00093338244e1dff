"""Linear dose: what a solid receives, against sampling and against itself."""

from __future__ import annotations

import numpy as np
import pytest

from rtplan.errors import DoseError
from rtplan.phantoms.fields import LinearField, truth
from rtplan.phantoms.solids import Cone, Cylinder, Hollow, Solid, Sphere

ORIGIN = (0.0, 0.0, 0.0)
OBLIQUE = LinearField((1.0, -2.0, 3.0), 30.0, (0.3, -0.4, 0.5))
SOLIDS = {
    "sphere": Sphere(ORIGIN, 12.0),
    "cylinder": Cylinder(ORIGIN, 12.0, 24.0),
    "cone": Cone((0.0, 0.0, -12.0), 12.0, 24.0),
    "tube": Hollow(Cylinder(ORIGIN, 12.0, 24.0), Cylinder(ORIGIN, 8.0, 24.0)),
}


def sampled_dose(solid: Solid, field: LinearField) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Doses at a regular lattice of points inside a solid."""
    step = 0.5
    across = np.arange(-12 + step / 2, 12, step)
    found = []
    for z in across:
        x, y = np.meshgrid(across, across)
        inside = np.zeros(x.shape, dtype=bool)
        for ring in solid.rings(float(z)):
            within = np.hypot(x - ring.centre_mm[0], y - ring.centre_mm[1]) <= ring.radius_mm
            inside = inside & ~within if ring.is_hole else inside | within
        points = np.stack([x[inside], y[inside], np.full(inside.sum(), z)], axis=1)
        found.append(field.dose_gy(points))
    return np.concatenate(found)


@pytest.mark.parametrize("name", SOLIDS)
def test_curve_agrees_with_a_lattice_of_points(name: str) -> None:
    exact = truth(SOLIDS[name], OBLIQUE)
    doses = sampled_dose(SOLIDS[name], OBLIQUE)
    levels = np.linspace(exact.min_gy, exact.max_gy, 25)
    share = np.array([np.mean(doses >= level) for level in levels])
    assert np.asarray(exact.volume_at(levels)) / exact.volume_cc == pytest.approx(share, abs=4e-3)
    assert exact.mean_gy == pytest.approx(float(doses.mean()), abs=0.01)
    assert exact.min_gy <= float(doses.min())
    assert exact.max_gy >= float(doses.max())


@pytest.mark.parametrize("name", SOLIDS)
@pytest.mark.parametrize("part", [0.001, 0.05, 0.5, 0.95, 0.999])
def test_dose_at_a_volume_inverts_the_curve(name: str, part: float) -> None:
    exact = truth(SOLIDS[name], OBLIQUE)
    dose = exact.dose_at(part * exact.volume_cc)
    back = float(exact.volume_at(np.array([dose]))[0])
    assert back == pytest.approx(part * exact.volume_cc, rel=1e-10)


def test_ends_of_the_curve_are_minimum_and_maximum() -> None:
    exact = truth(SOLIDS["sphere"], LinearField(ORIGIN, 16.0, (0.0, 0.0, 1.0)))
    assert (exact.min_gy, exact.mean_gy, exact.max_gy) == pytest.approx((4.0, 16.0, 28.0))
    assert exact.dose_at(0.0) == exact.max_gy
    assert exact.dose_at(exact.volume_cc) == exact.min_gy


def test_more_than_the_solid_has_no_dose() -> None:
    with pytest.raises(DoseError, match="outside 0 to"):
        truth(SOLIDS["sphere"], OBLIQUE).dose_at(8.0)


def test_a_field_without_gradient_is_refused() -> None:
    with pytest.raises(DoseError, match="gradient"):
        LinearField(ORIGIN, 16.0, (0.0, 0.0, 0.0))

"""The exact DVH of every solid in every field: against points, and against itself."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import erf
from scipy.stats import qmc

from rtplan.errors import DoseError, GeometryError
from rtplan.geometry.grid import FloatArray
from rtplan.phantoms.fields import (
    Field,
    GaussianField,
    InverseSquareField,
    LinearField,
    RadialSigmoidField,
    SigmoidField,
    Truth,
    truth,
)
from rtplan.phantoms.solids import Cone, Cylinder, Ellipsoid, Hollow, Point, Sphere, Torus
from tests.phantoms.bodies import ANY_BALL, ASIDE, MIDDLE, SOLIDS

ORIGIN: Point = (0.0, 0.0, 0.0)
PLANAR: dict[str, Field] = {
    "linear": LinearField((1.0, -2.0, 3.0), 30.0, (0.3, -0.4, 0.5)),
    "sigmoid": SigmoidField((2.0, -2.0, 3.0), (1.0, 1.0, -2.0), 20.0, 3.0),
}


def radial(about: Point) -> dict[str, Field]:
    return {
        "Gaussian": GaussianField(about, 20.0, 9.0),
        "radial sigmoid": RadialSigmoidField(about, 20.0, 9.0, 2.0),
    }


def fields_of(name: str) -> dict[str, Field]:
    """The fields in which the truth of a solid is known."""
    solid = SOLIDS[name]
    own = solid.centroid_mm if isinstance(solid, Cone) else MIDDLE
    fields = PLANAR | radial(ASIDE if name in ANY_BALL else own)
    if name in ANY_BALL:
        fields["inverse square"] = InverseSquareField((30.0, 5.0, 1.0), 20.0, 25.0)
    if isinstance(solid, Torus):
        fields["inverse square"] = InverseSquareField(MIDDLE, 20.0, 10.0)
    return fields


CASES = [(name, field) for name in SOLIDS for field in fields_of(name)]
EVERY = pytest.mark.parametrize(("name", "field"), CASES)


@cache
def points(name: str) -> FloatArray:
    """Points spread evenly over a solid."""
    solid = SOLIDS[name]
    box = np.array([solid.extent_mm(axis) for axis in np.eye(3)])
    unit = qmc.Sobol(3, seed=1).random(2**15)
    spread = box[:, 0] + unit * (box[:, 1] - box[:, 0])
    return np.asarray(spread[solid.contains(spread)])


@cache
def exact_of(name: str, field: str) -> Truth:
    return truth(SOLIDS[name], fields_of(name)[field])


@EVERY
def test_curve_agrees_with_points(name: str, field: str) -> None:
    dose = fields_of(name)[field]
    exact, doses = exact_of(name, field), dose.dose_gy(points(name))
    levels = np.linspace(exact.min_gy, exact.max_gy, 25)
    share = np.array([np.mean(doses >= level) for level in levels])
    # Sobol points, of which a box around the solid loses some.
    assert np.asarray(exact.volume_at(levels)) / exact.volume_cc == pytest.approx(share, abs=6e-3)
    span = exact.max_gy - exact.min_gy
    assert exact.mean_gy == pytest.approx(float(doses.mean()), abs=3e-3 * span)
    assert exact.min_gy <= float(doses.min()) < exact.min_gy + 0.25 * span
    assert exact.max_gy - 0.25 * span < float(doses.max()) <= exact.max_gy


@EVERY
def test_curve_falls_from_the_whole_at_the_least_dose_to_nothing(name: str, field: str) -> None:
    exact = exact_of(name, field)
    whole = exact.volume_cc
    volumes = exact.volume_at(np.linspace(exact.min_gy, exact.max_gy, 41))
    assert float(np.diff(volumes).max()) < 1e-9 * whole
    beyond = exact.volume_at(np.array([-1.0, 0.0, exact.min_gy, exact.max_gy, 2 * exact.max_gy]))
    assert beyond[:3] == pytest.approx(whole, rel=1e-9)
    assert beyond[3:] == pytest.approx(0, abs=1e-9 * whole)


@EVERY
def test_dose_at_a_volume_inverts_the_curve(name: str, field: str) -> None:
    exact = exact_of(name, field)
    for part in (0.02, 0.7):
        dose = exact.dose_at(part * exact.volume_cc)
        back = float(exact.volume_at(np.array([dose]))[0])
        assert back == pytest.approx(part * exact.volume_cc, rel=1e-8)


@pytest.mark.parametrize("field", ["sigmoid", "Gaussian", "radial sigmoid"])
@pytest.mark.parametrize(
    "name", ["sphere", "hollow sphere", "turned box", "oblique cone", "torus", "oblique capsule"]
)
def test_mean_is_the_area_under_the_curve(name: str, field: str) -> None:
    exact = exact_of(name, field)

    def share(dose_gy: float) -> float:
        return float(exact.volume_at(np.array([dose_gy]))[0] / exact.volume_cc)

    area, _ = quad(
        share, exact.min_gy, exact.max_gy, epsabs=1e-8 * exact.max_gy, epsrel=0, limit=400
    )
    span = exact.max_gy - exact.min_gy
    assert exact.mean_gy == pytest.approx(exact.min_gy + area, abs=1e-7 * span)


@given(st.floats(2, 40), st.floats(0.1, 8))
@settings(deadline=None, max_examples=30)
def test_a_sphere_in_a_gaussian_about_it_follows_the_known_formulas(
    radius: float, sigmas: float
) -> None:
    sigma = radius / sigmas
    exact = truth(Sphere(MIDDLE, radius), GaussianField(MIDDLE, 20.0, sigma))
    edge = 20 * np.exp(-((radius / sigma) ** 2) / 2)
    assert (exact.min_gy, exact.max_gy) == pytest.approx((edge, 20.0))
    dose = np.linspace(edge, 20.0, 13)
    known = 4 / 3 * np.pi * (sigma * np.sqrt(2 * np.log(20 / dose))) ** 3 / 1000
    assert exact.volume_at(dose) == pytest.approx(known, rel=1e-9, abs=1e-12)
    core = np.sqrt(np.pi / 2) * erf(radius / sigma / np.sqrt(2))
    mean = 60 * (sigma / radius) ** 3 * (core - radius / sigma * edge / 20)
    assert exact.mean_gy == pytest.approx(mean, abs=1e-8 * (20 - edge) + 1e-9)


def test_doses_of_a_field_are_those_of_its_coordinate() -> None:
    where = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 13.0]])
    assert GaussianField(ORIGIN, 20.0, 5.0).dose_gy(where)[0] == pytest.approx(20 * np.exp(-0.5))
    assert InverseSquareField(ORIGIN, 8.0, 10.0).dose_gy(where)[0] == pytest.approx(32.0)
    assert RadialSigmoidField(ORIGIN, 20.0, 5.0, 2.0).dose_gy(where)[0] == pytest.approx(10.0)
    assert SigmoidField(ORIGIN, (3.0, 4.0, 0.0), 20.0, 5.0).dose_gy(where) == pytest.approx(
        [20 / (1 + np.exp(-1)), 10.0]
    )


@pytest.mark.parametrize("field", [*PLANAR.values(), *radial(ASIDE).values()])
def test_dose_and_coordinate_invert_each_other(field: Field) -> None:
    at = np.array([2.0, 5.0, 11.0])
    if hasattr(field, "radius_mm"):
        assert field.radius_mm(field.at_distance_gy(at)) == pytest.approx(at)
        rise = field.at_distance_gy(at - 1e-5) - field.at_distance_gy(at + 1e-5)
    else:
        assert field.offset_mm(field.at_offset_gy(at)) == pytest.approx(at)
        rise = field.at_offset_gy(at + 1e-5) - field.at_offset_gy(at - 1e-5)
    assert field.slope_gy_per_mm(at) == pytest.approx(rise / 2e-5, rel=1e-6)


def test_a_source_within_the_solid_has_no_largest_dose() -> None:
    with pytest.raises(DoseError, match="no maximum"):
        truth(Cylinder(ORIGIN, 12.0, 24.0), InverseSquareField((1.0, 0.0, 0.0), 1.0, 1.0))
    hollow = Hollow(Sphere(ORIGIN, 12.0), Sphere(ORIGIN, 8.0))
    assert truth(hollow, InverseSquareField(ORIGIN, 2.0, 8.0)).max_gy == pytest.approx(2.0)


def test_a_combination_that_is_not_known_is_refused() -> None:
    with pytest.raises(GeometryError, match="two half-axes are equal"):
        truth(Ellipsoid(ORIGIN, (15.0, 8.0, 6.0)), GaussianField(ASIDE, 20.0, 9.0))
    with pytest.raises(GeometryError, match="known only on the axis"):
        truth(Torus(ORIGIN, 10.0, 4.0), GaussianField(ASIDE, 20.0, 9.0))


def test_fields_without_sense_are_refused() -> None:
    with pytest.raises(DoseError, match="sigma_mm above 0"):
        GaussianField(ORIGIN, 20.0, 0.0)
    with pytest.raises(DoseError, match="max_gy above 0"):
        SigmoidField(ORIGIN, (1.0, 0.0, 0.0), -1.0, 2.0)
    with pytest.raises(DoseError, match="direction"):
        SigmoidField(ORIGIN, ORIGIN, 20.0, 2.0)
    with pytest.raises(DoseError, match="distance_mm above 0"):
        InverseSquareField(ORIGIN, 20.0, -3.0)
    with pytest.raises(DoseError, match="width_mm above 0"):
        RadialSigmoidField(ORIGIN, 20.0, 9.0, float("inf"))

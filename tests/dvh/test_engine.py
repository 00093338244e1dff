"""The engine against dense sampling, closed forms, and itself moved, turned and refined."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.dose.grid import DoseGrid
from rtplan.dvh.curve import DVH
from rtplan.dvh.engine import compute, integrate
from rtplan.dvh.metrics import evaluate, parse
from rtplan.dvh.reduce import reduced
from rtplan.geometry.contour import Contour, GeometricType, Structure
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.solid import solid_of
from tests.oracles.sampling import sampled_doses
from tests.shapes import PRISMS, circle, dose_grid, gaussian, linear, rectangle, sphere, structure

OBLIQUE = np.array([0.5, -0.4, 0.6])


def computed(drawn: Structure, dose: DoseGrid) -> DVH:
    result = compute(drawn, dose, settings=PRISMS)
    assert result.dvh is not None
    return result.dvh


def error_pp(dvh: DVH, doses: FloatArray, volumes: FloatArray) -> float:
    """Largest difference from sampled doses, percentage points of volume."""
    at = np.linspace(doses.min(), doses.max(), 101)[1:-1]
    order = np.argsort(doses)
    above = np.cumsum(volumes[order][::-1])[::-1]
    index = np.searchsorted(doses[order], at)
    truth = above[index] / volumes.sum()
    ours = np.array([dvh.volume_at(float(x)) for x in at]) / dvh.covered_cc
    return 100 * float(np.abs(ours - truth).max())


@pytest.mark.parametrize("field", [linear(OBLIQUE), linear((0, 0, 1)), gaussian(6.0)])
@pytest.mark.parametrize(("radius", "spacing", "step"), [(3, 1, 1), (6, 2, 2), (10, 3, 2.5)])
def test_curve_equals_dense_sampling_of_the_same_solid_and_dose(
    radius: float, spacing: float, step: float, field: Callable[[FloatArray], FloatArray]
) -> None:
    drawn = sphere(radius, spacing, phase=0.3)
    dose = dose_grid(field, spacing=step)
    doses, volumes = sampled_doses(solid_of(drawn), dose, per_mm=24 / radius)
    dvh = computed(drawn, dose)
    assert error_pp(dvh, doses, volumes) < 0.2  # the sampling itself scatters by 0.1
    assert dvh.mean_gy == pytest.approx(np.average(doses, weights=volumes), abs=0.02)
    assert dvh.min_gy <= doses.min() + 1e-3
    assert dvh.max_gy >= doses.max() - 1e-3


@pytest.mark.parametrize("direction", [(1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0), (0.5, -0.4, 0.6)])
def test_box_in_a_linear_gradient_has_its_closed_form(direction: tuple[float, ...]) -> None:
    """Volume above a plane through a box: sum over corners of a cubic ramp."""
    rings = [rectangle(-7, -5, 7, 5, z) for z in np.arange(-8, 9, 2.0)]
    dvh = computed(structure(rings), dose_grid(linear(direction), spacing=2.5))
    sides = np.array([14.0, 10.0, 18.0])
    active = np.abs(direction) > 0
    ramp = np.abs(np.asarray(direction))[active] * sides[active]
    k = len(ramp)
    corners = np.array(np.meshgrid(*[[0, 1]] * k)).reshape(k, -1).T
    for dose in np.linspace(50 - ramp.sum() / 2, 50 + ramp.sum() / 2, 41):
        s = 50 + ramp.sum() / 2 - dose - corners @ ramp
        truth = ((-1.0) ** corners.sum(axis=1) * np.maximum(s, 0) ** k).sum()
        truth /= np.prod(np.arange(1, k + 1)) * np.prod(ramp)
        assert dvh.volume_at(float(dose)) / dvh.covered_cc == pytest.approx(truth, abs=4e-4)
    assert dvh.mean_gy == pytest.approx(50, abs=1e-4)
    assert dvh.min_gy == pytest.approx(50 - ramp.sum() / 2, abs=1e-3)
    assert dvh.max_gy == pytest.approx(50 + ramp.sum() / 2, abs=1e-3)


def test_volume_and_covered_volume_are_the_prisms_s() -> None:
    drawn = sphere(9, 2, phase=0.7)
    result = compute(drawn, dose_grid(gaussian(8)), settings=PRISMS)
    assert result.volume_cc == pytest.approx(solid_of(drawn).volume_cc, rel=1e-12)
    assert result.covered_cc == pytest.approx(result.volume_cc, rel=1e-10)


def test_hole_gets_no_dose_however_it_is_drawn() -> None:
    outer = [circle(10, z) for z in range(-9, 10, 3)]
    inner = [circle(6, z) for z in range(-9, 10, 3)]
    dose = dose_grid(linear((1, 0, 0)))
    nested = computed(structure(outer + inner), dose)
    xor = computed(structure(outer + inner, GeometricType.CLOSEDPLANAR_XOR), dose)
    keyholes = [
        np.concatenate([a, a[:1], b[:1], b[:0:-1], b[:1]])
        for a, b in zip(outer, inner, strict=True)
    ]
    keyhole = computed(structure(keyholes), dose)
    full, core = computed(structure(outer), dose), computed(structure(inner), dose)
    for at in (42.0, 50.0, 53.0, 58.0):
        expected = full.volume_at(at) - core.volume_at(at)
        assert nested.volume_at(at) == pytest.approx(expected, abs=2e-3)
        assert xor.volume_at(at) == pytest.approx(nested.volume_at(at), abs=1e-9)
        assert keyhole.volume_at(at) == pytest.approx(nested.volume_at(at), abs=1e-9)


@settings(deadline=None, max_examples=15)
@given(
    radius=st.floats(2, 12),
    spacing=st.floats(0.8, 4),
    phase=st.floats(0, 1),
    step=st.floats(1, 3.5),
    gradient=st.tuples(*[st.floats(-1, 1)] * 3),
)
def test_every_curve_falls_from_the_volume_to_nothing(
    radius: float, spacing: float, phase: float, step: float, gradient: tuple[float, ...]
) -> None:
    drawn = sphere(radius, spacing, phase=phase * spacing, points=60)
    result = compute(drawn, dose_grid(linear(gradient), spacing=step), settings=PRISMS)
    dvh = result.dvh
    if dvh is None:
        assert result.reason
        return
    assert (np.diff(dvh.dose_gy) >= 0).all()
    assert (np.diff(dvh.volume_cc) <= 0).all()
    assert dvh.volume_cc[0] == pytest.approx(result.volume_cc, rel=1e-9)
    assert dvh.volume_cc[-1] == 0
    assert dvh.min_gy - 1e-9 <= dvh.mean_gy <= dvh.max_gy + 1e-9
    from_curve = dvh.min_gy + np.trapezoid(dvh.volume_cc, dvh.dose_gy) / dvh.covered_cc
    assert from_curve == pytest.approx(dvh.mean_gy, abs=0.02 * (dvh.max_gy - dvh.min_gy) + 1e-6)
    for volume in (0.1, 0.5, 0.98):
        dose = dvh.dose_at(volume * dvh.covered_cc)
        assert dvh.volume_at(dose) >= volume * dvh.covered_cc * (1 - 1e-6)


def test_scaled_dose_scales_the_curve() -> None:
    drawn, field = sphere(8, 2), gaussian(9)
    once = computed(drawn, dose_grid(field))
    twice = computed(drawn, dose_grid(lambda points: 2 * field(points)))
    assert twice.mean_gy == pytest.approx(2 * once.mean_gy, rel=1e-6)
    for at in np.linspace(once.min_gy, once.max_gy, 31):
        expected = once.volume_at(float(at))
        assert twice.volume_at(2 * float(at)) == pytest.approx(expected, abs=1e-5)


TURNS = [np.eye(3)[list(order)] for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1), (1, 0, 2))]
FLIPS = [np.diag(signs) for signs in ((1, 1, 1), (-1, -1, 1), (1, -1, -1), (-1, 1, -1))]


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("flip", FLIPS)
def test_axis_order_and_direction_of_the_dose_grid_do_not_matter(
    turn: FloatArray, flip: FloatArray
) -> None:
    """The same voxel centres, stored along other axes."""
    drawn = sphere(8, 2.5, phase=0.4)
    field = gaussian(7.0)
    plain = computed(drawn, dose_grid(field, offset=0.0, half=20))
    turned = computed(drawn, dose_grid(field, offset=0.0, half=20, directions=turn.T @ flip))
    np.testing.assert_allclose(turned.dose_gy, plain.dose_gy, atol=1e-6)
    np.testing.assert_allclose(turned.volume_cc, plain.volume_cc, atol=1e-6)


@pytest.mark.parametrize(("radius", "spacing", "step"), [(3, 1, 1), (5, 2, 2), (12, 2, 2.5)])
def test_dose_grid_oblique_to_the_contours_equals_dense_sampling(
    radius: float, spacing: float, step: float
) -> None:
    angle = 0.3
    turn = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )
    drawn = sphere(radius, spacing, phase=0.4)
    dose = dose_grid(gaussian(radius), spacing=step, directions=turn)
    doses, volumes = sampled_doses(solid_of(drawn), dose, per_mm=24 / radius)
    dvh = computed(drawn, dose)
    assert dvh.covered_cc == pytest.approx(solid_of(drawn).volume_cc, rel=1e-9)
    assert error_pp(dvh, doses, volumes) < 0.3


def test_uneven_dose_frames_keep_their_positions() -> None:
    from rtplan.geometry.grid import Grid

    even = dose_grid(linear((0, 0, 1)), spacing=2)
    frames = even.grid.axes_mm[2][[0, 1, 2, 5, 7, 8, 9, 11, 14, 15, 18, 20]]
    grid = Grid(even.grid.origin_mm, even.grid.directions, (*even.grid.axes_mm[:2], frames))
    values = np.repeat(
        (50 + grid.origin_mm[2] + frames)[:, None, None], grid.shape[1], axis=1
    ).repeat(grid.shape[2], axis=2)
    uneven = DoseGrid(grid, values.astype(np.float32))
    drawn = sphere(9, 2, phase=0.3)
    one, other = computed(drawn, even), computed(drawn, uneven)
    for at in np.linspace(one.min_gy, one.max_gy, 21):
        assert other.volume_at(float(at)) == pytest.approx(
            one.volume_at(float(at)), abs=2e-3 * one.covered_cc
        )


def test_part_outside_the_grid_is_volume_without_dose() -> None:
    rings = [rectangle(-5, -5, 5, 5, z) for z in np.arange(-8, 9, 2.0)]
    dose = dose_grid(linear((0, 0, 1)), half=6, offset=0.0, spacing=2)
    result = compute(structure(rings), dose)
    assert result.volume_cc == pytest.approx(1.8)
    assert result.covered_cc == pytest.approx(1.2)
    assert result.dvh is not None
    assert result.dvh.covered_cc == pytest.approx(1.2)
    assert [item.code for item in result.findings] == ["DVH001"]


def test_structure_beside_the_grid_has_volume_and_no_dvh() -> None:
    rings = [circle(5, z, centre=(200.0, 0.0)) for z in (0.0, 2.0, 4.0)]
    result = compute(structure(rings), dose_grid(gaussian(8)))
    assert result.volume_cc is not None
    assert result.covered_cc == 0
    assert result.dvh is None
    assert result.reason == "it lies outside the dose grid"


@pytest.mark.parametrize(
    ("drawn", "reason"),
    [
        (Structure(1, "GTV_1"), "it has no contours"),
        (Structure(1, "GTV_1", problem="duplicate ROI number 1"), "duplicate ROI number 1"),
        (Structure(1, "P", contours=(Contour(np.zeros((1, 3)), GeometricType.POINT),)), "POINT"),
    ],
)
def test_what_has_no_volume_says_why(drawn: Structure, reason: str) -> None:
    result = compute(drawn, dose_grid(gaussian(8)), settings=PRISMS)
    assert (result.volume_cc, result.covered_cc, result.dvh) == (None, None, None)
    assert result.reason is not None
    assert reason in result.reason


def test_without_dose_there_is_still_a_volume() -> None:
    result = compute(sphere(8, 2), None, settings=PRISMS)
    assert result.volume_cc == pytest.approx(solid_of(sphere(8, 2)).volume_cc)
    assert result.reason == "there is no usable dose"


def test_uniform_dose_is_a_step() -> None:
    dvh = computed(sphere(8, 2), dose_grid(lambda points: np.full(len(points), 12.0)))
    assert (dvh.min_gy, dvh.max_gy) == (12, 12)
    assert dvh.mean_gy == pytest.approx(12)
    assert dvh.volume_at(12.0) == pytest.approx(dvh.covered_cc)
    assert dvh.volume_at(12.01) == 0
    assert dvh.dose_at(dvh.covered_cc / 2) == pytest.approx(12)


def test_plateau_at_the_maximum_receives_the_maximum() -> None:
    """Half of the structure at 50 Gy, the dose falling off linearly on the other side."""
    rings = [rectangle(-10, -10, 10, 10, z) for z in range(-9, 10, 3)]
    capped = dose_grid(
        lambda points: np.minimum(50 + points[:, 0], 50.0), spacing=2, offset=0.0, half=20
    )
    result = compute(structure(rings), capped)
    half = evaluate(parse("V50Gy[%]"), result)
    assert half.value == pytest.approx(50.0, abs=0.1)
    assert evaluate(parse("D30%"), result).value == pytest.approx(50.0)
    assert evaluate(parse("V45Gy"), result).value == pytest.approx(75.0, abs=0.1)
    assert result.dvh is not None
    dose, volume = reduced(result.dvh)
    assert volume[-2] == pytest.approx(4.2, abs=0.01)
    assert (dose[-2], dose[-1], volume[-1]) == (50.0, 50.0, 0.0)


def test_extremes_reach_the_border_of_the_grid_on_every_side() -> None:
    for axis in range(2):
        for sign in (-1.0, 1.0):
            gradient = np.zeros(3)
            gradient[axis] = 1.0
            rings = [
                np.column_stack([[0, 14 * sign, 14 * sign], [0, -3, 3], [z] * 3])
                if axis == 0
                else np.column_stack([[0, -3, 3], [0, 14 * sign, 14 * sign], [z] * 3])
                for z in (-2.0, 0.0, 2.0)
            ]
            dose = dose_grid(linear(gradient), half=10, offset=0.0, spacing=2)
            dvh = computed(structure(rings), dose)
            reached = dvh.max_gy if sign > 0 else dvh.min_gy
            assert reached == pytest.approx(50 + 10 * sign)


def test_uneven_frames_with_a_tiny_step_cost_nothing() -> None:
    from rtplan.geometry.grid import Grid

    even = dose_grid(linear((0, 0, 1)), spacing=2)
    frames = np.sort(np.append(even.grid.axes_mm[2], even.grid.axes_mm[2][5] + 0.001))
    grid = Grid(even.grid.origin_mm, even.grid.directions, (*even.grid.axes_mm[:2], frames))
    values = np.zeros(grid.shape, dtype=np.float32) + (50 + grid.origin_mm[2] + frames)[
        :, None, None
    ].astype(np.float32)
    drawn = sphere(9, 2, phase=0.3)
    assert computed(drawn, DoseGrid(grid, values)).mean_gy == pytest.approx(
        computed(drawn, even).mean_gy, abs=1e-4
    )


def test_one_voxel_thick_dose_says_so() -> None:
    from rtplan.geometry.grid import Grid

    flat = dose_grid(linear((1, 0, 0)))
    grid = Grid(flat.grid.origin_mm, flat.grid.directions, (*flat.grid.axes_mm[:2], np.zeros(1)))
    result = compute(sphere(8, 2), DoseGrid(grid, flat.values_gy[:1].copy()))
    assert result.dvh is None
    assert result.reason is not None
    assert "one voxel thick" in result.reason


def test_all_negative_dose_keeps_its_maximum() -> None:
    result = compute(sphere(8, 2), dose_grid(lambda points: np.full(len(points), -3.0)))
    assert evaluate(parse("Max"), result).value == pytest.approx(-3.0)


def test_oblique_body_far_larger_than_the_grid_is_quick() -> None:
    turn = np.linalg.qr(np.array([[1.0, 0.3, 0.1], [0.2, 1, 0.4], [-0.2, 0.1, 1]]))[0]
    rings = [rectangle(-200, -200, 200, 200, z) @ turn.T for z in np.arange(-60, 61, 3.0)]
    dvh = computed(structure(rings), dose_grid(linear(OBLIQUE), half=20))
    # Resampled cells that the rim of the grid cuts are left out: never more than is covered.
    assert 0.94 * 64.0 < dvh.covered_cc < 64.0


def test_peak_between_contours_is_the_maximum() -> None:
    """A small structure around one hot voxel: no cell is wholly inside it."""
    hot = dose_grid(lambda points: (np.abs(points).max(axis=1) < 0.5) * 60.0, offset=0.0)
    dvh = computed(sphere(1.5, 0.5), hot)
    assert dvh.max_gy == pytest.approx(60)


def test_grid_shift_moves_no_dose_metric_in_a_linear_field() -> None:
    drawn = sphere(5, 1, phase=0.2)
    doses = []
    for offset in np.linspace(0, 2, 9):
        dvh = computed(drawn, dose_grid(linear(OBLIQUE), offset=float(offset)))
        doses.append([dvh.dose_at(f * dvh.covered_cc) for f in (0.02, 0.5, 0.95)])
    spread = np.ptp(doses, axis=0) / 55
    assert spread.max() < 1e-3


def test_integrate_of_a_solid_off_the_grid_is_none() -> None:
    rings = [circle(5, z) for z in (100.0, 102.0)]
    assert integrate(solid_of(structure(rings)), dose_grid(gaussian(8))) is None

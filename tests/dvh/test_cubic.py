"""Cubic against trilinear dose: error against the continuous field, in the same prisms."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import qmc

from rtplan.dose.grid import DoseGrid
from rtplan.dvh.curve import DVH
from rtplan.dvh.engine import DoseInterpolation, compute, integrate
from rtplan.geometry.contour import Structure
from rtplan.geometry.grid import FloatArray, Grid
from rtplan.geometry.solid import solid_of
from tests.shapes import SHAPED, circle, dose_grid, gaussian, linear, sphere, structure

Field = Callable[[FloatArray], FloatArray]

SLICE = 0.25
POINTS = 240
UNIT = qmc.Sobol(3, seed=1).random(2**17)


def both(drawn: Structure, dose: DoseGrid) -> tuple[DVH, DVH]:
    """Trilinear and cubic."""
    solid = solid_of(drawn)
    trilinear = integrate(solid, dose)
    cubic = integrate(solid, dose, dose_interpolation=DoseInterpolation.CUBIC)
    assert trilinear is not None
    assert cubic is not None
    return trilinear, cubic


def true_doses(radius: float, field: Field) -> FloatArray:
    """Ascending doses of evenly spread points in the prisms of ``sphere(radius, SLICE)``."""
    count = int(np.ceil(radius / SLICE)) + 1
    planes = SLICE * np.arange(-count, count + 1)
    planes = planes[np.abs(planes) < radius - 1e-6]
    square = radius**2 - planes**2
    share = np.append(0.0, np.cumsum(square)) / square.sum()
    plane = np.minimum(np.searchsorted(share, UNIT[:, 2], side="right") - 1, planes.size - 1)
    height = (UNIT[:, 2] - share[plane]) / np.diff(share)[plane] - 0.5
    polygon = np.sin(2 * np.pi / POINTS) / (2 * np.pi / POINTS)  # its area, as part of the circle's
    distance, angle = np.sqrt(square[plane] * UNIT[:, 0] * polygon), 2 * np.pi * UNIT[:, 1]
    x, y = distance * np.cos(angle), distance * np.sin(angle)
    return np.sort(field(np.column_stack([x, y, planes[plane] + SLICE * height])))


def error_pp(dvh: DVH, doses: FloatArray) -> float:
    """Largest distance of the curve from sampled doses, percentage points, 0.5 cGy tolerated."""
    at = np.linspace(doses[0], doses[-1], 402)[1:-1]
    ours = np.array([dvh.volume_at(float(x)) for x in at]) / dvh.covered_cc
    above = 1 - np.searchsorted(doses, at[:, None] + [-0.005, 0.005]) / doses.size
    apart = np.maximum(ours - above[:, 0], above[:, 1] - ours)
    return 100 * float(np.maximum(apart, 0).max())


def stereotactic(radius: float, width: float) -> Field:
    return lambda p: np.asarray(60 / (1 + np.exp((np.linalg.norm(p, axis=1) - radius) / width)))


def penumbra(width: float) -> Field:
    normal = np.array([0.8, 0.5, 0.33])
    return lambda p: np.asarray(60 / (1 + np.exp((p @ normal - 0.7) / width)))


def modulated(radius: float) -> Field:
    """A smooth dose with hot and cold parts, as arc therapy leaves them."""

    def field(points: FloatArray) -> FloatArray:
        x, y, z = points.T / radius
        bell = 50 * np.exp(-(x * x + 0.7 * y * y + 0.5 * z * z) / 3)
        waves = 4 * np.cos(3 * x + 1) * np.cos(2.5 * y) * np.cos(2 * z - 0.4)
        return np.asarray(bell + waves + 3 * np.sin(4 * y + 0.3 * x))

    return field


def clipped(radius: float, at: float) -> Field:
    return lambda p: np.maximum(0.0, 60 * (p[:, 0] - at) / radius)


def step(points: FloatArray) -> FloatArray:
    return np.where(points[:, 0] > 0.3, 60.0, 0.0)


def errors(radius: float, spacing: float, field: Field) -> tuple[float, float]:
    """Worse of two placements of the grid: trilinear, cubic."""
    doses = true_doses(radius, field)
    drawn = sphere(radius, SLICE, points=POINTS)
    pairs = []
    for offset in (0.137, 0.6 * spacing):
        grid = dose_grid(field, spacing=spacing, half=max(16, 1.5 * radius), offset=offset)
        pairs.append([error_pp(dvh, doses) for dvh in both(drawn, grid)])
    trilinear, cubic = np.max(pairs, axis=0).tolist()
    return trilinear, cubic


@pytest.mark.parametrize(
    ("radius", "spacing", "field", "most"),
    [
        (3, 1, gaussian(3), 0.15),
        (3, 1, gaussian(4.5), 0.15),
        (3, 2, gaussian(3), 0.9),
        (3, 1, stereotactic(3, 1), 0.35),
        (5, 2, stereotactic(5, 1), 1.8),
        (12, 2, stereotactic(12, 1), 0.75),
        (12, 2, penumbra(1.5), 0.06),
        (12, 2, modulated(12), 0.03),
        (12, 2.5, gaussian(12), 0.3),
    ],
)
def test_smooth_fields_are_met_five_times_better(
    radius: float, spacing: float, field: Field, most: float
) -> None:
    trilinear, cubic = errors(radius, spacing, field)
    assert cubic < most
    assert 5 * cubic < trilinear


@pytest.mark.parametrize(
    ("radius", "spacing", "field"),
    [
        (3, 2, clipped(3, -0.93)),
        (3, 2, clipped(3, 0.137)),  # with the kink on voxel centres of one of the two grids
        (12, 2, clipped(12, -3.7)),
        (5, 2, step),
        (12, 3, step),
        (12, 3, penumbra(0.25)),
        (25, 3, stereotactic(25, 0.5)),
        (25, 3, stereotactic(25, 1)),
        (5, 2, stereotactic(5, 0.5)),
        (3, 2.5, stereotactic(3, 0.25)),
    ],
)
def test_clipped_and_unresolved_fields_are_met_no_worse(
    radius: float, spacing: float, field: Field
) -> None:
    trilinear, cubic = errors(radius, spacing, field)
    assert cubic < trilinear + 0.1


def test_kink_on_voxel_centres_is_as_exact_as_with_trilinear_dose() -> None:
    field = clipped(3, 0.137)
    drawn, grid = sphere(3, SLICE, points=POINTS), dose_grid(field, spacing=2, half=16)
    doses = true_doses(3, field)
    for dvh in both(drawn, grid):
        assert error_pp(dvh, doses) < 0.05


def test_linear_dose_gives_the_same_curve() -> None:
    drawn, dose = sphere(8, 2), dose_grid(linear((0.5, -0.4, 0.6)))
    trilinear, cubic = both(drawn, dose)
    np.testing.assert_allclose(cubic.dose_gy, trilinear.dose_gy, rtol=1e-6)  # single precision
    # Cells are finer for the cubic dose.
    np.testing.assert_allclose(cubic.volume_cc, trilinear.volume_cc, atol=2e-4)
    assert cubic.mean_gy == pytest.approx(trilinear.mean_gy, rel=1e-6)


def test_volume_is_the_same() -> None:
    trilinear, cubic = both(sphere(8, 2, phase=0.3), dose_grid(gaussian(6)))
    assert cubic.covered_cc == pytest.approx(trilinear.covered_cc, rel=1e-12)


def test_maximum_between_voxels_is_the_peak() -> None:
    trilinear, cubic = both(sphere(4, 0.5), dose_grid(gaussian(4), spacing=2, offset=1.0))
    assert trilinear.max_gy < 55
    assert cubic.max_gy == pytest.approx(60, abs=0.3)


@pytest.mark.parametrize("offset", [0.137, 1.2])
@pytest.mark.parametrize(
    "field", [clipped(5, 0.4), step, stereotactic(5, 0.25), stereotactic(5, 0.5)]
)
def test_extremes_stay_near_the_voxels(field: Field, offset: float) -> None:
    dose = dose_grid(field, spacing=2, offset=offset)
    _, cubic = both(sphere(5, 1), dose)
    assert cubic.min_gy >= 0
    assert cubic.min_gy <= cubic.mean_gy <= cubic.max_gy
    within = dose.values_gy[6:15, 6:15, 6:15]
    assert cubic.max_gy <= float(within.max()) * 1.08


TURNS = [np.eye(3)[list(order)] for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1), (1, 0, 2))]
FLIPS = [np.diag(signs) for signs in ((1, 1, 1), (-1, -1, 1), (1, -1, -1), (-1, 1, -1))]


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("flip", FLIPS)
def test_axis_order_and_direction_of_the_dose_grid_do_not_matter(
    turn: FloatArray, flip: FloatArray
) -> None:
    drawn, field = sphere(8, 2.5, phase=0.4), stereotactic(8, 0.7)
    _, plain = both(drawn, dose_grid(field, offset=0.0))
    _, turned = both(drawn, dose_grid(field, offset=0.0, directions=turn.T @ flip))
    assert turned.mean_gy == pytest.approx(plain.mean_gy, abs=1e-6)
    for at in np.linspace(plain.min_gy, plain.max_gy, 31)[1:-1]:
        expected = plain.volume_at(float(at))
        assert turned.volume_at(float(at)) == pytest.approx(expected, abs=1e-5)


def test_oblique_grid_is_met_better_too() -> None:
    angle = np.radians(17)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    field, drawn = gaussian(6.0), sphere(6, SLICE, points=POINTS)
    doses = true_doses(6, field)
    trilinear, cubic = both(drawn, dose_grid(field, directions=turn))
    assert cubic.covered_cc == pytest.approx(trilinear.covered_cc, rel=1e-9)
    assert error_pp(cubic, doses) < error_pp(trilinear, doses) / 5


def test_uneven_frames_are_met_better_too() -> None:
    field, drawn = gaussian(8.0), sphere(6, SLICE, points=POINTS)
    even = dose_grid(field, spacing=(2, 2, 1))
    frames = even.grid.axes_mm[2][[0, 2, 5, 7, 9, 12, 14, 16, 18, 19, 20, 22, 24, 26, 29, 32, 38]]
    grid = Grid(even.grid.origin_mm, even.grid.directions, (*even.grid.axes_mm[:2], frames))
    chosen = np.searchsorted(even.grid.axes_mm[2], frames)
    uneven = DoseGrid(grid, even.values_gy[chosen])
    doses = true_doses(6, field)
    trilinear, cubic = both(drawn, uneven)
    assert error_pp(cubic, doses) < error_pp(trilinear, doses) / 4


def test_border_of_the_grid_is_met_better_too() -> None:
    field, drawn = gaussian(6.0), sphere(8, SLICE, points=POINTS)
    trilinear, cubic = both(drawn, dose_grid(field, half=6, offset=0.0))
    assert cubic.covered_cc == pytest.approx(trilinear.covered_cc, rel=1e-12)
    doses = true_doses(8, lambda p: np.where(np.abs(p).max(axis=1) <= 6, field(p), np.nan))
    truth = float(np.nanmean(doses))
    assert abs(cubic.mean_gy - truth) < abs(trilinear.mean_gy - truth) / 5


def test_setting_reaches_the_engine_and_is_told() -> None:
    drawn, dose = structure([circle(5, z) for z in range(-5, 6)]), dose_grid(gaussian(5))
    settings = replace(SHAPED, dose_interpolation=DoseInterpolation.CUBIC)
    assert settings.as_json()["dose_interpolation"] == "cubic"
    linear = replace(settings, dose_interpolation=DoseInterpolation.TRILINEAR)
    linear_dvh, cubic_dvh = (compute(drawn, dose, settings=s).dvh for s in (linear, settings))
    assert linear_dvh is not None
    assert cubic_dvh is not None
    assert cubic_dvh.mean_gy > linear_dvh.mean_gy  # a line lies below a peak

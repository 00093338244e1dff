"""The spline against closed forms, scipy's splines, and itself stored along other axes."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.interpolate import CubicSpline
from scipy.ndimage import map_coordinates

from rtplan.dose import means
from rtplan.dose.grid import DoseGrid
from rtplan.dose.spline import around, bowed, cell_means, on_nodes_of, refine_line, refined_around
from rtplan.geometry.grid import FloatArray, Grid
from tests.shapes import dose_grid, gaussian, linear

UPRIGHT = np.eye(3)
HALF = np.full(3, 6.0)

Field = Callable[[FloatArray], FloatArray]


def refined(dose: DoseGrid, half: FloatArray = HALF) -> DoseGrid:
    return refined_around(dose, UPRIGHT, -half, half)


def positions(grid: Grid) -> FloatArray:
    """Voxel centres (k j i, 3) mm, in the order of the values."""
    k, j, i = np.meshgrid(*grid.axes_mm[::-1], indexing="ij")
    return grid.origin_mm + np.stack([i, j, k], axis=-1).reshape(-1, 3) @ grid.directions.T


def largest_error(dose: DoseGrid, field: Field) -> float:
    return float(np.abs(dose.values_gy.ravel() - field(positions(dose.grid))).max())


def clipped(points: FloatArray) -> FloatArray:
    return np.maximum(0.0, 20.0 * (points[:, 0] + 1.7))


def edge(points: FloatArray) -> FloatArray:
    return np.asarray(60.0 * (np.linalg.norm(points, axis=1) < 5))


def on_grid(values: FloatArray, axes: tuple[FloatArray, FloatArray, FloatArray]) -> DoseGrid:
    return DoseGrid(Grid(np.zeros(3), np.eye(3), axes), values.astype(np.float32))


def test_new_nodes_of_a_gaussian_are_ten_times_closer_than_lines() -> None:
    field = gaussian(5.0)
    coarse = dose_grid(field, spacing=2)
    fine = refined(coarse)
    assert fine.grid.shape[0] > 2 * (2 * HALF[0] / 2)
    assert largest_error(fine, field) < 0.15
    # A line between two voxels misses up to an eighth of the second difference: 60 (2/5)²/8 = 1.2.
    assert 8 * largest_error(fine, field) < 60 * (2 / 5) ** 2 / 8


def test_voxels_keep_their_doses() -> None:
    coarse = dose_grid(gaussian(4.0), spacing=2)
    fine = refined(coarse)
    factor = round(float(coarse.grid.spacing_mm[0] / fine.grid.spacing_mm[0]))
    assert factor > 1
    first = np.rint((fine.grid.origin_mm - coarse.grid.origin_mm) / 2).astype(int)
    count = (np.array(fine.grid.shape[::-1]) - 1) // factor + 1
    i, j, k = (slice(a, a + n) for a, n in zip(first, count, strict=True))
    kept = fine.values_gy[::factor, ::factor, ::factor]
    np.testing.assert_array_equal(kept, coarse.values_gy[k, j, i])


@pytest.mark.parametrize("spacing", [2.0, (1.0, 2.0, 3.0)])
def test_linear_field_needs_no_nodes_and_stays_linear(spacing: float | tuple[float, ...]) -> None:
    field = linear((0.5, -0.4, 0.6))
    coarse = dose_grid(field, spacing=spacing)
    assert refined(coarse) is coarse
    lines = coarse.values_gy[:, 0, :].astype(float)
    finer = refine_line(lines, coarse.grid.axes_mm[2], 4, first=0, last=len(lines) - 1)
    expected = np.linspace(lines[0], lines[-1], len(finer))
    np.testing.assert_allclose(finer, expected, atol=1e-5)  # single precision of the grid


def test_inner_nodes_are_nearer_to_a_smooth_curve_than_the_interpolating_spline() -> None:
    x = np.arange(31.0)
    y = np.sin(x / 3)[:, None] + 2
    at = np.linspace(10, 20, 31)
    truth = np.sin(at / 3) + 2
    spline = np.abs(CubicSpline(x, y[:, 0])(at) - truth).max()
    assert spline > 2e-5
    assert np.abs(refine_line(y, x, 3, first=10, last=20)[:, 0] - truth).max() < spline / 10


def test_inner_nodes_of_a_rough_curve_are_near_the_interpolating_spline_s() -> None:
    x = np.arange(31.0)
    y = np.random.default_rng(3).normal(size=(31, 1)).cumsum(axis=0) + 20
    fine = refine_line(y, x, 4, first=10, last=20)[:, 0]
    bow = np.abs(fine - np.interp(np.linspace(10, 20, 41), x, y[:, 0]))
    assert bow.max() < 0.3 * np.abs(np.diff(y, 2, axis=0)).max()


def test_uneven_nodes_are_interpolated_where_they_are() -> None:
    x = np.concatenate([np.arange(10.0), 10 + 1.5 * np.arange(10)])
    field = 60 * np.exp(-((x - 11) ** 2) / 50)
    finer = refine_line(field[:, None], x, 4, first=3, last=17)[:, 0]
    at = np.interp(np.arange(57) / 4, np.arange(15), x[3:18])
    assert np.abs(finer - 60 * np.exp(-((at - 11) ** 2) / 50)).max() < 0.02
    np.testing.assert_array_equal(finer[::4], field[3:18])


@pytest.mark.parametrize("count", [2, 3, 4])
def test_few_nodes_give_something_within_their_range(count: int) -> None:
    values = np.array([[1.0], [3.0], [2.0], [5.0]])[:count]
    finer = refine_line(values, np.arange(float(count)), 3, first=0, last=count - 1)
    assert len(finer) == 3 * (count - 1) + 1
    assert finer.min() >= values.min() - 0.5
    assert finer.max() <= values.max() + 0.5
    if count == 2:
        np.testing.assert_allclose(finer[:, 0], [1, 5 / 3, 7 / 3, 3])


@pytest.mark.parametrize("shift", [0.25, 0.5])
@pytest.mark.parametrize("sigma", [1.25, 1.5, 3.0])
def test_peak_between_voxels_is_recovered(sigma: float, shift: float) -> None:
    """In voxels: a peak at half or a quarter of the way from one to the next."""
    x = np.arange(21.0)
    y = 60 * np.exp(-((x - 10 - shift) ** 2) / (2 * sigma**2))
    finer = refine_line(y[:, None], x, 8, first=5, last=15)
    assert finer.max() == pytest.approx(60, abs=0.5)
    assert y.max() < 60 * (1 - 0.4 * shift**2 / sigma**2)


def test_step_does_not_ring() -> None:
    y = np.array([0.0] * 8 + [60.0] * 8)[:, None]
    finer = refine_line(y, np.arange(16.0), 6, first=0, last=15)[:, 0]
    assert (np.diff(finer) >= 0).all()
    assert (finer[: 7 * 6 + 1] == 0).all()
    assert (finer[8 * 6 :] == 60).all()


def test_shoulder_of_an_unresolved_edge_is_no_peak() -> None:
    y = np.array([0.0, 0, 0, 0, 3, 60, 60, 3, 0, 0, 0, 0])[:, None]
    finer = refine_line(y, np.arange(12.0), 6, first=0, last=11)
    assert finer.max() < 62


def test_kink_on_a_voxel_stays_a_kink() -> None:
    x = np.arange(16.0)
    finer = refine_line(np.maximum(0, x - 7)[:, None], x, 5, first=0, last=15)[:, 0]
    np.testing.assert_allclose(finer, np.maximum(0, np.arange(76) / 5 - 7), atol=1e-12)


@pytest.mark.parametrize("field", [clipped, edge, gaussian(2.0)])
@pytest.mark.parametrize("spacing", [1.0, 2.5])
def test_no_dose_falls_below_zero_or_far_beyond_the_voxels(field: Field, spacing: float) -> None:
    coarse = dose_grid(field, spacing=spacing)
    for dose in (refined(coarse), cell_means(refined(coarse)), cell_means(coarse)):
        assert dose.values_gy.min() >= 0
        assert dose.values_gy.max() <= coarse.values_gy.max() + 12


@settings(deadline=None, max_examples=40)
@given(
    values=arrays.arrays(float, (9, 2), elements=st.floats(0, 70)),
    steps=st.lists(st.floats(0.5, 4), min_size=8, max_size=8),
    factor=st.integers(2, 5),
)
def test_any_line_keeps_its_nodes_and_direction(
    values: FloatArray, steps: list[float], factor: int
) -> None:
    x = np.append(0.0, np.cumsum(steps))
    finer = refine_line(values, x, factor, first=0, last=8)
    np.testing.assert_array_equal(finer[::factor], values)
    assert finer.min() >= 0
    assert finer.max() <= 3 * values.max() + 1e-9
    backwards = refine_line(values[::-1], x[-1] - x[::-1], factor, first=0, last=8)
    np.testing.assert_allclose(backwards[::-1], finer, atol=1e-7)


@pytest.mark.parametrize("field", [gaussian(3.0), edge])
def test_axis_order_and_direction_do_not_matter(field: Field) -> None:
    plain = refined(dose_grid(field, offset=0.0))
    turn = np.eye(3)[[2, 0, 1]] @ np.diag([1.0, -1.0, 1.0])
    turned = refined(dose_grid(field, offset=0.0, directions=turn))
    assert sorted(plain.grid.shape) == sorted(turned.grid.shape)
    here, there = positions(plain.grid), positions(turned.grid)
    order = np.lexsort(np.rint(here * 1000).T)
    other = np.lexsort(np.rint(there * 1000).T)
    np.testing.assert_allclose(here[order], there[other], atol=1e-9)
    np.testing.assert_allclose(
        plain.values_gy.ravel()[order], turned.values_gy.ravel()[other], atol=1e-4
    )


def test_block_at_the_border_of_the_grid_does_not_see_the_other_side() -> None:
    field = gaussian(6.0)
    coarse = dose_grid(lambda points: field(points + 18.0), half=20.0)
    changed = coarse.values_gy.copy()
    changed[-4:] = 100.0
    low = np.full(3, -25.0)
    one = refined_around(coarse, UPRIGHT, low, low + 14)
    other = refined_around(DoseGrid(coarse.grid, changed), UPRIGHT, low, low + 14)
    assert largest_error(one, lambda points: field(points + 18.0)) < 0.5
    np.testing.assert_array_equal(one.grid.origin_mm, coarse.grid.origin_mm)
    np.testing.assert_allclose(one.values_gy, other.values_gy, atol=1e-3)


def test_dose_stays_as_it_is_beside_the_box_and_for_blocks_too_large() -> None:
    coarse = dose_grid(gaussian(3.0))
    far = np.full(3, 100.0)
    assert refined_around(coarse, UPRIGHT, far, far + 5) is coarse
    axis = np.linspace(0, 138, 70)
    large = on_grid(np.random.default_rng(1).random((70, 70, 70)), (axis, axis, axis))
    assert refined_around(large, UPRIGHT, np.zeros(3), np.full(3, 138.0)) is large


def test_means_of_cells_are_those_of_the_smooth_dose() -> None:
    """A parabola's mean between x and x + h lies h²/6 times its leading factor below the line."""
    axis = np.linspace(0, 16, 9)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    dose = on_grid(0.3 * x**2 + 0.1 * y**2 - 0.2 * z**2 + 5 * x + 9 * z, (axis, axis, axis))
    moved = cell_means(dose).values_gy - dose.values_gy
    expected = -(4 / 6) * (0.3 + 0.1 - 0.2)
    np.testing.assert_allclose(moved[1:-1, 1:-1, 1:-1], expected, atol=1e-4)


def test_means_leave_linear_and_uniform_doses_alone() -> None:
    for field in (linear((1, 2, -1)), linear((0, 0, 0))):
        dose = dose_grid(field)
        np.testing.assert_allclose(cell_means(dose).values_gy, dose.values_gy, atol=1e-5)


def test_means_know_no_seams() -> None:
    """A large grid is worked off in layers: from either end they must give the same."""
    axis = np.linspace(0, 94, 48)
    values = np.random.default_rng(2).random((48, 48, 48))
    one = cell_means(on_grid(values, (axis, axis, axis))).values_gy
    other = cell_means(on_grid(values[::-1], (axis, axis, axis))).values_gy
    np.testing.assert_allclose(other[::-1], one, atol=1e-6)


def slow_means(values: FloatArray, axes: tuple[FloatArray, ...]) -> FloatArray:
    """The means of cells, line by line and node by node."""
    moved, near = values.copy(), [values]
    for axis, positions in enumerate(axes):
        count = positions.size
        near += [
            np.take(values, np.clip(np.arange(count) + a, 0, count - 1), axis) for a in (-1, 1)
        ]
        step, lines = np.diff(positions), np.moveaxis(values, axis, 0)
        bend = np.zeros((count, *lines.shape[1:]))
        for n in range(1, count - 1):
            slopes = [(lines[m + 1] - lines[m]) / step[m] for m in (n - 1, n)]
            bend[n] = 2 * (slopes[1] - slopes[0]) / (step[n - 1] + step[n])
        cut = bend.copy()
        for n in range(1, count - 1):
            around = [m for m in (n - 2, n - 1, n + 1, n + 2) if 0 < m < count - 1]
            most = 3 * np.max([np.abs(bend[m]) for m in around], axis=0)
            cut[n] = np.clip(bend[n], -most, most) * min(step[n - 1], step[n]) ** 2 / 12
        cut[0], cut[-1] = cut[1], cut[-2]
        moved -= np.moveaxis(cut, 0, axis)
    return np.asarray(np.clip(moved, np.min(near, axis=0), np.max(near, axis=0)))


@pytest.mark.parametrize("tile", [1, 100, 100_000])
def test_means_are_those_of_each_line_alone(tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In tiles of any size, some of a single row or plane, and on uneven axes."""
    monkeypatch.setattr(means, "_AT_ONCE", tile)
    monkeypatch.setattr(means, "_DEEP", 4)
    draw = np.random.default_rng(3)
    axes = tuple(np.append(0, np.cumsum(draw.uniform(1, 3, n))) for n in (12, 8))
    axes = (*axes, np.arange(6) * 2.0)
    values = 60 * draw.random((13, 9, 6))
    dose = DoseGrid(Grid(np.zeros(3), np.eye(3), (axes[2], axes[1], axes[0])), values)
    np.testing.assert_allclose(cell_means(dose).values_gy, slow_means(values, axes), atol=1e-11)


def test_trilinear_dose_on_finer_nodes_is_that_of_the_whole_grid() -> None:
    coarse = dose_grid(gaussian(5.0), spacing=2)
    fine = refined(coarse)
    index = [
        np.interp(finer + start, own, np.arange(own.size))
        for own, finer, start in zip(
            coarse.grid.axes_mm,
            fine.grid.axes_mm,
            fine.grid.origin_mm - coarse.grid.origin_mm,
            strict=True,
        )
    ]
    places = np.meshgrid(*index[::-1], indexing="ij")
    wanted = map_coordinates(coarse.values_gy.astype(float), places, order=1)
    np.testing.assert_allclose(on_nodes_of(fine.grid, coarse).values_gy, wanted, atol=1e-4)


def test_bowed_doses_rise_at_a_peak_and_never_fall_below_zero() -> None:
    coarse = dose_grid(gaussian(5.0), spacing=2)
    moved = bowed(coarse).values_gy
    peak = np.unravel_index(coarse.values_gy.argmax(), coarse.values_gy.shape)
    assert 60 < moved[peak] < 64
    clipped = dose_grid(lambda points: np.maximum(points[:, 0], 0.0), spacing=2)
    assert bowed(clipped).values_gy.min() == 0
    np.testing.assert_allclose(
        bowed(dose_grid(lambda points: 50 + points[:, 0])).values_gy,
        dose_grid(lambda points: 50 + points[:, 0]).values_gy,
        atol=1e-4,
    )


def test_means_of_boxes_are_those_of_the_whole_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """One after another, overlapping, computed in tiles that they share."""
    monkeypatch.setattr(means, "_AT_ONCE", 60)
    monkeypatch.setattr(means, "_DEEP", 3)
    dose = dose_grid(gaussian(7.0), spacing=2)
    wanted = slow_means(dose.values_gy.astype(float), dose.grid.axes_mm[::-1])
    for low, high in (([-9, -3, -7], [-2, 8, 6]), ([-4, -9, -7], [15, 5, 19])):
        part, found = around(dose, np.eye(3), np.array(low, float), np.array(high, float))
        first = np.rint((part.grid.origin_mm - dose.grid.origin_mm) / 2).astype(int)[::-1]
        here = tuple(slice(a, a + n) for a, n in zip(first, part.values_gy.shape, strict=True))
        np.testing.assert_array_equal(part.values_gy, dose.values_gy[here])
        np.testing.assert_allclose(found.values_gy, wanted[here], atol=1e-4)
        assert part.values_gy.size < dose.values_gy.size / 2

"""Covered parts of cells against the same cells one by one."""

import numpy as np
import pytest

from rtplan.dose.sampling import Field
from rtplan.dvh import cells
from rtplan.dvh.cells import Parts, Sums
from rtplan.dvh.engine import integrate
from rtplan.dvh.stacks import Layers
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.solid import Solid
from tests.geometry.bodies import shaped
from tests.shapes import circle, dose_grid, gaussian

DRAW = np.random.default_rng(5)


def field(dtype: type[np.floating] = np.float64) -> Field:
    u, v, n = (np.cumsum(DRAW.uniform(1, 3, size)) for size in (7, 6, 5))
    return Field(u, v, n, DRAW.uniform(0, 60, (5, 6, 7)).astype(dtype))


def layers(dose: Field, low: FloatArray, high: FloatArray, whole: np.ndarray) -> Layers:
    """Layers that fill some cells (layers, cells) and cut no other."""
    none, empty = np.empty(0), np.empty(0, dtype=np.intp)
    section = np.arange(low.size)
    return Layers(low, high, high - low, whole, section, empty, empty, none, none, none)


def one_by_one(dose: Field, low: FloatArray, high: FloatArray, whole: np.ndarray) -> FloatArray:
    """Volume, dose and width (pieces, 3) of the cells that layers fill, from their corners."""
    found = []
    for bottom, top, filled in zip(low, high, whole, strict=True):
        k = int(np.searchsorted(dose.n_mm, (bottom + top) / 2)) - 1
        ends = (np.array([bottom, top]) - dose.n_mm[k]) / (dose.n_mm[k + 1] - dose.n_mm[k])
        for j, i in zip(*np.nonzero(filled.reshape(5, 6)), strict=True):
            corner = dose.values_gy[k : k + 2, j : j + 2, i : i + 2].astype(float)
            box = corner[0] + ends[:, None, None] * (corner[1] - corner[0])
            changes = [np.diff(box, axis=axis).mean() for axis in range(3)]
            size = np.diff(dose.v_mm)[j] * np.diff(dose.u_mm)[i] * (top - bottom)
            found.append((size, box.mean(), np.sqrt(np.square(changes).sum())))
    return np.array(found)


def pieces(parts: Parts, dose: Field) -> FloatArray:
    return np.concatenate([np.column_stack(found) for found in parts.doses(dose)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("block", [1, 100, 10_000])
def test_filled_cells_have_mean_and_spread_of_their_corners(
    dtype: type[np.floating], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "_BLOCK_CELLS", block)
    dose = field(dtype)
    cuts = np.sort(np.append(dose.n_mm, dose.n_mm[1:] - 0.4))
    whole = DRAW.random((cuts.size - 1, 30)) < 0.3
    whole[:, :6] = whole[:, 24:] = False  # nothing in the first and the last row
    found = pieces(Parts.of(layers(dose, cuts[:-1], cuts[1:], whole), dose, 2), dose)
    wanted = one_by_one(dose, cuts[:-1], cuts[1:], whole)
    tolerance = 1e-4 if dtype is np.float32 else 1e-11
    np.testing.assert_allclose(found, wanted, atol=tolerance)


def test_cells_that_all_layers_of_a_cell_fill_count_once() -> None:
    dose = field()
    cuts = np.linspace(dose.n_mm[1], dose.n_mm[2], 4)
    whole = DRAW.random((3, 30)) < 0.7
    parts = Parts.of(layers(dose, cuts[:-1], cuts[1:], whole), dose, 1)
    found = pieces(Parts(parts.full, ()), dose)
    filled = whole.all(axis=0)
    assert 0 < filled.sum() < whole.any(axis=0).sum()
    wanted = one_by_one(dose, cuts[:1], cuts[-1:], np.atleast_2d(filled))
    np.testing.assert_allclose(found, wanted, atol=1e-11)
    rest = sum(float(rim.volume_mm3.sum()) for rim in parts.rims)
    every = one_by_one(dose, cuts[:-1], cuts[1:], whole)[:, 0].sum()
    assert found[:, 0].sum() + rest == pytest.approx(every, rel=1e-12)


def test_blocks_of_parts_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    dose = field()
    cuts = np.linspace(dose.n_mm[1], dose.n_mm[2], 4)
    some = layers(dose, cuts[:-1], cuts[1:], DRAW.random((3, 30)) < 0.7)
    sums = []
    for block in (5, 10_000):
        monkeypatch.setattr(cells, "_BLOCK_PARTS", block)
        sums.append(Sums(dose, dose))
        sums[-1].add(Parts.of(some, dose, 1))
    one, other = sums
    assert one.volume_mm3 == pytest.approx(other.volume_mm3, rel=1e-12)
    assert one.moment == pytest.approx(other.moment, rel=1e-12)


def test_doses_that_are_not_known_are_left_out() -> None:
    dose = field()
    values = dose.values_gy.copy()
    values[0, 0, 0] = np.nan
    dose = Field(dose.u_mm, dose.v_mm, dose.n_mm, values)
    whole = np.ones((1, 30), dtype=bool)
    parts = Parts.of(layers(dose, dose.n_mm[:1], dose.n_mm[1:2], whole), dose, 2)
    found = pieces(parts, dose)
    assert len(found) == 29
    assert np.isfinite(found).all()


def even_field() -> Field:
    """On even nodes, of which blocks leave some over along u."""
    u, v, n = (2.0 * np.arange(size, dtype=float) for size in (8, 9, 5))
    return Field(u, v, n, DRAW.uniform(0, 60, (n.size, v.size, u.size)))


def test_a_full_block_is_all_its_cells_at_once() -> None:
    """Volume and mean of its cells; spread over what the dose changes from end to end."""
    dose, side = even_field(), cells.SIDE
    rows, columns = dose.v_mm.size - 1, dose.u_mm.size - 1
    whole = DRAW.random((4, rows * columns)) < 0.9
    single = Parts.of(layers(dose, dose.n_mm[:-1], dose.n_mm[1:], whole), dose, 1)
    smooth = DRAW.random((4, rows // side, columns // side)) < 0.8
    parts = Parts.of(layers(dose, dose.n_mm[:-1], dose.n_mm[1:], whole), dose, 1, smooth)
    filled = whole.reshape(4, rows, columns)
    wanted = []
    for k, j, i in np.ndindex(*smooth.shape):
        own = np.s_[k, side * j : side * (j + 1), side * i : side * (i + 1)]
        if filled[own].all() and smooth[k, j, i]:
            rim = np.s_[k : k + 2, side * j : side * (j + 1) + 1, side * i : side * (i + 1) + 1]
            box = dose.values_gy[rim]
            means = box[:, 1:] + box[:, :-1]
            means = (means[:, :, 1:] + means[:, :, :-1]).mean(axis=(1, 2)) / 4
            along_v = (box[:, -1] - box[:, 0])[:, 1:] + (box[:, -1] - box[:, 0])[:, :-1]
            along_u = (box[:, :, -1] - box[:, :, 0])[:, 1:] + (box[:, :, -1] - box[:, :, 0])[:, :-1]
            changes = means[1] - means[0], along_v.mean() / 2, along_u.mean() / 2
            wanted.append((8.0 * side**2, means.mean(), np.sqrt(np.square(changes).sum())))
    found = pieces(Parts(parts.full, ()), dose)
    assert 4 < len(found) < smooth.sum()
    np.testing.assert_allclose(found, wanted, rtol=1e-11)
    every, few = pieces(single, dose), pieces(parts, dose)
    assert few[:, 0].sum() == pytest.approx(every[:, 0].sum(), rel=1e-12)
    assert few[:, 0] @ few[:, 1] == pytest.approx(every[:, 0] @ every[:, 1], rel=1e-12)


def test_blocks_are_smooth_where_no_node_is_off_the_line_between_their_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cells, "FEWEST_NODES", 0)
    u, v, n = (np.arange(size, dtype=float) for size in (14, 11, 4))
    values = np.add.outer(np.add.outer(5 * n, 2 * v), u)
    spots = [(1, 3, 4), (3, 10, 12), (0, 0, 13)]  # inside a block, at a corner of all, left over
    for spot in spots:
        values[spot] += 0.01 * np.ptp(values)
    found = cells.smooth_blocks(Field(u, v, n, values))
    assert found is not None
    assert found.shape == (3, 5, 6)
    off = {(k, 1, i) for k in (0, 1) for i in (1, 2)} | {(2, 4, 5)}
    assert set(map(tuple, np.argwhere(~found).tolist())) == off
    assert cells.smooth_blocks(Field(u**1.1, v, n, values)) is None
    assert cells.smooth_blocks(Field(u[:2], v, n, values[:, :, :2])) is None
    assert cells.smooth_blocks(Field(u, v, n, DRAW.random(values.shape))) is None


def large_body() -> Solid:
    return shaped([np.asarray(circle(60, z)) for z in np.arange(-40, 41, 4.0)])


@pytest.mark.parametrize("sigma", [4.0, 15.0, 40.0])
def test_blocks_keep_small_hot_volumes_and_the_curve(
    sigma: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hot ball in a large body that otherwise gets nearly nothing; and a smooth dose."""
    dose = dose_grid(gaussian(sigma), spacing=2.0, half=64)
    found = []
    for fewest in (10**9, 1):
        monkeypatch.setattr(cells, "FEWEST_NODES", fewest)
        dvh = integrate(large_body(), dose)
        assert dvh is not None
        found.append(dvh)
    one, other = found
    assert other.mean_gy == pytest.approx(one.mean_gy, rel=1e-6)
    at = np.linspace(0.0, one.max_gy, 2000)
    curves = [np.interp(at, dvh.dose_gy, dvh.volume_cc, right=0.0) for dvh in found]
    assert np.abs(curves[0] - curves[1]).max() < 5e-4 * one.covered_cc
    for volume in (0.035, 1.0, 10.0):
        doses = [np.interp(-volume, -dvh.volume_cc, dvh.dose_gy) for dvh in found]
        assert doses[1] == pytest.approx(doses[0], abs=1e-3 * one.max_gy)
    # The ball that gets half the maximum.
    half = 4 / 3 * np.pi * (sigma * np.sqrt(2 * np.log(2))) ** 3 / 1000
    if sigma == 15.0:
        volume = np.interp(30.0, other.dose_gy, other.volume_cc)
        assert volume == pytest.approx(half, rel=0.02)

"""Solids cut into layers on the lattice of a dose: nothing is lost, whatever the lattice."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.dvh import stacks as cutting
from rtplan.dvh.engine import integrate
from rtplan.dvh.stacks import Faces, Lattice, Layers, cuts, stacks
from rtplan.geometry.convention import EndCap
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.solid import Solid, solid_of
from tests.dvh.test_engine import error_pp
from tests.geometry.bodies import ball, disc, ellipsoid, forked, irregular, shaped, torus
from tests.oracles.sampling import doses_at, sampled_points
from tests.shapes import dose_grid, gaussian, linear, structure

SOLIDS = {
    "sphere": shaped(ball(6, 2, 0.3)),
    "small sphere": shaped(ball(3, 3, 0.4)),
    "one contour": shaped([disc(2.5, 0.2, (0.3, -0.4))]),
    "ellipsoid": shaped(ellipsoid((15, 8, 6), 0.6, 3.0, 0.3)),
    "torus": shaped(torus(15, 6, 2, 0.3)),
    "fork": shaped(forked()),
    "irregular": shaped(irregular(1)),
    "nested": shaped(ball(12, 3, 0.3) + ball(8, 3, 0.3)),
    "half slices": shaped(ball(9, 3, 0.1), EndCap.HALF_SLICE),
    "rounded prisms": solid_of(structure(ball(9, 3, 0.1)), end_cap=EndCap.ROUNDED),
}
SMALL = "small sphere", "one contour"
LOFTED = "sphere", "ellipsoid", "torus", "irregular"
HALF = 30.0


def even(step: float, shift: float = 0.0) -> FloatArray:
    return np.asarray(np.arange(-HALF + shift, HALF + step, step))


def uneven(seed: int, low: float, high: float) -> FloatArray:
    steps = np.random.default_rng(seed).uniform(low, high, int(4 * HALF / (low + high)) + 8)
    return np.asarray(np.cumsum(steps) - HALF - high)


LATTICES = {
    "usual": Lattice(even(2.0), even(2.0, 0.7), even(2.0, 0.3), 1),
    "refined": Lattice(even(1.0), even(1.0, 0.35), even(2.0, 0.3), 2),
    "coarse": Lattice(even(5.0, 1.1), even(5.0), even(5.0, 2.0), 1),
    "fine": Lattice(even(0.8), even(0.8, 0.2), even(1.7), 3),
    "flat": Lattice(even(1.5), even(2.5), even(4.0, 0.4), 2),
    "uneven": Lattice(uneven(1, 0.7, 2.2), uneven(2, 0.7, 2.2), uneven(3, 1.0, 3.0), 2),
}
each_solid = pytest.mark.parametrize("solid", SOLIDS.values(), ids=SOLIDS)
each_lattice = pytest.mark.parametrize("lattice", LATTICES.values(), ids=LATTICES)


@cache
def layers_of(solid: Solid, lattice: Lattice) -> list[Layers]:
    return [found for found in stacks(solid, lattice) if isinstance(found, Layers)]


def faces_of(solid: Solid, lattice: Lattice) -> list[Faces]:
    return [found for found in stacks(solid, lattice) if isinstance(found, Faces)]


def covered(layers: Layers, lattice: Lattice) -> tuple[FloatArray, FloatArray]:
    """What layers cover of cells: volumes (k,) mm³, centroids (k, 3) mm (u, v, n)."""
    layer, cell = np.nonzero(layers.whole[layers.section])
    layer, cell = np.append(layer, layers.owner), np.append(cell, layers.cell)
    middle = np.full(layer.size - layers.owner.size, 0.5)
    part = np.ones(middle.size)
    n = np.full(layers.owner.size, 0.5) if layers.n is None else layers.n
    fraction = np.append(part, layers.fraction)
    v, u = np.divmod(cell, lattice.u_mm.size - 1)
    area = np.diff(lattice.u_mm)[u] * np.diff(lattice.v_mm)[v]
    high, low = layers.high_mm[layer], layers.low_mm[layer]
    at_u = lattice.u_mm[u] + np.append(middle, layers.u) * np.diff(lattice.u_mm)[u]
    at_v = lattice.v_mm[v] + np.append(middle, layers.v) * np.diff(lattice.v_mm)[v]
    at_n = low + np.append(middle, n) * (high - low)
    volume = fraction * area * layers.thickness_mm[layer]
    return volume, np.column_stack([at_u, at_v, at_n])


def total_and_moment(solid: Solid, lattice: Lattice) -> tuple[float, FloatArray]:
    """Volume, mm³, and integral of (u, v, n), (3,) mm⁴, of all layers."""
    total, moment = 0.0, np.zeros(3)
    for layers in layers_of(solid, lattice):
        volume, centroid = covered(layers, lattice)
        total += float(volume.sum())
        moment += volume @ centroid
    return total, moment


@each_lattice
@each_solid
def test_layers_add_up_to_the_solid(solid: Solid, lattice: Lattice) -> None:
    total, moment = total_and_moment(solid, lattice)
    assert total == pytest.approx(1000 * solid.volume_cc, rel=1e-6)
    coarse = max(float(np.diff(x).max()) for x in (lattice.u_mm, lattice.v_mm, lattice.n_mm))
    np.testing.assert_allclose(moment / total, solid.centroid_mm, atol=0.05 * coarse)


@each_lattice
@pytest.mark.parametrize("name", SOLIDS)
def test_cells_hold_no_more_than_they_can(name: str, lattice: Lattice) -> None:
    """But for bodies of a few cells, and caps beside a cavity: their volume goes before."""
    room = 1.15 if name in (*SMALL, "nested") else 1 + 1e-12
    for layers in layers_of(SOLIDS[name], lattice):
        height = layers.high_mm - layers.low_mm
        assert (height > 0).all()
        assert (layers.thickness_mm <= height * room).all()
        assert ((layers.fraction > 0) & (layers.fraction <= 1 + 1e-12)).all()
        both = np.stack([layers.owner, layers.cell], axis=1)
        assert len(np.unique(both, axis=0)) == len(both)
        assert not layers.whole[layers.section[layers.owner], layers.cell].any()
        for values in (layers.u, layers.v, layers.n):
            if values is not None:
                assert ((values >= -1e-12) & (values <= 1 + 1e-12)).all()


def leaning(slope: float, *, narrows: float) -> Solid:
    """A stack of discs, each a little beside and smaller than the one below."""
    rings = [disc(9 - narrows * z, z, (slope * z, 0.3)) for z in np.arange(-6, 7, 3.0).tolist()]
    return shaped(rings, EndCap.NONE)


@pytest.mark.parametrize("factor", [1, 3])
@pytest.mark.parametrize("slope", [0.0, 0.15])
def test_blended_layers_have_their_centroid(slope: float, factor: int) -> None:
    """Where an outline hardly moves from one contour to the next."""
    solid, usual = leaning(slope, narrows=0.1), LATTICES["usual"]
    _, moment = total_and_moment(solid, Lattice(usual.u_mm, usual.v_mm, usual.n_mm, factor))
    away = np.abs(moment / (1000 * solid.volume_cc) - solid.centroid_mm)
    assert (away < [4e-3, 4e-3, 1e-3]).all()


def test_what_blended_cells_hold_is_where_it_belongs() -> None:
    solid, here = leaning(0.3, narrows=0.0), LATTICES["usual"]
    points, volumes = sampled_points(solid, per_mm=3.0)
    bins = [here.v_mm, here.u_mm]
    total, moment = np.zeros((2, here.v_mm.size - 1, here.u_mm.size - 1))
    for layers in layers_of(solid, here):
        volume, centroid = covered(layers, here)
        at = centroid[:, 1], centroid[:, 0]
        total += np.histogram2d(*at, bins, weights=volume)[0]
        place = (centroid[:, 0] - here.u_mm[0]) / 2.0 % 1
        moment += np.histogram2d(*at, bins, weights=volume * place)[0]
    exact = np.histogram2d(points[:, 1], points[:, 0], bins, weights=volumes)[0]
    place = (points[:, 0] - here.u_mm[0]) / 2.0 % 1
    exact_moment = np.histogram2d(points[:, 1], points[:, 0], bins, weights=volumes * place)[0]
    assert np.abs(total - exact).sum() < 0.015 * exact.sum()
    assert np.abs(moment - exact_moment).sum() < 0.01 * exact.sum()


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 2**32 - 1),
    name=st.sampled_from(sorted(set(SOLIDS) - set(SMALL))),
    factor=st.integers(1, 4),
    least=st.floats(0.8, 3),
)
def test_nothing_is_lost_on_any_lattice(seed: int, name: str, factor: int, least: float) -> None:
    solid = SOLIDS[name]
    u, v, n = (uneven(seed + axis, least, 2.5 * least) for axis in range(3))
    total, moment = total_and_moment(solid, Lattice(u, v, n, factor))
    assert total == pytest.approx(1000 * solid.volume_cc, rel=1e-6)
    np.testing.assert_allclose(moment / total, solid.centroid_mm, atol=0.07 * least)


@pytest.mark.parametrize("name", LOFTED)
def test_factor_and_chunks_do_not_change_sums(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    solid, usual = SOLIDS[name], LATTICES["usual"]
    total, moment = total_and_moment(solid, usual)
    for factor in (2, 5):
        finer = Lattice(usual.u_mm, usual.v_mm, usual.n_mm, factor)
        again, its_moment = total_and_moment(solid, finer)
        assert again == pytest.approx(total, rel=1e-9)
        np.testing.assert_allclose(its_moment / total, moment / total, atol=0.01)
    whole = len(list(stacks(solid, usual)))
    monkeypatch.setattr(cutting, "CHUNK_CELLS", 2500)
    chunked = total_and_moment(solid, replace(usual))
    np.testing.assert_allclose(chunked[1], moment, rtol=1e-9, atol=1e-6)
    assert len(list(stacks(solid, usual))) > whole
    # Lofts that are cut alone have a raster of their own: not bit for bit the same.
    monkeypatch.setattr(cutting, "LAYER_CELLS", 1)
    alone, its_moment = total_and_moment(solid, replace(usual))
    assert alone == pytest.approx(total, rel=1e-9)
    np.testing.assert_allclose(its_moment / total, moment / total, atol=0.01)


@pytest.mark.parametrize("name", LOFTED)
@pytest.mark.parametrize("factor", [1, 2])
def test_what_lies_outside_the_lattice_is_left_out(name: str, factor: int) -> None:
    solid = SOLIDS[name]
    low = solid.centroid_mm + np.array([-4.3, -30.0, -2.4])
    u, v, n = (start + np.arange(35) for start in low)
    total, moment = total_and_moment(solid, Lattice(u, v, n, factor))
    points, volumes = points_of(name)
    within = ((points > low) & (points < [u[-1], v[-1], n[-1]])).all(axis=1)
    inside = float(volumes[within].sum())
    assert 0.1 < inside / volumes.sum() < 0.9
    assert total == pytest.approx(inside, rel=2e-3)
    np.testing.assert_allclose(
        moment / total, np.average(points[within], axis=0, weights=volumes[within]), atol=0.03
    )


@cache
def points_of(name: str) -> tuple[FloatArray, FloatArray]:
    """Points sampled densely in a solid, (n, 3) mm, and the volumes they stand for, (n,) mm³."""
    return sampled_points(SOLIDS[name], per_mm={"sphere": 4.5, "torus": 2.0}.get(name, 3.0))


def test_a_solid_outside_the_lattice_has_no_layers() -> None:
    nodes = np.arange(40.0, 60.0, 2.0)
    for beside in range(3):
        u, v, n = (nodes if axis == beside else even(2.0) for axis in range(3))
        assert total_and_moment(SOLIDS["sphere"], Lattice(u, v, n, 1))[0] == 0


def test_cuts_are_faces_and_dose_planes_and_parts_of_cells() -> None:
    nodes = np.array([0.0, 2.0, 3.0, 7.0])
    np.testing.assert_allclose(cuts(1.0, 5.0, nodes, 1), [1, 2, 3, 5])
    np.testing.assert_allclose(cuts(1.0, 5.0, nodes, 2), [1, 2, 2.5, 3, 5])
    np.testing.assert_allclose(cuts(-9.0, 9.0, nodes, 1), nodes)
    assert cuts(8.0, 9.0, nodes, 1).size == 0
    assert cuts(-3.0, 0.0, nodes, 1).size == 0


@pytest.mark.parametrize("name", LOFTED)
@pytest.mark.parametrize("lattice", ["refined", "coarse"])
def test_faces_lie_within_the_solid(name: str, lattice: str) -> None:
    """Inside nodes of a face, but for the outline's own error, are near sampled points."""
    from scipy.spatial import cKDTree

    tree, here = cKDTree(points_of(name)[0]), LATTICES[lattice]
    nodes = []
    for faces in faces_of(SOLIDS[name], here):
        inside = faces.coverage.node_inside
        face, row, column = np.nonzero(inside[faces.layer] & inside[faces.other])
        nodes.append(np.column_stack([here.u_mm[column], here.v_mm[row], faces.position_mm[face]]))
    away = np.asarray(tree.query(np.concatenate(nodes))[0])
    assert away.max() < 1.5  # a node of a blend, of contours that differ much


@pytest.mark.parametrize(
    ("field", "step"),
    [(linear((0.5, -0.4, 0.6)), 2.0), (lambda p: gaussian(7.0)(p - np.array([3, -2, 4.0])), 2.5)],
    ids=["slope", "bump"],
)
@pytest.mark.parametrize("name", ["sphere", "ellipsoid", "irregular"])
def test_curve_of_a_lofted_solid_is_that_of_dense_sampling(
    name: str, field: Callable[[FloatArray], FloatArray], step: float
) -> None:
    dose = dose_grid(field, spacing=step, half=28)
    points, volumes = points_of(name)
    doses = doses_at(points @ SOLIDS[name].axes.T, dose)
    dvh = integrate(SOLIDS[name], dose)
    assert dvh is not None
    assert error_pp(dvh, doses, volumes) < 0.15
    assert dvh.covered_cc == pytest.approx(SOLIDS[name].volume_cc, rel=1e-6)
    assert dvh.mean_gy == pytest.approx(np.average(doses, weights=volumes), abs=0.03)


PEAKED = {
    "sphere": shaped(ball(12, 3, 0.5)),
    "cylinder": shaped([disc(9, z) for z in (-4.5, -1.5, 1.5, 4.5)]),
    "torus": shaped(torus(15, 6, 2, 0.3)),
    "one contour": shaped([disc(2.5, 0.5)]),
}


@pytest.mark.parametrize("name", PEAKED)
def test_extremes_are_those_of_the_solid(name: str) -> None:
    """The peak lies between two contours, or in the hole of a torus."""
    solid, dose = PEAKED[name], dose_grid(gaussian(5.0), spacing=1.0, half=28)
    dvh = integrate(solid, dose)
    assert dvh is not None
    points, _ = sampled_points(solid, per_mm=2.5)
    doses = doses_at(points, dose)
    assert dvh.max_gy == pytest.approx(doses.max(), abs=0.7)
    assert dvh.min_gy == pytest.approx(doses.min(), abs=0.7)


def test_a_body_upside_down_is_cut_as_finely() -> None:
    """The lower contour of a stretch counts no more than the upper one."""
    lattice = Lattice(even(0.3), even(0.3), even(0.3), 1)
    contours = ball(4, 3, 0.25)
    turned = [ring * np.array([1.0, 1.0, -1.0]) for ring in contours]
    one, other = (layers_of(shaped(rings), lattice) for rings in (contours, turned))
    counts = [sum(found.low_mm.size for found in layers) for layers in (one, other)]
    assert counts[0] == counts[1]

"""Sections of lofts on grid lines against the same sections as polygons (``oracles.sections``)."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.loft import Loft
from rtplan.geometry.raster import Coverage, Lines, cover
from rtplan.geometry.sections import sections
from tests.geometry.bodies import (
    ball,
    disc,
    ellipse,
    ellipsoid,
    forked,
    irregular,
    lines_around,
    shaped,
    torus,
)
from tests.geometry.dense import centroids, fractions
from tests.oracles.sections import Sections, rings_of

ELLIPSOID = ((15.0, 8.0, 6.0), 0.6)
BODIES = {
    "sphere": ball(6, 2, 0.3),
    "ellipsoid": ellipsoid(*ELLIPSOID, 3.0, 0.3),
    "torus": torus(15, 6, 2, 0.3),
    "fork": forked(),
    "irregular": irregular(1),
    "nested": ball(14, 3, 0.3) + ball(9, 3, 0.3),
}
PARTS = np.array([0.03, 0.3, 0.5, 0.8])
AREA = 7e-3
"""Of a section: its level is mended once."""


def cells_mm2(u: Lines, v: Lines) -> FloatArray:
    return np.diff(v.positions_mm)[:, None] * np.diff(u.positions_mm)


def areas_mm2(coverage: Coverage, u: Lines, v: Lines) -> FloatArray:
    return np.asarray((fractions(coverage.cells) * cells_mm2(u, v)).sum(axis=(1, 2)))


def centroids_mm(coverage: Coverage, u: Lines, v: Lines) -> FloatArray:
    """Centroid of each layer, (layers, 2)."""
    covered = fractions(coverage.cells) * cells_mm2(u, v)
    part_u, part_v = centroids(coverage.cells)
    at_u = u.positions_mm[:-1] + part_u * np.diff(u.positions_mm)
    at_v = v.positions_mm[:-1, None] + part_v * np.diff(v.positions_mm)[:, None]
    moment = np.stack([(covered * at).sum(axis=(1, 2)) for at in (at_u, at_v)], axis=1)
    return np.asarray(moment / covered.sum(axis=(1, 2))[:, None])


def apart(one: Coverage, other: Coverage, u: Lines, v: Lines) -> FloatArray:
    """Area that only one of both covers, of all, (layers,)."""
    cells = cells_mm2(u, v)
    difference = (np.abs(fractions(one.cells) - fractions(other.cells)) * cells).sum(axis=(1, 2))
    return np.asarray(difference / (fractions(other.cells) * cells).sum(axis=(1, 2)))


def assert_same_nodes(one: Coverage, other: Coverage, u: Lines, v: Lines) -> None:
    """Nodes are inside or outside for both, but for those whose cells are hardly covered."""
    differ = one.node_inside != other.node_inside
    beside = np.pad(fractions(other.cells), ((0, 0), (1, 1), (1, 1)))
    quarters = [beside[:, j : j + v.cells + 1, i : i + u.cells + 1] for j in (0, 1) for i in (0, 1)]
    around = np.mean(quarters, axis=0)
    assert (np.abs(around[differ] - 0.5) < 0.45).all()


def exact(loft: Loft, at: FloatArray, u: Lines, v: Lines) -> Coverage:
    slow = Sections(loft)
    return cover([rings_of(slow.at(x)) for x in at.tolist()], u, v)


@pytest.mark.parametrize("rings", BODIES.values(), ids=BODIES)
def test_sections_cover_what_the_polygons_cover(rings: list[FloatArray]) -> None:
    step = 1.0
    for loft in shaped(rings).lofts[::2]:
        if loft.is_cap and len(loft.near) != len(loft.other):
            continue  # beside a cavity: below
        u, v = lines_around(loft, step)
        at = PARTS * loft.length_mm
        found, wanted = sections([loft], [at], u, v), exact(loft, at, u, v)
        area = loft.profile.area_at_mm2(at)
        large = area > 20 * step**2
        np.testing.assert_allclose(areas_mm2(wanted, u, v), area, rtol=1e-4)
        np.testing.assert_allclose(areas_mm2(found, u, v)[large], area[large], rtol=AREA)
        assert (apart(found, wanted, u, v)[large] < 0.025).all()
        drift = centroids_mm(found, u, v) - centroids_mm(wanted, u, v)
        assert np.abs(drift[large]).max(initial=0.0) < 0.03
        assert_same_nodes(found, wanted, u, v)


def test_they_are_the_nearer_the_finer_the_lines() -> None:
    loft = shaped(irregular(2)).lofts[3]
    at = PARTS * loft.length_mm
    worst = []
    for step in (2.0, 1.0, 0.5):
        u, v = lines_around(loft, step)
        worst.append(apart(sections([loft], [at], u, v), exact(loft, at, u, v), u, v).max())
    assert worst[0] < 0.1
    assert worst[1] < 0.4 * worst[0]
    assert worst[2] < 0.4 * worst[1]


def test_sections_of_a_tilted_ellipsoid_are_its_own() -> None:
    """Against sections drawn where no contour was."""
    for loft in shaped(BODIES["ellipsoid"]).lofts:
        u, v = lines_around(loft, 1.0)
        at = np.array([0.25, 0.5, 0.75]) * loft.length_mm
        places = (loft.base_mm + loft.sign * at).tolist()
        drawn = cover([[ellipse(*ELLIPSOID, z)[:, :2]] for z in places], u, v)
        found = sections([loft], [at], u, v)
        large = areas_mm2(drawn, u, v) > 30
        assert (apart(found, drawn, u, v)[large] < (0.05 if loft.is_cap else 0.02)).all()
        drift = centroids_mm(found, u, v) - centroids_mm(drawn, u, v)
        assert np.abs(drift[large]).max(initial=0.0) < 0.05


@pytest.mark.parametrize("further", [0.2, 0.5, 0.9])
def test_the_centroid_moves_evenly_from_contour_to_contour(further: float) -> None:
    tilted = [disc(6, z, (1.5 * z, -0.5 * z)) for z in (0.0, 3.0, 6.0, 9.0)]
    for loft in shaped(tilted).lofts:
        u, v = lines_around(loft, 1.0)
        at = np.array([further * loft.length_mm])
        z = loft.base_mm + loft.sign * at[0]
        found = centroids_mm(sections([loft], [at], u, v), u, v)
        np.testing.assert_allclose(found[0], [1.5 * z, -0.5 * z], atol=0.02)


def test_a_torus_keeps_its_hole() -> None:
    for loft in shaped(BODIES["torus"]).lofts:
        u, v = lines_around(loft, 0.5)
        at = np.linspace(0.05, 0.9, 6) * loft.length_mm
        found = sections([loft], [at], u, v)
        away = np.hypot(u.positions_mm[None], v.positions_mm[:, None])
        assert not found.node_inside[:, (away < 8.9) | (away > 21.1)].any()
        assert found.node_inside.any(axis=(1, 2)).all()


def test_a_cap_lies_within_its_contour() -> None:
    """Even of a body that gets the longer the smaller it is."""
    sizes = [(6.0, 6.0), (7.0, 3.5), (8.0, 1.5)]
    rings = [disc(1, 2.0 * n) * np.array([a, b, 1]) for n, (a, b) in enumerate(sizes)]
    cap = next(loft for loft in shaped(rings).lofts if loft.is_cap and loft.sign > 0)
    u, v = lines_around(cap, 0.5)
    contour = cover([cap.near], u, v)
    at = np.array([0.3, 0.5, 0.7]) * cap.length_mm
    found = sections([cap], [at], u, v)
    assert (fractions(found.cells) <= fractions(contour.cells) + 0.1).all()
    np.testing.assert_allclose(areas_mm2(found, u, v), cap.profile.area_at_mm2(at), rtol=0.03)
    assert (apart(found, exact(cap, at, u, v), u, v)[:2] < 0.05).all()


def test_a_cap_above_a_cavity_has_no_hole() -> None:
    caps = [loft for loft in shaped(BODIES["nested"]).lofts if loft.is_cap and len(loft.other) == 2]
    assert len(caps) == 1
    u, v = lines_around(caps[0], 0.5)
    found = sections(caps, [np.array([0.3, 0.5, 0.8]) * caps[0].length_mm], u, v)
    away = np.hypot(*np.meshgrid(u.positions_mm, v.positions_mm))
    reach = np.sqrt(
        caps[0].profile.area_at_mm2(np.array([0.3, 0.5, 0.8]) * caps[0].length_mm) / np.pi
    )
    for inside, radius in zip(found.node_inside, reach.tolist(), strict=True):
        assert inside[away < radius - 0.5].all()


@pytest.mark.parametrize("shift", [0.0, 0.3, 0.5, 0.9])
def test_a_tip_smaller_than_a_cell_is_in_the_cell_where_it_belongs(shift: float) -> None:
    moved = [ring + np.array([0.4, 0.3, 0]) for ring in ball(6, 2, 0.3)]
    tip = next(loft for loft in shaped(moved).lofts if loft.is_cap and loft.sign > 0)
    u, v = lines_around(tip, 2.0, shift=shift)
    at = np.array([0.97, 0.999, 1 - 1e-9]) * tip.length_mm
    area = tip.profile.area_at_mm2(at)
    found = sections([tip], [at], u, v)
    assert area.max() < 0.5 * 4
    covered = areas_mm2(found, u, v)
    assert (covered > 0.5 * area).all()  # something at least, and never more than a part of a cell
    assert (covered < 4).all()
    np.testing.assert_allclose(centroids_mm(found, u, v), np.tile([0.4, 0.3], (3, 1)), atol=0.7)


def test_lofts_cut_together_are_as_cut_alone() -> None:
    """Up to what the raster they then share makes of it."""
    lofts = shaped(irregular(3)).lofts
    u, v = (
        Lines(np.arange(min(a.positions_mm[0], -20), max(a.positions_mm[-1], 20), 1.0))
        for a in lines_around(lofts[0], 1.0)
    )
    places = [np.array([0.2, 0.6]) * loft.length_mm for loft in lofts[:-1]]
    places.append(np.array([0.5]) * lofts[-1].length_mm)
    together, first = sections(lofts, places, u, v), 0
    for loft, at in zip(lofts, places, strict=True):
        alone = sections([loft], [at], u, v)
        part = fractions(together.cells)[first : first + at.size]
        difference = np.abs(part - fractions(alone.cells)).sum(axis=(1, 2)) / fractions(
            alone.cells
        ).sum((1, 2))
        assert (difference < 0.02).all()
        first += at.size
    assert first == len(fractions(together.cells))


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_areas_do_not_depend_on_where_the_lines_are(seed: int) -> None:
    """Uneven lines too: the level is mended once, so that something is left."""
    random = np.random.default_rng(seed)
    u, v = (
        Lines(np.cumsum(random.uniform(0.6, 1.4, 60)) + shift - 28) for shift in random.random(2)
    )
    for loft, part in product(shaped(BODIES["ellipsoid"]).lofts[:2], (0.3, 0.7)):
        at = np.array([part * loft.length_mm])
        found = areas_mm2(sections([loft], [at], u, v), u, v)
        np.testing.assert_allclose(found, loft.profile.area_at_mm2(at), rtol=0.04)

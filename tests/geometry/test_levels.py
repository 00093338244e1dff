"""Level sets on grid lines against the polygons that contourpy draws of the same field."""

import numpy as np
import pytest
from contourpy import contour_generator
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.raster import IndexArray, Lines, cover
from tests.geometry.dense import centroids, covered_below, fractions, levels

EXACT = 1e-12
EVEN = Lines(np.linspace(-7.5, 7.5, 16))
UNEVEN = Lines(np.array([-8.0, -6.5, -5.9, -4, -3.5, -2, -0.5, -0.1, 1, 1.5, 3, 4.5, 6, 6.2, 8]))
GRIDS = pytest.mark.parametrize(
    ("u", "v"), [(EVEN, EVEN), (EVEN, UNEVEN), (UNEVEN, EVEN), (UNEVEN, UNEVEN)]
)


def outlines(field: FloatArray, u: Lines, v: Lines) -> list[FloatArray]:
    """Rings of where a field (v lines, u lines) is negative, by contourpy."""
    drawn = contour_generator(u.positions_mm, v.positions_mm, -field).lines(0.0)
    return [np.asarray(line)[:-1] for line in drawn]


def places(index: IndexArray, part: FloatArray, lines: Lines) -> FloatArray:
    """Coordinates of places in cells, mm."""
    return np.asarray(lines.positions_mm[index] + part * np.diff(lines.positions_mm)[index])


def assert_covers_like_polygons(field: FloatArray, u: Lines, v: Lines) -> None:
    """``field``: (layers, v lines, u lines)."""
    found = covered_below(field)
    rings = [outlines(layer, u, v) for layer in field]
    exact = cover(rings, u, v)
    covered = fractions(exact.cells)
    np.testing.assert_allclose(fractions(found.cells), covered, rtol=0, atol=EXACT)
    some = covered > 1e-6
    for here, there in zip(centroids(found.cells), centroids(exact.cells), strict=True):
        np.testing.assert_allclose(here[some], there[some], rtol=0, atol=EXACT / 1e-6)
    np.testing.assert_array_equal(found.node_inside, field < 0)
    for layer, drawn in enumerate(rings):
        part = slice(*found.edge_start[layer : layer + 2])
        points = np.column_stack(
            [
                places(found.edge_column[part], found.edge_u[part], u),
                places(found.edge_row[part], found.edge_v[part], v),
            ]
        )
        corners = np.concatenate([np.empty((0, 2)), *drawn])
        assert len(points) == len(corners)
        for order, wanted in ((points, corners), (corners, points)):
            apart = np.abs(order[:, None] - wanted[None]).max(axis=2)
            assert not len(apart) or apart.min(axis=1).max() < 1e-9


def random_field(seed: int, u: Lines, v: Lines, *, layers: int) -> FloatArray:
    """A field that has nothing to do with its neighbours: saddles, islands and holes everywhere."""
    field = np.random.default_rng(seed).uniform(-1, 1, (layers, v.cells + 1, u.cells + 1))
    rim = np.ones(field.shape[1:], dtype=bool)
    rim[1:-1, 1:-1] = False
    field[:, rim] = np.abs(field[:, rim])
    return np.asarray(field)


@GRIDS
@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_fields_are_covered_like_their_polygons(u: Lines, v: Lines, seed: int) -> None:
    assert_covers_like_polygons(random_field(seed, u, v, layers=3), u, v)


@pytest.mark.parametrize("across", [(0, 2), (1, 3)])
@pytest.mark.parametrize("middle", [-0.4, 0.4])
def test_corners_across_are_joined_as_their_mean_says(
    across: tuple[int, int], middle: float
) -> None:
    corners = np.full(4, 1.0)
    corners[list(across)] = -1.0
    a, b, c, d = corners + middle
    field = np.full((1, 4, 4), 3.0)
    field[0, 1:3, 1:3] = [[a, b], [d, c]]
    lines = Lines(np.arange(4.0))
    assert_covers_like_polygons(field, lines, lines)
    covered = fractions(covered_below(field).cells)[0, 1, 1]
    assert (covered > 0.5) == (middle < 0)
    assert len(outlines(field[0], lines, lines)) == (1 if middle < 0 else 2)


def round_field(u: Lines, v: Lines, *, hole: float = 0.0) -> FloatArray:
    """Signed distance to a circle of radius 4, or to a ring, (1, v lines, u lines) mm."""
    away = np.hypot(u.positions_mm[None] - 0.2, v.positions_mm[:, None] + 0.3)
    return np.asarray(np.maximum(away - 4, hole - away) if hole else away - 4)[None]


@GRIDS
def test_a_field_is_covered_the_same_alone_and_among_others(u: Lines, v: Lines) -> None:
    fields = np.concatenate([round_field(u, v), round_field(u, v, hole=2.0), round_field(u, v) - 1])
    together = covered_below(fields)
    for layer, field in enumerate(fields):
        alone = covered_below(field[None])
        np.testing.assert_allclose(
            fractions(together.cells)[layer], fractions(alone.cells)[0], atol=1e-14
        )


def test_nothing_and_values_of_exactly_nothing_are_not_covered() -> None:
    field = np.ones((2, 16, 16))
    field[1, 5:9, 5:9] = 0.0
    found = covered_below(field)
    assert not fractions(found.cells).any()
    assert not found.node_inside.any()
    assert found.edge_column.size == 0


def area_below(field: FloatArray, level: FloatArray, u: Lines, v: Lines) -> FloatArray:
    """Area, mm², of each layer that lies below its level."""
    fraction = fractions(covered_below(field - level[:, None, None]).cells)
    cells = np.diff(v.positions_mm)[:, None] * np.diff(u.positions_mm)
    return np.asarray((fraction * cells).sum(axis=(1, 2)))


@GRIDS
@pytest.mark.parametrize(("hole", "smallest"), [(0.0, 0.4), (0.5, 0.95)])
def test_levels_have_about_the_areas_wanted(
    u: Lines, v: Lines, hole: float, smallest: float
) -> None:
    field = round_field(u, v, hole=hole)
    whole = float(area_below(field, np.zeros(1), u, v)[0])
    wanted = whole * np.array([smallest, 0.97, 1.0, 1.1, 1.5, 2.0])
    many = np.repeat(field, wanted.size, axis=0)
    level = levels(many, np.ones_like(many), wanted, u, v)
    assert (np.diff(level) > 0).all()
    np.testing.assert_allclose(area_below(many, level, u, v), wanted, rtol=0.03)


@pytest.mark.parametrize("least", [0.02, 0.3])
def test_a_level_counts_for_less_where_its_weight_is_less(least: float) -> None:
    """The right half of a circle moves; the left one hardly does."""
    side = np.clip(0.5 + EVEN.positions_mm / 3, least, 1.0)
    field = np.repeat(round_field(EVEN, EVEN), 3, axis=0)
    weight = np.broadcast_to(side, field.shape)
    wanted = area_below(field, np.zeros(3), EVEN, EVEN) * [0.8, 1.1, 1.4]
    level = levels(field, weight, wanted, EVEN, EVEN)
    found = area_below(field - level[:, None, None] * weight, np.zeros(3), EVEN, EVEN)
    np.testing.assert_allclose(found, wanted, rtol=0.03)


def test_a_level_far_from_nothing_is_found_too() -> None:
    """A field whose values say nothing of how far its outline is."""
    field = 40 * round_field(EVEN, EVEN) + 25
    wanted = np.array([20.0, 60.0])
    many = np.repeat(field, 2, axis=0)
    level = levels(many, np.ones_like(many), wanted, EVEN, EVEN)
    np.testing.assert_allclose(area_below(many, level, EVEN, EVEN), wanted, atol=2.0)

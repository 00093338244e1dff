"""Coverage of cells by polygons equals clipping them, cell by cell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import signed_area_mm2
from rtplan.geometry.raster import Lines, cover
from tests.geometry.dense import centroids, fractions
from tests.oracles.clipping import clipped
from tests.shapes import circle


def _star(radii: list[float], centre: tuple[float, float]) -> FloatArray:
    angle = 2 * np.pi * np.arange(len(radii)) / len(radii)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * np.array(radii)[:, None] + centre
    return np.asarray(ring)


UNIFORM = Lines(np.arange(-6.0, 7.0, 1.5))
UNEVEN = Lines(np.array([-6.0, -4.5, -2.0, -1.9, 0.5, 1.0, 4.0, 6.5]))

stars = st.builds(
    _star,
    st.lists(st.floats(0.05, 9.0), min_size=3, max_size=12),
    st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
)


@pytest.mark.parametrize(("u", "v"), [(UNIFORM, UNIFORM), (UNIFORM, UNEVEN), (UNEVEN, UNIFORM)])
@settings(deadline=None, max_examples=25)
@given(ring=stars)
def test_coverage_equals_polygon_clipping(u: Lines, v: Lines, ring: FloatArray) -> None:
    result = cover([[ring]], u, v)
    fraction, centre_u, centre_v = clipped([ring], u, v)
    np.testing.assert_allclose(fractions(result.cells)[0], fraction, atol=1e-12)
    some = fraction > 1e-6
    found_u, found_v = centroids(result.cells)
    np.testing.assert_allclose(found_u[0][some], centre_u[some], atol=1e-7)
    np.testing.assert_allclose(found_v[0][some], centre_v[some], atol=1e-7)


@settings(deadline=None, max_examples=25)
@given(ring=stars)
def test_inside_nodes_are_those_within_the_polygon(ring: FloatArray) -> None:
    import shapely

    result = cover([[ring]], UNIFORM, UNEVEN)
    u, v = np.meshgrid(UNIFORM.positions_mm, UNEVEN.positions_mm)
    polygon = shapely.Polygon(ring)
    clear = shapely.distance(polygon.exterior, shapely.points(u, v)) > 1e-9
    inside = shapely.contains_xy(polygon, u, v)
    np.testing.assert_array_equal(result.node_inside[0][clear], inside[clear])


def test_a_hole_is_not_covered() -> None:
    outer, inner = circle(5, 0)[:, :2], circle(2, 0)[::-1, :2]
    result = cover([[outer, inner]], UNIFORM, UNIFORM)
    fraction, _, _ = clipped([outer, inner], UNIFORM, UNIFORM)
    np.testing.assert_allclose(fractions(result.cells)[0], fraction, atol=1e-12)


def test_layers_do_not_touch_each_other() -> None:
    rings = [circle(radius, 0)[:, :2] for radius in (1.0, 3.0, 5.5)]
    together = cover([[ring] for ring in rings], UNIFORM, UNEVEN)
    for layer, ring in enumerate(rings):
        alone = cover([[ring]], UNIFORM, UNEVEN)
        np.testing.assert_allclose(
            fractions(together.cells)[layer], fractions(alone.cells)[0], atol=1e-14
        )


@settings(deadline=None, max_examples=50)
@given(ring=stars)
def test_covered_area_within_the_grid_is_the_polygon_s(ring: FloatArray) -> None:
    lines = Lines(np.linspace(-13.0, 13.0, 17))
    result = cover([[ring]], lines, lines)
    cell = (26.0 / 16) ** 2
    assert fractions(result.cells).sum() * cell == pytest.approx(signed_area_mm2(ring), rel=1e-12)


def test_vertices_on_grid_lines_are_counted_once() -> None:
    square = np.array([[-3.0, -3.0], [3.0, -3.0], [3.0, 3.0], [-3.0, 3.0]])
    lines = Lines(np.arange(-6.0, 7.0, 1.5))
    result = cover([[square]], lines, lines)
    expected = np.zeros((8, 8))
    expected[2:6, 2:6] = 1.0
    np.testing.assert_array_equal(fractions(result.cells)[0], expected)

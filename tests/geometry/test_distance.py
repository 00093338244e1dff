"""Signed distances on a raster against shapely's, and sums over rings."""

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from rtplan.geometry.distance import (
    MARGIN_STEPS,
    MOST_NODES,
    Raster,
    Rings,
    length_mm,
    raster_around,
    signed_distances_mm,
)
from rtplan.geometry.grid import FloatArray
from tests.oracles.sections import first_moment_mm3, polygon_of, signed_distance_mm
from tests.shapes import circle

BAND, EVERYWHERE = 3, 200  # nodes beside an outline that distances are wanted for
NEAR_NODES = 2  # beside an outline: distances are exact there, whatever they are wanted for
Nodes = NDArray[np.bool_]


def lobes(points: int = 90, centre: tuple[float, float] = (0.0, 0.0)) -> FloatArray:
    angle = 2 * np.pi * np.arange(points) / points
    radius = 10 + 3 * np.cos(3 * angle)
    x, y = centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)
    return np.column_stack([x, y])


def hole(centre: tuple[float, float] = (0.0, 0.0)) -> FloatArray:
    return np.asarray(circle(3, 0, centre=centre)[::-1, :2])


def exact(rings: Rings, raster: Raster) -> FloatArray:
    u, v = np.meshgrid(raster.u_mm, raster.v_mm)
    return signed_distance_mm(polygon_of(rings), u, v)


def near(distance: FloatArray) -> Nodes:
    """Nodes beside an outline."""
    inside = distance < 0
    return np.asarray(
        binary_dilation(inside, iterations=NEAR_NODES)
        & binary_dilation(~inside, iterations=NEAR_NODES)
    )


@pytest.mark.parametrize("points", [30, 90, 900])
@pytest.mark.parametrize("step", [0.4, 1.1])
def test_distances_everywhere_are_those_to_the_polygons(points: int, step: float) -> None:
    contours = [(lobes(points), hole()), (lobes(points, (2.0, -1.0)),), (circle(2, 0)[:, :2],)]
    raster = raster_around(contours[1][0], step, margin_mm=3.0)
    found = signed_distances_mm(contours, raster, [], beside=EVERYWHERE)
    assert found.shape == (3, raster.rows, raster.columns)
    for one, rings in zip(found, contours, strict=True):
        assert np.abs(one - exact(rings, raster)).max() < 0.1 * step


def banded(is_cap: bool) -> tuple[FloatArray, FloatArray, float]:
    """Distances to two contours between which something passes, ours and shapely's; the step."""
    contours: list[Rings] = [(lobes(),), (0.6 * lobes(),)]
    raster = raster_around(lobes(), 0.4)
    found = signed_distances_mm(contours, raster, [(0, 1, is_cap)], beside=BAND)
    return found, np.stack([exact(rings, raster) for rings in contours]), raster.step_mm


@pytest.mark.parametrize("is_cap", [False, True])
def test_distances_are_exact_where_sections_may_be_and_have_their_sign_elsewhere(
    is_cap: bool,
) -> None:
    found, wanted, step = banded(is_cap)
    clear = np.abs(wanted) > 1e-9
    np.testing.assert_array_equal((found < 0)[clear], (wanted < 0)[clear])
    band = near(wanted[0]) | near(wanted[1]) | ((wanted[0] < 0) != (wanted[1] < 0))
    if is_cap:
        band |= wanted[0] < 0
    assert 0.1 < band.mean() < 0.9
    assert np.abs(found - wanted)[:, band].max() < 0.1 * step
    assert np.abs(found)[:, ~band].min() > step


def test_distances_of_one_contour_do_not_depend_on_the_others() -> None:
    raster = raster_around(lobes(), 0.7)
    contours = [(lobes(), hole()), (circle(8, 0)[:, :2],)]
    together = signed_distances_mm(contours, raster, [], beside=EVERYWHERE)
    for one, rings in zip(together, contours, strict=True):
        alone = signed_distances_mm([rings], raster, [], beside=EVERYWHERE)
        np.testing.assert_allclose(one, alone[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("margin", [0.0, 2.5])
def test_a_raster_is_around_nothing_and_holds_its_points_and_a_margin(margin: float) -> None:
    points = lobes(centre=(2.0, -1.0))
    raster = raster_around(points, 0.5, margin_mm=margin)
    assert raster.step_mm == 0.5
    for nodes, values in ((raster.u_mm, points[:, 0]), (raster.v_mm, points[:, 1])):
        np.testing.assert_allclose(nodes, -nodes[::-1], atol=1e-9)
        assert np.abs(nodes).min() == 0
        room = nodes[-1] - np.abs(values).max() - margin
        assert MARGIN_STEPS * 0.5 - 1e-9 <= room < (MARGIN_STEPS + 1) * 0.5
    assert (raster.u_mm.size, raster.v_mm.size) == (raster.columns, raster.rows)


def test_a_raster_gets_coarser_rather_than_larger() -> None:
    raster = raster_around(30 * lobes(), 0.1)
    assert raster.step_mm > 1
    assert MOST_NODES <= raster.rows * raster.columns < 1.2 * MOST_NODES


@pytest.mark.parametrize("above", [0.0, 3e-17, -3e-17, 1e-15])
@pytest.mark.parametrize("vertex", [0, 1, 50])
def test_a_row_through_a_vertex_is_inside_where_it_should_be(vertex: int, above: float) -> None:
    """It meets the vertex exactly, or up to the rounding of what leads there."""
    ring = lobes(100)
    raster = raster_around(ring, 0.5)
    ring[[0, 50], 1] = 0.0
    ring[vertex, 1] = above
    wanted = exact((ring,), raster)
    found = signed_distances_mm([(ring,)], raster, [], beside=EVERYWHERE)[0]
    clear = np.abs(wanted) > 1e-6
    np.testing.assert_array_equal((found < 0)[clear], (wanted < 0)[clear])


def test_first_moment_and_length_are_the_polygon_s() -> None:
    rings = (lobes(centre=(40.0, -7.0)), hole((40.0, -7.0)))
    polygon = polygon_of(rings)
    centre = np.array([polygon.centroid.x, polygon.centroid.y])
    np.testing.assert_allclose(first_moment_mm3(rings), polygon.area * centre, rtol=1e-12)
    assert sum(map(length_mm, rings)) == pytest.approx(shapely.length(polygon), rel=1e-12)

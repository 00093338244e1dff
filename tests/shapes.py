"""Shapes drawn as contours, and dose grids, for the tests of geometry and DVH."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from rtplan.dose.grid import DoseGrid
from rtplan.dvh.engine import DoseInterpolation, EndCap, Interpolation, Settings
from rtplan.geometry.contour import Contour, GeometricType, Structure
from rtplan.geometry.grid import FloatArray, Grid

PRISMS = Settings(
    interpolation=Interpolation.RIGHT_PRISM,
    end_cap=EndCap.HALF_SLICE,
    dose_interpolation=DoseInterpolation.TRILINEAR,
    uncertainty=False,
)
SHAPED = Settings(
    interpolation=Interpolation.SHAPE_BASED,
    end_cap=EndCap.ROUNDED,
    dose_interpolation=DoseInterpolation.CUBIC,
    uncertainty=False,
)


def circle(
    radius: float, z: float, *, points: int = 200, centre: tuple[float, float] = (0.0, 0.0)
) -> FloatArray:
    """A circle drawn with points on it, (n, 3) mm."""
    angle = 2 * np.pi * np.arange(points) / points
    x, y = centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)
    return np.column_stack([x, y, np.full(points, z)])


def rectangle(x0: float, y0: float, x1: float, y1: float, z: float = 0.0) -> FloatArray:
    """A rectangle, counter-clockwise, (4, 3) mm."""
    return np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]])


def star(
    radii: Sequence[float],
    z: float = 0.0,
    *,
    size: float = 1.0,
    centre: tuple[float, float] = (0.0, 0.0),
) -> FloatArray:
    """A ring (n, 3) mm seen whole from its centre: radii at equal angles, times ``size``."""
    angle = 2 * np.pi * np.arange(len(radii)) / len(radii)
    radius = size * np.asarray(radii, dtype=float)
    x, y = centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)
    return np.column_stack([x, y, np.full(angle.size, z)])


def redrawn(rings: Sequence[FloatArray], seed: int) -> list[FloatArray]:
    """The same rings in another order, each from another start, some backwards, some closed."""
    random, again = np.random.default_rng(seed), []
    for index in random.permutation(len(rings)).tolist():
        ring = np.roll(rings[index], random.integers(len(rings[index])), axis=0)
        ring = ring[::-1] if random.random() < 0.5 else ring
        again.append(np.concatenate([ring, ring[:1]]) if random.random() < 0.5 else ring)
    return again


def structure(
    rings: Sequence[FloatArray],
    kind: GeometricType = GeometricType.CLOSED_PLANAR,
    *,
    name: str = "GTV_1",
    number: int = 1,
    roi_type: str = "GTV",
) -> Structure:
    """A structure of rings (n, 3)."""
    contours = tuple(Contour(np.array(ring, dtype=float), kind) for ring in rings)
    return Structure(number=number, name=name, roi_type=roi_type, contours=contours)


def sphere(radius: float, spacing: float, *, phase: float = 0.0, points: int = 200) -> Structure:
    """A sphere around the origin on planes ``spacing`` apart, one of them at ``phase``."""
    count = int(np.ceil(radius / spacing)) + 1
    planes = phase + spacing * np.arange(-count, count + 1)
    rings = [
        circle(np.sqrt(radius**2 - z**2), float(z), points=points)
        for z in planes
        if abs(z) < radius - 1e-6
    ]
    return structure(rings)


def dose_grid(
    field: Callable[[FloatArray], FloatArray],
    *,
    spacing: ArrayLike = 2.0,
    half: float = 20.0,
    offset: float = 0.137,
    directions: FloatArray | None = None,
) -> DoseGrid:
    """A dose grid of a field (n, 3) mm -> (n,) Gy over a cube around the origin."""
    steps = np.broadcast_to(np.asarray(spacing, dtype=float), 3)
    axes = [step * np.arange(int(2 * half / step) + 1) for step in steps]
    turn = np.eye(3) if directions is None else directions
    grid = Grid(turn @ np.full(3, -half + offset), turn, (axes[0], axes[1], axes[2]))
    k, j, i = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    local = np.stack([i, j, k], axis=-1).reshape(-1, 3)
    values = field(grid.origin_mm + local @ turn.T).reshape(grid.shape)
    return DoseGrid(grid, values.astype(np.float32), frame_of_reference_uid="1.2.3")


def linear(gradient: ArrayLike, at_origin: float = 50.0) -> Callable[[FloatArray], FloatArray]:
    """A field that rises by ``gradient`` (3,) Gy/mm."""
    direction = np.asarray(gradient, dtype=float)
    return lambda points: np.asarray(at_origin + points @ direction)


def gaussian(sigma: float, maximum: float = 60.0) -> Callable[[FloatArray], FloatArray]:
    """A Gaussian field around the origin."""
    return lambda points: np.asarray(maximum * np.exp(-(points**2).sum(axis=1) / (2 * sigma**2)))


def moved(
    drawn: Structure, dose: DoseGrid, turn: FloatArray, shift_mm: ArrayLike = (0.0, 0.0, 0.0)
) -> tuple[Structure, DoseGrid]:
    """The same body in the same dose, both turned about the origin and then shifted."""
    shift, grid = np.asarray(shift_mm, dtype=float), dose.grid
    contours = tuple(
        replace(contour, points_mm=contour.points_mm @ turn.T + shift) for contour in drawn.contours
    )
    place = replace(
        grid, origin_mm=turn @ grid.origin_mm + shift, directions=turn @ grid.directions
    )
    return replace(drawn, contours=contours), replace(dose, grid=place)


def stored_along(dose: DoseGrid, directions: FloatArray) -> DoseGrid:
    """The same voxels, stored along other axes: columns (i, j, k), parallel to those they have."""
    along = dose.grid.directions.T @ directions
    order = np.abs(along).argmax(axis=0)
    values = np.transpose(dose.values_gy, [2 - order[2], 2 - order[1], 2 - order[0]])
    origin, axes = dose.grid.origin_mm, []
    for column, row in enumerate(order.tolist()):
        axis = dose.grid.axes_mm[row]
        if along[row, column] < 0:
            origin = origin + dose.grid.directions[:, row] * axis[-1]
            axis = axis[-1] - axis[::-1]
            values = np.flip(values, axis=2 - column)
        axes.append(axis.copy())
    grid = Grid(np.array(origin), np.array(directions), (axes[0], axes[1], axes[2]))
    return replace(dose, grid=grid, values_gy=np.ascontiguousarray(values))

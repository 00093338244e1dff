"""A dose grid seen in the frame of a structure's contour planes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.dose.grid import DoseGrid
from rtplan.geometry.grid import FloatArray, Grid

_ALIGNED = 1e-5  # sine of the largest angle between axes that count as parallel
# A resampled field has about so many cells, and so many parts to a dose spacing.
_OBLIQUE_CELLS = 1e6
_OBLIQUE_PARTS = (2.0, 10.0)
_LARGE = 4_000_000  # voxels
_MOST = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Dose at the nodes of a rectilinear grid in a contour frame (u, v, n); linear in between.

    Parameters
    ----------
    u_mm, v_mm, n_mm : (nu,), (nv,), (nn,) float
        Node coordinates, ascending, mm.
    values_gy : (nn, nv, nu) float
        Dose at the nodes, Gy; NaN where the dose grid does not reach (oblique frames only).
    """

    u_mm: FloatArray
    v_mm: FloatArray
    n_mm: FloatArray
    values_gy: NDArray[np.floating]

    def cropped(self, low: FloatArray, high: FloatArray) -> Field | None:
        """The part whose cells touch the box from ``low`` to ``high`` (u, v, n) mm, or None."""
        parts = []
        for axis, a, b in zip((self.u_mm, self.v_mm, self.n_mm), low, high, strict=True):
            first = max(int(np.searchsorted(axis, a, side="right")) - 1, 0)
            last = min(int(np.searchsorted(axis, b, side="left")), axis.size - 1)
            if b <= axis[0] or a >= axis[-1]:
                return None
            parts.append(slice(first, last + 1))
        u, v, n = parts
        values = np.ascontiguousarray(self.values_gy[n, v, u])
        return Field(self.u_mm[u], self.v_mm[v], self.n_mm[n], values)

    def refined(self, factor: int) -> Field:
        """The same field with each cell cut into ``factor`` along u and v (exact: it is linear)."""
        if factor == 1:
            return self
        values = np.asarray(self.values_gy, dtype=float)
        return Field(
            _refine(self.u_mm, factor),
            _refine(self.v_mm, factor),
            self.n_mm,
            _refine(_refine(values, factor, axis=2), factor, axis=1),
        )


def whole_rows(
    grid: Grid, axes: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """A box (u, v, n), mm, that reaches over all of u and v where it is large and nearly does.

    So many doses are not copied to be cropped. Not in oblique frames: there nothing is copied.
    """
    if grid_order(grid, axes) is None:
        return low, high
    grid_low, grid_high = _corners(grid, axes)
    extent = np.minimum(high, grid_high) - np.maximum(low, grid_low)
    part = np.clip(extent / np.maximum(grid_high - grid_low, 1e-9), 0.0, 1.0)
    if part[0] * part[1] < _MOST or part.prod() * np.prod(grid.shape) < _LARGE:
        return low, high
    return np.append(grid_low[:2], low[2]), np.append(grid_high[:2], high[2])


def field_in_frame(
    dose: DoseGrid, axes: FloatArray, low: FloatArray, high: FloatArray
) -> Field | None:
    """The dose over a box, in the frame ``axes`` (columns u, v, n), or None where it has none.

    Where the frame's axes are the grid's (in any order and direction) the nodes are the grid's
    own voxel centres. In an oblique frame the trilinear dose is resampled, at a half to a tenth of
    its spacing.

    Parameters
    ----------
    low, high : (3,) float
        Corners of the box in (u, v, n), mm.
    """
    order = grid_order(dose.grid, axes)
    if order is None:
        return _resampled(dose, axes, low, high)
    along = dose.grid.directions.T @ axes  # rows i, j, k of the grid; columns u, v, n
    values = np.transpose(dose.values_gy, [2 - order[2], 2 - order[1], 2 - order[0]])
    origin = dose.grid.origin_mm @ axes
    nodes = []
    for column, row in enumerate(order):
        positions = dose.grid.axes_mm[row]
        if along[row, column] < 0:
            positions = -positions[::-1]
            values = np.flip(values, axis=2 - column)
        nodes.append(origin[column] + positions)
    return Field(nodes[0], nodes[1], nodes[2], values).cropped(low, high)


def grid_order(grid: Grid, axes: FloatArray) -> NDArray[np.intp] | None:
    """Grid axis (0, 1, 2 for i, j, k) along each column of ``axes``; None where one is oblique."""
    along = grid.directions.T @ axes
    order = np.abs(along).argmax(axis=0)
    main = np.abs(along[order, [0, 1, 2]])
    if sorted(order) != [0, 1, 2] or np.sqrt(np.maximum(0, 1 - main**2)).max() > _ALIGNED:
        return None
    return np.asarray(order, dtype=np.intp)


def _resampled(dose: DoseGrid, axes: FloatArray, low: FloatArray, high: FloatArray) -> Field | None:
    """The trilinear dose at nodes of an oblique frame: finer, the smaller the box."""
    from scipy.ndimage import map_coordinates

    grid_low, grid_high = _corners(dose.grid, axes)
    low, high = np.maximum(low, grid_low), np.minimum(high, grid_high)
    spacing = min((step for step in dose.grid.spacing_mm if step > 0), default=0.0)
    if spacing == 0.0 or not (high > low).all():
        return None
    cells = float(np.prod((high - low) / spacing))
    parts = np.clip((_OBLIQUE_CELLS / cells) ** (1 / 3), *_OBLIQUE_PARTS)
    counts = np.ceil((high - low) / spacing * parts).astype(int) + 1
    nodes = [np.linspace(a, b, count) for a, b, count in zip(low, high, counts, strict=True)]
    values = np.empty((counts[2], counts[1], counts[0]))
    u, v = np.meshgrid(nodes[0], nodes[1])
    for layer, n in enumerate(nodes[2]):
        points = np.column_stack([u.ravel(), v.ravel(), np.full(u.size, n)]) @ axes.T
        along = dose.grid.coordinates_mm(points)
        index = [
            np.interp(along[:, a], axis, np.arange(axis.size), left=-2.0, right=-2.0)
            for a, axis in enumerate(dose.grid.axes_mm)
        ]
        doses = map_coordinates(dose.values_gy, index[::-1], order=1, output=float, mode="nearest")
        doses[np.min(index, axis=0) < 0] = np.nan
        values[layer] = doses.reshape(u.shape)
    if np.isnan(values).all():
        return None
    return Field(nodes[0], nodes[1], nodes[2], values)


def _corners(grid: Grid, axes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Corners of the box (u, v, n) around a grid's voxel centres, mm."""
    ends = np.array([[axis[0], axis[-1]] for axis in grid.axes_mm])
    corners = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = (grid.origin_mm + corners @ grid.directions.T) @ axes
    return inside.min(axis=0), inside.max(axis=0)


def _refine(values: FloatArray, factor: int, *, axis: int = 0) -> FloatArray:
    """Values at nodes, with ``factor - 1`` linear steps put between neighbours along an axis."""
    count = values.shape[axis]
    if count < 2:
        return values
    position = np.arange((count - 1) * factor + 1)
    lower = np.minimum(position // factor, count - 2)
    shape = [1] * values.ndim
    shape[axis] = -1
    weight = (position / factor - lower).reshape(shape)
    low, high = np.take(values, lower, axis=axis), np.take(values, lower + 1, axis=axis)
    return np.asarray(low + (high - low) * weight)

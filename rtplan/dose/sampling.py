"""A dose grid seen in the frame of a structure's contour planes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.dose.grid import DoseGrid
from rtplan.geometry.grid import FloatArray

_ALIGNED = 1e-5  # sine of the largest angle between axes that count as parallel
_OBLIQUE_STEP = 0.5  # step of a resampled field, in dose spacings


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
        return Field(self.u_mm[u], self.v_mm[v], self.n_mm[n], self.values_gy[n, v, u])

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


def field_in_frame(
    dose: DoseGrid, axes: FloatArray, low: FloatArray, high: FloatArray
) -> Field | None:
    """The dose over a box, in the frame ``axes`` (columns u, v, n), or None where it has none.

    Where the frame's axes are the grid's (in any order and direction) the nodes are the grid's
    own voxel centres. In an oblique frame the trilinear dose is resampled at half its spacing.

    Parameters
    ----------
    low, high : (3,) float
        Corners of the box in (u, v, n), mm.
    """
    along = dose.grid.directions.T @ axes  # rows i, j, k of the grid; columns u, v, n
    order = np.abs(along).argmax(axis=0)
    main = np.abs(along[order, [0, 1, 2]])
    if sorted(order) != [0, 1, 2] or np.sqrt(np.maximum(0, 1 - main**2)).max() > _ALIGNED:
        return _resampled(dose, axes, low, high)
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


def _resampled(dose: DoseGrid, axes: FloatArray, low: FloatArray, high: FloatArray) -> Field | None:
    from scipy.ndimage import map_coordinates

    step = min(s for s in dose.grid.spacing_mm if s > 0) * _OBLIQUE_STEP
    counts = np.ceil((high - low) / step).astype(int) + 1
    nodes = [start + step * np.arange(count) for start, count in zip(low, counts, strict=True)]
    u, v, n = np.meshgrid(*nodes, indexing="ij")
    points = np.stack([u, v, n], axis=-1).reshape(-1, 3) @ axes.T
    along = dose.grid.coordinates_mm(points)
    index = [
        np.interp(along[:, a], axis, np.arange(axis.size), left=-2.0, right=-2.0)
        for a, axis in enumerate(dose.grid.axes_mm)
    ]
    outside = np.any([i < 0 for i in index], axis=0)
    values = map_coordinates(dose.values_gy, index[::-1], order=1, output=float, mode="nearest")
    values[outside] = np.nan
    if outside.all():
        return None
    shaped = values.reshape([len(x) for x in nodes]).transpose(2, 1, 0)
    return Field(nodes[0], nodes[1], nodes[2], shaped)


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

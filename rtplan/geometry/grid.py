"""A rectilinear grid of voxel centres in patient space.

Axes are perpendicular; the steps along an axis may differ (uneven dose frames), so the
grid keeps the coordinates of its voxel centres along each axis instead of one spacing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.errors import GeometryError

FloatArray = NDArray[np.float64]

_ORTHONORMAL = 1e-4


def read_only(array: FloatArray) -> FloatArray:
    """The array itself, marked read-only."""
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Voxel centres at ``origin_mm + directions @ (axes_mm[0][i], axes_mm[1][j], axes_mm[2][k])``.

    Parameters
    ----------
    origin_mm : (3,) float
        Position of the centre of voxel (0, 0, 0), mm, patient LPS.
    directions : (3, 3) float
        Columns are the unit vectors along the i (column index), j (row index) and
        k (frame) axes. May be left-handed.
    axes_mm : three (n,) float arrays
        Distance of each voxel centre from the origin along each axis, mm; starts at 0, ascends.

    Arrays of values on a grid are indexed ``[k, j, i]``, as DICOM stores frames, rows, columns.

    Raises
    ------
    GeometryError
        Directions not orthonormal, an axis empty, not ascending or not finite.
    """

    origin_mm: FloatArray
    directions: FloatArray
    axes_mm: tuple[FloatArray, FloatArray, FloatArray]

    def __post_init__(self) -> None:
        gram = self.directions.T @ self.directions
        worst = float(np.abs(gram - np.eye(3)).max())
        if not worst < _ORTHONORMAL:
            raise GeometryError(f"grid directions are not orthonormal: off by {worst:.2g}")
        if not np.isfinite(self.origin_mm).all():
            raise GeometryError(f"grid origin is not finite: {self.origin_mm.tolist()}")
        for name, axis in zip("ijk", self.axes_mm, strict=True):
            if axis.size == 0 or not np.isfinite(axis).all() or axis[0] != 0:
                raise GeometryError(f"grid axis {name} must be finite and start at 0")
            if axis.size > 1 and not (np.diff(axis) > 0).all():
                raise GeometryError(f"grid axis {name} does not ascend: {axis[:4].tolist()} ...")
        for array in (self.origin_mm, self.directions, *self.axes_mm):
            read_only(array)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (k, j, i) of an array of values on this grid."""
        return self.axes_mm[2].size, self.axes_mm[1].size, self.axes_mm[0].size

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Mean step along i, j, k, mm; 0 along an axis of one voxel."""
        i, j, k = (float(a[-1]) / (a.size - 1) if a.size > 1 else 0.0 for a in self.axes_mm)
        return i, j, k

    @property
    def affine(self) -> FloatArray:
        """4x4 matrix from index (i, j, k, 1) to mm; raises GeometryError on uneven steps."""
        matrix = np.eye(4)
        for column, axis in enumerate(self.axes_mm):
            step = self.spacing_mm[column]
            if axis.size > 1 and np.abs(np.diff(axis) - step).max() > 1e-3:
                raise GeometryError("an uneven grid has no affine: steps along an axis differ")
            matrix[:3, column] = self.directions[:, column] * step
        matrix[:3, 3] = self.origin_mm
        return matrix

    def position_mm(self, index: FloatArray) -> FloatArray:
        """Positions (n, 3) mm of fractional indices (n, 3) in (i, j, k) order."""
        index = np.atleast_2d(np.asarray(index, dtype=float))
        along = [
            np.interp(index[:, a], np.arange(axis.size), axis)
            for a, axis in enumerate(self.axes_mm)
        ]
        return self.origin_mm + np.stack(along, axis=1) @ self.directions.T

    def coordinates_mm(self, points_mm: FloatArray) -> FloatArray:
        """Points (n, 3) mm as distances (n, 3) along the i, j, k axes from the origin, mm."""
        return np.asarray((points_mm - self.origin_mm) @ self.directions)

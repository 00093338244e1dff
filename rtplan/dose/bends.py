"""Second differences of doses, and those that stand alone cut down.

One that is more than ``_ALONE`` times those two voxels around it is a kink, as where a dose is
clipped at zero, and not a curve.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.grid import FloatArray

Doses = NDArray[np.floating]
"""In single or double precision."""

REACH = 4
"""Voxels beside one that its curvature looks at."""
_ALONE = 3.0
_EQUAL = 1e-9


def along(axis: int, part: slice | int) -> tuple[slice | int, ...]:
    """The index of a part along one axis."""
    return (slice(None),) * axis + (part,)


def curvatures(values: Doses, positions_mm: FloatArray, axis: int) -> Doses:
    """Second derivatives of values at their nodes along an axis, each cut to ``_ALONE`` times the
    largest of the four around it. The first and last node have those of the next."""
    bend = bends(values, positions_mm, axis)
    flat, line = bend.reshape(-1), _line(bend, axis)
    size = np.zeros(flat.size + 4 * line, dtype=flat.dtype)
    np.abs(flat, out=size[2 * line : -2 * line])
    pair = np.maximum(size[:-line], size[line:])
    most = np.maximum(pair[: flat.size], pair[3 * line :], out=size[: flat.size])
    most *= _ALONE
    np.minimum(flat, most, out=flat)
    np.maximum(flat, np.negative(most, out=most), out=flat)
    bend[along(axis, 0)], bend[along(axis, -1)] = bend[along(axis, 1)], bend[along(axis, -2)]
    return bend


def bends(values: Doses, positions_mm: FloatArray, axis: int) -> Doses:
    """Second derivatives at nodes along an axis, from second divided differences; 0 at the ends.

    Arrays are taken as one long row, in which neighbours along the axis are ``_line`` apart: many
    short rows would take several times as long. Differences from one end to the next are undone.
    """
    before, after = steps(positions_mm)
    flat, line = values.reshape(-1), _line(values, axis)
    slope, bend = np.zeros_like(values), np.zeros_like(values)
    slopes = slope.reshape(-1)
    np.subtract(flat[line:], flat[:-line], out=slopes[:-line])
    slope *= factor_along(1 / after, values.ndim - axis)
    np.subtract(slopes[line:], slopes[:-line], out=bend.reshape(-1)[line:])
    bend *= factor_along(2 / (before + after), values.ndim - axis)
    bend[along(axis, 0)] = bend[along(axis, -1)] = 0
    return bend


def steps(positions_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distances (n,) of nodes from those before and after; at the ends, from the only neighbour."""
    step = np.empty(positions_mm.size + 1)
    np.subtract(positions_mm[1:], positions_mm[:-1], out=step[1:-1])
    step[0], step[-1] = step[1], step[-2]
    return step[:-1], step[1:]


def factor_along(factors: FloatArray, axes: int) -> float | FloatArray:
    """Factors (n,) along the first of the last ``axes`` axes of values; one number where equal."""
    if factors.max() - factors.min() <= _EQUAL * factors[0]:
        return float(factors[0])
    return factors.reshape([-1] + [1] * (axes - 1))


def _line(values: Doses, axis: int) -> int:
    """How far neighbours along an axis are from each other where values are one long row."""
    return math.prod(values.shape[axis + 1 :])

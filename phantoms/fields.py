"""Dose fields given by a formula, and the exact DVH of a solid in one.

A field that is monotone in a scalar coordinate turns the cumulative DVH into the volume of a cut:
for a linear field the coordinate is the distance along the gradient and the cut is by a plane.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rtplan.errors import DoseError
from rtplan.geometry.grid import FloatArray

from .solids import Point, Solid


@dataclass(frozen=True, slots=True)
class LinearField:
    """Dose that rises linearly: ``dose_at_point_gy`` at ``point_mm``, ``gradient_gy_per_mm``.

    Raises
    ------
    DoseError
        The gradient is zero or not finite.
    """

    point_mm: Point
    dose_at_point_gy: float
    gradient_gy_per_mm: Point

    def __post_init__(self) -> None:
        steepness = float(np.linalg.norm(self.gradient_gy_per_mm))
        if not (steepness > 0 and np.isfinite(steepness)):
            raise DoseError(f"a linear field needs a gradient, not {self.gradient_gy_per_mm}")

    def dose_gy(self, points_mm: FloatArray) -> FloatArray:
        """Dose (...), Gy, at points (..., 3) mm."""
        away = np.asarray(points_mm, dtype=float) - np.asarray(self.point_mm)
        return np.asarray(self.dose_at_point_gy + away @ np.asarray(self.gradient_gy_per_mm))

    @property
    def steepness_gy_per_mm(self) -> float:
        """Size of the gradient, Gy/mm."""
        return float(np.linalg.norm(self.gradient_gy_per_mm))

    @property
    def normal(self) -> FloatArray:
        """Unit vector (3,) along which the dose rises."""
        return np.asarray(self.gradient_gy_per_mm) / self.steepness_gy_per_mm

    def offset_mm(self, dose_gy: FloatArray) -> FloatArray:
        """Where along ``normal`` the dose is ``dose_gy``: ``normal . x`` there, mm."""
        start = float(self.normal @ np.asarray(self.point_mm))
        rise = np.asarray(dose_gy, dtype=float) - self.dose_at_point_gy
        return np.asarray(start + rise / self.steepness_gy_per_mm)


@dataclass(frozen=True, slots=True)
class Truth:
    """The exact DVH of a solid in a field: doses Gy, volumes cc.

    ``volume_at`` maps doses (n,) to the volumes (n,) that receive at least that dose.
    """

    volume_cc: float
    min_gy: float
    mean_gy: float
    max_gy: float
    volume_at: Callable[[FloatArray], FloatArray]

    def dose_at(self, volume_cc: float) -> float:
        """Largest dose, Gy, that at least ``volume_cc`` receives, to rounding.

        Raises
        ------
        DoseError
            The volume is below 0 or larger than the solid.
        """
        from scipy.optimize import brentq

        if not 0 <= volume_cc <= self.volume_cc:
            raise DoseError(f"volume {volume_cc:g} cc is outside 0 to {self.volume_cc:g} cc")
        if volume_cc == 0:
            return self.max_gy
        if volume_cc == self.volume_cc:
            return self.min_gy

        def excess(dose_gy: float) -> float:
            return float(self.volume_at(np.array([dose_gy]))[0]) - volume_cc

        return float(brentq(excess, self.min_gy, self.max_gy, xtol=1e-12, rtol=1e-14))


def truth(solid: Solid, field: LinearField) -> Truth:
    """The exact DVH of ``solid`` in ``field``.

    >>> from rtplan.phantoms.solids import Sphere
    >>> sphere = Sphere((0.0, 0.0, 0.0), 12.0)
    >>> exact = truth(sphere, LinearField((0.0, 0.0, 0.0), 16.0, (0.0, 0.0, 1.0)))
    >>> exact.min_gy, exact.mean_gy, exact.max_gy, round(exact.dose_at(exact.volume_cc / 2), 6)
    (4.0, 16.0, 28.0, 16.0)
    """
    low, high = solid.extent_mm(field.normal)
    start = field.dose_at_point_gy - field.steepness_gy_per_mm * float(
        field.normal @ np.asarray(field.point_mm)
    )
    return Truth(
        volume_cc=solid.volume_cc,
        min_gy=start + field.steepness_gy_per_mm * low,
        # A linear dose averages to its value at the centre of volume.
        mean_gy=float(field.dose_gy(np.asarray(solid.centroid_mm))),
        max_gy=start + field.steepness_gy_per_mm * high,
        volume_at=lambda dose_gy: solid.above_cc(field.normal, field.offset_mm(dose_gy)),
    )

"""Dose fields given by a formula, and the exact DVH of a solid in one.

A field that is monotone in a scalar coordinate turns the cumulative DVH into the volume of a cut:
where the coordinate is the distance along a normal the cut is by a plane, where it is the distance
from a point it is by a ball.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rtplan.errors import DoseError
from rtplan.geometry.grid import FloatArray

from .cuts import integrate
from .solid import Point, Solid

# Parts and nodes of the integral of a curve; see ``truth``.
_PARTS = 128
_NODES = 8


class PlanarField(ABC):
    """A dose that rises along a normal and is the same all over a plane across it."""

    __slots__ = ()

    @property
    @abstractmethod
    def normal(self) -> FloatArray:
        """Unit vector (3,) along which the dose rises."""

    @abstractmethod
    def offset_mm(self, dose_gy: FloatArray) -> FloatArray:
        """Where along ``normal`` the dose is ``dose_gy``: ``normal . x`` there, mm.

        Infinite where the field never is that high or that low.
        """

    @abstractmethod
    def at_offset_gy(self, offset_mm: FloatArray) -> FloatArray:
        """Dose, Gy, where ``normal . x`` is ``offset_mm``."""

    @abstractmethod
    def slope_gy_per_mm(self, offset_mm: FloatArray) -> FloatArray:
        """Rise of the dose along ``normal``, Gy/mm, at least 0."""

    def dose_gy(self, points_mm: FloatArray) -> FloatArray:
        """Dose (...), Gy, at points (..., 3) mm."""
        return self.at_offset_gy(np.asarray(points_mm, dtype=float) @ self.normal)


class RadialField(ABC):
    """A dose that falls with the distance from a centre."""

    __slots__ = ()
    centre_mm: Point

    @abstractmethod
    def radius_mm(self, dose_gy: FloatArray) -> FloatArray:
        """Distance from the centre, mm, at which the dose is ``dose_gy``.

        0 where the field never is that high, infinite where it never is that low.
        """

    @abstractmethod
    def at_distance_gy(self, distance_mm: FloatArray) -> FloatArray:
        """Dose, Gy, at a distance from the centre."""

    @abstractmethod
    def slope_gy_per_mm(self, distance_mm: FloatArray) -> FloatArray:
        """Fall of the dose with distance, Gy/mm, at least 0."""

    def dose_gy(self, points_mm: FloatArray) -> FloatArray:
        """Dose (...), Gy, at points (..., 3) mm."""
        away = np.asarray(points_mm, dtype=float) - np.asarray(self.centre_mm)
        return self.at_distance_gy(np.linalg.norm(away, axis=-1))


Field = PlanarField | RadialField


@dataclass(frozen=True, slots=True)
class LinearField(PlanarField):
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

    @property
    def steepness_gy_per_mm(self) -> float:
        """Size of the gradient, Gy/mm."""
        return float(np.linalg.norm(self.gradient_gy_per_mm))

    @property
    def normal(self) -> FloatArray:
        return np.asarray(self.gradient_gy_per_mm) / self.steepness_gy_per_mm

    def offset_mm(self, dose_gy: FloatArray) -> FloatArray:
        rise = np.asarray(dose_gy, dtype=float) - self.dose_at_point_gy
        return np.asarray(self._start + rise / self.steepness_gy_per_mm)

    def at_offset_gy(self, offset_mm: FloatArray) -> FloatArray:
        away = np.asarray(offset_mm, dtype=float) - self._start
        return np.asarray(self.dose_at_point_gy + away * self.steepness_gy_per_mm)

    def slope_gy_per_mm(self, offset_mm: FloatArray) -> FloatArray:
        return np.full(np.shape(offset_mm), self.steepness_gy_per_mm)

    def dose_gy(self, points_mm: FloatArray) -> FloatArray:
        # Not through the normal, whose rounding a dose of whole numbers would show.
        away = np.asarray(points_mm, dtype=float) - np.asarray(self.point_mm)
        return np.asarray(self.dose_at_point_gy + away @ np.asarray(self.gradient_gy_per_mm))

    @property
    def _start(self) -> float:
        return float(self.normal @ np.asarray(self.point_mm))


@dataclass(frozen=True, slots=True)
class SigmoidField(PlanarField):
    """A penumbra: ``max_gy / (1 + exp(-t / width_mm))``, t the distance from a plane.

    Parameters
    ----------
    point_mm : (3,) float
        A point of the plane on which the dose is half the maximum.
    direction : (3,) float
        The way the dose rises, of any length.
    max_gy, width_mm : float

    Raises
    ------
    DoseError
        A direction without length; maximum or width not above 0.
    """

    point_mm: Point
    direction: Point
    max_gy: float
    width_mm: float

    def __post_init__(self) -> None:
        if not float(np.linalg.norm(self.direction)) > 0:
            raise DoseError(f"a sigmoid field needs a direction, not {self.direction}")
        _above_zero("sigmoid", max_gy=self.max_gy, width_mm=self.width_mm)

    @property
    def normal(self) -> FloatArray:
        return np.asarray(self.direction) / float(np.linalg.norm(self.direction))

    def offset_mm(self, dose_gy: FloatArray) -> FloatArray:
        return np.asarray(self._start + self.width_mm * _logit(dose_gy, self.max_gy))

    def at_offset_gy(self, offset_mm: FloatArray) -> FloatArray:
        return self.max_gy * _logistic((np.asarray(offset_mm) - self._start) / self.width_mm)

    def slope_gy_per_mm(self, offset_mm: FloatArray) -> FloatArray:
        u = (np.asarray(offset_mm) - self._start) / self.width_mm
        return np.asarray(self.max_gy / self.width_mm * _logistic(u) * _logistic(-u))

    @property
    def _start(self) -> float:
        return float(self.normal @ np.asarray(self.point_mm))


@dataclass(frozen=True, slots=True)
class GaussianField(RadialField):
    """``max_gy * exp(-r^2 / (2 sigma_mm^2))``, r the distance from the centre.

    Raises
    ------
    DoseError
        Maximum or sigma not above 0.
    """

    centre_mm: Point
    max_gy: float
    sigma_mm: float

    def __post_init__(self) -> None:
        _above_zero("Gaussian", max_gy=self.max_gy, sigma_mm=self.sigma_mm)

    def radius_mm(self, dose_gy: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            fall = -np.log(np.clip(np.asarray(dose_gy) / self.max_gy, 0.0, 1.0))
        return np.asarray(self.sigma_mm * np.sqrt(2 * fall))

    def at_distance_gy(self, distance_mm: FloatArray) -> FloatArray:
        return np.asarray(
            self.max_gy * np.exp(-((np.asarray(distance_mm) / self.sigma_mm) ** 2) / 2)
        )

    def slope_gy_per_mm(self, distance_mm: FloatArray) -> FloatArray:
        r = np.asarray(distance_mm)
        return np.asarray(self.at_distance_gy(r) * r / self.sigma_mm**2)


@dataclass(frozen=True, slots=True)
class InverseSquareField(RadialField):
    """A source at ``centre_mm``: ``dose_gy_at * (distance_mm / r)^2``.

    Parameters
    ----------
    centre_mm : (3,) float
        The source; it may not lie in a solid whose truth is wanted.
    dose_at_distance_gy, distance_mm : float
        The dose at one distance.

    Raises
    ------
    DoseError
        Dose or distance not above 0.
    """

    centre_mm: Point
    dose_at_distance_gy: float
    distance_mm: float

    def __post_init__(self) -> None:
        _above_zero(
            "inverse-square",
            dose_at_distance_gy=self.dose_at_distance_gy,
            distance_mm=self.distance_mm,
        )

    def radius_mm(self, dose_gy: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            ratio = self.dose_at_distance_gy / np.maximum(np.asarray(dose_gy, dtype=float), 0.0)
        return np.asarray(self.distance_mm * np.sqrt(ratio))

    def at_distance_gy(self, distance_mm: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            ratio = self.distance_mm / np.asarray(distance_mm, dtype=float)
        return np.asarray(self.dose_at_distance_gy * ratio**2)

    def slope_gy_per_mm(self, distance_mm: FloatArray) -> FloatArray:
        return np.asarray(2 * self.at_distance_gy(distance_mm) / np.asarray(distance_mm))


@dataclass(frozen=True, slots=True)
class RadialSigmoidField(RadialField):
    """A target with a penumbra: ``max_gy / (1 + exp((r - half_radius_mm) / width_mm))``.

    ``max_gy`` is the level it would have far inside; half of it is at ``half_radius_mm``.

    Raises
    ------
    DoseError
        Maximum, radius or width not above 0.
    """

    centre_mm: Point
    max_gy: float
    half_radius_mm: float
    width_mm: float

    def __post_init__(self) -> None:
        _above_zero(
            "radial sigmoid",
            max_gy=self.max_gy,
            half_radius_mm=self.half_radius_mm,
            width_mm=self.width_mm,
        )

    def radius_mm(self, dose_gy: FloatArray) -> FloatArray:
        radius = self.half_radius_mm - self.width_mm * _logit(dose_gy, self.max_gy)
        return np.asarray(np.maximum(radius, 0.0))

    def at_distance_gy(self, distance_mm: FloatArray) -> FloatArray:
        return self.max_gy * _logistic(self._beyond(distance_mm))

    def slope_gy_per_mm(self, distance_mm: FloatArray) -> FloatArray:
        u = self._beyond(distance_mm)
        return np.asarray(self.max_gy / self.width_mm * _logistic(u) * _logistic(-u))

    def _beyond(self, distance_mm: FloatArray) -> FloatArray:
        return np.asarray((self.half_radius_mm - np.asarray(distance_mm)) / self.width_mm)


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


def truth(solid: Solid, field: Field) -> Truth:
    """The exact DVH of ``solid`` in ``field``.

    Volumes are as exact as the solid's cut. The mean in a linear field is exact; in another it is
    the integral of the curve by 1024 nodes, to 1e-7 of the range of the dose where the dose does
    not change by its range within a hundredth of the solid.

    Raises
    ------
    GeometryError
        The cut of this solid by a ball about this centre is not known.
    DoseError
        The dose has no maximum in the solid.

    >>> from rtplan.phantoms.solids import Sphere
    >>> sphere = Sphere((0.0, 0.0, 0.0), 12.0)
    >>> exact = truth(sphere, LinearField((0.0, 0.0, 0.0), 16.0, (0.0, 0.0, 1.0)))
    >>> exact.min_gy, exact.mean_gy, exact.max_gy, round(exact.dose_at(exact.volume_cc / 2), 6)
    (4.0, 16.0, 28.0, 16.0)
    >>> gaussian = truth(sphere, GaussianField((0.0, 0.0, 0.0), 20.0, 12.0))
    >>> round(gaussian.min_gy, 4), gaussian.max_gy
    (12.1306, 20.0)
    """
    return _planar(solid, field) if isinstance(field, PlanarField) else _radial(solid, field)


def _planar(solid: Solid, field: PlanarField) -> Truth:
    low, high = solid.extent_mm(field.normal)

    def volume_at(dose_gy: FloatArray) -> FloatArray:
        offset = np.clip(field.offset_mm(np.asarray(dose_gy, dtype=float)), low, high)
        return solid.above_cc(field.normal, offset)

    least, most = field.at_offset_gy(np.array([low, high]))

    def share(offset: FloatArray) -> FloatArray:
        return solid.above_cc(field.normal, offset) / solid.volume_cc

    if isinstance(field, LinearField):
        # A linear dose averages to its value at the centre of volume.
        mean = float(field.dose_gy(np.asarray(solid.centroid_mm)))
    else:
        mean = float(least) + _area_under(share, field.slope_gy_per_mm, low, high)
    return Truth(solid.volume_cc, float(least), mean, float(most), volume_at)


def _radial(solid: Solid, field: RadialField) -> Truth:
    near, far = solid.reach_mm(field.centre_mm)
    most, least = (float(dose) for dose in field.at_distance_gy(np.array([near, far])))
    if not np.isfinite(most):
        raise DoseError("the dose has no maximum: the source at the field's centre is in the solid")

    def volume_at(dose_gy: FloatArray) -> FloatArray:
        radius = np.clip(field.radius_mm(np.asarray(dose_gy, dtype=float)), near, far)
        return solid.within_cc(field.centre_mm, radius)

    def share(radius: FloatArray) -> FloatArray:
        return solid.within_cc(field.centre_mm, radius) / solid.volume_cc

    mean = least + _area_under(share, field.slope_gy_per_mm, near, far)
    return Truth(solid.volume_cc, least, mean, most, volume_at)


def _area_under(
    share: Callable[[FloatArray], FloatArray],
    slope: Callable[[FloatArray], FloatArray],
    low: float,
    high: float,
) -> float:
    """Integral of the relative curve over dose, Gy, by way of the coordinate of the field."""

    def values(at: FloatArray) -> FloatArray:
        return share(at.ravel()).reshape(at.shape) * slope(at)

    breaks = np.linspace(low, high, _PARTS + 1)[None]
    return float(integrate(values, breaks, nodes=_NODES)[0])


def _logit(dose_gy: FloatArray, max_gy: float) -> FloatArray:
    """``ln(D / (max - D))``; infinite at 0 and at the maximum, and beyond them."""
    from scipy.special import logit

    return np.asarray(logit(np.clip(np.asarray(dose_gy, dtype=float) / max_gy, 0.0, 1.0)))


def _logistic(u: FloatArray) -> FloatArray:
    from scipy.special import expit

    return np.asarray(expit(u))


def _above_zero(kind: str, **values: float) -> None:
    for name, value in values.items():
        if not (value > 0 and np.isfinite(value)):
            raise DoseError(f"a {kind} field needs {name} above 0, not {value:g}")

"""Solids whose volume, and volume beyond any plane, are known in closed form.

Each is cut by a plane as ``above_cc(normal, offset)``: the volume where ``normal . x >= offset``.
With a dose that rises linearly along ``normal`` that is the cumulative DVH. Positions are mm in
patient LPS; the axis of a cylinder or cone is along z. A solid is drawn from its ``rings``: the
circles in which a plane of constant z cuts it.

The formulas are derived in ``docs/phantoms.md``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from rtplan.errors import GeometryError
from rtplan.geometry.grid import FloatArray

Point = tuple[float, float, float]
_CC_PER_MM3 = 1e-3
# Directions closer to an axis than this take the formula of the axis.
_ALONG = 1e-9
_LEVEL = 1e-6


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle of a plane: centre (x, y) and radius, mm; ``is_hole`` where it bounds a hole."""

    centre_mm: tuple[float, float]
    radius_mm: float
    is_hole: bool = False

    def polygon(self, vertices: int, *, area_matched: bool = False) -> FloatArray:
        """A regular polygon of the circle, (vertices, 2) mm, counter-clockwise from +x.

        Its vertices are on the circle, so its area is smaller by the factor
        ``sin(2 pi/n) / (2 pi/n)``; ``area_matched`` moves them out until the areas agree.
        """
        if vertices < 3:
            raise GeometryError(f"a polygon has 3 vertices or more, not {vertices}")
        turn = 2 * np.pi / vertices
        radius = self.radius_mm * (np.sqrt(turn / np.sin(turn)) if area_matched else 1.0)
        angle = turn * np.arange(vertices)
        return np.asarray(self.centre_mm) + radius * np.stack([np.cos(angle), np.sin(angle)], 1)


class Solid(ABC):
    """A body with closed-form truth."""

    __slots__ = ()

    @property
    @abstractmethod
    def volume_cc(self) -> float:
        """Volume, cc."""

    @property
    @abstractmethod
    def centroid_mm(self) -> Point:
        """Centre of volume, mm."""

    @abstractmethod
    def extent_mm(self, normal: FloatArray) -> tuple[float, float]:
        """Least and largest ``normal . x`` over the solid, mm; ``normal`` (3,) is a unit vector."""

    @abstractmethod
    def above_cc(self, normal: FloatArray, offset_mm: FloatArray) -> FloatArray:
        """Volume, cc, where ``normal . x >= offset_mm``, for each of (n,) offsets."""

    @abstractmethod
    def rings(self, z_mm: float) -> tuple[Circle, ...]:
        """The circles in which the plane ``z = z_mm`` cuts the solid: outer first, then holes."""


@dataclass(frozen=True, slots=True)
class Sphere(Solid):
    """A sphere.

    >>> round(Sphere((0.0, 0.0, 0.0), 12.0).volume_cc, 4)
    7.2382
    """

    centre_mm: Point
    radius_mm: float

    @property
    def volume_cc(self) -> float:
        return 4 / 3 * np.pi * self.radius_mm**3 * _CC_PER_MM3

    @property
    def centroid_mm(self) -> Point:
        return self.centre_mm

    def extent_mm(self, normal: FloatArray) -> tuple[float, float]:
        middle = float(normal @ np.asarray(self.centre_mm))
        return middle - self.radius_mm, middle + self.radius_mm

    def above_cc(self, normal: FloatArray, offset_mm: FloatArray) -> FloatArray:
        t = np.asarray(offset_mm, dtype=float) - float(normal @ np.asarray(self.centre_mm))
        u = np.clip(t / self.radius_mm, -1.0, 1.0)
        # (2 + u)(1 - u)^2 / 4, without the cancellation of 1/2 - 3u/4 + u^3/4 near u = 1.
        return np.asarray(self.volume_cc * (2 + u) * (1 - u) ** 2 / 4)

    def rings(self, z_mm: float) -> tuple[Circle, ...]:
        x, y, z = self.centre_mm
        square = self.radius_mm**2 - (z_mm - z) ** 2
        return (Circle((x, y), float(np.sqrt(square))),) if square > 0 else ()


@dataclass(frozen=True, slots=True)
class Cylinder(Solid):
    """A cylinder about an axis along z, ``centre_mm`` at half its height."""

    centre_mm: Point
    radius_mm: float
    height_mm: float

    @property
    def volume_cc(self) -> float:
        return np.pi * self.radius_mm**2 * self.height_mm * _CC_PER_MM3

    @property
    def centroid_mm(self) -> Point:
        return self.centre_mm

    def extent_mm(self, normal: FloatArray) -> tuple[float, float]:
        middle = float(normal @ np.asarray(self.centre_mm))
        reach = _across(normal) * self.radius_mm + abs(float(normal[2])) * self.height_mm / 2
        return middle - reach, middle + reach

    def above_cc(self, normal: FloatArray, offset_mm: FloatArray) -> FloatArray:
        t = np.asarray(offset_mm, dtype=float) - float(normal @ np.asarray(self.centre_mm))
        across, along = _across(normal), abs(float(normal[2]))
        radius, height = self.radius_mm, self.height_mm
        if across < _ALONG:
            mm3 = np.pi * radius**2 * np.clip(height / 2 - t, 0.0, height)
        elif along < _LEVEL:
            mm3 = height * _segment(t / across, radius)
        else:
            reach = along * height / 2
            upper = _segment_integral((t + reach) / across, radius)
            lower = _segment_integral((t - reach) / across, radius)
            mm3 = (upper - lower) * across / along
        return np.asarray(np.clip(mm3 * _CC_PER_MM3, 0.0, self.volume_cc))

    def rings(self, z_mm: float) -> tuple[Circle, ...]:
        x, y, z = self.centre_mm
        inside = abs(z_mm - z) <= self.height_mm / 2
        return (Circle((x, y), self.radius_mm),) if inside else ()


@dataclass(frozen=True, slots=True)
class Cone(Solid):
    """A cone about an axis along z: the apex below, the base ``height_mm`` above it."""

    apex_mm: Point
    radius_mm: float
    height_mm: float

    @property
    def volume_cc(self) -> float:
        return np.pi / 3 * self.radius_mm**2 * self.height_mm * _CC_PER_MM3

    @property
    def centroid_mm(self) -> Point:
        x, y, z = self.apex_mm
        return x, y, z + 0.75 * self.height_mm

    def extent_mm(self, normal: FloatArray) -> tuple[float, float]:
        apex = float(normal @ np.asarray(self.apex_mm))
        base = apex + float(normal[2]) * self.height_mm
        reach = _across(normal) * self.radius_mm
        return min(apex, base - reach), max(apex, base + reach)

    def above_cc(self, normal: FloatArray, offset_mm: FloatArray) -> FloatArray:
        t = np.asarray(offset_mm, dtype=float) - float(normal @ np.asarray(self.apex_mm))
        across, along = _across(normal), float(normal[2])
        if across < _ALONG:
            return self._above_axial(np.sign(along) * t, upward=along > 0)
        base = _segment((t - along * self.height_mm) / across, self.radius_mm)
        section = self._section(t, across=across, along=along)
        mm3 = (self.height_mm * base - t * section) / 3
        return np.asarray(np.clip(mm3 * _CC_PER_MM3, 0.0, self.volume_cc))

    def _above_axial(self, z: FloatArray, *, upward: bool) -> FloatArray:
        """Volume above the height ``z`` over the apex, or below it."""
        below = np.clip(z / self.height_mm, 0.0, 1.0) ** 3
        return np.asarray(self.volume_cc * ((1 - below) if upward else below))

    def _section(self, t: FloatArray, *, across: float, along: float) -> FloatArray:
        """Area, mm2, in which the plane ``n . x = t`` (from the apex) cuts the cone.

        At height z the cut is a chord of half-length
        ``sqrt((p z - t)(q z + t)) / across`` with p = k across + along, q = k across - along,
        k the cone's slope; chords of heights dz apart are dz / across apart in the plane.
        Mirroring the plane in the apex swaps p and q and the sign of t.
        """
        slope = self.radius_mm / self.height_mm
        p, q = slope * across + along, slope * across - along
        tau = np.abs(t)
        area = np.zeros_like(tau)
        for side, first, second in ((t > 0, p, q), (t < 0, q, p)):
            if first <= 0 or not side.any():
                continue
            alpha = second / first
            beta = tau[side] * (1 + alpha)
            top = first * self.height_mm - tau[side]
            # The far root, where the section closes before it reaches the base.
            reach = np.minimum(top, beta / -alpha) if alpha < 0 else top
            chords = _root_integral(alpha, beta, np.maximum(reach, 0.0))
            area[side] = 2 * chords / (first * across**2)
        return area

    def rings(self, z_mm: float) -> tuple[Circle, ...]:
        x, y, z = self.apex_mm
        part = (z_mm - z) / self.height_mm
        return (Circle((x, y), self.radius_mm * part),) if 0 < part <= 1 else ()


@dataclass(frozen=True, slots=True)
class Hollow(Solid):
    """``outer`` without ``inner``, which lies within it: a hollow sphere, a tube.

    Raises
    ------
    GeometryError
        The inner volume is not smaller than the outer.
    """

    outer: Solid
    inner: Solid

    def __post_init__(self) -> None:
        if not self.inner.volume_cc < self.outer.volume_cc:
            raise GeometryError(
                f"a hole of {self.inner.volume_cc:g} cc does not fit into {self.outer.volume_cc:g}"
            )

    @property
    def volume_cc(self) -> float:
        return self.outer.volume_cc - self.inner.volume_cc

    @property
    def centroid_mm(self) -> Point:
        outer = self.outer.volume_cc * np.asarray(self.outer.centroid_mm)
        inner = self.inner.volume_cc * np.asarray(self.inner.centroid_mm)
        x, y, z = (float(part) for part in (outer - inner) / self.volume_cc)
        return x, y, z

    def extent_mm(self, normal: FloatArray) -> tuple[float, float]:
        return self.outer.extent_mm(normal)

    def above_cc(self, normal: FloatArray, offset_mm: FloatArray) -> FloatArray:
        return self.outer.above_cc(normal, offset_mm) - self.inner.above_cc(normal, offset_mm)

    def rings(self, z_mm: float) -> tuple[Circle, ...]:
        holes = (Circle(r.centre_mm, r.radius_mm, not r.is_hole) for r in self.inner.rings(z_mm))
        return *self.outer.rings(z_mm), *holes


def _across(normal: FloatArray) -> float:
    """Part of a unit vector across z."""
    return float(np.hypot(normal[0], normal[1]))


def _segment(p: FloatArray, radius: float) -> FloatArray:
    """Area of a disc beyond the chord at distance ``p`` from its centre."""
    p = np.clip(p, -radius, radius)
    return np.asarray(radius**2 * np.arccos(p / radius) - p * np.sqrt(radius**2 - p**2))


def _segment_integral(p: FloatArray, radius: float) -> FloatArray:
    """An antiderivative of ``_segment``: 0 beyond the disc, ``pi R^2 p`` before it."""
    q = np.clip(p, -radius, radius)
    rest = np.maximum(radius**2 - q**2, 0.0)
    within = q * radius**2 * np.arccos(q / radius) - radius**2 * np.sqrt(rest) + rest**1.5 / 3
    return np.asarray(within + np.pi * radius**2 * np.minimum(p + radius, 0.0))


def _root_integral(alpha: float, beta: FloatArray, reach: FloatArray) -> FloatArray:
    """Integral of ``sqrt(y (alpha y + beta))`` over y from 0 to ``reach``; beta > 0.

    Closed forms for a hyperbola (alpha > 0) and an ellipse (alpha < 0) lose digits where the
    bend ``alpha reach / beta`` is small; there the integrand is smooth after ``y = reach v^2``
    and Gauss-Legendre is exact to rounding.
    """
    bend = alpha * reach / beta
    nodes, weights = np.polynomial.legendre.leggauss(32)
    v2 = ((nodes + 1) / 2) ** 2
    smooth = np.sqrt(np.maximum(1 + np.outer(bend, v2), 0.0)) @ (weights * v2)
    result = np.asarray(reach**1.5 * np.sqrt(beta) * smooth)
    bent = np.abs(bend) > 0.25
    if bent.any():
        y, b = reach[bent], beta[bent]
        root = np.sqrt(np.maximum(y * (alpha * y + b), 0.0))
        first = (2 * alpha * y + b) / (4 * alpha) * root
        if alpha > 0:
            result[bent] = first - b**2 / (8 * alpha**1.5) * np.arccosh(1 + 2 * bend[bent])
        else:
            turn = np.arccos(np.clip(1 + 2 * bend[bent], -1.0, 1.0))
            result[bent] = first + b**2 / (8 * (-alpha) ** 1.5) * turn
    return result

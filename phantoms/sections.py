"""Sections: what a plane of constant z cuts out of a solid, exact and as a polygon.

Positions are (x, y), mm, of the plane. Rings run counter-clockwise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from rtplan.errors import GeometryError
from rtplan.geometry.grid import FloatArray

from .cuts import LEVEL

Position = tuple[float, float]
# Points (n, 2) of a curve for parameters (n,) from 0, its start, to 1, its end.
Curve = Callable[[FloatArray], FloatArray]


class Section(ABC):
    """A region of a plane bounded by one ring; ``is_hole`` where it is left out."""

    __slots__ = ()
    is_hole: bool

    @property
    @abstractmethod
    def area_mm2(self) -> float:
        """Area, mm2, of the exact region, above 0 for a hole too."""

    @abstractmethod
    def polygon(self, vertices: int, *, area_matched: bool = False) -> FloatArray:
        """A polygon of about ``vertices`` vertices (n, 2), mm, on the exact ring.

        ``area_matched`` moves vertices out until the polygon has the exact area. Corners and
        straight sides are kept as they are.

        Raises
        ------
        GeometryError
            Fewer than 3 vertices are asked for.
        """

    @abstractmethod
    def as_hole(self) -> Section:
        """The region as a hole, or a hole as a region."""


@dataclass(frozen=True, slots=True)
class Circle(Section):
    """A circle of a plane: centre (x, y) and radius, mm; ``is_hole`` where it bounds a hole."""

    centre_mm: Position
    radius_mm: float
    is_hole: bool = False

    @property
    def area_mm2(self) -> float:
        return np.pi * self.radius_mm**2

    def polygon(self, vertices: int, *, area_matched: bool = False) -> FloatArray:
        """A regular polygon of the circle, (vertices, 2) mm, counter-clockwise from +x.

        Its vertices are on the circle, so its area is smaller by the factor
        ``sin(2 pi/n) / (2 pi/n)``; ``area_matched`` moves them out until the areas agree.
        """
        radius = self.radius_mm * _stretch(vertices, area_matched=area_matched)
        angle = 2 * np.pi / vertices * np.arange(vertices)
        return np.asarray(self.centre_mm) + radius * np.stack([np.cos(angle), np.sin(angle)], 1)

    def as_hole(self) -> Self:
        return replace(self, is_hole=not self.is_hole)


@dataclass(frozen=True, slots=True)
class Ellipse(Section):
    """An ellipse: centre and its two half-axes as vectors (x, y), mm, a quarter turn apart."""

    centre_mm: Position
    first_mm: Position
    second_mm: Position
    is_hole: bool = False

    @property
    def area_mm2(self) -> float:
        return float(np.pi * np.hypot(*self.first_mm) * np.hypot(*self.second_mm))

    def polygon(self, vertices: int, *, area_matched: bool = False) -> FloatArray:
        """The regular polygon of a circle, stretched with it to the ellipse."""
        stretch = _stretch(vertices, area_matched=area_matched)
        angle = 2 * np.pi / vertices * np.arange(vertices)
        ring = np.outer(np.cos(angle), self.first_mm) + np.outer(np.sin(angle), self.second_mm)
        return np.asarray(self.centre_mm) + stretch * _counter_clockwise(ring)

    def as_hole(self) -> Self:
        return replace(self, is_hole=not self.is_hole)


@dataclass(frozen=True, slots=True)
class Polygon(Section):
    """A polygon by its corners, counter-clockwise; it is drawn as it is."""

    corners_mm: tuple[Position, ...]
    is_hole: bool = False

    @property
    def area_mm2(self) -> float:
        return signed_area_mm2(np.asarray(self.corners_mm))

    def polygon(self, vertices: int, *, area_matched: bool = False) -> FloatArray:
        """The corners, however many vertices are asked for."""
        _stretch(vertices, area_matched=area_matched)
        return np.asarray(self.corners_mm)

    def as_hole(self) -> Self:
        return replace(self, is_hole=not self.is_hole)


@dataclass(frozen=True, slots=True)
class Outline(Section):
    """A convex region bounded by curves, end to end, and the chords between their ends.

    Parameters
    ----------
    curves : tuple of Curve
        Counter-clockwise round the region.
    exact_mm2 : float
        Area of the region.
    is_hole : bool
    """

    curves: tuple[Curve, ...]
    exact_mm2: float
    is_hole: bool = False

    @property
    def area_mm2(self) -> float:
        return self.exact_mm2

    def polygon(self, vertices: int, *, area_matched: bool = False) -> FloatArray:
        """Vertices shared out among the curves by length; their ends stay where they are."""
        _stretch(vertices, area_matched=area_matched)
        rings = [curve(np.linspace(0.0, 1.0, 65)) for curve in self.curves]
        lengths = np.array([np.hypot(*np.diff(ring, axis=0).T).sum() for ring in rings])
        counts = np.maximum(np.rint(vertices * lengths / lengths.sum()), 2).astype(int)
        parts = [
            curve(np.linspace(0.0, 1.0, count + 1))
            for curve, count in zip(self.curves, counts, strict=True)
        ]
        ring = np.concatenate(parts)
        free = np.concatenate([np.arange(n + 1) % n != 0 for n in counts])
        # Where one curve ends at the start of the next, one of the two points is enough.
        apart = np.hypot(*(ring - np.roll(ring, 1, axis=0)).T) > 1e-9 * np.ptp(ring, axis=0).max()
        ring, free = ring[apart], free[apart]
        return _grown(ring, free, self.exact_mm2) if area_matched else ring

    def as_hole(self) -> Self:
        return replace(self, is_hole=not self.is_hole)


@dataclass(frozen=True, slots=True)
class Tilt:
    """Coordinates of a plane along the part of a solid's axis that lies in it, and across.

    ``axis`` is the solid's unit axis; ``across`` (above 0) its part in the plane, ``along`` that
    along z. ``xy`` turns positions (n, 2) along and across into x and y about ``centre_mm``.
    """

    axis: FloatArray
    centre_mm: Position

    @property
    def across(self) -> float:
        return float(np.hypot(self.axis[0], self.axis[1]))

    @property
    def along(self) -> float:
        return float(self.axis[2])

    def xy(self, positions: FloatArray) -> FloatArray:
        """Positions (n, 2) along the axis and across it, as x and y, mm."""
        x, y = self.axis[:2] / self.across
        return np.asarray(self.centre_mm + positions @ np.array([[x, y], [-y, x]]))

    def ellipse(self, middle: float, half: float, width: float) -> Ellipse:
        """An ellipse of half-axes ``half`` along and ``width`` across."""
        x, y = (float(part) for part in self.axis[:2] / self.across)
        cx, cy = (float(part) for part in self.xy(np.array([[middle, 0.0]]))[0])
        return Ellipse((cx, cy), (half * x, half * y), (-width * y, width * x))

    def arc(self, middle: float, half: float, width: float, turn: tuple[float, float]) -> Curve:
        """The part of that ellipse between two angles, counter-clockwise from along the axis."""
        start, end = turn

        def curve(part: FloatArray) -> FloatArray:
            v = start + (end - start) * part
            return self.xy(np.stack([middle + half * np.cos(v), width * np.sin(v)], axis=1))

        return curve

    def polygon(self, corners: Sequence[Position]) -> Polygon:
        """A polygon from its corners along and across."""
        return Polygon(tuple((float(x), float(y)) for x, y in self.xy(np.asarray(corners))))


def segment_of_ellipse(half: float, width: float, start: float, end: float) -> float:
    """Area between the chords of an ellipse at the angles ``start`` and ``end`` above 0."""
    return half * width * ((end - start) - float(np.sin(2 * end) - np.sin(2 * start)) / 2)


def cut_cylinder(
    tilt: Tilt, rise: float, *, radius: float, low: float, high: float
) -> tuple[Section, ...]:
    """Section, ``rise`` above the origin of the heights, of a cylinder that is not upright.

    It is an ellipse without what lies beyond the ends at the heights ``low`` and ``high``, or a
    rectangle where the axis is level.
    """
    start, end = ((edge - tilt.along * rise) / tilt.across for edge in (low, high))
    if abs(tilt.along) < LEVEL:
        square = radius**2 - rise**2
        if square <= 0:
            return ()
        w = float(np.sqrt(square))
        return (tilt.polygon([(start, -w), (end, -w), (end, w), (start, w)]),)
    middle, half = tilt.across * rise / tilt.along, radius / abs(tilt.along)
    first, last = turns(start, end, middle, half)
    if first >= last:
        return ()
    if first == 0 and last == np.pi:
        return (tilt.ellipse(middle, half, radius),)
    area = segment_of_ellipse(half, radius, first, last)
    spans = arcs_between(first, last)
    return (Outline(tuple(tilt.arc(middle, half, radius, span) for span in spans), area),)


def turns(start: float, end: float, middle: float, half: float) -> tuple[float, float]:
    """Angles, from the far end of an ellipse, of the chords at ``end`` and at ``start``."""
    edges = np.clip((np.array([end, start]) - middle) / half, -1.0, 1.0)
    first, last = np.arccos(edges)
    return float(first), float(last)


def arcs_between(first: float, last: float) -> list[tuple[float, float]]:
    """Arcs of an ellipse between two chords across it, counter-clockwise from the far one."""
    if first == 0:
        return [(-last, last)]
    if last == np.pi:
        return [(first, 2 * np.pi - first)]
    return [(first, last), (2 * np.pi - last, 2 * np.pi - first)]


def signed_area_mm2(ring: FloatArray) -> float:
    """Area of a ring (n, 2), mm2; above 0 where it runs counter-clockwise."""
    x, y = (ring - ring.mean(axis=0)).T
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def _stretch(vertices: int, *, area_matched: bool) -> float:
    """Factor by which a regular polygon grows to the area of its circle."""
    if vertices < 3:
        raise GeometryError(f"a polygon has 3 vertices or more, not {vertices}")
    turn = 2 * np.pi / vertices
    return float(np.sqrt(turn / np.sin(turn))) if area_matched else 1.0


def _counter_clockwise(ring: FloatArray) -> FloatArray:
    return ring if signed_area_mm2(ring) > 0 else ring[::-1]


def _grown(ring: FloatArray, free: ArrayLike, area_mm2: float) -> FloatArray:
    """The ring with its free vertices moved from the middle until it has the area."""
    moving = np.asarray(free)[:, None]
    middle = ring.mean(axis=0)
    moved, fixed = np.where(moving, ring - middle, 0.0), np.where(moving, 0.0, ring - middle)

    def twice(first: FloatArray, second: FloatArray) -> float:
        after = np.roll(second, -1, axis=0)
        return float(np.sum(first[:, 0] * after[:, 1] - first[:, 1] * after[:, 0]))

    # The doubled area is quadratic in the factor of the free vertices.
    square = twice(moved, moved)
    linear = twice(moved, fixed) + twice(fixed, moved)
    rest = twice(fixed, fixed) - 2 * area_mm2
    root = np.sqrt(max(linear**2 - 4 * square * rest, 0.0))
    denominator = linear + root
    factor = -2 * rest / denominator if denominator != 0 else 1.0
    return np.asarray(middle + fixed + factor * moved)

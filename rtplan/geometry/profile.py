"""Profiles: the cross-sectional area of a body along its normal, as local parabolas.

The area of every ellipsoid, cone, frustum and standing cylinder is a parabola in the position
along any direction, so that a parabola through the exact areas of contours has their exact volume
(Simpson's rule). Of a cylinder that lies on its side, and of a torus, the square of the area is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtplan.geometry.grid import FloatArray

TOUCHING = 0.02
"""A parabola that comes this close to zero (of the last area but one) before it rises again ends
there."""
POINTED = 0.05
"""A last contour with less than this part of the area before it is the tip itself, if the
parabola knows of none."""
_POINT = 0.01  # length of what lies beyond a tip, for its radius
_TELLING = 1e-5  # of the terms of a third difference: less tells nothing
_ROUNDING = 1.01
_AT, _WEIGHT = np.polynomial.legendre.leggauss(48)


@dataclass(frozen=True, slots=True)
class Profile:
    """The area at a distance s from 0 to ``length_mm``.

    It is ``start + slope * s + bend * s² / 2`` to the power of ``1 / power``.
    """

    start: float
    slope: float
    bend: float
    length_mm: float
    power: int = 1

    def area_at_mm2(self, at_mm: FloatArray) -> FloatArray:
        """Area at each distance, mm², not below 0."""
        value = self.start + at_mm * (self.slope + at_mm * self.bend / 2)
        return np.asarray(np.maximum(value, 0.0) ** (1 / self.power))

    def _area_mm2(self, at_mm: float) -> float:
        """As ``area_at_mm2``, of one distance."""
        value = self.start + at_mm * (self.slope + at_mm * self.bend / 2)
        return float(max(value, 0.0) ** (1 / self.power))

    @property
    def area_mm2(self) -> float:
        """Area at 0."""
        return self._area_mm2(0.0)

    @property
    def last_area_mm2(self) -> float:
        """Area at ``length_mm``."""
        return self._area_mm2(self.length_mm)

    @property
    def bulge_mm2(self) -> float:
        """By how much the area halfway exceeds the mean of those at the ends."""
        return self._area_mm2(self.length_mm / 2) - (self.area_mm2 + self.last_area_mm2) / 2

    @property
    def total_mm3(self) -> float:
        """Volume from 0 to ``length_mm``."""
        return float(self.volume_mm3(np.array([self.length_mm]))[0])

    def volume_mm3(self, to_mm: FloatArray) -> FloatArray:
        """Volume from 0 to each distance (n,), mm³."""
        s = to_mm
        if self.power == 1:
            return s * (self.start + s * (self.slope / 2 + s * self.bend / 6))
        areas = self.area_at_mm2(s[:, None] * (_AT + 1) / 2)
        return np.asarray(s / 2 * (areas @ _WEIGHT))


def between(
    lower: tuple[float, float] | None,
    areas: tuple[float, float],
    upper: tuple[float, float] | None,
    gap_mm: float,
    *,
    power: int = 1,
) -> Profile:
    """The profile from one contour plane to the next.

    The bend is the harmonic mean of those of the parabolas through three contours on either side:
    the same where both agree, none where they contradict each other, so that a step in the areas
    does not overshoot.

    Parameters
    ----------
    lower, upper : (distance mm, area mm²) or None
        Of the contour beyond each plane, and how far beyond; None where the body has none.
    areas : (float, float)
        On the two planes, mm².
    gap_mm : float
    power : int
        Of the area, that is a parabola.
    """
    first, last = areas = (areas[0] ** power, areas[1] ** power)
    lower = None if lower is None else (lower[0], lower[1] ** power)
    upper = None if upper is None else (upper[0], upper[1] ** power)
    rise = (last - first) / gap_mm
    bends = []
    if lower is not None:
        bends.append(2 * (rise - (first - lower[1]) / lower[0]) / (lower[0] + gap_mm))
    if upper is not None:
        bends.append(2 * ((upper[1] - last) / upper[0] - rise) / (upper[0] + gap_mm))
    bend = bends[0] if len(bends) == 1 else 0.0
    if len(bends) == 2 and bends[0] * bends[1] > 0:
        bend = 2 * bends[0] * bends[1] / (bends[0] + bends[1])
    bend = _above_half(bend, rise, areas, gap_mm)
    return Profile(first, rise - bend * gap_mm / 2, bend, gap_mm, power)


def _above_half(bend: float, rise: float, areas: tuple[float, float], gap_mm: float) -> float:
    """The bend, lessened where the parabola would sag below half of the smaller area."""
    if bend <= 0:
        return bend
    lowest = gap_mm / 2 - rise / bend
    sag = areas[0] + lowest * (rise - bend * gap_mm / 2 + lowest * bend / 2)
    if 0 < lowest < gap_mm and sag < min(areas) / 2:
        return min(bend, 4 * min(areas) / gap_mm**2)
    return bend


def beyond(
    area_mm2: float,
    before: tuple[float, float],
    second: tuple[float, float],
    limit_mm: float,
    *,
    power: int = 1,
) -> Profile | None:
    """The profile beyond the last contour, to where its parabola reaches zero.

    Parameters
    ----------
    area_mm2 : float
        Of the last contour.
    before, second : (distance mm, area mm²)
        Of the contour before it and its distance, and of the one before that and its distance
        from the former.
    limit_mm : float
        At most so far.
    power : int
        Of the area, that is a parabola.

    Returns
    -------
    Profile or None
        None where the parabola does not reach zero within the limit: a flat end.
    """
    area, previous, first = (a**power for a in (area_mm2, before[1], second[1]))
    rise = (area - previous) / before[0]
    bend = 2 * (rise - (previous - first) / second[0]) / (before[0] + second[0])
    slope = rise + bend * before[0] / 2
    length = _first_zero(area, slope, bend, nearly=TOUCHING * previous)
    if length is not None and length <= limit_mm * _ROUNDING:
        return Profile(area, slope, bend, length, power)
    if area_mm2 < POINTED * before[1]:
        point = _POINT * float(np.sqrt(area_mm2 / np.pi))
        return Profile(area_mm2, -area_mm2 / point, 0.0, point)
    return None


def round_between(areas: tuple[float, float], gap_mm: float) -> Profile:
    """The profile between two contours (areas, mm²) of a body as steep along the normal as in the
    plane: a sphere's area bends by -2 pi."""
    rise = (areas[1] - areas[0]) / gap_mm
    return Profile(areas[0], rise + np.pi * gap_mm, -2 * np.pi, gap_mm)


def round_beyond(
    area_mm2: float, other_mm2: float, gap_mm: float, limit_mm: float
) -> Profile | None:
    """The profile beyond a contour of a round body, to its end.

    Parameters
    ----------
    area_mm2 : float
        Of the contour.
    other_mm2, gap_mm : float
        Area of the other contour, and its distance; 0 mm where there is only one, at the equator.
    limit_mm : float
        At most so far.

    Returns
    -------
    Profile or None
        None where the body would not end within the limit.
    """
    slope = (area_mm2 - other_mm2) / gap_mm - np.pi * gap_mm if gap_mm > 0 else 0.0
    length = _first_zero(area_mm2, slope, -2 * np.pi)
    if length is None or length > limit_mm * _ROUNDING:
        return None
    return Profile(area_mm2, slope, -2 * np.pi, length)


def departures(
    lower: tuple[float, float],
    areas: tuple[float, float],
    upper: tuple[float, float],
    gap_mm: float,
) -> tuple[float, float]:
    """How far four areas are from a parabola, and their squares, in the same unit.

    Parameters as of ``between``.
    """
    (before, first), (after, last) = lower, upper
    low, high = areas
    # The third divided difference: each value by the product of its distances from the others.
    long, short = before + gap_mm + after, gap_mm + after
    terms = (
        -first / (before * (before + gap_mm) * long),
        low / (before * gap_mm * short),
        -high / ((before + gap_mm) * gap_mm * after),
        last / (long * short * after),
    )
    squares = first * terms[0] + low * terms[1] + high * terms[2] + last * terms[3]
    least = _TELLING * sum(map(abs, terms))
    return max(abs(sum(terms)), least), max(2 * abs(squares) / (first + low + high + last), least)


def _first_zero(area: float, slope: float, bend: float, *, nearly: float = 0.0) -> float | None:
    """Smallest s > 0 at which the parabola is zero, or lowest and at most ``nearly``."""
    square = slope**2 - 2 * bend * area
    if square < 0:
        if slope < 0 < bend and area - slope**2 / (2 * bend) <= nearly:
            return -slope / bend
        return None
    # The root of the stable form: 2 A / (-b + sqrt(b² - 2 c A)).
    denominator = -slope + float(np.sqrt(square))
    return 2 * area / denominator if denominator > 0 else None

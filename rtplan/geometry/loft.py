"""A loft: a stretch of a body along which its cross-section changes from one contour to the next.

A contour stands at ``base_mm``; from there the cross-section passes into the next contour, or, in
a rounded end cap, into nothing. Its area at every distance is that of a parabola
(``geometry.profile``), so the volume does not depend on how the sections between are found; where
they are is the business of ``geometry.sections``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import dist, pi, sqrt

import numpy as np

from rtplan.geometry.distance import Rings
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import Plane
from rtplan.geometry.profile import Profile
from rtplan.geometry.rings import IndexArray

_AT, _WEIGHT = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True, eq=False)
class Loft:
    """A stretch of a body, from ``base_mm`` along the normal in the direction ``sign``.

    Parameters
    ----------
    start : Plane
        The cross-section at its base.
    towards : Plane
        The cross-section that tells how it changes: the far end of a stretch between two contours;
        of a cap, the contour on the other side.
    sign : float
        1 upwards, -1 downwards.
    profile : Profile
        Area at each distance from the base.
    further : float
        The sections' signed distances change by this part of what leads from ``near`` to
        ``other``: 1 between two contours, at most 0 in a cap.
    is_cap : bool
        Whether it ends in nothing.
    """

    start: Plane
    towards: Plane
    sign: float
    profile: Profile
    further: float = 1.0
    is_cap: bool = False

    @property
    def near(self) -> Rings:
        """Rings of the cross-section at its base."""
        return self.start.rings

    @property
    def other(self) -> Rings:
        """Rings of the cross-section that tells how it changes."""
        return self.towards.rings

    @property
    def far(self) -> Rings:
        """Rings of the cross-section at its far end; none of a cap."""
        return () if self.is_cap else self.other

    @property
    def ends(self) -> tuple[Plane, ...]:
        """The contours at its ends: one of a cap."""
        return (self.start,) if self.is_cap else (self.start, self.towards)

    @property
    def base_mm(self) -> float:
        """Position of its base along the normal, mm."""
        return self.start.position_mm

    @property
    def length_mm(self) -> float:
        """Extent along the normal, mm."""
        return self.profile.length_mm

    @property
    def low_mm(self) -> float:
        """Lower end along the normal, mm."""
        return min(self.base_mm, self.base_mm + self.sign * self.length_mm)

    @property
    def high_mm(self) -> float:
        """Upper end along the normal, mm."""
        return max(self.base_mm, self.base_mm + self.sign * self.length_mm)

    @property
    def volume_mm3(self) -> float:
        """Volume, mm³: that of its profile."""
        return self.profile.total_mm3

    @cached_property
    def bulge_mm(self) -> float:
        """How far its section halfway lies beyond the blend of both its contours, about, mm."""
        area = abs(self.profile.bulge_mm2)
        return min(area / self.start.length_mm, sqrt(area / pi))

    @cached_property
    def outside_mm(self) -> float:
        """How far its sections may lie beyond both its contours, about, mm."""
        apart = dist(self.start.centroid_mm, self.towards.centroid_mm)
        return self.bulge_mm + abs(self.further) * apart / 2

    @property
    def centres_mm(self) -> tuple[FloatArray, FloatArray]:
        """Centroid at the base and at the far end, (2,) mm each."""
        near, other = np.array(self.start.centroid_mm), np.array(self.towards.centroid_mm)
        return near, near + self.further * (other - near)

    @property
    def has_tip(self) -> bool:
        """Whether it ends in the point to which its centroid moves: a cap of one simple ring
        around it."""
        import shapely

        if not self.is_cap or len(self.near) > 1:
            return False
        return bool(shapely.contains_xy(shapely.Polygon(self.near[0]), *self.centres_mm[1]))

    @property
    def first_moment(self) -> FloatArray:
        """Integral of (u, v, n) over its volume, (3,) mm⁴."""
        part = (_AT + 1) / 2
        volume = self.profile.area_at_mm2(part * self.length_mm) * _WEIGHT * self.length_mm / 2
        near, far = self.centres_mm
        centre = near + part[:, None] * (far - near)
        position = self.base_mm + self.sign * part * self.length_mm
        return np.append(volume @ centre, volume @ position)


def distinct(pairs: Iterable[tuple[Rings, Rings]]) -> tuple[list[Rings], IndexArray]:
    """Every cross-section of some pairs once, and which two each pair is made of, (n, 2).

    Neighbouring lofts share a contour: cross-sections are the same where their rings are the same
    arrays.
    """
    number: dict[tuple[int, ...], int] = {}
    found: list[Rings] = []
    ends = []
    for pair in pairs:
        for rings in pair:
            if number.setdefault(tuple(map(id, rings)), len(found)) == len(found):
                found.append(rings)
        ends.append([number[tuple(map(id, rings))] for rings in pair])
    return found, np.array(ends, dtype=np.intp).reshape(-1, 2)

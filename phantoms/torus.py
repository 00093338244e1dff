"""A torus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.errors import GeometryError
from rtplan.geometry.grid import FloatArray

from .cuts import ALONG, integrate, segment
from .sections import Circle, Section
from .solid import CC_PER_MM3, UP, Point, Solid, in_cc, local, parts, place, unit


@dataclass(frozen=True, slots=True)
class Torus(Solid):
    """A tube of ``tube_mm`` radius bent into a ring of ``ring_mm`` radius, about an axis.

    Raises
    ------
    GeometryError
        The tube is not thinner than the ring: there is no hole.
    """

    centre_mm: Point
    ring_mm: float
    tube_mm: float
    axis: Point = UP

    def __post_init__(self) -> None:
        if not 0 < self.tube_mm < self.ring_mm:
            raise GeometryError(
                f"a tube of {self.tube_mm:g} mm leaves no hole in a ring of {self.ring_mm:g} mm"
            )

    @property
    def volume_cc(self) -> float:
        return 2 * np.pi**2 * self.ring_mm * self.tube_mm**2 * CC_PER_MM3

    @property
    def centroid_mm(self) -> Point:
        return self.centre_mm

    def contains(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        height, aside = local(points_mm, self.centre_mm, unit(self.axis))
        return np.asarray(np.hypot(aside - self.ring_mm, height) <= self.tube_mm)

    def extent_mm(self, normal: FloatArray) -> tuple[float, float]:
        middle = float(normal @ np.asarray(self.centre_mm))
        _, across = parts(normal, unit(self.axis))
        reach = across * self.ring_mm + self.tube_mm
        return middle - reach, middle + reach

    def above_cc(self, normal: FloatArray, offset_mm: FloatArray) -> FloatArray:
        """Elementary along the axis (Pappus); elsewhere one integral round the tube.

        At the angle v round the tube the surface is a circle of radius r = R + a cos v at the
        height a sin v. Layers of what a plane leaves of its disc, dz = a cos v dv, add up over a
        full turn: the outer half counts the disc, the inner half takes the hole away. Exact to
        1e-9 of the volume.
        """
        t = np.asarray(offset_mm, dtype=float) - float(normal @ np.asarray(self.centre_mm))
        along, across = parts(normal, unit(self.axis))
        ring, tube = self.ring_mm, self.tube_mm
        if across < ALONG:
            return in_cc(2 * np.pi * ring * segment(t, tube), self.volume_cc)

        def layer(turn: FloatArray) -> FloatArray:
            gap = (t[:, None, None] - along * tube * np.sin(turn)) / across
            return segment(gap, ring + tube * np.cos(turn)) * tube * np.cos(turn)

        breaks = np.concatenate(
            [
                np.zeros((len(t), 1)),
                np.full((len(t), 1), 2 * np.pi),
                self._touches(t, along, across),
            ],
            axis=1,
        )
        return in_cc(integrate(layer, breaks), self.volume_cc)

    def _touches(self, t: FloatArray, along: float, across: float) -> FloatArray:
        """Angles (n, 4) at which the plane touches the circle of the surface."""
        found = []
        for side in (1, -1):
            # along a sin v + side across a cos v = t - side across R, one sine with a phase.
            phase = np.arctan2(along, side * across)
            half = np.arccos(np.clip((t - side * across * self.ring_mm) / self.tube_mm, -1.0, 1.0))
            found += [phase + half, phase - half]
        return np.asarray(np.mod(np.stack(found, axis=1), 2 * np.pi))

    def reach_mm(self, centre_mm: Point) -> tuple[float, float]:
        height, aside = place(centre_mm, self.centre_mm, unit(self.axis))
        near = np.hypot(aside - self.ring_mm, height) - self.tube_mm
        far = np.hypot(aside + self.ring_mm, height) + self.tube_mm
        return max(float(near), 0.0), float(far)

    def within_cc(self, centre_mm: Point, radius_mm: FloatArray) -> FloatArray:
        """Elementary for a ball about a point of the axis.

        In a half-plane through the axis the ball and the tube are discs, which share two segments
        on one chord. By Pappus each counts with its moment about the axis: its area by the
        distance of its disc's middle, 0 for the ball, and a part that depends on the chord alone
        and is opposite for the two. What is left is the tube's segment on the circle of the ring.

        Raises
        ------
        GeometryError
            The centre is off the axis.
        """
        height, aside = place(centre_mm, self.centre_mm, unit(self.axis))
        if aside > ALONG:
            raise GeometryError(
                f"balls about a point {aside:g} mm off the axis of a torus: known only on the axis"
            )
        rho = np.asarray(radius_mm, dtype=float)
        apart = float(np.hypot(self.ring_mm, height))
        chord = (apart**2 + (self.tube_mm - rho) * (self.tube_mm + rho)) / (2 * apart)
        return in_cc(2 * np.pi * self.ring_mm * segment(chord, self.tube_mm), self.volume_cc)

    def sections(self, z_mm: float) -> tuple[Section, ...]:
        axis = unit(self.axis)
        if np.hypot(axis[0], axis[1]) > ALONG:
            raise GeometryError(
                f"sections of a torus are known where its axis is along z, not {self.axis}"
            )
        x, y, z = self.centre_mm
        square = self.tube_mm**2 - (z_mm - z) ** 2
        if square <= 0:
            return ()
        half = float(np.sqrt(square))
        return Circle((x, y), self.ring_mm + half), Circle((x, y), self.ring_mm - half, True)

"""Bodies without edges: an ellipsoid of any half-axes and direction, and a capsule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.errors import GeometryError
from rtplan.geometry.grid import FloatArray

from .cuts import (
    ALONG,
    Piece,
    cap,
    cylinder_above,
    integrate,
    revolution_above,
    revolution_within,
)
from .sections import Circle, Curve, Ellipse, Outline, Section, Tilt, cut_cylinder
from .solid import (
    CC_PER_MM3,
    PATIENT_AXES,
    UP,
    Axes,
    Point,
    Solid,
    in_cc,
    local,
    matrix,
    parts,
    place,
    unit,
)


@dataclass(frozen=True, slots=True)
class Ellipsoid(Solid):
    """An ellipsoid: half-axes ``half_mm`` along the rows of ``axes``.

    Raises
    ------
    GeometryError
        The axes are not unit vectors at right angles.
    """

    centre_mm: Point
    half_mm: Point
    axes: Axes = PATIENT_AXES

    def __post_init__(self) -> None:
        matrix(self.axes)

    @property
    def volume_cc(self) -> float:
        return float(4 / 3 * np.pi * np.prod(self.half_mm) * CC_PER_MM3)

    @property
    def centroid_mm(self) -> Point:
        return self.centre_mm

    def contains(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        away = np.asarray(points_mm, dtype=float) - np.asarray(self.centre_mm)
        scaled = away @ matrix(self.axes).T / np.asarray(self.half_mm)
        return np.asarray(np.linalg.norm(scaled, axis=-1) <= 1)

    def extent_mm(self, normal: FloatArray) -> tuple[float, float]:
        middle = float(normal @ np.asarray(self.centre_mm))
        half = self._support(normal)
        return middle - half, middle + half

    def above_cc(self, normal: FloatArray, offset_mm: FloatArray) -> FloatArray:
        t = np.asarray(offset_mm, dtype=float) - float(normal @ np.asarray(self.centre_mm))
        # Stretched to a ball of radius 1, where planes stay planes and shares of the volume shares.
        return self.volume_cc * cap(t / self._support(normal), 1.0) / (4 / 3 * np.pi)

    def _support(self, normal: FloatArray) -> float:
        return float(np.linalg.norm(np.asarray(self.half_mm) * (matrix(self.axes) @ normal)))

    def reach_mm(self, centre_mm: Point) -> tuple[float, float]:
        if self._apart(centre_mm) < ALONG:
            return 0.0, max(self.half_mm)
        pole, equator, axis = self._spheroid()
        height, aside = place(centre_mm, self.centre_mm, axis)

        def away(turn: float) -> float:
            # The meridian runs on round the far side of the axis.
            return float(np.hypot(equator * np.cos(turn) - aside, pole * np.sin(turn) - height))

        within = bool(self.contains(np.asarray(centre_mm, dtype=float)))
        return 0.0 if within else _least(away), -_least(lambda turn: -away(turn))

    def within_cc(self, centre_mm: Point, radius_mm: FloatArray) -> FloatArray:
        """One integral, exact to 1e-9 of the volume where no half-axis is 10 times another.

        Raises
        ------
        GeometryError
            Three unequal half-axes and a ball about another point than the ellipsoid's centre.
        """
        rho = np.asarray(radius_mm, dtype=float)
        if self._apart(centre_mm) < ALONG:
            return in_cc(_concentric(sorted(self.half_mm), rho), self.volume_cc)
        pole, equator, axis = self._spheroid()
        height, aside = place(centre_mm, self.centre_mm, axis)
        body = Piece(-pole, pole, (-((equator / pole) ** 2), 0.0, equator**2))
        mm3 = revolution_within([body], rho, height=height, aside=aside)
        return in_cc(mm3, self.volume_cc)

    def _apart(self, centre_mm: Point) -> float:
        return float(np.linalg.norm(np.asarray(centre_mm) - np.asarray(self.centre_mm)))

    def _spheroid(self) -> tuple[float, float, FloatArray]:
        """Half-axis of revolution, that across it, and the direction of the first."""
        for own, one, other in ((2, 0, 1), (1, 0, 2), (0, 1, 2)):
            if abs(self.half_mm[one] - self.half_mm[other]) <= 1e-12 * self.half_mm[one]:
                return self.half_mm[own], self.half_mm[one], matrix(self.axes)[own]
        raise GeometryError(
            f"balls about a point off the centre of an ellipsoid of half-axes {self.half_mm} mm: "
            "known only where two half-axes are equal"
        )

    def sections(self, z_mm: float) -> tuple[Section, ...]:
        x, y, z = self.centre_mm
        rise = z_mm - z
        own = matrix(self.axes) / np.asarray(self.half_mm)[:, None]
        form = own.T @ own
        plane, mixed = form[:2, :2], form[:2, 2]
        shift = -np.linalg.solve(plane, mixed)
        square = 1 - (rise / self._support(np.array(UP))) ** 2
        if square <= 0:
            return ()
        values, vectors = np.linalg.eigh(plane)
        half = np.sqrt(square / values) * vectors
        middle = (x + rise * float(shift[0]), y + rise * float(shift[1]))
        first, second = ((float(u), float(v)) for u, v in half.T)
        return (Ellipse(middle, first, second),)


def _concentric(half_mm: list[float], rho: FloatArray) -> FloatArray:
    """Volumes, mm3, of an ellipsoid of ascending half-axes within balls about its centre.

    In the direction (phi, mu), mu the cosine of the angle with the shortest half-axis c, the
    surface is at R with 1/R^2 = g + k mu^2, g(phi) from the other two and k = 1/c^2 - g. The
    integral of min(R, rho)^3 / 3 over mu is elementary; the one over phi has a root where the
    ball leaves the ellipsoid on its equator.
    """
    short, mid, long = half_mm
    # Below the shortest half-axis the ball is all inside, whatever stands for its radius here.
    inverse = 1 / np.maximum(rho, short / 2) ** 2
    spread = 1 / mid**2 - 1 / long**2
    leaves = (inverse - 1 / long**2) / spread if spread > 0 else np.zeros_like(inverse)
    root = np.arcsin(np.sqrt(np.clip(leaves, 0.0, 1.0)))

    def ring(phi: FloatArray) -> FloatArray:
        g = 1 / long**2 + spread * np.sin(phi) ** 2
        k = np.maximum(1 / short**2 - g, np.finfo(float).tiny)
        with np.errstate(over="ignore"):
            edge = np.clip((inverse[:, None, None] - g) / k, 0.0, 1.0)
        mu = np.sqrt(edge)
        beyond = (short - mu / np.sqrt(g + k * edge)) / g
        return np.asarray(rho[:, None, None] ** 3 * mu + beyond)

    ends = np.broadcast_to([0.0, np.pi / 2], (len(rho), 2))
    return 8 / 3 * integrate(ring, np.concatenate([ends, root[:, None]], axis=1))


def _least(value: Callable[[float], float]) -> float:
    """The least value of a smooth function of an angle over a full turn."""
    from scipy.optimize import minimize_scalar

    turns = np.linspace(0, 2 * np.pi, 361)
    best = turns[int(np.argmin([value(float(turn)) for turn in turns]))]
    step = float(turns[1])
    found = minimize_scalar(
        value, bounds=(best - step, best + step), method="bounded", options={"xatol": 1e-10}
    )
    return float(found.fun)


@dataclass(frozen=True, slots=True)
class Capsule(Solid):
    """A cylinder of ``length_mm`` with half a ball on each end; ``centre_mm`` is in its middle."""

    centre_mm: Point
    radius_mm: float
    length_mm: float
    axis: Point = UP

    @property
    def volume_cc(self) -> float:
        return np.pi * self.radius_mm**2 * (self.length_mm + 4 / 3 * self.radius_mm) * CC_PER_MM3

    @property
    def centroid_mm(self) -> Point:
        return self.centre_mm

    def contains(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        height, aside = local(points_mm, self.centre_mm, unit(self.axis))
        beyond = np.maximum(np.abs(height) - self.length_mm / 2, 0.0)
        return np.asarray(np.hypot(beyond, aside) <= self.radius_mm)

    def extent_mm(self, normal: FloatArray) -> tuple[float, float]:
        middle = float(normal @ np.asarray(self.centre_mm))
        along, _ = parts(normal, unit(self.axis))
        reach = abs(along) * self.length_mm / 2 + self.radius_mm
        return middle - reach, middle + reach

    def above_cc(self, normal: FloatArray, offset_mm: FloatArray) -> FloatArray:
        """Elementary along the axis; elsewhere the ends are one integral each (see ``cuts``)."""
        t = np.asarray(offset_mm, dtype=float) - float(normal @ np.asarray(self.centre_mm))
        along, across = parts(normal, unit(self.axis))
        mm3 = cylinder_above(
            t, radius=self.radius_mm, height=self.length_mm, along=along, across=across
        )
        if across < ALONG:
            half, ball = self.length_mm / 2, 2 / 3 * np.pi * self.radius_mm**3
            upper = cap(np.maximum(t - half, 0.0), self.radius_mm)
            lower = ball - cap(np.maximum(-t - half, 0.0), self.radius_mm)
            mm3 = mm3 + upper + lower
        else:
            mm3 = mm3 + revolution_above(self._ends(), t, along=along, across=across)
        return in_cc(mm3, self.volume_cc)

    def _ends(self) -> list[Piece]:
        half, radius = self.length_mm / 2, self.radius_mm
        rest = radius**2 - half**2
        return [
            Piece(-half - radius, -half, (-1.0, -self.length_mm, rest)),
            Piece(half, half + radius, (-1.0, self.length_mm, rest)),
        ]

    def reach_mm(self, centre_mm: Point) -> tuple[float, float]:
        height, aside = place(centre_mm, self.centre_mm, unit(self.axis))
        half = self.length_mm / 2
        near = np.hypot(max(abs(height) - half, 0.0), aside) - self.radius_mm
        return max(float(near), 0.0), float(np.hypot(abs(height) + half, aside)) + self.radius_mm

    def within_cc(self, centre_mm: Point, radius_mm: FloatArray) -> FloatArray:
        """One integral over layers, exact to 1e-9 of the volume (see ``cuts``)."""
        height, aside = place(centre_mm, self.centre_mm, unit(self.axis))
        half = self.length_mm / 2
        pieces = [Piece(-half, half, (0.0, 0.0, self.radius_mm**2)), *self._ends()]
        mm3 = revolution_within(pieces, radius_mm, height=height, aside=aside)
        return in_cc(mm3, self.volume_cc)

    def sections(self, z_mm: float) -> tuple[Section, ...]:
        x, y, z = self.centre_mm
        tilt, rise, half = Tilt(unit(self.axis), (x, y)), z_mm - z, self.length_mm / 2
        if tilt.across < ALONG:
            square = self.radius_mm**2 - max(abs(rise) - half, 0.0) ** 2
            return (Circle((x, y), float(np.sqrt(square))),) if square > 0 else ()
        return self._oblique(tilt, rise)

    def _oblique(self, tilt: Tilt, rise: float) -> tuple[Section, ...]:
        """The section of the cylinder, with a piece of a disc at each end that meets it."""
        half = self.length_mm / 2
        caps = [self._disc(tilt, rise, end) for end in (half, -half)]
        for whole, _, _ in caps:
            if whole is not None:
                return (whole,)
        between = cut_cylinder(tilt, rise, radius=self.radius_mm, low=-half, high=half)
        if not between:
            return ()
        (body,) = between
        (_, far, far_mm2), (_, near, near_mm2) = caps
        if isinstance(body, Ellipse):
            return between
        sides = list(body.curves) if isinstance(body, Outline) else []
        if not sides:
            curves = [*far, *near]
        elif len(sides) == 1:
            curves = [*far, *sides, *near]
        else:
            curves = [*far, sides[0], *near, sides[1]]
        return (Outline(tuple(curves), body.area_mm2 + far_mm2 + near_mm2),)

    def _disc(
        self, tilt: Tilt, rise: float, end: float
    ) -> tuple[Circle | None, list[Curve], float]:
        """What the ball at the height ``end`` adds: a whole circle, or an arc, and its area."""
        square = self.radius_mm**2 - (rise - tilt.along * end) ** 2
        if square <= 0:
            return None, [], 0.0
        radius, middle = float(np.sqrt(square)), tilt.across * end
        edge = ((end - tilt.along * rise) / tilt.across - middle) * np.sign(end)
        half = float(np.arccos(np.clip(edge / radius, -1.0, 1.0)))
        if half == np.pi:
            x, y = (float(part) for part in tilt.xy(np.array([[middle, 0.0]]))[0])
            return Circle((x, y), radius), [], 0.0
        if half == 0:
            return None, [], 0.0
        turn = 0.0 if end > 0 else np.pi
        arc = tilt.arc(middle, radius, radius, (turn - half, turn + half))
        return None, [arc], radius**2 * (half - float(np.sin(half) * np.cos(half)))

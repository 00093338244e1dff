"""Solids whose volume, and volume beyond any plane or within a ball, are known.

Each is cut by a plane as ``above_cc(normal, offset)``: the volume where ``normal . x >= offset``.
With a dose that rises along ``normal`` that is the cumulative DVH. With a dose that falls with the
distance from a point it is ``within_cc(centre, radius)``, the volume in a ball. Positions are mm
in patient LPS. A solid is drawn from its ``sections``: the regions in which a plane of constant z
cuts it.

The formulas are derived in ``docs/phantoms.md``. Of more bodies, ``Ellipsoid`` and ``Capsule`` are
in ``rounded``, ``Box`` in ``boxes`` and ``Torus`` in ``torus``; all have their names here too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.errors import GeometryError
from rtplan.geometry.grid import FloatArray

from .boxes import Box
from .cuts import (
    ALONG,
    Piece,
    cap,
    cylinder_above,
    revolution_above,
    revolution_within,
    root_integral,
    segment,
)
from .rounded import Capsule, Ellipsoid
from .sections import Circle, Outline, Section, Tilt, cut_cylinder
from .solid import (
    CC_PER_MM3,
    UP,
    Axes,
    Point,
    Solid,
    along_axis,
    in_cc,
    local,
    parts,
    place,
    turned_axes,
    unit,
)
from .torus import Torus

__all__ = [
    "Axes",
    "Box",
    "Capsule",
    "Circle",
    "Cone",
    "Cylinder",
    "Ellipsoid",
    "Hollow",
    "Point",
    "Solid",
    "Sphere",
    "Torus",
    "turned_axes",
]

# Where a plane is this nearly across a cone's axis the closed form cancels: layers are added up.
_NEAR_AXIS = 1e-2


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
        return 4 / 3 * np.pi * self.radius_mm**3 * CC_PER_MM3

    @property
    def centroid_mm(self) -> Point:
        return self.centre_mm

    def contains(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        away = np.asarray(points_mm, dtype=float) - np.asarray(self.centre_mm)
        return np.asarray(np.linalg.norm(away, axis=-1) <= self.radius_mm)

    def extent_mm(self, normal: FloatArray) -> tuple[float, float]:
        middle = float(normal @ np.asarray(self.centre_mm))
        return middle - self.radius_mm, middle + self.radius_mm

    def above_cc(self, normal: FloatArray, offset_mm: FloatArray) -> FloatArray:
        t = np.asarray(offset_mm, dtype=float) - float(normal @ np.asarray(self.centre_mm))
        return CC_PER_MM3 * cap(t, self.radius_mm)

    def reach_mm(self, centre_mm: Point) -> tuple[float, float]:
        apart = self._apart(centre_mm)
        return max(apart - self.radius_mm, 0.0), apart + self.radius_mm

    def within_cc(self, centre_mm: Point, radius_mm: FloatArray) -> FloatArray:
        apart, rho = self._apart(centre_mm), np.asarray(radius_mm, dtype=float)
        if apart < ALONG:
            return np.asarray(4 / 3 * np.pi * np.minimum(rho, self.radius_mm) ** 3 * CC_PER_MM3)
        # Both caps beyond the common plane; where there is none, clipping leaves the smaller ball.
        plane = (apart**2 + (self.radius_mm - rho) * (self.radius_mm + rho)) / (2 * apart)
        mm3 = cap(plane, self.radius_mm) + cap(apart - plane, rho)
        return in_cc(mm3, self.volume_cc)

    def _apart(self, centre_mm: Point) -> float:
        return float(np.linalg.norm(np.asarray(centre_mm) - np.asarray(self.centre_mm)))

    def sections(self, z_mm: float) -> tuple[Section, ...]:
        x, y, z = self.centre_mm
        square = self.radius_mm**2 - (z_mm - z) ** 2
        return (Circle((x, y), float(np.sqrt(square))),) if square > 0 else ()


@dataclass(frozen=True, slots=True)
class Cylinder(Solid):
    """A cylinder, ``centre_mm`` at half its height, about an axis of any direction."""

    centre_mm: Point
    radius_mm: float
    height_mm: float
    axis: Point = UP

    @property
    def volume_cc(self) -> float:
        return np.pi * self.radius_mm**2 * self.height_mm * CC_PER_MM3

    @property
    def centroid_mm(self) -> Point:
        return self.centre_mm

    def contains(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        height, aside = local(points_mm, self.centre_mm, unit(self.axis))
        return np.asarray((np.abs(height) <= self.height_mm / 2) & (aside <= self.radius_mm))

    def extent_mm(self, normal: FloatArray) -> tuple[float, float]:
        middle = float(normal @ np.asarray(self.centre_mm))
        along, across = parts(normal, unit(self.axis))
        reach = across * self.radius_mm + abs(along) * self.height_mm / 2
        return middle - reach, middle + reach

    def above_cc(self, normal: FloatArray, offset_mm: FloatArray) -> FloatArray:
        t = np.asarray(offset_mm, dtype=float) - float(normal @ np.asarray(self.centre_mm))
        along, across = parts(normal, unit(self.axis))
        mm3 = cylinder_above(
            t, radius=self.radius_mm, height=self.height_mm, along=along, across=across
        )
        return in_cc(mm3, self.volume_cc)

    def reach_mm(self, centre_mm: Point) -> tuple[float, float]:
        height, aside = place(centre_mm, self.centre_mm, unit(self.axis))
        beyond = max(abs(height) - self.height_mm / 2, 0.0)
        near = np.hypot(beyond, max(aside - self.radius_mm, 0.0))
        far = np.hypot(abs(height) + self.height_mm / 2, aside + self.radius_mm)
        return float(near), float(far)

    def within_cc(self, centre_mm: Point, radius_mm: FloatArray) -> FloatArray:
        """One integral over layers, exact to 1e-9 of the volume (see ``cuts``)."""
        height, aside = place(centre_mm, self.centre_mm, unit(self.axis))
        half = self.height_mm / 2
        wall = Piece(-half, half, (0.0, 0.0, self.radius_mm**2))
        mm3 = revolution_within([wall], radius_mm, height=height, aside=aside)
        return in_cc(mm3, self.volume_cc)

    def sections(self, z_mm: float) -> tuple[Section, ...]:
        x, y, z = self.centre_mm
        tilt, half = Tilt(unit(self.axis), (x, y)), self.height_mm / 2
        rise = z_mm - z
        if tilt.across < ALONG:
            return (Circle((x, y), self.radius_mm),) if abs(rise) <= half else ()
        return cut_cylinder(tilt, rise, radius=self.radius_mm, low=-half, high=half)


@dataclass(frozen=True, slots=True)
class Cone(Solid):
    """A cone: ``axis`` points from the apex to the middle of its base, ``height_mm`` away."""

    apex_mm: Point
    radius_mm: float
    height_mm: float
    axis: Point = UP

    @property
    def volume_cc(self) -> float:
        return np.pi / 3 * self.radius_mm**2 * self.height_mm * CC_PER_MM3

    @property
    def centroid_mm(self) -> Point:
        return along_axis(self.apex_mm, unit(self.axis), 0.75 * self.height_mm)

    @property
    def slope(self) -> float:
        """Radius per height."""
        return self.radius_mm / self.height_mm

    @property
    def _wall(self) -> Piece:
        return Piece(0.0, self.height_mm, (self.slope**2, 0.0, 0.0))

    def contains(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        height, aside = local(points_mm, self.apex_mm, unit(self.axis))
        return np.asarray((height <= self.height_mm) & (aside <= self.slope * height))

    def extent_mm(self, normal: FloatArray) -> tuple[float, float]:
        apex = float(normal @ np.asarray(self.apex_mm))
        along, across = parts(normal, unit(self.axis))
        base, reach = apex + along * self.height_mm, across * self.radius_mm
        return min(apex, base - reach), max(apex, base + reach)

    def above_cc(self, normal: FloatArray, offset_mm: FloatArray) -> FloatArray:
        t = np.asarray(offset_mm, dtype=float) - float(normal @ np.asarray(self.apex_mm))
        along, across = parts(normal, unit(self.axis))
        if across < ALONG:
            return self._above_axial(np.sign(along) * t, upward=along > 0)
        if across < _NEAR_AXIS:
            mm3 = revolution_above([self._wall], t, along=along, across=across)
            return in_cc(mm3, self.volume_cc)
        base = segment((t - along * self.height_mm) / across, self.radius_mm)
        section = self._section(t, across=across, along=along)
        return in_cc((self.height_mm * base - t * section) / 3, self.volume_cc)

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
        p, q = self.slope * across + along, self.slope * across - along
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
            chords = root_integral(alpha, beta, np.maximum(reach, 0.0))
            area[side] = 2 * chords / (first * across**2)
        return area

    def reach_mm(self, centre_mm: Point) -> tuple[float, float]:
        height, aside = place(centre_mm, self.apex_mm, unit(self.axis))
        rim = np.hypot(height - self.height_mm, aside + self.radius_mm)
        far = max(float(np.hypot(height, aside)), float(rim))
        if bool(self.contains(np.asarray(centre_mm, dtype=float))):
            return 0.0, far
        base = np.hypot(height - self.height_mm, max(aside - self.radius_mm, 0.0))
        side = np.hypot(self.height_mm, self.radius_mm)
        part = np.clip((height * self.height_mm + aside * self.radius_mm) / side**2, 0.0, 1.0)
        wall = np.hypot(height - part * self.height_mm, aside - part * self.radius_mm)
        return min(float(base), float(wall)), far

    def within_cc(self, centre_mm: Point, radius_mm: FloatArray) -> FloatArray:
        """One integral over layers, exact to 1e-9 of the volume (see ``cuts``)."""
        height, aside = place(centre_mm, self.apex_mm, unit(self.axis))
        mm3 = revolution_within([self._wall], radius_mm, height=height, aside=aside)
        return in_cc(mm3, self.volume_cc)

    def sections(self, z_mm: float) -> tuple[Section, ...]:
        x, y, z = self.apex_mm
        tilt, rise = Tilt(unit(self.axis), (x, y)), z_mm - z
        if tilt.across < ALONG:
            part = rise * np.sign(tilt.along) / self.height_mm
            return (Circle((x, y), float(self.radius_mm * part)),) if 0 < part <= 1 else ()
        return self._conic(tilt, rise)

    def _conic(self, tilt: Tilt, rise: float) -> tuple[Section, ...]:
        """The section ``rise`` above the apex: a conic without what lies beyond the base.

        At the position w along the axis in the plane its half-width is ``sqrt(f g)``, where
        f = (k s + c) w + (k c - s) rise and g = (k s - c) w + (k c + s) rise are both above 0,
        s and c the parts of the axis across z and along it.
        """
        k, s, c = self.slope, tilt.across, tilt.along
        f, g = (k * s + c, (k * c - s) * rise), (k * s - c, (k * c + s) * rise)
        start, end = -np.inf, (self.height_mm - c * rise) / s
        base = end
        # The factor that is 0 where the section starts, and the other one.
        (a, _), (p, q) = f, g
        for (steep, level), other in ((f, g), (g, f)):
            if abs(steep) < ALONG and level < 0:
                return ()
            if steep >= ALONG and -level / steep > start:
                start, a, (p, q) = -level / steep, steep, other
            if steep <= -ALONG:
                end = min(end, -level / steep)
        if not start < end:
            return ()
        beta = max(p * start + q, 0.0)
        if end < base:
            half = (end - start) / 2
            return (tilt.ellipse(start + half, half, half * float(np.sqrt(-a * p))),)
        chords = root_integral(p / a, np.array([beta]), np.array([a * (end - start)]))

        def curve(part: FloatArray) -> FloatArray:
            v = 1 - 2 * part
            w = (end - start) * v**2
            width = np.sign(v) * np.sqrt(np.maximum(a * w * (p * w + beta), 0.0))
            return tilt.xy(np.stack([start + w, width], axis=1))

        return (Outline((curve,), 2 * float(chords[0]) / a),)


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

    def contains(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        return self.outer.contains(points_mm) & ~self.inner.contains(points_mm)

    def extent_mm(self, normal: FloatArray) -> tuple[float, float]:
        return self.outer.extent_mm(normal)

    def above_cc(self, normal: FloatArray, offset_mm: FloatArray) -> FloatArray:
        return self.outer.above_cc(normal, offset_mm) - self.inner.above_cc(normal, offset_mm)

    def reach_mm(self, centre_mm: Point) -> tuple[float, float]:
        if not (isinstance(self.outer, Sphere) and isinstance(self.inner, Sphere)):
            raise GeometryError(
                f"the nearest point of a {type(self.outer).__name__} without a "
                f"{type(self.inner).__name__} is not known; only that of a hollow sphere is"
            )
        near, far = self.outer.reach_mm(centre_mm)
        apart = float(np.linalg.norm(np.asarray(centre_mm) - np.asarray(self.inner.centre_mm)))
        return max(near, self.inner.radius_mm - apart), far

    def within_cc(self, centre_mm: Point, radius_mm: FloatArray) -> FloatArray:
        outer = self.outer.within_cc(centre_mm, radius_mm)
        return outer - self.inner.within_cc(centre_mm, radius_mm)

    def sections(self, z_mm: float) -> tuple[Section, ...]:
        holes = (section.as_hole() for section in self.inner.sections(z_mm))
        return *self.outer.sections(z_mm), *holes

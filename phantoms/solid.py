"""A solid: a body with a closed form for its volume, its centre and what a cut leaves of it.

A plane cuts it as ``above_cc``, a ball as ``within_cc``. Positions are mm in patient LPS.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from rtplan.errors import GeometryError
from rtplan.geometry.grid import FloatArray

from .sections import Circle, Section

Point = tuple[float, float, float]
# Unit directions of a body's own axes, at right angles.
Axes = tuple[Point, Point, Point]
UP: Point = (0.0, 0.0, 1.0)
PATIENT_AXES: Axes = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), UP)
CC_PER_MM3 = 1e-3


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
    def contains(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        """Whether each of the points (..., 3), mm, lies in the solid, (...)."""

    @abstractmethod
    def extent_mm(self, normal: FloatArray) -> tuple[float, float]:
        """Least and largest ``normal . x`` over the solid, mm; ``normal`` (3,) is a unit vector."""

    @abstractmethod
    def above_cc(self, normal: FloatArray, offset_mm: FloatArray) -> FloatArray:
        """Volume, cc, where ``normal . x >= offset_mm``, for each of (n,) finite offsets."""

    @abstractmethod
    def reach_mm(self, centre_mm: Point) -> tuple[float, float]:
        """Least and largest distance of the solid from a point, mm.

        Raises
        ------
        GeometryError
            It is not known for this solid and this point.
        """

    @abstractmethod
    def within_cc(self, centre_mm: Point, radius_mm: FloatArray) -> FloatArray:
        """Volume, cc, within a ball about ``centre_mm``, for each of (n,) finite radii.

        Raises
        ------
        GeometryError
            It is not known for this solid and this centre.
        """

    @abstractmethod
    def sections(self, z_mm: float) -> tuple[Section, ...]:
        """The regions in which the plane ``z = z_mm`` cuts the solid: outer first, then holes.

        Raises
        ------
        GeometryError
            The section is not known for this solid's direction.
        """

    def rings(self, z_mm: float) -> tuple[Circle, ...]:
        """The sections of a solid all of whose sections are circles.

        Raises
        ------
        GeometryError
            A section is not a circle.
        """
        circles = []
        for section in self.sections(z_mm):
            if not isinstance(section, Circle):
                raise GeometryError(
                    f"the section of a {type(self).__name__} at z = {z_mm:g} mm is not a circle; "
                    "use sections"
                )
            circles.append(section)
        return tuple(circles)


def unit(direction: Point) -> FloatArray:
    """The unit vector (3,) along ``direction``.

    Raises
    ------
    GeometryError
        The direction has no length or is not finite.
    """
    vector = np.asarray(direction, dtype=float)
    length = float(np.linalg.norm(vector))
    if not (length > 0 and np.isfinite(length)):
        raise GeometryError(f"an axis needs a length, not {direction}")
    return np.asarray(vector / length)


def turned_axes(about: Point, degrees: float) -> Axes:
    """The patient's axes turned right-handed about a direction.

    >>> turned_axes((0.0, 0.0, 2.0), 90.0)[0]
    (0.0, 1.0, 0.0)
    """
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_rotvec(np.radians(degrees) * unit(about))
    first, second, third = (
        (float(x), float(y), float(z)) for x, y, z in np.round(turn.as_matrix().T, 15) + 0.0
    )
    return first, second, third


def matrix(axes: Axes) -> FloatArray:
    """Axes as the rows of a matrix (3, 3).

    Raises
    ------
    GeometryError
        They are not unit vectors at right angles.
    """
    rows = np.asarray(axes, dtype=float)
    if rows.shape != (3, 3) or not np.abs(rows @ rows.T - np.eye(3)).max() < 1e-9:
        raise GeometryError(f"axes have to be three unit vectors at right angles, not {axes}")
    return rows


def parts(vector: FloatArray, axis: FloatArray) -> tuple[float, float]:
    """Part of a vector along a unit axis, and the size of the part across it."""
    return float(vector @ axis), float(np.linalg.norm(np.cross(axis, vector)))


def local(
    points_mm: FloatArray, origin_mm: Point, axis: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Height over ``origin_mm`` along a unit axis and distance from it, of points (..., 3)."""
    away = np.asarray(points_mm, dtype=float) - np.asarray(origin_mm)
    height = away @ axis
    return np.asarray(height), np.linalg.norm(away - height[..., None] * axis, axis=-1)


def place(centre_mm: Point, origin_mm: Point, axis: FloatArray) -> tuple[float, float]:
    """``local`` of one point."""
    height, aside = local(np.asarray(centre_mm, dtype=float), origin_mm, axis)
    return float(height), float(aside)


def along_axis(origin_mm: Point, axis: FloatArray, height_mm: float) -> Point:
    """The point at a height over ``origin_mm`` on an axis."""
    x, y, z = (float(part) for part in np.asarray(origin_mm) + height_mm * axis)
    return x, y, z


def in_cc(volume_mm3: FloatArray, whole_cc: float) -> FloatArray:
    """Volumes in cc, kept between nothing and the whole against rounding."""
    return np.asarray(np.clip(volume_mm3 * CC_PER_MM3, 0.0, whole_cc))

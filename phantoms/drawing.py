"""Drawing a solid: from its exact sections to contours on planes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from rtplan.errors import GeometryError
from rtplan.geometry.contour import Contour, GeometricType
from rtplan.geometry.grid import FloatArray

from .sections import Section, signed_area_mm2
from .solid import Solid


class Holes(StrEnum):
    """How a hole is drawn.

    ``NESTED``: a second closed ring inside the first. ``KEYHOLE``: one ring that runs to the hole
    and back through a channel of no width (PS3.3 C.8.8.6.3). ``XOR``: rings of the type
    CLOSEDPLANAR_XOR.
    """

    NESTED = "nested"
    KEYHOLE = "keyhole"
    XOR = "xor"


@dataclass(frozen=True, slots=True)
class Pen:
    """How a solid is drawn.

    Parameters
    ----------
    spacing_mm : float
        Distance of the planes.
    phase : float
        Planes are at ``(k + phase) * spacing_mm`` for whole k.
    vertices : int
        Vertices of a circle or another curved section; polygons have their corners.
    area_matched : bool
        Polygons of the section's area; otherwise inscribed.
    holes : Holes
    """

    spacing_mm: float
    phase: float = 0.5
    vertices: int = 360
    area_matched: bool = True
    holes: Holes = Holes.NESTED

    def __post_init__(self) -> None:
        if not self.spacing_mm > 0:
            raise GeometryError(f"plane spacing must be above 0 mm, not {self.spacing_mm}")

    def planes_mm(self, low_mm: float, high_mm: float) -> FloatArray:
        """Positions of the planes from ``low_mm`` to ``high_mm``, both included."""
        slack = 1e-9
        first = int(np.ceil(low_mm / self.spacing_mm - self.phase - slack))
        last = int(np.floor(high_mm / self.spacing_mm - self.phase + slack))
        return np.asarray(
            (np.arange(first, last + 1) + self.phase) * self.spacing_mm, dtype=np.float64
        )


def draw(solid: Solid, pen: Pen) -> tuple[Contour, ...]:
    """The contours of ``solid`` on the planes of ``pen`` that cut it, from low z to high.

    >>> from rtplan.phantoms.solids import Sphere
    >>> len(draw(Sphere((0.0, 0.0, 0.0), 12.0), Pen(spacing_mm=2.0)))
    12
    """
    low, high = solid.extent_mm(np.array([0.0, 0.0, 1.0]))
    return tuple(
        contour
        for z in pen.planes_mm(low, high)
        for contour in _draw_plane(solid.sections(float(z)), float(z), pen)
    )


def drawn_volume_cc(solid: Solid, pen: Pen) -> float:
    """Volume, cc, of half-slice prisms over the polygons that ``draw`` makes."""
    low, high = solid.extent_mm(np.array([0.0, 0.0, 1.0]))
    area = sum(
        signed_area_mm2(_polygon(section, pen)) * (-1 if section.is_hole else 1)
        for z in pen.planes_mm(low, high)
        for section in solid.sections(float(z))
    )
    return float(area) * pen.spacing_mm * 1e-3


def _polygon(section: Section, pen: Pen) -> FloatArray:
    return section.polygon(pen.vertices, area_matched=pen.area_matched)


def _draw_plane(sections: tuple[Section, ...], z_mm: float, pen: Pen) -> Iterator[Contour]:
    rings = [_polygon(section, pen) for section in sections]
    if pen.holes is Holes.KEYHOLE and len(rings) == 2:
        rings = [keyhole(*rings)]
    kind = GeometricType.CLOSED_PLANAR
    if pen.holes is Holes.XOR:
        kind = GeometricType.CLOSEDPLANAR_XOR
    for ring in rings:
        yield Contour(np.column_stack([ring, np.full(len(ring), z_mm)]), kind)


def keyhole(outer: FloatArray, inner: FloatArray) -> FloatArray:
    """One ring that encloses ``outer`` without ``inner``, both (n, 2) and counter-clockwise.

    It runs round the outer ring, from its first vertex to that of the inner one, round that the
    other way, and back through the same channel.
    """
    return np.concatenate([outer, outer[:1], inner[:1], inner[:0:-1], inner[:1]])

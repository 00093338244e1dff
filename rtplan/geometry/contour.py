"""Contours and structures as drawn: nothing repaired, nothing joined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from rtplan.errors import GeometryError
from rtplan.geometry.grid import FloatArray, read_only


class GeometricType(StrEnum):
    """Contour Geometric Type (3006,0042), PS3.3 C.8.8.6."""

    CLOSED_PLANAR = "CLOSED_PLANAR"
    CLOSEDPLANAR_XOR = "CLOSEDPLANAR_XOR"
    OPEN_PLANAR = "OPEN_PLANAR"
    OPEN_NONPLANAR = "OPEN_NONPLANAR"
    POINT = "POINT"

    @property
    def is_closed(self) -> bool:
        """Whether contours of this type enclose an area."""
        return self in (GeometricType.CLOSED_PLANAR, GeometricType.CLOSEDPLANAR_XOR)


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """One contour as drawn.

    Parameters
    ----------
    points_mm : (n, 3) float
        Vertices, mm, patient LPS; of a closed contour the first is not repeated at the end.
    kind : GeometricType
    """

    points_mm: FloatArray
    kind: GeometricType = GeometricType.CLOSED_PLANAR

    def __post_init__(self) -> None:
        shape = self.points_mm.shape
        if len(shape) != 2 or shape[1] != 3:
            raise GeometryError(f"contour points have shape {shape}; expected (n, 3)")
        if not np.isfinite(self.points_mm).all():
            raise GeometryError("contour has a coordinate that is not finite")
        read_only(self.points_mm)


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept: what it means, and its value in a coding scheme (PS3.3 8.8)."""

    meaning: str
    value: str = ""
    scheme: str = ""


@dataclass(frozen=True, slots=True)
class SegmentCodes:
    """What a segmentation says in codes that a segment is (PS3.3 C.8.20.4).

    Parameters
    ----------
    category, kind : Code or None
        Segmented Property Category and Type: "Morphologically Altered Structure", "Neoplasm".
    modifiers : tuple of Code
        Segmented Property Type Modifiers, such as "Left".
    regions : tuple of Code
        Anatomic Region, such as "Liver".
    algorithm : str
        Segment Algorithm Type: AUTOMATIC, SEMIAUTOMATIC, MANUAL, or an empty text.
    """

    category: Code | None = None
    kind: Code | None = None
    modifiers: tuple[Code, ...] = ()
    regions: tuple[Code, ...] = ()
    algorithm: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """An ROI: a number, a name as stored, and its contours.

    ``number`` with the structure set's UID is the identity; names may repeat.
    ``problem`` is set when the stored contours cannot be trusted (unreadable coordinates,
    duplicate ROI number, ...): no number of this structure may be computed then, and the text
    is the reason to give.

    ``slab_mm`` is set where contours are outlines of voxels: each holds just half of it below and
    above its plane, and a plane without contours is empty. Where it is None, nothing is known but
    the contours. ``codes`` are those of a segment.
    """

    number: int
    name: str
    roi_type: str = ""
    contours: tuple[Contour, ...] = ()
    colour: tuple[int, int, int] | None = None
    frame_of_reference_uid: str | None = None
    problem: str | None = None
    slab_mm: float | None = None
    codes: SegmentCodes | None = None

    @property
    def closed(self) -> tuple[Contour, ...]:
        """Closed contours of three points or more: those that enclose an area."""
        return tuple(c for c in self.contours if c.kind.is_closed and len(c.points_mm) >= 3)


@dataclass(frozen=True, slots=True, eq=False)
class StructureSet:
    """An RT Structure Set or a segmentation: its structures, in stored order."""

    sop_instance_uid: str
    label: str = ""
    structures: tuple[Structure, ...] = ()
    frame_of_reference_uid: str | None = None
    referenced_series_uids: tuple[str, ...] = field(default=())

    def __iter__(self) -> Iterator[Structure]:
        return iter(self.structures)

    def display_name(self, structure: Structure) -> str:
        """The stored name; with ``#number`` where another structure has the same name."""
        same = sum(other.name == structure.name for other in self.structures)
        return f"{structure.name} #{structure.number}" if same > 1 else structure.name

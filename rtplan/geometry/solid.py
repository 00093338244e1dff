"""A solid: the body that contours on planes stand for, as slabs of constant cross-section.

Between planes a cross-section reaches halfway to its neighbours (right prisms); beyond the last
plane it reaches half a spacing (half-slice end caps).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtplan.errors import GeometryError
from rtplan.findings import Finding, finding
from rtplan.geometry.contour import Structure, StructureSet
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import Plane, PlaneStack, plane_gaps_mm, stack_planes
from rtplan.geometry.raster import IndexArray

BRIDGED_SPACINGS = 2.0
"""A gap of up to this many spacings is bridged; a wider one separates bodies."""
SKIPPED_SPACINGS = 1.5
"""From this many spacings on, a plane counts as missing."""
_ROUNDING = 1.01


@dataclass(frozen=True, slots=True, eq=False)
class Slab:
    """A cross-section that holds from ``low_mm`` to ``high_mm`` along the normal."""

    low_mm: float
    high_mm: float
    plane: Plane

    @property
    def thickness_mm(self) -> float:
        """Extent along the normal, mm."""
        return self.high_mm - self.low_mm


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """Slabs in ascending order, in the frame of their plane stack's ``axes`` (columns u, v, n)."""

    axes: FloatArray
    slabs: tuple[Slab, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def volume_cc(self) -> float:
        """Volume of the polygon prisms, cc."""
        return sum(slab.plane.area_mm2 * slab.thickness_mm for slab in self.slabs) / 1000.0

    @property
    def centroid_mm(self) -> FloatArray:
        """Centre of volume (3,), mm, patient LPS."""
        total, first = 0.0, np.zeros(3)
        for slab in self.slabs:
            volume = slab.plane.area_mm2 * slab.thickness_mm
            centre = np.append(_first_moment_mm3(slab.plane) * slab.thickness_mm, 0.0)
            centre[2] = volume * (slab.low_mm + slab.high_mm) / 2
            total += volume
            first += centre
        return np.asarray(self.axes @ (first / total))


def solid_of(structure: Structure, *, lone_plane_mm: float | None = None) -> Solid:
    """The solid of a structure as half-slice prisms.

    Parameters
    ----------
    structure : Structure
    lone_plane_mm : float, optional
        Thickness to give a structure drawn on a single plane, and the spacing to judge the gap of
        one drawn on two; the structure set's plane spacing (``plane_spacing_mm``) is meant.

    Raises
    ------
    GeometryError
        As ``stack_planes``; also a single plane without ``lone_plane_mm``.
    """
    return prisms(stack_planes(structure), structure, lone_plane_mm=lone_plane_mm)


def prisms(stack: PlaneStack, structure: Structure, *, lone_plane_mm: float | None = None) -> Solid:
    """Half-slice prisms of a plane stack; parameters and errors as ``solid_of``."""
    notes = list(stack.findings)
    gaps = stack.gaps_mm
    spacing = _typical(gaps, lone_plane_mm)
    if len(stack.planes) == 1:
        text = f"drawn on a single plane; taken as {spacing:g} mm thick"
        notes.append(_note("GEO006", structure, text))
    bridged = gaps <= BRIDGED_SPACINGS * spacing * _ROUNDING
    skipped = bridged & (gaps > SKIPPED_SPACINGS * spacing)
    notes += _gap_notes(stack, structure, np.flatnonzero(skipped), np.flatnonzero(~bridged))
    half = np.where(bridged, gaps, np.nan) / 2
    below, above = np.append(np.nan, half), np.append(half, np.nan)
    # An end takes half of the gap on its other side, unless a plane was skipped there.
    ends = np.where(np.isnan(below), above, below)
    ends = np.where(ends <= SKIPPED_SPACINGS * spacing / 2, ends, spacing / 2)
    below = np.where(np.isnan(below), ends, below)
    above = np.where(np.isnan(above), ends, above)
    slabs = tuple(
        Slab(plane.position_mm - float(low), plane.position_mm + float(high), plane)
        for plane, low, high in zip(stack.planes, below, above, strict=True)
    )
    return Solid(stack.axes, slabs, tuple(notes))


def plane_spacing_mm(structure_set: StructureSet) -> float | None:
    """The most usual distance between contour planes over all structures, mm; None without any."""
    gaps = []
    for structure in structure_set:
        if structure.problem is None and len(structure.closed) > 1:
            try:
                gaps.append(plane_gaps_mm(structure))
            except GeometryError:
                continue
    every = np.concatenate([np.empty(0), *gaps])
    if not every.size:
        return None
    values, counts = np.unique(np.round(every, 2), return_counts=True)
    return float(values[counts.argmax()])


def _gap_notes(
    stack: PlaneStack, structure: Structure, skipped: IndexArray, apart: IndexArray
) -> list[Finding]:
    """Findings on planes that are missing: bridged, or taken as the end of a body."""
    notes = []
    if skipped.size:
        where = ", ".join(f"{stack.planes[i].position_mm:.1f} mm" for i in skipped)
        notes.append(_note("GEO005", structure, f"a plane is missing after {where}; bridged"))
    for i in apart.tolist():
        below, above = stack.planes[i], stack.planes[i + 1]
        text = (
            f"no contours between {below.position_mm:.1f} and {above.position_mm:.1f} mm; "
            "taken as separate bodies"
        )
        if below.polygon().intersects(above.polygon()):
            notes.append(_note("GEO008", structure, f"{text}, though they face each other"))
        else:
            notes.append(_note("GEO007", structure, text))
    return notes


def _typical(gaps: FloatArray, lone_plane_mm: float | None) -> float:
    """The spacing by which gaps are judged, mm."""
    if gaps.size == 0:
        if lone_plane_mm is None:
            raise GeometryError(
                "it is drawn on a single plane, and nothing else in the structure set tells "
                "the distance between planes"
            )
        return lone_plane_mm
    if gaps.size == 1 and lone_plane_mm is not None:
        return lone_plane_mm
    return float(np.sort(gaps)[(gaps.size - 1) // 2])


def _first_moment_mm3(plane: Plane) -> FloatArray:
    """Integral of (u, v) over the enclosed area, (2,) mm³."""
    total = np.zeros(2)
    for ring in plane.rings:
        shifted = ring - ring[0]
        following = np.roll(shifted, -1, axis=0)
        cross = shifted[:, 0] * following[:, 1] - shifted[:, 1] * following[:, 0]
        total += ((shifted + following) * cross[:, None]).sum(axis=0) / 6
        total += ring[0] * cross.sum() / 2
    return total


def _note(code: str, structure: Structure, text: str) -> Finding:
    return finding(code, f"{structure.name!r}: {text}", roi_number=structure.number)

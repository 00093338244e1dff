"""A solid: the body that contours on planes stand for, as slabs of constant cross-section.

Between planes a cross-section reaches halfway to the ones it faces (right prisms) or passes into
them (``geometry.shape``); beyond the last plane of a body it reaches half a spacing (half-slice end
caps), less, or shrinks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rtplan.errors import GeometryError
from rtplan.findings import Finding, Severity, finding
from rtplan.geometry.contour import Structure, StructureSet
from rtplan.geometry.convention import EndCap, Interpolation
from rtplan.geometry.distance import first_moment_mm3
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.links import (
    BRIDGED_SPACINGS,
    FACING_OVERLAP,
    SKIPPED_SPACINGS,
    Links,
    Parts,
    link,
    parts_of,
)
from rtplan.geometry.planes import Plane, PlaneStack, plane_gaps_mm, stack_planes
from rtplan.geometry.shape import Piece, shape_of

CLOSE_SPACINGS = 0.2
"""Planes closer than this part of the usual spacing are doubtful: drawn twice, or shifted."""


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
            centre = np.append(first_moment_mm3(slab.plane.rings) * slab.thickness_mm, 0.0)
            centre[2] = volume * (slab.low_mm + slab.high_mm) / 2
            total += volume
            first += centre
        return np.asarray(self.axes @ (first / total))


def solid_of(
    structure: Structure,
    *,
    lone_plane_mm: float | None = None,
    interpolation: Interpolation = Interpolation.RIGHT_PRISM,
    end_cap: EndCap = EndCap.HALF_SLICE,
) -> Solid:
    """The solid of a structure.

    Parameters
    ----------
    structure : Structure
    lone_plane_mm : float, optional
        Thickness to give a structure drawn on a single plane, and the spacing to judge the gap of
        one drawn on two; the structure set's plane spacing (``plane_spacing_mm``) is meant.
    interpolation : Interpolation
        What it is between its contour planes.
    end_cap : EndCap
        What it is beyond the last contour planes of each of its bodies.

    Raises
    ------
    GeometryError
        As ``stack_planes``; also a single plane without ``lone_plane_mm``, and where nothing has
        a thickness without end caps.
    """
    stack = stack_planes(structure)
    spacing = typical_spacing_mm(stack.gaps_mm, lone_plane_mm)
    parts = parts_of(stack)
    links = link(parts, spacing)
    below = _extent(links.below, links.above, links.next_above, spacing)
    above = _extent(links.above, links.below, links.next_below, spacing)
    pieces: tuple[Piece, ...] = ()
    if (interpolation, end_cap) != (Interpolation.RIGHT_PRISM, EndCap.HALF_SLICE):
        shape = shape_of(parts, links, (below, above), interpolation=interpolation, end_cap=end_cap)
        below, above, pieces = shape.below, shape.above, shape.pieces
    slabs = _slabs(parts, parts.position_mm - below, parts.position_mm + above, pieces)
    if not slabs:
        raise GeometryError("none of its bodies has two planes; without end caps it has no volume")
    notes = [*stack.findings, *_notes(stack, structure, spacing, parts, links)]
    return Solid(stack.axes, slabs, tuple(notes))


def _extent(
    this_side: FloatArray, other_side: FloatArray, beyond: FloatArray, spacing: float
) -> FloatArray:
    """How far parts reach on one side: half the distance to the neighbour, or half a slice.

    At an end the slice is as thick as on the other side, unless planes are doubled or missing
    there, judged by the usual spacing and by what comes ``beyond``.
    """
    most = SKIPPED_SPACINGS * np.fmax(beyond, spacing)
    usual = (other_side >= CLOSE_SPACINGS * spacing) & (other_side <= most)
    end = np.where(usual, other_side, spacing)
    return np.where(np.isnan(this_side), end, this_side) / 2


def _slabs(
    parts: Parts, low: FloatArray, high: FloatArray, pieces: tuple[Piece, ...]
) -> tuple[Slab, ...]:
    """Slabs in ascending order; parts of a plane with the same extent share one.

    ``low`` and ``high`` (p,) are how far the parts hold; ``pieces`` are what else there is.
    """
    shared: dict[tuple[int, float, float], list[FloatArray]] = {}
    for rings, plane, a, b in zip(
        parts.rings, parts.plane.tolist(), low.tolist(), high.tolist(), strict=True
    ):
        shared.setdefault((plane, a, b), []).extend(rings)
    position = dict(zip(parts.plane.tolist(), parts.position_mm.tolist(), strict=True))
    slabs = [
        Slab(a, b, Plane(position[plane], tuple(rings)))
        for (plane, a, b), rings in shared.items()
        if b > a
    ]
    for piece in pieces:
        middle = (piece.low_mm + piece.high_mm) / 2
        slabs.append(Slab(piece.low_mm, piece.high_mm, Plane(middle, piece.rings)))
    return tuple(sorted(slabs, key=lambda slab: (slab.low_mm, slab.high_mm)))


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


def _notes(
    stack: PlaneStack, structure: Structure, spacing: float, parts: Parts, links: Links
) -> list[Finding]:
    """Findings on a lone plane and on planes that are missing or too close."""
    notes = []
    gaps = stack.gaps_mm
    if len(stack.planes) == 1:
        text = f"drawn on a single plane; taken as {spacing:g} mm thick"
        notes.append(_note("GEO006", structure, text))
    if len(links.skipped):
        text = f"a plane is missing {_between(links.skipped)}; bridged"
        notes.append(_note("GEO005", structure, text))
    if len(links.facing):
        text = f"planes are missing {_between(links.facing)}; bridged, for the contours face"
        notes.append(_note("GEO008", structure, f"{text} each other"))
    goes_on = np.zeros(len(stack.planes), dtype=bool)
    goes_on[parts.plane[np.isfinite(links.above)]] = True
    for index in np.flatnonzero((gaps > BRIDGED_SPACINGS * spacing) & ~goes_on[:-1]).tolist():
        notes.append(_apart(stack.planes[index], stack.planes[index + 1], structure))
    close = gaps < CLOSE_SPACINGS * spacing
    if close.any():
        text = (
            f"{int(close.sum())} planes lie closer than {CLOSE_SPACINGS * spacing:.2g} mm to the "
            f"next, where {spacing:.2g} mm is usual"
        )
        notes.append(_note("GEO009", structure, text))
    return notes


def _apart(below: Plane, above: Plane, structure: Structure) -> Finding:
    """A finding where bodies were taken as separate; a warning if they look like one."""
    ends = [below.position_mm, above.position_mm]
    first, second = below.polygon(), above.polygon()
    common = first.intersection(second).area
    alike = common >= FACING_OVERLAP * max(first.area, second.area)
    text = f"no contours {_between(np.array([ends]))}; separate bodies"
    if alike:
        text += ", though the contours on both sides are alike"
    severity = Severity.WARNING if alike else Severity.INFO
    found = _note("GEO007", structure, text)
    return replace(found, severity=severity)


def _between(gaps: FloatArray) -> str:
    """Gaps (m, 2) in words, the first three of them."""
    texts = [f"between {low:.1f} and {high:.1f} mm" for low, high in gaps[:3]]
    more = f" and in {len(gaps) - 3} more gaps" if len(gaps) > 3 else ""
    return ", ".join(texts) + more


def typical_spacing_mm(gaps: FloatArray, lone_plane_mm: float | None) -> float:
    """The usual distance of planes by which gaps are judged, mm.

    Three quarters of the gaps are at most this wide: neither planes drawn twice nor a few bodies
    far apart move it. ``lone_plane_mm`` decides where there are no two gaps to tell.

    Raises
    ------
    GeometryError
        A single plane without ``lone_plane_mm``.
    """
    if gaps.size == 0 and lone_plane_mm is None:
        raise GeometryError(
            "it is drawn on a single plane, and nothing else in the structure set tells "
            "the distance between planes"
        )
    if gaps.size <= 1 and lone_plane_mm is not None:
        return lone_plane_mm
    own = float(np.quantile(gaps, 0.75, method="lower"))
    return own if lone_plane_mm is None else min(own, BRIDGED_SPACINGS * lone_plane_mm)


def _note(code: str, structure: Structure, text: str) -> Finding:
    return finding(code, f"{structure.name!r}: {text}", roi_number=structure.number)

"""A solid: the body that contours on planes stand for, as slabs and lofts.

Between planes a cross-section reaches halfway to the ones it faces (right prisms, slabs of constant
cross-section) or passes into them (``geometry.shape``, lofts); beyond the last plane of a body it
reaches half a spacing (half-slice end caps), less, or shrinks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rtplan.errors import GeometryError
from rtplan.findings import Finding, Severity, finding
from rtplan.geometry.contour import Structure, StructureSet
from rtplan.geometry.convention import EndCap, Interpolation
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
from rtplan.geometry.loft import Loft
from rtplan.geometry.planes import Plane, PlaneStack, plane_gaps_mm, stack_planes
from rtplan.geometry.rings import Part
from rtplan.geometry.shape import shape_of

FURTHEST = 2.05
"""Half spacings beyond a body's last plane that no end of it reaches."""
CLOSE_SPACINGS = 0.2
"""Planes closer than this part of the usual spacing are doubtful: drawn twice, or shifted."""
_USUAL = 0.75  # of the gaps are at most as wide as the usual one


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


@dataclass(frozen=True, eq=False)
class Solid:
    """Slabs and lofts, in the frame ``axes`` (columns u, v, n) of its planes.

    ``flat_ends`` are slabs beyond the last contours of its bodies: nothing but the distance of the
    planes tells how far they reach. ``body`` are the other slabs.
    """

    axes: FloatArray
    body: tuple[Slab, ...]
    findings: tuple[Finding, ...] = ()
    lofts: tuple[Loft, ...] = ()
    flat_ends: tuple[Slab, ...] = ()

    @cached_property
    def slabs(self) -> tuple[Slab, ...]:
        """All slabs, ascending, each as far as its cross-section holds."""
        joined: dict[tuple[int, ...], list[Slab]] = {}
        for slab in sorted((*self.body, *self.flat_ends), key=lambda slab: slab.low_mm):
            same = joined.setdefault(tuple(map(id, slab.plane.rings)), [])
            if same and same[-1].high_mm == slab.low_mm:
                same[-1] = replace(same[-1], high_mm=slab.high_mm)
            else:
                same.append(slab)
        every = (slab for same in joined.values() for slab in same)
        return tuple(sorted(every, key=lambda slab: (slab.low_mm, slab.high_mm)))

    @cached_property
    def volume_cc(self) -> float:
        """Volume of the polygon prisms and the lofts, cc."""
        slabs = sum(slab.plane.area_mm2 * slab.thickness_mm for slab in self.slabs)
        return (slabs + sum(loft.volume_mm3 for loft in self.lofts)) / 1000.0

    @property
    def centroid_mm(self) -> FloatArray:
        """Centre of volume (3,), mm, patient LPS."""
        total, first = 0.0, np.zeros(3)
        for slab in self.slabs:
            volume = slab.plane.area_mm2 * slab.thickness_mm
            total += volume
            first += volume * np.array([*slab.plane.centroid_mm, (slab.low_mm + slab.high_mm) / 2])
        for loft in self.lofts:
            total += loft.volume_mm3
            first += loft.first_moment
        return np.asarray(self.axes @ (first / total))

    @cached_property
    def bounds_mm(self) -> tuple[FloatArray, FloatArray]:
        """Corners (u, v, n) of a box around it, mm."""
        planes = [slab.plane for slab in self.slabs]
        planes += [plane for loft in self.lofts for plane in loft.ends]
        bounds = np.array([part.bounds_mm for plane in planes for part in plane.parts])
        stretches: list[Slab | Loft] = [*self.slabs, *self.lofts]
        margin = 2 * max((loft.outside_mm for loft in self.lofts), default=0.0)
        low, high = bounds[:, :2].min(axis=0) - margin, bounds[:, 2:].max(axis=0) + margin
        bottom, top = (part.low_mm for part in stretches), (part.high_mm for part in stretches)
        return np.append(low, min(bottom)), np.append(high, max(top))


class Drawn:
    """A structure's contours on their planes, followed from plane to plane: what solids stand on.

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

    Outlines of voxels (``Structure.slab_mm``) are prisms of just that thickness, under any
    convention.
    """

    def __init__(self, structure: Structure, *, lone_plane_mm: float | None = None) -> None:
        stack = stack_planes(structure)
        self.axes = stack.axes
        self.parts = parts_of(stack)
        self.slab_mm = structure.slab_mm
        if self.slab_mm is not None:  # outlines of voxels: nothing lies between or beyond
            half = np.full(self.parts.position_mm.shape, self.slab_mm / 2)
            self.extents, self.findings = (half, half), stack.findings
            return
        spacing = typical_spacing_mm(stack.gaps_mm, lone_plane_mm)
        self.links = links = link(self.parts, spacing)
        self.extents = (
            _extent(links.below, links.above, links.next_above, spacing),
            _extent(links.above, links.below, links.next_below, spacing),
        )
        notes = _notes(stack, structure, spacing, self.parts, links)
        self.findings = (*stack.findings, *notes)

    @property
    def reach_mm(self) -> tuple[float, float]:
        """Along the normal, mm: no solid reaches further than about a spacing beyond its planes."""
        position, (below, above) = self.parts.position_mm, self.extents
        low, high = position - FURTHEST * below, position + FURTHEST * above
        return float(low.min()), float(high.max())

    def solid(self, interpolation: Interpolation, end_cap: EndCap) -> Solid:
        """The solid that it stands for under a convention.

        Raises
        ------
        GeometryError
            Nothing has a thickness without end caps.
        """
        position = self.parts.position_mm
        if self.slab_mm is not None:
            below, above = self.extents
            slabs = _slabs(self.parts, position - below, position + above)
            return Solid(self.axes, slabs, self.findings)
        shape = shape_of(
            self.parts, self.links, self.extents, interpolation=interpolation, end_cap=end_cap
        )
        below, above = (
            np.where(flat, 0.0, reach)
            for flat, reach in zip(shape.flat, (shape.below, shape.above), strict=True)
        )
        body = _slabs(self.parts, position - below, position + above)
        ends = (
            *_slabs(self.parts, position - np.where(shape.flat[0], shape.below, 0.0), position),
            *_slabs(self.parts, position, position + np.where(shape.flat[1], shape.above, 0.0)),
        )
        if not (body or ends or shape.lofts):
            text = "none of its bodies has two planes; without end caps it has no volume"
            raise GeometryError(text)
        return Solid(self.axes, body, self.findings, shape.lofts, ends)


def solid_of(
    structure: Structure,
    *,
    lone_plane_mm: float | None = None,
    interpolation: Interpolation = Interpolation.RIGHT_PRISM,
    end_cap: EndCap = EndCap.HALF_SLICE,
) -> Solid:
    """The solid of a structure: ``Drawn.solid`` of ``Drawn``, with what these raise."""
    return Drawn(structure, lone_plane_mm=lone_plane_mm).solid(interpolation, end_cap)


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


def _slabs(parts: Parts, low: FloatArray, high: FloatArray) -> tuple[Slab, ...]:
    """Slabs in ascending order; parts of a plane with the same extent share one.

    ``low`` and ``high`` (p,) are how far the parts hold.
    """
    shared: dict[tuple[float, float, float], list[Part]] = {}
    for index in np.flatnonzero(high > low).tolist():
        extent = float(low[index]), float(high[index]), float(parts.position_mm[index])
        shared.setdefault(extent, []).append(parts.parts[index])
    slabs = [Slab(a, b, Plane(at, tuple(own))) for (a, b, at), own in shared.items()]
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
    own = float(np.sort(gaps)[int(_USUAL * (gaps.size - 1))])
    return own if lone_plane_mm is None else min(own, BRIDGED_SPACINGS * lone_plane_mm)


def _note(code: str, structure: Structure, text: str) -> Finding:
    return finding(code, f"{structure.name!r}: {text}", roi_number=structure.number)

"""How far lesions are from each other and from organs, from surface to surface.

The surfaces are those of the half-slice prisms of the contours, as the figures draw them: exact
for these. Where the nearest places lie along the planes' normal, either surface may be half a
spacing off: no contour tells where between two planes a body ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rtplan.errors import GeometryError
from rtplan.geometry.contour import Structure, StructureSet
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import GeometryArray, stack_planes
from rtplan.geometry.raster import IndexArray
from rtplan.lesions.bodies import Body, bodies_of, usual_spacing_mm
from rtplan.lesions.model import Lesion
from rtplan.lesions.overlap import same_axes

NEIGHBOUR_MM = 50.0
"""NRG-BR001 (JAMA Oncol 2021, PMC8063134): metastases within 5 cm of each other are close."""
_FEW = 16
_ROUNDING_MM = 1e-9
_MEETING_MM = 1e-6


def with_neighbours(
    lesions: Sequence[Lesion],
    bodies: Sequence[Sequence[Body]],
    *,
    frames: Sequence[str | None] | None = None,
) -> tuple[Lesion, ...]:
    """Lesions with their ``neighbours``: the nearest other one, and all within ``NEIGHBOUR_MM``.

    They are None where there are other lesions and none can be compared: in other frames of
    reference, or on planes of another direction.

    Parameters
    ----------
    lesions : sequence of Lesion
    bodies : sequence of sequences of Body
        The bodies of each lesion, of the same length.
    frames : sequence of str or None, optional
        Frame of reference of each; those in different ones are not compared. None is not known.
    """
    known = frames or [None] * len(lesions)
    solids = [_Slabs.of(own) for own in bodies]
    near: list[list[tuple[str, float]]] = [[] for _ in lesions]
    pairs = [
        (solids[i].apart_mm(solids[j]), i, j)
        for j in range(len(lesions))
        for i in range(j)
        if _same_frame(known[i], known[j])
    ]
    nearest = [np.inf] * len(lesions)
    for least, i, j in sorted(pairs):
        if least > max(NEIGHBOUR_MM, nearest[i], nearest[j]):
            continue
        distance = _distance_mm(solids[i], solids[j])
        if distance is not None:
            for own, other in ((i, j), (j, i)):
                near[own].append((lesions[other].id, distance))
                nearest[own] = min(nearest[own], distance)
    return tuple(
        replace(lesion, neighbours=_kept(found) if found or len(lesions) == 1 else None)
        for lesion, found in zip(lesions, near, strict=True)
    )


def with_distances(
    lesions: Sequence[Lesion],
    bodies: Sequence[Sequence[Body]],
    structure_set: StructureSet,
    organs: Sequence[Structure],
    *,
    frames: Sequence[str | None] | None = None,
) -> tuple[Lesion, ...]:
    """Lesions with their ``distances_mm`` to organs, in the order of these.

    A distance is None where the organ encloses nothing, has contours that cannot be used, or lies
    on planes of another direction or in another frame of reference.

    Parameters
    ----------
    lesions, bodies, frames
        As for ``with_neighbours``.
    structure_set : StructureSet
    organs : sequence of Structure
        Of this set.
    """
    if not organs:
        return tuple(lesions)
    known = frames or [None] * len(lesions)
    usual = usual_spacing_mm(structure_set)
    drawn = [(organ, _slabs_of(organ, usual)) for organ in organs]
    found = []
    for lesion, own, frame in zip(lesions, bodies, known, strict=True):
        slabs = _Slabs.of(own)
        distances = []
        for organ, its in drawn:
            distance = None
            if its is not None and _same_frame(frame, organ.frame_of_reference_uid):
                distance = _distance_mm(slabs, its)
            distances.append((structure_set.display_name(organ), distance))
        found.append(replace(lesion, distances_mm=tuple(distances)))
    return tuple(found)


def _slabs_of(organ: Structure, usual_mm: float | None) -> _Slabs | None:
    if organ.problem is not None:
        return None
    try:
        return _Slabs.of(bodies_of(stack_planes(organ), usual_mm=usual_mm, slab_mm=organ.slab_mm))
    except GeometryError:
        return None


def _same_frame(one: str | None, other: str | None) -> bool:
    """Whether two frames of reference are the same, as far as both are known."""
    return one is None or other in (None, one)


def surface_distance_mm(first: Sequence[Body], second: Sequence[Body]) -> float | None:
    """Shortest distance between the surfaces of two solids, mm; 0 where they touch or overlap.

    None where their planes have different directions: it is not computed then.
    """
    return _distance_mm(_Slabs.of(first), _Slabs.of(second))


def _kept(near: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """The nearest, and what is close, nearest first."""
    near = sorted(near, key=lambda pair: pair[1])
    return tuple(near[:1] + [pair for pair in near[1:] if pair[1] <= NEIGHBOUR_MM])


@dataclass(frozen=True, eq=False)
class _Slabs:
    """The prisms of some bodies by their lower ends: sections (n,) from ``low`` to ``high`` (n,),
    their boxes (n, 4) in plane, the boxes' ``middle``, two (n,), their radius (n,) about it, mm.
    ``lone`` is one of the bodies, for the direction of its planes."""

    sections: GeometryArray
    low: FloatArray
    high: FloatArray
    box: FloatArray
    middle: tuple[FloatArray, FloatArray]
    radius: FloatArray
    lone: Body

    @classmethod
    def of(cls, bodies: Sequence[Body]) -> _Slabs:
        import shapely

        low = np.concatenate([body.low_mm for body in bodies])
        order = np.argsort(low, kind="stable")
        low = low[order]
        high = np.concatenate([body.high_mm for body in bodies])[order]
        sections = np.concatenate([body.sections for body in bodies])[order]
        box = np.asarray(shapely.bounds(sections))
        points, owner = shapely.get_coordinates(sections, return_index=True)
        middle = (box[:, :2] + box[:, 2:]) / 2
        away = np.hypot(*(points - middle[owner]).T)
        starts = np.searchsorted(owner, np.arange(len(sections)))
        radius = np.maximum.reduceat(away, starts)
        return cls(sections, low, high, box, (middle[:, 0], middle[:, 1]), radius, bodies[0])

    def apart_mm(self, other: _Slabs) -> float:
        """How far the boxes around both are apart, mm; 0 where that is not known."""
        if not same_axes(self.lone, other.lone):
            return 0.0
        (low, high), (its_low, its_high) = self._ends, other._ends
        gap = np.maximum(np.maximum(low - its_high, its_low - high), 0.0)
        return float(np.linalg.norm(gap))

    @cached_property
    def _ends(self) -> tuple[FloatArray, FloatArray]:
        """The box around all, low and high (3,) mm."""
        low = np.append(self.box[:, :2].min(axis=0), self.low.min())
        return low, np.append(self.box[:, 2:].max(axis=0), self.high.max())


def _distance_mm(first: _Slabs, second: _Slabs) -> float | None:
    """Shortest distance: pairs of prisms in the order in which they may be near, until no other
    pair can be nearer."""
    if not same_axes(first.lone, second.lone):
        return None
    # Of a few pairs the likeliest gives a distance that leaves little to look at.
    some = [np.arange(0, size, 1 + size // _FEW) for size in (len(first.low), len(second.low))]
    i, j = (index.ravel() for index in np.meshgrid(*some, indexing="ij"))
    likely = [int(_least_mm(first, second, i, j).argmin())]
    best = _exact_mm(first, second, i[likely], j[likely])
    i, j = _within(first, second, best)
    for bound in (_gaps, _by_circles_mm, _least_mm):
        near = bound(first, second, i, j) < best
        i, j = i[near], j[near]
    least = _least_mm(first, second, i, j)
    pairs, step = np.argsort(least, kind="stable"), _FEW
    while pairs.size:
        now, pairs, step = pairs[:step], pairs[step:], 2 * step
        best = min(best, _exact_mm(first, second, i[now], j[now]))
        pairs = pairs[least[pairs] < best]
    return best


def _within(first: _Slabs, second: _Slabs, distance_mm: float) -> tuple[IndexArray, IndexArray]:
    """Pairs of prisms, two (p,), with all that are less than a distance apart in height."""
    # Prisms ascend by their lower ends; the highest upper end so far does as well.
    start = np.searchsorted(np.maximum.accumulate(second.high), first.low - distance_mm)
    stop = np.searchsorted(second.low, first.high + distance_mm, side="right")
    count = np.maximum(stop - start, 0)
    i = np.repeat(np.arange(count.size), count)
    j = np.arange(i.size) - np.repeat(np.cumsum(count) - count - start, count)
    return i, j


def _exact_mm(first: _Slabs, second: _Slabs, i: IndexArray, j: IndexArray) -> float:
    """The shortest distance of pairs of prisms, mm."""
    import shapely

    in_plane = shapely.distance(first.sections[i], second.sections[j])
    return float(np.hypot(in_plane, _gaps(first, second, i, j)).min())


def _least_mm(first: _Slabs, second: _Slabs, i: IndexArray, j: IndexArray) -> FloatArray:
    """What pairs of prisms are apart at least, (p,) mm: by boxes, and by circles around them."""
    a, b = first.box[i], second.box[j]
    sides = np.maximum(a[:, :2] - b[:, 2:], b[:, :2] - a[:, 2:])
    boxes = np.hypot(*np.maximum(sides, 0.0).T)
    circles = _by_circles_mm(first, second, i, j)
    return np.maximum(np.hypot(boxes, _gaps(first, second, i, j)), circles)


def _by_circles_mm(first: _Slabs, second: _Slabs, i: IndexArray, j: IndexArray) -> FloatArray:
    """What pairs of prisms are apart at least, (p,) mm, by circles around them."""
    (u, v), (its_u, its_v) = first.middle, second.middle
    between = np.hypot(u[i] - its_u[j], v[i] - its_v[j])
    # A little less, for what rounding takes.
    circles = between - first.radius[i] - second.radius[j] - _ROUNDING_MM
    return np.hypot(np.maximum(circles, 0.0), _gaps(first, second, i, j))


def _gaps(first: _Slabs, second: _Slabs, i: IndexArray, j: IndexArray) -> FloatArray:
    """Gaps between the stretches of pairs of prisms, (p,) mm; 0 where they meet."""
    gap = np.maximum(first.low[i] - second.high[j], second.low[j] - first.high[i])
    return np.where(gap < _MEETING_MM, 0.0, gap)

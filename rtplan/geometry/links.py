"""Links: which cross-section of a body continues which, from plane to plane.

A *part* is one outer ring with its holes. Its neighbour above is the nearest part above that it
faces (overlaps, seen along the normal), whatever other parts lie between, so that bodies drawn on
planes of their own, with spacings of their own, are each followed along their own planes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import PlaneStack
from rtplan.geometry.rings import GeometryArray, IndexArray, Part, Rings

BRIDGED_SPACINGS = 2.0
"""A gap of up to this many spacings is bridged."""
FACING_SPACINGS = 5.0
"""A gap of up to this many spacings is bridged where the areas say that it is one body."""
FACING_OVERLAP = 0.5
"""Overlap, of the larger area, from which two cross-sections are taken for the same body's."""
SKIPPED_SPACINGS = 1.5
"""From this many spacings on, a plane counts as missing."""
_ROUNDING = 1.01


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The parts of a plane stack, plane after plane.

    Parameters
    ----------
    parts : tuple of Part
        p of them.
    plane : (p,) int
        Index of each part's plane.
    position_mm : (p,) float
    """

    parts: tuple[Part, ...]
    plane: IndexArray
    position_mm: FloatArray

    @property
    def first(self) -> IndexArray:
        """Index of the first part of each plane, and after the last one how many there are."""
        return np.searchsorted(self.plane, np.arange(int(self.plane[-1]) + 2))

    def polygons(self) -> GeometryArray:
        """Each part as a shapely Polygon, (p,)."""
        import shapely

        rings = Rings.of([ring for part in self.parts for ring in part.rings])
        owner = np.repeat(np.arange(rings.start.size), rings.sizes)
        linear = shapely.linearrings(rings.points_mm, indices=owner)
        part = np.repeat(np.arange(len(self.parts)), [len(part.rings) for part in self.parts])
        return np.asarray(shapely.polygons(np.asarray(linear), indices=part), dtype=object)


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """How far the neighbours of each part are.

    Parameters
    ----------
    below, above : (p,) float
        Distance to the linked part below and above, mm; NaN where the body ends.
    next_below, next_above : (p,) float
        The linked part's own distance further on, mm; NaN where there is none.
    skipped : (m, 2) float
        Positions between which a plane of a body is missing.
    facing : (m, 2) float
        Positions of a wider gap that was bridged because the cross-sections face each other.
    mutual : (k, 2) int
        Parts that face each other and are each other's nearest, the lower part first, ascending.
    """

    below: FloatArray
    above: FloatArray
    next_below: FloatArray
    next_above: FloatArray
    skipped: FloatArray
    facing: FloatArray
    mutual: IndexArray


def parts_of(stack: PlaneStack) -> Parts:
    """The parts of a plane stack."""
    plane = np.repeat(np.arange(len(stack.planes)), [len(plane.parts) for plane in stack.planes])
    positions = np.array([plane.position_mm for plane in stack.planes])
    parts = tuple(part for plane in stack.planes for part in plane.parts)
    return Parts(parts, plane, positions[plane])


def link(parts: Parts, spacing_mm: float) -> Links:
    """Link each part to the nearest it faces below and above.

    Parameters
    ----------
    parts : Parts
    spacing_mm : float
        The usual distance of planes. Where a body is drawn at a wider spacing of its own, that
        spacing is what its gaps are judged by.
    """
    polygons = parts.polygons()
    count = len(polygons)
    pairs = _facing_pairs(parts, polygons, FACING_SPACINGS * spacing_mm * _ROUNDING)
    low, high = pairs.T
    gap = parts.position_mm[high] - parts.position_mm[low]
    up, down = _least(low, gap, count), _least(high, gap, count)
    own = np.fmax(np.fmax(down[low], up[high]), spacing_mm)
    bridged = gap <= BRIDGED_SPACINGS * own * _ROUNDING
    facing = ~bridged
    facing[facing] = _same_body(polygons[low[facing]], polygons[high[facing]])
    skipped = bridged & (gap > SKIPPED_SPACINGS * own)
    linked = bridged | facing
    above = _least(low[linked], gap[linked], count)
    below = _least(high[linked], gap[linked], count)
    mutual = pairs[(gap == above[low]) & (gap == below[high])]
    ends = np.column_stack([parts.position_mm[low], parts.position_mm[high]])
    low, high = pairs[linked].T
    return Links(
        below=below,
        above=above,
        next_below=_least(high, below[low], count),
        next_above=_least(low, above[high], count),
        skipped=_unique(ends[skipped]),
        facing=_unique(ends[facing]),
        mutual=mutual[np.lexsort(mutual.T[::-1])],
    )


def _least(index: IndexArray, values: FloatArray, count: int) -> FloatArray:
    """The least value at each index, (count,); NaN where there is none."""
    least = np.full(count, np.nan)
    np.fmin.at(least, index, values)
    return least


def _unique(rows: FloatArray) -> FloatArray:
    return np.unique(rows, axis=0) if len(rows) else rows


def _same_body(first: GeometryArray, second: GeometryArray) -> NDArray[np.bool_]:
    """Whether cross-sections overlap so much that they are taken for one body's."""
    import shapely

    if not first.size:
        return np.zeros(0, dtype=bool)
    common = shapely.area(shapely.intersection(first, second))
    larger = np.maximum(shapely.area(first), shapely.area(second))
    return np.asarray(common >= FACING_OVERLAP * larger)


def _facing_pairs(parts: Parts, polygons: GeometryArray, reach_mm: float) -> IndexArray:
    """Pairs (m, 2), lower part first, each the nearest that the lower or the upper one faces."""
    import shapely

    bounds = shapely.bounds(polygons)
    no_up, no_down = np.ones(len(polygons), dtype=bool), np.ones(len(polygons), dtype=bool)
    first = parts.first
    position = parts.position_mm[first[:-1]]
    found = [np.empty((0, 2), dtype=np.intp)]
    for step in range(1, position.size):
        within = position[step:] - position[:-step] <= reach_mm
        if not within.any():
            break
        still = np.logical_or.reduceat(no_up, first[:-1])[:-step]
        still |= np.logical_or.reduceat(no_down, first[:-1])[step:]
        planes = np.flatnonzero(within & still)
        if not planes.size:
            continue
        low, high = _all_pairs(first, planes, step)
        near = no_up[low] | no_down[high]
        near &= (bounds[low, :2] <= bounds[high, 2:]).all(axis=1)
        near &= (bounds[high, :2] <= bounds[low, 2:]).all(axis=1)
        low, high = low[near], high[near]
        hit = shapely.intersects(polygons[low], polygons[high])
        low, high = low[hit], high[hit]
        found.append(np.column_stack([low, high]))
        no_up[low] = False
        no_down[high] = False
    return np.concatenate(found)


def _all_pairs(first: IndexArray, planes: IndexArray, step: int) -> tuple[IndexArray, IndexArray]:
    """Every part of some planes with every part ``step`` planes above."""
    below, above = (
        first[planes + 1] - first[planes],
        first[planes + step + 1] - first[planes + step],
    )
    count = below * above
    owner = np.repeat(np.arange(planes.size), count)
    pair = np.arange(owner.size) - np.repeat(np.cumsum(count) - count, count)
    low, high = np.divmod(pair, above[owner])
    return first[planes][owner] + low, first[planes + step][owner] + high

"""Waists of a body: whether it could be two lesions that touch, drawn as one.

Measured with balls. A lobe is as wide as the largest ball that fits in it, a waist as wide as the
largest ball that passes from lobe to lobe. An irregular tumour has bumps and arms, but what fits in
them passes on; two tumours that touch have a waist much narrower than either of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.overlay import areas_only
from rtplan.geometry.planes import GeometryArray
from rtplan.lesions.bodies import Body, without_holes

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

WAIST = 0.7
"""Width of a waist, in parts of the smaller lobe's, below which two lesions may touch there: its
section is half the lobe's."""
LONG = 1.25
"""Length over width from which a margin may hold two lesions side by side."""
LEAST_LOBE_MM = 3.0
"""Width of the smallest lobe: that of the smallest lesion that is drawn."""
_SOLID = 0.97  # part of their hulls that the sections of a body without a waist fill
_DIP = 0.9  # part to which the areas of its sections may fall and rise again
_SECTIONS = 25  # looked at to see whether there can be a waist
_NODES = 60_000
_FINEST_MM = 0.4
_LOBE_STEPS = 2.5  # of the lattice: half the width of the smallest lobe that it can tell
_LEVEL = 1.1  # from one width to the next


@dataclass(frozen=True, slots=True, eq=False)
class Lobes:
    """The lobes of a body with a waist.

    Parameters
    ----------
    centres_mm : (n, 3) float
        Centres of the largest balls in them, along the body's axes.
    radii_mm : (n,) float
        Radii of these balls.
    waist : float
        Width of the deepest waist, in parts of its smaller lobe's.
    """

    centres_mm: FloatArray
    radii_mm: FloatArray
    waist: float

    def __len__(self) -> int:
        return len(self.centres_mm)


@dataclass(frozen=True, slots=True, eq=False)
class _Lattice:
    """Nodes of a lattice, along the axes of a body, and which of them lie in it."""

    low_mm: FloatArray
    step_mm: float
    inside: NDArray[np.bool_]

    def places(self, index: NDArray[np.intp]) -> FloatArray:
        """Places (n, 3), mm, of nodes by their indices (n, 3)."""
        return np.asarray(self.low_mm + self.step_mm * index)


def lobes_of(body: Body, *, waist: float = WAIST) -> Lobes | None:
    """The lobes of a body that are parted by waists narrower than a part of their own width.

    None where there is only one.
    """
    from scipy.ndimage import distance_transform_edt

    if not _may_have_waist(body):
        return None
    lattice = _lattice(body)
    depth = lattice.step_mm * np.asarray(distance_transform_edt(lattice.inside))
    least = max(LEAST_LOBE_MM / 2, _LOBE_STEPS * lattice.step_mm)
    found = _Tree(depth, least, waist)
    if len(found.peaks) < 2:
        return None
    at = np.array(found.peaks)
    return Lobes(lattice.places(at), depth[tuple(at.T)], found.deepest)


def parted(body: Body, lobes: Lobes) -> tuple[Body, ...]:
    """The body cut through its waists: at the radical planes of the balls in its lobes."""
    import shapely

    middle = (body.low_mm + body.high_mm) / 2
    square = (lobes.centres_mm**2).sum(axis=1) - lobes.radii_mm**2
    parts = []
    for own, centre in enumerate(lobes.centres_mm):
        sections = body.sections
        for other, its in enumerate(lobes.centres_mm):
            if other != own:
                way = 2 * (its - centre)
                most = square[other] - square[own] - way[2] * middle
                halves = [_half_plane(body, way[:2], float(limit)) for limit in most]
                sections = shapely.intersection(sections, np.array(halves, dtype=object))
        areas = np.array([areas_only(section) for section in sections], dtype=object)
        kept = np.flatnonzero(shapely.area(areas) > 0)
        if kept.size:
            parts.append(_some_of(body, areas, kept))
    return tuple(parts)


def _some_of(body: Body, sections: GeometryArray, kept: NDArray[np.intp]) -> Body:
    """A body of some sections on some planes of another."""
    low, high = body.low_mm[kept], body.high_mm[kept]
    return replace(
        body,
        positions_mm=body.positions_mm[kept],
        low_mm=low,
        high_mm=high,
        sections=sections[kept],
        bridged_mm=tuple(at for at in body.bridged_mm if low[0] < at < high[-1]),
        doubtful_bridges=0,
    )


def _half_plane(body: Body, way: FloatArray, most: float) -> BaseGeometry:
    """Where ``way @ (u, v)`` is at most a limit, as a polygon as large as the body needs."""
    import shapely

    reach = 4 * float(np.abs(body.bounds_mm[:, :2]).max()) + 1.0
    size = float(np.hypot(*way))
    if size < 1e-9:
        return shapely.box(-reach, -reach, reach, reach) if most >= 0 else shapely.Polygon()
    across, limit = way / size, float(np.clip(most / size, -reach, reach))
    along = np.array([-across[1], across[0]])
    ends = [(limit, -reach), (limit, reach), (-2 * reach, reach), (-2 * reach, -reach)]
    return shapely.Polygon([a * across + b * along for a, b in ends])


def length_over_width(body: Body) -> float:
    """Longest over middle principal axis of a body, by its second moments; 1 of a ball."""
    lattice = _lattice(body)
    nodes = np.argwhere(lattice.inside)
    if len(nodes) < 2:
        return 1.0
    _, width, length = np.sqrt(np.linalg.eigvalsh(np.cov(nodes.T) + np.eye(3) / 12))
    return float(length / width)


def _may_have_waist(body: Body) -> bool:
    """Whether sections are not convex, or their areas fall and rise again: cheap."""
    import shapely

    last = len(body.sections) - 1
    some = np.unique(np.linspace(0, last, min(_SECTIONS, last + 1)).round().astype(np.intp))
    sections = body.sections[some]
    area = shapely.area(sections)
    if (area < _SOLID * shapely.area(shapely.convex_hull(sections))).any():
        return True
    before, after = np.maximum.accumulate(area), np.maximum.accumulate(area[::-1])[::-1]
    return bool((area < _DIP * np.minimum(before, after)).any())


def _lattice(body: Body) -> _Lattice:
    """A lattice over a body and what it encloses, with a margin of nodes outside."""
    import shapely

    body = without_holes(body)
    size = np.ptp(body.bounds_mm, axis=0)
    step = max(_FINEST_MM, float((np.prod(size) / _NODES) ** (1 / 3)))
    counts = np.ceil(size / step).astype(int) + 2
    low = body.bounds_mm.mean(axis=0) - step * (counts - 1) / 2
    u, v, n = (lo + step * np.arange(count) for lo, count in zip(low, counts, strict=True))
    slab = np.searchsorted(body.low_mm, n, side="right") - 1
    held = (slab >= 0) & (n < body.high_mm[np.maximum(slab, 0)])
    drawn = np.unique(slab[held])
    shapely.prepare(body.sections[drawn])
    grid = np.meshgrid(u, v, indexing="ij")
    layers = {k: shapely.contains_xy(body.sections[k], *grid) for k in drawn.tolist()}
    inside = np.zeros(tuple(counts.tolist()), dtype=bool)
    for at in np.flatnonzero(held).tolist():
        inside[:, :, at] = layers[int(slab[at])]
    return _Lattice(low, step, inside)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Nodes of a lattice in a box, and the indices at which the box begins."""

    inside: NDArray[np.bool_]
    start: tuple[int, ...]


class _Tree:
    """How the places where a ball fits fall apart as the ball grows.

    ``peaks`` are the indices of the deepest node of each lobe; a lobe is kept if its own depth is
    so much more than that at which it came apart.
    """

    def __init__(self, depth: FloatArray, least: float, waist: float) -> None:
        self._depth, self._least, self._waist = depth, least, waist
        self.deepest = 1.0
        top = float(depth.max())
        count = max(1, int(np.ceil(np.log(top / (waist * least)) / np.log(_LEVEL)))) if top else 1
        self._levels = [waist * least * _LEVEL**k for k in range(count)]
        self.peaks = self._split(_Part(np.ones(depth.shape, dtype=bool), (0, 0, 0)), 0)

    def _split(self, part: _Part, level: int) -> list[tuple[int, ...]]:
        """Peaks of the lobes in a part of the lattice, from a level on."""
        depth = self._depth_in(part)
        most = float(depth.max())
        for at in range(level, len(self._levels)):
            width = self._levels[at]  # so far they are one
            if width > self._waist * most:
                break
            lobes = self._apart(part, width)
            if len(lobes) > 1:
                second = sorted(float(self._depth_in(lobe).max()) for lobe in lobes)[-2]
                self.deepest = min(self.deepest, width / second)
                return [peak for lobe in lobes for peak in self._split(lobe, at + 1)]
        top = np.unravel_index(int(depth.argmax()), depth.shape)
        return [tuple(np.add(top, part.start).tolist())]

    def _depth_in(self, part: _Part) -> FloatArray:
        box = tuple(map(slice, part.start, np.add(part.start, part.inside.shape).tolist()))
        return np.where(part.inside, self._depth[box], 0.0)

    def _apart(self, part: _Part, width: float) -> list[_Part]:
        """What is left of a part where a ball slightly larger fits, if it is a lobe."""
        from scipy.ndimage import find_objects, label

        depth = self._depth_in(part)
        labels, number = label(depth > _LEVEL * width, np.ones((3, 3, 3)))
        if number < 2:
            return []
        least = max(self._least, width / self._waist)
        lobes = []
        for index, box in enumerate(find_objects(labels), start=1):
            own = labels[box] == index
            if depth[box][own].max() >= least:
                start = tuple(o + s.start for o, s in zip(part.start, box, strict=True))
                lobes.append(_Part(own, start))
        return lobes

"""Shape interpolation: the stretches of a body that pass from one contour into the next.

Between two contours of a body the area of the cross-section follows the local parabola through the
contours' exact areas (``geometry.profile``), so that volume is exact for every ellipsoid, cone and
frustum; plain interpolation of distances is always too small. On a contour's own plane the section
is the contour. Beyond the last contour of a body its section shrinks to nothing as the areas of
the last three say (``EndCap.ROUNDED``).

A body with one or two contours has no parabola of its own: it is taken for round, as steep along
the normal as in the plane, if that has it end within a spacing; else it stays prisms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.convention import CAPPED_MM, EndCap, Interpolation
from rtplan.geometry.distance import Rings
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.links import Links, Parts
from rtplan.geometry.loft import Loft
from rtplan.geometry.planes import GeometryArray, signed_area_mm2
from rtplan.geometry.profile import (
    Profile,
    between,
    beyond,
    departures,
    round_between,
    round_beyond,
)
from rtplan.geometry.raster import IndexArray

FEWEST_CONTOURS = 3
"""A body of fewer contours has no parabola of its own."""
MUCH_NEARER = 0.25
"""A body whose squared areas are this much nearer to a parabola than its areas has that profile."""
_SAME_MM = 1e-6

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What parts are around their planes, and what passes between them.

    Parameters
    ----------
    below, above : (p,) float
        How far each part holds below and above its plane as it is, mm.
    flat : two (p,) bool
        Whether what it holds below and above is an end that nothing but the spacing tells.
    lofts : tuple of Loft
        What lies between and beyond.
    """

    below: FloatArray
    above: FloatArray
    flat: tuple[BoolArray, BoolArray]
    lofts: tuple[Loft, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """Parts of one plane that pass into parts of a plane above."""

    lower: tuple[int, ...]
    upper: tuple[int, ...]


def shape_of(
    parts: Parts,
    links: Links,
    ends: tuple[FloatArray, FloatArray],
    *,
    interpolation: Interpolation,
    end_cap: EndCap,
) -> Shape:
    """The shape of linked parts.

    Parameters
    ----------
    parts : Parts
    links : Links
    ends : two (p,) float
        How far each part reaches below and above as a half-slice prism, mm.
    interpolation : Interpolation
    end_cap : EndCap
    """
    linked = (links.below, links.above)
    reach = (ends[0].copy(), ends[1].copy())
    flat = (np.isnan(linked[0]), np.isnan(linked[1]))
    lofts: list[Loft] = []
    is_shaped = interpolation is Interpolation.SHAPE_BASED
    if is_shaped or end_cap is EndCap.ROUNDED:
        bodies = _Bodies(parts, links)
        for step in bodies.steps if is_shaped else ():
            if bodies.is_long(step.lower[0]):
                lofts.append(bodies.loft(step))
                reach[1][list(step.lower)] = reach[0][list(step.upper)] = 0.0
        if end_cap is EndCap.ROUNDED:
            for side in (0, 1):
                for part in np.flatnonzero(flat[side]).tolist():
                    cap = bodies.cap(part, side, 2 * float(reach[side][part]))
                    if cap is not None:
                        lofts.append(cap)
                        reach[side][part], flat[side][part] = 0.0, False
        if is_shaped and end_cap is EndCap.ROUNDED:
            for body in bodies.short():
                found = bodies.round(body, 2 * ends[0][body[0]], 2 * ends[1][body[-1]])
                if found:
                    lofts += found
                    for side in (0, 1):
                        reach[side][body], flat[side][body] = 0.0, False
    for side in (0, 1):
        if end_cap is EndCap.NONE:
            reach[side][flat[side]] = 0.0
        elif end_cap is EndCap.HALF_SLICE_CAPPED:
            reach[side][flat[side]] = np.minimum(reach[side][flat[side]], CAPPED_MM)
    return Shape(*reach, flat, tuple(lofts))


class _Bodies:
    """Parts, the steps between them, and what can be asked of both."""

    def __init__(self, parts: Parts, links: Links) -> None:
        steps = _steps(parts, links, parts.polygons())
        self.parts = parts
        self.steps = steps
        self.area = np.array([sum(map(signed_area_mm2, rings)) for rings in parts.rings])
        self._areas: list[float] = self.area.tolist()
        up = {part: step for step in steps for part in step.lower}
        down = {part: step for step in steps for part in step.upper}
        self._step = (down, up)
        self._planes, self._body = _planes_of_bodies(parts, steps)
        self._far: dict[tuple[tuple[int, ...], int], tuple[int, ...]] = {}
        self._power = self._powers()

    def is_long(self, part: int) -> bool:
        """Whether the body of a part has contours enough."""
        return bool(self._planes[part] >= FEWEST_CONTOURS)

    def short(self) -> list[list[int]]:
        """The parts, from below, of each body that has contours on one or two planes, one each."""
        bodies: dict[int, list[int]] = {}
        for part in np.flatnonzero(self._planes < FEWEST_CONTOURS).tolist():
            bodies.setdefault(int(self._body[part]), []).append(part)
        return [body for body in bodies.values() if len(body) == self._planes[body[0]]]

    def neighbours(self, members: tuple[int, ...], side: int) -> tuple[int, ...]:
        """The parts into which all of ``members``, and no others, pass below (0) or above (1)."""
        found = self._far.get((members, side))
        if found is None:
            found = self._far[members, side] = self._neighbours(members, side)
        return found

    def _neighbours(self, members: tuple[int, ...], side: int) -> tuple[int, ...]:
        steps = {id(s): s for s in map(self._step[side].get, members) if s is not None}
        ends = [(s.upper, s.lower) if side == 0 else (s.lower, s.upper) for s in steps.values()]
        if len(ends) == 1 and ends[0][0] == members:
            return ends[0][1]
        if not ends or sorted(p for near, _ in ends for p in near) != sorted(members):
            return ()
        far = tuple(p for _, others in ends for p in others)
        return far if np.ptp(self.parts.position_mm[list(far)]) < _SAME_MM else ()

    def beyond(self, members: tuple[int, ...], side: int) -> tuple[float, float] | None:
        """Distance and area of ``neighbours``, or None."""
        far = self.neighbours(members, side)
        return (self.distance(members, far), self.area_of(far)) if far else None

    def distance(self, some: tuple[int, ...], others: tuple[int, ...]) -> float:
        """Distance of two planes, mm."""
        position = self.parts.position_mm
        return abs(float(position[some[0]] - position[others[0]]))

    def area_of(self, members: tuple[int, ...]) -> float:
        """Area of some parts together, mm²."""
        return sum(self._areas[part] for part in members)

    def rings_of(self, members: Iterable[int]) -> Rings:
        """Rings of some parts together."""
        return tuple(ring for part in members for ring in self.parts.rings[part])

    def loft(self, step: _Step) -> Loft:
        """What lies between the two ends of a step."""
        profile = between(*self.around(step), power=self._power[self._body[step.lower[0]]])
        base = float(self.parts.position_mm[step.lower[0]])
        return Loft(self.rings_of(step.lower), self.rings_of(step.upper), base, 1.0, profile)

    def around(
        self, step: _Step
    ) -> tuple[tuple[float, float] | None, tuple[float, float], tuple[float, float] | None, float]:
        """Contour before, areas at both ends, contour after and length of a step."""
        return (
            self.beyond(step.lower, 0),
            (self.area_of(step.lower), self.area_of(step.upper)),
            self.beyond(step.upper, 1),
            self.distance(step.lower, step.upper),
        )

    def _powers(self) -> IndexArray:
        """Of each body: which power of its areas is nearest to a parabola, 1 or 2."""
        departure = np.zeros((2, int(self._body.max()) + 1))
        for step in self.steps:
            lower, areas, upper, gap = self.around(step)
            if lower is not None and upper is not None:
                body = self._body[step.lower[0]]
                departure[:, body] += departures(lower, areas, upper, gap)
        return np.asarray(np.where(departure[1] < MUCH_NEARER * departure[0], 2, 1), dtype=np.intp)

    def cap(self, part: int, side: int, limit_mm: float) -> Loft | None:
        """The rounded end of a body beyond a part; None where the end is flat or not known."""
        before = self.neighbours((part,), 1 - side)
        second = self.neighbours(before, 1 - side)
        if not (before and second):
            return None
        profile = beyond(
            float(self.area[part]),
            (self.distance((part,), before), self.area_of(before)),
            (self.distance(before, second), self.area_of(second)),
            limit_mm,
            power=self._power[self._body[part]],
        )
        if profile is None:
            return None
        further = -min(1.0, profile.length_mm / self.distance((part,), before))
        return self._cap(part, self.rings_of(before), side, profile, further)

    def _cap(self, part: int, other: Rings, side: int, profile: Profile, further: float) -> Loft:
        base, sign = float(self.parts.position_mm[part]), (1.0 if side == 1 else -1.0)
        return Loft(self.parts.rings[part], other, base, sign, profile, further, is_cap=True)

    def round(self, body: list[int], below_mm: float, above_mm: float) -> list[Loft]:
        """A body of one or two contours taken for round; nothing where that cannot be.

        ``below_mm``, ``above_mm``: it ends within so much of its last contours.
        """
        areas = [float(self.area[part]) for part in body]
        position = self.parts.position_mm[body]
        gap = float(position[-1] - position[0])
        lofts = []
        for side, limit in ((0, below_mm), (1, above_mm)):
            ends = areas if side == 1 else areas[::-1]
            profile = round_beyond(ends[-1], ends[0], gap, limit)
            if profile is None:
                return []
            part = body[-1] if side == 1 else body[0]
            other = body[0] if side == 1 else body[-1]
            further = -min(1.0, profile.length_mm / gap) if gap > 0 else 0.0
            lofts.append(self._cap(part, self.parts.rings[other], side, profile, further))
        if gap > 0:
            rings = [self.parts.rings[part] for part in body]
            profile = round_between((areas[0], areas[1]), gap)
            lofts.append(Loft(rings[0], rings[1], float(position[0]), 1.0, profile))
        return lofts


def _steps(parts: Parts, links: Links, polygons: GeometryArray) -> list[_Step]:
    """Which parts pass into which: those that are each other's nearest, together."""
    import shapely

    position = parts.position_mm
    first = np.searchsorted(parts.plane, np.arange(int(parts.plane[-1]) + 2))
    joined: dict[int, tuple[set[int], set[int]]] = {}  # by upper part; shared by those joined
    for low in np.flatnonzero(~np.isnan(links.above)).tolist():
        target = position[low] + links.above[low]
        plane = int(np.abs(position[first[:-1]] - target).argmin())
        candidates = np.arange(first[plane], first[plane + 1])
        mutual = np.abs(position[candidates] - links.below[candidates] - position[low]) < _SAME_MM
        candidates = candidates[mutual]
        met = candidates[shapely.intersects(polygons[candidates], polygons[low])].tolist()
        group: tuple[set[int], set[int]] = ({low}, set(met))
        for other in {id(joined[p]): joined[p] for p in met if p in joined}.values():
            group[0].update(other[0])
            group[1].update(other[1])
        joined.update(dict.fromkeys(group[1], group))
    groups = {id(group): group for group in joined.values()}.values()
    return [_Step(tuple(sorted(lower)), tuple(sorted(upper))) for lower, upper in groups]


def _planes_of_bodies(parts: Parts, steps: Sequence[_Step]) -> tuple[IndexArray, IndexArray]:
    """Of each part, (p,): on how many planes its body has contours; which body it is."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(parts.rings)
    pairs = [(step.lower[0], part) for step in steps for part in (*step.lower, *step.upper)]
    ends = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), ends.T), shape=(size, size))
    label = connected_components(graph, directed=False)[1]
    occupied = np.unique(np.column_stack([label, parts.plane]), axis=0)
    planes = np.asarray(np.bincount(occupied[:, 0])[label], dtype=np.intp)
    return planes, np.asarray(label, dtype=np.intp)

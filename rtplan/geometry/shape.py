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

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.convention import CAPPED_MM, EndCap, Interpolation
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.links import Links, Parts
from rtplan.geometry.loft import Loft
from rtplan.geometry.planes import Plane
from rtplan.geometry.profile import (
    Profile,
    between,
    beyond,
    departures,
    round_between,
    round_beyond,
)
from rtplan.geometry.rings import IndexArray

FEWEST_CONTOURS = 3
"""A body of fewer contours has no parabola of its own."""
MUCH_NEARER = 0.25
"""A body whose squared areas are this much nearer to a parabola than its areas has that profile."""
_SAME_MM = 1e-6

BoolArray = NDArray[np.bool_]
Members = tuple[int, ...]
"""Parts of one plane, ascending."""
Beside = tuple[float, float] | None
"""Distance, mm, and area, mm², of the contour beyond a plane."""


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

    lower: Members
    upper: Members


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
        if is_shaped:
            lofts += bodies.lofts()
            for step in bodies.steps:
                if bodies.is_long(step.lower[0]):
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
        self.parts = parts
        self.steps = steps = _steps(links.mutual)
        self._position: list[float] = parts.position_mm.tolist()
        below = {part: (step.upper, step.lower) for step in steps for part in step.upper}
        above = {part: (step.lower, step.upper) for step in steps for part in step.lower}
        self._passes = (below, above)
        self._planes, self._body = _planes_of_bodies(parts, links.mutual)
        self._around = [self._stretch(step) for step in steps]
        self._power = self._powers()

    def is_long(self, part: int) -> bool:
        """Whether the body of a part has contours enough."""
        return self._planes[part] >= FEWEST_CONTOURS

    def short(self) -> list[list[int]]:
        """The parts, from below, of each body that has contours on one or two planes, one each."""
        bodies: dict[int, list[int]] = {}
        for part, planes in enumerate(self._planes):
            if planes < FEWEST_CONTOURS:
                bodies.setdefault(self._body[part], []).append(part)
        return [body for body in bodies.values() if len(body) == self._planes[body[0]]]

    def neighbours(self, members: Members, side: int) -> Members:
        """The parts into which all of ``members``, and no others, pass below (0) or above (1)."""
        found = self._passes[side].get(members[0])
        if found is not None and found[0] == members:
            return found[1]
        every = {ends for part in members if (ends := self._passes[side].get(part)) is not None}
        if not every or sorted(p for near, _ in every for p in near) != list(members):
            return ()
        far = tuple(sorted(p for _, others in every for p in others))
        return far if np.ptp(self.parts.position_mm[list(far)]) < _SAME_MM else ()

    def beyond(self, members: Members, side: int) -> Beside:
        """Distance and area of ``neighbours``, or None."""
        far = self.neighbours(members, side)
        return (self.distance(members, far), self.area_of(far)) if far else None

    def distance(self, some: Members, others: Members) -> float:
        """Distance of two planes, mm."""
        return abs(self._position[some[0]] - self._position[others[0]])

    def area_of(self, members: Members) -> float:
        """Area of some parts together, mm²."""
        return sum(self.parts.parts[part].area_mm2 for part in members)

    def plane_of(self, members: Members) -> Plane:
        """Some parts of one plane together."""
        parts = tuple(self.parts.parts[part] for part in members)
        return Plane(self._position[members[0]], parts)

    def lofts(self) -> list[Loft]:
        """What lies between the two ends of each step of a body with contours enough."""
        return [
            Loft(
                self.plane_of(step.lower),
                self.plane_of(step.upper),
                1.0,
                between(*around, power=self._power[self._body[step.lower[0]]]),
            )
            for step, around in zip(self.steps, self._around, strict=True)
            if self.is_long(step.lower[0])
        ]

    def _stretch(self, step: _Step) -> tuple[Beside, tuple[float, float], Beside, float]:
        """Contour before, areas at both ends, contour after and length of a step."""
        return (
            self.beyond(step.lower, 0),
            (self.area_of(step.lower), self.area_of(step.upper)),
            self.beyond(step.upper, 1),
            self.distance(step.lower, step.upper),
        )

    def _powers(self) -> list[int]:
        """Of each body: which power of its areas is nearest to a parabola, 1 or 2."""
        plain, squared = [0.0] * len(self._body), [0.0] * len(self._body)
        for step, (lower, areas, upper, gap) in zip(self.steps, self._around, strict=True):
            if lower is not None and upper is not None:
                body = self._body[step.lower[0]]
                one, two = departures(lower, areas, upper, gap)
                plain[body] += one
                squared[body] += two
        return [
            2 if two < MUCH_NEARER * one else 1 for one, two in zip(plain, squared, strict=True)
        ]

    def cap(self, part: int, side: int, limit_mm: float) -> Loft | None:
        """The rounded end of a body beyond a part; None where the end is flat or not known."""
        before = self.neighbours((part,), 1 - side)
        second = self.neighbours(before, 1 - side) if before else ()
        if not second:
            return None
        profile = beyond(
            self.area_of((part,)),
            (self.distance((part,), before), self.area_of(before)),
            (self.distance(before, second), self.area_of(second)),
            limit_mm,
            power=self._power[self._body[part]],
        )
        if profile is None:
            return None
        further = -min(1.0, profile.length_mm / self.distance((part,), before))
        return self._cap(part, before, side, profile, further)

    def _cap(self, part: int, other: Members, side: int, profile: Profile, further: float) -> Loft:
        sign = 1.0 if side == 1 else -1.0
        ends = self.plane_of((part,)), self.plane_of(other)
        return Loft(*ends, sign, profile, further, is_cap=True)

    def round(self, body: list[int], below_mm: float, above_mm: float) -> list[Loft]:
        """A body of one or two contours taken for round; nothing where that cannot be.

        ``below_mm``, ``above_mm``: it ends within so much of its last contours.
        """
        areas = [self.area_of((part,)) for part in body]
        gap = self._position[body[-1]] - self._position[body[0]]
        lofts = []
        for side, limit in ((0, below_mm), (1, above_mm)):
            ends = areas if side == 1 else areas[::-1]
            profile = round_beyond(ends[-1], ends[0], gap, limit)
            if profile is None:
                return []
            part = body[-1] if side == 1 else body[0]
            other = body[0] if side == 1 else body[-1]
            further = -min(1.0, profile.length_mm / gap) if gap > 0 else 0.0
            lofts.append(self._cap(part, (other,), side, profile, further))
        if gap > 0:
            lower, upper = (self.plane_of((part,)) for part in body)
            lofts.append(Loft(lower, upper, 1.0, round_between((areas[0], areas[1]), gap)))
        return lofts


def _steps(mutual: IndexArray) -> list[_Step]:
    """Which parts pass into which: those that face each other (``Links.mutual``), together."""
    joined: dict[int, tuple[set[int], set[int]]] = {}  # by upper part; shared by those joined
    met: dict[int, list[int]] = {}
    for low, high in mutual.tolist():
        met.setdefault(low, []).append(high)
    for low, every in met.items():
        group: tuple[set[int], set[int]] = ({low}, set(every))
        for other in {id(joined[p]): joined[p] for p in every if p in joined}.values():
            group[0].update(other[0])
            group[1].update(other[1])
        joined.update(dict.fromkeys(group[1], group))
    groups = {id(group): group for group in joined.values()}.values()
    return [_Step(tuple(sorted(lower)), tuple(sorted(upper))) for lower, upper in groups]


def _planes_of_bodies(parts: Parts, mutual: IndexArray) -> tuple[list[int], list[int]]:
    """Of each part: on how many planes its body has contours; which body it is."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    size = len(parts.parts)
    low, high = np.ascontiguousarray(mutual.T)
    rows = np.searchsorted(low, np.arange(size + 1))
    graph = csr_array((np.ones(low.size), high, rows), shape=(size, size))
    label = connected_components(graph, directed=False)[1].astype(np.intp)
    occupied = np.unique(label * size + parts.plane) // size
    return np.bincount(occupied)[label].tolist(), label.tolist()

"""Shape interpolation: a body between its contours, as thin slabs that pass one into the next.

Between two contours of a body the cross-section is where ``(1 - t) phi0 + t phi1`` lies below a
level, with the signed distances phi to the two, each seen from its own centroid. The level is the
one at which the area is that of the local parabola through the contours' exact areas
(``geometry.profile``), so that volume is exact for every ellipsoid, cone and frustum; plain
interpolation of distances is always too small. On a contour's own plane the section is the contour.

Beyond the last contour of a body the same with extrapolated distances, shrinking to nothing
(``EndCap.ROUNDED``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rtplan.geometry.convention import CAPPED_MM, EndCap, Interpolation
from rtplan.geometry.distance import (
    Raster,
    Rings,
    first_moment_mm3,
    length_mm,
    raster_around,
    section,
    signed_distance_mm,
)
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.links import Links, Parts
from rtplan.geometry.planes import GeometryArray, signed_area_mm2
from rtplan.geometry.profile import Profile, between, beyond, departures
from rtplan.geometry.raster import IndexArray

STAIRCASE = 2e-3
"""Part of the volume that the steps of the slabs may put outside the smooth surface."""
MOST_SLABS = 64
"""Slabs from one contour to the next, at most."""
MOST_TOGETHER = 300.0
"""Slabs of a structure, about, however much its contours differ."""
FEWEST_CONTOURS = 3
"""A body of fewer contours has no parabola: it stays prisms."""
_STEPS_PER_THICKNESS = (8.0, 20.0)
MUCH_NEARER = 0.25
"""A body whose squared areas are this much nearer to a parabola than its areas has that profile."""
MOST_NODES = 15_000
"""Between cross-sections so thin for their extent that it takes more nodes to resolve them (a rind
of the skin), a body stays prisms."""
_STRAIGHT = 3e-4
_SAME_MM = 1e-6
_SIMPLER = 5e-3


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A cross-section ``rings`` from ``low_mm`` to ``high_mm`` along the normal."""

    low_mm: float
    high_mm: float
    rings: Rings


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What parts are around their planes, and what passes between them.

    Parameters
    ----------
    below, above : (p,) float
        How far each part holds below and above its plane as it is, mm.
    pieces : tuple of Piece
        What lies between and beyond.
    """

    below: FloatArray
    above: FloatArray
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """Parts of one plane that pass into parts of a plane above."""

    lower: tuple[int, ...]
    upper: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Loft:
    """A stretch of a body that changes its shape: from ``base_mm`` in the direction ``sign``.

    From the cross-section ``near`` it changes by ``further`` times what leads to ``other``: all of
    it between two contours; beyond a last contour (no ``far_parts``) something less than nothing,
    since ``other`` lies behind. ``change_mm2`` is the area between the outlines of its two ends.
    """

    near_parts: tuple[int, ...]
    far_parts: tuple[int, ...]
    base_mm: float
    sign: float
    profile: Profile
    near: Rings
    other: Rings
    further: float
    change_mm2: float

    @property
    def staircase_mm3(self) -> float:
        """Volume that one single step per contour would put outside the smooth surface."""
        change = max(self.change_mm2, 2 * abs(self.profile.bulge_mm2))
        return change * self.profile.length_mm / 8


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
    bodies = _Bodies(parts, links)
    reach = [np.array(end) for end in ends]
    lofts: list[_Loft] = []
    if interpolation is Interpolation.SHAPE_BASED:
        lofts += [bodies.loft(step) for step in bodies.steps if bodies.is_long(step.lower[0])]
    for side, linked in enumerate((links.below, links.above)):
        for part in np.flatnonzero(np.isnan(linked)).tolist():
            cap = None
            if end_cap is EndCap.ROUNDED and bodies.is_long(part):
                cap = bodies.cap(part, side, 2 * float(reach[side][part]))
            if cap is not None:
                lofts.append(cap)
            elif end_cap is EndCap.NONE:
                reach[side][part] = 0.0
            elif end_cap is EndCap.HALF_SLICE_CAPPED:
                reach[side][part] = min(reach[side][part], CAPPED_MM)
    pieces: list[Piece] = []
    volume = float((bodies.area * (ends[0] + ends[1])).sum())
    for loft, count in zip(lofts, _counts(lofts, volume), strict=True):
        cut = _cut(loft, count)
        for part in loft.near_parts:
            reach[int(loft.sign > 0)][part] = cut[0]
        for part in loft.far_parts:
            reach[int(loft.sign < 0)][part] = loft.profile.length_mm - cut[-1]
        pieces += _pieces(loft, cut)
    return Shape(reach[0], reach[1], tuple(pieces))


class _Bodies:
    """Parts, the steps between them, and what can be asked of both."""

    def __init__(self, parts: Parts, links: Links) -> None:
        import shapely

        polygons = parts.polygons()
        steps = _steps(parts, links, polygons)
        self.parts = parts
        self.steps = steps
        self.area = np.array([sum(map(signed_area_mm2, rings)) for rings in parts.rings])
        self.outlines = shapely.simplify(polygons, _SIMPLER * np.sqrt(self.area))
        up = {part: step for step in steps for part in step.lower}
        down = {part: step for step in steps for part in step.upper}
        self._step = (down, up)
        self._planes, self._body = _planes_of_bodies(parts, steps)
        self._power = self._powers()

    def is_long(self, part: int) -> bool:
        """Whether the body of a part has contours enough."""
        return bool(self._planes[part] >= FEWEST_CONTOURS)

    def neighbours(self, members: tuple[int, ...], side: int) -> tuple[int, ...]:
        """The parts into which all of ``members``, and no others, pass below (0) or above (1)."""
        steps = {id(s): s for s in map(self._step[side].get, members) if s is not None}
        ends = [(s.upper, s.lower) if side == 0 else (s.lower, s.upper) for s in steps.values()]
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
        return float(self.area[list(members)].sum())

    def rings_of(self, members: Iterable[int]) -> Rings:
        """Rings of some parts together."""
        return tuple(ring for part in members for ring in self.parts.rings[part])

    def loft(self, step: _Step) -> _Loft:
        """What lies between the two ends of a step."""
        profile = between(*self.around(step), power=self._power[self._body[step.lower[0]]])
        ends = self.rings_of(step.lower), self.rings_of(step.upper)
        base = float(self.parts.position_mm[step.lower[0]])
        change = self.change_mm2(step)
        return _Loft(step.lower, step.upper, base, 1.0, profile, *ends, 1.0, change)

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

    def change_mm2(self, step: _Step) -> float:
        """Area that only one of the two ends of a step covers, to a few percent."""
        import shapely

        ends = step.lower, step.upper
        lower, upper = (shapely.union_all(self.outlines[list(members)]) for members in ends)
        if shapely.equals_exact(lower, upper, 0.0):
            return 0.0
        return float(shapely.symmetric_difference(lower, upper).area)

    def cap(self, part: int, side: int, limit_mm: float) -> _Loft | None:
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
        ends = self.rings_of((part,)), self.rings_of(before)
        if profile is None or _are_thin(*ends):
            return None
        further = -min(1.0, profile.length_mm / self.distance((part,), before))
        base, sign = float(self.parts.position_mm[part]), (1.0 if side == 1 else -1.0)
        return _Loft((part,), (), base, sign, profile, *ends, further, float(self.area[part]))


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


def _fields(first: Rings, second: Rings) -> tuple[Raster, FloatArray, FloatArray, FloatArray]:
    """Signed distances to two cross-sections, each around its centroid, on one raster."""
    centres, local, thickness = [], [], []
    for rings in (first, second):
        area = sum(map(signed_area_mm2, rings))
        centre = first_moment_mm3(rings) / area
        centres.append(centre)
        local.append(tuple(ring - centre for ring in rings))
        thickness.append(_thickness_mm(rings))
    coarse, fine = (
        thick / steps
        for thick, steps in zip((min(thickness), max(thickness)), _STEPS_PER_THICKNESS, strict=True)
    )
    raster = raster_around(np.concatenate([*local[0], *local[1]]), max(coarse, fine))
    near, far = (signed_distance_mm(rings, raster) for rings in local)
    return raster, near, far, np.stack(centres)


def _counts(lofts: Sequence[_Loft], volume_mm3: float) -> list[int]:
    """Slabs for each loft: as few as keep all steps together within STAIRCASE of the volume."""
    root = np.sqrt([loft.staircase_mm3 for loft in lofts])
    wanted = root * root.sum() / (STAIRCASE * volume_mm3)
    wanted *= min(1.0, MOST_TOGETHER / max(1.0, float(wanted.sum())))
    fewest = [1 if _straight(loft) else 2 for loft in lofts]
    counts = np.clip(np.ceil(wanted), fewest, MOST_SLABS)
    return [
        1 if _are_thin(loft.near, loft.other) else int(n)
        for loft, n in zip(lofts, counts, strict=True)
    ]


def _are_thin(*sections: Rings) -> bool:
    """Whether it takes more than MOST_NODES nodes to resolve each of some cross-sections."""
    return all(
        np.ptp(np.concatenate(rings), axis=0).prod()
        > MOST_NODES * (_thickness_mm(rings) / _STEPS_PER_THICKNESS[0]) ** 2
        for rings in sections
    )


def _thickness_mm(rings: Rings) -> float:
    """Twice the area over the length of the outline: the radius of a circle."""
    return 2 * sum(map(signed_area_mm2, rings)) / sum(map(length_mm, rings))


def _straight(loft: _Loft) -> bool:
    """Whether two prisms have the volume of the profile."""
    bulge = abs(loft.profile.bulge_mm2)
    return bool(loft.far_parts) and bulge <= _STRAIGHT * loft.profile.area_mm2


def _cut(loft: _Loft, count: int) -> FloatArray:
    """Distances from the base at which a loft is cut: (n,), from the end of the first contour's
    own slab to the beginning of the last one's, or to the tip of a cap."""
    length = loft.profile.length_mm
    if loft.far_parts:
        return np.asarray(length * (np.arange(count) + 0.5) / count)
    return np.asarray(length * (np.arange(count + 1) + 0.5) / (count + 0.5))


def _pieces(loft: _Loft, cut: FloatArray) -> Iterable[Piece]:
    """The slabs of a loft; their volume and the contours' own make up the profile's."""
    if cut.size < 2:
        return
    profile = loft.profile
    volumes = np.maximum(np.diff(profile.volume_mm3(cut)), 0.0)
    own = profile.area_mm2 * cut[0] + profile.last_area_mm2 * (profile.length_mm - cut[-1])
    volumes *= max(0.0, profile.total_mm3 - own) / volumes.sum()
    raster, start, other, centres = _fields(loft.near, loft.other)
    change, drift = loft.further * (other - start), loft.further * (centres[1] - centres[0])
    level = 0.0
    for near, far, volume in zip(cut[:-1], cut[1:], volumes, strict=True):
        if not volume > 0:
            continue
        t = (near + far) / 2 / profile.length_mm
        area = volume / (far - near)
        rings, level = section(start + t * change, raster, area, level_mm=level)
        centre = centres[0] + t * drift
        low, high = sorted((loft.base_mm + loft.sign * near, loft.base_mm + loft.sign * far))
        yield Piece(float(low), float(high), tuple(ring + centre for ring in rings))

"""A plane stack: the closed contours of one structure, plane by plane, as rings that never cross.

Whatever way a structure was drawn (nested rings, keyholes, CLOSEDPLANAR_XOR, rings in any
direction, rings that overlap), here it has become outer rings counter-clockwise and holes
clockwise, so that signed areas add up to what is enclosed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import numpy as np

from rtplan.errors import GeometryError
from rtplan.findings import Finding, finding
from rtplan.geometry.contour import Contour, GeometricType, Structure
from rtplan.geometry.grid import FloatArray, read_only
from rtplan.geometry.overlay import NEAR_BOUNDS_MM, areas_only, exclusive, resolve
from rtplan.geometry.rings import GeometryArray as GeometryArray
from rtplan.geometry.rings import IndexArray, Part, Rings, measured, pairs_within, signed_areas

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

SAME_PLANE_MM = 0.05
"""Contours closer than this along the normal lie on one plane (stored coordinates are rounded)."""
LARGEST_MM = 1e5
"""Coordinates beyond this are no place in a patient."""
NOT_PLANAR_MM = 0.5
"""A contour whose points leave its plane by more than this is not planar."""
_LINE_MM = 1e-9  # mean width up to which a ring is a line that rounding has bent
_FEW = 64  # contours on a plane up to which all pairs are compared
_AXIAL_SINE = 1e-3  # tilt below which a normal is taken for the patient axis itself


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """What one contour plane encloses, or some of it.

    Parameters
    ----------
    position_mm : float
        Along the stack's normal.
    parts : tuple of Part
        In (u, v); they share no area.
    """

    position_mm: float
    parts: tuple[Part, ...]

    @property
    def rings(self) -> tuple[FloatArray, ...]:
        """Rings (n, 2) mm: each outer ring counter-clockwise, then its holes clockwise."""
        if len(self.parts) == 1:
            return self.parts[0].rings
        return tuple(ring for part in self.parts for ring in part.rings)

    @property
    def area_mm2(self) -> float:
        """Enclosed area, mm²: holes subtracted, islands in holes added."""
        return sum(part.area_mm2 for part in self.parts)

    @property
    def length_mm(self) -> float:
        """Length of all rings, mm."""
        return sum(part.length_mm for part in self.parts)

    @property
    def centroid_mm(self) -> tuple[float, float]:
        """Centroid (u, v) of the enclosed area, mm."""
        area = self.area_mm2
        u = sum(part.moment_mm3[0] for part in self.parts)
        return u / area, sum(part.moment_mm3[1] for part in self.parts) / area

    def polygon(self) -> BaseGeometry:
        """The enclosed area as a valid shapely Polygon or MultiPolygon in (u, v)."""
        import shapely

        return exclusive([shapely.Polygon(ring) for ring in self.rings])


@dataclass(frozen=True, slots=True, eq=False)
class PlaneStack:
    """The planes of one structure in ascending order along their common normal.

    Parameters
    ----------
    axes : (3, 3) float
        Columns are the unit vectors u, v and the normal n in patient space, right-handed;
        the identity for axial contours.
    planes : tuple of Plane
    findings : tuple of Finding
        What had to be decided to get here (overlaps joined, duplicates dropped, ...).
    """

    axes: FloatArray
    planes: tuple[Plane, ...]
    findings: tuple[Finding, ...] = field(default=())

    def to_patient(self, uv: FloatArray, position_mm: float) -> FloatArray:
        """Points (n, 2) of a plane as (n, 3) mm, patient LPS."""
        uvn = np.column_stack([uv, np.full(len(uv), position_mm)])
        return np.asarray(uvn @ self.axes.T)

    @property
    def gaps_mm(self) -> FloatArray:
        """Distances between neighbouring planes, (n - 1,) mm."""
        return np.diff([plane.position_mm for plane in self.planes])


def signed_area_mm2(ring: FloatArray) -> float:
    """Area of a ring (n, 2), positive where it runs counter-clockwise.

    >>> signed_area_mm2(np.array([[0., 0.], [2., 0.], [2., 1.], [0., 1.]]))
    2.0
    """
    # From the first point: rings far from the origin lose no digits, and its edges add nothing.
    x, y = (ring[1:] - ring[0]).T
    return float(0.5 * (x[:-1] @ y[1:] - x[1:] @ y[:-1]))


def stack_planes(structure: Structure) -> PlaneStack:
    """The closed contours of a structure as planes of rings that never cross.

    Nested rings are holes by the parity of their depth; CLOSEDPLANAR_XOR combines by exclusive
    or (PS3.3 C.8.8.6.3); rings that overlap in part are joined, a ring that crosses itself is
    filled by the even-odd rule, a ring stored twice counts once, each with a finding.

    Raises
    ------
    GeometryError
        No closed contour of three points or more, a contour that is not planar, or planes that
        are not parallel. The text is the reason to give.
    """
    closed = structure.closed
    if not closed:
        raise GeometryError(_why_nothing_is_closed(structure))
    import shapely

    axes, rings, positions = _in_frame(closed)
    groups, heights = _group(positions)
    notes: list[Finding] = []
    kinds = [contour.kind for contour in closed]
    found: list[tuple[float, list[_RingsOfPart]]] = []
    try:
        drawn = _drawn(rings, structure, notes)
        combined = _combine(groups, drawn, kinds, structure, notes)
        for members, height, parts in zip(groups, heights.tolist(), combined, strict=True):
            if parts:
                found.append((height, parts))
            elif within := [m for m in members if drawn.has_area[m]]:
                notes.append(_cancelled(structure, within, positions))
    except shapely.errors.ShapelyError as error:
        raise GeometryError(f"its contours cannot be made into areas ({error})") from error
    notes += _without_area(structure, drawn, positions)
    if len(structure.contours) > len(closed):
        notes.append(_note("GEO004", structure, _why_nothing_is_closed(structure)))
    if not found:
        raise GeometryError("its closed contours enclose no area")
    every = iter(measured([part for _, parts in found for part in parts]))
    planes = [Plane(height, tuple(islice(every, len(parts)))) for height, parts in found]
    return PlaneStack(axes, tuple(planes), tuple(notes))


def plane_gaps_mm(structure: Structure) -> FloatArray:
    """Distances between the planes of a structure's closed contours, (n - 1,) mm.

    Raises
    ------
    GeometryError
        As ``stack_planes``.
    """
    if not structure.closed:
        raise GeometryError(_why_nothing_is_closed(structure))
    return np.diff(_group(_in_frame(structure.closed)[2])[1])


def _in_frame(closed: Sequence[Contour]) -> tuple[FloatArray, Rings, FloatArray]:
    """Axes of the planes, the contours as rings in (u, v), position of each along n."""
    sizes = np.array([len(contour.points_mm) for contour in closed])
    starts = np.cumsum(sizes) - sizes
    drawn = np.concatenate([contour.points_mm for contour in closed])
    largest = max(float(drawn.max()), -float(drawn.min()))
    if not largest <= LARGEST_MM:
        raise GeometryError(
            f"a contour point is {largest:.3g} mm from the origin; at most {LARGEST_MM:g} mm is "
            "a place in a patient"
        )
    z = drawn[:, 2]
    if (z == np.repeat(z[starts], sizes)).all():  # axial, as most are: nothing to project
        return read_only(np.eye(3)), Rings(drawn[:, :2].copy(), starts), z[starts]
    axes = _axes_of(drawn, starts)
    points = drawn @ axes
    along = points[:, 2]
    positions = np.add.reduceat(along, starts) / sizes
    worst = float(np.abs(along - np.repeat(positions, sizes)).max())
    if worst > NOT_PLANAR_MM:
        raise GeometryError(
            f"contours are not on parallel planes: a point lies {worst:.2f} mm off its plane "
            f"(at most {NOT_PLANAR_MM} mm)"
        )
    return axes, Rings(np.ascontiguousarray(points[:, :2]), starts), positions


def _note(code: str, structure: Structure, text: str) -> Finding:
    return finding(code, f"{structure.name!r}: {text}", roi_number=structure.number)


def _why_nothing_is_closed(structure: Structure) -> str:
    if not structure.contours:
        return "it has no contours"
    other = sorted({c.kind.value for c in structure.contours if not c.kind.is_closed})
    short = sum(c.kind.is_closed and len(c.points_mm) < 3 for c in structure.contours)
    parts = []
    if other:
        parts.append(f"contours of type {', '.join(other)} enclose nothing")
    if short:
        parts.append(f"{short} closed contours have fewer than 3 points")
    return "; ".join(parts)


def _axes_of(points: FloatArray, starts: IndexArray) -> FloatArray:
    """Axes (u, v, n) from the contour with the largest area.

    ``points`` (m, 3) holds the contours one after another, ``starts`` where each begins.
    """
    normals = _area_vectors(points, starts)
    size = np.linalg.norm(normals, axis=1)
    best = int(size.argmax())
    if size[best] > 0:
        normal = normals[best] / size[best]
    else:  # every contour crosses itself evenly: the plane of the first one's points
        first = points[: starts[1]] if starts.size > 1 else points
        normal = np.linalg.svd(first - first.mean(axis=0), full_matrices=False)[2][2]
    main = int(np.abs(normal).argmax())
    normal = normal * np.sign(normal[main])
    order = [(main + 1) % 3, (main + 2) % 3, main]
    if np.linalg.norm(np.delete(normal, main)) < _AXIAL_SINE:
        return read_only(np.eye(3)[:, order])
    u = np.eye(3)[order[0]]
    u = u - normal * (u @ normal)
    u /= np.linalg.norm(u)
    return read_only(np.column_stack([u, np.cross(normal, u), normal]))


def _area_vectors(points: FloatArray, starts: IndexArray) -> FloatArray:
    """Vector areas (n, 3) of closed polygons in space, by Newell's sum."""
    sizes = np.diff(np.append(starts, len(points)))
    following = np.arange(1, len(points) + 1)
    following[starts + sizes - 1] = starts
    shifted = points - np.repeat(points[starts], sizes, axis=0)
    return np.asarray(0.5 * np.add.reduceat(np.cross(shifted, shifted[following]), starts))


def _group(positions: FloatArray) -> tuple[list[list[int]], FloatArray]:
    """Indices of contours on the same plane, planes ascending, contours in stored order; where
    each plane is."""
    order = np.argsort(positions, kind="stable")
    ascending = positions[order]
    first = np.append(0, np.flatnonzero(np.diff(ascending) > SAME_PLANE_MM) + 1)
    ends, every = [*first.tolist(), order.size], order.tolist()
    groups = [sorted(every[start:stop]) for start, stop in pairwise(ends)]
    return groups, np.add.reduceat(ascending, first) / np.diff(ends)


_RingsOfPart = tuple[FloatArray, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """The contours of a structure as areas.

    ``area_mm2`` (m,) is signed, ``bounds_mm`` (m, 4). ``repaired`` are the areas of those that
    cross or touch themselves, by their index; the others are what their ring encloses.
    ``has_area`` is of every contour.
    """

    rings: Rings
    area_mm2: FloatArray
    bounds_mm: FloatArray
    repaired: dict[int, BaseGeometry]
    has_area: list[bool]

    def polygons(self, indices: Sequence[int]) -> GeometryArray:
        """Shapely areas of some contours, (k,)."""
        if not indices:
            return np.empty(0, dtype=object)
        found = Rings.of([self.rings[index] for index in indices]).polygons()
        for place, index in enumerate(indices):
            if index in self.repaired:
                found[place] = self.repaired[index]
        return found

    def ring(self, index: int, sign: float) -> FloatArray:
        """The ring of a contour: counter-clockwise where ``sign`` is positive, else clockwise."""
        points = self.rings[index]
        return read_only(points if self.area_mm2[index] * sign > 0 else points[::-1].copy())


def _drawn(rings: Rings, structure: Structure, notes: list[Finding]) -> _Drawn:
    """Contours as areas; one that crosses itself is filled by the even-odd rule."""
    import shapely

    areas, is_star = signed_areas(rings)
    bounds = rings.bounds_mm()
    line = _LINE_MM * (bounds[:, 2:] - bounds[:, :2]).max(axis=1)
    drawn = _Drawn(rings, areas, bounds, {}, (np.abs(areas) > line).tolist())
    least: list[float] = line.tolist()
    doubtful = np.flatnonzero(~is_star).tolist()
    crossing = 0
    for index, polygon in zip(doubtful, drawn.polygons(doubtful), strict=True):
        if not shapely.is_valid(polygon):
            drawn.repaired[index] = even_odd = areas_only(shapely.make_valid(polygon))
            drawn.has_area[index] = even_odd.area > least[index]
            # A keyhole encloses what its signed area says; a ring that crosses itself does not.
            signed = abs(float(areas[index]))
            off = abs(even_odd.area - signed)
            crossing += off > max(1e-3 * max(signed, even_odd.area), least[index])
    _note_met(Counter(GEO002=crossing), structure, notes)
    return drawn


def _combine(
    groups: Sequence[Sequence[int]],
    drawn: _Drawn,
    kinds: Sequence[GeometricType],
    structure: Structure,
    notes: list[Finding],
) -> Iterable[list[_RingsOfPart]]:
    """Per plane: its parts, their rings oriented, holes and overlaps resolved."""
    met: Counter[str] = Counter()
    full = [[m for m in members if drawn.has_area[m]] for members in groups]
    xor = {m for m, kind in enumerate(kinds) if kind is GeometricType.CLOSEDPLANAR_XOR}
    for members, within, nesting in zip(groups, full, _nestings(full, drawn), strict=True):
        is_xor = not xor.isdisjoint(members)
        if nesting is None:
            yield _rings_of(resolve(drawn.polygons(within), met, is_xor=is_xor))
        else:
            met["GEO010"] += 0 if is_xor else sum(map(len, nesting.values()))
            yield _nested_rings(within, nesting, drawn)
    _note_met(met, structure, notes)


def _nestings(
    groups: Sequence[Sequence[int]], drawn: _Drawn
) -> Iterable[dict[int, set[int]] | None]:
    """Per plane: the contours that each contour lies well within, if that is all there is to say.

    None for a plane where contours overlap in part, touch, are nearly the same or crossed
    themselves, or where they are too many to be compared one by one.
    """
    several = [group for group in groups if 1 < len(group) <= _FEW]
    inside, odd = _inside(several, drawn) if several else ({}, set())
    odd |= drawn.repaired.keys()
    for group in groups:
        is_clear = len(group) <= _FEW and odd.isdisjoint(group)
        yield {m: inside[m] for m in group if m in inside} if is_clear else None


def _inside(groups: Sequence[Sequence[int]], drawn: _Drawn) -> tuple[dict[int, set[int]], set[int]]:
    """The contours of its group that a contour lies well within, where there are any; and those
    that meet another in any other way than around or within it."""
    import shapely

    pairs = pairs_within(groups, drawn.bounds_mm)
    met = np.unique(pairs)
    polygons = drawn.polygons(met.tolist())
    first, second = (polygons[np.searchsorted(met, column)] for column in pairs.T)
    shapely.prepare(polygons)
    around = shapely.contains_properly(first, second)
    within = shapely.contains_properly(second, first)
    apart = ~around & ~within
    apart[apart] = ~shapely.intersects(first[apart], second[apart])
    near = np.abs(np.diff(drawn.bounds_mm[pairs], axis=1)[:, 0]).max(axis=1, initial=0.0)
    unclear = ~(around | within | apart) | (near < NEAR_BOUNDS_MM)
    inside: dict[int, set[int]] = {}
    for outer, inner in (*pairs[around].tolist(), *pairs[within][:, ::-1].tolist()):
        inside.setdefault(inner, set()).add(outer)
    return inside, set(pairs[unclear].ravel().tolist())


def _nested_rings(
    members: Sequence[int], nesting: dict[int, set[int]], drawn: _Drawn
) -> list[_RingsOfPart]:
    """Parts of contours that lie within one another."""
    parts = []
    for outer in members:
        around = nesting.get(outer, set())
        if len(around) % 2:
            continue
        holes = [m for m, out in nesting.items() if outer in out and len(out) == len(around) + 1]
        parts.append((drawn.ring(outer, 1.0), *(drawn.ring(hole, -1.0) for hole in holes)))
    return parts


_MET = {
    "GEO001": (
        "contours overlap in part on 1 plane; joined to their union",
        "contours overlap in part on {} planes; joined to their union",
    ),
    "GEO002": (
        "1 contour crosses itself; its area was rebuilt from its lines",
        "{} contours cross themselves; their area was rebuilt from their lines",
    ),
    "GEO003": (
        "1 contour is stored twice; counted once",
        "{} contours are stored twice; each counted once",
    ),
    "GEO010": (
        "1 contour lies inside another; taken as a hole",
        "{} contours lie inside others; taken as holes",
    ),
    "GEO011": (
        "1 contour is nearly the same as another of its plane; counted once",
        "{} contours are nearly the same as others of their plane; each counted once",
    ),
}
"""What was met, once and several times."""
_NAMED = 3  # contours that a finding names


def _note_met(met: Counter[str], structure: Structure, notes: list[Finding]) -> None:
    for code, (one, several) in _MET.items():
        if met[code]:
            text = one if met[code] == 1 else several.format(met[code])
            notes.append(_note(code, structure, text))


def _cancelled(structure: Structure, members: Sequence[int], positions: FloatArray) -> Finding:
    """A finding on the contours of a plane of which exclusive or leaves nothing."""
    where = f"on the plane at {positions[members[0]]:.1f} mm"
    listed = _listed([str(number) for number in _numbers(structure, members)])
    text = f"{len(members)} contours cancel each other by exclusive or {where} (numbers {listed}"
    return _note("GEO004", structure, f"{text}; the first is 0)")


def _without_area(structure: Structure, drawn: _Drawn, positions: FloatArray) -> list[Finding]:
    """A finding on the closed contours that by themselves enclose nothing, if there are any."""
    flat = [index for index, has_area in enumerate(drawn.has_area) if not has_area]
    if not flat:
        return []
    numbers = _numbers(structure, flat)
    listed = _listed([f"{n} at {positions[m]:.1f} mm" for n, m in zip(numbers, flat, strict=True)])
    one = "1 closed contour encloses no area (number"
    several = f"{len(flat)} closed contours enclose no area (numbers"
    text = f"{one if len(flat) == 1 else several} {listed}; the first is 0)"
    return [_note("GEO004", structure, text)]


def _numbers(structure: Structure, closed: Sequence[int]) -> list[int]:
    """The place among all contours, from 0, of some of the closed ones."""
    place = {id(contour): index for index, contour in enumerate(structure.contours)}
    every = structure.closed
    return [place[id(every[index])] for index in closed]


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return ", ".join(texts[:_NAMED]) + more


def _rings_of(polygons: GeometryArray) -> list[_RingsOfPart]:
    """Parts of polygons: outer rings counter-clockwise, holes clockwise, first not repeated."""
    import shapely

    parts: list[_RingsOfPart] = []
    separate = shapely.get_parts(polygons)
    for polygon in separate[~shapely.is_empty(separate)]:
        rings: list[FloatArray] = []
        for ring in shapely.get_rings(polygon):
            points = shapely.get_coordinates(ring)[:-1]
            area = signed_area_mm2(points) * (-1.0 if rings else 1.0)
            if abs(area) > _LINE_MM * float(np.ptp(points, axis=0).max()):
                rings.append(read_only(points if area > 0 else points[::-1].copy()))
            elif not rings:
                break
        if rings:
            parts.append(tuple(rings))
    return parts

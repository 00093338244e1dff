"""Bodies: the separate pieces of solid that one structure's contours make.

Rings of neighbouring planes belong to one body where they overlap, exactly, by area. One skipped
plane is bridged; a wider gap parts bodies. Nothing is dropped: slivers and bodies drawn on one
plane are bodies, and say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.contour import StructureSet
from rtplan.geometry.grid import FloatArray, read_only
from rtplan.geometry.planes import GeometryArray, PlaneStack

NEXT_PLANE = 1.5
"""Planes up to this many spacings apart are neighbours."""
SKIPPED_PLANE = 2.05
"""Planes up to this many spacings apart have one plane missing between them."""
SLIVER_MM = 1.0
"""A body whose largest section is thinner than this all over is a sliver."""
_TOUCHING_MM2 = 1e-6
_TAPER = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """One connected solid of a structure, as prisms of its own sections.

    Parameters
    ----------
    axes : (3, 3) float
        Columns u, v, n of its plane stack, patient LPS.
    positions_mm, low_mm, high_mm : (n,) float
        Planes along the normal, ascending, and where each section begins and ends.
    sections : (n,) shapely Polygons or MultiPolygons
        In (u, v), mm.
    is_sliver : bool
        Whether no disc of ``SLIVER_MM`` fits in any section.
    bridged_mm : tuple of float
        Positions halfway over bridged gaps.
    doubtful_bridges : int
        Bridged gaps whose two sides could be two bodies.
    thickness_known : bool
        False for a single plane in a set that tells no spacing: it has no volume then.
    """

    axes: FloatArray
    positions_mm: FloatArray
    low_mm: FloatArray
    high_mm: FloatArray
    sections: GeometryArray
    bridged_mm: tuple[float, ...] = ()
    doubtful_bridges: int = 0
    thickness_known: bool = True
    volume_mm3: float = field(init=False)
    bounds_mm: FloatArray = field(init=False)
    is_sliver: bool = field(init=False)

    def __post_init__(self) -> None:
        import shapely

        areas = shapely.area(self.sections)
        object.__setattr__(self, "is_sliver", _is_sliver(self.sections, areas))
        volume = float((areas * (self.high_mm - self.low_mm)).sum())
        low_u, low_v, high_u, high_v = shapely.total_bounds(self.sections)
        bounds = [[low_u, low_v, self.low_mm[0]], [high_u, high_v, self.high_mm[-1]]]
        object.__setattr__(self, "volume_mm3", volume)
        object.__setattr__(self, "bounds_mm", read_only(np.array(bounds)))
        for array in (self.positions_mm, self.low_mm, self.high_mm):
            read_only(array)

    @property
    def volume_cc(self) -> float:
        """Volume of the prisms, cc."""
        return self.volume_mm3 / 1000.0

    @property
    def centroid_mm(self) -> FloatArray:
        """Centre of volume (3,), mm, patient LPS."""
        import shapely

        weight = shapely.area(self.sections) * (self.high_mm - self.low_mm)
        centres = shapely.get_coordinates(shapely.centroid(self.sections))
        middle = (self.low_mm + self.high_mm) / 2
        local = np.column_stack([centres, middle])
        return np.asarray(self.axes @ ((local * weight[:, None]).sum(axis=0) / weight.sum()))

    @property
    def is_one_plane(self) -> bool:
        """Whether it is drawn on a single plane."""
        return len(self.positions_mm) == 1


def without_holes(body: Body) -> Body:
    """The body with what it encloses in its planes: a shell becomes what it surrounds."""
    import shapely

    parts, index = shapely.get_parts(body.sections, return_index=True)
    solid = np.asarray(shapely.polygons(shapely.get_exterior_ring(parts)), dtype=object)
    sections = [shapely.union_all(solid[index == i]) for i in range(len(body.sections))]
    return replace(body, sections=np.array(sections, dtype=object))


def _is_sliver(sections: GeometryArray, areas: FloatArray) -> bool:
    """Whether no disc of ``SLIVER_MM`` fits in any section."""
    import shapely

    # Twice area over outline is a mean width: far above the limit nothing needs shrinking.
    width = 2 * areas / shapely.length(sections)
    if width.max() > 2 * SLIVER_MM:
        return False
    widest = sections[np.argsort(-width, kind="stable")]
    return all(bool(shapely.is_empty(shapely.buffer(s, -SLIVER_MM / 2))) for s in widest)


@dataclass(frozen=True, slots=True, eq=False)
class _Rings:
    """The separate polygons of all planes: each with its plane, position and box."""

    polygons: GeometryArray
    position_mm: FloatArray
    box: FloatArray
    area: FloatArray


def usual_spacing_mm(structure_set: StructureSet) -> float | None:
    """The most usual distance between axial contour planes over all structures, mm."""
    gaps = []
    for structure in structure_set:
        if structure.problem is not None or len(structure.closed) < 2:
            continue
        heights = [c.points_mm[:, 2] for c in structure.closed]
        starts = np.cumsum([0, *map(len, heights)])[:-1]
        every = np.concatenate(heights)
        low, high = np.minimum.reduceat(every, starts), np.maximum.reduceat(every, starts)
        flat = every[starts][high - low < 0.5]
        if flat.size > 1:
            gap = np.diff(np.unique(np.round(flat, 2)))
            gaps.append(gap[gap > 0.05])
    found = np.concatenate([np.empty(0), *gaps])
    if not found.size:
        return None
    values, counts = np.unique(np.round(found, 2), return_counts=True)
    return float(values[counts.argmax()])


def spacing_of(stack: PlaneStack, usual_mm: float | None) -> float | None:
    """The spacing by which a structure's gaps are judged, mm: its own, or of few planes the set's.

    Its own is the most frequent distance between its planes, of ties the smallest; unless that is
    wider than the set's while some of its planes are neighbours by the set's.
    """
    gaps = np.round(stack.gaps_mm, 2)
    if gaps.size < 3 and usual_mm is not None:
        return usual_mm
    if not gaps.size:
        return None
    values, counts = np.unique(gaps, return_counts=True)
    own = float(values[counts.argmax()])
    # Many missing planes are no wider spacing, as long as some neighbours are drawn.
    return usual_mm if usual_mm is not None and values[0] < NEXT_PLANE * usual_mm < own else own


def bodies_of(
    stack: PlaneStack, *, usual_mm: float | None = None, slab_mm: float | None = None
) -> tuple[Body, ...]:
    """The bodies of a plane stack, ordered by position.

    Parameters
    ----------
    stack : PlaneStack
    usual_mm : float, optional
        The structure set's spacing of axial planes, for structures with too few to tell their own.
    slab_mm : float, optional
        Thickness of voxels, where contours are their outlines: empty planes are empty then.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rings = _rings(stack)
    axial = np.abs(stack.axes - np.eye(3)).max() < 1e-3
    spacing = spacing_of(stack, usual_mm if axial else None) if slab_mm is None else slab_mm
    step = 1.0 if spacing is None else spacing
    joined = _overlapping(rings, 0.0, NEXT_PLANE * step)
    bridges, doubtful = np.empty((0, 2), dtype=np.intp), np.zeros(0, dtype=bool)
    if slab_mm is None:
        bridges, doubtful = _bridges(rings, joined, step)
    links = np.concatenate([joined, bridges])
    count = len(rings.polygons)
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(count, count))
    number, label = connected_components(graph, directed=False)
    bodies = []
    for index in range(number):
        own = bridges[label[bridges[:, 0]] == index] if len(bridges) else bridges
        unsure = int(doubtful[label[bridges[:, 0]] == index].sum()) if len(bridges) else 0
        body = _body(stack, rings, np.flatnonzero(label == index), own, unsure, spacing)
        bodies.append(body)
    return tuple(sorted(bodies, key=lambda b: tuple(np.round(b.bounds_mm[0][::-1], 3))))


def _rings(stack: PlaneStack) -> _Rings:
    import shapely

    counts = np.array([len(plane.rings) for plane in stack.planes])
    positions = np.array([plane.position_mm for plane in stack.planes])
    single = [plane.rings[0] for plane in stack.planes if len(plane.rings) == 1]
    several = [shapely.get_parts(p.polygon()) for p in stack.planes if len(p.rings) > 1]
    places = [*positions[counts == 1], *np.repeat(positions[counts > 1], [len(s) for s in several])]
    polygons = np.concatenate([_polygons(single), *several])
    order = np.argsort(places, kind="stable")
    polygons = polygons[order]
    shapely.prepare(polygons)
    position = np.array(places)[order]
    return _Rings(polygons, position, shapely.bounds(polygons), shapely.area(polygons))


def _polygons(rings: Sequence[FloatArray]) -> GeometryArray:
    """Polygons (n,) of n rings, made at once."""
    import shapely

    if not rings:
        return np.empty(0, dtype=object)
    owner = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    return np.asarray(shapely.polygons(shapely.linearrings(np.concatenate(rings), indices=owner)))


def _overlapping(rings: _Rings, above_mm: float, up_to_mm: float) -> NDArray[np.intp]:
    """Pairs (m, 2) of polygons, lower first, that overlap by area at such a distance in planes."""
    import shapely

    position, box = rings.position_mm, rings.box
    first, last = (
        np.searchsorted(position, position + above_mm + 1e-6, side="right"),
        np.searchsorted(position, position + up_to_mm + 1e-6, side="right"),
    )
    sizes = np.maximum(last - first, 0)
    low = np.repeat(np.arange(len(position)), sizes)
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    high = np.repeat(first, sizes) + within
    meet = (box[low, :2] < box[high, 2:]).all(axis=1) & (box[low, 2:] > box[high, :2]).all(axis=1)
    low, high = low[meet], high[meet]
    if low.size:
        sure = shapely.contains_xy(
            rings.polygons[low], *shapely.get_coordinates(_inner(rings.polygons[high])).T
        )
        unsure = np.flatnonzero(~sure)
        shared = shapely.intersection(rings.polygons[low[unsure]], rings.polygons[high[unsure]])
        sure[unsure] = shapely.area(shared) > _TOUCHING_MM2
        low, high = low[sure], high[sure]
    return np.column_stack([low, high])


def _inner(polygons: GeometryArray) -> GeometryArray:
    """A point inside each polygon."""
    import shapely

    return np.asarray(shapely.point_on_surface(polygons))


def _bridges(
    rings: _Rings, joined: NDArray[np.intp], spacing: float
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Pairs over one skipped plane, and whether each could as well be two bodies."""
    import shapely

    pairs = _overlapping(rings, NEXT_PLANE * spacing, SKIPPED_PLANE * spacing)
    free = ~np.isin(pairs[:, 0], joined[:, 0]) & ~np.isin(pairs[:, 1], joined[:, 1])
    pairs = pairs[free]
    if not len(pairs):
        return pairs, np.zeros(0, dtype=bool)
    below, above = rings.area[pairs[:, 0]], rings.area[pairs[:, 1]]
    shared = shapely.area(
        shapely.intersection(rings.polygons[pairs[:, 0]], rings.polygons[pairs[:, 1]])
    )
    unlike = shared < 0.3 * (below + above - shared)
    before = _neighbour_area(rings, joined[:, ::-1], pairs[:, 0])
    after = _neighbour_area(rings, joined, pairs[:, 1])
    tapering = (below < _TAPER * before) & (above < _TAPER * after)
    return pairs, unlike | tapering


def _neighbour_area(
    rings: _Rings, joined: NDArray[np.intp], wanted: NDArray[np.intp]
) -> FloatArray:
    """Largest area among the neighbours of each wanted polygon; 0 without one."""
    largest = np.zeros(len(rings.area))
    np.maximum.at(largest, joined[:, 0], rings.area[joined[:, 1]])
    return largest[wanted]


def _body(
    stack: PlaneStack,
    rings: _Rings,
    members: NDArray[np.intp],
    bridges: NDArray[np.intp],
    doubtful: int,
    spacing: float | None,
) -> Body:
    import shapely

    positions = np.unique(rings.position_mm[members])
    sections = []
    for position in positions:
        here = members[rings.position_mm[members] == position]
        polygons = rings.polygons[here]
        sections.append(polygons[0] if len(here) == 1 else shapely.multipolygons(polygons))
    half_end = (1.0 if spacing is None else spacing) / 2
    half = np.diff(positions) / 2
    low = positions - np.append(half_end, half)
    high = positions + np.append(half, half_end)
    middle = rings.position_mm[bridges].mean(axis=1) if len(bridges) else np.zeros(0)
    return Body(
        axes=stack.axes,
        positions_mm=positions,
        low_mm=low,
        high_mm=high,
        sections=np.array(sections, dtype=object),
        bridged_mm=tuple(np.unique(middle).tolist()),
        doubtful_bridges=doubtful,
        thickness_known=spacing is not None,
    )


def total_volume_cc(bodies: Sequence[Body]) -> float:
    """Sum of the volumes of bodies, cc."""
    return sum(body.volume_cc for body in bodies)

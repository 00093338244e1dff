"""Measures of a lesion: volume, place, longest diameter and short axis in plane, extent in space.

RECIST 1.1 (Eisenhauer 2009, doi:10.1016/j.ejca.2008.10.026): the longest diameter is measured in
the plane where it is longest; the short axis is the longest line perpendicular to it in that plane.
A lesion is measurable from 10 mm on, a node from a short axis of 15 mm; a node below 10 mm is
normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtplan.findings import finding
from rtplan.geometry.grid import FloatArray
from rtplan.lesions.bodies import Body
from rtplan.lesions.model import Category, Lesion, Organ
from rtplan.lesions.volume import volume_cc

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

LESION_MM = 10.0
"""Longest diameter from which a lesion is measurable (RECIST 1.1)."""
NODE_MM = (15.0, 10.0)
"""Short axes from which a node is measurable, and from which it is pathological (RECIST 1.1)."""
_MANY = 400
_ANGLES = 24
_FANS = (16, 128)
_ROUNDING = 1 - 1e-9


@dataclass(frozen=True, slots=True)
class Measures:
    """Lengths in mm, volume in cc, places in patient LPS mm; None is not known.

    ``bounds_mm`` are the low and the high corner of the box around the contours.
    """

    volume_cc: float | None
    centroid_mm: tuple[float, float, float]
    bounds_mm: tuple[tuple[float, float, float], tuple[float, float, float]]
    longest_diameter_mm: float
    short_axis_mm: float
    longest_3d_mm: float


def measure(bodies: Sequence[Body], *, slab_mm: float | None = None) -> Measures:
    """Measures of the bodies of one lesion together; diameters of the largest single outline.

    The volume is that of the solid that histograms are made of unless another is asked for:
    contours pass into each other, ends are rounded. The centroid is that of half-slice prisms, and
    lengths are those of the contours alone.

    Parameters
    ----------
    bodies : sequence of Body
        One at least, of one structure.
    slab_mm : float, optional
        Thickness of voxels, where the contours are their outlines (``Structure.slab_mm``).
    """
    import shapely

    longest, short = 0.0, 0.0
    cloud = []
    for body in bodies:
        parts, section = shapely.get_parts(body.sections, return_index=True)
        outlines = shapely.get_exterior_ring(parts)
        points, owner = shapely.get_coordinates(outlines, return_index=True)
        cloud.append(np.column_stack([points, body.positions_mm[section[owner]]]))
        length, width = _in_plane(np.asarray(parts), points, owner)
        if length > longest:
            longest, short = length, width
    # Bodies of one structure are drawn on parallel planes.
    axes, local = bodies[0].axes, np.concatenate(cloud)
    every = local @ axes.T
    volumes = [volume_cc(body, slab_mm=slab_mm) for body in bodies]
    known = [volume for volume in volumes if volume is not None]
    weights = np.array([body.volume_mm3 for body in bodies])
    centres = np.array([body.centroid_mm for body in bodies])
    return Measures(
        volume_cc=sum(known) if len(known) == len(bodies) else None,
        centroid_mm=_point((centres * weights[:, None]).sum(axis=0) / weights.sum()),
        bounds_mm=(_point(every.min(axis=0)), _point(every.max(axis=0))),
        longest_diameter_mm=longest,
        short_axis_mm=short,
        longest_3d_mm=_in_space(local),
    )


def below_size_mm(lesion: Lesion) -> tuple[float, ...] | None:
    """The sizes of RECIST 1.1 that a lesion does not reach, falling, mm; None where unmeasured.

    >>> below_size_mm(Lesion("L1", Category.REGIONAL_NODE, None, short_axis_mm=12.0))
    (15.0,)
    """
    is_node = _is_node(lesion)
    size = lesion.short_axis_mm if is_node else lesion.longest_diameter_mm
    if size is None:
        return None
    return tuple(limit for limit in (NODE_MM if is_node else (LESION_MM,)) if size < limit)


def with_size_note(lesion: Lesion, label: str) -> Lesion:
    """The lesion, with a finding that calls it ``label`` where RECIST 1.1 calls it too small."""
    below = below_size_mm(lesion)
    if not below:
        return lesion
    if not _is_node(lesion):
        what = f"longest diameter {lesion.longest_diameter_mm:.1f} mm, below {below[-1]:g} mm"
        means = "not measurable"
    else:
        what = f"short axis {lesion.short_axis_mm:.1f} mm, below {below[-1]:g} mm"
        means = "no pathological node" if below[-1] == NODE_MM[-1] else "a node not measurable"
    note = finding("LES016", f"{label}: {what}: {means} by RECIST 1.1; counted all the same")
    return replace(lesion, findings=(*lesion.findings, note))


def _is_node(lesion: Lesion) -> bool:
    nodal = (Category.REGIONAL_NODE, Category.EXTRAREGIONAL_NODE)
    return lesion.organ is Organ.LYMPH_NODE or lesion.category in nodal


def _point(values: FloatArray) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z


def _in_plane(
    parts: NDArray[np.object_], points: FloatArray, owner: NDArray[np.intp]
) -> tuple[float, float]:
    """Longest diameter over the outlines of a body, and the short axis of the same, mm.

    ``points`` (n, 2) are those of the outlines of ``parts`` (p,), ``owner`` (n,) the part of each.
    """
    import shapely

    circle = 2 * _radii(points, owner)
    largest = int(circle.argmax())
    some, _ = _diameter_of_hull(_hull(parts[largest]))
    index = np.flatnonzero(circle >= some * _ROUNDING)
    kept = parts[index]
    points, owner = shapely.get_coordinates(shapely.convex_hull(kept), return_index=True)
    reach = _reaches(points, owner)
    best, where, direction = 0.0, 0, np.array([1.0, 0.0])
    for number in np.argsort(-reach, kind="stable").tolist():
        if reach[number] <= best:
            break
        length, axis = _diameter_of_hull(points[owner == number])
        if length > best * (1 + 1e-9):
            best, where, direction = length, number, axis
    return best, _widest_across(kept[where], direction)


def _hull(outline: BaseGeometry) -> FloatArray:
    import shapely

    return np.asarray(shapely.get_coordinates(shapely.convex_hull(outline)))


def _radii(points: FloatArray, owner: NDArray[np.intp]) -> FloatArray:
    """Radius of a circle about the middle of each part's box that holds its points, (p,) mm."""
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    away = np.hypot(*(points - ((low + high) / 2)[owner]).T)
    return np.asarray(np.maximum.reduceat(away, starts))


def _reaches(points: FloatArray, owner: NDArray[np.intp]) -> FloatArray:
    """How long the diameter of each part is at most, (p,) mm, by a fan of directions."""
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    angle = np.arange(_ANGLES) * np.pi / _ANGLES
    along = points @ np.array([np.cos(angle), np.sin(angle)])
    width = (np.maximum.reduceat(along, starts) - np.minimum.reduceat(along, starts)).max(axis=1)
    # The diameter lies within half a step of one of the directions.
    return np.asarray(width / np.cos(np.pi / (2 * _ANGLES)))


def _diameter_of_hull(ring: FloatArray) -> tuple[float, FloatArray]:
    """Largest distance between the corners (n, 2) of a convex ring, and its direction.

    Its ends lie on parallel lines that touch the ring from both sides, so one of them belongs to
    an edge and the other is the corner farthest from it.
    """
    if len(ring) <= _MANY:
        return _diameter(ring)
    corners = ring[:-1] if (ring[0] == ring[-1]).all() else ring
    x, y = (np.roll(corners, -1, axis=0) - corners).T
    angle = np.unwrap(np.arctan2(y, x))
    angle = np.maximum.accumulate(angle * np.sign(angle[-1] - angle[0]))
    count = len(corners)
    edge = np.arange(count)
    # One corner more on each side, for angles that are equal but for their rounding.
    opposite = np.searchsorted(np.append(angle, angle + 2 * np.pi), angle + np.pi)
    pairs = [(edge + k, opposite + j) for k in (0, 1) for j in (-1, 0, 1)]
    ends = np.sort(np.concatenate([np.column_stack(pair) for pair in pairs]) % count, axis=1)
    ends = np.unique(ends, axis=0)
    offset = corners[ends[:, 0]] - corners[ends[:, 1]]
    square = (offset**2).sum(axis=1)
    best = int(square.argmax())
    length = float(np.sqrt(square[best]))
    return length, offset[best] / length


def _diameter(points: FloatArray) -> tuple[float, FloatArray]:
    """Largest distance between points (n, d), and its direction."""
    offset = points[:, None, :] - points[None, :, :]
    square = (offset**2).sum(axis=2)
    i, j = np.unravel_index(int(square.argmax()), square.shape)
    length = float(np.sqrt(square[i, j]))
    axis = offset[i, j] / length if length else np.eye(points.shape[1])[0]
    return length, axis


def _widest_across(outline: BaseGeometry, direction: FloatArray) -> float:
    """Longest chord of an outline perpendicular to a direction, mm; holes break it.

    Between two neighbouring heights of vertices along the direction, the same edges are crossed in
    the same order, and the length of each chord is linear: the longest is at one of the ends.
    """
    import shapely

    rings = [shapely.get_coordinates(ring) for ring in shapely.get_parts(outline.boundary)]
    start = np.concatenate([ring[:-1] for ring in rings])
    stop = np.concatenate([ring[1:] for ring in rings])
    across = np.array([-direction[1], direction[0]])
    h0, h1, x0, x1 = start @ direction, stop @ direction, start @ across, stop @ across
    heights = np.unique(np.concatenate([h0, h1]))
    first = np.searchsorted(heights, np.minimum(h0, h1))
    last = np.searchsorted(heights, np.maximum(h0, h1))
    # Every edge once for each interval of heights that it spans.
    edge = np.repeat(np.arange(len(h0)), last - first)
    rank = np.arange(edge.size) - np.repeat(np.cumsum(last - first) - (last - first), last - first)
    interval = first[edge] + rank
    slope = (x1 - x0)[edge] / (h1 - h0)[edge]
    low, high = (x0[edge] + slope * (heights[interval + k] - h0[edge]) for k in (0, 1))
    order = np.lexsort((low + high, interval))
    low, high = low[order], high[order]
    chords = np.maximum(low[1::2] - low[::2], high[1::2] - high[::2])
    return float(chords.max(initial=0.0))


def _in_space(points: FloatArray) -> float:
    """Longest distance between points (n, 3), those of a plane together, mm.

    Of many points only those of two planes are compared that may be farther apart than a distance
    that is known: by how far the planes are, and how far their points reach from the middle, then
    along a fan of directions.
    """
    from scipy.spatial.distance import cdist

    if len(points) <= _MANY:
        return _diameter(points)[0]
    points = points[np.argsort(points[:, 2], kind="stable")]
    _, starts = np.unique(points[:, 2], return_index=True)
    planes = np.split(points, starts[1:])
    longest = _some_long(points)
    most = _most_about_mm(points, starts)
    planes = [planes[index] for index in np.flatnonzero((most > longest).any(axis=0))]
    for fan in _FANS if planes else ():
        most = _most_mm(planes, fan)
        kept = np.flatnonzero((most > longest).any(axis=0))
        if not kept.size:
            return longest
        planes, most = [planes[index] for index in kept], most[np.ix_(kept, kept)]
    for lower, upper in np.argwhere(np.triu(most > longest)).tolist():
        if most[lower, upper] > longest:
            longest = max(longest, float(cdist(planes[lower], planes[upper]).max()))
    return longest


def _most_about_mm(points: FloatArray, starts: NDArray[np.intp]) -> FloatArray:
    """How far points of two planes are apart at most, (p, p) mm, by circles about one middle.

    ``starts`` (p,) is where each plane begins among the points (n, 3).
    """
    middle = (points[:, :2].min(axis=0) + points[:, :2].max(axis=0)) / 2
    radius = np.maximum.reduceat(np.hypot(*(points[:, :2] - middle).T), starts)
    height = points[starts, 2]
    return np.asarray(np.hypot(radius[:, None] + radius, height[:, None] - height))


def _most_mm(planes: Sequence[FloatArray], fan: int) -> FloatArray:
    """How far points of two planes are apart at most, (p, p) mm, by ``fan`` directions.

    Every direction in plane lies within half a step of one of the fan.
    """
    angle = np.arange(fan) * 2 * np.pi / fan
    points, starts = np.concatenate(planes), np.cumsum([0, *map(len, planes[:-1])])
    along = points[:, :2] @ np.array([np.cos(angle), np.sin(angle)])
    reach = np.maximum.reduceat(along, starts).T
    flat = np.zeros((len(planes), len(planes)))
    for forth, back in zip(reach[: fan // 2], reach[fan // 2 :], strict=True):
        np.maximum(flat, forth[:, None] + back, out=flat)
    flat = np.maximum(flat, flat.T) / np.cos(np.pi / fan)
    height = points[starts, 2]
    return np.asarray(np.hypot(flat, height[:, None] - height))


def _some_long(points: FloatArray) -> float:
    """A long distance among points (n, 3): from each end to the farthest, until it stays."""
    longest, end = 0.0, points.mean(axis=0)
    while True:
        square = ((points - end) ** 2).sum(axis=1)
        far = int(square.argmax())
        if square[far] <= longest * (1 + 1e-12):
            return float(np.sqrt(longest))
        longest, end = float(square[far]), points[far]

"""Measures of a lesion: longest diameter and short axis in plane, longest extent in space.

RECIST 1.1 (doi:10.1016/j.ejca.2008.10.026): the longest diameter is measured in the plane where it
is longest; the short axis is the longest line perpendicular to it in that plane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.grid import FloatArray
from rtplan.lesions.bodies import Body

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

_MANY = 400
_DIRECTIONS = 100
_ANGLES = 24


@dataclass(frozen=True, slots=True)
class Measures:
    """Lengths in mm, volume in cc, centroid in patient LPS mm; None is not known."""

    volume_cc: float | None
    centroid_mm: tuple[float, float, float]
    longest_diameter_mm: float
    short_axis_mm: float
    longest_3d_mm: float


def measure(bodies: Sequence[Body]) -> Measures:
    """Measures of the bodies of one lesion together; diameters of the largest single section."""
    import shapely

    volumes = np.array([body.volume_mm3 for body in bodies])
    centres = np.array([body.centroid_mm for body in bodies])
    x, y, z = (centres * volumes[:, None]).sum(axis=0) / volumes.sum()
    longest, short = 0.0, 0.0
    cloud = []
    for body in bodies:
        points, owner = shapely.get_coordinates(
            shapely.convex_hull(body.sections), return_index=True
        )
        cloud.append(np.column_stack([points, body.positions_mm[owner]]) @ body.axes.T)
        length, width = _in_plane(body, points, owner)
        if length > longest:
            longest, short = length, width
    known = all(body.thickness_known for body in bodies)
    return Measures(
        volume_cc=float(volumes.sum() / 1000.0) if known else None,
        centroid_mm=(float(x), float(y), float(z)),
        longest_diameter_mm=longest,
        short_axis_mm=short,
        longest_3d_mm=_in_space(np.concatenate(cloud)),
    )


def _in_plane(body: Body, points: FloatArray, owner: NDArray[np.intp]) -> tuple[float, float]:
    """Longest diameter over the planes of a body, and the short axis in that plane, mm.

    ``points`` (n, 2) are the hulls' of its sections, ``owner`` (n,) the section of each.
    """
    starts = np.searchsorted(owner, np.arange(len(body.sections)))
    angle = np.arange(_ANGLES) * np.pi / _ANGLES
    along = points @ np.array([np.cos(angle), np.sin(angle)])
    width = (np.maximum.reduceat(along, starts) - np.minimum.reduceat(along, starts)).max(axis=1)
    # The diameter lies within half a step of one of the directions.
    reach = width / np.cos(np.pi / (2 * _ANGLES))
    best, where, direction = 0.0, 0, np.array([1.0, 0.0])
    for index in np.argsort(-reach, kind="stable").tolist():
        if reach[index] <= best:
            break
        length, axis = _diameter_of_hull(points[owner == index])
        if length > best * (1 + 1e-9):
            best, where, direction = length, index, axis
    return best, _widest_across(body.sections[where], direction)


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


def _widest_across(section: BaseGeometry, direction: FloatArray) -> float:
    """Longest chord of a section perpendicular to a direction, mm.

    Along the direction the chord's length is linear between vertices of the outline, so the
    longest lies at the height of a vertex.
    """
    import shapely

    turn = np.array([direction, [-direction[1], direction[0]]])
    turned = shapely.transform(section, lambda p: p @ turn.T)
    heights = np.unique(np.round(shapely.get_coordinates(turned)[:, 0], 6))
    if heights.size > _MANY:
        heights = np.linspace(heights[0], heights[-1], _MANY)
    _, low, _, high = shapely.bounds(turned)
    lines = np.array([[[h, low - 1], [h, high + 1]] for h in heights])
    chords = shapely.intersection(shapely.linestrings(lines), turned)
    return float(shapely.length(shapely.get_parts(chords)).max(initial=0.0))


def _in_space(points: FloatArray) -> float:
    """Longest distance between points (n, 3), mm.

    Of many points the ends are those of the widest of many directions; from there the farthest
    point is taken until the distance stays.
    """
    if len(points) <= _MANY:
        return _diameter(points)[0]
    k = np.arange(_DIRECTIONS) + 0.5
    height, turn = k / _DIRECTIONS, k * np.pi * (3 - np.sqrt(5))
    flat = np.sqrt(1 - height**2)
    directions = np.column_stack([flat * np.cos(turn), flat * np.sin(turn), height])
    some = points[:: 1 + len(points) // 4000]
    along = some @ directions.T
    width = along.max(axis=0) - along.min(axis=0)
    longest = 0.0
    for direction in np.argsort(-width)[:4]:
        end = some[int(along[:, direction].argmax())]
        while True:
            square = ((points - end) ** 2).sum(axis=1)
            far = int(square.argmax())
            if square[far] <= longest * (1 + 1e-12):
                break
            longest, end = float(square[far]), points[far]
    return float(np.sqrt(longest))

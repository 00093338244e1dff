"""Areas of one plane laid over one another, until no two share an area."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtplan.errors import GeometryError

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from rtplan.geometry.planes import GeometryArray

NEARLY_MM = 0.1
"""Contours of one plane closer than this on average are the same contour stored twice."""
NEAR_BOUNDS_MM = 0.5
"""Contours whose bounds differ by less than this may be nearly the same."""
_MOST_PAIRS = 100_000
_MOST_ALIKE = 5_000


def resolve(parts: GeometryArray, met: Counter[str], *, is_xor: bool) -> GeometryArray:
    """Polygons (n,) of one plane as polygons that share no area; counts by code what it met.

    Raises
    ------
    GeometryError
        More contours overlap, or are nearly the same, than can be compared in pairs.
    """
    import shapely

    once = _stored_once(parts, is_xor=is_xor)
    if not is_xor:
        met["GEO003"] += len(parts) - len(once)
    parts = once
    first, second = _touching(parts)
    if not is_xor:
        equal, near = _nearly_equal(parts[first], parts[second])
        if near.any():
            met["GEO003"] += int(np.unique(second[equal]).size)
            met["GEO011"] += int(np.unique(second[near & ~equal]).size)
            return resolve(np.delete(parts, np.unique(second[near])), met, is_xor=is_xor)
        partly = shapely.overlaps(parts[first], parts[second])
        if partly.any():
            met["GEO001"] += 1
            parts = _join(parts, np.column_stack([first[partly], second[partly]]))
            first, second = _touching(parts)
        met["GEO010"] += int(shapely.covers(parts[first], parts[second]).sum())
        met["GEO010"] += int(shapely.covered_by(parts[first], parts[second]).sum())
    if not first.size:
        return parts
    labels = _clusters(len(parts), np.column_stack([first, second]))
    return np.array([exclusive(parts[labels == c]) for c in np.unique(labels)], dtype=object)


def exclusive(polygons: Iterable[BaseGeometry]) -> BaseGeometry:
    """What lies in an odd number of the polygons."""
    import shapely

    def odd(first: BaseGeometry, second: BaseGeometry) -> BaseGeometry:
        return _overlay(shapely.symmetric_difference, first, second)

    return reduce(odd, polygons)


def areas_only(geometry: BaseGeometry) -> BaseGeometry:
    """The polygons of a geometry, without the lines and points that a repair leaves."""
    import shapely

    parts = shapely.get_parts(geometry)
    parts = shapely.get_parts(parts)  # a collection may hold multipolygons
    return shapely.union_all(parts[shapely.get_dimensions(parts) == 2])


def _stored_once(parts: GeometryArray, *, is_xor: bool) -> GeometryArray:
    """Polygons without the copies of others; by exclusive or two copies are nothing."""
    import shapely

    stored = shapely.to_wkb(shapely.normalize(parts))
    _, index, count = np.unique(stored, return_index=True, return_counts=True)
    kept: GeometryArray = parts[np.sort(index[count % 2 == 1] if is_xor else index)]
    return kept


def _touching(parts: GeometryArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of polygons that share a point, the smaller index first."""
    import shapely

    first, second = shapely.STRtree(parts).query(parts)
    ordered = first < second
    first, second = first[ordered], second[ordered]
    if first.size > _MOST_PAIRS:
        raise GeometryError(
            f"{first.size} pairs of contours of one plane overlap, at most {_MOST_PAIRS} can be "
            "compared"
        )
    shapely.prepare(parts)
    met = shapely.intersects(parts[first], parts[second])
    return first[met], second[met]


def _nearly_equal(
    first: GeometryArray, second: GeometryArray
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of pairs of polygons: which are equal; which are, or lie less than NEARLY_MM apart."""
    import shapely

    bounds = np.abs(shapely.bounds(first) - shapely.bounds(second))
    near = bounds.max(axis=1, initial=0.0) < NEAR_BOUNDS_MM
    if near.sum() > _MOST_ALIKE:
        raise GeometryError(
            f"{near.sum()} pairs of contours of one plane are nearly alike, at most {_MOST_ALIKE} "
            "can be compared"
        )
    equal = near.copy()
    equal[near] = shapely.equals(first[near], second[near])
    for index in np.flatnonzero(near & ~equal).tolist():
        difference = _overlay(shapely.symmetric_difference, first[index], second[index])
        near[index] = difference.area < NEARLY_MM * shapely.length(first[index])
    return equal, near


def _join(parts: GeometryArray, pairs: NDArray[np.intp]) -> GeometryArray:
    """Polygons (n,), those connected by pairs (m, 2) replaced by their union."""
    import shapely

    labels = _clusters(len(parts), pairs)
    joined = [areas_only(shapely.union_all(parts[labels == c])) for c in np.unique(labels)]
    return np.array(joined, dtype=object)


def _clusters(count: int, pairs: NDArray[np.intp]) -> NDArray[np.intp]:
    """Label (count,) of the connected cluster that each item belongs to by pairs (m, 2)."""
    label = np.arange(count)
    while True:
        least = np.minimum(label[pairs[:, 0]], label[pairs[:, 1]])
        spread = label.copy()
        np.minimum.at(spread, pairs[:, 0], least)
        np.minimum.at(spread, pairs[:, 1], least)
        spread = spread[spread]
        if (spread == label).all():
            return label
        label = spread


def _overlay(
    operation: Callable[..., BaseGeometry], first: BaseGeometry, second: BaseGeometry
) -> BaseGeometry:
    """An overlay as polygons; on a lattice of 1e-6 mm where rounding makes it fail otherwise."""
    import shapely

    try:
        result = operation(first, second)
    except shapely.errors.GEOSException:
        result = operation(first, second, grid_size=1e-6)
    return result if result.geom_type in ("Polygon", "MultiPolygon") else areas_only(result)

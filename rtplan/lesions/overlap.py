"""How two bodies lie to each other: shared volume, and the gap between them.

Areas are exact polygon intersections; two slabs share volume over the height they have in
common, so planes need not coincide. Bodies drawn on planes of another direction are compared
by points on a lattice instead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import GeometryArray
from rtplan.lesions.bodies import Body, without_holes

_MANY_SLABS = 96  # common slabs above which a part of them is looked at first
_CLEAR = 0.05  # distance from a threshold at which that part is enough
_LATTICE = 24  # points along each axis for bodies on planes of different direction


def same_axes(first: Body, second: Body) -> bool:
    """Whether two bodies are drawn on parallel planes."""
    return bool(np.abs(first.axes - second.axes).max() < 1e-3)


def boxes_within(first: Body, second: Body, reach_mm: float) -> bool:
    """Whether the boxes of two bodies come within ``reach_mm`` of each other along every axis."""
    if same_axes(first, second):
        a, b = first.bounds_mm, second.bounds_mm
    else:
        a, b = _patient_box(first), _patient_box(second)
    return bool((a[0] < b[1] + reach_mm).all() and (b[0] < a[1] + reach_mm).all())


def shared_volume_mm3(
    first: Body, second: Body, *, thresholds: tuple[float, ...] | None = None
) -> float:
    """Volume that two bodies have in common, mm³.

    With ``thresholds`` (parts of the smaller body) it need only be right about these: of very many
    common slabs every n-th is taken where the part is well clear of all of them.
    """
    if not boxes_within(first, second, 0.0):
        return 0.0
    if not same_axes(first, second):
        return _shared_by_points(first, second)
    i, j, height = _common_slabs(first, second)
    if thresholds is not None and i.size > _MANY_SLABS:
        some = np.linspace(0, i.size - 1, _MANY_SLABS).round().astype(np.intp)
        area = _shared_area(first.sections[i[some]], second.sections[j[some]])
        estimate = float((area * height[some]).sum() * height.sum() / height[some].sum())
        part = estimate / min(first.volume_mm3, second.volume_mm3)
        if part > 0.1 and all(abs(part - t) > _CLEAR for t in thresholds):
            return min(estimate, first.volume_mm3, second.volume_mm3)
    return float((_shared_area(first.sections[i], second.sections[j]) * height).sum())


def gap_mm(first: Body, second: Body, *, reach_mm: float) -> float | None:
    """Shortest distance between the surfaces, mm; 0 where they touch; None beyond ``reach_mm``.

    Between bodies on planes of different direction the distance is not computed: None.
    """
    import shapely

    if not same_axes(first, second) or not boxes_within(first, second, reach_mm):
        return None
    apart = np.maximum(
        first.low_mm[:, None] - second.high_mm[None, :],
        second.low_mm[None, :] - first.high_mm[:, None],
    )
    apart = np.where(apart < 1e-6, 0.0, apart)
    i, j = np.nonzero(apart <= reach_mm)
    if not i.size:
        return None
    in_plane = shapely.distance(first.sections[i], second.sections[j])
    shortest = float(np.hypot(in_plane, apart[i, j]).min())
    return shortest if shortest <= reach_mm else None


def shares_projection(first: Body, second: Body) -> bool:
    """Whether the facing ends of two bodies apart along the normal overlap in projection."""
    import shapely

    lower, upper = (first, second) if first.low_mm[0] <= second.low_mm[0] else (second, first)
    if not same_axes(first, second) or upper.low_mm[0] < lower.high_mm[-1] - 1e-6:
        return False
    a, b = lower.sections[-1], upper.sections[0]
    shared = shapely.area(shapely.intersection(a, b))
    return bool(shared > 0.5 * min(shapely.area(a), shapely.area(b)))


def surrounds(outer: Body, inner: Body, *, part: float) -> bool:
    """Whether a hollow body holds so much of another in its hollow and its wall."""
    import shapely

    if not boxes_within(outer, inner, 0.0):
        return False
    if not shapely.get_num_interior_rings(shapely.get_parts(outer.sections)).any():
        return False
    return shared_volume_mm3(without_holes(outer), inner) >= part * inner.volume_mm3


def _common_slabs(
    first: Body, second: Body
) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    """Pairs of slabs with height in common, and that height."""
    # Slabs ascend, so those of the second that meet one of the first are consecutive.
    start = np.searchsorted(second.high_mm, first.low_mm + 1e-9, side="right")
    stop = np.searchsorted(second.low_mm, first.high_mm - 1e-9, side="left")
    sizes = np.maximum(stop - start, 0)
    i = np.repeat(np.arange(len(sizes)), sizes)
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    j = np.repeat(start, sizes) + within
    height = np.minimum(first.high_mm[i], second.high_mm[j]) - np.maximum(
        first.low_mm[i], second.low_mm[j]
    )
    return i, j, height


def _shared_area(first: GeometryArray, second: GeometryArray) -> FloatArray:
    """Areas of the pairwise intersections; cheap where one box is off the other."""
    import shapely

    a, b = shapely.bounds(first), shapely.bounds(second)
    meet = (a[:, :2] < b[:, 2:]).all(axis=1) & (a[:, 2:] > b[:, :2]).all(axis=1)
    area = np.zeros(len(first))
    area[meet] = shapely.area(shapely.intersection(first[meet], second[meet]))
    return area


def _patient_box(body: Body) -> FloatArray:
    """Box (2, 3) of a body along the patient's axes, mm."""
    low, high = body.bounds_mm
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T @ body.axes.T
    return np.array([corners.min(axis=0), corners.max(axis=0)])


def _contains(body: Body, points_mm: FloatArray) -> NDArray[np.bool_]:
    """Which points (n, 3), patient LPS, lie in a body."""
    import shapely

    local = points_mm @ body.axes
    slab = np.searchsorted(body.low_mm, local[:, 2], side="right") - 1
    inside = (slab >= 0) & (local[:, 2] < body.high_mm[np.maximum(slab, 0)])
    picked = np.flatnonzero(inside)
    sections = body.sections[slab[picked]]
    inside[picked] = shapely.contains_xy(sections, local[picked, 0], local[picked, 1])
    return inside


def _shared_by_points(first: Body, second: Body) -> float:
    """Shared volume by a lattice of points over the common box."""
    a, b = _patient_box(first), _patient_box(second)
    low, high = np.maximum(a[0], b[0]), np.minimum(a[1], b[1])
    fractions = (np.arange(_LATTICE) + 0.5) / _LATTICE
    along = [lo + fractions * (hi - lo) for lo, hi in zip(low, high, strict=True)]
    points = np.array(np.meshgrid(*along, indexing="ij")).reshape(3, -1).T
    inside = _contains(first, points) & _contains(second, points)
    return float(inside.mean() * np.prod(high - low))

"""The slow twins of ``lesions.measures`` and ``lesions.distances``: every pair, every chord."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from scipy.spatial.distance import cdist
from shapely.geometry.base import BaseGeometry

from rtplan.geometry.grid import FloatArray
from rtplan.lesions.bodies import Body

JUST = 1e-7


def longest_mm(points: FloatArray) -> float:
    """Longest distance of all pairs of points (n, d)."""
    return max(float(cdist(some, points).max()) for some in np.array_split(points, 20) if len(some))


def widest_across_mm(outline: BaseGeometry, direction: FloatArray) -> float:
    """Longest chord across a direction, of lines just before and just behind every vertex."""
    turn = np.array([direction, [-direction[1], direction[0]]])
    turned = shapely.transform(outline, lambda p: p @ turn.T)
    _, low, _, high = turned.bounds
    longest = 0.0
    for height in np.unique(shapely.get_coordinates(turned)[:, 0]):
        for at in (height - JUST, height + JUST):
            line = shapely.LineString([(at, low - 1), (at, high + 1)])
            chords = shapely.get_parts(turned.intersection(line))
            longest = max([longest, *shapely.length(chords).tolist()])
    return longest


def surface_distance_mm(first: Sequence[Body], second: Sequence[Body]) -> float:
    """Shortest distance of all pairs of prisms of bodies on planes of one direction."""
    return min(
        float(np.hypot(shapely.distance(own, its), max(a[0] - b[1], b[0] - a[1], 0.0)))
        for one in first
        for own, *a in zip(one.sections, one.low_mm, one.high_mm, strict=True)
        for other in second
        for its, *b in zip(other.sections, other.low_mm, other.high_mm, strict=True)
    )


def label_statistics(inside: Any, step_mm: float, origin_mm: Sequence[float]) -> Any:
    """SimpleITK's shape statistics of the one label of a mask (k, j, i)."""
    import SimpleITK

    sitk: Any = SimpleITK
    image = sitk.GetImageFromArray(inside.astype(np.uint8))
    image.SetSpacing((step_mm,) * 3)
    image.SetOrigin(tuple(origin_mm))
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.ComputeFeretDiameterOn()
    statistics.Execute(image)
    return statistics

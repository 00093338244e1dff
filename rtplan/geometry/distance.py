"""Signed distances to cross-sections on a small local raster.

The distance at a node is exact but for the choice of the nearest edge, which is that of the
nearest piece of a densified contour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.grid import FloatArray

Rings = tuple[FloatArray, ...]
"""Rings (n, 2) mm of a cross-section: outer counter-clockwise, holes clockwise, never crossing."""

MARGIN_STEPS = 1
MOST_NODES = 20_000
"""A raster gets coarser rather than larger."""
FAR_STEPS = 1e3
"""Distance, in steps, of nodes where it does not matter."""


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """Nodes at ``origin_mm + step_mm * (column, row)``.

    Parameters
    ----------
    origin_mm : (2,) float
    step_mm : float
    rows, columns : int
    """

    origin_mm: FloatArray
    step_mm: float
    rows: int
    columns: int

    @property
    def u_mm(self) -> FloatArray:
        """Positions of the columns, (columns,) mm."""
        return np.asarray(self.origin_mm[0] + self.step_mm * np.arange(self.columns))

    @property
    def v_mm(self) -> FloatArray:
        """Positions of the rows, (rows,) mm."""
        return np.asarray(self.origin_mm[1] + self.step_mm * np.arange(self.rows))


def raster_around(points: FloatArray, step_mm: float, *, margin_mm: float = 0.0) -> Raster:
    """A raster around (0, 0), a node there, that holds points (n, 2) mm with ``margin_mm`` and
    MARGIN_STEPS beside them, of MOST_NODES nodes or little more.

    It is the same for points turned by a quarter or mirrored.
    """
    width, height = np.abs(points).max(axis=0) + margin_mm
    step = max(step_mm, float(np.sqrt(4 * width * height / MOST_NODES)))
    columns = int(np.ceil(width / step)) + MARGIN_STEPS
    rows = int(np.ceil(height / step)) + MARGIN_STEPS
    origin = -step * np.array([columns, rows], dtype=float)
    return Raster(origin, step, 2 * rows + 1, 2 * columns + 1)


def signed_distances_mm(
    contours: Sequence[Rings],
    raster: Raster,
    pairs: Sequence[tuple[int, int, bool]],
    *,
    beside: int,
) -> FloatArray:
    """Distance of nodes to cross-sections, (contours, rows, columns) mm, negative inside.

    Parameters
    ----------
    contours : sequence of tuples of (n, 2) float
    raster : Raster
    pairs : sequence of (int, int, bool)
        Contours between which distances are going to be interpolated, and whether towards
        nothing inside the first. They are exact where that takes place: within ``beside`` nodes
        of either contour, where only one of both is, and inside. Elsewhere they are ``FAR_STEPS``.
    beside : int
    """
    from scipy.ndimage import maximum_filter, minimum_filter
    from scipy.spatial import cKDTree

    edges = [_edges(tuple(_thinned(ring, raster.step_mm) for ring in rings)) for rings in contours]
    inside = np.stack([_inside(start, stop, raster) for start, stop in edges])
    size = (1, 2 * beside + 1, 2 * beside + 1)
    rim = maximum_filter(inside, size) != minimum_filter(inside, size)
    wanted = rim.copy()
    for near, other, is_cap in pairs:
        both = rim[near] | rim[other] | (inside[near] != inside[other])
        if is_cap:
            both |= inside[near]
        wanted[near] |= both
        wanted[other] |= both
    start, stop = (np.concatenate(part) for part in zip(*edges, strict=True))
    along = stop - start
    owner = np.repeat(np.arange(len(edges)), [len(part[0]) for part in edges])
    count = np.maximum(1, np.ceil(np.hypot(*along.T) / raster.step_mm)).astype(np.intp)
    edge = np.repeat(np.arange(count.size), count)
    number = np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count)
    middle = start[edge] + along[edge] * ((number + 0.5) / count[edge])[:, None]
    # One tree for all contours, far apart along a third axis.
    apart = 4 * raster.step_mm * (raster.rows + raster.columns)
    layer, row, column = np.nonzero(wanted)
    nodes = np.column_stack([raster.u_mm[column], raster.v_mm[row]])
    tree = cKDTree(np.column_stack([middle, apart * owner[edge]]), balanced_tree=False)
    nearest = edge[tree.query(np.column_stack([nodes, apart * layer]))[1]]
    away, direction = nodes - start[nearest], along[nearest]
    length2 = np.maximum((direction**2).sum(axis=1), 1e-30)
    part = np.clip((away * direction).sum(axis=1) / length2, 0.0, 1.0)
    distance = np.full(inside.shape, FAR_STEPS * raster.step_mm)
    distance[layer, row, column] = np.hypot(*(away - part[:, None] * direction).T)
    return np.asarray(np.where(inside, -distance, distance))


def _edges(rings: Rings) -> tuple[FloatArray, FloatArray]:
    """Start and end of each edge of some rings, (n, 2) mm each."""
    return np.concatenate(rings), np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])


def _thinned(ring: FloatArray, step_mm: float) -> FloatArray:
    """Every few vertices of a ring drawn much more finely than the raster can tell."""
    every = int(step_mm / 3 * len(ring) / length_mm(ring))
    return ring[:: min(every, len(ring) // 24)] if every > 1 and len(ring) >= 48 else ring


def _inside(start: FloatArray, stop: FloatArray, raster: Raster) -> NDArray[np.bool_]:
    """Whether each node has an odd number of edge crossings to its left."""
    v = raster.v_mm
    above = start[:, 1] > v[:, None]
    row, edge = np.nonzero(above != (stop[:, 1] > v[:, None]))
    start, along = start[edge], stop[edge] - start[edge]
    x = start[:, 0] + (v[row] - start[:, 1]) * along[:, 0] / along[:, 1]
    column = np.ceil((x - raster.origin_mm[0]) / raster.step_mm)
    column = np.clip(column, 0, raster.columns).astype(np.intp)
    flat = row * (raster.columns + 1) + column
    hits = np.bincount(flat, minlength=raster.rows * (raster.columns + 1))
    crossed = np.cumsum(hits.reshape(raster.rows, -1), axis=1)[:, :-1]
    return np.asarray(crossed % 2 == 1)


def length_mm(ring: FloatArray) -> float:
    """Length of a closed ring (n, 2), mm."""
    return float(np.hypot(*(np.roll(ring, -1, axis=0) - ring).T).sum())

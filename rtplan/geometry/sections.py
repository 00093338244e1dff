"""Cross-sections of lofts: what they cover of grid cells at positions between their contours.

A section lies where ``(1 - t) phi0 + t phi1`` is below a level, with the signed distances phi to
the two contours, each seen from its own centroid; the level is the one at which the area is that
of the loft's profile. It is less where the two contours differ less, so that a flat side that both
share stays where it is. The section's centroid moves from the one to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtplan.geometry.distance import BAND, Raster, Rings, raster_around, signed_distances_mm
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.levels import cover_levels, levels_of
from rtplan.geometry.loft import Loft, centroid_mm, distinct
from rtplan.geometry.raster import Coverage, IndexArray, Lines

_EVEN_STEPS = 0.05  # a level up to this moves the outline evenly
_DECIMALS = 9
_STILL_MM = 1e-3  # an outline that moves less stands still
_LEAST = 0.02  # part of the level that counts even there
_CORRECT = 1e-3  # of the area: the level is not mended for less
_NEAR_STEPS = 1.0  # the outline moves further from both contours: distances are needed everywhere
_SMALLEST = 0.5  # of the wanted area: a section that the grid shows so badly is put into one cell


def sections(
    lofts: Sequence[Loft], distances_mm: Sequence[FloatArray], u: Lines, v: Lines
) -> Coverage:
    """Coverage of the cells between lines by sections of lofts, one layer after another.

    Parameters
    ----------
    lofts : sequence of Loft
    distances_mm : sequence of (m,) float
        For each loft, the distances from its base at which it is cut.
    u, v : Lines
        They reach beyond the lofts on every side.
    """
    step = _step_mm(u, v)
    placed = _placed(lofts, distances_mm, u, v, step_mm=step)
    inner = ~np.repeat([loft.is_cap for loft in lofts], [d.size for d in distances_mm])
    reach = float(np.abs(placed.level_mm[inner]).max(initial=0.0))
    if reach > (BAND - 1) * step:
        placed = _placed(lofts, distances_mm, u, v, step_mm=step, reach_mm=2 * reach)
    return _covered(placed, u, v)


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """Sections as level sets at grid nodes.

    A section lies where ``field`` (m, v lines, u lines) is below ``level_mm`` (m,) times
    ``weight`` (m, v lines, u lines, or 1 each), and ``beside_mm`` (m, v lines, u lines) is below 0;
    it has ``area_mm2`` (m,) around ``centre`` (m, 2).
    """

    field: FloatArray
    weight: FloatArray
    level_mm: FloatArray
    area_mm2: FloatArray
    centre: FloatArray
    beside_mm: FloatArray


def _placed(
    lofts: Sequence[Loft],
    distances_mm: Sequence[FloatArray],
    u: Lines,
    v: Lines,
    *,
    step_mm: float,
    reach_mm: float = 0.0,
) -> _Placed:
    """Sections of lofts at grid nodes; ``reach_mm``: as far from the contours as they are looked
    for, if further than a few nodes."""
    contours, ends = distinct((loft.near, loft.other) for loft in lofts)
    centres = np.array([centroid_mm(rings) for rings in contours])
    raster, phi = _fields(contours, centres, ends, lofts, step_mm=step_mm, reach_mm=reach_mm)
    which = np.repeat(np.arange(len(lofts)), [d.size for d in distances_mm])
    at = np.concatenate(distances_mm)
    length = np.array([loft.length_mm for loft in lofts])[which]
    further = np.array([loft.further for loft in lofts])[which] * at / length
    near, other = ends[which, 0], ends[which, 1]
    change = phi[other] - phi[near]
    blend = phi[near] + further[:, None, None] * change
    # A cap lies within its contour, whatever the distances beyond would make of it.
    is_cap = np.array([loft.is_cap for loft in lofts])[which]
    blend[is_cap] = np.maximum(blend[is_cap], phi[near[is_cap]])
    centre = centres[near] + further[:, None] * (centres[other] - centres[near])
    field = _on_lines(blend, raster, centre, u, v)
    area = np.concatenate(
        [loft.profile.area_at_mm2(d) for loft, d in zip(lofts, distances_mm, strict=True)]
    )
    weight = np.ones((1, 1, 1))
    level = levels_of(field, weight, area, u, v)
    if np.abs(level).max() > _EVEN_STEPS * step_mm:
        moved = np.abs(change, out=change)
        moved += _STILL_MM
        moved /= _rim_mean(moved, blend, raster.step_mm)[:, None, None]
        unlike = np.array([len(loft.near) != len(loft.other) for loft in lofts])[which]
        moved[unlike] = 1.0
        weight = _on_lines(np.clip(moved, _LEAST, 1.0, out=moved), raster, centre, u, v)
        level = levels_of(field, weight, area, u, v)
    return _Placed(field, weight, level, area, centre, _beside(lofts, u, v)[which])


def _beside(lofts: Sequence[Loft], u: Lines, v: Lines) -> FloatArray:
    """How far nodes lie beyond the box in which a loft has its sections, (lofts, v lines, u lines)
    mm, negative within: it holds both contours, and by how much the loft bulges."""
    beside = np.empty((len(lofts), v.positions_mm.size, u.positions_mm.size))
    for number, loft in enumerate(lofts):
        points = np.concatenate([*loft.near, *loft.far])
        low, high = points.min(axis=0) - loft.outside_mm, points.max(axis=0) + loft.outside_mm
        along_u = np.maximum(low[0] - u.positions_mm, u.positions_mm - high[0])
        along_v = np.maximum(low[1] - v.positions_mm, v.positions_mm - high[1])
        beside[number] = np.maximum(along_v[:, None], along_u)
    return beside


def _rim_mean(values: FloatArray, field: FloatArray, step_mm: float) -> FloatArray:
    """Means of values (m, ...) where a field is nearly 0, (m,)."""
    rim = np.abs(field) < step_mm
    count = np.maximum(rim.sum(axis=(1, 2)), 1)
    mean = np.sum(values, axis=(1, 2), where=rim) / count
    return np.asarray(np.maximum(mean, _STILL_MM))


def _covered(placed: _Placed, u: Lines, v: Lines) -> Coverage:
    """Coverage of cells by sections, with their areas."""
    weight, area_mm2 = placed.weight, placed.area_mm2
    cells = np.diff(v.positions_mm)[:, None] * np.diff(u.positions_mm)
    field = placed.field - placed.level_mm[:, None, None] * weight
    first = cover_levels(np.maximum(field, placed.beside_mm), u, v)
    found = np.einsum("lvu,vu->l", first.fraction, cells)
    off = np.abs(found - area_mm2) > _CORRECT * area_mm2
    if off.any():
        on_rim = first.fraction * (1 - first.fraction)
        share = 6 * np.sum(np.broadcast_to(weight, field.shape)[:, 1:, 1:] * on_rim, axis=(1, 2))
        step = float(np.sqrt(cells.mean()))
        level = (area_mm2 - found) / (np.maximum(share, 0.1) * step)
        level = np.where(off, np.clip(level, -step / 2, step / 2), 0.0)
        field -= level[:, None, None] * weight
        first = cover_levels(np.maximum(field, placed.beside_mm), u, v)
        found = np.einsum("lvu,vu->l", first.fraction, cells)
    lost = np.flatnonzero((found < _SMALLEST * area_mm2) | (found > area_mm2 / _SMALLEST))
    if lost.size:
        _put_into_cells(first, lost, area_mm2, placed.centre, u, v)
    return first


def _put_into_cells(
    coverage: Coverage,
    layers: IndexArray,
    area_mm2: FloatArray,
    centre: FloatArray,
    u: Lines,
    v: Lines,
) -> None:
    """Sections too small for the grid: their whole area in the cell of their centroid."""
    column, row = u.cell(centre[layers, 0]), v.cell(centre[layers, 1])
    cell = np.diff(u.positions_mm)[column] * np.diff(v.positions_mm)[row]
    coverage.fraction[layers] = 0.0
    coverage.fraction[layers, row, column] = np.minimum(area_mm2[layers] / cell, 1.0)
    coverage.u[layers, row, column] = u.fraction(centre[layers, 0], column)
    coverage.v[layers, row, column] = v.fraction(centre[layers, 1], row)


def _step_mm(u: Lines, v: Lines) -> float:
    """The usual distance of grid lines, mm, without the rounding of how the grid is stored."""
    steps = np.concatenate([np.diff(u.positions_mm), np.diff(v.positions_mm)])
    return round(float(np.median(steps)), _DECIMALS)


def _fields(
    contours: Sequence[Rings],
    centres: FloatArray,
    ends: IndexArray,
    lofts: Sequence[Loft],
    *,
    step_mm: float,
    reach_mm: float,
) -> tuple[Raster, FloatArray]:
    """Signed distances to contours around their centroids, (contours, rows, columns) mm.

    They are exact near the contours and where the two ends of a loft differ, and only the sign is
    right elsewhere.
    """
    local = [
        tuple(ring - centre for ring in rings)
        for rings, centre in zip(contours, centres, strict=True)
    ]
    outside = [loft.outside_mm for loft in lofts]
    points = np.concatenate([ring for rings in local for ring in rings])
    raster = raster_around(points, step_mm, margin_mm=2 * max(outside) + reach_mm)
    everywhere = np.full(len(contours), reach_mm > 0)
    for pair, loft, out in zip(ends.tolist(), lofts, outside, strict=True):
        if len(loft.near) != len(loft.other) or out > _NEAR_STEPS * raster.step_mm:
            everywhere[pair] = True
    pairs = [(n, o, loft.is_cap) for (n, o), loft in zip(ends.tolist(), lofts, strict=True)]
    return raster, signed_distances_mm(local, raster, pairs, everywhere)


def _on_lines(
    blend: FloatArray, raster: Raster, centre: FloatArray, u: Lines, v: Lines
) -> FloatArray:
    """Fields (m, rows, columns) around centres (m, 2), at grid nodes: (m, v lines, u lines)."""
    rows, at_v = _neighbours(v.positions_mm - centre[:, 1:], raster.v_mm)
    columns, at_u = _neighbours(u.positions_mm - centre[:, :1], raster.u_mm)
    layer = np.arange(len(blend))[:, None]
    lines = blend[layer, rows] * (1 - at_v[..., None]) + blend[layer, rows + 1] * at_v[..., None]
    layer, row = layer[:, :, None], np.arange(v.positions_mm.size)[:, None]
    columns, at_u = columns[:, None], at_u[:, None]
    low, high = lines[layer, row, columns], lines[layer, row, columns + 1]
    return np.asarray(low * (1 - at_u) + high * at_u)


def _neighbours(position: FloatArray, nodes: FloatArray) -> tuple[IndexArray, FloatArray]:
    """Node below each position and how far it is to the next, 0 .. 1, ends held beyond them."""
    place = np.clip((position - nodes[0]) / (nodes[1] - nodes[0]), 0.0, nodes.size - 1.0)
    lower = np.minimum(place.astype(np.intp), nodes.size - 2)
    return lower, place - lower

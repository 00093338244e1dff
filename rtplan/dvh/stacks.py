"""Stacks: a solid cut into thin layers on the lattice of a dose field.

A layer is what the solid covers of each cell between two positions along the normal: of a slab the
same all along; of a loft it passes from the section at its lower face to that at its upper face.
Where a loft's outline moves by less than a cell from one contour to the next, the contours' own
coverage is blended; where it moves further, sections between are found (``geometry.sections``).
Either way a layer has exactly the volume of the loft's profile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.distance import length_mm
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.loft import Loft, distinct
from rtplan.geometry.planes import signed_area_mm2
from rtplan.geometry.raster import Coverage, IndexArray, Lines, cover
from rtplan.geometry.sections import sections
from rtplan.geometry.solid import Slab, Solid

CHUNK_CELLS = 100_000
LAYER_CELLS = 1_000_000
"""Cells of the cross-sections that are held at once."""
SWEPT = 3e-4
"""Part of a structure that may be wholly swept by the outline, between two contours, without
sections between them."""
BULGE = 0.1
"""Cells by which an outline halfway lies beyond the blend, above which sections are found."""
_WHOLLY = 0.75
_MOST_CUTS = 24
_RESOLVED_STEPS = 2.0
_MARGIN = 2
_MOST_BEYOND = 64
_SAME_MM = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Node positions of a dose field, and into how many parts cells are cut along the normal."""

    u_mm: FloatArray
    v_mm: FloatArray
    n_mm: FloatArray
    factor: int


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """Layers of a solid on a lattice.

    Parameters
    ----------
    low_mm, high_mm : (m,) float
        Lower and upper face.
    section : (m,) int
        Which of the s cross-sections each layer has.
    fraction : (s, v cells, u cells) float
        Covered part of each cell of a layer.
    u, v : (s, v cells, u cells) float
        Centroid of that part in its cell, 0 .. 1.
    n : (s, v cells, u cells) float or None
        Its centroid between the faces, 0 .. 1; None where it is halfway everywhere.
    """

    low_mm: FloatArray
    high_mm: FloatArray
    section: IndexArray
    fraction: FloatArray
    u: FloatArray
    v: FloatArray
    n: FloatArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Cross-sections at which a solid's dose may be least or greatest.

    Parameters
    ----------
    layer, other : (m,) int
        Of ``coverage``: nodes inside both count; outlines where both are the same.
    position_mm : (m,) float
        Along the normal.
    coverage : Coverage
    points_mm : (k, 3) float
        Points (u, v, n) besides: the tips of caps.
    """

    layer: IndexArray
    other: IndexArray
    position_mm: FloatArray
    coverage: Coverage
    points_mm: FloatArray


def stacks(solid: Solid, lattice: Lattice) -> Iterator[Layers | Faces]:
    """Layers and faces of a solid, a limited number of cells at a time."""
    u, v = Lines(lattice.u_mm), Lines(lattice.v_mm)
    size = max(1, CHUNK_CELLS // (u.cells * v.cells))
    for start in range(0, len(solid.slabs), size):
        yield from _of_slabs(solid.slabs[start : start + size], u, v, lattice)
    if solid.lofts:
        yield from _of_lofts(solid, lattice)


def cuts(low_mm: float, high_mm: float, nodes: FloatArray, factor: int) -> FloatArray:
    """Positions at which a stretch is cut: its faces within the grid, dose planes, refinement."""
    low, high = max(low_mm, nodes[0]), min(high_mm, nodes[-1])
    if not high > low:
        return np.empty(0)
    between = nodes[(nodes > low) & (nodes < high)]
    faces = np.concatenate([[low], between, [high]])
    if factor == 1:
        return faces
    steps = np.diff(nodes)[np.searchsorted(nodes, faces[:-1], side="right") - 1] / factor
    parts = [
        np.linspace(a, b, max(1, int(np.ceil((b - a) / step - 1e-9))), endpoint=False)
        for (a, b), step in zip(pairwise(faces), steps, strict=True)
    ]
    return np.concatenate([*parts, [high]])


def _of_slabs(
    slabs: Sequence[Slab], u: Lines, v: Lines, lattice: Lattice
) -> Iterator[Layers | Faces]:
    """Layers and faces of slabs that are covered at once."""
    coverage = cover([slab.plane.rings for slab in slabs], u, v)
    size = max(1, CHUNK_CELLS // coverage.fraction[0].size)
    every = [cuts(s.low_mm, s.high_mm, lattice.n_mm, lattice.factor) for s in slabs]
    owner = np.repeat(np.arange(len(slabs)), [max(0, c.size - 1) for c in every])
    low = np.concatenate([c[:-1] for c in every])
    high = np.concatenate([c[1:] for c in every])
    for start in range(0, owner.size, size):
        part = slice(start, start + size)
        yield Layers(low[part], high[part], owner[part], coverage.fraction, coverage.u, coverage.v)
    faces = [cuts(s.low_mm, s.high_mm, lattice.n_mm, 1) for s in slabs]
    owner = np.repeat(np.arange(len(slabs)), [face.size for face in faces])
    position = np.concatenate(faces)
    for start in range(0, owner.size, size):
        part = slice(start, start + size)
        yield Faces(owner[part], owner[part], position[part], coverage, np.empty((0, 3)))


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """A loft between its cuts.

    ``at`` (k,) are ascending distances from the base, ``near`` and ``far`` layers of its contours.
    ``inner`` is the layer of the first section between, None where there are none and the contours
    are blended. Sections are at the cuts and halfway between.
    """

    loft: Loft
    at: FloatArray
    near: int
    far: int
    inner: int | None = None

    @property
    def sections_mm(self) -> FloatArray:
        """Distances of the cuts and of the places halfway between, (2 k - 1,)."""
        return np.insert(self.at, np.arange(1, self.at.size), (self.at[1:] + self.at[:-1]) / 2)

    @property
    def layers(self) -> IndexArray:
        """Layer at each of ``sections_mm``."""
        at = self.sections_mm
        layer = np.where(at > self.loft.length_mm / 2, self.far, self.near)
        if self.inner is not None:
            within = between_ends(at, self.loft)
            layer[within] = self.inner + np.arange(int(within.sum()))
        return layer


def between_ends(at: FloatArray, loft: Loft) -> NDArray[np.bool_]:
    """Whether distances from the base of a loft are neither at its base nor at its far end."""
    return np.asarray((at > _SAME_MM) & (at < loft.length_mm - _SAME_MM))


def _of_lofts(solid: Solid, lattice: Lattice) -> Iterator[Layers | Faces]:
    """Layers and faces of all lofts, those that lie side by side at once."""
    low, high = solid.bounds_mm
    u, before_u = _widened(lattice.u_mm, low[0], high[0])
    v, before_v = _widened(lattice.v_mm, low[1], high[1])
    rows = slice(before_v, before_v + lattice.v_mm.size - 1)
    columns = slice(before_u, before_u + lattice.u_mm.size - 1)
    lofts = sorted(solid.lofts, key=lambda loft: (loft.low_mm, loft.high_mm))
    size = max(1, LAYER_CELLS // (u.cells * v.cells) // 6)
    for start in range(0, len(lofts), size):
        coverage, found = _sections_of(
            lofts[start : start + size], u, v, lattice, 1000 * solid.volume_cc
        )
        for layers in _layers(found, coverage, u, v):
            yield replace(
                layers,
                fraction=layers.fraction[:, rows, columns],
                u=layers.u[:, rows, columns],
                v=layers.v[:, rows, columns],
                n=None if layers.n is None else layers.n[:, rows, columns],
            )
        yield _faces(found, _cropped(coverage, rows, columns))


def _widened(nodes: FloatArray, low: float, high: float) -> tuple[Lines, int]:
    """Grid lines that reach beyond ``low`` and ``high``, and how many come before ``nodes``.

    Beyond the nodes there is no dose, only volume: far out lines may be wider apart.
    """
    left = _outwards(nodes[1] - nodes[0], nodes[0] - low)
    right = _outwards(nodes[-1] - nodes[-2], high - nodes[-1])
    return Lines(np.concatenate([nodes[0] - left[::-1], nodes, nodes[-1] + right])), left.size


def _outwards(step: float, reach: float) -> FloatArray:
    """Ascending distances of lines beyond the last node, to ``reach`` and a margin."""
    count = max(0, int(np.ceil(reach / step))) + _MARGIN
    if count > _MOST_BEYOND:
        step, count = reach / (_MOST_BEYOND - _MARGIN), _MOST_BEYOND
    return np.asarray(step * np.arange(1, count + 1))


def _sections_of(
    lofts: Sequence[Loft], u: Lines, v: Lines, lattice: Lattice, volume_mm3: float
) -> tuple[Coverage, list[_Cut]]:
    """Coverage by the contours of lofts and by sections between, and where each loft has them."""
    contours, ends = distinct((loft.near, loft.far) for loft in lofts)
    coverage = cover(contours, u, v)
    found, shaped, inner = [], [], len(contours)
    for loft, (near, far) in zip(lofts, ends.tolist(), strict=True):
        faces = cuts(loft.low_mm, loft.high_mm, lattice.n_mm, lattice.factor)
        if not faces.size:
            continue
        count = _pieces(loft, coverage.fraction[near], coverage.fraction[far], u, v, volume_mm3)
        if count:
            faces = np.unique(np.append(faces, np.linspace(faces[0], faces[-1], count + 1)))
            faces = faces[np.append(True, np.diff(faces) > _SAME_MM)]
        cut = _Cut(loft, np.sort(loft.sign * (faces - loft.base_mm)), near, far)
        if count:
            cut = replace(cut, inner=inner)
            at = cut.sections_mm
            shaped.append((loft, at[between_ends(at, loft)]))
            inner += shaped[-1][1].size
        found.append(cut)
    if shaped:
        between_contours = sections([s[0] for s in shaped], [s[1] for s in shaped], u, v)
        coverage = _joined(coverage, between_contours)
    return coverage, found


def _pieces(
    loft: Loft, near: FloatArray, far: FloatArray, u: Lines, v: Lines, volume_mm3: float
) -> int:
    """Into how many pieces a loft is to be cut at least, with sections between; 0 where a blend of
    what its two contours cover (v cells, u cells) does. ``volume_mm3`` is the whole structure's."""
    step = float(np.median(np.diff(u.positions_mm)))
    cell = step * float(np.median(np.diff(v.positions_mm)))
    change = np.abs(near - far)
    rim = max(int(np.count_nonzero((near > 0) & (near < 1))), 1)
    swept = change[change > _WHOLLY].sum() * cell
    bulge = abs(loft.profile.bulge_mm2)
    matters = max(swept, bulge) * loft.length_mm > SWEPT * volume_mm3
    moves = swept > SWEPT * loft.profile.area_mm2 or bulge > BULGE * rim * cell
    if not (matters and moves and _resolved(loft, step)):
        return 0
    return int(np.clip(np.ceil(change.sum() / rim), 1, _MOST_CUTS))


def _resolved(loft: Loft, step_mm: float) -> bool:
    """Whether the thicker end of a loft is thick enough for grid lines to show it."""
    thickness = [
        2 * sum(map(signed_area_mm2, rings)) / sum(map(length_mm, rings))
        for rings in (loft.near, loft.other)
    ]
    return max(thickness) >= _RESOLVED_STEPS * step_mm


def _layers(found: Sequence[_Cut], coverage: Coverage, u: Lines, v: Lines) -> Iterator[Layers]:
    """Layers of lofts between their cuts."""
    size = max(1, CHUNK_CELLS // coverage.fraction[0].size)
    area = np.diff(v.positions_mm)[:, None] * np.diff(u.positions_mm)
    blended = [_blended(cut) for cut in found if cut.inner is None]
    shaped = [_shaped(cut) for cut in found if cut.inner is not None]
    for tables, between in ((blended, _blend), (shaped, _between)):
        if not tables:
            continue
        table = [np.concatenate(column) for column in zip(*tables, strict=True)]
        for start in range(0, len(table[0]), size):
            yield between(coverage, area, *(part[start : start + size] for part in table))


def _blended(cut: _Cut) -> tuple[IndexArray, FloatArray, FloatArray, FloatArray]:
    """Of layers that blend two contours: (m, 2) the contours, (m, 2) how far it is from the first
    to the second at the faces, (m, 2) positions of the faces, (m,) volumes, mm³."""
    part = cut.at / cut.loft.length_mm
    faces, volume = _faces_and_volumes(cut)
    parts = np.column_stack([part[:-1], part[1:]])[:, :: int(cut.loft.sign)]
    return np.tile([cut.near, cut.far], (len(parts), 1)), parts, faces, volume


def _centroids(
    coverage: Coverage, layer: IndexArray, other: IndexArray
) -> tuple[FloatArray, FloatArray]:
    """Centroids (u, v) of what some layers cover of cells; of nothing where others cover a part:
    the place on the cell's border from which that part grows."""
    u, v = coverage.u[layer], coverage.v[layer]
    grown = (coverage.fraction[layer] == 0) & (coverage.fraction[other] > 0)
    to_u, to_v = coverage.u[other][grown] - 0.5, coverage.v[other][grown] - 0.5
    reach = np.maximum(np.maximum(np.abs(to_u), np.abs(to_v)), 1e-9)
    u[grown], v[grown] = 0.5 + to_u / reach / 2, 0.5 + to_v / reach / 2
    return u, v


def _shaped(cut: _Cut) -> tuple[IndexArray, FloatArray, FloatArray]:
    """Of layers with sections at both faces and halfway: (m, 3) the sections, (m, 2) positions of
    the faces, (m,) volumes, mm³."""
    at = cut.layers
    layers = np.column_stack([at[:-2:2], at[1:-1:2], at[2::2]])[:, :: int(cut.loft.sign)]
    return (layers, *_faces_and_volumes(cut))


def _faces_and_volumes(cut: _Cut) -> tuple[FloatArray, FloatArray]:
    """Positions (m, 2) of the lower and upper faces of layers, and their volumes (m,), mm³."""
    position = cut.loft.base_mm + cut.loft.sign * cut.at
    faces = np.column_stack([position[:-1], position[1:]])[:, :: int(cut.loft.sign)]
    return faces, np.maximum(np.diff(cut.loft.profile.volume_mm3(cut.at)), 0.0)


def _blend(
    coverage: Coverage,
    area_mm2: FloatArray,
    contours: IndexArray,
    parts: FloatArray,
    faces_mm: FloatArray,
    volume_mm3: FloatArray,
) -> Layers:
    """The layers of ``_blended``: fractions and centroids pass evenly from one contour's to the
    other's, which is exact for an outline that moves along an edge of a cell."""
    first, second = contours.T
    low, high = parts.T[..., None, None]
    one, other = coverage.fraction[first], coverage.fraction[second]
    change = other - one
    mean, square = (low + high) / 2, (low * low + low * high + high * high) / 3
    fraction = one + mean * change
    onward = one * mean + change * square
    safe = np.where(fraction > 0, fraction, 1.0)
    part = onward / safe
    ends = [_centroids(coverage, a, b) for a, b in ((first, second), (second, first))]
    u, v = (here * (1 - part) + there * part for here, there in zip(*ends, strict=True))
    n = 0.5 + (high - low) * change / (12 * safe)
    return _layers_of(fraction, u, v, n, area_mm2, faces_mm, volume_mm3)


def _between(
    coverage: Coverage,
    area_mm2: FloatArray,
    sections: IndexArray,
    faces_mm: FloatArray,
    volume_mm3: FloatArray,
) -> Layers:
    """The layers of ``_shaped``, by Simpson's rule."""
    shape = (len(sections), *area_mm2.shape)
    fraction, u, v, n = (np.zeros(shape) for _ in range(4))
    for layer, weight, height in zip(
        sections.T, (1 / 6, 4 / 6, 1 / 6), (0.0, 0.5, 1.0), strict=True
    ):
        part = weight * coverage.fraction[layer]
        fraction += part
        u += part * coverage.u[layer]
        v += part * coverage.v[layer]
        n += part * height
    safe = np.where(fraction > 0, fraction, 1.0)
    return _layers_of(fraction, u / safe, v / safe, n / safe, area_mm2, faces_mm, volume_mm3)


def _layers_of(
    fraction: FloatArray,
    u: FloatArray,
    v: FloatArray,
    n: FloatArray,
    area_mm2: FloatArray,
    faces_mm: FloatArray,
    volume_mm3: FloatArray,
) -> Layers:
    low, high = faces_mm.T
    area = _with_volume(fraction, area_mm2, volume_mm3 / (high - low))
    return Layers(low, high, np.arange(low.size), area / area_mm2, u, v, n)


def _with_volume(fraction: FloatArray, cells: FloatArray, wanted: FloatArray) -> FloatArray:
    """Covered areas of cells (m, ...), mm², that add up to wanted ones (m,): what is missing goes
    to the cells of the rim, or all are scaled where the rim cannot take it."""
    covered = fraction * cells
    rim = covered * (1 - fraction)
    total, room = covered.sum(axis=(1, 2)), rim.sum(axis=(1, 2))
    part = np.clip((wanted - total) / np.where(room > 0, room, np.inf), -1.0, 1.0)
    covered += part[:, None, None] * rim
    total += part * room
    scale = np.divide(wanted, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(covered * scale[:, None, None])


def _faces(found: Sequence[_Cut], coverage: Coverage) -> Faces:
    """Contours and sections of lofts at their positions."""
    none = np.empty(0, dtype=np.intp)
    layer, other, position, tips = [none], [none], [np.empty(0)], [np.empty((0, 3))]
    for cut in found:
        at, here = cut.at, cut.layers[::2]
        beside = here.copy()
        if cut.inner is None:  # between blended contours only what lies inside both is sure
            between = between_ends(at, cut.loft)
            here[between], beside[between] = cut.near, cut.far
        where = cut.loft.base_mm + cut.loft.sign * at
        layer.append(here)
        other.append(beside)
        position.append(where)
        if cut.loft.has_tip and at[-1] >= cut.loft.length_mm - _SAME_MM:
            tips.append(np.append(cut.loft.centres_mm[1], where[-1])[None])
    return Faces(
        np.concatenate(layer),
        np.concatenate(other),
        np.concatenate(position),
        coverage,
        np.concatenate(tips),
    )


def _joined(one: Coverage, other: Coverage) -> Coverage:
    """The layers of two coverages of the same cells, one after another."""
    return Coverage(
        fraction=np.concatenate([one.fraction, other.fraction]),
        u=np.concatenate([one.u, other.u]),
        v=np.concatenate([one.v, other.v]),
        node_inside=np.concatenate([one.node_inside, other.node_inside]),
        edge_start=np.append(one.edge_start, one.edge_start[-1] + other.edge_start[1:]),
        edge_column=np.append(one.edge_column, other.edge_column),
        edge_row=np.append(one.edge_row, other.edge_row),
        edge_u=np.append(one.edge_u, other.edge_u),
        edge_v=np.append(one.edge_v, other.edge_v),
    )


def _cropped(coverage: Coverage, rows: slice, columns: slice) -> Coverage:
    """The part of a coverage within some rows and columns of cells."""
    keep = (coverage.edge_row >= rows.start) & (coverage.edge_row < rows.stop)
    keep &= (coverage.edge_column >= columns.start) & (coverage.edge_column < columns.stop)
    kept = np.append(0, np.cumsum(keep))
    nodes = slice(rows.start, rows.stop + 1), slice(columns.start, columns.stop + 1)
    return Coverage(
        fraction=coverage.fraction[:, rows, columns],
        u=coverage.u[:, rows, columns],
        v=coverage.v[:, rows, columns],
        node_inside=coverage.node_inside[:, nodes[0], nodes[1]],
        edge_start=kept[coverage.edge_start],
        edge_column=coverage.edge_column[keep] - columns.start,
        edge_row=coverage.edge_row[keep] - rows.start,
        edge_u=coverage.edge_u[keep],
        edge_v=coverage.edge_v[keep],
    )

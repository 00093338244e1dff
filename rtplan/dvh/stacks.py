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

from rtplan.dvh.met import Compared, Share
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.loft import Loft, distinct
from rtplan.geometry.raster import (
    BoolArray,
    Cells,
    Coverage,
    IndexArray,
    Lines,
    cover,
    expanded,
)
from rtplan.geometry.sections import sections
from rtplan.geometry.solid import Slab, Solid

CHUNK_CELLS = 1_000_000
"""Cells of the layers that come at once."""
LAYER_CELLS = 3_000_000
"""Cells of the cross-sections that are held at once."""
SWEPT = 3e-4
"""Part of a structure that may be wholly swept by the outline, between two contours, without
sections between them."""
BULGE = 0.1
"""Cells by which an outline halfway lies beyond the blend, above which sections are found."""
_WHOLLY = 0.75
_MOST_CUTS = 40
_PARTS = 2.0  # cuts between contours while the outline moves by a cell
_CAP_PARTS = 6.0  # the same in caps
_SMALL = 20.0  # cells to the radius of a body that needs so many; larger ones, half
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
    """Layers of a solid on a lattice: cells that it fills, and parts of cells that it cuts.

    Parameters
    ----------
    low_mm, high_mm : (m,) float
        Lower and upper face.
    thickness_mm : (m,) float
        Volume for each covered area: the distance of the faces, but for what rounding leaves.
    whole : (s, v cells * u cells) bool
        Cells that are filled in s cross-sections.
    section : (m,) int
        Which of these each layer has.
    owner, cell : (k,) int
        Layer and cell (row times columns plus column) of each part of a cell.
    fraction : (k,) float
        Covered part of the cell, above 0.
    u, v : (k,) float
        Centroid of that part in its cell, 0 .. 1.
    n : (k,) float or None
        Its centroid between the faces, 0 .. 1; None where it is halfway everywhere.
    """

    low_mm: FloatArray
    high_mm: FloatArray
    thickness_mm: FloatArray
    whole: BoolArray
    section: IndexArray
    owner: IndexArray
    cell: IndexArray
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
    first, last = nodes.searchsorted(low, side="right"), nodes.searchsorted(high)
    faces = np.empty(last - first + 2)
    faces[0], faces[1:-1], faces[-1] = low, nodes[first:last], high
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
    cells = coverage.cells
    whole = cells.whole.reshape(len(slabs), -1)
    size = max(1, CHUNK_CELLS // whole[0].size)
    every = [cuts(s.low_mm, s.high_mm, lattice.n_mm, lattice.factor) for s in slabs]
    section = np.repeat(np.arange(len(slabs)), [max(0, c.size - 1) for c in every])
    low = np.concatenate([c[:-1] for c in every])
    high = np.concatenate([c[1:] for c in every])
    for start in range(0, section.size, size):
        part = slice(start, start + size)
        owner, place = expanded(cells.start, section[part])
        some = cells.fraction[place] > 0
        owner, place = owner[some], place[some]
        cut = cells.cell[place], cells.fraction[place], cells.u[place], cells.v[place]
        thickness = high[part] - low[part]
        yield Layers(low[part], high[part], thickness, whole, section[part], owner, *cut)
    faces = every
    if lattice.factor > 1:
        faces = [cuts(s.low_mm, s.high_mm, lattice.n_mm, 1) for s in slabs]
    section = np.repeat(np.arange(len(slabs)), [face.size for face in faces])
    position = np.concatenate(faces)
    for start in range(0, section.size, size):
        part = slice(start, start + size)
        yield Faces(section[part], section[part], position[part], coverage, np.empty((0, 3)))


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """A loft between its cuts.

    ``at`` (k,) are ascending distances from the base, ``near`` and ``far`` layers of its contours.
    ``inner`` is the layer of the first section between, None where there are none and the contours
    are blended; otherwise sections at neighbouring cuts are.
    """

    loft: Loft
    at: FloatArray
    near: int
    far: int
    inner: int | None = None

    @property
    def between(self) -> FloatArray:
        """Those of ``at`` that have a section of their own."""
        return self.at[:0] if self.inner is None else self.at[between_ends(self.at, self.loft)]

    @property
    def layers(self) -> IndexArray:
        """Layer at each of ``at``."""
        layer = np.where(self.at > self.loft.length_mm / 2, self.far, self.near)
        if self.inner is not None:
            within = between_ends(self.at, self.loft)
            layer[within] = self.inner + np.arange(int(within.sum()))
        return layer


def between_ends(at: FloatArray, loft: Loft) -> BoolArray:
    """Whether distances from the base of a loft are neither at its base nor at its far end."""
    return np.asarray((at > _SAME_MM) & (at < loft.length_mm - _SAME_MM))


def _of_lofts(solid: Solid, lattice: Lattice) -> Iterator[Layers | Faces]:
    """Layers and faces of all lofts, those that lie side by side at once."""
    low, high = solid.bounds_mm
    u, before_u = _widened(lattice.u_mm, low[0], high[0])
    v, before_v = _widened(lattice.v_mm, low[1], high[1])
    rows = slice(before_v, before_v + lattice.v_mm.size - 1)
    columns = slice(before_u, before_u + lattice.u_mm.size - 1)
    lofts = _body_by_body(solid.lofts)
    size = max(1, LAYER_CELLS // (u.cells * v.cells) // 2)
    groups = [lofts[start : start + size] for start in range(0, len(lofts), size)][::-1]
    while groups:
        group = groups.pop()
        contours, ends = distinct((loft.near, loft.far) for loft in group)
        coverage = cover(contours, u, v)
        counts = _pieces(group, ends, coverage.cells, u, v, 1000 * solid.volume_cc)
        found = _cuts(group, ends, counts, lattice)
        shaped = [(cut.loft, at) for cut in found if (at := cut.between).size]
        if len(group) > 1 and sum(at.size for _, at in shaped) > size:
            half = len(group) // 2
            groups += [group[half:], group[:half]]
            continue
        if shaped:
            coverage += sections([loft for loft, _ in shaped], [at for _, at in shaped], u, v)
        for layers in _layers(found, coverage.cells, u, v):
            yield _cropped(layers, rows, columns, (v.cells, u.cells))
        yield _faces(found, coverage.cropped(rows, columns))


def _body_by_body(lofts: Sequence[Loft]) -> list[Loft]:
    """Lofts from below, each followed by the one that begins at its upper contour, if there is one:
    what fills the same cells comes together."""
    upwards = sorted(lofts, key=lambda loft: (loft.low_mm, loft.high_mm))
    above = {_contour(loft, upper=False): loft for loft in reversed(upwards)}
    found: dict[int, Loft] = {}
    for first in upwards:
        loft: Loft | None = first
        while loft is not None and id(loft) not in found:
            found[id(loft)] = loft
            loft = above.get(_contour(loft, upper=True))
    return list(found.values())


def _contour(loft: Loft, *, upper: bool) -> tuple[int, ...]:
    """What tells the contour at the upper or lower end of a loft from others; none at a tip."""
    rings = loft.near if upper == (loft.sign < 0) else loft.far
    return tuple(map(id, rings))


def _cropped(layers: Layers, rows: slice, columns: slice, shape: tuple[int, int]) -> Layers:
    """The part of layers within some rows and columns of the (v, u) cells."""
    if (rows.start, columns.start) == (0, 0) and (rows.stop, columns.stop) == shape:
        return layers
    row, column = np.divmod(layers.cell, shape[1])
    keep = (row >= rows.start) & (row < rows.stop)
    keep &= (column >= columns.start) & (column < columns.stop)
    row, column = row[keep] - rows.start, column[keep] - columns.start
    whole = layers.whole.reshape(-1, *shape)[:, rows, columns]
    return replace(
        layers,
        whole=whole.reshape(len(whole), -1),
        owner=layers.owner[keep],
        cell=row * (columns.stop - columns.start) + column,
        fraction=layers.fraction[keep],
        u=layers.u[keep],
        v=layers.v[keep],
        n=None if layers.n is None else layers.n[keep],
    )


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


def _cuts(
    lofts: Sequence[Loft], ends: IndexArray, counts: Sequence[int], lattice: Lattice
) -> list[_Cut]:
    """Where lofts between contours ``ends`` (m, 2) are cut, each into ``counts`` pieces at least.

    Sections between follow the contours, in the order of the lofts.
    """
    found, inner = [], int(ends.max()) + 1
    for loft, (near, far), count in zip(lofts, ends.tolist(), counts, strict=True):
        faces = cuts(loft.low_mm, loft.high_mm, lattice.n_mm, lattice.factor)
        if not faces.size:
            continue
        if count:
            faces = np.unique(np.append(faces, np.linspace(faces[0], faces[-1], count + 1)))
            faces = faces[np.append(True, np.diff(faces) > _SAME_MM)]
        at = np.sort(loft.sign * (faces - loft.base_mm))
        found.append(_Cut(loft, at, near, far, inner if count else None))
        inner += found[-1].between.size
    return found


def _pieces(
    lofts: Sequence[Loft],
    ends: IndexArray,
    cells: Cells,
    u: Lines,
    v: Lines,
    volume_mm3: float,
) -> list[int]:
    """Into how many pieces lofts are to be cut at least, with sections between; 0 where a blend of
    what their two contours ``ends`` (m, 2) cover does. ``volume_mm3`` is the whole structure's."""
    step = float(np.median(np.diff(u.positions_mm)))
    size = step * float(np.median(np.diff(v.positions_mm)))
    met = Compared(cells).met(ends.T)
    near, far = (cells_at.fraction for cells_at in met.at)
    change = np.abs(near - far)
    rims, beyond = (np.bincount(met.owner, (at > 0) & (at < 1), len(lofts)) for at in (near, far))
    # The same from below as from above; at the end of a cap there is no outline.
    rims = np.where(beyond > 0, (rims + beyond) / 2, rims)
    changes = np.bincount(met.owner, change, len(lofts))
    sweeps = np.bincount(met.owner, np.where(change > _WHOLLY, change, 0.0), len(lofts)) * size
    radius = float(np.cbrt(volume_mm3 * 3 / (4 * np.pi))) / step
    finer = min(max(_SMALL / radius, 0.5), 1.0)
    counts = []
    for loft, rim, total, swept in zip(
        lofts, np.maximum(rims, 1).tolist(), changes.tolist(), sweeps.tolist(), strict=True
    ):
        bulge = abs(loft.profile.bulge_mm2)
        matters = max(swept, bulge) * loft.length_mm > SWEPT * volume_mm3
        moves = swept > SWEPT * loft.profile.area_mm2 or bulge > BULGE * rim * size
        is_blend = not (matters and moves and _resolved(loft, step))
        parts = np.ceil(finer * (_CAP_PARTS if loft.is_cap else _PARTS) * total / rim)
        counts.append(0 if is_blend else int(np.clip(parts, 1, _MOST_CUTS)))
    return counts


def _resolved(loft: Loft, step_mm: float) -> bool:
    """Whether the thicker end of a loft is thick enough for grid lines to show it."""
    thickness = [2 * end.area_mm2 / end.length_mm for end in (loft.start, loft.towards)]
    return max(thickness) >= _RESOLVED_STEPS * step_mm


def _layers(found: Sequence[_Cut], cells: Cells, u: Lines, v: Lines) -> Iterator[Layers]:
    """Layers of lofts between their cuts."""
    size = max(1, CHUNK_CELLS // cells.whole[0].size)
    area = (np.diff(v.positions_mm)[:, None] * np.diff(u.positions_mm)).ravel()
    table = [np.concatenate(column) for column in zip(*map(_blended, found), strict=True)]
    compared = Compared(cells)
    for start in range(0, len(table[0]) if table else 0, size):
        yield _blend(compared, area, *(part[start : start + size] for part in table))


def _blended(cut: _Cut) -> tuple[IndexArray, FloatArray, FloatArray, FloatArray]:
    """Of the layers between cuts: (m, 2) the cross-sections that each blends, (m, 2) how far it is
    from the first to the second at the faces, (m, 2) positions of the faces, (m,) volumes, mm³."""
    position = cut.loft.base_mm + cut.loft.sign * cut.at
    volume = np.maximum(np.diff(cut.loft.profile.volume_mm3(cut.at)), 0.0)
    upwards = slice(None, None, int(cut.loft.sign))
    faces = np.column_stack([position[:-1], position[1:]])[:, upwards]
    if cut.inner is None:
        part, count = cut.at / cut.loft.length_mm, len(faces)
        parts = np.column_stack([part[:-1], part[1:]])[:, upwards]
        return np.tile([cut.near, cut.far], (count, 1)), parts, faces, volume
    layers = cut.layers
    parts = np.tile(np.array([0.0, 1.0])[upwards], (len(faces), 1))
    return np.column_stack([layers[:-1], layers[1:]]), parts, faces, volume


def _centroids(here: Share, there: Share) -> tuple[FloatArray, FloatArray]:
    """Centroids (u, v) of covered parts of cells; of nothing where others cover a part: the place
    on the cell's border from which that part grows."""
    u, v = here.u.copy(), here.v.copy()
    grown = (here.fraction == 0) & (there.fraction > 0)
    to_u, to_v = there.u[grown] - 0.5, there.v[grown] - 0.5
    reach = np.maximum(np.maximum(np.abs(to_u), np.abs(to_v)), 1e-9)
    u[grown], v[grown] = 0.5 + to_u / reach / 2, 0.5 + to_v / reach / 2
    return u, v


def _blend(
    sections: Compared,
    area_mm2: FloatArray,
    contours: IndexArray,
    parts: FloatArray,
    faces_mm: FloatArray,
    volume_mm3: FloatArray,
) -> Layers:
    """The layers of ``_blended``: fractions and centroids pass evenly from one contour's to the
    other's, which is exact for an outline that moves along an edge of a cell."""
    pairs, pair = np.unique(contours, axis=0, return_inverse=True)
    met = sections.met(pairs.T)
    start = np.searchsorted(met.owner, np.arange(len(pairs) + 1))
    owner, place = expanded(start, pair)
    one, other = met.at
    ends = [[u[place], v[place]] for u, v in (_centroids(one, other), _centroids(other, one))]
    low, high = parts[owner].T
    first = one.fraction[place]
    change = other.fraction[place] - first
    mean, square = (low + high) / 2, (low * low + low * high + high * high) / 3
    fraction = first + mean * change
    safe = np.where(fraction > 0, fraction, 1.0)
    part = (first * mean + change * square) / safe
    u, v = (here * (1 - part) + there * part for here, there in zip(*ends, strict=True))
    n = 0.5 + (high - low) * change / (12 * safe)
    cut = owner, met.cell[place], fraction, u, v, n
    return _layers_of((met.whole, pair), cut, area_mm2, faces_mm, volume_mm3)


def _layers_of(
    sections: tuple[BoolArray, IndexArray],
    cut: tuple[IndexArray, IndexArray, FloatArray, FloatArray, FloatArray, FloatArray],
    area_mm2: FloatArray,
    faces_mm: FloatArray,
    volume_mm3: FloatArray,
) -> Layers:
    """Layers with wanted volumes (m,): what is missing goes to the parts of cells, or all is
    scaled where these cannot take it. ``cut`` are the arrays of ``Layers``."""
    (whole, section), (owner, cell, fraction, u, v, n) = sections, cut
    low, high = faces_mm.T
    wanted = volume_mm3 / (high - low)
    covered = fraction * area_mm2[cell]
    rim = covered * (1 - fraction)
    total = (whole @ area_mm2)[section] + np.bincount(owner, covered, low.size)
    room = np.bincount(owner, rim, low.size)
    part = np.clip((wanted - total) / np.where(room > 0, room, np.inf), -1.0, 1.0)
    # What is added lies at the outline: the centroid comes nearer to the middle of the cell.
    nearer = 1 - part[owner] * fraction
    u, v = 0.5 + (u - 0.5) * nearer, 0.5 + (v - 0.5) * nearer
    fraction = fraction * (1 + part[owner] * (1 - fraction))
    total += part * room
    scale = np.divide(wanted, total, out=np.zeros_like(total), where=total > 0)
    some = fraction > 0
    owner, cell, fraction, u, v, n = (x[some] for x in (owner, cell, fraction, u, v, n))
    thickness = (high - low) * scale
    return Layers(low, high, thickness, whole, section, owner, cell, fraction, u, v, n)


def _faces(found: Sequence[_Cut], coverage: Coverage) -> Faces:
    """Contours and sections of lofts at their positions."""
    none = np.empty(0, dtype=np.intp)
    layer, other, position, tips = [none], [none], [np.empty(0)], [np.empty((0, 3))]
    for cut in found:
        at, here = cut.at, cut.layers
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

"""What the covered parts of dose cells add to a histogram.

Each part has the volume that the solid covers of its cell, and the dose at its centroid, spread
over the width that the dose gradient and the part's extent give. The outline cuts cells: there the
spread ends at the outline, so that no volume gets a dose from beyond the surface.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from rtplan.dose.sampling import Field
from rtplan.dvh.curve import DVH
from rtplan.dvh.histogram import RampHistogram
from rtplan.dvh.stacks import CHUNK_CELLS, Faces, Layers
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.raster import BoolArray, Coverage, IndexArray, expanded

_EVEN = 1e-3  # offset of a centroid, in half cells, that makes no difference
_TOUCHING_MM = 1e-9
_NEARLY = 1e-6
_BLOCK_CELLS = 100_000  # whose doses are looked up at once
NANOGRAY = 9
"""Decimals of a dose in Gy beyond which nothing is kept of its extremes."""


class Sums:
    """What is added up over a part of a structure: ramps, volume, first moment, extremes.

    Parameters
    ----------
    field : Field
        Dose, for the extremes.
    means : Field
        Dose whose linear interpolation has the mean of each cell; ``field`` if that is linear.
    """

    def __init__(self, field: Field, means: Field) -> None:
        self.field, self.means = field, means
        known = np.isfinite(field.values_gy)
        low = float(np.min(field.values_gy, where=known, initial=np.inf))
        high = float(np.max(field.values_gy, where=known, initial=-np.inf))
        self.histogram = RampHistogram(low, high)
        self.volume_mm3 = 0.0
        self.moment = 0.0
        self.low_gy, self.high_gy = np.inf, -np.inf

    def add(self, parts: Parts) -> None:
        """Add some covered parts of cells."""
        volume, centre_gy, width_gy = parts.doses(self.means)
        self.histogram.add(volume, centre_gy, width_gy)
        self.volume_mm3 += float(volume.sum())
        self.moment += float(volume @ centre_gy)

    def reach(self, faces: Faces) -> None:
        """Let minimum and maximum reach the inside nodes and the outlines of some faces."""
        size = max(1, CHUNK_CELLS // self.field.values_gy[0].size)
        for start in range(0, faces.layer.size, size):
            part = slice(start, start + size)
            layers = faces.layer[part], faces.other[part]
            found = doses_on_faces(*layers, faces.position_mm[part], faces.coverage, self.field)
            self._reach(found)
        if faces.points_mm.size:
            self._reach(doses_at(faces.points_mm, self.field))

    def _reach(self, values_gy: FloatArray) -> None:
        if values_gy.size:
            self.low_gy = float(np.fmin(self.low_gy, np.fmin.reduce(values_gy)))
            self.high_gy = float(np.fmax(self.high_gy, np.fmax.reduce(values_gy)))

    def __add__(self, other: Sums) -> Sums:
        """Both parts of a structure together; they are sums over the same fields."""
        both = Sums.__new__(Sums)
        both.field, both.means = self.field, self.means
        both.histogram = self.histogram + other.histogram
        both.volume_mm3 = self.volume_mm3 + other.volume_mm3
        both.moment = self.moment + other.moment
        both.low_gy = min(self.low_gy, other.low_gy)
        both.high_gy = max(self.high_gy, other.high_gy)
        return both

    def dvh(self) -> DVH | None:
        """The histogram, or None without any volume."""
        if not self.volume_mm3 > 0:
            return None
        mean = self.moment / self.volume_mm3
        if self.low_gy > self.high_gy:  # no face could be seen (an oblique grid's rim)
            self.low_gy = self.high_gy = mean
        # A step of uniform dose must not be smeared by the rounding of interpolation.
        low, high = round(self.low_gy, NANOGRAY), round(self.high_gy, NANOGRAY)
        mean = min(max(mean, low), high)
        dose, volume = self.histogram.cumulative(self.volume_mm3, low, high)
        return DVH(dose, volume / 1000.0, mean)


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The covered parts of the cells of some layers: where they are, whatever the dose."""

    full: _Full
    rim: _Rim

    @classmethod
    def of(cls, layers: Layers, field: Field, factor: int) -> Parts:
        """Parts of layers on the lattice of a field, whose cells are cut into ``factor`` along the
        normal. Where that is 1, cells that layers upon one another all fill count once."""
        area = np.diff(field.v_mm)[:, None] * np.diff(field.u_mm)
        places = _Places.of(layers, field.n_mm)
        first = places.runs(layers) if factor == 1 else np.arange(places.plane.size)
        every = layers.whole[layers.section]
        filled = np.logical_and.reduceat(every, first, axis=0)
        some = np.flatnonzero(filled.any(axis=1))
        bottom = np.minimum.reduceat(places.bottom, first)[some]
        top = np.maximum.reduceat(places.top, first)[some]
        thickness = np.add.reduceat(layers.thickness_mm, first)[some]
        full = _Full(places.plane[first][some], bottom, top, thickness, filled[some], area)
        if first.size < places.plane.size:
            run = np.repeat(np.arange(first.size), np.diff(np.append(first, places.plane.size)))
            layers = _with_whole(layers, every & ~filled[run])
        return cls(full, _Rim.of(layers, places, area))

    def doses(self, field: Field) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Volumes, mm³, doses and widths, Gy, of pieces whose dose is spread evenly."""
        found = [*self.full.doses(field), self.rim.doses(field)]
        volume, centre, width = (np.concatenate(part) for part in zip(*found, strict=True))
        use = np.isfinite(centre) & np.isfinite(width)
        return (volume, centre, width) if use.all() else (volume[use], centre[use], width[use])


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Where layers lie in cells along the normal: the node below each, ``plane`` (m,), and its
    faces between that node and the next, ``bottom`` and ``top`` (m,), 0 .. 1."""

    plane: IndexArray
    bottom: FloatArray
    top: FloatArray

    @classmethod
    def of(cls, layers: Layers, nodes: FloatArray) -> _Places:
        middle = (layers.low_mm + layers.high_mm) / 2
        lower = np.clip(np.searchsorted(nodes, middle, side="right") - 1, 0, nodes.size - 2)
        low, step = nodes[lower], nodes[lower + 1] - nodes[lower]
        return cls(lower, (layers.low_mm - low) / step, (layers.high_mm - low) / step)

    def runs(self, layers: Layers) -> IndexArray:
        """The first of each run of layers that lie upon one another in the same cells."""
        low, high = layers.low_mm, layers.high_mm
        touching = np.abs(low[1:] - high[:-1]) < _TOUCHING_MM
        touching |= np.abs(high[1:] - low[:-1]) < _TOUCHING_MM
        return np.append(0, 1 + np.flatnonzero(~touching | (np.diff(self.plane) != 0)))


def _with_whole(layers: Layers, whole: BoolArray) -> Layers:
    """Layers with some cells (layers, cells) that they fill among the parts of cells."""
    owner, cell = np.nonzero(whole)
    half = np.full(owner.size, 0.5)
    return replace(
        layers,
        owner=np.append(layers.owner, owner),
        cell=np.append(layers.cell, cell),
        fraction=np.append(layers.fraction, np.ones(owner.size)),
        u=np.append(layers.u, half),
        v=np.append(layers.v, half),
        n=None if layers.n is None else np.append(layers.n, half),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Full:
    """Cells that the solid fills in s stretches along the normal.

    ``plane``, ``bottom`` and ``top`` (s,) are where a stretch is, as of ``_Places``; ``filled``
    (s, cells) are the cells, of ``area_mm2`` (v cells, u cells) and ``thickness_mm`` (s,).
    """

    plane: IndexArray
    bottom: FloatArray
    top: FloatArray
    thickness_mm: FloatArray
    filled: BoolArray
    area_mm2: FloatArray

    def doses(self, field: Field) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
        """As ``Parts.doses``, a limited number of cells at a time.

        Computed in the precision of the dose, which is that of the file for large structures.
        """
        size = max(1, _BLOCK_CELLS // self.area_mm2.size)
        for start in range(0, self.plane.size, size):
            part = slice(start, start + size)
            lower = self.plane[part]
            below, above = field.values_gy[lower], field.values_gy[lower + 1]
            rise = above - below
            bottom, top = self.bottom[part, None, None], self.top[part, None, None]
            if (bottom > _NEARLY).any() or (top < 1 - _NEARLY).any():
                below, above = below + bottom * rise, below + top * rise
                rise = above - below
            both = below + above
            centre, square = _at_middles(both), np.square(_at_middles(rise))
            for along in (_across(both, 1), _across(both, 2)):
                square += np.square(along, out=along)
            cell = np.flatnonzero(self.filled[part])
            volume = (self.thickness_mm[part, None] * self.area_mm2.ravel()).ravel()[cell]
            yield volume, centre.ravel()[cell] / 2, np.sqrt(square.ravel()[cell])


def _at_middles(values: FloatArray) -> FloatArray:
    """Means over the corners of each cell, (k, v cells, u cells)."""
    rows = values[:, :-1] + values[:, 1:]
    return np.asarray((rows[:, :, :-1] + rows[:, :, 1:]) / 4)


def _across(values: FloatArray, axis: int) -> FloatArray:
    """A quarter of the sum of the changes of values (k, v lines, u lines) along both edges of each
    cell, along axis 1 or 2."""
    low, high = _ends(values, axis)
    change = high - low
    low, high = _ends(change, 3 - axis)
    return np.asarray((low + high) / 4)


def _ends(values: FloatArray, axis: int) -> tuple[FloatArray, FloatArray]:
    """All but the last and all but the first along an axis, 1 or 2."""
    if axis == 1:
        return values[:, :-1], values[:, 1:]
    return values[:, :, :-1], values[:, :, 1:]


@dataclass(frozen=True, slots=True, eq=False)
class _Rim:
    """Parts of cells, k of them: those that the outline cuts, or that are filled but in part.

    Each is taken for a box around its centroid; but across the outline it reaches only so far
    outwards as its centroid lies inside, and further inwards, so there it is two pieces that both
    end at the outline. How far that is, is exact for half cells and for corners cut off, close
    between.

    Parameters
    ----------
    plane, line, column : (k,) int
        Nodes at the low corner of the cell, along the normal, v and u.
    centroid : (3, k) float
        Of the part in the layer's part of the cell, along u, v, n, 0 .. 1.
    height, part : (k,) float
        Where the middle of the layer is in the cell, 0 .. 1, and how much of it the layer takes.
    extent, inwards : (3, k) float
        Size of the box, in cells; unit vector from the outline to the inside, 0 without an outline.
    twice, skew : (k,) float
        Width across the outline of pieces that end there: their mean, and what each has more or
        less, as parts of the change of the dose along ``inwards``.
    volume_mm3 : (k,) float
    """

    plane: IndexArray
    line: IndexArray
    column: IndexArray
    centroid: FloatArray
    height: FloatArray
    part: FloatArray
    extent: FloatArray
    inwards: FloatArray
    twice: FloatArray
    skew: FloatArray
    volume_mm3: FloatArray

    @classmethod
    def of(cls, layers: Layers, places: _Places, area_mm2: FloatArray) -> _Rim:
        """Parts of cells of layers; ``area_mm2`` (v cells, u cells)."""
        owner, cell, fraction = layers.owner, layers.cell, layers.fraction
        height, part = (places.bottom + places.top) / 2, places.top - places.bottom
        n = np.full(cell.size, 0.5) if layers.n is None else layers.n
        centroid = np.stack([layers.u, layers.v, n])
        offset = 2 * centroid - 1
        away = np.sqrt(np.square(offset).sum(axis=0))
        is_even = away < _EVEN
        extent = np.where(is_even, 1.0, 1 - np.abs(offset))
        inwards = offset / np.where(is_even, np.inf, away)
        reach = 1 / np.maximum(np.abs(inwards).sum(axis=0), 1.0)
        reach += (1 - reach) * np.clip(2 * fraction - 1, 0, 1) ** 1.5
        wide = np.sqrt(np.square(inwards * extent).sum(axis=0))
        twice, even = reach * wide, (1 + reach) / 2 * wide  # to the outline; of equal variance
        skew = np.sqrt(np.maximum(even**2 - twice**2, 0.0)) / 2
        line, column = np.divmod(cell, area_mm2.shape[1])
        volume = fraction * area_mm2.ravel()[cell] * layers.thickness_mm[owner]
        at = places.plane[owner], line, column
        return cls(*at, centroid, height[owner], part[owner], extent, inwards, twice, skew, volume)

    def doses(self, field: Field) -> tuple[FloatArray, FloatArray, FloatArray]:
        """As ``Parts.doses``."""
        width = field.u_mm.size
        plane = field.v_mm.size * width
        values = field.values_gy.reshape(-1)
        corner = self.plane * plane + self.line * width + self.column
        rises, levels = [], []
        for offset in (0, 1, width, width + 1):
            below = values[corner + offset].astype(float)
            rises.append(values[corner + plane + offset] - below)
            levels.append(below + self.height * rises[-1])
        u, v, n = self.centroid
        along_u, along_v = levels[1] - levels[0], levels[2] - levels[0]
        twist = levels[3] - levels[1] - along_v
        rise = sum(rises) * (0.25 * self.part)
        centre = levels[0] + along_u * u + (along_v + twist * u) * v + rise * (n - 0.5)
        change = np.stack([along_u + twist * v, along_v + twist * u, rise])
        across = (change * self.inwards).sum(axis=0)
        beside2 = np.square(change * self.extent).sum(axis=0)
        beside2 -= across**2 * np.square(self.inwards * self.extent).sum(axis=0)
        widths = [
            np.sqrt(np.maximum((across * (self.twice + side * self.skew)) ** 2 + beside2, 0.0))
            for side in (1, -1)
        ]
        moved = across * self.skew / 2
        half = np.tile(self.volume_mm3 / 2, 2)
        return half, np.append(centre + moved, centre - moved), np.concatenate(widths)


def _planes_at(field: Field, position: FloatArray) -> FloatArray:
    """Dose (m, nv, nu) at positions (m,) along n."""
    lower = np.clip(np.searchsorted(field.n_mm, position, side="right") - 1, 0, field.n_mm.size - 2)
    step = field.n_mm[lower + 1] - field.n_mm[lower]
    weight = ((position - field.n_mm[lower]) / step)[:, None, None]
    below = field.values_gy[lower]
    return np.asarray(below + weight.astype(below.dtype) * (field.values_gy[lower + 1] - below))


def doses_on_faces(
    layer: IndexArray,
    other: IndexArray,
    position_mm: FloatArray,
    coverage: Coverage,
    field: Field,
) -> FloatArray:
    """Doses, Gy, at the inside nodes and along the outlines of cross-sections at positions (m,),
    as ``Faces`` has them."""
    dose = _planes_at(field, position_mm)
    same = np.flatnonzero(layer == other)
    inside = coverage.node_inside[layer]
    if same.size < layer.size:
        inside &= coverage.node_inside[other]
    nodes = dose[inside]
    face, point = expanded(coverage.edge_start, layer[same])
    face = same[face]
    width = field.u_mm.size
    corner = face * (field.v_mm.size * width)
    corner += coverage.edge_row[point] * width + coverage.edge_column[point]
    u, v, flat = coverage.edge_u[point], coverage.edge_v[point], dose.ravel()
    lower = flat[corner] * (1 - u) + flat[corner + 1] * u
    upper = flat[corner + width] * (1 - u) + flat[corner + width + 1] * u
    return np.append(nodes, lower * (1 - v) + upper * v)


def doses_at(points_mm: FloatArray, field: Field) -> FloatArray:
    """Doses, Gy, at those of some points (k, 3) (u, v, n) that the field reaches."""
    nodes = (field.u_mm, field.v_mm, field.n_mm)
    low, high = (np.array([axis[end] for axis in nodes]) for end in (0, -1))
    within = points_mm[((points_mm >= low) & (points_mm <= high)).all(axis=1)]
    lower, part = [], []
    for axis, position in zip(nodes, within.T, strict=True):
        index = np.clip(np.searchsorted(axis, position, side="right") - 1, 0, axis.size - 2)
        lower.append(index)
        part.append((position - axis[index]) / (axis[index + 1] - axis[index]))
    doses = np.zeros(len(within))
    for corner in np.ndindex(2, 2, 2):
        i, j, k = (index + offset for index, offset in zip(lower, corner, strict=True))
        weights = (p if offset else 1 - p for p, offset in zip(part, corner, strict=True))
        doses += field.values_gy[k, j, i] * np.prod(list(weights), axis=0)
    return np.asarray(doses[np.isfinite(doses)])

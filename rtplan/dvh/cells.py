"""What the covered parts of dose cells add to a histogram.

Each part has the volume that the solid covers of its cell, and the dose at its centroid, spread
over the width that the dose gradient and the part's extent give. The outline cuts cells: there the
spread ends at the outline, so that no volume gets a dose from beyond the surface.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from itertools import chain, product

import numpy as np

from rtplan.dose.bends import Doses
from rtplan.dose.sampling import Field
from rtplan.dvh.curve import DVH
from rtplan.dvh.histogram import RampHistogram
from rtplan.dvh.stacks import Faces, Layers
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.raster import BoolArray, IndexArray, expanded

_EVEN = 1e-3  # offset of a centroid, in half cells, that makes no difference
_TOUCHING_MM = 1e-9
_TOUCHING = 1e-9  # the same, in cells
_NEARLY = 1e-6
_BLOCK_CELLS = 30_000  # whose doses are looked up at once: their arrays stay in the cache
_BLOCK_PARTS = 8_000  # the same, of parts of cells
_BLOCK_NODES = 200_000  # the same, of faces
SIDE = 2
"""Cells along v and u of a block that counts as one."""
FEWEST_NODES = 500_000
"""Nodes around a structure from which on there are blocks."""
BENT = 5e-4
"""How far the dose may be from linear in a block, part of its range."""
_MANY = 0.7  # of all blocks: with fewer, cells cost less
NANOGRAY = 9
"""Decimals of a dose in Gy beyond which nothing is kept of its extremes."""

Pieces = tuple[FloatArray, Doses, Doses]  # volumes, mm³, doses and widths, Gy


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
        both = [one.values_gy.reshape(-1) for one in (field, means)[: 1 + (means is not field)]]
        low = min(float(np.fmin.reduce(values)) for values in both)
        high = max(float(np.fmax.reduce(values)) for values in both)
        self.histogram = RampHistogram(low, high)
        self.volume_mm3 = 0.0
        self.moment = 0.0
        self.low_gy, self.high_gy = np.inf, -np.inf

    def add(self, parts: Parts) -> None:
        """Add some covered parts of cells."""
        for volume, centre_gy, width_gy in parts.doses(self.means):
            self.histogram.add(volume, centre_gy, width_gy)
            self.volume_mm3 += float(volume.sum())
            self.moment += float(volume @ centre_gy)

    def reach(self, faces: Faces) -> None:
        """Let minimum and maximum reach the inside nodes and the outlines of some faces."""
        size = max(1, _BLOCK_NODES // self.field.values_gy[0].size)
        for start in range(0, faces.layer.size, size):
            for found in _doses_on(faces, slice(start, start + size), self.field):
                self._reach(found)
        if faces.points_mm.size:
            self._reach(doses_at(faces.points_mm, self.field))

    def _reach(self, values_gy: Doses) -> None:
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
    rims: tuple[_Rim, ...]

    @classmethod
    def of(
        cls, layers: Layers, field: Field, factor: int, smooth: BoolArray | None = None
    ) -> Parts:
        """Parts of layers on the lattice of a field, whose cells are cut into ``factor`` along the
        normal. Where that is 1, cells that layers upon one another all fill count once, and so do
        filled blocks of cells in which the dose is ``smooth``, as of ``smooth_blocks``."""
        area = np.diff(field.v_mm)[:, None] * np.diff(field.u_mm)
        places = _Places.of(layers, field.n_mm)
        first = places.runs(layers) if factor == 1 else np.arange(places.plane.size)
        side = 1 if smooth is None else SIDE
        there = None if smooth is None else smooth[places.plane[first]]
        filled, layers = _filled(layers, first, area.shape, there)
        some = np.flatnonzero(filled.any(axis=1))
        bottom = np.minimum.reduceat(places.bottom, first)[some]
        top = np.maximum.reduceat(places.top, first)[some]
        thickness = np.add.reduceat(layers.thickness_mm, first)[some]
        blocks_mm2 = (
            area[::side, ::side][: area.shape[0] // side, : area.shape[1] // side] * side**2
        )
        full = _Full(
            places.plane[first][some], bottom, top, thickness, filled[some], blocks_mm2, side
        )
        blocks = range(0, layers.cell.size, _BLOCK_PARTS)
        rims = (_Rim.of(layers, slice(k, k + _BLOCK_PARTS), places, area) for k in blocks)
        return cls(full, tuple(rims))

    def doses(self, field: Field) -> Iterator[Pieces]:
        """Pieces whose dose is spread evenly, a limited number at a time."""
        for volume, centre, width in chain(
            self.full.doses(field), (rim.doses(field) for rim in self.rims)
        ):
            known = np.isfinite(centre)
            if known.all():
                yield volume, centre, width
            else:
                yield volume[known], centre[known], width[known]


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


def smooth_blocks(field: Field) -> BoolArray | None:
    """Blocks of ``SIDE`` by ``SIDE`` cells along v and u in which the dose is nearly linear, (n
    cells, v blocks, u blocks); None where there are too few cells or too few of them.

    There the dose nowhere lies further than ``BENT`` of its range from the line between the ends of
    a block.
    """
    values = field.values_gy
    if values.size < FEWEST_NODES or min(values.shape[1:]) <= SIDE:
        return None
    if any(np.ptp(np.diff(x)) > _NEARLY * (x[1] - x[0]) for x in (field.u_mm, field.v_mm)):
        return None
    rows, columns = ((size - 1) // SIDE * SIDE + 1 for size in values.shape[1:])
    values = values[:, :rows, :columns]
    most = 2 * BENT * float(np.fmax.reduce(values, axis=None) - np.fmin.reduce(values, axis=None))
    smooth = np.ones((len(values), rows // SIDE, columns // SIDE), dtype=bool)
    for k, plane in enumerate(values):
        for axis in (0, 1):
            lines = plane if axis == 0 else plane.T
            bend = 2 * lines[1::2] - lines[:-1:2] - lines[2::2]
            even = np.abs(bend, out=bend) <= most
            even = even[:, :-1:2] & even[:, 1::2] & even[:, 2::2]
            smooth[k] &= even if axis == 0 else even.T
    blocks = smooth[:-1] & smooth[1:]
    return blocks if blocks.mean() > _MANY else None


def _filled(
    layers: Layers, first: IndexArray, shape: tuple[int, int], smooth: BoolArray | None
) -> tuple[BoolArray, Layers]:
    """Cells (runs, cells) that all layers of a run fill, where runs begin with layers ``first``;
    and the layers with the other cells that they fill among the parts of cells.

    With ``smooth`` (runs, v blocks, u blocks), blocks of the (v, u) cells of ``shape`` and not
    cells: those that are filled and smooth, (runs, blocks).
    """
    count = np.diff(np.append(first, layers.section.size))
    filled = layers.whole[layers.section[first]]
    for number in range(1, int(count.max(initial=0))):
        longer = np.flatnonzero(count > number)
        filled[longer] &= layers.whole[layers.section[first[longer] + number]]
    blocks = filled
    if smooth is not None:
        filled = filled.reshape(-1, *shape)
        v, u = (slice(None, size * SIDE) for size in smooth.shape[1:])
        blocks = smooth & _all_of(_all_of(filled[:, v, u], 1), 2)
        filled[:] = False
        for row, column in product(range(SIDE), repeat=2):
            filled[:, v, u][:, row::SIDE, column::SIDE] = blocks
        filled, blocks = filled.reshape(len(filled), -1), blocks.reshape(len(blocks), -1)
    run = np.repeat(np.arange(first.size), count)
    some = np.flatnonzero((count[run] > 1) | (smooth is not None))
    rest = layers.whole[layers.section[some]]
    rest &= ~filled[run[some]]
    owner, cell = np.divmod(np.flatnonzero(rest), rest.shape[1])
    return blocks, _with_whole(layers, some[owner], cell) if cell.size else layers


def _all_of(cells: BoolArray, axis: int) -> BoolArray:
    """Whether all of each ``SIDE`` cells along an axis, 1 or 2, are there."""
    lead = (slice(None),) * axis
    parts = (cells[(*lead, slice(start, None, SIDE))] for start in range(SIDE))
    return np.asarray(reduce(np.logical_and, parts))


def _with_whole(layers: Layers, owner: IndexArray, cell: IndexArray) -> Layers:
    """Layers with some cells that they fill among the parts of cells."""
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
    """Blocks of cells that the solid fills in s stretches along the normal.

    ``plane``, ``bottom`` and ``top`` (s,) are where a stretch is, as of ``_Places``; ``filled``
    (s, blocks) are the blocks, of ``area_mm2`` (v blocks, u blocks), ``thickness_mm`` (s,) and
    ``side`` cells along v and u.
    """

    plane: IndexArray
    bottom: FloatArray
    top: FloatArray
    thickness_mm: FloatArray
    filled: BoolArray
    area_mm2: FloatArray
    side: int

    def doses(self, field: Field) -> Iterator[Pieces]:
        """As ``Parts.doses``.

        Computed in the precision of the dose, which is that of the file for large structures.
        """
        size = max(1, _BLOCK_CELLS // self.area_mm2.size)
        for start in range(0, self.plane.size, size):
            yield self._doses(field, slice(start, start + size))

    def _doses(self, field: Field, some: slice) -> Pieces:
        """The doses in some stretches."""
        filled = self.filled[some].reshape(-1, *self.area_mm2.shape)
        v, u = _box_around(np.logical_or.reduce(filled))
        block = np.flatnonzero(filled[:, v, u])
        lowest, highest = self.plane[some].min(), self.plane[some].max()
        plane = self.plane[some] - lowest
        across = (slice(part.start * self.side, part.stop * self.side + 1) for part in (v, u))
        nodes = field.values_gy[(slice(lowest, highest + 2), *across)]
        corners, *along = _over_corners(nodes, self.side)
        bottom, top = (
            face[some, None, None].astype(corners.dtype) for face in (self.bottom, self.top)
        )
        height = (bottom + top) / 2
        rise = np.diff(corners, axis=0)[plane]
        centre = corners[plane]
        centre += height * rise
        rise *= top - bottom
        square = np.square(rise, out=rise)
        for change in along:
            wide = 2 * self.side * height * np.diff(change, axis=0)[plane]
            wide += 2 * self.side * change[plane]
            square += np.square(wide, out=wide)
        volume = self.thickness_mm[some, None, None] * self.area_mm2[v, u]
        volume, centre, square = (part.reshape(-1).take(block) for part in (volume, centre, square))
        weight = 4 * self.side**2
        return volume, centre / weight, np.sqrt(square, out=square) / weight


def _box_around(cells: BoolArray) -> tuple[slice, slice]:
    """Rows and columns of the box around some of the (v, u) cells."""
    rows, columns = (np.flatnonzero(cells.any(axis=axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _over_corners(values: Doses, side: int) -> tuple[Doses, Doses, Doses]:
    """Of values (k, v nodes, u nodes), for each block of ``side`` cells along v and u: the sum over
    the four corners of all its cells, and those of the changes along v and along u from its one end
    to the other, along both edges of the cells across."""
    low, high = values[:, :-side:side], values[:, side::side]
    both, change = low + high, high - low
    for start in range(1, side):
        both += 2 * values[:, start::side]
    left, right = both[:, :, :-side:side], both[:, :, side::side]
    total, along_v = left + right, change[:, :, :-side:side] + change[:, :, side::side]
    for start in range(1, side):
        total += 2 * both[:, :, start::side]
        along_v += 2 * change[:, :, start::side]
    return total, along_v, right - left


@dataclass(frozen=True, slots=True, eq=False)
class _Rim:
    """Parts of cells, k of them: those that the outline cuts, or that are filled but in part.

    Each is taken for a box around its centroid; but across the outline it reaches only so far
    outwards as its centroid lies inside, and further inwards, so there it is two pieces that both
    end at the outline. How far that is, is exact for half cells and for corners cut off, close
    between.

    Parameters
    ----------
    corner : three (k,) int
        Node at the low corner of the cell, along the normal, v and u.
    centroid : (3, k) float
        Of the part in the layer's part of the cell, along u, v, n, 0 .. 1.
    height, part : (k,) float
        Where the middle of the layer is in the cell, 0 .. 1, and how much of it the layer takes.
    extent, inwards : (3, k) float
        Size of the box, in cells; unit vector from the outline to the inside, 0 without an outline.
    wider : (2, k) float
        What the squares of the widths of the two pieces have more than that of the box, as parts of
        the square of the change of the dose along ``inwards``.
    apart : (k,) float
        From the middle of the part to that of each piece, as a part of the same change.
    volume_mm3 : (k,) float
    """

    corner: tuple[IndexArray, IndexArray, IndexArray]
    centroid: FloatArray
    height: FloatArray
    part: FloatArray
    extent: FloatArray
    inwards: FloatArray
    wider: FloatArray
    apart: FloatArray
    volume_mm3: FloatArray

    @classmethod
    def of(cls, layers: Layers, some: slice, places: _Places, area_mm2: FloatArray) -> _Rim:
        """Some parts of cells of layers; ``area_mm2`` (v cells, u cells)."""
        owner, cell, fraction = layers.owner[some], layers.cell[some], layers.fraction[some]
        centroid = np.full((3, cell.size), 0.5)
        centroid[0], centroid[1] = layers.u[some], layers.v[some]
        if layers.n is not None:
            centroid[2] = layers.n[some]
        offset = 2 * centroid - 1
        away = np.sqrt(np.square(offset).sum(axis=0))
        offset *= away >= _EVEN
        inwards = offset / np.maximum(away, _EVEN)
        extent = 1 - np.abs(offset, out=offset)
        reach = 1 / np.maximum(np.abs(inwards).sum(axis=0), 1.0)
        inner = np.clip(2 * fraction - 1, 0, 1)
        reach += (1 - reach) * inner * np.sqrt(inner)
        square = np.square(inwards * extent).sum(axis=0)
        # The middle of both is that of a piece which reaches to the outline: of equal variance.
        skew = np.sqrt(np.maximum(((1 + reach) / 2) ** 2 - reach**2, 0.0)) / 2
        wider = square * (np.square([reach + skew, reach - skew]) - 1)
        apart = skew * np.sqrt(square) / 2
        bottom, top = places.bottom[owner], places.top[owner]
        corner = (places.plane[owner], *np.divmod(cell, area_mm2.shape[1]))
        volume = fraction * area_mm2.reshape(-1).take(cell) * layers.thickness_mm[owner]
        height, part = (bottom + top) / 2, top - bottom
        return cls(corner, centroid, height, part, extent, inwards, wider, apart, volume)

    def doses(self, field: Field) -> Pieces:
        """As ``Parts.doses``: first all inner pieces, then all outer ones."""
        width = field.u_mm.size
        plane = field.v_mm.size * width
        values = field.values_gy.reshape(-1)
        k, j, i = self.corner
        corner = k * plane + j * width + i
        rises, levels = [], []
        for offset in (0, 1, width, width + 1):
            below = values.take(corner + offset).astype(float, copy=False)
            rises.append(values.take(corner + (plane + offset)) - below)
            levels.append(below + self.height * rises[-1])
        u, v, n = self.centroid
        along_u, along_v = levels[1] - levels[0], levels[2] - levels[0]
        twist = levels[3] - levels[1] - along_v
        rise = sum(rises) * (0.25 * self.part)
        centre = levels[0] + along_u * u + (along_v + twist * u) * v + rise * (n - 0.5)
        change = np.stack([along_u + twist * v, along_v + twist * u, rise])
        across = (change * self.inwards).sum(axis=0)
        change *= self.extent
        square = np.square(change, out=change).sum(axis=0)
        widths = np.square(across) * self.wider
        widths += square
        widths = np.sqrt(np.maximum(widths, 0.0, out=widths), out=widths)
        moved = across * self.apart
        half = np.tile(self.volume_mm3 / 2, 2)
        return half, np.append(centre + moved, centre - moved), widths.reshape(-1)


def _planes_at(field: Field, position_mm: FloatArray) -> Doses:
    """Dose (m, nv, nu) at positions (m,) along n."""
    place = np.interp(position_mm, field.n_mm, np.arange(field.n_mm.size))
    nearest = np.rint(place)
    place = np.where(np.abs(place - nearest) < _TOUCHING, nearest, place)
    lower = place.astype(np.intp)
    dose = field.values_gy[lower]
    between = np.flatnonzero(place > lower)
    rise = field.values_gy[lower[between] + 1] - dose[between]
    rise *= (place - lower)[between, None, None].astype(dose.dtype)
    dose[between] += rise
    return dose


def _doses_on(faces: Faces, some: slice, field: Field) -> tuple[Doses, Doses]:
    """Doses, Gy, at the inside nodes of some faces, and at the crossings of their outlines."""
    dose = _planes_at(field, faces.position_mm[some])
    layer, other, coverage = faces.layer[some], faces.other[some], faces.coverage
    same = np.flatnonzero(layer == other)
    inside = coverage.node_inside[layer]
    if same.size < layer.size:
        inside &= coverage.node_inside[other]
    face, point = expanded(coverage.edge_start, layer[same])
    width = field.u_mm.size
    corner = same[face] * (field.v_mm.size * width)
    corner += coverage.edge_row[point] * width + coverage.edge_column[point]
    u, v, flat = coverage.edge_u[point], coverage.edge_v[point], dose.reshape(-1)
    lower, upper = (
        flat.take(left) * (1 - u) + flat.take(left + 1) * u for left in (corner, corner + width)
    )
    return dose[inside], lower * (1 - v) + upper * v


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
    corners = np.array(list(np.ndindex(2, 2, 2))).T[:, :, None]  # three axes, eight corners
    i, j, k = np.array(lower)[:, None] + corners
    weights = np.where(corners, np.array(part)[:, None], 1 - np.array(part)[:, None]).prod(axis=0)
    doses = (field.values_gy[k, j, i] * weights).sum(axis=0)
    return np.asarray(doses[np.isfinite(doses)])

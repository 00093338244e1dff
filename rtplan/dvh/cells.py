"""What the covered parts of dose cells add to a histogram.

Each part has the volume that the solid covers of its cell, and the dose at its centroid, spread
over the width that the dose gradient and the part's extent give. The outline cuts cells: there the
spread ends at the outline, so that no volume gets a dose from beyond the surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.dose.sampling import Field
from rtplan.dvh.curve import DVH
from rtplan.dvh.histogram import RampHistogram
from rtplan.dvh.stacks import CHUNK_CELLS, Faces, Layers
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.raster import Coverage, IndexArray

_UNCUT = 1e-6  # squared offset of a centroid that makes no difference
_WHOLE = 1e-9  # a cell that lacks less is whole
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

    def add(self, layers: Layers) -> None:
        """Add the covered part of every cell of some layers."""
        volume, centre_gy, width_gy = parts_of(layers, self.means)
        self.histogram.add(volume, centre_gy, width_gy)
        self.volume_mm3 += float(volume.sum())
        self.moment += float((volume * centre_gy).sum())

    def reach(self, faces: Faces) -> None:
        """Let minimum and maximum reach the inside nodes and the outlines of some faces."""
        size = max(1, CHUNK_CELLS // self.field.values_gy[0].size)
        for start in range(0, faces.layer.size, size):
            part = slice(start, start + size)
            layers = faces.layer[part], faces.other[part]
            found = doses_on_faces(*layers, faces.position_mm[part], faces.coverage, self.field)
            self._reach(found)
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


def parts_of(layers: Layers, field: Field) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Volumes, mm³, doses and widths, Gy, of the covered parts of all cells of some layers."""
    fraction = layers.fraction.reshape(len(layers.fraction), -1)
    is_whole = np.abs(fraction - 1) < _WHOLE
    places = _Places.of(layers, field)
    whole = _whole(layers, field, places, is_whole)
    cut = _cut(layers, field, places, (fraction > 0) & ~is_whole)
    volume, centre, width = (np.concatenate(both) for both in zip(whole, cut, strict=True))
    use = np.isfinite(centre) & np.isfinite(width)
    return (volume, centre, width) if use.all() else (volume[use], centre[use], width[use])


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Where layers lie in the cells of a field along the normal.

    ``planes`` (k,) are the nodes below the cells that any layer lies in, ``row`` (m,) which of
    them each layer's is; ``middle`` and ``part`` (m,) are where the middle of a layer is in its
    cell, 0 .. 1, and how much of the cell it takes.
    """

    planes: IndexArray
    row: IndexArray
    middle: FloatArray
    part: FloatArray

    @classmethod
    def of(cls, layers: Layers, field: Field) -> _Places:
        middle, nodes = (layers.low_mm + layers.high_mm) / 2, field.n_mm
        lower = np.clip(np.searchsorted(nodes, middle, side="right") - 1, 0, nodes.size - 2)
        planes, row = np.unique(lower, return_inverse=True)
        step = nodes[lower + 1] - nodes[lower]
        part = (layers.high_mm - layers.low_mm) / step
        return cls(planes, row, (middle - nodes[lower]) / step, part)


def _cells_of(layers: Layers, chosen: NDArray[np.bool_]) -> tuple[IndexArray, IndexArray]:
    """Layer and cell (v cells, u cells, flat) of each chosen (cross-section, cell)."""
    section, cell = np.nonzero(chosen)
    start = np.searchsorted(section, np.arange(len(chosen) + 1))
    owner, place = expanded(start, layers.section)
    return owner, cell[place]


def expanded(start: IndexArray, which: IndexArray) -> tuple[IndexArray, IndexArray]:
    """Ranges of ``start`` (k + 1,) for each of ``which`` (m,), one after another: for every item
    its place in ``which`` and its own place."""
    first, count = start[which], start[which + 1] - start[which]
    owner = np.repeat(np.arange(which.size), count)
    return owner, np.arange(owner.size) + np.repeat(first - np.cumsum(count) + count, count)


def _whole(
    layers: Layers, field: Field, places: _Places, chosen: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Volumes, doses and widths of cells that the solid fills."""
    below, above = field.values_gy[places.planes], field.values_gy[places.planes + 1]
    both, rise = below + above, above - below
    centre, up = (_at_middles(part).ravel() for part in (both / 2, rise))
    # The change across a cell, squared, is a parabola in the height within it.
    square, bent, twist = _squares(both / 2, rise)
    area = (np.diff(field.v_mm)[:, None] * np.diff(field.u_mm)).ravel()
    owner, cell = _cells_of(layers, chosen)
    at = places.row[owner] * area.size + cell
    height = (places.middle - 0.5)[owner]
    change = up[at]
    dose = centre[at] + height * change
    change *= places.part[owner]
    width = np.square(change) + square[at] + height * (bent[at] + height * twist[at])
    return area[cell] * (layers.high_mm - layers.low_mm)[owner], dose, np.sqrt(np.maximum(width, 0))


def _at_middles(values: FloatArray) -> FloatArray:
    """Means over the corners of each cell, (k, v cells, u cells)."""
    rows = values[:, :-1] + values[:, 1:]
    return np.asarray((rows[:, :, :-1] + rows[:, :, 1:]) / 4)


def _squares(values: FloatArray, rise: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Terms, each flat over all cells, of the squared change of the dose across a cell in plane.

    ``values`` (k, v lines, u lines) are doses halfway up, ``rise`` how they change; the terms are
    those in 1, h and h², with the height h from halfway in parts of the cell.
    """
    terms = [np.zeros(1)] * 3
    for axis in (1, 2):
        along, change = (np.diff(part, axis=axis) for part in (values, rise))
        along, change = (
            (part[:, 1:] + part[:, :-1] if axis == 2 else part[:, :, 1:] + part[:, :, :-1]) / 2
            for part in (along, change)
        )
        parts = (along * along, 2 * along * change, change * change)
        terms = [term + part.ravel() for term, part in zip(terms, parts, strict=True)]
    return terms[0], terms[1], terms[2]


def _cut(
    layers: Layers, field: Field, places: _Places, chosen: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Volumes, doses and widths of the covered parts of cells that the outline cuts."""
    owner, cell = _cells_of(layers, chosen)
    row, column = np.divmod(cell, field.u_mm.size - 1)
    plane, line = field.v_mm.size * field.u_mm.size, field.u_mm.size
    values = field.values_gy.reshape(-1)
    corner = places.planes[places.row[owner]] * plane + row * line + column
    height = places.middle[owner]
    rises, levels = [], []
    for offset in (0, 1, line, line + 1):
        below = values[corner + offset].astype(float)
        rises.append(values[corner + plane + offset] - below)
        levels.append(below + height * rises[-1])
    at = layers.section[owner] * chosen.shape[1] + cell
    fraction, u, v = (part.reshape(-1)[at] for part in (layers.fraction, layers.u, layers.v))
    along_u, along_v = levels[1] - levels[0], levels[2] - levels[0]
    twist = levels[3] - levels[1] - along_v
    centre = levels[0] + along_u * u + (along_v + twist * u) * v
    rise = sum(rises) * (0.25 * places.part[owner])
    n = np.full(1, 0.5)
    if layers.n is not None:
        n = layers.n.reshape(-1)[at]
        centre += rise * (n - 0.5)
    area = (np.diff(field.v_mm)[:, None] * np.diff(field.u_mm)).ravel()[cell]
    volume = fraction * area * (layers.high_mm - layers.low_mm)[owner]
    change = np.stack([along_u + twist * v, along_v + twist * u, rise])
    offsets = np.stack(np.broadcast_arrays(2 * u - 1, 2 * v - 1, 2 * n - 1))
    return _pieces(volume, centre, change, offsets, fraction)


def _pieces(
    volume: FloatArray,
    centre_gy: FloatArray,
    change_gy: FloatArray,
    offset: FloatArray,
    fraction: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Covered parts of cells as pieces whose dose is spread evenly: volumes, doses, widths in Gy.

    A whole cell is one piece. Of one that the outline cuts, the part is taken for a box around
    its centroid; but across the outline it reaches only so far outwards as its centroid lies
    inside, and further inwards, so there it is two pieces that both end at the outline. How far
    that is, is exact for half cells and for corners cut off, close between.

    Parameters
    ----------
    volume, centre_gy, fraction : (m,) float
        Volume, dose at the centroid and covered part of each cell.
    change_gy : (3, m) float
        Change of the dose along the edges of the cell, Gy.
    offset : (3, m) float
        Centroid between the faces of the cell, -1 .. 1.
    """
    is_cut = np.square(offset).sum(axis=0) > _UNCUT
    whole = ~is_cut
    change, offset = change_gy[:, is_cut], offset[:, is_cut]
    extent = 1 - np.abs(offset)
    inwards = offset / np.sqrt(np.square(offset).sum(axis=0))
    across = (change * inwards).sum(axis=0)
    wide2 = np.square(inwards * extent).sum(axis=0)
    part = 1 / np.abs(inwards).sum(axis=0)
    part += (1 - part) * np.clip(2 * fraction[is_cut] - 1, 0, 1) ** 1.5
    wide = np.sqrt(wide2)
    twice, even = part * wide, (1 + part) / 2 * wide  # to the outline; width of equal variance
    skew = np.sqrt(np.maximum(even**2 - twice**2, 0.0)) / 2
    beside2 = np.square(change * extent).sum(axis=0) - across**2 * wide2
    widths = [
        np.sqrt(np.maximum((across * (twice + side * skew)) ** 2 + beside2, 0.0))
        for side in (1, -1)
    ]
    half, moved = volume[is_cut] / 2, across * skew / 2
    return (
        np.concatenate([volume[whole], half, half]),
        np.concatenate([centre_gy[whole], centre_gy[is_cut] + moved, centre_gy[is_cut] - moved]),
        np.concatenate([np.sqrt(np.square(change_gy[:, whole]).sum(axis=0)), *widths]),
    )


def _planes_at(field: Field, position: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Dose (m, nv, nu) at positions (m,) along n, and its slope there, Gy per mm."""
    lower = np.clip(np.searchsorted(field.n_mm, position, side="right") - 1, 0, field.n_mm.size - 2)
    step = field.n_mm[lower + 1] - field.n_mm[lower]
    weight = ((position - field.n_mm[lower]) / step)[:, None, None]
    below = field.values_gy[lower].astype(float)
    rise = field.values_gy[lower + 1] - below
    return below + weight * rise, rise / step[:, None, None]


def doses_on_faces(
    layer: IndexArray,
    other: IndexArray,
    position_mm: FloatArray,
    coverage: Coverage,
    field: Field,
) -> FloatArray:
    """Doses, Gy, at the inside nodes and along the outlines of cross-sections at positions (m,),
    as ``Faces`` has them."""
    dose, _ = _planes_at(field, position_mm)
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

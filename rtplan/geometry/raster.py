"""Exact coverage of grid cells by polygons: area and first moments of what each cell holds.

No sampling: every edge is cut at the grid lines it crosses, and each piece adds the area between
itself and the right-hand side of its cell; a running sum along the row carries it on. Summed over
the edges of closed rings this is the covered fraction of each cell, exact to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.geometry.grid import FloatArray

IndexArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Grid lines along one axis, ascending, (n + 1,) mm; cell c lies between lines c and c + 1."""

    positions_mm: FloatArray

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.positions_mm.size - 1

    def cell(self, x: FloatArray) -> IndexArray:
        """Cell of each coordinate: -1 left of all lines, ``cells`` at or beyond the last."""
        positions = self.positions_mm
        steps = np.diff(positions)
        if np.ptp(steps) < 1e-9 * steps[0]:
            index = np.floor((x - positions[0]) * (self.cells / (positions[-1] - positions[0])))
            return np.asarray(np.clip(index, -1, self.cells), dtype=np.intp)
        return np.asarray(np.searchsorted(positions, x, side="right") - 1, dtype=np.intp)

    def fraction(self, x: FloatArray, cell: IndexArray) -> FloatArray:
        """Coordinates as fractions of the width of their cells, clipped to 0 .. 1."""
        low = self.positions_mm[cell]
        return np.asarray(np.clip((x - low) / (self.positions_mm[cell + 1] - low), 0.0, 1.0))


def expanded(start: IndexArray, which: IndexArray) -> tuple[IndexArray, IndexArray]:
    """Ranges of ``start`` (k + 1,) for each of ``which`` (m,), one after another: for every item
    its place in ``which`` and its own place."""
    first, count = start[which], start[which + 1] - start[which]
    owner = np.repeat(np.arange(which.size), count)
    return owner, np.arange(owner.size) + np.repeat(first - np.cumsum(count) + count, count)


def _starts(start: IndexArray, which: IndexArray) -> tuple[IndexArray, IndexArray]:
    """Where ranges of ``start`` begin when only ``which`` (m,) are taken, (m + 1,), and the places
    of their items."""
    return np.append(0, np.cumsum(np.diff(start)[which])), expanded(start, which)[1]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """What is covered of the cells of a (v, u) grid, layer by layer.

    Parameters
    ----------
    whole : (layers, v cells, u cells) bool
        Whether a cell is covered and no outline runs through it.
    start : (layers + 1,) int
        Where each layer's cells that an outline runs through begin in the arrays that follow.
    cell : (k,) int
        These cells, row by row: row times columns plus column, ascending within a layer.
    fraction : (k,) float
        Covered part of each, 0 .. 1.
    u, v : (k,) float
        Centroid of the covered part, 0 .. 1 in the cell; 0.5 where nothing is covered.
    """

    whole: BoolArray
    start: IndexArray
    cell: IndexArray
    fraction: FloatArray
    u: FloatArray
    v: FloatArray

    @property
    def layer(self) -> IndexArray:
        """Layer of each cell that an outline runs through, (k,)."""
        return np.repeat(np.arange(len(self.whole)), np.diff(self.start))

    def areas_mm2(self, cells_mm2: FloatArray) -> FloatArray:
        """Covered area of each layer, (layers,) mm²; ``cells_mm2`` (v cells, u cells)."""
        area = whole_areas_mm2(self.whole, cells_mm2)
        cut = self.fraction * cells_mm2.ravel()[self.cell]
        return np.asarray(area + np.bincount(self.layer, cut, len(area)))

    def cropped(self, rows: slice, columns: slice) -> Cells:
        """The part within some rows and columns of cells."""
        row, column = np.divmod(self.cell, self.whole.shape[2])
        keep = (row >= rows.start) & (row < rows.stop)
        keep &= (column >= columns.start) & (column < columns.stop)
        cell = (row - rows.start) * (columns.stop - columns.start) + column - columns.start
        return Cells(
            self.whole[:, rows, columns],
            np.append(0, np.cumsum(keep))[self.start],
            cell[keep],
            self.fraction[keep],
            self.u[keep],
            self.v[keep],
        )

    def of_layers(self, layers: IndexArray) -> Cells:
        """Some layers (m,), in their order."""
        start, place = _starts(self.start, layers)
        some = self.cell[place], self.fraction[place], self.u[place], self.v[place]
        return Cells(self.whole[layers], start, *some)

    def __add__(self, other: Cells) -> Cells:
        """The layers of both, one after another; the grid is the same."""
        return Cells(
            np.concatenate([self.whole, other.whole]),
            np.append(self.start, self.start[-1] + other.start[1:]),
            np.append(self.cell, other.cell),
            np.append(self.fraction, other.fraction),
            np.append(self.u, other.u),
            np.append(self.v, other.v),
        )


def whole_areas_mm2(whole: BoolArray, cells_mm2: FloatArray) -> FloatArray:
    """Area of the cells of each layer, (layers,) mm²; ``whole`` (layers, v cells, u cells)."""
    return np.asarray(whole.reshape(len(whole), -1) @ cells_mm2.ravel())


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """What polygons cover of a (v, u) grid, layer by layer.

    Parameters
    ----------
    cells : Cells
    node_inside : (layers, v lines, u lines) bool
        Whether the grid node lies inside the polygons.
    edge_start : (layers + 1,) int
        Where each layer's edge points begin in the arrays that follow.
    edge_column, edge_row : (m,) int
        Cells of the edge points: the polygons' vertices and crossings of grid lines in the grid.
    edge_u, edge_v : (m,) float
        Their place in those cells, 0 .. 1.
    """

    cells: Cells
    node_inside: BoolArray
    edge_start: IndexArray
    edge_column: IndexArray
    edge_row: IndexArray
    edge_u: FloatArray
    edge_v: FloatArray

    def cropped(self, rows: slice, columns: slice) -> Coverage:
        """The part within some rows and columns of cells."""
        keep = (self.edge_row >= rows.start) & (self.edge_row < rows.stop)
        keep &= (self.edge_column >= columns.start) & (self.edge_column < columns.stop)
        nodes = slice(rows.start, rows.stop + 1), slice(columns.start, columns.stop + 1)
        return Coverage(
            self.cells.cropped(rows, columns),
            self.node_inside[:, nodes[0], nodes[1]],
            np.append(0, np.cumsum(keep))[self.edge_start],
            self.edge_column[keep] - columns.start,
            self.edge_row[keep] - rows.start,
            self.edge_u[keep],
            self.edge_v[keep],
        )

    def of_layers(self, layers: IndexArray) -> Coverage:
        """Some layers (m,), in their order."""
        start, place = _starts(self.edge_start, layers)
        at = self.edge_column[place], self.edge_row[place], self.edge_u[place], self.edge_v[place]
        return Coverage(self.cells.of_layers(layers), self.node_inside[layers], start, *at)

    def __add__(self, other: Coverage) -> Coverage:
        """The layers of both, one after another; the grid is the same."""
        return Coverage(
            self.cells + other.cells,
            np.concatenate([self.node_inside, other.node_inside]),
            np.append(self.edge_start, self.edge_start[-1] + other.edge_start[1:]),
            np.append(self.edge_column, other.edge_column),
            np.append(self.edge_row, other.edge_row),
            np.append(self.edge_u, other.edge_u),
            np.append(self.edge_v, other.edge_v),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Directed edge pieces: layer, and both ends in mm."""

    layer: IndexArray
    x0: FloatArray
    y0: FloatArray
    x1: FloatArray
    y1: FloatArray

    def take(self, which: BoolArray) -> _Pieces:
        if which.all():
            return self
        return _Pieces(
            self.layer[which], self.x0[which], self.y0[which], self.x1[which], self.y1[which]
        )

    def swapped(self) -> _Pieces:
        return _Pieces(self.layer, self.y0, self.x0, self.y1, self.x1)


def cover(layers: Sequence[Sequence[FloatArray]], u: Lines, v: Lines) -> Coverage:
    """Coverage of the cells between ``u`` and ``v`` lines by each layer's rings.

    Parameters
    ----------
    layers : sequence of sequences of (n, 2) float
        Rings in mm per layer, outer rings counter-clockwise, holes clockwise, never crossing.
    u, v : Lines
        Grid lines along the first and the second coordinate. Parts of the polygons outside them
        are left out.
    """
    edges = _edges(layers)
    by_row, row, crossing, _ = _cut(edges.swapped(), v)
    by_row = by_row.swapped()
    node_inside = _winding(by_row, row, crossing, u=u, v=v, layers=len(layers))
    within = (row >= 0) & (row < v.cells)
    pieces, column, _, of = _cut(by_row.take(within), u)
    keep = column < u.cells
    pieces, column, row = pieces.take(keep), column[keep], row[within][of][keep]
    left = column < 0  # left of the grid: fills its row from the first cell on
    cell = np.maximum(column, 0)
    x0, x1 = (np.where(left, 0.0, u.fraction(x, cell)) for x in (pieces.x0, pieces.x1))
    ends = x0, v.fraction(pieces.y0, row), x1, v.fraction(pieces.y1, row)
    cells = covered_cells((pieces.layer, row, cell), ends, node_inside)
    on_grid = column >= 0
    pieces, column, row = pieces.take(on_grid), column[on_grid], row[on_grid]
    # Each piece ends where the next begins, except where the next one lies outside the grid.
    leaving = _on_border(pieces.x1, u) | _on_border(pieces.y1, v)
    order = np.argsort(np.append(pieces.layer, pieces.layer[leaving]), kind="stable")
    layer = np.append(pieces.layer, pieces.layer[leaving])[order]
    edge_column = np.append(column, column[leaving])[order]
    edge_row = np.append(row, row[leaving])[order]
    edge_x = np.append(pieces.x0, pieces.x1[leaving])[order]
    edge_y = np.append(pieces.y0, pieces.y1[leaving])[order]
    return Coverage(
        cells=cells,
        node_inside=node_inside,
        edge_start=np.searchsorted(layer, np.arange(len(layers) + 1)),
        edge_column=edge_column,
        edge_row=edge_row,
        edge_u=u.fraction(edge_x, edge_column),
        edge_v=v.fraction(edge_y, edge_row),
    )


def _on_border(x: FloatArray, lines: Lines) -> BoolArray:
    """Whether coordinates lie on the first or the last line."""
    return np.asarray((x == lines.positions_mm[0]) | (x == lines.positions_mm[-1]))


def _edges(layers: Sequence[Sequence[FloatArray]]) -> _Pieces:
    """All edges of all rings."""
    rings = [ring for layer in layers for ring in layer]
    owner = np.repeat(np.arange(len(layers)), [len(layer) for layer in layers])
    sizes = np.array([len(ring) for ring in rings], dtype=np.intp)
    x, y = np.concatenate([np.empty((0, 2)), *rings]).T
    last = np.cumsum(sizes) - 1
    following = np.arange(1, x.size + 1)
    following[last] = last - sizes + 1
    return _Pieces(np.repeat(owner, sizes), x, y, x[following], y[following])


def _cut(pieces: _Pieces, lines: Lines) -> tuple[_Pieces, IndexArray, NDArray[np.int8], IndexArray]:
    """Pieces cut at every line their first coordinate crosses.

    Returns the new pieces; the cell of each along that coordinate (-1 and ``cells`` outside);
    whether each begins on a line and in which direction (+1 up, -1 down, 0 at a vertex); and
    the piece each came from.
    """
    first, last = lines.cell(pieces.x0), lines.cell(pieces.x1)
    count = np.abs(last - first) + 1
    of = np.repeat(np.arange(count.size), count)
    step = np.arange(of.size) - np.repeat(np.cumsum(count) - count, count)
    up = (last >= first)[of]
    cell = first[of] + np.where(up, step, -step)
    begins, ends = step > 0, step < count[of] - 1
    top = lines.positions_mm.size - 1
    low = lines.positions_mm[np.clip(cell, 0, top)]
    high = lines.positions_mm[np.clip(cell + 1, 0, top)]
    x0, y0, x1, y1 = pieces.x0[of], pieces.y0[of], pieces.x1[of], pieces.y1[of]
    slope = (y1 - y0) / np.where(x1 == x0, 1.0, x1 - x0)
    start = np.where(begins, np.where(up, low, high), x0)
    stop = np.where(ends, np.where(up, high, low), x1)
    cut = _Pieces(
        pieces.layer[of],
        start,
        np.where(begins, y0 + (start - x0) * slope, y0),
        stop,
        np.where(ends, y0 + (stop - x0) * slope, y1),
    )
    return cut, cell, np.where(begins, np.where(up, 1, -1), 0).astype(np.int8), of


def _winding(
    by_row: _Pieces, row: IndexArray, crossing: NDArray[np.int8], *, u: Lines, v: Lines, layers: int
) -> BoolArray:
    """Whether each grid node lies inside: crossings of its grid line to its left, summed."""
    at_line = crossing != 0
    begin, upward = by_row.take(at_line), crossing[at_line] > 0
    line = np.where(upward, row[at_line], row[at_line] + 1)
    node = u.cell(begin.x0) + 1
    shape = (layers, v.cells + 1, u.cells + 2)
    flat = np.ravel_multi_index((begin.layer, line, node), shape)
    sign = np.where(upward, -1.0, 1.0)
    crossings = np.bincount(flat, weights=sign, minlength=int(np.prod(shape)))
    small = crossings.astype(np.int16).reshape(shape)
    return np.asarray(np.cumsum(small, axis=2, dtype=np.int16)[:, :, :-1] > 0)


def covered_cells(
    place: tuple[IndexArray, IndexArray, IndexArray],
    ends: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    node_inside: BoolArray,
) -> Cells:
    """What pieces of outlines cover of the cells they run through.

    A cell that no piece of an outline runs through is covered wholly or not at all, as the node at
    its corner is inside or not. Only the others are summed up.

    Parameters
    ----------
    place : three (m,) int
        Layer, row and column of the cell of each piece.
    ends : four (m,) float
        x and y at which each piece begins and ends, 0 .. 1 in its cell; the inside is on its left.
    node_inside : (layers, v lines, u lines) bool
    """
    layer, row, column = place
    x0, y0, x1, y1 = ends
    height = y0 - y1  # a counter-clockwise ring runs down its left side
    middle = (y0 + y1) / 2
    whole = node_inside[:, :-1, :-1].copy()
    layers, rows, columns = whole.shape
    flat = (layer * rows + row) * columns + column
    met = np.zeros(whole.size, dtype=bool)
    met[flat] = True
    cells = np.flatnonzero(met)
    whole.ravel()[cells] = False
    number = np.empty(whole.size, dtype=np.int32)
    number[cells] = np.arange(cells.size)
    sums = _RowSums(number[flat], cells // columns)
    area = sums.total(height * (1.0 - (x0 + x1) / 2), height)
    moment_u = sums.total(height * (0.5 - (x0 * x0 + x0 * x1 + x1 * x1) / 6), height / 2)
    onward = height * middle
    moment_v = sums.total(onward - height * (x0 * (2 * y0 + y1) + x1 * (y0 + 2 * y1)) / 6, onward)
    covered = area > 1e-12
    area = np.where(covered, np.minimum(area, 1.0), 0.0)
    safe = np.where(covered, area, 1.0)
    u, v = (
        np.clip(np.where(covered, moment / safe, 0.5), 0.0, 1.0) for moment in (moment_u, moment_v)
    )
    of_layer = cells // (rows * columns)
    start = np.searchsorted(of_layer, np.arange(layers + 1))
    return Cells(whole, start, cells - of_layer * (rows * columns), area, u, v)


class _RowSums:
    """Sums over the pieces in cells, and over those further left in the cells' rows.

    ``number`` is each piece's cell among those that pieces run through, ascending; ``row`` (n,) is
    the row of each of these.
    """

    def __init__(self, number: IndexArray, row: IndexArray) -> None:
        self._number, self._count = number, row.size
        self._first = np.flatnonzero(np.diff(row, prepend=-1))

    def total(self, here: FloatArray, onward: FloatArray) -> FloatArray:
        """What pieces add to their own cells, and to each cell right of them, (n,)."""
        total: FloatArray = np.bincount(self._number, here, self._count).astype(float)
        if not self._count:
            return total
        passed = np.zeros(self._count)
        passed[1:] = np.bincount(self._number, onward, self._count)[:-1]
        # Each row begins at nothing: what the one before summed up to is taken off there, so that
        # the running sum stays small and keeps its digits.
        passed[self._first] = 0.0
        passed[self._first[1:]] = -np.add.reduceat(passed, self._first)[:-1]
        total += np.cumsum(passed)
        return total

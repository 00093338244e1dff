"""Cells that cross-sections cover differently: where a blend of them has something to say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rtplan.geometry.grid import FloatArray
from rtplan.geometry.raster import BoolArray, Cells, IndexArray


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """Covered parts (k,) of cells and their centroids (k,), as of ``Cells``."""

    fraction: FloatArray
    u: FloatArray
    v: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Met:
    """Cells that several cross-sections each, of m groups, do not all fill or all leave empty.

    ``whole`` (m, cells) are those that all fill; ``owner`` and ``cell`` (k,) are group and cell of
    those that they differ in or that an outline runs through, and ``at`` what each cross-section
    covers of these.
    """

    whole: BoolArray
    owner: IndexArray
    cell: IndexArray
    at: list[Share]


class Compared:
    """Cross-sections made ready to be compared cell by cell.

    Each cell of each has a code: 0 where it is empty, 1 where it is full, else where what is
    covered of it is in the tables.
    """

    def __init__(self, cells: Cells) -> None:
        layers = len(cells.whole)
        self._codes = cells.whole.reshape(layers, -1).astype(np.int32)
        self._codes[cells.layer, cells.cell] = np.arange(2, cells.cell.size + 2)
        self._tables = (
            np.append([0.0, 1.0], cells.fraction),
            np.append([0.5, 0.5], cells.u),
            np.append([0.5, 0.5], cells.v),
        )

    def met(self, groups: Iterable[IndexArray]) -> Met:
        """``groups``: of the first, second, ... cross-section of each group, the layer (m,)."""
        first, *others = (self._codes[layer] for layer in groups)
        met = first > 1
        for other in others:
            met |= other != first
        owner, cell = np.nonzero(met)
        parts = [
            Share(*(table[codes[owner, cell]] for table in self._tables))
            for codes in (first, *others)
        ]
        return Met((first == 1) & ~met, owner, cell, parts)

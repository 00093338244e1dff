"""Masks: the exact outlines of a plane's pixels, along their edges.

A mask says of each pixel whether it belongs to a structure. Its outlines run along the edges of
the pixels, so that they enclose as much area as the pixels have, no more and no less.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtplan.errors import GeometryError
from rtplan.geometry.raster import IndexArray

MOST_CORNERS = 1_000_000
"""A plane whose outlines have more corners is noise, not a structure."""

BoolArray = NDArray[np.bool_]

_TURNS = np.ones(16, dtype=bool)
_TURNS[[0, 3, 5, 10, 12, 15]] = False
_SADDLE = np.zeros(16, dtype=bool)
_SADDLE[[6, 9]] = True


def outlines(mask: BoolArray) -> tuple[IndexArray, ...]:
    """Outlines of the pixels of a mask, as rings that never cross nor touch themselves.

    Parameters
    ----------
    mask : (rows, columns) bool

    Returns
    -------
    tuple of (n, 2) int
        Corners (column, row) of the pixel lattice: pixel (r, c) reaches from (c, r) to
        (c + 1, r + 1). Only where a ring turns; the first is not repeated. Rings around pixels
        have a positive area in these coordinates, rings around holes a negative one. Pixels that
        meet in a corner only are not joined there; rings may touch each other in such corners.

    Raises
    ------
    GeometryError
        The outlines have more than ``MOST_CORNERS`` corners.

    >>> [ring.tolist() for ring in outlines(np.array([[True, True], [False, False]]))]
    [[[0, 0], [2, 0], [2, 1], [0, 1]]]
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return ()
    part = np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1)
    row, column, right, below = _corners(part)
    following = _following(part, row, column, right, below)
    ring = _least_of_cycle(following)
    following = _apart(row, column, ring, following)
    ring = _least_of_cycle(following)
    order = np.lexsort((_place(ring, following), ring))
    points = np.column_stack([column + columns[0], row + rows[0]])[order]
    return tuple(np.split(points, np.flatnonzero(np.diff(ring[order])) + 1))


def _corners(part: BoolArray) -> tuple[IndexArray, IndexArray, BoolArray, BoolArray]:
    """Where outlines turn: row and column of each corner, and which way its edges leave it.

    ``part`` is padded by a pixel. A corner has one edge along its row, to the right or the left,
    and one along its column, to below or above. Where two pixels meet in a corner only there are
    two corners, each with the edges of its own pixel.
    """
    bits = part.astype(np.uint8)
    # Upper left 1, upper right 2, lower left 4, lower right 8.
    around = bits[:-1, :-1] + 2 * bits[:-1, 1:] + 4 * bits[1:, :-1] + 8 * bits[1:, 1:]
    row, column = np.nonzero(_TURNS[around])
    kind = around[row, column]
    twice = _SADDLE[kind]
    count = kind.size + int(twice.sum())
    if count > MOST_CORNERS:
        raise GeometryError(
            f"its outline on a plane has {count} corners, expected at most {MOST_CORNERS}"
        )
    right = np.append(np.isin(kind, (2, 6, 7, 8, 13)), kind[twice] == 9)
    below = np.append(np.isin(kind, (4, 7, 8, 11)), np.ones(int(twice.sum()), dtype=bool))
    return np.append(row, row[twice]), np.append(column, column[twice]), right, below


def _following(
    part: BoolArray, row: IndexArray, column: IndexArray, right: BoolArray, below: BoolArray
) -> IndexArray:
    """The corner that follows each on its ring, (n,): pixels lie between an edge and its ring."""
    following = np.empty(row.size, dtype=np.intp)
    along_row = np.lexsort((right, column, row))
    left_end, right_end = along_row[0::2], along_row[1::2]
    is_onward = part[row[left_end] + 1, column[left_end] + 1]
    _lead(following, left_end, right_end, is_onward)
    along_column = np.lexsort((below, row, column))
    upper, lower = along_column[0::2], along_column[1::2]
    _lead(following, upper, lower, part[row[upper] + 1, column[upper]])
    return following


def _lead(following: IndexArray, one: IndexArray, other: IndexArray, is_onward: BoolArray) -> None:
    """Lead each corner to the other end of its edge, or back."""
    following[one[is_onward]] = other[is_onward]
    following[other[~is_onward]] = one[~is_onward]


def _least_of_cycle(following: IndexArray) -> IndexArray:
    """The least index on the cycle of each corner, (n,)."""
    least, jump = np.arange(following.size), following
    for _ in range(int(following.size).bit_length()):
        least = np.minimum(least, least[jump])
        jump = jump[jump]
    return least


def _apart(
    row: IndexArray, column: IndexArray, ring: IndexArray, following: IndexArray
) -> IndexArray:
    """``following`` with each ring that touches itself in a corner parted in two there."""
    order = np.lexsort((column, row))
    one, other = order[:-1], order[1:]
    same = (row[one] == row[other]) & (column[one] == column[other]) & (ring[one] == ring[other])
    one, other = one[same], other[same]
    parted = following.copy()
    parted[one], parted[other] = following[other], following[one]
    return parted


def _place(ring: IndexArray, following: IndexArray) -> IndexArray:
    """Place of each corner on its ring, (n,), from 0 at the ring's least index."""
    is_last = following == ring
    left = np.where(is_last, 0, 1)
    jump = np.where(is_last, np.arange(ring.size), following)
    for _ in range(int(ring.size).bit_length()):
        left = left + left[jump]
        jump = jump[jump]
    return np.asarray(left[ring] - left, dtype=np.intp)

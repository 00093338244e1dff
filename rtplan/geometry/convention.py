"""Conventions: what a structure is between its contour planes and beyond the last of them."""

from __future__ import annotations

from enum import StrEnum

CAPPED_MM = 1.5
"""``half_slice_capped`` never adds more than this at an end, mm."""


class Interpolation(StrEnum):
    """What a structure is between its contour planes.

    ``RIGHT_PRISM``: each contour holds halfway to its neighbours. ``SHAPE_BASED``: contours pass
    into each other, through cross-sections whose areas follow the contours' own.
    """

    RIGHT_PRISM = "right_prism"
    SHAPE_BASED = "shape_based"


class EndCap(StrEnum):
    """What a structure is beyond its last contour planes.

    ``NONE``: nothing. ``HALF_SLICE``: the last contour, half a spacing further.
    ``HALF_SLICE_CAPPED``: the same, at most ``CAPPED_MM``. ``ROUNDED``: the last contour, shrinking
    as the areas of the last three say, where they say that it ends within a spacing; otherwise as
    ``HALF_SLICE``.
    """

    NONE = "none"
    HALF_SLICE = "half_slice"
    HALF_SLICE_CAPPED = "half_slice_capped"
    ROUNDED = "rounded"

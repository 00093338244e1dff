"""Geometry as evidence of a structure's role: as large as the body, or hollow around a target.

Only boxes and areas of contours are looked at: enough to tell a body from a tumour and a ring from
a ball, and cheap for thousands of contours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rtplan.geometry.contour import Structure
from rtplan.geometry.grid import FloatArray
from rtplan.geometry.planes import signed_area_mm2

BODY_PART = 0.5
"""Part of the external's mean section, and of its height, from which a tumour is as the body."""
BODY_MM2 = 40_000.0
"""Where no external is drawn: a mean section beyond that of any tumour (a disc of 226 mm)."""
LEAST_MM2 = 10_000.0
"""Mean section below which nothing is the body, however small the external (a disc of 113 mm)."""
HOLLOW_PART = 0.5
"""Part of a structure's planes on which a hollow one is open in the middle."""
HOLE_PART = 0.02
"""Part of a contour's box that the box of a hole in it must have."""


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Boxes (n, 3) of a structure's closed contours, mm, patient LPS; ``plane`` numbers planes."""

    low: FloatArray
    high: FloatArray
    plane: FloatArray

    @property
    def planes(self) -> int:
        """Number of axial planes with contours."""
        return len(np.unique(self.plane))

    @property
    def size_mm(self) -> FloatArray:
        """Size (3,) of all contours together."""
        return np.asarray(self.high.max(axis=0) - self.low.min(axis=0))


def boxes_of(structure: Structure) -> Boxes | None:
    """The boxes of a structure's closed contours; None where they are not axial, or none."""
    contours = structure.closed
    if not contours:
        return None
    starts = np.cumsum([0, *(len(c.points_mm) for c in contours[:-1])])
    points = np.concatenate([c.points_mm for c in contours])
    low = np.minimum.reduceat(points, starts)
    high = np.maximum.reduceat(points, starts)
    if (high[:, 2] - low[:, 2] > 0.1).any():
        return None
    return Boxes(low, high, np.round(low[:, 2], 1).astype(np.float64))


def is_as_the_body(structure: Structure, boxes: Boxes, external: Structure | None) -> bool:
    """Whether a structure is as large as the patient's body: its mean section, and its height.

    Without an external, the section alone tells.
    """
    whole = None if external is None else boxes_of(external)
    least = BODY_MM2 if whole is None else 0.8 * float(np.prod(whole.size_mm[:2])) * BODY_PART
    if float(np.prod(boxes.size_mm[:2])) < least:
        return False
    section = _area_mm2(structure) / boxes.planes
    if external is None or whole is None:
        return section >= BODY_MM2
    tall = float(boxes.size_mm[2]) >= BODY_PART * float(whole.size_mm[2])
    return (
        tall and section >= LEAST_MM2 and section >= BODY_PART * _area_mm2(external) / whole.planes
    )


def _area_mm2(structure: Structure) -> float:
    """Areas of all axial contours, summed; holes too."""
    return sum(abs(signed_area_mm2(contour.points_mm[:, :2])) for contour in structure.closed)


def hole_of(boxes: Boxes) -> tuple[FloatArray, FloatArray] | None:
    """The box, low and high (3,) mm, that a hollow structure leaves open; None where it is solid.

    A contour is a hole where its box lies in another's on its plane and is no small part of it.
    """
    if len(boxes.plane) < 1.5 * boxes.planes:
        return None
    order = np.argsort(boxes.plane, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(boxes.plane[order])) + 1)
    area = np.prod((boxes.high - boxes.low)[:, :2], axis=1)
    holes = [n for group in groups if len(group) > 1 for n in _holes(boxes, area, group.tolist())]
    open_planes = len(np.unique(boxes.plane[holes])) if holes else 0
    if open_planes < HOLLOW_PART * len(groups):
        return None
    return boxes.low[holes].min(axis=0), boxes.high[holes].max(axis=0)


def _holes(boxes: Boxes, area: FloatArray, group: Sequence[int]) -> list[int]:
    outer = max(group, key=lambda n: area[n])
    return [
        n
        for n in group
        if n != outer
        and area[n] >= HOLE_PART * area[outer]
        and (boxes.low[n, :2] > boxes.low[outer, :2]).all()
        and (boxes.high[n, :2] < boxes.high[outer, :2]).all()
    ]


def surrounded(
    hole: tuple[FloatArray, FloatArray], others: Iterable[tuple[Structure, Boxes]]
) -> Structure | None:
    """The first of some structures that lies in a hole, up to 1 mm."""
    low, high = hole[0] - 1.0, hole[1] + 1.0
    for structure, boxes in others:
        inside = (boxes.low[:, :2] >= low[:2]).all() and (boxes.high[:, :2] <= high[:2]).all()
        middle = 0.5 * (boxes.low[:, 2].min() + boxes.high[:, 2].max())
        if inside and low[2] <= middle <= high[2]:
            return structure
    return None

"""Where the planes of an RT Dose lie: Grid Frame Offset Vector, or one object for each plane.

PS3.3 C.8.8.3.2 and C.7.6.2. Positions that are missing, contradict themselves, or leave open
whether a plane is lost make the dose unusable with a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtplan.dicom.inventory import FoundDose
from rtplan.dicom.parse import decimals, integer
from rtplan.errors import DicomError, DoseError
from rtplan.findings import Finding, finding
from rtplan.geometry.grid import FloatArray, Grid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_POSITION_MM = 1e-3
_UNEVEN_MM = 1e-3
_NEAREST_MM = 0.01
_WIDEST_MM = 1_000.0
_FARTHEST_MM = 100_000.0
_GAP_FACTOR = 1.5
_ORTHOGONAL = 1e-3
_TWO_READINGS = (
    "the Grid Frame Offset Vector starts at 0, which is also the z coordinate of Image Position, "
    "and the planes' normal points to smaller z: it was read as offsets along the normal; read as "
    "z coordinates it would give other positions"
)


class Unusable(DoseError):
    """The dose cannot be used: the code of the finding, and why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """Dose planes in ascending order: their grid, and the stored index of each."""

    grid: Grid
    order: NDArray[np.intp]


def read_planes(dataset: Dataset, sop_instance_uid: str, notes: list[Finding]) -> Planes:
    """The grid of the stored planes, in ascending order along the normal.

    What is noticed is added to ``notes``.

    Raises
    ------
    Unusable, DicomError
        The planes have no place, or their places contradict each other.
    """

    def note(code: str, text: str) -> None:
        notes.append(finding(code, text, sop_instance_uid=sop_instance_uid))

    rows, columns = integer(dataset, "Rows"), integer(dataset, "Columns")
    if not rows or not columns:
        raise Unusable("RTD013", "the object holds no dose grid (no Rows or Columns)")
    orientation = _needed(dataset, "ImageOrientationPatient", 6)
    position = _needed(dataset, "ImagePositionPatient", 3)
    spacing = _needed(dataset, "PixelSpacing", 2)
    if min(spacing) < _NEAREST_MM or max(spacing) > _WIDEST_MM:
        raise Unusable("RTD011", f"Pixel Spacing is {spacing[0]:g}, {spacing[1]:g} mm")
    directions = plane_directions(orientation)
    offsets, doubt = _plane_offsets(dataset, position, directions)
    farthest = max(*(abs(value) for value in position), float(np.abs(offsets).max()))
    if farthest > _FARTHEST_MM:
        raise Unusable("RTD011", f"the dose lies {farthest:g} mm from the origin of the patient")
    if doubt:
        note("RTD018", doubt)
    order = np.argsort(offsets, kind="stable")
    ascending = offsets[order]
    steps = np.diff(ascending)
    if (steps < _NEAREST_MM).any():
        raise Unusable(
            "RTD003",
            f"two dose planes lie {steps.min():.3g} mm apart, expected at least {_NEAREST_MM:g} mm",
        )
    if not (order == np.arange(order.size)).all():
        descending = bool((order == np.arange(order.size)[::-1]).all())
        note(
            "RTD006" if descending else "RTD007",
            f"{order.size} planes, stored {'in descending' if descending else 'in no'} order",
        )
    if steps.size and steps.max() - steps.min() > _UNEVEN_MM:
        note("RTD012", f"steps between planes are {steps.min():g} to {steps.max():g} mm")
    grid = Grid(
        origin_mm=np.array(position) + directions[:, 2] * ascending[0],
        directions=directions,
        axes_mm=(
            np.arange(columns, dtype=np.float64) * spacing[1],
            np.arange(rows, dtype=np.float64) * spacing[0],
            ascending - ascending[0],
        ),
    )
    return Planes(grid, order)


def join_planes(doses: Sequence[FoundDose]) -> tuple[FoundDose | None, tuple[Finding, ...]]:
    """One dose from single-plane doses that differ only in position along their normal.

    A step of more than 1.5 times the smallest makes the joined dose unusable: nothing tells
    whether a plane between was lost, as a vector of offsets would.

    Parameters
    ----------
    doses : sequence of FoundDose
        At least two, usable, of one plane each, with the same references.

    Returns
    -------
    FoundDose or None, tuple of Finding
        None where the planes do not make one grid: the doses then stay on their own.
    """
    grids = [dose.grid for dose in doses if dose.grid is not None]
    first = grids[0]
    if len(grids) != len(doses) or any(not _same_plane(first, grid) for grid in grids):
        return None, ()
    normal = first.directions[:, 2]
    offsets = np.array([float((grid.origin_mm - first.origin_mm) @ normal) for grid in grids])
    sideways = [
        float(np.abs(grid.origin_mm - first.origin_mm - offset * normal).max())
        for grid, offset in zip(grids, offsets, strict=True)
    ]
    order = np.argsort(offsets, kind="stable")
    steps = np.diff(offsets[order])
    if max(sideways) > _POSITION_MM or (steps < _NEAREST_MM).any():
        return None, ()
    sorted_doses = [doses[index] for index in order]
    base = grids[order[0]]
    grid = Grid(
        origin_mm=base.origin_mm.copy(),
        directions=first.directions.copy(),
        axes_mm=(
            first.axes_mm[0].copy(),
            first.axes_mm[1].copy(),
            offsets[order] - offsets[order[0]],
        ),
    )
    problem = _gap(offsets[order])
    joined = replace(
        sorted_doses[0],
        files=tuple(dose.files[0] for dose in sorted_doses),
        inputs=tuple(dose.inputs[0] for dose in sorted_doses),
        grid=None if problem else grid,
        problem=problem,
    )
    notes = [("RTD009", f"{len(doses)} single-plane objects joined")]
    if problem:
        notes = [("RTD017", problem)]
    elif steps.max() - steps.min() > _UNEVEN_MM:
        notes.append(("RTD012", f"steps between planes are {steps.min():g} to {steps.max():g} mm"))
    return joined, tuple(finding(code, text, sop_instance_uid=joined.uid) for code, text in notes)


def _gap(offsets: FloatArray) -> str | None:
    """Why single planes, at these ascending offsets, may not be all there were."""
    steps = np.diff(offsets)
    widest = int(steps.argmax())
    if steps[widest] <= _GAP_FACTOR * steps.min() + _UNEVEN_MM:
        return None
    return (
        f"of {offsets.size} single-plane dose objects, planes {widest + 1} and {widest + 2} lie "
        f"{steps[widest]:g} mm apart, others {steps.min():g} mm: a plane may be missing"
    )


def plane_directions(orientation: Sequence[float]) -> FloatArray:
    """Columns along a row, along a column, and along their cross product (PS3.3 C.7.6.2.1.1).

    Raises
    ------
    DicomError
        The two directions are not of unit length or not perpendicular.
    """
    along_row, along_column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
    if (
        max(abs(lengths[0] - 1), abs(lengths[1] - 1)) > _ORTHOGONAL
        or abs(float(along_row @ along_column)) > _ORTHOGONAL
    ):
        shown = "\\".join(f"{value:g}" for value in orientation)
        raise DicomError(
            f"Image Orientation (Patient) {shown} is not two perpendicular unit vectors"
        )
    along_row = along_row / lengths[0]
    along_column = along_column - (along_row @ along_column) * along_row
    along_column = along_column / np.linalg.norm(along_column)
    return np.column_stack([along_row, along_column, np.cross(along_row, along_column)])


def _same_plane(first: Grid, other: Grid) -> bool:
    return (
        first.shape == other.shape
        and first.shape[0] == 1
        and np.allclose(first.directions, other.directions, atol=1e-6)
        and np.allclose(first.spacing_mm, other.spacing_mm, atol=1e-6)
    )


def _needed(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...]:
    """Numbers without which a dose has no place."""
    values = decimals(dataset, keyword, count)
    if values is None:
        raise Unusable("RTD011", f"{keyword} is missing")
    return values


def _plane_offsets(
    dataset: Dataset, position: Sequence[float], directions: FloatArray
) -> tuple[FloatArray, str | None]:
    """Distance of each stored plane from Image Position along the normal (PS3.3 C.8.8.3.2).

    Form a: offsets that start at 0. Form b: patient z coordinates that start at the third value
    of Image Position, for transverse planes only. Where both fit, form a is taken, with a text
    that says so if form b gives other positions: that is when the normal points to smaller z.
    """
    frames = frames_of(dataset)
    stored = decimals(dataset, "GridFrameOffsetVector")
    if stored is None:
        if frames == 1:
            return np.zeros(1), None
        raise Unusable("RTD003", f"{frames} dose planes and no Grid Frame Offset Vector")
    if len(stored) != frames:
        raise Unusable(
            "RTD003", f"Grid Frame Offset Vector has {len(stored)} values for {frames} dose planes"
        )
    offsets: FloatArray = np.array(stored, dtype=np.float64)
    if frames == 1:
        return np.zeros(1), None
    along_z = float(directions[2, 2])
    by_z: FloatArray | None = None
    if abs(offsets[0] - position[2]) <= _POSITION_MM and abs(abs(along_z) - 1) <= 1e-6:
        by_z = np.asarray((offsets - position[2]) * np.sign(along_z), dtype=np.float64)
    if abs(offsets[0]) <= _POSITION_MM:
        differs = by_z is not None and np.abs(by_z - offsets).max() > _NEAREST_MM
        return offsets, _TWO_READINGS if differs else None
    if by_z is not None:
        return by_z, None
    raise Unusable(
        "RTD003",
        f"Grid Frame Offset Vector starts at {offsets[0]:g}: neither 0 nor, for transverse "
        f"planes, the z coordinate {position[2]:g} of Image Position (Patient)",
    )


def frames_of(dataset: Dataset) -> int:
    """Number of Frames, 1 where it is absent.

    Raises
    ------
    Unusable
        It is less than 1.
    """
    frames = integer(dataset, "NumberOfFrames")
    if frames is not None and frames < 1:
        raise Unusable("RTD003", f"Number of Frames is {frames}")
    return frames or 1

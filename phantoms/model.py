"""A phantom: everything that is written of it, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtplan.case import Plan
from rtplan.dicom.write_plan import Beam
from rtplan.dose.grid import DoseGrid
from rtplan.geometry.contour import Structure
from rtplan.geometry.grid import FloatArray, Grid

TRUTH_SCHEMA = "rtplan/phantom/1"


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A synthetic patient.

    Parameters
    ----------
    name, description : str
    image : Grid
        Voxel centres of the CT.
    hu : (k, j, i) int16
        Hounsfield units.
    structures : tuple of Structure
    dose : DoseGrid
    plan : Plan
    beams : tuple of Beam
    truth : dict
        What is known of the phantom, ready for JSON: units are in the keys.
    facts_toml : str or None
        Facts that DICOM does not hold.
    dose_bits, decimals : int
        Bits of a stored dose; decimals of a contour coordinate in mm.
    """

    name: str
    description: str
    image: Grid
    hu: NDArray[np.int16]
    structures: tuple[Structure, ...]
    dose: DoseGrid
    plan: Plan
    beams: tuple[Beam, ...]
    truth: dict[str, object]
    facts_toml: str | None = None
    dose_bits: int = 32
    decimals: int = 9


def axial_grid(x_mm: FloatArray, y_mm: FloatArray, z_mm: FloatArray) -> Grid:
    """The grid of voxel centres at the ascending coordinates given, axes along the patient's."""
    origin = np.array([x_mm[0], y_mm[0], z_mm[0]], dtype=float)
    return Grid(origin, np.eye(3), (x_mm - x_mm[0], y_mm - y_mm[0], z_mm - z_mm[0]))


def coordinates_mm(grid: Grid) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Coordinates x, y, z, mm, along the axes of an axial grid."""
    x, y, z = (
        float(start) + axis for start, axis in zip(grid.origin_mm, grid.axes_mm, strict=True)
    )
    return x, y, z

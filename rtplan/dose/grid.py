"""A dose distribution: absorbed dose at voxel centres, Gy, with what it says about itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rtplan.dose.means import CellMeans
from rtplan.errors import DoseError
from rtplan.geometry.grid import Grid


class SummationType(StrEnum):
    """Dose Summation Type (3004,000A), PS3.3 C.8.8.3; OTHER for anything else stored."""

    PLAN = "PLAN"
    MULTI_PLAN = "MULTI_PLAN"
    FRACTION = "FRACTION"
    BEAM = "BEAM"
    OTHER = "OTHER"


@dataclass(frozen=True, eq=False)
class DoseGrid:
    """Dose at the voxel centres of a grid.

    Parameters
    ----------
    grid : Grid
    values_gy : (k, j, i) float
        Dose at each voxel centre, Gy, read-only; as read, single precision.
    sop_instance_uid : str
    summation : SummationType
    dose_type : str
        Dose Type (3004,0004) as stored: PHYSICAL, EFFECTIVE, ERROR.
    frame_of_reference_uid, plan_uid, structure_set_uid : str or None
        What the dose refers to.

    Raises
    ------
    DoseError
        Shape differs from the grid's, or a value is not finite.
    """

    grid: Grid
    values_gy: NDArray[np.floating]
    sop_instance_uid: str = ""
    summation: SummationType = SummationType.PLAN
    dose_type: str = "PHYSICAL"
    frame_of_reference_uid: str | None = None
    plan_uid: str | None = None
    structure_set_uid: str | None = None

    def __post_init__(self) -> None:
        if self.values_gy.shape != self.grid.shape:
            raise DoseError(
                f"dose values have shape {self.values_gy.shape}, the grid {self.grid.shape}"
            )
        least, most = self.values_gy.min(), self.values_gy.max()
        if not (np.isfinite(least) and np.isfinite(most)):
            raise DoseError("dose grid has a value that is not finite")
        self.values_gy.flags.writeable = False

    @cached_property
    def means(self) -> CellMeans:
        """Means of its cells, for all structures."""
        return CellMeans(self.values_gy, self.grid.axes_mm[::-1])

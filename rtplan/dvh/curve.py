"""A cumulative dose-volume histogram, read off by interpolation, never by nearest bin."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from rtplan.findings import Finding
from rtplan.geometry.grid import FloatArray, read_only


@dataclass(frozen=True, slots=True, eq=False)
class DVH:
    """Volume that receives at least a dose, piecewise linear between nodes.

    Parameters
    ----------
    dose_gy : (n,) float
        Ascending; the first at the structure's minimum dose, the last at its maximum. The maximum
        stands twice where a plateau of the dose ends the curve with a step.
    volume_cc : (n,) float
        Never rising; starts at the covered volume, ends at 0.
    mean_gy : float
        Mean dose over the covered volume, from moments and not from the curve.
    """

    dose_gy: FloatArray
    volume_cc: FloatArray
    mean_gy: float

    def __post_init__(self) -> None:
        read_only(self.dose_gy)
        read_only(self.volume_cc)

    @property
    def min_gy(self) -> float:
        """Minimum dose, Gy."""
        return float(self.dose_gy[0])

    @property
    def max_gy(self) -> float:
        """Maximum dose, Gy."""
        return float(self.dose_gy[-1])

    @property
    def covered_cc(self) -> float:
        """Volume the curve starts from, cc."""
        return float(self.volume_cc[0])

    def volume_at(self, dose_gy: float) -> float:
        """Volume, cc, that receives at least ``dose_gy``."""
        if dose_gy <= self.min_gy:
            return self.covered_cc
        if dose_gy > self.max_gy:
            return 0.0
        upper = int(np.searchsorted(self.dose_gy, dose_gy, side="left"))
        d_low, d_high = float(self.dose_gy[upper - 1]), float(self.dose_gy[upper])
        v_low, v_high = float(self.volume_cc[upper - 1]), float(self.volume_cc[upper])
        return v_high + (v_low - v_high) * (d_high - dose_gy) / (d_high - d_low)

    def dose_at(self, volume_cc: float) -> float:
        """Largest dose, Gy, that at least ``volume_cc`` receives.

        0 cc gives the maximum; more than the covered volume is a ValueError.
        """
        if not 0 <= volume_cc <= self.covered_cc:
            raise ValueError(f"volume {volume_cc} cc is outside 0 to {self.covered_cc} cc")
        falling = self.volume_cc[::-1]
        # The largest dose of a flat stretch: the first node, coming from the high-dose end,
        # whose volume reaches the one asked for.
        upper = int(np.searchsorted(falling, volume_cc, side="left"))
        if upper == 0:
            return self.max_gy
        v_low, v_high = float(falling[upper - 1]), float(falling[upper])
        d_low, d_high = float(self.dose_gy[::-1][upper - 1]), float(self.dose_gy[::-1][upper])
        return d_low + (d_high - d_low) * (volume_cc - v_low) / (v_high - v_low)


class Open(StrEnum):
    """What the data of a case leave open: they fix contours on planes and doses at voxels."""

    SLICES = "slices"
    """The shape between the contour planes, and how far it reaches beyond the last ones."""

    DOSE = "dose"
    """The dose between voxel centres."""


@dataclass(frozen=True, slots=True, eq=False)
class Alternative:
    """Another reading of the same data, differing in one thing that they leave open.

    Parameters
    ----------
    open : Open
        What it reads otherwise than the result it belongs to.
    volume_cc : float
        Volume of the structure in this reading; 0 where it vanishes.
    dvh : DVH or None
        None where the reading has no volume or the dose grid does not reach it.
    """

    open: Open
    volume_cc: float
    dvh: DVH | None


@dataclass(frozen=True, slots=True, eq=False)
class StructureDVH:
    """What was computed for one structure.

    ``volume_cc`` is None only where the structure has no volume to compute (``reason`` says why);
    ``dvh`` is None without a usable dose or where the dose grid does not reach the structure.
    ``alternatives`` are other readings of the same data, empty where none were computed. A kind of
    which there is none was not looked at; one that changes nothing is there with the same curve.
    """

    number: int
    name: str
    roi_type: str
    volume_cc: float | None
    covered_cc: float | None
    dvh: DVH | None
    reason: str | None = None
    findings: tuple[Finding, ...] = ()
    alternatives: tuple[Alternative, ...] = ()

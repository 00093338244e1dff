"""Our DVH beside the one that the planning system stored with its dose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtplan.case import StoredDVH
from rtplan.dvh.curve import StructureDVH


@dataclass(frozen=True, slots=True)
class Comparison:
    """Stored values of one structure and what ours differ by (ours minus stored).

    ``curve_difference_pp`` is the largest difference of the two curves, each relative to its own
    volume, in percentage points of volume, and ``at_gy`` the dose where it occurs. It is None
    where our curve does not cover the structure.
    """

    number: int
    name: str
    volume_cc: float
    volume_difference_percent: float | None
    mean_gy: float
    mean_difference_gy: float | None
    curve_difference_pp: float | None
    at_gy: float | None

    def as_json(self) -> dict[str, object]:
        """The comparison as JSON, units in the names."""
        return {
            "number": self.number,
            "name": self.name,
            "volume_cc": self.volume_cc,
            "volume_difference_percent": self.volume_difference_percent,
            "mean_gy": self.mean_gy,
            "mean_difference_gy": self.mean_difference_gy,
            "curve_difference_pp": self.curve_difference_pp,
            "at_gy": self.at_gy,
        }


def compare(stored: StoredDVH, structure: StructureDVH) -> Comparison:
    """A stored cumulative DVH beside ours."""
    volume = float(stored.volume_cc[0])
    relative = stored.volume_cc / volume
    mean = float(stored.dose_gy[0] + np.trapezoid(relative, stored.dose_gy))
    dvh, own = structure.dvh, structure.volume_cc
    difference = at = mean_difference = None
    if dvh is not None:
        ours = np.interp(stored.dose_gy, dvh.dose_gy, dvh.volume_cc / dvh.covered_cc, right=0.0)
        gap = np.abs(ours - relative)
        worst = int(gap.argmax())
        difference, at = 100 * float(gap[worst]), float(stored.dose_gy[worst])
        mean_difference = dvh.mean_gy - mean
    return Comparison(
        number=structure.number,
        name=structure.name,
        volume_cc=volume,
        volume_difference_percent=None if own is None else 100 * (own / volume - 1),
        mean_gy=mean,
        mean_difference_gy=mean_difference,
        curve_difference_pp=difference,
        at_gy=at,
    )


def compare_all(
    stored: tuple[StoredDVH, ...], structures: tuple[StructureDVH, ...]
) -> tuple[Comparison, ...]:
    """Every stored DVH whose ROI has contours of ours, in stored order."""
    by_number = {structure.number: structure for structure in structures}
    return tuple(
        compare(item, by_number[item.roi_number])
        for item in stored
        if item.roi_number in by_number and item.volume_cc[0] > 0
    )

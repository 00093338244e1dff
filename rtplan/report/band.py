"""The band of a histogram: where its curve may run by what the data leave open."""

from __future__ import annotations

import numpy as np

from rtplan.dvh.curve import DVH, StructureDVH
from rtplan.dvh.reduce import reduced
from rtplan.geometry.grid import FloatArray

POINTS = 80
"""Doses that each reading gives to the band."""


def band_json(structure: StructureDVH) -> dict[str, list[float]] | None:
    """Smallest and largest part of the volume over the curve and its alternatives.

    Returns
    -------
    dict or None
        ``dose_gy`` (n,) ascending; ``low_percent`` and ``high_percent`` (n,), each of the reading's
        own volume, as if the part outside the dose grid got no dose. None where no other reading
        was computed, or one of them has no curve: a band without it would look too narrow.
    """
    if structure.dvh is None or not structure.volume_cc or not structure.alternatives:
        return None
    readings: list[tuple[float, DVH]] = [(structure.volume_cc, structure.dvh)]
    for other in structure.alternatives:
        if other.dvh is None:
            return None
        readings.append((other.volume_cc, other.dvh))
    dose = np.unique(np.concatenate([reduced(dvh, points=POINTS)[0] for _, dvh in readings]))
    percent = np.array([_percent(dose, dvh, volume) for volume, dvh in readings])
    return {
        "dose_gy": [round(float(x), 4) for x in dose],
        "low_percent": [round(float(x), 3) for x in percent.min(axis=0)],
        "high_percent": [round(float(x), 3) for x in percent.max(axis=0)],
    }


def _percent(dose_gy: FloatArray, dvh: DVH, volume_cc: float) -> FloatArray:
    """Part of a volume, percent, that receives at least each dose."""
    volume = np.interp(dose_gy, dvh.dose_gy, dvh.volume_cc, left=dvh.covered_cc, right=0.0)
    return np.asarray(100.0 * volume / volume_cc)

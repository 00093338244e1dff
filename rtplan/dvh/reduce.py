"""A DVH as few points, for files: linear interpolation between them loses nothing that matters."""

from __future__ import annotations

import numpy as np

from rtplan.dvh.curve import DVH
from rtplan.geometry.grid import FloatArray

MAX_POINTS = 1000


def reduced(dvh: DVH, *, points: int = MAX_POINTS) -> tuple[FloatArray, FloatArray]:
    """Doses, Gy, and volumes, cc, of at most ``points`` nodes of the curve.

    Nodes are taken at equal steps of arc length in the plane of relative dose and relative
    volume, so that steep and flat parts are both followed; first and last are kept.
    """
    dose, volume = dvh.dose_gy, dvh.volume_cc
    if dose.size <= points:
        return dose, volume
    span = float(dose[-1] - dose[0])
    length = np.hypot(np.diff(dose) / span, np.diff(volume) / dvh.covered_cc)
    along = np.append(0.0, np.cumsum(length))
    wanted = np.linspace(0.0, along[-1], points)
    index = np.unique(np.clip(np.searchsorted(along, wanted), 0, dose.size - 1))
    index[0], index[-1] = 0, dose.size - 1
    if dose[-2] == dose[-1]:  # a step at the maximum keeps both its ends
        index[-2] = dose.size - 2
    return dose[index], volume[index]

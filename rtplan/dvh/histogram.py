"""A cumulative histogram kept as its second differences, so that a ramp costs two deposits.

A piece of volume whose dose is spread evenly from a to b lowers the cumulative curve along a ramp:
the slope changes by -v/(b - a) at a and by +v/(b - a) at b. Each change is shared linearly between
the two nodes around it, which keeps volume and mean dose exact.
"""

from __future__ import annotations

from copy import copy

import numpy as np

from rtplan.dose.bends import Doses
from rtplan.geometry.grid import FloatArray

NODES = 8192
_CHUNK = 16_384  # pieces whose arrays stay in the cache
_FLAT = 1e-3  # width, in steps, below which a piece has one dose


class RampHistogram:
    """Collects ramps between ``low_gy`` and ``high_gy`` on ``NODES`` equal steps."""

    def __init__(self, low_gy: float, high_gy: float) -> None:
        # A field of one value still needs a width; one step beyond on either side for the shares.
        step = max((high_gy - low_gy) / (NODES - 3), 1e-9, abs(high_gy) * 1e-12)
        self._low = low_gy - step
        self._ends = low_gy, high_gy
        self._step = step
        self._slopes = np.zeros(NODES + 1)  # changes of the slope, each at the node below it
        self._shares = np.zeros(NODES + 1)  # what of these belongs to the node above
        self._flat = np.zeros(NODES + 2)  # volumes of one dose, by the node below it

    def __add__(self, other: RampHistogram) -> RampHistogram:
        """What both hold; they have the same steps."""
        both = copy(self)
        both._slopes = self._slopes + other._slopes
        both._shares = self._shares + other._shares
        both._flat = self._flat + other._flat
        return both

    def add(self, volume: FloatArray, centre_gy: Doses, width_gy: Doses) -> None:
        """Add volumes (n,), each spread evenly over ``width_gy`` around ``centre_gy``.

        Over less at the ends of the histogram: what lay beyond would be lost.
        """
        low, high = self._ends
        reach = np.minimum(centre_gy - low, high - centre_gy)
        width_gy = np.minimum(width_gy, 2 * np.maximum(reach, 0))
        flat = width_gy < _FLAT * self._step
        if flat.any():
            node = ((centre_gy[flat] - self._low) / self._step).astype(np.intp)
            self._flat += np.bincount(np.clip(node, 0, NODES + 1), volume[flat], NODES + 2)
        for start in range(0, width_gy.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            self._add_ramps(volume[part], centre_gy[part], width_gy[part])

    def _add_ramps(self, volume: FloatArray, centre_gy: Doses, width_gy: Doses) -> None:
        """Both ends of each ramp, so few at a time that the work stays in the cache."""
        half = np.maximum(width_gy, self._step)
        change = np.empty((2, half.size))
        np.divide(volume, half, out=change[1])
        np.negative(change[1], out=change[0])
        half *= 0.5
        position = np.empty((2, half.size))
        np.subtract(centre_gy, half, out=position[0])
        np.add(centre_gy, half, out=position[1])
        position -= self._low
        position *= 1 / self._step
        np.maximum(position, 0, out=position)
        np.minimum(position, NODES - 1e-6, out=position)
        node = position.astype(np.intp)
        position -= node
        self._slopes += np.bincount(node.reshape(-1), change.reshape(-1), NODES + 1)
        change *= position
        self._shares += np.bincount(node.reshape(-1), change.reshape(-1), NODES + 1)

    def cumulative(
        self, total: float, low_gy: float, high_gy: float
    ) -> tuple[FloatArray, FloatArray]:
        """Doses and volumes at least so high, from ``low_gy`` (all of it) to ``high_gy`` (0)."""
        dose = self._low + self._step * np.arange(NODES + 2)
        slopes = self._slopes - self._shares
        slopes[1:] += self._shares[:-1]
        slope = np.cumsum(slopes)
        volume = total + np.append(0.0, np.cumsum(slope)) * self._step
        volume = np.minimum.accumulate(np.clip(volume, 0.0, total))
        if not high_gy > low_gy:
            return np.array([low_gy, low_gy]), np.array([total, 0.0])
        # A plateau at the maximum ends the curve with a step, not with a ramp to nothing.
        top = int((high_gy - self._low) / self._step)
        plateau = float(self._flat[max(top - 1, 0) : top + 2].sum())
        within = (dose > low_gy) & (dose < high_gy - self._step)
        inner = np.maximum(volume[within], plateau)
        ends = ([high_gy, high_gy], [plateau, 0.0]) if plateau > 0 else ([high_gy], [0.0])
        return (
            np.concatenate([[low_gy], dose[within], ends[0]]),
            np.concatenate([[total], inner, ends[1]]),
        )

"""How far dose metrics move when the dose grid does.

    python -m benchmarks.grid_shift

A sphere stays where it is, in a dose that stays as it is; the voxel centres at which the dose is
stored move by 0 to 1 spacing in ten steps, along each axis in turn. A linear dose is in the data
whatever the voxels, so nothing may move. A Gaussian is not, beyond what interpolation recovers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.common import SETTINGS, computed, dose_of, drawn, heading, line
from benchmarks.spheres import CENTRE, VERTICES, fields
from rtplan.dvh.engine import Settings
from rtplan.dvh.metrics import evaluate, parse
from rtplan.phantoms.drawing import Pen
from rtplan.phantoms.fields import Field
from rtplan.phantoms.solids import Sphere

# Radius, distance of the contour planes, spacing of the dose grid, mm.
SIZES = ((3.0, 1.0, 1.0), (3.0, 1.0, 2.0), (5.0, 2.0, 2.0), (25.0, 3.0, 3.0))
METRICS = ("D98%", "D95%", "D50%", "D5%", "D2%", "D0.035cc", "Mean", "Min", "Max")
STEPS = 10


@dataclass(frozen=True, slots=True)
class Shift:
    """The metric that moves most when the grid does, by how much of its value, and the cost."""

    metric: str
    percent: float
    milliseconds: float


def shift(
    size: tuple[float, float, float],
    field: Field,
    settings: Settings,
    *,
    steps: int = STEPS,
) -> Shift:
    """The largest move over the three axes."""
    radius, slices, spacing = size
    pen = Pen(slices, phase=0.2, vertices=VERTICES, area_matched=False)
    structure = drawn(Sphere(CENTRE, radius), pen)
    moves, costs = [], []
    for axis in np.eye(3):
        values = []
        for step in range(steps + 1):
            placement = 0.137 + axis * step / steps
            dose = dose_of(
                field.dose_gy, spacing, half_mm=radius + slices + 3 * spacing, placement=placement
            )
            result, _, spent = computed(structure, dose, settings)
            found = [evaluate(parse(text), result).value for text in METRICS]
            values.append([np.nan if value is None else value for value in found])
            costs.append(spent)
        moves.append(np.ptp(values, axis=0) / np.mean(values, axis=0))
    worst = np.max(moves, axis=0)
    if not np.isfinite(worst).all():
        raise SystemExit("a metric was not evaluated")
    most = int(worst.argmax())
    return Shift(METRICS[most], 100 * float(worst[most]), float(np.mean(costs)))


def main() -> None:
    """Print the table."""
    doses = ("x", "oblique", "Gaussian")
    heading(
        "Dose grid moved by 0 to 1 voxel in ten steps along each axis (target: in a linear dose no "
        "metric moves by more than 0.1 % of its value); largest move and its metric",
        ("R mm", "slices mm", "grid mm", "setting", *(f"{name} %" for name in doses), "CPU ms"),
    )
    for size in SIZES:
        for name, settings in SETTINGS.items():
            found = [shift(size, fields(size[0])[dose], settings) for dose in doses]
            moves = [f"{item.percent:.3f} ({item.metric})" for item in found]
            cost = np.mean([item.milliseconds for item in found])
            line((*(f"{part:g}" for part in size), name, *moves, f"{cost:.0f}"))


if __name__ == "__main__":
    main()

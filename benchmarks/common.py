"""What the accuracy benchmarks share: settings, dose grids, errors against a truth, tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from rtplan.dose.grid import DoseGrid
from rtplan.dvh.curve import DVH, StructureDVH
from rtplan.dvh.engine import DoseInterpolation, EndCap, Interpolation, Settings, compute
from rtplan.geometry.contour import Structure
from rtplan.geometry.grid import FloatArray, Grid
from rtplan.phantoms.drawing import Pen, draw
from rtplan.phantoms.fields import Truth
from rtplan.phantoms.solids import Solid

DEFAULT = replace(Settings(), uncertainty=False)
"""What is computed unless asked otherwise, without the other readings beside it."""
PRISMS = Settings(
    Interpolation.RIGHT_PRISM,
    EndCap.HALF_SLICE,
    DoseInterpolation.TRILINEAR,
    uncertainty=False,
)
"""The plainest reading of the data, and the quickest."""
SETTINGS: dict[str, Settings] = {"default": DEFAULT, "prism, trilinear": PRISMS}


def dose_of(
    dose_gy: Callable[[FloatArray], FloatArray],
    spacing_mm: ArrayLike,
    *,
    half_mm: float,
    placement: ArrayLike = 0.0,
) -> DoseGrid:
    """A dose known everywhere, on a grid of voxel centres that covers a cube around the origin.

    Parameters
    ----------
    dose_gy : callable
        Dose (...), Gy, at points (..., 3) mm.
    spacing_mm : float or (3,) float
        Along x, y, z.
    half_mm : float
        Half the edge of the cube.
    placement : float or (3,) float
        Parts of a spacing by which the grid is moved; at 0 a voxel centre is at the origin.
    """
    steps = np.broadcast_to(np.asarray(spacing_mm, dtype=float), 3)
    counts = np.ceil(half_mm / steps).astype(int) + 1
    origin = steps * (np.asarray(placement, dtype=float) - counts)
    x, y, z = (step * np.arange(2 * count + 1) for step, count in zip(steps, counts, strict=True))
    k, j, i = np.meshgrid(z, y, x, indexing="ij")
    values = dose_gy(origin + np.stack([i, j, k], axis=-1))
    return DoseGrid(Grid(origin, np.eye(3), (x, y, z)), values.astype(np.float32))


def drawn(solid: Solid, pen: Pen) -> Structure:
    """A solid as a structure."""
    return Structure(1, "solid", contours=draw(solid, pen))


def computed(
    structure: Structure, dose: DoseGrid, settings: Settings
) -> tuple[StructureDVH, DVH, float]:
    """The result, its curve, and the processor time it took, ms.

    Raises
    ------
    SystemExit
        There is no curve.
    """
    started = time.process_time()
    result = compute(structure, dose, settings=settings)
    spent = 1000 * (time.process_time() - started)
    if result.dvh is None or result.volume_cc is None:
        raise SystemExit(f"no DVH: {result.reason}")
    return result, result.dvh, spent


def volume_percent(result: StructureDVH, volume_cc: float) -> float:
    """Error of a volume, %; NaN where there is none."""
    return float("nan") if result.volume_cc is None else 100 * (result.volume_cc / volume_cc - 1)


def curve_pp(dvh: DVH, exact: Truth, *, doses: int = 401) -> float:
    """Largest difference from the truth, percentage points; each curve of its own volume."""
    at = np.linspace(exact.min_gy, exact.max_gy, doses)
    wanted = np.asarray(exact.volume_at(at)) / exact.volume_cc
    return 100 * float(np.abs(relative(dvh, at) - wanted).max())


def relative(dvh: DVH, doses_gy: FloatArray) -> FloatArray:
    """Part of the volume (n,) that receives at least each of (n,) doses."""
    return np.array([dvh.volume_at(float(dose)) for dose in doses_gy]) / dvh.covered_cc


def placements(count: int) -> FloatArray:
    """Where contour planes (even steps) and the dose grid (x, y, z) lie, (count, 4) in 0 .. 1."""
    from scipy.stats import qmc

    spread = qmc.Halton(3, scramble=False).random(count + 1)[1:]
    return np.column_stack([np.arange(count) / count, spread])


def heading(title: str, columns: Sequence[str]) -> None:
    """Print the title of a table, with its target, and its first lines."""
    print(f"\n### {title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)


def line(cells: Iterable[object]) -> None:
    """Print a line of a table; numbers with four digits."""
    texts = [f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells]
    print(f"| {' | '.join(texts)} |", flush=True)

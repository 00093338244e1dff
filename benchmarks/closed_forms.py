"""How far the DVH is from the truth: solids with closed forms in a linear dose.

    python benchmarks/closed_forms.py [--interpolation right_prism shape_based]

For each solid, contour spacing and dose spacing: the worst error of the volume in percent, and the
worst error of the cumulative curve in percentage points of the volume, over three placements of
the contour planes and three directions of the gradient. The truth is the smooth solid, so what
slicing loses is included: half-slice prisms leave (spacing / radius)^2 / 4 of a sphere's volume
open, and the flat ends of a cylinder or cone by half a spacing each. Shape-based interpolation has
rounded end caps, prisms have half slices.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rtplan.dose.grid import DoseGrid
from rtplan.dvh.curve import DVH
from rtplan.dvh.engine import EndCap, Interpolation, Settings, compute
from rtplan.geometry.contour import Structure
from rtplan.geometry.grid import Grid
from rtplan.phantoms.drawing import Pen, draw
from rtplan.phantoms.fields import LinearField, truth
from rtplan.phantoms.solids import Cone, Cylinder, Solid, Sphere

CENTRE = (0.0, 0.0, 0.0)
SOLIDS: dict[str, Solid] = {
    "sphere 3 mm": Sphere(CENTRE, 3.0),
    "sphere 5 mm": Sphere(CENTRE, 5.0),
    "sphere 12 mm": Sphere(CENTRE, 12.0),
    "sphere 25 mm": Sphere(CENTRE, 25.0),
    "cylinder 12 x 24 mm": Cylinder(CENTRE, 12.0, 24.0),
    "cone 12 x 24 mm": Cone((0.0, 0.0, -12.0), 12.0, 24.0),
}
GRADIENTS = {"x": (1.0, 0.0, 0.0), "z": (0.0, 0.0, 1.0), "oblique": (0.6, 0.48, 0.64)}
SPACINGS = ((0.2, 1.0), (1.0, 1.0), (2.0, 2.0), (3.0, 2.5))
PHASES = (0.0, 0.25, 0.5)
POINTS = 360
END_CAPS = {
    Interpolation.RIGHT_PRISM: EndCap.HALF_SLICE,
    Interpolation.SHAPE_BASED: EndCap.ROUNDED,
}


@dataclass(frozen=True, slots=True)
class Error:
    """Errors of one run: volume in percent, curve in percentage points, time in ms."""

    volume_percent: float
    curve_pp: float
    milliseconds: float


def dose_of(field: LinearField, spacing_mm: float, half_mm: float) -> DoseGrid:
    """The field on a grid of voxel centres around the origin."""
    steps = np.asarray(spacing_mm * np.arange(int(2 * half_mm / spacing_mm) + 1), dtype=float)
    grid = Grid(np.full(3, -half_mm), np.eye(3), (steps, steps.copy(), steps.copy()))
    k, j, i = np.meshgrid(steps, steps, steps, indexing="ij")
    points = np.stack([i, j, k], axis=-1) - half_mm
    return DoseGrid(grid, field.dose_gy(points).astype(np.float32))


def curve_error_pp(dvh: DVH, solid: Solid, field: LinearField) -> float:
    """Largest difference from the closed form, each curve relative to its own volume."""
    exact = truth(solid, field)
    doses = np.linspace(exact.min_gy, exact.max_gy, 401)
    wanted = np.asarray(exact.volume_at(doses)) / solid.volume_cc
    ours = np.array([dvh.volume_at(float(dose)) for dose in doses]) / dvh.covered_cc
    return 100 * float(np.abs(ours - wanted).max())


def runs(
    solid: Solid, slices_mm: float, dose_mm: float, interpolation: Interpolation
) -> Iterator[Error]:
    """Errors over gradients and placements of the planes."""
    settings = Settings(interpolation, END_CAPS[interpolation], lone_plane_mm=slices_mm)
    for gradient in GRADIENTS.values():
        field = LinearField(CENTRE, 60.0, gradient)
        dose = dose_of(field, dose_mm, 32.0)
        for phase in PHASES:
            pen = Pen(spacing_mm=slices_mm, phase=phase, vertices=POINTS)
            drawn = Structure(1, "solid", contours=draw(solid, pen))
            started = time.perf_counter()
            result = compute(drawn, dose, settings=settings)
            spent = time.perf_counter() - started
            if result.dvh is None or result.volume_cc is None:
                raise SystemExit(f"no DVH: {result.reason}")
            volume = 100 * (result.volume_cc / solid.volume_cc - 1)
            yield Error(volume, curve_error_pp(result.dvh, solid, field), 1000 * spent)


def summary(errors: list[Error]) -> tuple[str, str, str]:
    """Worst volume, worst curve and median time of some runs."""
    volume = max((error.volume_percent for error in errors), key=abs)
    curve = max(error.curve_pp for error in errors)
    cost = float(np.median([error.milliseconds for error in errors]))
    return f"{volume:+.2f}", f"{curve:.2f}", f"{cost:.0f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    every = [item.value for item in Interpolation]
    parser.add_argument("--interpolation", nargs="+", choices=every, default=every)
    chosen = [Interpolation(text) for text in parser.parse_args().interpolation]
    columns = [f"{name}: volume % | curve pp | ms" for name in chosen]
    print(f"| solid | slices mm | dose mm | {' | '.join(columns)} |")
    print("|---|---|---|" + "---|---|---|" * len(chosen))
    for name, solid in SOLIDS.items():
        for slices_mm, dose_mm in SPACINGS:
            row = [name, f"{slices_mm}", f"{dose_mm}"]
            for interpolation in chosen:
                row += summary(list(runs(solid, slices_mm, dose_mm, interpolation)))
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()

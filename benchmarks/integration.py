"""Integration alone: our DVH against dense points in the same prisms and the same trilinear dose.

    python -m benchmarks.integration [--quick]

Spheres are drawn as polygons and read as half-slice prisms; the dose between voxel centres is
trilinear in both. What differs is only how the volume is summed up. The reference is scrambled
Sobol points (in four independent scrambles) mapped onto the prisms without rejection. Its own
sampling noise is printed: the largest standard error of its curve, from the four scrambles. A
horizontal distance of 0.5 cGy is tolerated, which takes most of that noise away; the error without
any tolerance is in the next column.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import RegularGridInterpolator
from scipy.stats import qmc

from benchmarks.common import PRISMS, computed, dose_of, drawn, heading, line, relative
from rtplan.dose.grid import DoseGrid
from rtplan.dvh.curve import DVH
from rtplan.geometry.grid import FloatArray
from rtplan.phantoms.drawing import Pen
from rtplan.phantoms.fields import (
    Field,
    GaussianField,
    LinearField,
    RadialSigmoidField,
    SigmoidField,
)  # fmt: skip
from rtplan.phantoms.solids import Sphere

CENTRE = (0.0, 0.0, 0.0)

# Radius, distance of the contour planes, spacing of the dose grid, mm.
SIZES = (
    (3.0, 1.0, 1.0),
    (3.0, 1.0, 2.0),
    (5.0, 2.0, 1.0),
    (5.0, 2.0, 2.0),
    (12.0, 1.0, 2.0),
    (12.0, 3.0, 3.0),
    (25.0, 2.0, 2.5),
    (50.0, 3.0, 3.0),
)
MAXIMUM_GY = 28.0
TOLERATED_GY = 0.005
SCRAMBLES = 4
METRICS = (98, 95, 50, 2)
VERTICES = 200


def fields(radius_mm: float) -> dict[str, Field]:
    """The doses around a sphere, up to ``MAXIMUM_GY``."""
    steep = 12 / radius_mm
    return {
        "linear x": LinearField(CENTRE, 16.0, (steep, 0.0, 0.0)),
        "linear z": LinearField(CENTRE, 16.0, (0.0, 0.0, steep)),
        "linear oblique": LinearField(CENTRE, 16.0, (0.6 * steep, 0.48 * steep, 0.64 * steep)),
        "Gaussian, sigma = R": GaussianField(CENTRE, MAXIMUM_GY, radius_mm),
        "penumbra 4.2 mm": SigmoidField((0.7, 0.0, 0.0), (-0.8, -0.5, -0.33), MAXIMUM_GY, 1.5),
        "SRS edge 2.8 mm": RadialSigmoidField(CENTRE, MAXIMUM_GY, radius_mm, 1.0),
    }


def points_in_prisms(radius_mm: float, pen: Pen, unit: FloatArray) -> FloatArray:
    """Points (n, 3) mm of a unit cube (n, 3), spread evenly in the half-slice prisms of a sphere.

    Third coordinate: prism and height in it; second: sector of the polygon and position across
    the sector; first: distance from the centre. No point is rejected.
    """
    planes = pen.planes_mm(-radius_mm, radius_mm)
    planes = planes[np.abs(planes) < radius_mm]
    square = radius_mm**2 - planes**2
    share = np.append(0.0, np.cumsum(square)) / square.sum()
    prism = np.minimum(np.searchsorted(share, unit[:, 2], side="right") - 1, planes.size - 1)
    height = (unit[:, 2] - share[prism]) / np.diff(share)[prism] - 0.5
    sector = np.minimum((unit[:, 1] * pen.vertices).astype(int), pen.vertices - 1)
    across = (unit[:, 1] * pen.vertices - sector)[:, None]
    angle = 2 * np.pi * np.arange(pen.vertices + 1) / pen.vertices
    corner = np.column_stack([np.cos(angle), np.sin(angle)])
    rim = corner[sector] * (1 - across) + corner[sector + 1] * across
    flat = rim * np.sqrt(square[prism] * unit[:, 0])[:, None]
    return np.column_stack([flat, planes[prism] + pen.spacing_mm * height])


def sampled(doses: list[DoseGrid], radius_mm: float, pen: Pen, power: int) -> list[FloatArray]:
    """Of each dose grid (all of one shape): ascending doses (scrambles, 2^power), Gy."""
    grid = doses[0].grid
    axes = [float(a) + axis for a, axis in zip(grid.origin_mm, grid.axes_mm, strict=True)]
    values = np.stack([dose.values_gy.astype(float) for dose in doses], axis=-1)
    trilinear = RegularGridInterpolator(axes[::-1], values)
    found = []
    for seed in range(SCRAMBLES):
        unit = qmc.Sobol(3, rng=np.random.default_rng(seed)).random(2**power)
        points = points_in_prisms(radius_mm, pen, unit)[:, ::-1]
        parts = [trilinear(part) for part in np.array_split(points, max(1, points.size >> 18))]
        found.append(np.sort(np.concatenate(parts), axis=0))
    return list(np.moveaxis(np.stack(found), -1, 0))


@dataclass(frozen=True, slots=True)
class Row:
    """Errors of one DVH: percentage points of the volume, and percent of the maximum dose."""

    name: str
    size: tuple[float, float, float]
    curve_pp: float
    untolerated_pp: float
    noise_pp: float
    dose_percent: float
    milliseconds: float


def compare(dvh: DVH, doses: FloatArray) -> tuple[float, float, float, float]:
    """Error of the curve with and without tolerance, noise of the reference, error of D-metrics."""
    pooled = np.sort(doses, axis=None)
    at = np.linspace(pooled[0], pooled[-1], 402)[1:-1]
    ours = relative(dvh, at)
    low, middle, high = (
        1 - np.searchsorted(pooled, at + step) / pooled.size
        for step in (-TOLERATED_GY, 0.0, TOLERATED_GY)
    )
    each = np.stack([1 - np.searchsorted(row, at) / row.size for row in doses])
    noise = each.std(axis=0, ddof=1).max() / np.sqrt(len(doses))
    wanted = np.quantile(pooled, [1 - percent / 100 for percent in METRICS])
    found = [dvh.dose_at(percent / 100 * dvh.covered_cc) for percent in METRICS]
    return (
        100 * float(np.maximum(ours - low, high - ours).max(initial=0.0)),
        100 * float(np.abs(ours - middle).max()),
        100 * float(noise),
        100 * float(np.abs(found - wanted).max()) / MAXIMUM_GY,
    )


def rows(sizes: tuple[tuple[float, float, float], ...] = SIZES, power: int = 19) -> Iterator[Row]:
    """The table, line by line; ``2 ** power`` points in each of the scrambles."""
    for radius, slices, spacing in sizes:
        pen = Pen(slices, phase=0.3, vertices=VERTICES, area_matched=False)
        structure = drawn(Sphere(CENTRE, radius), pen)
        around = {
            name: dose_of(
                field.dose_gy,
                spacing,
                half_mm=radius + slices + spacing,
                placement=(0.37, 0.11, 0.61),
            )
            for name, field in fields(radius).items()
        }
        references = sampled(list(around.values()), radius, pen, power)
        for (name, dose), doses in zip(around.items(), references, strict=True):
            _, dvh, spent = computed(structure, dose, PRISMS)
            yield Row(name, (radius, slices, spacing), *compare(dvh, doses), spent)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a sixteenth of the points")
    power = 15 if parser.parse_args().quick else 19
    heading(
        "Integration alone (target: curve at most 0.05 pp, median 0.001 pp; D98, D95, D50, D2 "
        f"within 0.1 % of {MAXIMUM_GY:g} Gy); reference of {SCRAMBLES} x 2^{power} points",
        (
            "dose", "R mm", "slices mm", "grid mm", "curve pp", "without tolerance pp",
            "noise of the reference pp", "D-metrics %", "CPU ms",
        ),
    )  # fmt: skip
    found = []
    for row in rows(power=power):
        found.append(row)
        error = f"{row.curve_pp:.4f}", f"{row.untolerated_pp:.4f}", f"{row.noise_pp:.4f}"
        line((row.name, *row.size, *error, f"{row.dose_percent:.3f}", f"{row.milliseconds:.1f}"))
    for name, summary in (("median", np.median), ("maximum", np.max)):
        figures = [
            float(summary([getattr(row, key) for row in found]))
            for key in ("curve_pp", "untolerated_pp", "noise_pp", "dose_percent", "milliseconds")
        ]
        line((f"**{name}**", "", "", "", *(f"{figure:.4f}" for figure in figures)))


if __name__ == "__main__":
    main()

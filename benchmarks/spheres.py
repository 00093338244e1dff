"""Spheres of 3 to 25 mm against their closed forms: volume and whole curve.

    python -m benchmarks.spheres [--quick]

Each sphere is drawn with 120 vertices on its surface, on planes 1, 2 and 3 mm apart, in doses on
grids of 1, 2 and 2.5 mm, at eight placements of the planes and of the grid. The truth is the smooth
sphere in the smooth dose, so everything counts: slicing, end caps, dose between voxels,
integration. Polygons of 120 vertices have 0.05 % less area than the circle.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from benchmarks.common import (
    SETTINGS,
    computed,
    curve_pp,
    dose_of,
    drawn,
    heading,
    line,
    placements,
    volume_percent,
)  # fmt: skip
from rtplan.dvh.engine import Settings
from rtplan.phantoms.drawing import Pen
from rtplan.phantoms.fields import Field, GaussianField, LinearField, truth
from rtplan.phantoms.solids import Sphere

CENTRE = (0.0, 0.0, 0.0)
RADII = (3.0, 4.0, 5.0, 8.0, 12.0, 25.0)
SLICES = (1.0, 2.0, 3.0)
GRIDS = (1.0, 2.0, 2.5)
VERTICES = 120


def fields(radius_mm: float) -> dict[str, Field]:
    """Doses around a sphere."""
    return {
        "x": LinearField(CENTRE, 60.0, (1.0, 0.0, 0.0)),
        "z": LinearField(CENTRE, 60.0, (0.0, 0.0, 1.0)),
        "oblique": LinearField(CENTRE, 60.0, (0.6, 0.48, 0.64)),
        "Gaussian": GaussianField(CENTRE, 60.0, 1.5 * radius_mm),
    }


@dataclass(frozen=True, slots=True)
class Error:
    """Errors of one run: volume in percent, curve in percentage points; processor time in ms."""

    volume_percent: float
    curve_pp: float
    milliseconds: float


def runs(
    radius: float,
    slices: float,
    spacing: float,
    field: Field,
    settings: Settings,
    *,
    count: int = 8,
) -> Iterator[Error]:
    """Errors over placements of planes and grid."""
    solid = Sphere(CENTRE, radius)
    exact = truth(solid, field)
    half = radius + slices + 2 * spacing
    # In some placements a sphere of 3 mm meets one plane of 3 mm spacing only.
    settings = replace(settings, lone_plane_mm=slices)
    for phase, *grid in placements(count).tolist():
        pen = Pen(slices, phase=phase, vertices=VERTICES, area_matched=False)
        dose = dose_of(field.dose_gy, spacing, half_mm=half, placement=grid)
        result, dvh, spent = computed(drawn(solid, pen), dose, settings)
        yield Error(volume_percent(result, exact.volume_cc), curve_pp(dvh, exact), spent)


def summary(errors: Sequence[Error]) -> tuple[str, str, str]:
    """Range of the volume, worst curve, mean cost."""
    volumes = [error.volume_percent for error in errors]
    return (
        f"{min(volumes):+.2f} .. {max(volumes):+.2f}",
        f"{max(error.curve_pp for error in errors):.2f}",
        f"{np.mean([error.milliseconds for error in errors]):.0f}",
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="three radii, equal spacings")
    quick = parser.parse_args().quick
    heading(
        "Spheres (target with the default: volume within 0.1 % on planes 1 mm apart, curve within "
        "0.3 pp); eight placements of planes and grid",
        (
            "R mm", "slices mm", "grid mm",
            *(
                f"{name}: {what}"
                for name in SETTINGS
                for what in ("volume %", *(f"{field} pp" for field in fields(1.0)), "CPU ms")
            ),
        ),
    )  # fmt: skip
    for radius, slices, spacing in product(RADII[::2] if quick else RADII, SLICES, GRIDS):
        if quick and SLICES.index(slices) != GRIDS.index(spacing):
            continue
        row = [f"{radius:g}", f"{slices:g}", f"{spacing:g}"]
        for settings in SETTINGS.values():
            every = [
                list(runs(radius, slices, spacing, field, settings))
                for field in fields(radius).values()
            ]
            volume, _, cost = summary([error for errors in every for error in errors])
            row += [volume, *(summary(errors)[1] for errors in every), cost]
        line(row)


if __name__ == "__main__":
    main()

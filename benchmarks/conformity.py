"""A small sphere in a Gaussian dose whose prescription isodose is its surface.

    python -m benchmarks.conformity

After Walker and Byrne 2025 (doi:10.1016/j.meddos.2024.06.002): contour planes and dose voxels 1 mm
apart, the dose's sigma equal to the radius, planes on and between the middle of the sphere. The
true Paddick index TV_PIV^2 / (TV x PIV) is 1 and the true gradient index PIV_50 / PIV is
(1 + 2 ln 2)^1.5 = 3.69. TV and TV_PIV are computed by rtplan. PIV comes in two ways: as the closed
form (the sphere's volume), and computed by rtplan as the volume of a box around it that receives
the prescribed dose; the latter also gives the gradient index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.common import SETTINGS, computed, curve_pp, dose_of, drawn, heading, line
from rtplan.dvh.engine import Settings
from rtplan.geometry.contour import Contour, Structure
from rtplan.phantoms.drawing import Pen
from rtplan.phantoms.fields import GaussianField, truth
from rtplan.phantoms.solids import Sphere

CENTRE = (0.0, 0.0, 0.0)
RADII = (2.0, 3.0, 5.0, 9.0)
SPACING = 1.0
VERTICES = 120
PHASES = (0.0, 0.25, 0.5)
PLACEMENTS = (0.0, 0.5, 0.3)


@dataclass(frozen=True, slots=True)
class Conformity:
    """What one placement gives; volumes in cc, indices without unit."""

    curve_pp: float
    paddick: float
    paddick_box: float
    gradient_index: float
    milliseconds: float


def box(half_mm: float) -> Structure:
    """A cube around the origin, on planes ``SPACING`` apart."""
    square = half_mm * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    planes = np.arange(-half_mm + SPACING / 2, half_mm, SPACING)
    rings = [np.column_stack([square, np.full(4, z)]) for z in planes]
    return Structure(2, "box", contours=tuple(Contour(ring) for ring in rings))


def conformity(radius: float, phase: float, placement: float, settings: Settings) -> Conformity:
    """Indices of one sphere at one placement of planes and grid."""
    sphere, field = Sphere(CENTRE, radius), GaussianField(CENTRE, 60.0, radius)
    exact = truth(sphere, field)
    prescribed = exact.min_gy
    half = float(np.ceil(2 * radius))
    dose = dose_of(field.dose_gy, SPACING, half_mm=half + 2, placement=placement)
    pen = Pen(SPACING, phase=phase, vertices=VERTICES, area_matched=False)
    _, target, spent = computed(drawn(sphere, pen), dose, settings)
    _, around, _ = computed(box(half), dose, settings)
    common, isodose = target.volume_at(prescribed), around.volume_at(prescribed)
    return Conformity(
        curve_pp(target, exact),
        common**2 / (target.covered_cc * sphere.volume_cc),
        common**2 / (target.covered_cc * isodose),
        around.volume_at(prescribed / 2) / isodose,
        spent,
    )


def runs(radius: float, settings: Settings) -> Iterator[Conformity]:
    """Every placement."""
    for phase in PHASES:
        for placement in PLACEMENTS:
            yield conformity(radius, phase, placement, settings)


def main() -> None:
    """Print the table."""
    heading(
        "Sphere and prescription isodose are one (target with the default at R = 3 mm: curve "
        "within 0.7 pp, Paddick index within 0.015 of 1); nine placements, worst of them",
        (
            "R mm", "setting", "curve pp", "Paddick, PIV closed form", "Paddick, PIV of rtplan",
            "gradient index (3.69)", "CPU ms",
        ),
    )  # fmt: skip
    for radius in RADII:
        for name, settings in SETTINGS.items():
            found = list(runs(radius, settings))
            line(
                (
                    f"{radius:g}",
                    name,
                    f"{max(item.curve_pp for item in found):.2f}",
                    f"{min(item.paddick for item in found):.3f}",
                    f"{min(item.paddick_box for item in found):.3f}",
                    f"{max(item.gradient_index for item in found):.2f}",
                    f"{np.mean([item.milliseconds for item in found]):.0f}",
                )
            )


if __name__ == "__main__":
    main()

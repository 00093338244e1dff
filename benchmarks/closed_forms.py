"""Which reading of the slices is nearest to the truth: solids with closed forms.

    python -m benchmarks.closed_forms [--quick]

Each solid is drawn on planes 1, 2 and 3 mm apart, at four phases of the planes, and read in three
ways: half-slice prisms, shape-based with rounded ends, shape-based with half-slice ends. Doses are
linear along z and along x (1 Gy/mm) and Gaussian around the origin (sigma 12 mm), on a grid of
2 mm, with cubic interpolation in all three so that only the slices differ. The truth is the smooth
solid. Where a flat end lies between two planes is not in the data: half a spacing at each.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.common import (
    DEFAULT,
    computed,
    curve_pp,
    dose_of,
    drawn,
    heading,
    line,
    volume_percent,
)
from rtplan.dvh.engine import DoseInterpolation, EndCap, Interpolation, Settings
from rtplan.geometry.grid import FloatArray
from rtplan.phantoms.drawing import Pen
from rtplan.phantoms.fields import Field, GaussianField, LinearField, truth
from rtplan.phantoms.solids import (
    Box,
    Capsule,
    Cone,
    Cylinder,
    Ellipsoid,
    Hollow,
    Point,
    Solid,
    Sphere,
    Torus,
)

CENTRE: Point = (0.0, 0.0, 0.0)
LYING, OBLIQUE, DOWN = (0.0, 1.0, 0.0), (0.3, 0.6, 0.74), (0.0, 0.0, -1.0)


def _turned() -> tuple[Point, Point, Point]:
    """Rows of a rotation that leaves no axis along the patient's."""
    rows: FloatArray = Rotation.from_euler("zyx", [25.0, 35.0, 20.0], degrees=True).as_matrix()
    x, y, z = ((float(row[0]), float(row[1]), float(row[2])) for row in rows)
    return x, y, z


SOLIDS: dict[str, Solid] = {
    "sphere 5": Sphere(CENTRE, 5.0),
    "sphere 12": Sphere(CENTRE, 12.0),
    "ellipsoid 15, 8, 6, tilted": Ellipsoid(CENTRE, (15.0, 8.0, 6.0), _turned()),
    "cylinder 12 x 24, standing": Cylinder(CENTRE, 12.0, 24.0),
    "cylinder, lying": Cylinder(CENTRE, 12.0, 24.0, LYING),
    "cylinder, oblique": Cylinder(CENTRE, 12.0, 24.0, OBLIQUE),
    "cone 12 x 24, apex below": Cone((0.0, 0.0, -12.0), 12.0, 24.0),
    "cone, apex above": Cone((0.0, 0.0, 12.0), 12.0, 24.0, DOWN),
    "cone, lying": Cone((0.0, -12.0, 0.0), 12.0, 24.0, LYING),
    "capsule 6 x 20, standing": Capsule(CENTRE, 6.0, 20.0),
    "capsule, lying": Capsule(CENTRE, 6.0, 20.0, LYING),
    "box 20 x 16 x 12": Box(CENTRE, (20.0, 16.0, 12.0)),
    "box, rotated": Box(CENTRE, (20.0, 16.0, 12.0), _turned()),
    "torus 12, tube 5": Torus(CENTRE, 12.0, 5.0),
    "shell 8 to 12": Hollow(Sphere(CENTRE, 12.0), Sphere(CENTRE, 8.0)),
}
FIELDS: dict[str, Field] = {
    "z": LinearField(CENTRE, 60.0, (0.0, 0.0, 1.0)),
    "x": LinearField(CENTRE, 60.0, (1.0, 0.0, 0.0)),
    "Gaussian": GaussianField(CENTRE, 60.0, 12.0),
}
SLICES = (1.0, 2.0, 3.0)
GRID = 2.0
PHASES = (0.0, 0.25, 0.5, 0.75)
CUBIC = replace(DEFAULT, dose_interpolation=DoseInterpolation.CUBIC)
PRISM, SHAPE = Interpolation.RIGHT_PRISM, Interpolation.SHAPE_BASED
MODELS: dict[str, Settings] = {
    "prism, half slice": replace(CUBIC, interpolation=PRISM, end_cap=EndCap.HALF_SLICE),
    "shape, rounded": replace(CUBIC, interpolation=SHAPE, end_cap=EndCap.ROUNDED),
    "shape, half slice": replace(CUBIC, interpolation=SHAPE, end_cap=EndCap.HALF_SLICE),
}


@dataclass(frozen=True, slots=True)
class Errors:
    """Over the phases: volumes in percent, worst curve in each field in points, mean cost in ms."""

    volume_percent: tuple[float, ...]
    curve_pp: tuple[float, ...]
    milliseconds: float

    def cells(self) -> tuple[str, ...]:
        """As they are printed."""
        volume = f"{min(self.volume_percent):+.2f} .. {max(self.volume_percent):+.2f}"
        return volume, *(f"{pp:.2f}" for pp in self.curve_pp), f"{self.milliseconds:.0f}"


def errors(
    solid: Solid, slices_mm: float, settings: Settings, *, phases: Sequence[float] = PHASES
) -> Errors:
    """Errors of one solid, spacing and reading."""
    volumes, costs = [], []
    worst = dict.fromkeys(FIELDS, 0.0)
    # A cone or capsule of few planes may have one only.
    settings = replace(settings, lone_plane_mm=slices_mm)
    for phase in phases:
        structure = drawn(solid, Pen(slices_mm, phase=phase))
        for name, field in FIELDS.items():
            dose = dose_of(field.dose_gy, GRID, half_mm=22.0, placement=0.37)
            result, dvh, spent = computed(structure, dose, settings)
            volumes.append(volume_percent(result, solid.volume_cc))
            worst[name] = max(worst[name], curve_pp(dvh, truth(solid, field), doses=201))
            costs.append(spent)
    return Errors(tuple(volumes), tuple(worst.values()), float(np.mean(costs)))


def rows(slices: Sequence[float] = SLICES) -> Iterator[tuple[str, float, dict[str, Errors]]]:
    """Every solid at every spacing, in every reading."""
    for (name, solid), spacing in product(SOLIDS.items(), slices):
        found = {model: errors(solid, spacing, settings) for model, settings in MODELS.items()}
        yield name, spacing, found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="planes 2 mm apart only")
    columns = ("volume %", *(f"{field} pp" for field in FIELDS), "CPU ms")
    heading(
        "Solids by slice model, four phases (target: none of its own; it decides the default)",
        ("solid, mm", "slices mm", *(f"{m}: {column}" for m in MODELS for column in columns)),
    )
    every = []
    for name, spacing, found in rows(SLICES[1:2] if parser.parse_args().quick else SLICES):
        every.append(found)
        line((name, f"{spacing:g}", *(cell for item in found.values() for cell in item.cells())))
    for title, summary in (("median", np.median), ("maximum", np.max)):
        cells: list[str] = []
        for model in MODELS:
            volume = [np.abs(found[model].volume_percent).max() for found in every]
            curves = np.array([found[model].curve_pp for found in every])
            cost = [found[model].milliseconds for found in every]
            cells += [f"{summary(volume):.2f}", *(f"{summary(pp):.2f}" for pp in curves.T)]
            cells.append(f"{summary(cost):.0f}")
        line((f"**{title}**", "", *cells))


if __name__ == "__main__":
    main()

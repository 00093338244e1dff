"""Sphere, cylinder and cone in a linear dose, in the way of Nelms et al. 2015.

    python -m benchmarks.nelms

The study (doi:10.1118/1.4923175) is made again from its description, not from its files. A sphere,
a cylinder and a cone, 24 mm high and wide, the last two also lying (axis along y), in a dose of
1 Gy/mm along y and along z with 16 Gy in the middle: ten combinations. Nine endpoints each: volume,
minimum, maximum, mean, D99, D95, D5, D1, D0.03cc. Test 1: contours every 0.2 mm in four dose grids,
360 endpoints. Test 2: contours and dose both at 1, 2 and 3 mm, 270 endpoints. Planes lie on both
ends of every solid; where a solid ends there in a point or a line, a tiny polygon is drawn.

Errors are in percent of the true value: of the local dose, as in the study. The truth is the closed
form with what the contours' end planes stand for: half a slice more beyond a flat end. Beyond a
tip, the truth has nothing where the setting rounds ends off. With half-slice caps it has half a
slice there too, of no volume to speak of, which only minimum and maximum see.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from benchmarks.common import SETTINGS, computed, curve_pp, dose_of, heading, line
from rtplan.dvh.curve import StructureDVH
from rtplan.dvh.engine import EndCap, Settings
from rtplan.dvh.metrics import evaluate, parse
from rtplan.geometry.contour import Contour, Structure
from rtplan.geometry.grid import FloatArray
from rtplan.phantoms.drawing import Pen
from rtplan.phantoms.fields import LinearField, Truth, truth
from rtplan.phantoms.sections import Section
from rtplan.phantoms.solids import Cone, Cylinder, Solid, Sphere

CENTRE = (0.0, 0.0, 0.0)
RADIUS, HEIGHT = 12.0, 24.0
ALONG_Y = (0.0, 1.0, 0.0)
SOLIDS: dict[str, Solid] = {
    "sphere": Sphere(CENTRE, RADIUS),
    "cylinder": Cylinder(CENTRE, RADIUS, HEIGHT),
    "cylinder, lying": Cylinder(CENTRE, RADIUS, HEIGHT, ALONG_Y),
    "cone": Cone((0.0, 0.0, -HEIGHT / 2), RADIUS, HEIGHT),
    "cone, lying": Cone((0.0, -HEIGHT / 2, 0.0), RADIUS, HEIGHT, ALONG_Y),
}
GRADIENTS = {"y": ALONG_Y, "z": (0.0, 0.0, 1.0)}
METRICS = ("Volume", "Min", "Max", "Mean", "D99%", "D95%", "D5%", "D1%", "D0.03cc")
# Distance of the contour planes, spacing of the dose grid along x, y, z, mm.
Spacings = tuple[float, tuple[float, float, float]]
TEST_1: tuple[Spacings, ...] = (
    (0.2, (0.4, 0.2, 0.4)),
    (0.2, (1.0, 1.0, 1.0)),
    (0.2, (2.0, 2.0, 2.0)),
    (0.2, (3.0, 3.0, 3.0)),
)
TEST_2: tuple[Spacings, ...] = tuple((d, (d, d, d)) for d in (1.0, 2.0, 3.0))
VERTICES = 400  # at most 0.2 mm apart
TINY_MM2 = 1e-3


def structure_of(solid: Solid, slices_mm: float) -> Structure:
    """A solid with planes on both of its ends."""
    pen = Pen(slices_mm, phase=0.0)
    contours = []
    for z in pen.planes_mm(-HEIGHT / 2, HEIGHT / 2):
        for section in _sections(solid, float(z)):
            ring = section.polygon(VERTICES)
            contours.append(Contour(np.column_stack([ring, np.full(len(ring), z)])))
    return Structure(1, "solid", contours=tuple(contours))


def _sections(solid: Solid, z_mm: float) -> tuple[Section, ...]:
    """Sections at a height; for a point or a line, the first ones inside that have an area."""
    depth = 0.0
    while True:
        found: tuple[Section, ...] = solid.sections(z_mm - depth if z_mm > 0 else z_mm + depth)
        if sum(section.area_mm2 for section in found) > TINY_MM2:
            return found
        depth = 1e-5 if depth == 0 else 2 * depth


def exact(name: str, field: LinearField, slices_mm: float, end_cap: EndCap) -> Truth:
    """The truth of a solid with the half slices that its end planes stand for."""
    solid, half = SOLIDS[name], slices_mm / 2
    discs: list[Solid] = []
    if name == "cylinder":
        discs = [_disc(-HEIGHT / 2 - half / 2, half), _disc(HEIGHT / 2 + half / 2, half)]
    elif name == "cone":
        discs = [_disc(HEIGHT / 2 + half / 2, half)]
    whole = _together([truth(part, field) for part in (solid, *discs)])
    if end_cap is EndCap.HALF_SLICE and field.gradient_gy_per_mm == GRADIENTS["z"]:
        whole = replace(whole, min_gy=16.0 - HEIGHT / 2 - half, max_gy=16.0 + HEIGHT / 2 + half)
    return whole


def _disc(z_mm: float, height_mm: float) -> Cylinder:
    return Cylinder((0.0, 0.0, z_mm), RADIUS, height_mm)


def _together(parts: list[Truth]) -> Truth:
    """The truth of bodies that do not overlap."""
    volume = sum(part.volume_cc for part in parts)

    def volume_at(dose_gy: FloatArray) -> FloatArray:
        return np.asarray(np.sum([part.volume_at(dose_gy) for part in parts], axis=0))

    return Truth(
        volume,
        min(part.min_gy for part in parts),
        sum(part.mean_gy * part.volume_cc for part in parts) / volume,
        max(part.max_gy for part in parts),
        volume_at,
    )


@dataclass(frozen=True, slots=True)
class Case:
    """One structure in one dose: errors of the endpoints in %, of the curve in pp, and the cost."""

    text: str
    percent: tuple[float, ...]
    curve_pp: float
    milliseconds: float


def cases(
    spacings: tuple[Spacings, ...], settings: Settings, *, solids: tuple[str, ...] = tuple(SOLIDS)
) -> Iterator[Case]:
    """Every solid in every dose, at some spacings."""
    for (slices, grid), name in product(spacings, solids):
        structure = structure_of(SOLIDS[name], slices)
        for along, gradient in GRADIENTS.items():
            field = LinearField(CENTRE, 16.0, gradient)
            dose = dose_of(field.dose_gy, grid, half_mm=HEIGHT / 2 + 2 * slices, placement=0.37)
            result, dvh, spent = computed(structure, dose, settings)
            wanted = exact(name, field, slices, settings.end_cap)
            text = f"{name}, planes {slices:g}, grid {grid[0]:g}, dose along {along}"
            yield Case(text, _errors(result, wanted), curve_pp(dvh, wanted, doses=301), spent)


def _errors(result: StructureDVH, wanted: Truth) -> tuple[float, ...]:
    """Errors of METRICS, % of the true value."""
    volume = wanted.volume_cc
    true = [volume, wanted.min_gy, wanted.max_gy, wanted.mean_gy]
    true += [wanted.dose_at(part * volume) for part in (0.99, 0.95, 0.05, 0.01)]
    true.append(wanted.dose_at(0.03))
    found = [evaluate(parse(text), result).value for text in METRICS]
    return tuple(
        100 * ((np.nan if ours is None else ours) / value - 1)
        for ours, value in zip(found, true, strict=True)
    )


def beyond(found: list[Case], percent: float) -> list[tuple[str, str, float]]:
    """Cases, endpoints and errors of more than ``percent``, or not evaluated."""
    return [
        (case.text, metric, error)
        for case in found
        for metric, error in zip(METRICS, case.percent, strict=True)
        if not abs(error) <= percent
    ]


def main() -> None:
    """Print both tables, and the endpoints that miss."""
    for title, spacings, limit in (
        ("Test 1, contours every 0.2 mm (target: none of 360 beyond 0.5 %)", TEST_1, 0.5),
        ("Test 2, contours and dose at 1, 2, 3 mm (target with the default: at most 8 of 270 "
         "beyond 3 %)", TEST_2, 3.0),
    ):  # fmt: skip
        columns = ("setting", "endpoints", "> 0.5 %", "> 2 %", "> 3 %", "worst %", "curve pp")
        heading(title, (*columns, "CPU ms"))
        missed = {}
        for name, settings in SETTINGS.items():
            found = list(cases(spacings, settings))
            missed[name] = beyond(found, limit)
            counts = [len(beyond(found, percent)) for percent in (0.5, 2.0, 3.0)]
            endpoints = len(found) * len(METRICS)
            worst = max((error for case in found for error in case.percent), key=abs)
            curve = max(case.curve_pp for case in found)
            cost = np.mean([case.milliseconds for case in found])
            line((name, endpoints, *counts, f"{worst:+.2f}", f"{curve:.2f}", f"{cost:.0f}"))
        for name, every in missed.items():
            heading(f"Beyond {limit:g} %: {name}", ("case", "endpoint", "error %"))
            for text, metric, error in every:
                line((text, metric, f"{error:+.2f}"))


if __name__ == "__main__":
    main()

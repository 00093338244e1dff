"""Generated patients with a known number of metastases, drawn and named in many ways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtplan.geometry.contour import Contour, Structure, StructureSet
from tests.lesions.drawing import Point, ellipsoid, gtv, structure, structures

STYLES = (
    "GTV_{n}",
    "GTV{n}",
    "gtv {n}",
    "GTV_{n}_{organ}",
    "Met {n}",
    "Lesion-{n:02d}",
    "mets_{organ}_{n}",
    "转移灶{n}",
    "Metastase {n}",
    "Métastase {n}",
    "metástasis {n}",
)
UNIONS = ("GTV_ALL", "GTV_total", "GTV gesamt", "GTV全部")
WAYS = ("single", "margins", "union", "union_only", "phases", "variants", "planning_only", "gaps")


@dataclass(frozen=True, slots=True)
class Patient:
    """A structure set, its true number of metastases, and how it was drawn."""

    drawn: StructureSet
    truth: int
    way: str


def patient(seed: int) -> Patient:
    """The patient of a seed: 0 to 25 lesions of 3 to 80 mm, apart from each other."""
    rng = np.random.default_rng(seed)
    way = WAYS[seed % len(WAYS)]
    style = STYLES[int(rng.integers(len(STYLES)))]
    step = float(rng.choice([1.5, 2.0, 3.0]))
    number = int(rng.choice([0, 1, 1, 2, 3, 4, 5, 8, 12, 25]))
    lesions = _lesions(rng, number, step)
    items: list[Structure] = []
    organs = [str(rng.choice(["liver", "lung", "bone"])) for _ in lesions]
    names = [style.format(n=n, organ=o) for n, o in enumerate(organs, start=1)]
    for name, (centre, radii) in zip(names, lesions, strict=True):
        items += _draw(rng, way, name, centre, radii, step)
    whole = [c for centre, radii in lesions for c in ellipsoid(centre, radii, step=step)]
    if way in ("union", "union_only") and whole:
        items.append(gtv(str(rng.choice(UNIONS)), whole))
    items += _beside(rng, step)
    order = rng.permutation(len(items))
    return Patient(structures(*(items[i] for i in order)), number, way)


def _lesions(rng: np.random.Generator, number: int, step: float) -> list[tuple[Point, Point]]:
    """Ellipsoids on a lattice of 110 mm, so that neither they nor their margins meet."""
    cells = rng.permutation(64)[:number]
    lesions = []
    for cell in cells.tolist():
        radius = float(np.exp(rng.uniform(np.log(1.5), np.log(40))))
        shape = rng.uniform(0.8, 1.0, 3) * radius
        at = np.array([cell % 4, cell // 4 % 4, cell // 16]) * 110.0 + rng.uniform(-3, 3, 3)
        if 2 * shape[2] < step:  # a lesion between two planes is drawn on the nearest
            at[2] = round(at[2] / step) * step
        x, y, z = at.tolist()
        a, b, c = shape.tolist()
        lesions.append(((x, y, z), (a, b, c)))
    return lesions


def _draw(
    rng: np.random.Generator, way: str, name: str, centre: Point, radii: Point, step: float
) -> list[Structure]:
    def at(shift: float = 0.0, margin: float = 0.0, skip: tuple[float, ...] = ()) -> list[Contour]:
        x, y, z = centre
        a, b, c = (r + margin for r in radii)
        return ellipsoid((x, y, z + shift), (a, b, c), step=step, skip=skip)

    planning = f"PTV {name}"
    if way == "union_only":
        return []
    if way == "planning_only":
        return [gtv(planning, at(margin=5), kind="PTV")]
    if way == "phases":
        swing = min(radii) * 0.8
        shown = [f"{name}_T{p:02d}" for p in (0, 30, 50)]
        drawn = [(n, at(s * swing)) for n, s in zip(shown, (0.0, 0.5, 1.0), strict=True)]
        return [gtv(n, contours) for n, contours in drawn if contours]
    if way == "variants":
        return [gtv(f"{name}_CT", at()), gtv(f"{name}_MR", at(margin=float(rng.uniform(0, 2))))]
    if way == "gaps":
        middle = round(centre[2] / step) * step
        long = 2 * radii[2] > 5 * step
        return [gtv(name, at(skip=(middle,) if long else ()))]
    if way == "margins":
        return [gtv(name, at()), gtv(planning, at(margin=5), kind="PTV")]
    return [gtv(name, at())]


def _beside(rng: np.random.Generator, step: float) -> list[Structure]:
    """Organs, helpers and empty structures, off the lesions; and at times a primary."""
    far = ellipsoid((-300.0, 0.0, 0.0), (40.0, 40.0, 60.0), step=step)
    items = [
        structure("Heart", far, kind="ORGAN"),
        structure("zRing", far),
        structure("CouchSurface", far, kind="SUPPORT"),
        structure("Isodose 50%", far),
        structure("PTV_empty_ring", kind="PTV"),
    ]
    if rng.random() < 0.5:
        primary = ellipsoid((-300.0, 300.0, 0.0), (12.0, 12.0, 30.0), step=step)
        items.append(gtv("GTVp", primary))
        items.append(
            gtv("PTVp", ellipsoid((-300.0, 300.0, 0.0), (17.0, 17.0, 35.0), step=step), kind="PTV")
        )
    return items

"""Counting lesions: generated patients beside their truth, and what reading a large set costs.

    python -m benchmarks.lesions [--seeds N]

Prints the confusion of the best count with the truth, the same by feature with the bounds, each
patient that is not read right, in which bodies a waist is found, and the processor time of
structure sets of 40 structures and 20,000 contours. Exits with 1 where bounds do not hold the truth
or less than 99 % are right.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.common import heading, line
from rtplan.geometry.contour import Contour, Structure, StructureSet
from rtplan.geometry.planes import stack_planes
from rtplan.lesions.bodies import bodies_of
from rtplan.lesions.model import LesionCount
from rtplan.lesions.read import read_lesions
from rtplan.lesions.waist import lobes_of
from tests.lesions.catalogue import FEATURES, SITES, Patient, patient
from tests.lesions.drawing import ellipsoid, gtv, irregular, sphere, structures
from tests.lesions.scenes import merged

RIGHT = 0.99
"""Part of the patients that can be decided whose best count is the truth."""
BODIES = 60
"""Bodies of each kind in which waists are looked for."""
MOST_S = 3.0
"""Processor time of a structure set of 40 structures and 20,000 contours."""
COLUMNS = ("patients", "2 or more too few", "1 too few", "right", "1 too many", "2 or more")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was read of a patient; without a target the count is 0 between 0 and 0."""

    case: Patient
    count: LesionCount
    reason: str | None

    @property
    def difference(self) -> int:
        """Best count less the truth."""
        return (self.count.best or 0) - self.case.truth

    @property
    def holds(self) -> bool:
        """Whether the truth lies within the bounds."""
        return (self.count.lower or 0) <= self.case.truth <= (self.count.upper or 0)


def outcome(feature: str, seed: int) -> Outcome:
    """A patient, read."""
    case = patient(feature, seed)
    reading = read_lesions(case.drawn, facts=case.facts)
    return Outcome(case, reading.count, reading.reason)


def confusion(outcomes: Sequence[Outcome]) -> list[int]:
    """Number of patients, and of those by the difference of the best count from the truth."""
    found = [max(-2, min(2, item.difference)) for item in outcomes]
    return [len(found), *(found.count(difference) for difference in range(-2, 3))]


def print_tables(outcomes: Sequence[Outcome]) -> None:
    """The confusion by truth and by feature, and each failure by name."""
    sure = [item for item in outcomes if item.case.decidable]
    heading("Best count beside the truth, where the drawing can decide", ("truth", *COLUMNS))
    for truth in sorted({item.case.truth for item in sure}):
        line([truth, *confusion([item for item in sure if item.case.truth == truth])])
    line(["all", *confusion(sure)])
    heading("By feature", ("feature", *COLUMNS, "bounds hold", "bounds meet"))
    for feature in FEATURES:
        own = [item for item in outcomes if item.case.feature == feature]
        mark = "" if own[0].case.decidable else " *"
        holds = sum(item.holds for item in own)
        meet = sum(item.count.lower == item.count.upper for item in own)
        line([feature + mark, *confusion(own), holds, meet])
    print("\n\\* the same may be drawn of one lesion: only the bounds can be right")
    for item in outcomes:
        if not item.holds or (item.case.decidable and item.difference):
            count = item.count
            shown = f"{count.lower}, {count.best}, {count.upper}"
            print(f"{item.case.feature} {item.case.seed}: {item.case.truth} read as {shown}")


def print_waists() -> None:
    """How often a waist is found: in irregular tumours, and in two balls drawn as one body."""
    heading("Waists", ("body", "drawn", "with a waist"))
    rng = np.random.default_rng(0)
    steps = (1.5, 2.0, 3.0)
    for swing in (1 / 3, 0.5, 0.7):
        drawn = [
            irregular((0, 0, 0), float(rng.uniform(6, 40)), rng, step=steps[i % 3], swing=swing)
            for i in range(BODIES)
        ]
        line([f"irregular by up to {swing:.0%}", BODIES, _with_waist(drawn)])
    for apart in (0.65, 0.7, 0.75, 0.8, 0.85, 0.9):
        drawn = []
        for i in range(BODIES):
            way, radius = rng.normal(size=3), float(rng.uniform(7.5, 22))
            x, y, z = (way / np.linalg.norm(way) * 2 * radius * apart).tolist()
            ball = [sphere(at, radius, step=steps[i % 3]) for at in ((0.0, 0.0, 0.0), (x, y, z))]
            drawn.append(merged(*ball))
        line([f"balls {apart:g} diameters apart", BODIES, _with_waist(drawn)])


def _with_waist(drawn: Sequence[list[Contour]]) -> int:
    bodies = [bodies_of(stack_planes(gtv("GTV", contours))) for contours in drawn]
    largest = [max(own, key=lambda body: body.volume_mm3) for own in bodies]
    return sum(lobes_of(body) is not None for body in largest)


def apart() -> list[Structure]:
    """40 long targets apart from each other."""
    return [_long(f"GTV_{i + 1}", i, (20.0, 20.0)) for i in range(40)]


def nested() -> list[Structure]:
    """10 long targets, each in a clinical and two planning volumes."""
    return [
        _long(f"{kind}_{i + 1}{tail}", i, (20.0 + 4 * margin, 20.0 + 4 * margin), kind)
        for i in range(10)
        for margin, (kind, tail) in enumerate(
            (("GTV", ""), ("CTV", ""), ("PTV", ""), ("PTV", "_low"))
        )
    ]


def beside_organs() -> list[Structure]:
    """10 long targets in and beside 30 organs."""
    organs = [
        gtv(f"Lung_{i}", ellipsoid((10.0 * i, 0, 250), (100, 100, 250), step=1), kind="ORGAN")
        for i in range(30)
    ]
    return [*(_long(f"GTV_{i + 1}", i, (20.0, 20.0)) for i in range(10)), *organs]


def _long(name: str, at: int, radii: tuple[float, float], kind: str = "GTV") -> Structure:
    centre = (80.0 * (at % 8), 80.0 * (at // 8), 250.0)
    return gtv(name, ellipsoid(centre, (*radii, 250.0), step=1), kind=kind)


LARGE = {
    "40 targets": apart,
    "10 targets with margins": nested,
    "10 targets, 30 organs": beside_organs,
}


def seconds(drawn: StructureSet) -> float:
    """Least processor time of two readings, s."""
    spent = []
    for _ in range(2):
        began = time.process_time()
        read_lesions(drawn)
        spent.append(time.process_time() - began)
    return min(spent)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=len(SITES), help="patients of each feature")
    seeds = parser.parse_args().seeds
    outcomes = [outcome(feature, seed) for feature in FEATURES for seed in range(seeds)]
    print_tables(outcomes)
    print_waists()
    heading(f"Processor time, at most {MOST_S:g} s", ("structures", "contours", "s"))
    for name, build in LARGE.items():
        drawn = structures(*build())
        line([name, sum(len(item.contours) for item in drawn), seconds(drawn)])
    sure = [item for item in outcomes if item.case.decidable]
    right = sum(not item.difference for item in sure) / len(sure)
    holds = all(item.holds for item in outcomes)
    print(f"\n{len(sure)} of {len(outcomes)} patients can be decided: {right:.1%} right; ", end="")
    print(f"the bounds hold {'all' if holds else 'not all'}")
    sys.exit(0 if holds and right >= RIGHT else 1)


if __name__ == "__main__":
    main()

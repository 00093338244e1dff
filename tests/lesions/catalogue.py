"""Generated patients with a known number of metastases, drawn and named in many ways.

Each patient has a feature: one thing that makes counting hard. Lesions lie on a lattice, so that
only what a feature puts together comes together. The truth is set while drawing, never read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtplan.facts import Facts, PrimaryFacts
from rtplan.geometry.contour import StructureSet
from tests.lesions import scenes
from tests.lesions.drawing import Point, ellipsoid, structure, structures
from tests.lesions.scenes import Draw, Scene

STYLES = (
    "GTV_{n}",
    "GTV{n}",
    "gtv {n}",
    "GTV{n:02d}",
    "GTV {letter}",
    "GTV_{n}_{organ}",
    "GTV_{organ}_{n}",
    "Met {n}",
    "Lesion-{n:02d}",
    "mets_{organ}_{n}",
    "#{n} met",
    "转移灶{n}",
    "肝转移灶{n}",
    "Metastase {n}",
    "Métastase {n}",
    "metástasis {n}",
)
UNIONS = ("GTV_ALL", "GTV_total", "GTV gesamt", "GTV全部", "GTV todas", "GTV somme")
SITE = 110.0
"""Edge of a cell of the lattice, mm."""


@dataclass(frozen=True, slots=True)
class Patient:
    """A structure set with what is known of it.

    ``truth`` is its number of metastases. ``decidable`` is False where the drawing is the same for
    another truth: no reading can be right on both, the bounds must hold them all the same.
    """

    drawn: StructureSet
    truth: int
    feature: str
    seed: int
    facts: Facts
    decidable: bool = True


def _mixed(s: Scene, at: Point, radii: Point) -> None:
    """Each site another feature of those that name their lesions one by one."""
    FEATURES[str(s.rng.choice(_MIXED))](s, at, radii)


_MIXED = (
    "plain",
    "margins",
    "union beside its parts",
    "phases",
    "imaging variants",
    "one plane skipped",
    "touching pairs",
    "overlapping pairs",
    "rings and shells",
    "inside organs and helpers",
    "copies",
    "slivers",
    "one plane",
    "branching",
    "irregular",
    "boosts",
    "dose in the name",
    "evaluation crops",
    "types missing",
    "close neighbours",
    "planes of another image",
)
FEATURES: dict[str, Draw] = {
    "plain": scenes.plain,
    "margins": scenes.margins,
    "union beside its parts": scenes.in_union,
    "union only": scenes.union_only,
    "phases": scenes.phases,
    "phases far apart": scenes.displaced_phases,
    "imaging variants": scenes.variants,
    "planning volumes only": scenes.planning_only,
    "one plane skipped": scenes.one_gap,
    "two planes skipped": scenes.wide_gap,
    "every other plane": scenes.every_other_plane,
    "touching pairs": scenes.touching,
    "overlapping pairs": scenes.overlapping,
    "touching pairs in a union": scenes.touching_in_union,
    "two tumours in one planning volume": scenes.two_in_one_planning,
    "rings and shells": scenes.shells,
    "inside organs and helpers": scenes.in_organ,
    "one name for all": scenes.same_names,
    "copies": scenes.copies,
    "slivers": scenes.slivers,
    "one plane": scenes.one_plane,
    "branching": scenes.branching,
    "irregular": scenes.lobulated,
    "boosts": scenes.boost,
    "internal volumes": scenes.internal,
    "dose in the name": scenes.doses,
    "empty targets": scenes.empty_ones,
    "voxels": scenes.voxels,
    "nodes around a primary": scenes.nodes,
    "letters": scenes.letters,
    "roman numbers": scenes.roman,
    "organs for names": scenes.no_numbers,
    "types missing": scenes.no_types,
    "evaluation crops": scenes.crops,
    "unions of unions": scenes.unions_of_unions,
    "two doses, no gross tumour": scenes.no_gross,
    "twice by case": scenes.twice_by_case,
    "close neighbours": scenes.close,
    "close neighbours in a union": scenes.close_in_union,
    "planes of another image": scenes.other_planes,
    "mixed": _mixed,
    "waist, one tumour": scenes.dumbbell,
    "waist, two tumours": scenes.two_drawn_as_one,
    "margins that have merged": scenes.merged_planning,
}
UNDECIDABLE = ("waist, two tumours", "margins that have merged")
"""The same could be drawn of one lesion: ``best`` is one, the bounds hold two."""


SITES = (0, 1, 2, 3, 5, 8, 12, 25)
"""Sites of the patients of a feature, by seed; at a site there are one or two lesions."""
_OF_TWO = (
    "touching pairs",
    "overlapping pairs",
    "touching pairs in a union",
    "two tumours in one planning volume",
    "letters",
    "close neighbours",
    "close neighbours in a union",
    "mixed",
    *UNDECIDABLE,
)


def patient(feature: str, seed: int) -> Patient:
    """The patient of a feature and a seed: up to 25 sites of 3 to 80 mm."""
    rng = np.random.default_rng([seed, *feature.encode()])
    step = float(rng.choice([1.5, 2.0, 3.0]))
    style, organ = str(rng.choice(STYLES)), str(rng.choice(["liver", "lung", "bone"]))
    scene = Scene(rng, step, style, organ)
    number = SITES[seed % len(SITES)]
    if feature in _OF_TWO:
        number = min(number, 12)
    for at, radii in _sites(rng, number, step):
        FEATURES[feature](scene, at, radii)
    if scene.drawn:
        scene.add(str(rng.choice(UNIONS)), scene.drawn)
    _beside(scene)
    order = rng.permutation(len(scene.items))
    drawn = structures(*(scene.items[i] for i in order))
    facts = Facts(primary=PrimaryFacts(site=scene.site))
    return Patient(drawn, scene.truth, feature, seed, facts, feature not in UNDECIDABLE)


def _sites(rng: np.random.Generator, number: int, step: float) -> list[tuple[Point, Point]]:
    """Ellipsoids on a lattice, so that neither they nor their margins meet."""
    cells = rng.permutation(64)[:number]
    lesions = []
    for cell in cells.tolist():
        radius = float(np.exp(rng.uniform(np.log(1.5), np.log(40))))
        shape = rng.uniform(0.8, 1.0, 3) * radius
        at = np.array([cell % 4, cell // 4 % 4, cell // 16]) * SITE + rng.uniform(-3, 3, 3)
        if 2 * shape[2] < step:  # a lesion between two planes is drawn on the nearest
            at[2] = round(at[2] / step) * step
        x, y, z = at.tolist()
        a, b, c = shape.tolist()
        lesions.append(((x, y, z), (a, b, c)))
    return lesions


def _beside(s: Scene) -> None:
    """Organs, helpers and empty structures, off the lesions; and at times a primary."""
    far = ellipsoid((-300.0, -100.0, 0.0), (40.0, 40.0, 60.0), step=s.step)
    s.items += [
        structure("Heart", far, kind="ORGAN"),
        structure("zRing", far),
        structure("CouchSurface", far, kind="SUPPORT"),
        structure("Isodose 50%", far),
        structure("PTV_empty_ring", kind="PTV"),
    ]
    if s.rng.random() < 0.5 and s.site is None:
        for name, margin, kind in (("GTVp", 0.0, "GTV"), ("PTVp", 5.0, "PTV")):
            s.add(name, s.body((-300.0, 300.0, 0.0), (12.0, 12.0, 30.0), margin), kind=kind)

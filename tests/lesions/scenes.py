"""What the generated patients are drawn from: one lesion or two at a place, in many ways.

Each function draws what stands at one place of a scene and adds to its truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from rtplan.geometry.contour import Contour, Structure
from tests.lesions.drawing import (
    Point,
    box,
    ellipsoid,
    gtv,
    irregular,
    shell,
    structure,
    voxelised,
)


@dataclass(slots=True)
class Scene:
    """A patient while it is drawn."""

    rng: np.random.Generator
    step: float
    style: str
    organ: str
    items: list[Structure] = field(default_factory=list)
    truth: int = 0
    named: int = 0
    site: str | None = None
    drawn: list[Contour] = field(default_factory=list)
    held: list[Contour] = field(default_factory=list)

    def name(self) -> str:
        """The name of the next lesion."""
        self.named += 1
        n = self.named
        return self.style.format(n=n, letter=chr(64 + n), organ=self.organ)

    def add(self, name: str, *parts: list[Contour], kind: str = "GTV") -> None:
        """Draw a structure, if there is anything of it."""
        if any(parts):
            self.items.append(gtv(name, *parts, kind=kind))

    def body(self, at: Point, radii: Point, grow: float = 0.0, dz: float = 0.0) -> list[Contour]:
        """Contours of a lesion, with a margin, moved along z."""
        (x, y, z), (a, b, c) = at, radii
        return ellipsoid((x, y, z + dz), (a + grow, b + grow, c + grow), step=self.step, n=32)

    def between(self, low: float, high: float) -> float:
        """A number between two."""
        return float(self.rng.uniform(low, high))


Draw = Callable[[Scene, Point, Point], None]


def plain(s: Scene, at: Point, radii: Point) -> None:
    s.add(s.name(), s.body(at, radii))
    s.truth += 1


def margins(s: Scene, at: Point, radii: Point) -> None:
    name = s.name()
    s.add(name, s.body(at, radii))
    s.add(f"CTV {name}", s.body(at, radii, 3), kind="CTV")
    s.add(f"PTV {name}", s.body(at, radii, 6), kind="PTV")
    s.truth += 1


def in_union(s: Scene, at: Point, radii: Point) -> None:
    s.drawn += s.body(at, radii)
    plain(s, at, radii)


def union_only(s: Scene, at: Point, radii: Point) -> None:
    s.drawn += s.body(at, radii)
    s.truth += 1


def phases(s: Scene, at: Point, radii: Point) -> None:
    name, swing = s.name(), 0.8 * min(radii)
    for phase, part in ((0, 0.0), (30, 0.5), (50, 1.0)):
        s.add(f"{name}_T{phase:02d}", s.body(at, radii, dz=part * swing))
    s.truth += 1


def displaced_phases(s: Scene, at: Point, radii: Point) -> None:
    small: Point = (min(radii[0], 6.0), min(radii[1], 6.0), min(radii[2], 6.0))
    name, swing = s.name(), s.between(12, 24)
    for phase in range(0, 100, 10):
        part = (1 - np.cos(2 * np.pi * phase / 100)) / 2
        s.add(f"{name}_{phase:02d}%", s.body(at, small, dz=float(part * swing)))
    (x, y, z), (a, b, c) = at, small
    moved: Point = (x, y, z + swing / 2)
    whole = ellipsoid(moved, (a, b, c + swing / 2), step=s.step)
    if s.rng.random() < 0.5:
        s.add(f"ITV {name}", whole, kind="CTV")
    s.truth += 1


def variants(s: Scene, at: Point, radii: Point) -> None:
    name = s.name()
    shift = 0.5 * radii[0]
    s.add(f"{name}_CT", s.body(at, radii))
    s.add(f"{name}_MR", s.body((at[0] + shift, at[1], at[2]), radii, s.between(0, 2)))
    s.add(f"{name}_PET", s.body((at[0], at[1] + shift, at[2]), radii, -0.15 * min(radii)))
    s.truth += 1


def planning_only(s: Scene, at: Point, radii: Point) -> None:
    s.add(f"PTV {s.name()}", s.body(at, radii, 5), kind="PTV")
    s.truth += 1


def one_gap(s: Scene, at: Point, radii: Point) -> None:
    middle = round(at[2] / s.step) * s.step
    long = 2 * radii[2] > 5 * s.step
    skip = (middle,) if long else ()
    s.add(s.name(), ellipsoid(at, radii, step=s.step, n=32, skip=skip))
    s.truth += 1


def wide_gap(s: Scene, at: Point, radii: Point) -> None:
    middle = round(at[2] / s.step) * s.step
    long = 2 * radii[2] > 7 * s.step
    skip = (middle, middle + s.step) if long else ()
    s.add(s.name(), ellipsoid(at, radii, step=s.step, n=32, skip=skip))
    s.truth += 1


def every_other_plane(s: Scene, at: Point, radii: Point) -> None:
    s.add(s.name(), ellipsoid(at, radii, step=2 * s.step, n=32) or s.body(at, radii))
    s.truth += 1


def pair(s: Scene, at: Point, radii: Point, apart: float) -> tuple[list[Contour], list[Contour]]:
    """Two balls so far apart, in parts of the sum of their radii; on a line of any direction."""
    r = min(max(radii[0], 2.5 * s.step), 22.0)
    q = r * s.between(0.8, 1.0)
    way = s.rng.normal(size=3)
    x, y, z = (np.array(at) + way / np.linalg.norm(way) * apart * (r + q)).tolist()
    return s.body(at, (r, r, r)), s.body((x, y, z), (q, q, q))


def touching(s: Scene, at: Point, radii: Point) -> None:
    one, other = pair(s, at, radii, s.between(0.95, 1.0))
    both = ("GTV", "GTV") if s.rng.random() < 0.2 else (s.name(), s.name())
    s.add(both[0], one)
    s.add(both[1], other)
    s.truth += 2


def overlapping(s: Scene, at: Point, radii: Point) -> None:
    one, other = pair(s, at, radii, s.between(0.75, 0.9))
    s.add(s.name(), one)
    s.add(s.name(), other)
    s.truth += 2


def touching_in_union(s: Scene, at: Point, radii: Point) -> None:
    one, other = pair(s, at, radii, s.between(0.9, 0.97))
    s.drawn += merged(one, other)
    s.truth += 2


def dumbbell(s: Scene, at: Point, radii: Point) -> None:
    one, other = pair(s, at, radii, s.between(0.75, 0.95))
    s.add(s.name(), merged(one, other))
    s.truth += 1


def two_drawn_as_one(s: Scene, at: Point, radii: Point) -> None:
    one, other = pair(s, at, radii, s.between(0.87, 0.97))
    s.add(s.name(), merged(one, other))
    s.truth += 2


def merged_planning(s: Scene, at: Point, radii: Point) -> None:
    r = min(max(radii[0], 4.0), 20.0)
    gap = s.between(1, 6)
    (x, y, z), grown = at, (r + 5, r + 5, r + 5)
    other = (x + 2 * r + gap, y, z)
    both = merged(s.body(at, grown), s.body(other, grown))
    s.add(f"PTV {s.name()}", both, kind="PTV")
    s.truth += 2


def two_in_one_planning(s: Scene, at: Point, radii: Point) -> None:
    one, other = pair(s, at, radii, s.between(1.15, 1.3))
    s.add(s.name(), one)
    s.add(s.name(), other)
    x, y, z = at
    s.add(f"PTV_{s.named // 2}", s.body((x, y, z), (85.0, 85.0, 70.0)), kind="PTV")
    s.truth += 2


def shells(s: Scene, at: Point, radii: Point) -> None:
    name, r = s.name(), max(radii)
    s.add(name, s.body(at, radii))
    s.add(f"PTV {name}", s.body(at, radii, 4), kind="PTV")
    for word, inner in (("Ring", 6.0), ("shell", 12.0), ("NTO", 4.0)):
        ring = shell(at, r + inner, r + inner + 6, step=s.step)
        s.items.append(structure(f"{word} {name}", ring, kind="AVOIDANCE"))
    s.truth += 1


def in_organ(s: Scene, at: Point, radii: Point) -> None:
    margins(s, at, radii)
    whole = s.body(at, radii, 9)
    hole = s.body(at, radii, 0.5)
    s.items.append(structure("Liver-GTV", [*whole, *hole], kind="ORGAN"))
    s.items.append(structure("zLiver_opt", whole, kind="AVOIDANCE"))


def same_names(s: Scene, at: Point, radii: Point) -> None:
    s.add("GTV", s.body(at, radii))
    s.truth += 1


def copies(s: Scene, at: Point, radii: Point) -> None:
    name = s.name()
    for text in (name, name, f"{name}_copy", f"{name} old"):
        s.add(text, s.body(at, radii))
    s.truth += 1


def slivers(s: Scene, at: Point, radii: Point) -> None:
    x, y, z = at[0] + radii[0] + 8, at[1], round(at[2] / s.step) * s.step
    strip = box((x, y, z), (x + 0.5, y + 9, z + 2 * s.step), step=s.step)
    s.add(s.name(), s.body(at, radii), strip)
    s.truth += 1


def one_plane(s: Scene, at: Point, radii: Point) -> None:
    x, y, z = at[0], at[1], round(at[2] / s.step) * s.step
    s.add(s.name(), ellipsoid((x, y, z), (2.5, 3.0, 0.9 * s.step), step=s.step, n=24))
    s.truth += 1


def branching(s: Scene, at: Point, radii: Point) -> None:
    x, y, z = at
    r = min(max(radii[0], 8.0), 25.0)
    z = round(z / s.step) * s.step
    trunk = box((x - r, y - r / 2, z), (x + r, y + r / 2, z + r), step=s.step)
    arms = [
        box((x + lo, y - r / 2, z + r + s.step), (x + hi, y + r / 2, z + 1.4 * r), step=s.step)
        for lo, hi in ((-r, -r / 4), (r / 4, r))
    ]
    s.add(s.name(), trunk, *arms)
    s.truth += 1


def lobulated(s: Scene, at: Point, radii: Point) -> None:
    s.add(s.name(), irregular(at, max(radii[0], 6.0), s.rng, step=s.step))
    s.truth += 1


def boost(s: Scene, at: Point, radii: Point) -> None:
    name = s.name()
    s.add(name, s.body(at, radii))
    inner: Point = (0.6 * radii[0], 0.6 * radii[1], 0.6 * radii[2])
    s.add(f"{name}boost", s.body(at, inner))
    s.add(f"PTV {name}", s.body(at, radii, 5), kind="PTV")
    s.truth += 1


def internal(s: Scene, at: Point, radii: Point) -> None:
    name = s.name()
    if s.rng.random() < 0.5:
        s.add(name, s.body(at, radii))
    s.add(f"ITV {name}", s.body(at, radii, 3), kind="CTV")
    s.add(f"PTV {name}", s.body(at, radii, 8), kind="PTV")
    s.truth += 1


def doses(s: Scene, at: Point, radii: Point) -> None:
    name = s.name()
    s.add(name, s.body(at, radii))
    for dose, margin in (("6000", 3.0), ("5040", 8.0)):
        s.add(f"PTV {name}_{dose}", s.body(at, radii, margin), kind="PTV")
    s.truth += 1


def empty_ones(s: Scene, at: Point, radii: Point) -> None:
    plain(s, at, radii)
    s.items.append(structure(f"PTV_{s.named}", kind="PTV"))
    if s.named == 1:
        s.items.append(structure("GTV_old", kind="GTV"))


def voxels(s: Scene, at: Point, radii: Point) -> None:
    s.items.append(voxelised(s.name(), at, radii, step=s.step))
    s.truth += 1


def nodes(s: Scene, at: Point, radii: Point) -> None:
    """Around an oesophageal primary: nodes of named stations, regional ones not counted."""
    s.site = "oesophagus"
    if not s.named:
        s.add("GTVp", ellipsoid((-300.0, 100.0, 0.0), (12.0, 12.0, 40.0), step=s.step))
    s.named += 1
    small: Point = (min(radii[0], 9.0), min(radii[1], 9.0), min(radii[2], 12.0))
    station, counts = (
        ("AJCC8_7", 0),
        ("AJCC8:8M", 0),
        ("LN_Paraaortic", 1),
        ("JES:16a2", 1),
    )[s.named % 4]
    s.add(f"GTVn_{station}_{s.named}", s.body(at, small))
    s.truth += counts


def letters(s: Scene, at: Point, radii: Point) -> None:
    """Two lesions of one number, told apart by a letter."""
    s.named += 1
    one, other = pair(s, at, radii, 1.4)
    s.add(f"GTV{s.named}a", one)
    s.add(f"GTV{s.named}b", other)
    s.add(f"PTV{s.named}", [*one, *other], kind="PTV")
    s.truth += 2


def roman(s: Scene, at: Point, radii: Point) -> None:
    s.named += 1
    tens, ones = divmod(s.named, 10)
    digits = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
    s.add(f"GTV {'X' * tens}{digits[ones]}", s.body(at, radii))
    s.truth += 1


def no_numbers(s: Scene, at: Point, radii: Point) -> None:
    organs = ("liver", "lung_L", "lung_R", "bone", "brain", "adrenal_L", "spleen", "kidney_R")
    s.named += 1
    s.add(f"GTV_{organs[s.named % len(organs)]}", s.body(at, radii))
    s.truth += 1


def no_types(s: Scene, at: Point, radii: Point) -> None:
    name = s.name()
    s.add(name, s.body(at, radii), kind=str(s.rng.choice(["", "GTV", "CTV"])))
    s.add(f"PTV {name}", s.body(at, radii, 5), kind="")
    s.truth += 1


def crops(s: Scene, at: Point, radii: Point) -> None:
    name = s.name()
    s.add(name, s.body(at, radii))
    for text, margin in (
        ("PTV {}", 6.0),
        ("PTV {}_eval", 5.0),
        ("zPTV {}", 5.5),
        ("PTV {}_opt", 4.0),
        ("PTV {}-03", 5.0),
    ):
        s.add(text.format(name), s.body(at, radii, margin), kind="PTV")
    s.add(f"{name}-PTV overlap", s.body(at, radii, -0.5 * min(radii)), kind="")
    s.truth += 1


def unions_of_unions(s: Scene, at: Point, radii: Point) -> None:
    """A union of each two lesions, of all, and of all with margins."""
    s.drawn += s.body(at, radii)
    name = s.name()
    s.add(name, s.body(at, radii))
    s.add(f"PTV {name}", s.body(at, radii, 5), kind="PTV")
    s.held += s.body(at, radii)
    if s.named % 2 == 0:
        s.add(f"GTV_{s.named - 1}+{s.named}", s.held)
        s.held = []
    s.truth += 1


def no_gross(s: Scene, at: Point, radii: Point) -> None:
    """Planning volumes of two doses, one in the other."""
    name = s.name()
    s.add(f"PTV {name}_High", s.body(at, radii, 4), kind="PTV")
    s.add(f"PTV {name}_Low", s.body(at, radii, 10), kind="PTV")
    s.truth += 1


def twice_by_case(s: Scene, at: Point, radii: Point) -> None:
    s.named += 1
    s.add(f"GTV_{s.named}", s.body(at, radii))
    s.add(f"gtv {s.named}", s.body(at, radii, 0.3))
    s.truth += 1


def close(s: Scene, at: Point, radii: Point) -> None:
    """Two lesions a few millimetres apart, whose own margins overlap."""
    r = min(max(radii[0], 2.5 * s.step), 20.0)
    x, y, z = at
    for centre in (at, (x + 2 * r + s.between(2, 8), y, z)):
        name = s.name()
        s.add(name, s.body(centre, (r, r, r)))
        s.add(f"PTV {name}", s.body(centre, (r, r, r), 5), kind="PTV")
    s.truth += 2


def close_in_union(s: Scene, at: Point, radii: Point) -> None:
    r = min(max(radii[0], 2.5 * s.step), 20.0)
    x, y, z = at
    s.drawn += [*s.body(at, (r, r, r)), *s.body((x + 2 * r + s.between(1, 8), y, z), (r, r, r))]
    s.truth += 2


def other_planes(s: Scene, at: Point, radii: Point) -> None:
    """Drawn once more on another image: on planes of another spacing, place or direction."""
    name = s.name()
    big: Point = (max(radii[0], 4.0), max(radii[1], 4.0), max(radii[2], 2 * s.step))
    s.add(name, s.body(at, big))
    x, y, z = at
    (a, b, c), step = big, float(s.rng.choice([1.0, 2.5, 4.0]))
    way = [(0, 1, 2), (2, 0, 1), (1, 2, 0)][int(s.rng.integers(3))]
    turned = np.array([(x, y, z), (a, b, c)])[:, np.argsort(way)]
    (u, v, n), (p, q, r) = turned.tolist()
    drawn = ellipsoid((u, v, n), (p, q, max(r, step)), step=step, n=32)
    s.add(f"{name}_MR", [Contour(k.points_mm[:, way].copy()) for k in drawn])
    s.truth += 1


def merged(one: list[Contour], other: list[Contour]) -> list[Contour]:
    """The contours of two bodies as a union in a planning system draws them, plane by plane."""
    import shapely

    planes: dict[float, list[Contour]] = {}
    for c in (*one, *other):
        planes.setdefault(round(float(c.points_mm[0, 2]), 3), []).append(c)
    out = []
    for z, drawn in sorted(planes.items()):
        whole = shapely.union_all([shapely.Polygon(c.points_mm[:, :2]) for c in drawn])
        for part in shapely.get_parts(whole):
            ring = np.asarray(part.exterior.coords)[:-1, :2]
            out.append(Contour(np.column_stack([ring, np.full(len(ring), z)])))
    return out

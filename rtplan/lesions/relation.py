"""Whether two bodies are one lesion: by their overlap, their gap, and what their names say.

Three answers. ``CERTAIN``: one lesion in every reading. ``LIKELY``: one in the best reading, two
in another. ``POSSIBLE``: two in the best reading, one in another. No link: two.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from rtplan.geometry.contour import Structure
from rtplan.lesions.bodies import Body
from rtplan.lesions.names import Kind, NameReading
from rtplan.lesions.overlap import gap_mm, shares_projection, surrounds
from rtplan.lesions.roles import Role

NESTED = 0.8
"""Part of the smaller body inside the larger from which they are one, unless numbered apart."""
LARGELY = 0.5
"""Part of the smaller body inside the larger from which they overlap largely."""
SLIGHT = 0.02
"""Part of the smaller body below which an overlap is a touch."""
TOUCH_MM = 1.0
"""Gap up to which bodies of different structures touch."""
CLOSE_MM = 3.0
"""Gap up to which two bodies of one structure may be one lesion drawn apart."""
SPLIT_MM = 12.0
"""Gap of missing planes up to which two bodies of one structure may be one lesion."""
BREATHING_MM = 20.0
"""Gap up to which two phases of one target may be one lesion displaced by breathing."""


class Same(IntEnum):
    """How surely two bodies are one lesion."""

    POSSIBLE = 1
    LIKELY = 2
    CERTAIN = 3


class Names(IntEnum):
    """What two names say about each other."""

    APART = -1
    OPEN = 0
    ALIKE = 1


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One body of one target structure, a candidate for a lesion.

    ``sure`` and ``likely`` say whether it exists as a lesion in every reading, and in the best;
    ``aside`` that it is gross tumour by name or type, which other evidence sets aside. ``lobes``
    is how many lesions it may be by its shape; ``waist`` the width of its narrowest waist in parts
    of the lobe's, or where it was parted, of the waist at which it meets the others.
    """

    structure: Structure
    display: str
    name: NameReading
    role: Role
    body: Body
    index: int
    of: int
    sure: bool = True
    likely: bool = True
    aside: bool = False
    lobes: int = 1
    waist: float | None = None
    is_parted: bool = False

    def shares_frame(self, other: Member) -> bool:
        """Whether two members lie in one frame of reference, as far as that is known."""
        own, its = self.structure.frame_of_reference_uid, other.structure.frame_of_reference_uid
        return own is None or its is None or own == its

    @property
    def text(self) -> str:
        """The structure's name, with the body where it has several."""
        return self.display if self.of == 1 else f"{self.display} (body {self.index} of {self.of})"


@dataclass(frozen=True, slots=True)
class Link:
    """Two members that are, or may be, one lesion."""

    first: int
    second: int
    same: Same
    text: str


def compare_names(a: NameReading, b: NameReading) -> Names:
    """Whether two names tell lesions apart, tell them alike, or leave it open.

    >>> from rtplan.lesions.names import read_name
    >>> compare_names(read_name("GTV_1"), read_name("GTV_2")).name
    'APART'
    >>> compare_names(read_name("GTV_1_CT"), read_name("GTV1_PET")).name
    'ALIKE'
    """
    fields = [
        (_kind(a), _kind(b)),
        (a.label, b.label),
        (a.level, b.level),
        (a.organ or a.part, b.organ or b.part),
        (a.laterality, b.laterality),
        (a.station and a.station.name, b.station and b.station.name),
    ]
    if any(x is not None and y is not None and x != y for x, y in fields):
        return Names.APART
    return Names.ALIKE if all(x == y for x, y in fields) else Names.OPEN


def _kind(name: NameReading) -> Kind | None:
    return name.kind if name.kind in (Kind.PRIMARY, Kind.NODE) else None


def kinds_differ(a: NameReading, b: NameReading) -> bool:
    """Whether one name says primary, node or metastasis and the other something else of these."""
    told = [n.kind for n in (a, b) if n.kind not in (None, Kind.LESION)]
    return len(told) == 2 and told[0] != told[1]


def relate(a: Member, b: Member, shared_mm3: float) -> tuple[Same, str] | None:
    """Whether two bodies of different structures of one tier are one lesion, and why."""
    smaller = min(a.body.volume_mm3, b.body.volume_mm3)
    part = shared_mm3 / smaller if smaller > 0 else 0.0
    names = compare_names(a.name, b.name)
    if part >= NESTED:
        text = f"{a.text} and {b.text} share {part:.0%} of the smaller"
        if names is not Names.APART:
            return Same.CERTAIN, text
        same = Same.POSSIBLE if kinds_differ(a.name, b.name) else Same.LIKELY
        return same, f"{text}, though named apart"
    if part >= SLIGHT:
        text = f"{a.text} and {b.text} overlap in part ({part:.0%} of the smaller)"
        if part >= LARGELY:
            table = {Names.ALIKE: Same.CERTAIN, Names.OPEN: Same.LIKELY, Names.APART: Same.POSSIBLE}
            return table[names], text
        return (Same.LIKELY if names is Names.ALIKE else Same.POSSIBLE), text
    for outer, inner in ((a, b), (b, a)):
        if surrounds(outer.body, inner.body, part=NESTED):
            text = f"{outer.text} surrounds {inner.text} like a shell"
            return (Same.LIKELY if names is Names.APART else Same.CERTAIN), text
    if gap_mm(a.body, b.body, reach_mm=TOUCH_MM) is not None:
        text = f"{a.text} and {b.text} touch"
        once_more = names is Names.ALIKE and (is_view(a.name) or is_view(b.name) or a.name.mark)
        return (Same.LIKELY if once_more else Same.POSSIBLE), text
    return None


def is_view(name: NameReading) -> bool:
    """Whether a name is that of one image of a lesion: a phase, or an imaging variant."""
    return name.phase is not None or bool(name.variants)


def relate_own(a: Member, b: Member) -> tuple[Same, str] | None:
    """Whether two bodies of one structure are one lesion drawn apart, and why."""
    single = a.name.label is not None and not a.name.is_union
    gap = gap_mm(a.body, b.body, reach_mm=SPLIT_MM)
    both = f"{a.display} has bodies {min(a.index, b.index)} and {max(a.index, b.index)}"
    if a.is_parted and b.is_parted and gap is not None and gap <= TOUCH_MM:
        return Same.POSSIBLE, f"{both} that meet at a waist of {a.waist:.0%} of their width"
    if gap is None:
        text = f"{both} far apart, and its number says one lesion"
        return (Same.POSSIBLE, text) if single else None
    if shares_projection(a.body, b.body):
        text = f"{both} one above the other, split by a gap of {gap:.1f} mm without contours"
        return (Same.LIKELY if single or continues(a.body, b.body) else Same.POSSIBLE), text
    if single:
        return Same.LIKELY, f"{both} {gap:.1f} mm apart, and its number says one lesion"
    if gap <= CLOSE_MM:
        return Same.POSSIBLE, f"{both} only {gap:.1f} mm apart"
    return None


def continues(a: Body, b: Body) -> bool:
    """Whether the sections facing each other over a gap look cut off rather than closed."""
    import shapely

    lower, upper = (a, b) if a.low_mm[0] <= b.low_mm[0] else (b, a)
    low, high = shapely.area(lower.sections), shapely.area(upper.sections)
    closes = len(low) > 1 and low[-1] < 0.6 * low[-2] and len(high) > 1 and high[0] < 0.6 * high[1]
    shared = shapely.area(shapely.intersection(lower.sections[-1], upper.sections[0]))
    return bool(not closes and shared > 0.5 * (low[-1] + high[0] - shared))


def displaced(a: Member, b: Member) -> float | None:
    """Gap in mm between two phases of one target that breathing may have moved apart."""
    phases = a.name.phase is not None or b.name.phase is not None
    alike = compare_names(a.name, b.name) is Names.ALIKE
    ratio = a.body.volume_mm3 / b.body.volume_mm3 if b.body.volume_mm3 else 0.0
    variants = a.name.variants != b.name.variants and bool(a.name.variants or b.name.variants)
    if not alike or not (phases or variants) or not 0.3 <= ratio <= 3.3:
        return None
    return gap_mm(a.body, b.body, reach_mm=BREATHING_MM if phases else SPLIT_MM)

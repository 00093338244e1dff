"""What a lesions file that was edited by hand says against the structure set it came from.

The file keeps what became of each structure (``structures``). A lesion may be added, removed or
changed; where that does not fit the structures any more, a finding says so and the list stands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rtplan.findings import Finding, finding
from rtplan.lesions.model import Category, Lesion, StructureRef, StructureUse
from rtplan.lesions.names import Kind, read_name

NO_TARGET = frozenset(
    {"organ", "external", "helper", "support", "isodose", "marker", "empty", "unreadable"}
)
"""Uses of structures that show no lesion."""
_ROUNDED_MM = 0.15
_ROUNDED = 1.01
_SAME_MM = 0.5


def against_structures(
    lesions: Sequence[Lesion], structures: Sequence[StructureUse], name: str
) -> list[Finding]:
    """Findings where lesions contradict the structures of their file, or themselves.

    Parameters
    ----------
    lesions, structures : sequences
        As read from the file.
    name : str
        How to call the file.
    """
    by_number = {use.number: use for use in structures}
    texts: list[str] = []
    for lesion in lesions:
        label = f"lesion {lesion.id!r}"
        if structures:
            for ref in lesion.structures:
                texts += [f"{label} {text}" for text in _of_reference(ref, by_number)]
        texts += [f"{label} {text}" for text in (*_of_names(lesion), *_of_sizes(lesion))]
    texts += _left_out(lesions, structures)
    texts += _at_one_place(lesions)
    return [finding("LES022", f"{name}: {text}") for text in texts]


def _of_reference(ref: StructureRef, by_number: Mapping[int, StructureUse]) -> list[str]:
    shown = f"{ref.name!r} (number {ref.number})"
    use = by_number.get(ref.number)
    if use is None or use.name != ref.name:
        return [f"names {shown}, which is not among the structures"]
    if use.use in NO_TARGET:
        return [f"names {shown}, which is read as {use.use}: {use.reason}"]
    return []


def _of_names(lesion: Lesion) -> list[str]:
    """What the names of its structures say against its category and organ."""
    texts = []
    told = {finding.code for finding in lesion.findings}
    stated = "LES015" in told
    for ref in lesion.structures:
        name = read_name(ref.name)
        primary = lesion.category is Category.PRIMARY
        open_ = lesion.category is Category.UNKNOWN
        if not stated and name.kind is Kind.PRIMARY and not (primary or open_):
            texts.append(f"is {lesion.category.value!r}, but {ref.name!r} is named as the primary")
        if not stated and name.kind is Kind.METASTASIS and primary:
            texts.append(f"is 'primary', but {ref.name!r} is named as a metastasis")
        organ = name.organ
        if organ and lesion.organ and organ is not lesion.organ and not told & {"LES013", "LES015"}:
            texts.append(
                f"is in {lesion.organ.value!r}, but the name {ref.name!r} tells {organ.value!r}"
            )
    return texts


def _of_sizes(lesion: Lesion) -> list[str]:
    """Measures that no body can have together."""
    short, longest = lesion.short_axis_mm, lesion.longest_diameter_mm
    space, volume = lesion.longest_3d_mm, lesion.volume_cc
    texts = []
    if short is not None and longest is not None and short > longest + _ROUNDED_MM:
        texts.append(f"has a short axis of {short:g} mm and a longest diameter of {longest:g} mm")
    if longest is not None and space is not None and longest > space + _ROUNDED_MM:
        texts.append(f"is {longest:g} mm long in one plane and {space:g} mm in space")
    if space is not None and volume is not None:
        # Of all bodies of one diameter the ball is the largest.
        most = math.pi / 6 * (space + _ROUNDED_MM) ** 3 / 1000
        if volume > _ROUNDED * most + 0.005:
            texts.append(f"has {volume:g} cc, more than a ball of {space:g} mm across")
    return texts


def _left_out(lesions: Sequence[Lesion], structures: Sequence[StructureUse]) -> list[str]:
    """Structures that are counted in the file and that no lesion names."""
    named = {ref.number for lesion in lesions for ref in lesion.structures}
    return [
        f"{use.name!r} (number {use.number}) is {use.use!r} among the structures, "
        "but no lesion names it"
        for use in structures
        if use.use == "counted" and use.number not in named
    ]


def _at_one_place(lesions: Sequence[Lesion]) -> list[str]:
    """Pairs of lesions with one centroid: one of them may be a copy."""
    texts = []
    placed = [lesion for lesion in lesions if lesion.centroid_mm is not None]
    for at, one in enumerate(placed):
        for other in placed[at + 1 :]:
            pairs = zip(one.centroid_mm or (), other.centroid_mm or (), strict=True)
            if all(abs(a - b) < _SAME_MM for a, b in pairs):
                texts.append(f"lesions {one.id!r} and {other.id!r} are at the same place")
    return texts

"""The role of a structure: what it is drawn for, and which evidence decided.

The name, the RT ROI Interpreted Type (3006,00A4) and the geometry are heard together. A name that
says plainly what the structure is (GTV, ring, couch) outweighs the type, which is often left at
its default; where they disagree a finding says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from rtplan.findings import Finding, finding
from rtplan.geometry.contour import GeometricType, Structure
from rtplan.lesions.names import Kind, NameReading, Stem, read_name


class Role(StrEnum):
    """What a structure is drawn for."""

    GROSS = "gross"
    INTERNAL = "internal"
    CLINICAL = "clinical"
    PLANNING = "planning"
    CAVITY = "cavity"
    ORGAN = "organ"
    EXTERNAL = "external"
    HELPER = "helper"
    SUPPORT = "support"
    ISODOSE = "isodose"
    MARKER = "marker"
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    UNRECOGNISED = "unrecognised"

    @property
    def is_target(self) -> bool:
        """Whether it outlines tumour, or a volume around tumour."""
        return self in TIERS


TIERS = (Role.GROSS, Role.INTERNAL, Role.CLINICAL, Role.PLANNING)
"""Roles of targets, from the innermost outwards."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A role and the evidence for it.

    ``sure`` is False where the structure may be no tumour at all; ``whole_cc`` is the volume from
    which it is to be taken for the organ that it is named after. ``aside`` says that it is typed or
    named as gross tumour, and that other evidence sets it aside without proof; ``unseen`` that it
    is gross tumour by name or type and has no contours that can be used.
    """

    role: Role
    reason: str
    name: NameReading
    sure: bool = True
    whole_cc: float | None = None
    aside: bool = False
    unseen: bool = False
    findings: tuple[Finding, ...] = ()


_STEM_ROLE = {
    Stem.GROSS: Role.GROSS,
    Stem.INTERNAL: Role.INTERNAL,
    Stem.CLINICAL: Role.CLINICAL,
    Stem.PLANNING: Role.PLANNING,
}
_TARGET_TYPE = {"GTV": Role.GROSS, "CTV": Role.CLINICAL, "PTV": Role.PLANNING}
_PLAIN_TYPE = {
    "EXTERNAL": Role.EXTERNAL,
    "SUPPORT": Role.SUPPORT,
    "FIXATION": Role.SUPPORT,
    "BOLUS": Role.SUPPORT,
    "MARKER": Role.MARKER,
    "REGISTRATION": Role.MARKER,
    "ISOCENTER": Role.MARKER,
    "DOSE_REGION": Role.ISODOSE,
    "TREATED_VOLUME": Role.ISODOSE,
    "IRRAD_VOLUME": Role.ISODOSE,
    "CONTRAST_AGENT": Role.HELPER,
    "CONTROL": Role.HELPER,
    "DOSE_MEASUREMENT": Role.MARKER,
    "BRACHY_CHANNEL": Role.SUPPORT,
    "BRACHY_ACCESSORY": Role.SUPPORT,
    "BRACHY_SRC_APP": Role.SUPPORT,
    "BRACHY_CHNL_SHLD": Role.SUPPORT,
}
_ORGAN_TYPE = {"ORGAN": Role.ORGAN, "OAR": Role.ORGAN, "AVOIDANCE": Role.HELPER}
_OTHER_WORDS = {
    "external": Role.EXTERNAL,
    "support": Role.SUPPORT,
    "isodose": Role.ISODOSE,
    "marker": Role.MARKER,
}


def decide_roles(structures: Iterable[Structure]) -> tuple[Decision, ...]:
    """The role of each structure, in order; phases are told from numbers by their siblings."""
    items = tuple(structures)
    names = _without_false_levels([read_name(structure.name) for structure in items])
    phased = {_stem_key(name) for name in names if name.phase}
    numbers = {(name.stem, number) for name in names for number in _numbers(name)}
    return tuple(
        _decide(structure, _among(name, phased, numbers))
        for structure, name in zip(items, names, strict=True)
    )


def _without_false_levels(names: list[NameReading]) -> list[NameReading]:
    """Names in which L1 beside R1 is a side, and T10 beside T50 a phase, not a vertebra."""
    phased = {_stem_key(name) for name in names if name.phase}
    right = any(n.laterality == "right" and n.label and n.part is None and n.stem for n in names)
    return [
        read_name(name.name, levels=False)
        if (name.level == "t10" and _stem_key(name) in phased)
        or (right and name.level is not None and name.level.startswith("l") and not name.part_word)
        else name
        for name in names
    ]


def _stem_key(name: NameReading) -> tuple[object, ...]:
    return name.stem, name.kind, name.part_word, name.laterality


def _numbers(name: NameReading) -> list[int]:
    label = int(name.label) if name.label is not None and name.label.isdecimal() else None
    return [n for n in (label, name.number) if n is not None]


def _among(
    name: NameReading,
    phased: set[tuple[object, ...]],
    numbers: set[tuple[Stem | None, int]],
) -> NameReading:
    """A name among its siblings: tens beside a phase 0 are phases, a number after n - 1 a label."""
    if name.phase_like and _stem_key(name) in phased:
        return replace(name, phase=name.label, label=None)
    if name.number is not None and name.label is None and (name.stem, name.number - 1) in numbers:
        return replace(name, label=str(name.number), number=None)
    return name


def _decide(structure: Structure, name: NameReading) -> Decision:
    kind = structure.roi_type.strip().upper()
    if structure.problem is not None:
        role = (_by_name(structure, name, kind) or _by_type(structure, name, kind)).role
        text = f"its contours cannot be used: {structure.problem}"
        notes: tuple[Finding, ...] = ()
        if role is Role.GROSS:
            shown = f"{structure.name!r}: {text}; not counted"
            notes = (finding("LES005", shown, roi_number=structure.number),)
        return Decision(Role.UNREADABLE, text, name, unseen=role is Role.GROSS, findings=notes)
    if not structure.closed:
        return _without_volume(structure, name, kind)
    return _by_name(structure, name, kind) or _by_type(structure, name, kind)


def _without_volume(structure: Structure, name: NameReading, kind: str) -> Decision:
    points = {c.kind for c in structure.contours} == {GeometricType.POINT}
    drawn = "no contour that encloses an area" if structure.contours else "no contours"
    role = _by_name(structure, name, kind) or _by_type(structure, name, kind)
    gross = role.role is Role.GROSS
    notes: tuple[Finding, ...] = ()
    if structure.contours and (points or _PLAIN_TYPE.get(kind) is Role.MARKER):
        gross = gross and (name.stem is not None or name.kind is not None)
        if gross:
            text = f"{structure.name!r} is named as gross tumour and holds points only: not counted"
            notes = (finding("LES001", text, roi_number=structure.number),)
        text = "points only: a marker, not a volume"
        return Decision(Role.MARKER, text, name, unseen=gross, findings=notes)
    if role.role.is_target:
        text = f"{structure.name!r} is named or typed as a target and has {drawn}: not counted"
        notes = (finding("LES001", text, roi_number=structure.number),)
    text = f"{drawn}, so nothing to count"
    return Decision(Role.EMPTY, text, name, unseen=gross, findings=notes)


def _by_name(structure: Structure, name: NameReading, kind: str) -> Decision | None:
    """The role that the name tells; None where it leaves that to the type."""
    helper = _helper(structure, name, kind)
    if helper is not None:
        return helper
    cavity = name.has("cavity")
    if cavity and not (name.stem is Stem.GROSS and name.kind):
        text = f"{cavity!r} in the name: where tumour was removed, not tumour"
        return Decision(Role.CAVITY, text, name, findings=_contradiction(structure, "cavity", kind))
    if name.stem is not None:
        return _by_stem(structure, name, kind)
    plain = _PLAIN_TYPE.get(kind)
    if plain is not None:
        return Decision(plain, f"its type is {kind}", name)
    if name.kind is not None:
        return _by_tumour_word(structure, name, kind)
    if name.dose_only:
        return Decision(Role.ISODOSE, "the name is a dose", name, aside=kind == "GTV")
    if name.part is not None:
        return _by_organ(structure, name, kind)
    for table, role in _OTHER_WORDS.items():
        word = name.has(table)
        if word and not name.left_over and kind not in _TARGET_TYPE:
            return Decision(role, f"{word!r} in the name", name)
    return None


def _helper(structure: Structure, name: NameReading, kind: str) -> Decision | None:
    word = name.has("helper")
    if word:
        reason = f"{word!r} in the name: made for planning"
    elif name.subtracts and not (kind == "GTV" and name.stem is Stem.GROSS and name.label):
        role = Role.HELPER if name.part is None or name.cropped else Role.ORGAN
        text = "the name is one volume without another"
        return Decision(role, text, name, aside=_may_be_tumour(name, kind))
    elif name.not_for_evaluation and (name.stem or kind not in _TARGET_TYPE):
        reason = "the name begins with z or _: not for evaluation (TG-263)"
    else:
        return None
    return Decision(
        Role.HELPER,
        reason,
        name,
        aside=_may_be_tumour(name, kind),
        findings=_contradiction(structure, "planning helper", kind),
    )


def _may_be_tumour(name: NameReading, kind: str) -> bool:
    """Whether a structure that its name makes a helper is gross tumour by stem, word or type."""
    whole = name.stem is Stem.GROSS and (name.cropped or not name.subtracts)
    return kind == "GTV" or whole or (name.stem is None and name.kind is Kind.METASTASIS)


def _by_stem(structure: Structure, name: NameReading, kind: str) -> Decision:
    assert name.stem is not None
    role = _STEM_ROLE[name.stem]
    notes: tuple[Finding, ...] = ()
    reason = f"named as {_STEM_TEXT[role]}"
    if name.expanded and role is Role.GROSS:
        role = Role.CLINICAL
        reason = "named as gross tumour with a margin"
    typed = _TARGET_TYPE.get(kind)
    if (kind in _TARGET_TYPE or kind in _PLAIN_TYPE or kind in _ORGAN_TYPE) and typed is not role:
        internal = role is Role.INTERNAL and typed is not None
        if not internal and not (name.expanded and typed is not None):
            notes = _contradiction(structure, _STEM_TEXT[role], kind)
            reason += f"; its type {kind} says otherwise and is not believed"
    elif typed is role:
        reason += f", and its type is {kind}"
    return Decision(role, reason, name, findings=notes)


_STEM_TEXT = {
    Role.GROSS: "gross tumour",
    Role.INTERNAL: "internal target volume",
    Role.CLINICAL: "clinical target volume",
    Role.PLANNING: "planning target volume",
}


def _by_tumour_word(structure: Structure, name: NameReading, kind: str) -> Decision | None:
    """A name with a word for tumour and no stem: Met 3, Lesion-02, LN_Paraaortic."""
    assert name.kind is not None
    word = name.has(f"kind.{name.kind.value}") or name.kind.value
    typed = _TARGET_TYPE.get(kind)
    if typed is not None:
        return Decision(typed, f"its type is {kind}; {word!r} in the name says tumour", name)
    if kind in _ORGAN_TYPE:
        if name.kind is Kind.NODE:
            text = f"a nodal region by name, and its type is {kind}, not a target"
            return Decision(_ORGAN_TYPE[kind], text, name)
        notes = _contradiction(structure, "tumour", kind)
        text = f"{word!r} in the name says tumour; its type {kind} says otherwise"
        return Decision(Role.GROSS, text, name, sure=False, findings=notes)
    if name.kind is Kind.NODE and name.label is None:
        text = f"{word!r} in the name: an involved node or a nodal region, the type does not say"
        note = finding("LES004", f"{structure.name!r}: {text}", roi_number=structure.number)
        return Decision(Role.GROSS, text, name, sure=False, findings=(note,))
    return Decision(Role.GROSS, f"{word!r} in the name says tumour; no type is given", name)


def _by_organ(structure: Structure, name: NameReading, kind: str) -> Decision:
    """A name that is an organ's."""
    assert name.part is not None
    typed = _TARGET_TYPE.get(kind)
    if typed is None:
        given = f", and its type is {kind}" if kind else ""
        role = Role.HELPER if kind == "AVOIDANCE" and name.left_over else Role.ORGAN
        return Decision(role, f"{name.part_word!r} in the name: an organ{given}", name)
    text = f"its type is {kind}; the name is an organ's ({name.part_word!r})"
    note = finding("LES003", f"{structure.name!r}: {text}", roi_number=structure.number)
    return Decision(
        typed,
        text,
        name,
        sure=name.label is not None,
        whole_cc=None if name.label else name.part.whole_cc,
        findings=(note,),
    )


def _by_type(structure: Structure, name: NameReading, kind: str) -> Decision:
    """The role that the type alone tells."""
    if kind in _TARGET_TYPE:
        return Decision(_TARGET_TYPE[kind], f"its type is {kind}; the name says nothing", name)
    role = _PLAIN_TYPE.get(kind) or _ORGAN_TYPE.get(kind)
    if role is not None:
        return Decision(role, f"its type is {kind}", name)
    given = f"type {kind}" if kind else "no type"
    text = f"the name says nothing known and it has {given}"
    note = finding("LES020", f"{structure.name!r}: {text}", roi_number=structure.number)
    return Decision(Role.UNRECOGNISED, text, name, findings=(note,))


def _contradiction(structure: Structure, named: str, kind: str) -> tuple[Finding, ...]:
    """A finding where a type that means something else contradicts the name."""
    if named in ("planning helper", "cavity") and kind not in ("GTV", "CTV", "PTV"):
        return ()
    if named == "cavity" and kind == "CTV":
        return ()
    text = f"{structure.name!r} is named as {named} but its type is {kind}; the name is believed"
    return (finding("LES002", text, roi_number=structure.number),)

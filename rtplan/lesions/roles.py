"""The role of a structure: what it is drawn for, and which evidence decided.

The name, the RT ROI Interpreted Type (3006,00A4), the codes of a segment and the geometry are heard
together. A name that says plainly what the structure is (GTV, ring, couch) outweighs type and
codes, which are often left at their default; where they disagree a finding says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from rtplan.findings import Finding, finding
from rtplan.geometry.contour import GeometricType, Structure
from rtplan.lesions.codes import Coded, read_codes, with_codes
from rtplan.lesions.names import Kind, NameReading, Stem, read_name
from rtplan.lesions.pieces import fold_word
from rtplan.lesions.shape import Boxes, boxes_of, hole_of, is_as_the_body, surrounded
from rtplan.lesions.siblings import among_siblings
from rtplan.lesions.vocabulary import Vocabulary, vocabulary


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


DOUBT_CC = 100.0
"""Volume up to which an untyped organ with unknown words in its name may be a target in it."""
TIERS = (Role.GROSS, Role.INTERNAL, Role.CLINICAL, Role.PLANNING)
"""Roles of targets, from the innermost outwards."""


class Evidence(StrEnum):
    """What a decision rests on."""

    NAME = "name"
    TYPE = "type"
    CODE = "code"
    GEOMETRY = "geometry"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Decision:
    """A role and the evidence for it: ``evidence`` names what decided, ``reason`` says it in words.

    ``sure`` is False where the structure may be no tumour at all; ``whole_cc`` is the volume from
    which it is to be taken for the organ that it is named after, ``doubt_cc`` that up to which an
    organ by name may be something in it, for words that are not known. ``aside`` says that it is
    typed or named as gross tumour, and that other evidence sets it aside without proof; ``unseen``
    that it is gross tumour by name or type and has no contours that can be used.
    """

    role: Role
    reason: str
    name: NameReading
    sure: bool = True
    whole_cc: float | None = None
    doubt_cc: float | None = None
    aside: bool = False
    unseen: bool = False
    findings: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = (Evidence.NAME,)


@dataclass(frozen=True, slots=True)
class _Given:
    """The interpreted type, or what the codes amount to, and how to say it."""

    type: str = ""
    text: str = "it has no type"
    evidence: Evidence = Evidence.TYPE

    @property
    def target(self) -> Role | None:
        """The role of a target that it says."""
        return _TARGET_TYPE.get(self.type)


_STEM_ROLE = {
    Stem.GROSS: Role.GROSS,
    Stem.INTERNAL: Role.INTERNAL,
    Stem.CLINICAL: Role.CLINICAL,
    Stem.PLANNING: Role.PLANNING,
}
_TARGET_TYPE = {
    "GTV": Role.GROSS,
    "ITV": Role.INTERNAL,
    "CTV": Role.CLINICAL,
    "PTV": Role.PLANNING,
}
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
_TREATED = frozenset(("sbrt", "sabr", "srs", "srt"))
_THINGS = {"support": Role.SUPPORT, "marker": Role.MARKER}
_WHOLE_WORDS = {"isodose": Role.ISODOSE, "external": Role.EXTERNAL}


def decide_roles(
    structures: Iterable[Structure], *, book: Vocabulary | None = None
) -> tuple[Decision, ...]:
    """The role of each structure, in order; phases are told from numbers by their siblings.

    Parameters
    ----------
    structures : iterable of Structure
    book : Vocabulary, optional
        The words that names are read by, such as ``site_names.load_names`` gives; those that come
        with rtplan where it is None.
    """
    items = tuple(structures)
    words = book or vocabulary()
    coded = [read_codes(structure.codes, words) for structure in items]
    read = among_siblings([read_name(item.name, book=words) for item in items], words)
    names = [with_codes(name, its) for name, its in zip(read, coded, strict=True)]
    decisions = [
        _settled(structure, name, words) or _decide(structure, name, _given(structure, its))
        for structure, name, its in zip(items, names, coded, strict=True)
    ]
    return _with_geometry(items, decisions)


def _given(structure: Structure, coded: Coded | None) -> _Given:
    kind = structure.roi_type.strip().upper()
    if kind:
        return _Given(kind, f"its type is {kind}")
    if coded is not None and coded.type:
        return _Given(coded.type, coded.text, Evidence.CODE)
    return _Given()


def _settled(structure: Structure, name: NameReading, book: Vocabulary) -> Decision | None:
    """The role that the site's own list of names gives; None where it says nothing."""
    role = book.roles.get(fold_word(structure.name))
    if role is None:
        return None
    text = "the role that the site's names file gives this name"
    if structure.problem is None and structure.closed:
        return Decision(Role(role), text, name, evidence=(Evidence.USER,))
    plain = _decide(structure, name, _Given())
    gross = Role(role) is Role.GROSS
    notes = plain.findings
    if gross and not notes:
        shown = f"{structure.name!r} is gross tumour by the site's names file: not counted"
        code = "LES001" if structure.problem is None else "LES005"
        notes = (finding(code, f"{shown}; {plain.reason}", roi_number=structure.number),)
    return replace(
        plain,
        reason=f"{plain.reason}; {role} is {text}",
        unseen=gross,
        findings=notes,
        evidence=(*plain.evidence, Evidence.USER),
    )


def _decide(structure: Structure, name: NameReading, given: _Given) -> Decision:
    if structure.problem is not None:
        role = (_by_name(structure, name, given) or _by_type(structure, name, given)).role
        text = f"its contours cannot be used: {structure.problem}"
        notes: tuple[Finding, ...] = ()
        if role is Role.GROSS:
            shown = f"{structure.name!r}: {text}; not counted"
            notes = (finding("LES005", shown, roi_number=structure.number),)
        return Decision(
            Role.UNREADABLE,
            text,
            name,
            unseen=role is Role.GROSS,
            findings=notes,
            evidence=(Evidence.GEOMETRY,),
        )
    if not structure.closed:
        return _without_volume(structure, name, given)
    return _by_name(structure, name, given) or _by_type(structure, name, given)


def _without_volume(structure: Structure, name: NameReading, given: _Given) -> Decision:
    points = {c.kind for c in structure.contours} == {GeometricType.POINT}
    drawn = "no contour that encloses an area" if structure.contours else "no contours"
    role = _by_name(structure, name, given) or _by_type(structure, name, given)
    gross = role.role is Role.GROSS
    notes: tuple[Finding, ...] = ()
    if structure.contours and (points or _PLAIN_TYPE.get(given.type) is Role.MARKER):
        gross = gross and (name.stem is not None or name.kind is not None)
        if gross:
            text = f"{structure.name!r} is named as gross tumour and holds points only: not counted"
            notes = (finding("LES001", text, roi_number=structure.number),)
        text = "points only: a marker, not a volume"
        return Decision(
            Role.MARKER, text, name, unseen=gross, findings=notes, evidence=(Evidence.GEOMETRY,)
        )
    if role.role.is_target:
        text = f"{structure.name!r} is named or typed as a target and has {drawn}: not counted"
        notes = (finding("LES001", text, roi_number=structure.number),)
    text = f"{drawn}, so nothing to count"
    return Decision(
        Role.EMPTY, text, name, unseen=gross, findings=notes, evidence=(Evidence.GEOMETRY,)
    )


def _by_name(structure: Structure, name: NameReading, given: _Given) -> Decision | None:
    """The role that the name tells; None where it leaves that to the type."""
    helper = _helper(structure, name, given)
    if helper is not None:
        return helper
    cavity = name.has("cavity")
    if cavity and not (name.stem is Stem.GROSS and name.kind):
        text = f"{cavity!r} in the name: where tumour was removed, not tumour"
        return Decision(
            Role.CAVITY, text, name, findings=_contradiction(structure, "cavity", given)
        )
    if name.stem is not None:
        return _by_stem(structure, name, given)
    plain = _PLAIN_TYPE.get(given.type)
    if plain is not None:
        return _by_plain_type(structure, name, given, plain)
    if name.kind is not None:
        return _by_tumour_word(structure, name, given)
    if name.dose_only:
        return Decision(Role.ISODOSE, "the name is a dose", name, aside=given.type == "GTV")
    thing = _by_word(name, _THINGS) if given.target is None else None
    if thing is not None:
        return thing
    if name.part is not None:
        return _by_organ(structure, name, given)
    return _by_word(name, _WHOLE_WORDS) if given.target is None and not name.left_over else None


def _by_plain_type(structure: Structure, name: NameReading, given: _Given, role: Role) -> Decision:
    """What is typed as no tumour and has no stem; a word for tumour leaves it open."""
    aside = name.kind in (Kind.METASTASIS, Kind.LESION)
    notes = _contradiction(structure, "tumour", given, believed="it is left open") if aside else ()
    return Decision(role, given.text, name, aside=aside, findings=notes, evidence=(given.evidence,))


def _by_word(name: NameReading, table: dict[str, Role]) -> Decision | None:
    """The role that a word of one of some tables gives."""
    for key, role in table.items():
        if word := name.has(key):
            return Decision(role, f"{word!r} in the name", name)
    return None


def _helper(structure: Structure, name: NameReading, given: _Given) -> Decision | None:
    word = name.has("helper")
    if word:
        reason = f"{word!r} in the name: made for planning"
    elif name.subtracts and not (given.type == "GTV" and name.stem is Stem.GROSS and name.label):
        role = Role.HELPER if name.part is None or name.cropped else Role.ORGAN
        text = "the name is one volume without another"
        return Decision(role, text, name, aside=_may_be_tumour(name, given))
    elif name.shared:
        reason = "the name is what an organ and a target share, or do not"
    elif (matter := name.has("matter")) and name.stem is None and name.kind is None:
        reason = f"{matter!r} in the name: not tissue"
    elif name.not_for_evaluation and (name.stem or given.target is None):
        reason = "the name begins with z or _: not for evaluation (TG-263)"
    else:
        return None
    return Decision(
        Role.HELPER,
        reason,
        name,
        aside=_may_be_tumour(name, given),
        findings=_contradiction(structure, "planning helper", given),
    )


def _may_be_tumour(name: NameReading, given: _Given) -> bool:
    """Whether a structure that its name makes a helper is gross tumour by stem, word or type."""
    inner = name.stem in (Stem.GROSS, Stem.INTERNAL)
    whole = inner and (name.cropped or not name.subtracts)
    named = name.stem is None and name.kind in (Kind.METASTASIS, Kind.LESION)
    return given.type == "GTV" or whole or named


def _by_stem(structure: Structure, name: NameReading, given: _Given) -> Decision:
    assert name.stem is not None
    role = _STEM_ROLE[name.stem]
    notes: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = (Evidence.NAME,)
    reason = f"named as {_STEM_TEXT[role]}"
    if name.expanded and role is Role.GROSS:
        role = Role.CLINICAL
        reason = "named as gross tumour with a margin"
    typed = given.target
    known = typed is not None or given.type in _PLAIN_TYPE or given.type in _ORGAN_TYPE
    if known and typed is not role:
        internal = role is Role.INTERNAL and typed is not None
        if not internal and not (name.expanded and typed is not None):
            notes = _contradiction(structure, _STEM_TEXT[role], given)
            reason += f"; {given.text}, which says otherwise and is not believed"
    elif typed is role:
        reason += f", and {given.text}"
        evidence = (Evidence.NAME, given.evidence)
    return Decision(role, reason, name, findings=notes, evidence=evidence)


_STEM_TEXT = {
    Role.GROSS: "gross tumour",
    Role.INTERNAL: "internal target volume",
    Role.CLINICAL: "clinical target volume",
    Role.PLANNING: "planning target volume",
}


def _by_tumour_word(structure: Structure, name: NameReading, given: _Given) -> Decision | None:
    """A name with a word for tumour and no stem: Met 3, Lesion-02, LN_Paraaortic."""
    assert name.kind is not None
    kinds = (name.kind, *Kind)
    word = next((found for kind in kinds if (found := name.has(f"kind.{kind.value}"))), None)
    said = f"{word!r} in the name says tumour" if word else f"{name.kind.value} by its code"
    own = (Evidence.NAME,) if word else (Evidence.CODE,)
    both = tuple(dict.fromkeys((*own, given.evidence)))
    typed = given.target
    if typed is not None:
        return Decision(typed, f"{given.text}; {said}", name, evidence=both)
    if given.type in _ORGAN_TYPE:
        if name.kind is Kind.NODE:
            text = f"a nodal region by name; {given.text}, not a target"
            return Decision(_ORGAN_TYPE[given.type], text, name, evidence=both)
        notes = _contradiction(structure, "tumour", given)
        text = f"{said}; {given.text}, which says otherwise"
        return Decision(Role.GROSS, text, name, sure=False, findings=notes, evidence=own)
    if name.kind is Kind.NODE and name.label is None:
        text = f"{said}, or a nodal region: the type does not say"
        note = finding("LES004", f"{structure.name!r}: {text}", roi_number=structure.number)
        return Decision(Role.GROSS, text, name, sure=False, findings=(note,), evidence=own)
    return Decision(Role.GROSS, f"{said}; no type is given", name, evidence=own)


def _by_organ(structure: Structure, name: NameReading, given: _Given) -> Decision:
    """A name that is an organ's."""
    assert name.part is not None
    said = f"{name.part_word!r} in the name: an organ"
    own: tuple[Evidence, ...] = (Evidence.NAME,)
    if name.part_word is None:
        said, own = f"an organ by its code ({name.part.words[0]})", (Evidence.CODE,)
    typed = given.target
    if typed is None:
        role = Role.HELPER if given.type == "AVOIDANCE" and name.left_over else Role.ORGAN
        text = f"{said}; {given.text}" if given.type else said
        if name.unread and name.part_word is not None and role is Role.ORGAN:
            return _by_organ_in_doubt(structure, name, given, text)
        if given.type in _ORGAN_TYPE:
            own = tuple(dict.fromkeys((*own, given.evidence)))
        return Decision(role, text, name, evidence=own)
    text = f"{given.text}; the name is an organ's ({name.part_word or name.part.words[0]!r})"
    notes: tuple[Finding, ...] = ()
    if given.evidence is Evidence.TYPE:
        note = finding("LES003", f"{structure.name!r}: {text}", roi_number=structure.number)
        notes = (note,)
    return Decision(
        typed,
        text,
        name,
        sure=name.label is not None or given.evidence is Evidence.CODE,
        whole_cc=None if name.label else name.part.whole_cc,
        findings=notes,
        evidence=(given.evidence,),
    )


def _by_organ_in_doubt(
    structure: Structure, name: NameReading, given: _Given, said: str
) -> Decision:
    """A name that is an organ's with words that are not known: the organ, or a target in it."""
    assert name.part is not None
    text = f"{said}, with words that are not known ({', '.join(map(repr, name.unread))})"
    if given.type in _ORGAN_TYPE and _TREATED.isdisjoint(name.unread):
        note = finding("LES020", f"{structure.name!r}: {text}", roi_number=structure.number)
        both = (Evidence.NAME, given.evidence)
        return Decision(Role.ORGAN, text, name, findings=(note,), evidence=both)
    return Decision(Role.ORGAN, text, name, doubt_cc=min(DOUBT_CC, name.part.whole_cc or DOUBT_CC))


def _by_type(structure: Structure, name: NameReading, given: _Given) -> Decision:
    """The role that the type or the code alone tells."""
    role = given.target or _PLAIN_TYPE.get(given.type) or _ORGAN_TYPE.get(given.type)
    if role is not None:
        tail = "; the name says nothing" if role.is_target else ""
        return Decision(role, f"{given.text}{tail}", name, evidence=(given.evidence,))
    shown = f"type {given.type}" if given.type else "no type"
    text = f"the name says nothing known and it has {shown}"
    note = finding("LES020", f"{structure.name!r}: {text}", roi_number=structure.number)
    return Decision(Role.UNRECOGNISED, text, name, findings=(note,), evidence=())


def _contradiction(
    structure: Structure, named: str, given: _Given, *, believed: str = "the name is believed"
) -> tuple[Finding, ...]:
    """A finding where a type that means something else contradicts the name."""
    if named in ("planning helper", "cavity") and given.type not in ("GTV", "CTV", "PTV"):
        return ()
    if named == "cavity" and given.type == "CTV":
        return ()
    text = f"{structure.name!r} is named as {named} but {given.text}; {believed}"
    return (finding("LES002", text, roi_number=structure.number),)


def _with_geometry(
    items: Sequence[Structure], decisions: Sequence[Decision]
) -> tuple[Decision, ...]:
    """Decisions, with those that the geometry contradicts replaced."""
    boxes = {
        n: found
        for n, (structure, decision) in enumerate(zip(items, decisions, strict=True))
        if decision.role.is_target
        and Evidence.USER not in decision.evidence
        and (found := boxes_of(structure)) is not None
    }
    externals = [s for s, d in zip(items, decisions, strict=True) if d.role is Role.EXTERNAL]
    external = max(externals, key=lambda s: len(s.closed), default=None)
    return tuple(
        _by_geometry(n, items, decision, boxes, external) if n in boxes else decision
        for n, decision in enumerate(decisions)
    )


def _by_geometry(
    index: int,
    items: Sequence[Structure],
    decision: Decision,
    boxes: Mapping[int, Boxes],
    external: Structure | None,
) -> Decision:
    structure, own = items[index], boxes[index]
    inner = decision.role in (Role.GROSS, Role.INTERNAL)
    if inner and is_as_the_body(structure, own, external):
        text = f"{decision.reason}; but it is as large as the body"
        return _set_aside(decision, Role.EXTERNAL, text)
    if decision.name.stem is Stem.GROSS or decision.name.kind is not None:
        return decision  # tumour with a necrotic middle may be drawn hollow
    hole = hole_of(own)
    if hole is None:
        return decision
    others = ((items[n], boxes[n]) for n in boxes if n != index)
    around = surrounded(hole, others)
    if around is None:
        return decision
    text = f"{decision.reason}; but it is hollow, around {around.name!r}"
    return _set_aside(decision, Role.HELPER, text)


def _set_aside(decision: Decision, role: Role, text: str) -> Decision:
    return replace(
        decision,
        role=role,
        reason=text,
        aside=decision.role in (Role.GROSS, Role.INTERNAL),
        evidence=(Evidence.GEOMETRY,),
    )

"""Reading a structure set: its lesions, their count with bounds, and what became of each structure.

A structure set shows what was drawn, not what exists. Every decision carries its reason; where the
drawing allows two readings the bounds of the count differ and the reason names the pair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rtplan.errors import GeometryError
from rtplan.facts import Facts
from rtplan.findings import Finding, finding
from rtplan.geometry.contour import StructureSet
from rtplan.geometry.planes import stack_planes
from rtplan.lesions.accounts import structure_uses
from rtplan.lesions.anatomy import DrawnOrgan, locate, organs_near
from rtplan.lesions.bodies import (
    Body,
    bodies_of,
    total_volume_cc,
    usual_spacing_mm,
    without_holes,
)
from rtplan.lesions.category import Kindred, Setting, categorise, primary_site
from rtplan.lesions.count import count_metastases
from rtplan.lesions.measures import measure
from rtplan.lesions.merge import Merged, merge
from rtplan.lesions.model import (
    Category,
    Lesion,
    LesionCount,
    LesionReading,
    Organ,
    StructureRef,
)
from rtplan.lesions.names import Kind, NameReading
from rtplan.lesions.override import apply_facts
from rtplan.lesions.relation import Member, Names, Same, compare_names
from rtplan.lesions.roles import Decision, Role, decide_roles

STRAY_PART = 0.02
"""A further body of a structure below this part of its largest one may be a stray mark."""
SMALL_MM = 10.0
"""RECIST 1.1: what a lesion, or a node's short axis, must reach to be measured at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A lesion before its number: the nodes of ``Merged`` that it is, the representative first."""

    nodes: tuple[int, ...]
    lesion: Lesion
    kindred: Kindred


def read_lesions(structure_set: StructureSet, *, facts: Facts | None = None) -> LesionReading:
    """The lesions of a structure set.

    Parameters
    ----------
    structure_set : StructureSet
    facts : Facts, optional
        What the user states: the primary, and lesions that override what is read.

    Raises
    ------
    NamingError
        A lesion in the facts that names no lesion here.
    """
    given = facts or Facts()
    structures = structure_set.structures
    decisions = list(decide_roles(structures))
    bodies = _bodies(structure_set, decisions)
    merged = merge(_members(structure_set, decisions, bodies))
    organs = organs_near(
        zip(structures, decisions, strict=True), [merged.members[n].body for n in merged.nodes]
    )
    plain = _candidates(merged, organs, Facts())
    plain.sort(key=lambda c: (not _is_listed(c, merged), _place(c)))
    ids = {c.nodes: f"L{i}" for i, c in enumerate(plain, start=1)}
    stated = plain if facts is None else _candidates(merged, organs, given)
    named = [replace(c, lesion=replace(c.lesion, id=ids[c.nodes])) for c in stated]
    named.sort(key=lambda c: int(c.lesion.id[1:]))
    lesions, touched = apply_facts([c.lesion for c in named], given.lesions, structures)
    final = [replace(c, lesion=le) for c, le in zip(named, lesions, strict=True)]
    for node in (n for c in final if c.lesion.id in touched for n in c.nodes):
        merged.members[node] = replace(merged.members[node], sure=True, likely=True)
    count, reason, doubts = _count(merged, final, touched, decisions)
    shown = [c for c in final if _is_listed(c, merged)]
    uses = structure_uses(
        structure_set,
        decisions,
        merged,
        lesion_of={node: c.lesion.id for c in shown for node in c.nodes},
        primary={c.lesion.id: merged.members[c.nodes[0]].structure for c in shown},
        counted=frozenset(c.lesion.id for c in shown if c.lesion.category.counts),
    )
    notes = [f for decision in decisions for f in decision.findings]
    return LesionReading(
        count=count,
        lesions=tuple(c.lesion for c in shown),
        structures=uses,
        findings=_unique([*notes, *_body_findings(merged), *doubts]),
        reason=reason,
    )


def _is_listed(candidate: Candidate, merged: Merged) -> bool:
    return any(merged.members[node].likely for node in candidate.nodes)


def _bodies(structure_set: StructureSet, decisions: list[Decision]) -> dict[int, tuple[Body, ...]]:
    """Bodies of each target by index; decisions changed where the geometry decides otherwise."""
    usual = usual_spacing_mm(structure_set)
    found = {}
    for index, (structure, decision) in enumerate(zip(structure_set, decisions, strict=True)):
        if not (decision.role.is_target or decision.role is Role.CAVITY or decision.aside):
            continue
        try:
            bodies = bodies_of(stack_planes(structure), usual_mm=usual, slab_mm=structure.slab_mm)
        except GeometryError as error:
            text = f"{structure.name!r}: {error}; not counted"
            note = finding("LES005", text, roi_number=structure.number)
            decisions[index] = replace(
                decision,
                role=Role.UNREADABLE,
                aside=False,
                unseen=decision.role is Role.GROSS,
                reason=f"its contours cannot be used: {error}",
                findings=(*decision.findings, note),
            )
            continue
        volume = total_volume_cc(bodies)
        if decision.whole_cc is not None and volume >= decision.whole_cc:
            text = f"{decision.reason}, and its {volume:.0f} cc are those of the whole organ"
            aside = decision.role is Role.GROSS
            decisions[index] = replace(decision, role=Role.ORGAN, reason=text, aside=aside)
            if not aside:
                continue
        found[index] = bodies
    return found


def _members(
    structure_set: StructureSet,
    decisions: Sequence[Decision],
    bodies: Mapping[int, Sequence[Body]],
) -> list[Member]:
    members = []
    for index, own in bodies.items():
        structure, decision = structure_set.structures[index], decisions[index]
        ordered = sorted(own, key=lambda b: (-round(b.volume_mm3, 3), *b.bounds_mm[0].tolist()))
        for number, body in enumerate(ordered, start=1):
            sure, likely = _exists(body, ordered[0], decision)
            members.append(
                Member(
                    structure=structure,
                    display=structure_set.display_name(structure),
                    name=decision.name,
                    role=Role.GROSS if decision.aside else decision.role,
                    body=without_holes(body) if decision.aside else body,
                    index=number,
                    of=len(ordered),
                    sure=sure,
                    likely=likely,
                    aside=decision.aside,
                )
            )
    return members


def _exists(body: Body, largest: Body, decision: Decision) -> tuple[bool, bool]:
    """Whether a body stands for a lesion in every reading, and in the best one."""
    outer = decision.role in (Role.CLINICAL, Role.PLANNING)
    if decision.role is Role.CAVITY or decision.aside or (outer and decision.name.has("elective")):
        return False, False
    if body is largest:
        return decision.sure and not body.is_sliver, True
    stray = body.volume_mm3 < STRAY_PART * largest.volume_mm3 and body.is_one_plane
    if body.is_sliver or (stray and decision.name.label is not None):
        return False, False
    return decision.sure and not stray and not body.is_one_plane, True


def _candidates(merged: Merged, organs: Sequence[DrawnOrgan], facts: Facts) -> list[Candidate]:
    groups = merged.groups(Same.LIKELY)
    names = [merged.members[n].name for n in merged.nodes if not merged.members[n].aside]
    drawn = any(n.kind is Kind.PRIMARY for n in names)
    setting = Setting(
        primary=primary_site(facts.primary, names),
        primary_drawn=drawn,
        others_named=any(n.kind in (Kind.METASTASIS, Kind.NODE) for n in names),
        alone=len(groups) == 1,
    )
    found = [_candidate(merged, group, organs, setting) for group in groups]
    # At most one body is the primary for its site alone: a likely one, and the largest.
    claims = [c for c in found if c.kindred.by_site and not merged.members[c.nodes[0]].aside]
    first = min(claims, key=lambda c: _claim(c, merged), default=None)
    taken = replace(setting, primary_taken=True)
    return [
        _candidate(merged, c.nodes, organs, taken) if c.kindred.by_site and c is not first else c
        for c in found
    ]


def _claim(candidate: Candidate, merged: Merged) -> tuple[object, ...]:
    """How well a lesion claims to be the primary for its site: the least first."""
    volume = candidate.lesion.volume_cc or 0.0
    return not _is_listed(candidate, merged), -round(volume, 3), *_place(candidate)


def _candidate(
    merged: Merged, group: Sequence[int], organs: Sequence[DrawnOrgan], setting: Setting
) -> Candidate:
    nodes = tuple(sorted(group, key=lambda n: _rank(merged.members[n])))
    members = [merged.members[n] for n in nodes]
    first = members[0]
    names: list[NameReading] = []
    for member in members:
        if member.name not in names:
            names.append(member.name)
    own = [m.body for m in members if m.structure is first.structure]
    sizes = measure(own)
    frame = first.structure.frame_of_reference_uid
    near = [o for o in organs if o.structure.frame_of_reference_uid in (None, frame)]
    site = locate(first.body, names, near, first.text)
    kindred = categorise(names, site, setting, first.text)
    around = _names_around(merged, nodes)
    lesion = Lesion(
        id="",
        category=kindred.category,
        organ=site.organ,
        structures=_references(members),
        laterality=site.laterality,
        station=kindred.station,
        centroid_mm=sizes.centroid_mm,
        volume_cc=sizes.volume_cc,
        longest_diameter_mm=sizes.longest_diameter_mm,
        short_axis_mm=sizes.short_axis_mm,
        longest_3d_mm=sizes.longest_3d_mm,
        reason="; ".join([_why_one(members), *around, kindred.reason, site.reason]),
        findings=(*kindred.findings, *site.findings),
    )
    return Candidate(nodes, _with_size(lesion, first.text), kindred)


def _rank(member: Member) -> tuple[object, ...]:
    """The representative's rank: inner volumes, plain drawings and large ones first."""
    name = member.name
    varied = bool(name.variants) or name.phase is not None
    return (
        (Role.GROSS, Role.INTERNAL, Role.CLINICAL, Role.PLANNING, Role.CAVITY).index(member.role),
        varied,
        -round(member.body.volume_mm3, 3),
        member.structure.name,
        member.structure.number,
    )


def _references(members: Sequence[Member]) -> tuple[StructureRef, ...]:
    seen = {m.structure.number: StructureRef(m.structure.number, m.structure.name) for m in members}
    return tuple(seen.values())


def _why_one(members: Sequence[Member]) -> str:
    first = members[0]
    others = list(dict.fromkeys(m.display for m in members if m.structure is not first.structure))
    own = [m for m in members if m.structure is first.structure]
    text = f"one body of {first.text}" if len(own) == 1 else f"{len(own)} bodies of {first.display}"
    return f"{text}, the same as in {', '.join(others)}" if others else text


def _names_around(merged: Merged, nodes: Sequence[int]) -> list[str]:
    around = sorted(
        {
            merged.members[outer].display
            for outer, held in merged.envelopes.items()
            if any(n in held for n in nodes)
        }
    )
    return [f"inside {', '.join(around)}"] if around else []


def _with_size(lesion: Lesion, label: str) -> Lesion:
    """The lesion with a finding where it is smaller than RECIST measures."""
    node = lesion.organ is Organ.LYMPH_NODE
    size = lesion.short_axis_mm if node else lesion.longest_diameter_mm
    if size is None or size >= SMALL_MM:
        return lesion
    what = "short axis" if node else "longest diameter"
    text = f"{label}: {what} {size:.1f} mm, below {SMALL_MM:g} mm (RECIST 1.1); counted"
    return replace(lesion, findings=(*lesion.findings, finding("LES016", text)))


def _place(candidate: Candidate) -> tuple[object, ...]:
    """Primary first, then nodes, then metastases; from the head downwards, then by side."""
    lesion = candidate.lesion
    x, y, z = lesion.centroid_mm or (0.0, 0.0, 0.0)
    return (
        lesion.category is not Category.PRIMARY,
        lesion.organ is not Organ.LYMPH_NODE,
        -round(z, 1),
        round(x, 1),
        round(y, 1),
        lesion.structures[0].name,
    )


def _count(
    merged: Merged,
    final: Sequence[Candidate],
    touched: frozenset[str],
    decisions: Sequence[Decision],
) -> tuple[LesionCount, str | None, list[Finding]]:
    lost = _unseen(decisions, merged)
    if not merged.nodes:
        return LesionCount(None, None, None), _why_no_count(decisions), []
    category = {n: c.lesion.category for c in final for n in c.nodes}
    open_ = [
        c
        for c in final
        if c.kindred.may_not_count and c.lesion.id not in touched and _is_listed(c, merged)
    ]
    stated = {n for c in final if c.lesion.id in touched for n in c.nodes}
    estimate = any(n not in stated for n in merged.estimates)
    count = count_metastases(
        merged,
        category,
        frozenset(n for c in open_ for n in c.nodes),
        unseen=len(lost),
        estimate=estimate,
    )
    reasons = _reasons(merged, open_, category)
    reasons += [f"{d.name.name}: not counted, though {_why_unseen(d)}" for d in lost]
    findings = [finding("LES009", text) for text in reasons] if not count.is_definite else []
    if estimate:
        what = "" if merged.estimate_only else " for metastases"
        text = (
            f"only clinical or planning volumes are drawn{what}; their bodies are the estimate, "
            "and one may hold more than one lesion"
        )
        findings.append(finding("LES011", text))
        reasons.insert(0, text)
    elif count.is_definite:
        return count, None, findings
    return count, "; ".join(dict.fromkeys(reasons)) or None, findings


def _unseen(decisions: Sequence[Decision], merged: Merged) -> list[Decision]:
    """Gross tumours without usable contours that nothing drawn stands for."""
    drawn = [merged.members[n].name for n in merged.nodes]

    def is_drawn(name: NameReading) -> bool:
        fit = [n for n in drawn if compare_names(n, name) is not Names.APART]
        return any(n.mark == name.mark or name.mark is None for n in fit)

    return [
        d
        for d in decisions
        if d.unseen
        and d.name.kind is not Kind.PRIMARY
        and (d.role is Role.UNREADABLE or not is_drawn(d.name))
    ]


def _why_unseen(decision: Decision) -> str:
    if decision.role is Role.UNREADABLE:
        return "it is gross tumour by name or type, and its contours cannot be used"
    return "it is gross tumour by name or type, and has no contours that enclose an area"


def _why_no_count(decisions: Sequence[Decision]) -> str:
    """Why there is no count at all."""
    empty = [d.name.name for d in decisions if d.role is Role.EMPTY and d.findings]
    broken = [d.name.name for d in decisions if d.role is Role.UNREADABLE]
    if not decisions:
        return "the structure set holds no structure"
    text = "no target is drawn: none of the structures outlines tumour"
    if empty:
        text = f"no target is drawn: {', '.join(map(repr, empty))} without contours"
    if broken:
        text += f"; contours of {', '.join(map(repr, broken))} cannot be used"
    return text


def _reasons(
    merged: Merged, open_: Sequence[Candidate], category: Mapping[int, Category]
) -> list[str]:
    """Why the bounds differ: pairs that may be one, bodies that may be none, open categories."""
    texts = []
    for link in merged.links:
        counts = category[link.first].counts or category[link.second].counts
        if link.same is not Same.CERTAIN and counts:
            verb = "counted as one" if link.same is Same.LIKELY else "counted as two"
            texts.append(f"{link.text}: {verb}")
    for node in merged.nodes:
        member = merged.members[node]
        if member.sure or not category[node].counts:
            continue
        verb = "counted, but" if member.likely else "not counted, though"
        why = _MISFIT if node in merged.misfits else _why_unsure(member)
        texts.append(f"{member.text}: {verb} {why}")
    if len(_frames(merged)) > 1:
        texts.append("targets lie in different frames of reference and may be the same lesions")
    for node in merged.nodes:
        if merged.members[node].body.doubtful_bridges:
            text = "a skipped plane was bridged where two bodies may meet"
            texts.append(f"{merged.members[node].text}: {text}")
    for candidate in open_:
        name = candidate.lesion.structures[0].name
        note = next((f.text for f in candidate.lesion.findings if f.code == "LES012"), name)
        texts.append(f"{note}; it may not count, state it in the facts")
    return list(dict.fromkeys(texts))


def _frames(merged: Merged) -> set[str | None]:
    return {merged.members[n].structure.frame_of_reference_uid for n in merged.nodes}


_MISFIT = "it has another number than the gross tumour in it, whose own volume is drawn"


def _why_unsure(member: Member) -> str:
    if member.aside:
        return "it is gross tumour by name or type"
    if member.role is Role.CAVITY:
        return "a surgical cavity shows where tumour was, not that there is none"
    if member.role in (Role.INTERNAL, Role.CLINICAL, Role.PLANNING):
        return "no gross tumour is drawn in it"
    if member.body.is_sliver:
        return "it is a sliver"
    if member.body.is_one_plane and member.index > 1:
        return "it is a mark on a single plane beside a larger body"
    return "name and type leave open whether it is tumour"


def _body_findings(merged: Merged) -> list[Finding]:
    """What is to be said of bodies: slivers, single planes, bridges, orphans, cavities."""
    notes = []
    if len(_frames(merged)) > 1:
        text = "targets lie in different frames of reference; they were not compared"
        notes.append(finding("LES018", text))
    for node, member in enumerate(merged.members):
        number = member.structure.number
        body = member.body

        def note(code: str, text: str, number: int = number) -> None:
            notes.append(finding(code, text, roi_number=number))

        if body.is_sliver:
            note("LES007", f"{member.text} is a sliver of {body.volume_cc:.3f} cc")
        elif body.is_one_plane:
            note("LES008", f"{member.text} is drawn on one plane only")
        for position in body.bridged_mm:
            note("LES006", f"{member.text}: a plane is missing at {position:.1f} mm; bridged")
        if member.aside and node in merged.nodes:
            text = f"{member.text} is gross tumour by name or type, but was set aside"
            note("LES021", f"{text}; the upper bound has it")
        if node in merged.orphans and node not in merged.misfits:
            note("LES010", f"{member.text} holds no gross tumour that is drawn")
        if member.role is Role.CAVITY and node in merged.nodes:
            note("LES019", f"{member.text} is where tumour was removed: no lesion")
    return notes


def _unique(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))

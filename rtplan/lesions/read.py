"""Reading a structure set: its lesions, their count with bounds, and what became of each structure.

A structure set shows what was drawn, not what exists. Every decision carries its reason; where the
drawing allows two readings the bounds of the count differ and the reason names the pair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtplan.errors import GeometryError
from rtplan.facts import Facts
from rtplan.findings import Finding, finding
from rtplan.geometry.contour import Structure, StructureSet
from rtplan.geometry.planes import stack_planes
from rtplan.lesions.accounts import structure_uses, unrecognised
from rtplan.lesions.anatomy import DrawnOrgan, Site, locate, organs_near
from rtplan.lesions.bodies import (
    Body,
    bodies_of,
    total_volume_cc,
    usual_spacing_mm,
    without_holes,
)
from rtplan.lesions.category import Kindred, Setting, categorise, primary_site
from rtplan.lesions.count import count_metastases
from rtplan.lesions.distances import with_distances, with_neighbours
from rtplan.lesions.measures import Measures, measure, with_size_note
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
from rtplan.lesions.primaries import far_primaries, why_far
from rtplan.lesions.reasons import body_findings, unseen, why_no_count, why_open, why_unseen
from rtplan.lesions.relation import Member, Same
from rtplan.lesions.roles import Decision, Evidence, Role, decide_roles
from rtplan.lesions.vocabulary import Vocabulary
from rtplan.lesions.waist import LONG, length_over_width, lobes_of, parted

STRAY_PART = 0.02
"""A further body of a structure below this part of its largest one may be a stray mark."""
STRAY_MM = 2.0
"""A stray mark less long and wide than this is no lesion in the best reading."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A lesion before its number: the nodes of ``Merged`` that it is, the representative first."""

    nodes: tuple[int, ...]
    lesion: Lesion
    kindred: Kindred


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Nodes that are likely one lesion, the representative first: what no fact changes of them."""

    nodes: tuple[int, ...]
    names: tuple[NameReading, ...]
    sizes: Measures
    site: Site


def read_lesions(
    structure_set: StructureSet,
    *,
    facts: Facts | None = None,
    book: Vocabulary | None = None,
    distances_to: Sequence[Structure] = (),
) -> LesionReading:
    """The lesions of a structure set.

    Parameters
    ----------
    structure_set : StructureSet
    facts : Facts, optional
        What the user states: the primary, and lesions that override what is read.
    book : Vocabulary, optional
        The words that names are read by (``site_names.load_names``); rtplan's own by default.
    distances_to : sequence of Structure
        Organs of the set to which every lesion's distance is wanted.

    Raises
    ------
    NamingError
        A lesion in the facts that names no lesion here.
    """
    given = facts or Facts()
    structures = structure_set.structures
    decisions = list(decide_roles(structures, book=book))
    bodies = _bodies(structure_set, decisions)
    merged = _merged(_members(structure_set, decisions, bodies))
    organs = organs_near(
        zip(structures, decisions, strict=True), [merged.members[n].body for n in merged.nodes]
    )
    groups = [_drawn(merged, group, organs) for group in merged.groups(Same.LIKELY)]
    plain = _candidates(merged, groups, Facts())
    plain.sort(key=lambda c: (not _is_listed(c, merged), _place(c)))
    ids = {c.nodes: f"L{i}" for i, c in enumerate(plain, start=1)}
    stated = plain if facts is None else _candidates(merged, groups, given)
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
        lesions=_with_places(merged, shown, structure_set, distances_to),
        structures=uses,
        findings=_unique([*notes, *body_findings(merged), *doubts]),
        reason=reason,
    )


def _with_places(
    merged: Merged,
    shown: Sequence[Candidate],
    structure_set: StructureSet,
    distances_to: Sequence[Structure],
) -> tuple[Lesion, ...]:
    """Lesions with their neighbours and their distances to organs."""
    firsts = [merged.members[c.nodes[0]].structure for c in shown]
    frames = [structure.frame_of_reference_uid for structure in firsts]
    bodies = [
        [m.body for m in map(merged.members.__getitem__, c.nodes) if m.structure is first]
        for c, first in zip(shown, firsts, strict=True)
    ]
    lesions = with_neighbours([c.lesion for c in shown], bodies, frames=frames)
    return with_distances(lesions, bodies, structure_set, distances_to, frames=frames)


def _is_listed(candidate: Candidate, merged: Merged) -> bool:
    return any(merged.members[node].likely for node in candidate.nodes)


def _bodies(structure_set: StructureSet, decisions: list[Decision]) -> dict[int, tuple[Body, ...]]:
    """Bodies of each target by index; decisions changed where the geometry decides otherwise."""
    usual = usual_spacing_mm(structure_set)
    found = {}
    for index, (structure, decision) in enumerate(zip(structure_set, decisions, strict=True)):
        drawn = decision.role.is_target or decision.role is Role.CAVITY or decision.aside
        if not drawn and decision.doubt_cc is None:
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
                evidence=(Evidence.GEOMETRY,),
            )
            continue
        volume = total_volume_cc(bodies)
        if decision.doubt_cc is not None:
            if volume > decision.doubt_cc:
                continue
            decisions[index] = unrecognised(structure, decision, volume)
        if decision.whole_cc is not None and volume >= decision.whole_cc:
            text = f"{decision.reason}, and its {volume:.0f} cc are those of the whole organ"
            aside = decision.role is Role.GROSS
            decisions[index] = replace(
                decision,
                role=Role.ORGAN,
                reason=text,
                aside=aside,
                evidence=(Evidence.NAME, Evidence.GEOMETRY),
            )
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
        ordered = sorted(own, key=_solid_first)
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


def _merged(members: Sequence[Member]) -> Merged:
    """The members merged, with their lobes; parted where they are several by name."""
    merged = merge([_with_lobes(member) for member in members])
    alone = {
        group[0]
        for group in merged.groups(Same.LIKELY)
        if len(group) == 1 and not any(group[0] in held for held in _gross_envelopes(merged))
    }
    cut = {n for n in alone if merged.members[n].lobes > 1 and _holds_several(merged, n)}
    if cut:
        ordered = (
            parts
            for n, member in enumerate(merged.members)
            for parts in (_parted(member) if n in cut else [member])
        )
        merged = merge(_renumbered(list(ordered)))
    for node in merged.estimates:
        member = merged.members[node]
        if member.lobes == 1 and length_over_width(member.body) >= LONG:
            merged.members[node] = replace(member, lobes=2)
    return merged


def _gross_envelopes(merged: Merged) -> list[Sequence[int]]:
    return [held for n, held in merged.envelopes.items() if merged.members[n].role is Role.GROSS]


def _with_lobes(member: Member) -> Member:
    found = None if member.body.is_sliver else lobes_of(member.body)
    return member if found is None else replace(member, lobes=len(found), waist=found.waist)


def _holds_several(merged: Merged, node: int) -> bool:
    """Whether a structure is a union by its name, or has several bodies and no number."""
    member = merged.members[node]
    if member.name.is_union:
        return True
    own = [m for m in merged.members if m.structure is member.structure]
    return member.name.mark is None and sum(m.sure and m.likely for m in own) > 1


def _parted(member: Member) -> list[Member]:
    lobes = lobes_of(member.body)
    bodies = parted(member.body, lobes) if lobes is not None else (member.body,)
    return [replace(member, body=body, lobes=1, is_parted=True) for body in bodies]


def _renumbered(members: Sequence[Member]) -> list[Member]:
    """Members with the number of their body among those of their structure, largest first."""
    own: dict[int, list[Member]] = {}
    for member in members:
        own.setdefault(member.structure.number, []).append(member)
    return [
        replace(member, index=index, of=len(group))
        for group in own.values()
        for index, member in enumerate(sorted(group, key=lambda m: _solid_first(m.body)), start=1)
    ]


def _solid_first(body: Body) -> tuple[object, ...]:
    """Large bodies first, slivers after all others."""
    return body.is_sliver, -round(body.volume_mm3, 3), *body.bounds_mm[0].tolist()


def _exists(body: Body, largest: Body, decision: Decision) -> tuple[bool, bool]:
    """Whether a body stands for a lesion in every reading, and in the best one."""
    outer = decision.role in (Role.CLINICAL, Role.PLANNING)
    if decision.role is Role.CAVITY or decision.aside or (outer and decision.name.has("elective")):
        return False, False
    if body is largest:
        return decision.sure and not body.is_sliver, True
    stray = body.volume_mm3 < STRAY_PART * largest.volume_mm3 and body.is_one_plane
    tiny = stray and bool((np.ptp(body.bounds_mm, axis=0)[:2] < STRAY_MM).all())
    if body.is_sliver or tiny or (stray and decision.name.label is not None):
        return False, False
    return decision.sure and not stray and not body.is_one_plane, True


def _candidates(merged: Merged, groups: Sequence[_Group], facts: Facts) -> list[Candidate]:
    names = [merged.members[n].name for n in merged.nodes if not merged.members[n].aside]
    drawn = any(n.kind is Kind.PRIMARY for n in names)
    setting = Setting(
        primary=primary_site(facts.primary, names),
        subsite=facts.primary.subsite,
        primary_drawn=drawn,
        others_named=any(n.kind in (Kind.METASTASIS, Kind.NODE) for n in names),
        alone=len(groups) == 1,
    )
    found = [_candidate(merged, group, setting) for group in groups]
    # At most one body is the primary for its site alone: a likely one, and the largest.
    claims = [c for c in found if c.kindred.by_site and not merged.members[c.nodes[0]].aside]
    first = min(claims, key=lambda c: _claim(c, merged), default=None)
    taken = replace(setting, primary_taken=True)
    return [
        _candidate(merged, group, taken) if c.kindred.by_site and c is not first else c
        for group, c in zip(groups, found, strict=True)
    ]


def _claim(candidate: Candidate, merged: Merged) -> tuple[object, ...]:
    """How well a lesion claims to be the primary for its site: the least first."""
    # Of half-slice prisms: the volume of the solid may not be known.
    members = [merged.members[n] for n in candidate.nodes]
    volume = sum(m.body.volume_mm3 for m in members if m.structure is members[0].structure)
    return not _is_listed(candidate, merged), -round(volume), *_place(candidate)


def _drawn(merged: Merged, group: Sequence[int], organs: Sequence[DrawnOrgan]) -> _Group:
    nodes = tuple(sorted(group, key=lambda n: _rank(merged.members[n])))
    members = [merged.members[n] for n in nodes]
    first = members[0]
    names: list[NameReading] = []
    for member in members:
        if member.name not in names:
            names.append(member.name)
    frame = first.structure.frame_of_reference_uid
    near = [o for o in organs if o.structure.frame_of_reference_uid in (None, frame)]
    site = locate(first.body, names, near, first.text)
    own = [m.body for m in members if m.structure is first.structure]
    sizes = measure(own, slab_mm=first.structure.slab_mm)
    return _Group(nodes, tuple(names), sizes, site)


def _candidate(merged: Merged, group: _Group, setting: Setting) -> Candidate:
    nodes, sizes, site = group.nodes, group.sizes, group.site
    members = [merged.members[n] for n in nodes]
    first = members[0]
    kindred = categorise(group.names, site, setting, first.text)
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
        bounds_mm=sizes.bounds_mm,
        reason="; ".join([_why_one(members), *around, kindred.reason, site.reason]),
        findings=(*kindred.findings, *site.findings),
    )
    return Candidate(nodes, with_size_note(lesion, first.text), kindred)


def _rank(member: Member) -> tuple[object, ...]:
    """The representative's rank: inner volumes, names of tumour, plain and large ones first."""
    name = member.name
    varied = bool(name.variants) or name.phase is not None
    return (
        (Role.GROSS, Role.INTERNAL, Role.CLINICAL, Role.PLANNING, Role.CAVITY).index(member.role),
        name.stem is None and name.kind is None,
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
    lost = unseen(decisions, merged)
    if not merged.nodes:
        return LesionCount(None, None, None), why_no_count(decisions), []
    category = {n: c.lesion.category for c in final for n in c.nodes}
    open_ = [
        c
        for c in final
        if c.kindred.may_not_count and c.lesion.id not in touched and _is_listed(c, merged)
    ]
    stated = {n for c in final if c.lesion.id in touched for n in c.nodes}
    estimate = any(n not in stated for n in merged.estimates)
    primaries = [c.nodes for c in final if category[c.nodes[0]] is Category.PRIMARY]
    far = far_primaries(merged, primaries, stated)
    count = count_metastases(
        merged,
        category,
        frozenset(n for c in open_ for n in c.nodes),
        unseen=len(lost) + len(far),
        estimate=estimate,
    )
    reasons = why_open(merged, category)
    reasons += _why_may_not_count(open_)
    reasons += [f"{d.name.name}: not counted, though {why_unseen(d)}" for d in lost]
    reasons += why_far(merged, far)
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


def _why_may_not_count(open_: Sequence[Candidate]) -> list[str]:
    """Lesions that may be no metastases; those of which the same is to be said together."""
    same: dict[str, list[str]] = {}
    for candidate in open_:
        name = candidate.lesion.structures[0].name
        note = next((f.text for f in candidate.lesion.findings if f.code == "LES012"), f"{name}: ")
        label, _, text = note.partition(": ")
        same.setdefault(text, []).append(label)
    return [
        f"{', '.join(labels)}: {text}; it may not count, state it in the facts"
        for text, labels in same.items()
    ]


def _unique(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))

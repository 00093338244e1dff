"""Why there is no count, why its bounds differ, and what is to be said of the bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtplan.findings import Finding, finding
from rtplan.lesions.merge import Groups, Merged
from rtplan.lesions.model import Category
from rtplan.lesions.names import Kind, NameReading
from rtplan.lesions.relation import Link, Member, Names, Same, compare_names
from rtplan.lesions.roles import Decision, Evidence, Role


def unseen(decisions: Sequence[Decision], merged: Merged) -> list[Decision]:
    """Gross tumours without usable contours that nothing drawn stands for."""
    drawn = [merged.members[n].name for n in merged.nodes]
    return [
        d
        for d in decisions
        if d.unseen
        and d.name.kind is not Kind.PRIMARY
        and (
            d.role is Role.UNREADABLE
            or Evidence.USER in d.evidence
            or not any(_stands_for(n, d.name) for n in drawn)
        )
    ]


def _stands_for(drawn: NameReading, name: NameReading) -> bool:
    """Whether what is drawn under one name may be what another, without contours, means.

    A number must be the same; without one all else that the name tells must be.
    """
    if compare_names(drawn, name) is Names.APART:
        return False
    if name.mark is not None:
        return drawn.mark == name.mark
    return all(
        told is None or told == its for told, its in zip(_told(name), _told(drawn), strict=True)
    )


def _told(name: NameReading) -> tuple[object, ...]:
    kind = None if name.kind is Kind.LESION else name.kind
    station = name.station.name if name.station else name.bare_station
    return kind, name.organ or name.part, name.laterality, station


def why_unseen(decision: Decision) -> str:
    """Why a gross tumour that is not counted may be there all the same."""
    if decision.role is Role.UNREADABLE:
        return "it is gross tumour by name or type, and its contours cannot be used"
    return "it is gross tumour by name or type, and has no contours that enclose an area"


def why_no_count(decisions: Sequence[Decision]) -> str:
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


def why_open(merged: Merged, category: Mapping[int, Category]) -> list[str]:
    """Why the bounds differ: pairs that may be one, bodies that may be two, or none."""
    texts = []
    for link in _deciding(merged):
        if category[link.first].counts or category[link.second].counts:
            verb = "counted as one" if link.same is Same.LIKELY else "counted as two"
            texts.append(f"{link.text}: {verb}")
    texts += _by_body(merged, category)
    if len(_frames(merged)) > 1:
        texts.append("targets lie in different frames of reference and may be the same lesions")
    return list(dict.fromkeys(texts))


def _by_body(merged: Merged, category: Mapping[int, Category]) -> list[str]:
    """Bodies that may be none, or several; those of which the same is to be said together."""
    same: dict[str, list[str]] = {}
    for node in merged.nodes:
        member = merged.members[node]
        if not category[node].counts:
            continue
        for text in ([] if member.sure else [_may_be_none(merged, node)]) + _why_several(member):
            same.setdefault(text, []).append(member.text)
    return [f"{', '.join(names)}: {text}" for text, names in same.items()]


def _may_be_none(merged: Merged, node: int) -> str:
    member = merged.members[node]
    verb = "counted, but" if member.likely else "not counted, though"
    if node in merged.removed:
        return f"{verb} it fills a surgical cavity and may be what was removed"
    return f"{verb} {_MISFIT if node in merged.misfits else _why_unsure(member)}"


def _deciding(merged: Merged) -> list[Link]:
    """The links that decide: those that hold a likely lesion together, and one of each pair.

    What is told of a body that is likely none (a sliver) is told of it alone.
    """
    shown = [
        link
        for link in merged.links
        if merged.members[link.first].likely and merged.members[link.second].likely
    ]
    groups = Groups(len(merged.members))
    found = []
    for same in (Same.CERTAIN, Same.LIKELY):
        for link in merged.links:
            if link.same is same and groups.find(link.first) != groups.find(link.second):
                groups.join(link.first, link.second)
                if same is Same.LIKELY and link in shown:
                    found.append(link)
    pairs = set()
    for link in shown:
        pair = frozenset((groups.find(link.first), groups.find(link.second)))
        if link.same is Same.POSSIBLE and len(pair) == 2 and pair not in pairs:
            pairs.add(pair)
            found.append(link)
    return found


def _why_several(member: Member) -> list[str]:
    """Why one body may be several lesions."""
    texts = []
    if member.body.doubtful_bridges:
        texts.append("a skipped plane was bridged where two bodies may meet: counted as one")
    if member.lobes > 1 and member.waist is not None:
        texts.append(
            f"its {member.lobes} parts meet at a waist of {member.waist:.0%} of their width, "
            "so they may be lesions that touch: counted as one"
        )
    elif member.lobes > 1:
        texts.append("a margin much longer than wide may hold two lesions: counted as one")
    return texts


def _frames(merged: Merged) -> set[str | None]:
    return {merged.members[n].structure.frame_of_reference_uid for n in merged.nodes}


_MISFIT = "it has another number than the gross tumour in it, whose own volume is drawn"


def _why_unsure(member: Member) -> str:
    if member.aside:
        return _why_aside(member)
    if member.role is Role.CAVITY:
        return "a surgical cavity shows where tumour was, not that there is none"
    if member.role in (Role.INTERNAL, Role.CLINICAL, Role.PLANNING):
        return "no gross tumour is drawn in it"
    if member.body.is_sliver:
        return "it is a sliver"
    if member.body.is_one_plane and member.index > 1:
        return "it is a mark on a single plane beside a larger body"
    return "name and type leave open whether it is tumour"


def _why_aside(member: Member) -> str:
    typed = member.structure.roi_type.strip().upper() == "GTV"
    if member.name.unread and member.name.stem is None and member.name.kind is None and not typed:
        return "it may be a target in an organ, for words in its name that are not known"
    return "it is gross tumour by name or type"


def body_findings(merged: Merged) -> list[Finding]:
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
            text = f"{member.text}: {_why_aside(member)}, but was set aside"
            note("LES021", f"{text}; the upper bound has it")
        if node in merged.orphans and node not in merged.misfits:
            note("LES010", f"{member.text} holds no gross tumour that is drawn")
        if member.role is Role.CAVITY and node in merged.nodes:
            note("LES019", f"{member.text} is where tumour was removed: no lesion")
    return notes

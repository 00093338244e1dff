"""From bodies to lesions: bodies of different structures that are one lesion become one.

The innermost volumes are read first (gross tumour, then internal, clinical, planning volumes).
A body that holds several lesions is an envelope: a union, or a margin around them, and joins
nothing. A body of an outer volume that holds none is a lesion of its own, more or less surely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rtplan.geometry.grid import FloatArray
from rtplan.lesions.names import Kind, Stem
from rtplan.lesions.overlap import shared_volume_mm3
from rtplan.lesions.relation import (
    BREATHING_MM,
    LARGELY,
    NESTED,
    SLIGHT,
    Link,
    Member,
    Names,
    Same,
    compare_names,
    displaced,
    relate,
    relate_own,
)
from rtplan.lesions.roles import Role

_UNION_SLACK = 1.25  # a body up to this much larger than its parts together is their union


class Groups:
    """A partition of members that are joined pair by pair."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, item: int) -> int:
        """The representative of an item's group."""
        while self._parent[item] != item:
            item = self._parent[item]
        return item

    def join(self, first: int, second: int) -> None:
        """Make two items one group."""
        a, b = self.find(first), self.find(second)
        self._parent[max(a, b)] = min(a, b)

    def of(self, items: Sequence[int]) -> list[list[int]]:
        """The groups among some items, each ascending, ordered by their first."""
        found: dict[int, list[int]] = {}
        for item in sorted(items):
            found.setdefault(self.find(item), []).append(item)
        return list(found.values())


@dataclass(slots=True)
class Merged:
    """The outcome: ``nodes`` are members that stand for lesions, joined by ``links``.

    ``envelopes`` maps other members to the nodes that they hold. ``orphans`` are nodes of outer
    volumes without gross tumour; ``misfits`` those of them whose number is not that of the tumour
    in them, ``grazing`` those that overlap a tumour slightly. ``elective`` are members that are no
    lesion by their name. ``estimates`` are nodes of outer volumes that stand for metastases of
    which no gross tumour is drawn. ``removed`` are nodes that fill a surgical cavity.
    """

    members: list[Member]
    nodes: list[int] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    envelopes: dict[int, list[int]] = field(default_factory=dict)
    orphans: list[int] = field(default_factory=list)
    misfits: list[int] = field(default_factory=list)
    grazing: list[int] = field(default_factory=list)
    elective: list[int] = field(default_factory=list)
    estimates: list[int] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    estimate_only: bool = False

    def groups(self, least: Same) -> list[list[int]]:
        """Nodes joined by links of at least such sureness."""
        groups = Groups(len(self.members))
        for link in self.links:
            if link.same >= least:
                groups.join(link.first, link.second)
        return groups.of(self.nodes)


def merge(members: Sequence[Member]) -> Merged:
    """Lesions among the bodies of all targets; members are put in an order of their own."""
    ordered = sorted(members, key=_order)
    merged = Merged(ordered)
    shared = _shared_volumes(ordered)
    base: Role | None = None
    for role in (Role.GROSS, Role.CAVITY, Role.INTERNAL, Role.CLINICAL, Role.PLANNING):
        tier = [i for i, m in enumerate(ordered) if m.role is role and not m.aside]
        if not tier:
            continue
        alone = _attach(tier, merged, shared)
        if role is Role.CAVITY:
            _doubt_removed(tier, merged, shared)
        outer = role in (Role.CLINICAL, Role.PLANNING)
        if outer:
            merged.elective += [i for i in alone if _is_elective(ordered[i])]
            alone = [i for i in alone if i not in merged.elective]
        if not alone:
            continue
        if base is not None:
            _as_orphans(alone, role, merged, only=_only_primary(merged))
        if base is None:
            base = role
            merged.estimate_only = outer
        if outer:
            merged.estimates += [i for i in alone if base is role or ordered[i].sure]
        _cluster(alone, merged, shared)
    _cluster(_apart_from_known(merged, shared), merged, shared)
    return merged


def _doubt_removed(
    cavities: Sequence[int], merged: Merged, shared: dict[tuple[int, int], float]
) -> None:
    """Mark gross tumour that fills a cavity: it may be what was there before the operation."""
    for cavity in cavities:
        for node in merged.envelopes.get(cavity, ()):
            if shared.get((cavity, node), 0.0) >= LARGELY * merged.members[cavity].body.volume_mm3:
                merged.members[node] = replace(merged.members[node], sure=False)
                merged.removed.append(node)


def _is_elective(member: Member) -> bool:
    """Whether a name says elective, and nothing says that a lesion is in it."""
    gross = member.name.stem is Stem.GROSS or member.structure.roi_type.upper() == "GTV"
    return bool(member.name.has("elective")) and member.name.mark is None and not gross


def _apart_from_known(merged: Merged, shared: dict[tuple[int, int], float]) -> list[int]:
    """Members set aside that hold no lesion that is known and lie in none."""
    alone = []
    for index, member in enumerate(merged.members):
        if member.aside:
            held = _held(index, merged.nodes, merged, shared)
            if held:
                merged.envelopes[index] = held
            else:
                alone.append(index)
    return alone


def _order(member: Member) -> tuple[object, ...]:
    """Small before large, then by place, then by name: independent of stored order and number."""
    low = member.body.bounds_mm[0]
    place = tuple(np.round(low[::-1], 2).tolist())
    return round(member.body.volume_mm3, 3), place, member.structure.name, member.structure.number


def _shared_volumes(members: Sequence[Member]) -> dict[tuple[int, int], float]:
    """Shared volume, mm³, of every pair of bodies of different structures that have any."""
    boxes = np.array([_box(member) for member in members]).reshape(-1, 2, 3)
    meet = (boxes[:, None, 0] < boxes[None, :, 1]).all(axis=2)
    meet &= meet.T
    shared = {}
    for i, j in np.argwhere(np.triu(meet, 1)).tolist():
        other = members[i].structure is not members[j].structure
        if other and members[i].shares_frame(members[j]):
            volume = shared_volume_mm3(
                members[i].body, members[j].body, thresholds=(SLIGHT, LARGELY, NESTED)
            )
            if volume > 0:
                shared[i, j] = shared[j, i] = volume
    return shared


def _box(member: Member) -> FloatArray:
    """Box (2, 3) of a member along the patient's axes, mm."""
    low, high = member.body.bounds_mm
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    turned = corners @ member.body.axes.T
    return np.array([turned.min(axis=0), turned.max(axis=0)])


def _held(
    member: int, nodes: Sequence[int], merged: Merged, shared: dict[tuple[int, int], float]
) -> list[int]:
    """Nodes that lie largely inside a member, or it inside them."""
    volume = merged.members[member].body.volume_mm3
    held = []
    for node in nodes:
        common = shared.get((member, node), 0.0)
        if common > 0:
            smaller = min(volume, merged.members[node].body.volume_mm3)
            if common >= LARGELY * smaller:
                held.append(node)
    return held


def _attach(tier: Sequence[int], merged: Merged, shared: dict[tuple[int, int], float]) -> list[int]:
    """The volumes of a tier that hold no lesion that is known; which the others hold is noted."""
    held = {i: found for i in tier if (found := _held(i, merged.nodes, merged, shared))}
    alone = []
    for index in tier:
        member = merged.members[index]
        outer = member.role in (Role.CLINICAL, Role.PLANNING)
        found = held.get(index, [])
        if not found:
            touched = [n for n in merged.nodes if _part(index, n, merged, shared) >= SLIGHT]
            found = [n for n in touched if not outer and not _told_apart(index, n, merged)]
            found = found or [n for n in touched if _same_mark(index, n, merged)]
            if touched and not found:
                merged.grazing.append(index)
                merged.members[index] = replace(member, sure=False)
        elif outer and _is_misfit(index, held, found, merged):
            merged.misfits.append(index)
        if found:
            merged.envelopes[index] = found
        if not found or index in merged.misfits:
            alone.append(index)
    return alone


def _told_apart(index: int, node: int, merged: Merged) -> bool:
    own, its = merged.members[index].name.mark, merged.members[node].name.mark
    return own is not None and its is not None and own != its


def _same_mark(index: int, node: int, merged: Merged) -> bool:
    own = merged.members[index].name.mark
    return own is not None and own == merged.members[node].name.mark


def _is_misfit(
    index: int, held: Mapping[int, Sequence[int]], nodes: Sequence[int], merged: Merged
) -> bool:
    """Whether a volume has another number than all tumours in it, whose own volumes are drawn."""
    member = merged.members[index]
    mark = member.name.mark
    same = [i for i in held if merged.members[i].structure is member.structure]
    marks = {merged.members[n].name.mark for i in same for n in held[i]}
    if mark is None or _first(mark) in map(_first, marks):
        return False

    def has_own(node: int) -> bool:
        own = merged.members[node].name.mark
        others = [i for i, found in held.items() if node in found and i != index]
        return own is not None and any(merged.members[i].name.mark == own for i in others)

    return all(has_own(n) for n in nodes)


def _first(mark: str | None) -> str | None:
    """A mark without the numbers of something else that follow it, as in PTV 1-03."""
    return mark and mark.split(".")[0]


def _part(member: int, node: int, merged: Merged, shared: dict[tuple[int, int], float]) -> float:
    """Part of a node's volume that a member holds."""
    volume = merged.members[node].body.volume_mm3
    return shared.get((member, node), 0.0) / volume if volume else 0.0


def _only_primary(merged: Merged) -> bool:
    """Whether nothing but the primary and nodes is drawn as gross tumour or cavity."""
    kinds = [merged.members[n].name.kind for n in merged.nodes]
    return all(kind in (Kind.PRIMARY, Kind.NODE) for kind in kinds)


def _as_orphans(alone: Sequence[int], role: Role, merged: Merged, *, only: bool) -> None:
    """Mark outer volumes without gross tumour: how surely they stand for a lesion.

    With ``only`` the metastases have no gross tumour drawn at all: the volumes named as lesions
    are the estimate.
    """
    for index in alone:
        member = merged.members[index]
        if role is not Role.INTERNAL:
            named = member.name.mark is not None or member.name.kind is Kind.METASTASIS
            fits = index not in merged.misfits and not member.name.has("elective")
            likely = member.likely and named and member.index == 1 and fits
            sure = only and likely and member.sure and index not in merged.grazing
            merged.members[index] = replace(member, sure=sure, likely=likely)
            merged.orphans.append(index)


def _cluster(tier: Sequence[int], merged: Merged, shared: dict[tuple[int, int], float]) -> None:
    """Add the bodies of one tier as nodes, links and envelopes, smallest first."""
    best = Groups(len(merged.members))
    added: list[int] = []
    for index in tier:
        member = merged.members[index]
        others = [i for i in added if merged.members[i].structure is not member.structure]
        held = _held(index, others, merged, shared)
        parts = best.of(held)
        if len(parts) > 1 and _is_envelope(index, parts, merged):
            merged.envelopes[index] = held
            merged.links += _doubt_of_envelope(index, parts, merged)
            continue
        links = _links(index, added, merged, shared, together=len(parts) > 1)
        for link in links:
            if link.same >= Same.LIKELY:
                best.join(link.first, link.second)
        merged.links += links
        added.append(index)
    merged.links += _displaced(added, merged)
    merged.nodes += added


def _is_envelope(index: int, parts: Sequence[Sequence[int]], merged: Merged) -> bool:
    """Whether a body that holds several groups is their union, and not one lesion with them."""
    member = merged.members[index]
    if member.name.is_union:
        return True
    inside = [merged.members[i] for group in parts for i in group]
    alike = all(compare_names(member.name, i.name) is Names.ALIKE for i in inside)
    one_structure = len({i.structure.number for i in inside}) == 1
    return not (alike or (one_structure and not _is_sum(index, parts, merged)))


def _is_sum(index: int, parts: Sequence[Sequence[int]], merged: Merged) -> bool:
    """Whether a body is hardly larger than the groups in it together."""
    total = sum(max(merged.members[i].body.volume_mm3 for i in group) for group in parts)
    return merged.members[index].body.volume_mm3 <= _UNION_SLACK * total


def _doubt_of_envelope(index: int, parts: Sequence[Sequence[int]], merged: Merged) -> list[Link]:
    """Links between the parts of a gross body that is not named as their union."""
    member = merged.members[index]
    if member.role is not Role.GROSS or member.name.is_union or _is_sum(index, parts, merged):
        return []
    first = parts[0][0]
    names = " and ".join(merged.members[group[0]].text for group in parts)
    text = f"{names} lie in one body of {member.text}"
    return [Link(first, group[0], Same.POSSIBLE, text) for group in parts[1:]]


def _links(
    index: int,
    added: Sequence[int],
    merged: Merged,
    shared: dict[tuple[int, int], float],
    *,
    together: bool,
) -> list[Link]:
    """Links of a new node to those before it."""
    member = merged.members[index]
    links = []
    for other in added:
        before = merged.members[other]
        if not before.shares_frame(member):
            continue
        if before.structure is member.structure:
            found = relate_own(before, member)
        else:
            found = relate(before, member, shared.get((index, other), 0.0))
        if found is None:
            continue
        same, text = found
        if together and same is Same.CERTAIN:
            # Several parts in one body that is no union: one lesion, or as many as parts.
            same, text = Same.LIKELY, f"{text}; {member.text} holds several bodies"
        links.append(Link(other, index, same, text))
    return links


def _displaced(added: Sequence[int], merged: Merged) -> list[Link]:
    """Links between phases or variants that do not overlap: nearest to nearest, both ways."""
    tied = {(link.first, link.second) for link in merged.links if link.same >= Same.LIKELY}
    near: dict[tuple[int, int], tuple[float, int]] = {}
    for at, i in enumerate(added):
        for j in added[at + 1 :]:
            a, b = merged.members[i], merged.members[j]
            apart = a.structure is b.structure or not a.shares_frame(b)
            gap = None if apart else displaced(a, b)
            if gap is None or (i, j) in tied:
                continue
            for one, other in ((i, j), (j, i)):
                key = (one, merged.members[other].structure.number)
                near[key] = min(near.get(key, (BREATHING_MM + 1, other)), (gap, other))
    links = []
    for (one, _), (gap, other) in near.items():
        back = near.get((other, merged.members[one].structure.number))
        if one < other and back == (gap, one) and not _met(one, other, tied, merged):
            a, b = merged.members[one], merged.members[other]
            text = f"{a.text} and {b.text}, drawn alike, lie {gap:.1f} mm apart"
            same = Same.LIKELY if a.name.phase or b.name.phase else Same.POSSIBLE
            links.append(Link(one, other, same, text))
    return links


def _met(one: int, other: int, tied: set[tuple[int, int]], merged: Merged) -> bool:
    """Whether either body is already tied to a body of the other's structure."""
    numbers = {
        one: merged.members[other].structure.number,
        other: merged.members[one].structure.number,
    }
    return any(
        merged.members[b].structure.number == numbers.get(a)
        or merged.members[a].structure.number == numbers.get(b)
        for a, b in tied
        if a in numbers or b in numbers
    )

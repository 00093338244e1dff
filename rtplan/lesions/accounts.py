"""What became of each structure of a set, in one sentence each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rtplan.findings import finding
from rtplan.geometry.contour import Structure, StructureSet
from rtplan.lesions.merge import Merged
from rtplan.lesions.model import StructureUse
from rtplan.lesions.roles import Decision, Evidence, Role

_USE = {
    Role.ORGAN: "organ",
    Role.EXTERNAL: "external",
    Role.HELPER: "helper",
    Role.SUPPORT: "support",
    Role.ISODOSE: "isodose",
    Role.MARKER: "marker",
    Role.EMPTY: "empty",
    Role.UNREADABLE: "unreadable",
    Role.UNRECOGNISED: "unrecognised",
}


def structure_uses(
    structure_set: StructureSet,
    decisions: Sequence[Decision],
    merged: Merged,
    lesion_of: Mapping[int, str],
    primary: Mapping[str, Structure],
    counted: frozenset[str],
) -> tuple[StructureUse, ...]:
    """Every structure in stored order with its use and the reason.

    Parameters
    ----------
    lesion_of : mapping
        Lesion id of each node of ``merged``.
    primary : mapping
        The representative structure of each lesion id.
    counted : frozenset of str
        Lesion ids that count as metastases.
    """
    uses = []
    for structure, decision in zip(structure_set, decisions, strict=True):
        use = _USE.get(decision.role)
        reason = decision.reason
        nodes = [i for i, m in enumerate(merged.members) if m.structure is structure]
        if decision.aside and any(i in merged.nodes and i not in lesion_of for i in nodes):
            reason += "; it may be tumour all the same, so the upper bound has it"
        if use is None or (decision.aside and any(i in lesion_of for i in nodes)):
            use, how = _of_target(structure, decision, merged, lesion_of, primary, counted)
            reason = f"{how}; {reason}"
        told = tuple(item.value for item in decision.evidence)
        uses.append(StructureUse(structure.number, structure.name, use, reason, told))
    return tuple(uses)


def unrecognised(structure: Structure, decision: Decision, volume_cc: float) -> Decision:
    """An organ by its name that is small and whose name is not all read."""
    text = f"{decision.reason}, and only {volume_cc:.1f} cc"
    note = finding("LES020", f"{structure.name!r}: {text}", roi_number=structure.number)
    return replace(
        decision,
        role=Role.UNRECOGNISED,
        reason=text,
        aside=True,
        findings=(*decision.findings, note),
        evidence=(Evidence.NAME, Evidence.GEOMETRY),
    )


def _of_target(
    structure: Structure,
    decision: Decision,
    merged: Merged,
    lesion_of: Mapping[int, str],
    primary: Mapping[str, Structure],
    counted: frozenset[str],
) -> tuple[str, str]:
    own = [i for i, m in enumerate(merged.members) if m.structure is structure]
    if decision.role is Role.CAVITY and not any(i in merged.envelopes for i in own):
        return "not_counted", "a surgical cavity holds no gross tumour"
    nodes = [i for i in own if i in lesion_of]
    lead = _ids(lesion_of[i] for i in nodes if primary[lesion_of[i]] is structure)
    same = _ids(lesion_of[i] for i in nodes if primary[lesion_of[i]] is not structure)
    held = {n for i in own for n in merged.envelopes.get(i, ())}
    parts = []
    for ids, counts in (
        ([i for i in lead if i in counted], True),
        ([i for i in lead if i not in counted], False),
    ):
        if ids:
            parts.append(f"{'counted as' if counts else 'not a metastasis:'} {', '.join(ids)}")
    if same:
        names = sorted({primary[i].name for i in same})
        parts.append(f"the same as {', '.join(names)} ({', '.join(same)})")
    if held:
        parts.append(_around(decision, merged, held))
    unlisted = [
        i for i in own if i not in lesion_of and (i not in merged.envelopes or i in merged.misfits)
    ]
    if unlisted:
        parts.append(_left_out(merged, unlisted, len(own)))
    use = "counted" if any(i in counted for i in lead) else "not_counted"
    return use, "; ".join(parts)


def _left_out(merged: Merged, unlisted: Sequence[int], of: int) -> str:
    if unlisted[0] in merged.elective:
        what = "an elective volume by its name, without gross tumour"
    elif unlisted[0] in merged.misfits:
        what = "another number than that of the tumour in it"
    elif unlisted[0] in merged.orphans:
        what = "no gross tumour is drawn in it"
    else:
        what = "too slight a mark"
    bodies = "not counted" if len(unlisted) == of else f"{len(unlisted)} of {of} bodies not counted"
    return f"{bodies}: {what}"


def _around(decision: Decision, merged: Merged, held: set[int]) -> str:
    names = sorted({merged.members[n].display for n in held})
    listed = ", ".join(names)
    if decision.role is Role.GROSS:
        return f"union of {listed}" if len(held) > 1 else f"the same as {listed}"
    return f"expansion of {listed}"


def _ids(ids: object) -> list[str]:
    found = {str(i) for i in ids} if hasattr(ids, "__iter__") else set()
    return sorted(found, key=lambda text: int(text[1:]))

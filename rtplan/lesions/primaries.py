"""Bodies named as the primary that lie far from each other: one is, the others may not be."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rtplan.lesions.merge import Groups, Merged
from rtplan.lesions.overlap import gap_mm
from rtplan.lesions.relation import SPLIT_MM


def far_primaries(
    merged: Merged, primaries: Sequence[Sequence[int]], stated: Collection[int]
) -> list[int]:
    """The bodies that are called the primary and lie far from it: each may be a metastasis.

    Parameters
    ----------
    merged : Merged
    primaries : sequence of sequence of int
        The nodes of each lesion that is the primary, its representative first.
    stated : collection of int
        Nodes whose category the facts state; they are never in doubt.

    Returns
    -------
    list of int
        Representatives that lie farther than ``SPLIT_MM`` from the largest body, or from those
        that the facts state to be the primary; chains of nearer bodies are one part.
    """
    members = merged.members
    firsts = [nodes[0] for nodes in primaries if any(members[n].likely for n in nodes)]
    firsts.sort(key=lambda n: (n not in stated, -members[n].body.volume_mm3, n))
    near = Groups(len(members))
    for at, one in enumerate(firsts):
        for other in firsts[at + 1 :]:
            if _is_near(merged, one, other):
                near.join(one, other)
    known = {near.find(n) for n in firsts[:1]} | {near.find(n) for n in firsts if n in stated}
    return [n for n in firsts if near.find(n) not in known]


def _is_near(merged: Merged, one: int, other: int) -> bool:
    a, b = merged.members[one], merged.members[other]
    return a.shares_frame(b) and gap_mm(a.body, b.body, reach_mm=SPLIT_MM) is not None


def why_far(merged: Merged, far: Sequence[int]) -> list[str]:
    """What is said of the bodies that are called the primary and lie far from it."""
    if not far:
        return []
    names = ", ".join(merged.members[n].text for n in far)
    text = (
        f"the primary by name, but more than {SPLIT_MM:.0f} mm from the largest body of that name"
    )
    return [f"{names}: {text}; not counted, though each may be a metastasis"]

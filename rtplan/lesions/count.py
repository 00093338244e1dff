"""The count of metastases under the readings that the data allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtplan.lesions.merge import Merged
from rtplan.lesions.model import Category, LesionCount
from rtplan.lesions.relation import Same


def count_metastases(
    merged: Merged,
    category: Mapping[int, Category],
    may_not_count: frozenset[int],
    *,
    unseen: int = 0,
    estimate: bool = False,
) -> LesionCount:
    """Lower, best and upper number of metastases.

    Parameters
    ----------
    merged : Merged
    category : mapping
        The category of each node.
    may_not_count : frozenset
        Nodes of unknown category that another reading would not count.
    unseen : int
        Gross tumours without usable contours: the upper bound has them.
    estimate : bool
        Whether bodies with margins are counted, each of which may hold more than one lesion.

    The lower bound joins all that may be one, and leaves out what may be no metastasis; the upper
    bound joins only what is one for certain, and parts bodies at doubtful bridges.
    """

    def counts(node: int) -> bool:
        return category[node].counts

    members = merged.members
    sure = [
        group[0]
        for group in merged.groups(Same.POSSIBLE)
        if all(counts(n) for n in group)
        and any(members[n].sure and n not in may_not_count for n in group)
    ]
    # What lies in another frame of reference may be the same lesions once more.
    frames = [members[n].structure.frame_of_reference_uid for n in sure]
    lower = max((frames.count(frame) for frame in frames), default=0)
    best = sum(
        counts(group[0]) and any(members[n].likely for n in group)
        for group in merged.groups(Same.LIKELY)
    )
    upper = sum(
        _parts(merged, group)
        for group in merged.groups(Same.CERTAIN)
        if any(counts(n) for n in group)
    )
    if estimate and upper:
        upper = max(upper, best + 1)
    return LesionCount(min(lower, best), best, max(upper, best) + unseen)


def _parts(merged: Merged, group: Sequence[int]) -> int:
    """How many lesions a group is if its bodies part at doubtful bridges."""
    return 1 + max(merged.members[n].body.doubtful_bridges for n in group)

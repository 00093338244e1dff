"""The count of metastases under the readings that the data allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rtplan.lesions.merge import Merged
from rtplan.lesions.model import Category, LesionCount
from rtplan.lesions.relation import Names, Same, compare_names, is_view


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
    bound joins only what is one for certain, and parts bodies at doubtful bridges and waists.
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
    parts = [group for group in merged.groups(Same.CERTAIN) if any(counts(n) for n in group)]
    upper = sum(
        _most(merged, [part for part in parts if part[0] in group])
        for group in map(set, merged.groups(Same.LIKELY))
    )
    if estimate and upper:
        upper = max(upper, best + 1)
    return LesionCount(min(lower, best), best, max(upper, best) + unseen)


def _most(merged: Merged, parts: Sequence[Sequence[int]]) -> int:
    """How many lesions likely one may be, of parts that are each one for certain.

    Views of one name (phases, imaging variants) show the same lesions: however many they are, they
    are one more at most than bodies in any of them.
    """
    most = sum(_in_shape(merged, part) for part in parts)
    members = [merged.members[n] for part in parts for n in part]
    first = members[0].name if members else None
    if first is None or not all(is_view(m.name) for m in members):
        return most
    if any(compare_names(first, m.name) is not Names.ALIKE for m in members):
        return most
    of_one = max(Counter(m.structure.number for m in members).values())
    shape = max(_in_shape(merged, part) for part in parts)
    return min(most, of_one + shape)


def _in_shape(merged: Merged, group: Sequence[int]) -> int:
    """How many lesions a group is if its bodies part at doubtful bridges and at waists."""
    members = [merged.members[n] for n in group]
    return max(max(1 + m.body.doubtful_bridges, m.lobes) for m in members)

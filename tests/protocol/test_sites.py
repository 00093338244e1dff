"""Sites that the facts name, against every way in which the other lesions may share one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.facts import Facts, LesionFact
from rtplan.lesions.model import Category, Lesion, LesionReading, Organ, StructureRef
from rtplan.protocol.evaluate import evaluate_definition
from rtplan.protocol.load import load_definition
from rtplan.protocol.model import Among, Counting, Merging, NodesAsOrgan, Quantity, Unit
from rtplan.protocol.sites import stated_sites
from rtplan.protocol.stated import contradictions
from rtplan.protocol.tally import tally

from . import cases
from .strategies import listed

POLICY = replace(
    load_definition("estro-astro-2020").counting,
    unit=Unit.SITE,
    nodes_as_organ=NodesAsOrgan.NO_ORGAN,
)
ORGAN_METASTASES = Quantity.ORGAN_METASTASES
COUNTED = (Quantity.METASTASES, ORGAN_METASTASES, Quantity.MOST_IN_ONE_ORGAN)
NAMES = ("", "", "a", "b")


def policy(vertebrae: str, isocentre: str) -> Counting:
    return replace(
        POLICY,
        contiguous_vertebrae=Merging(vertebrae),
        shared_isocentre=Merging(isocentre),
        gap="sites",
    )


def stated(sites: Sequence[str]) -> Facts:
    """Facts that name the site of each lesion; an empty name is none."""
    named = [(number, site) for number, site in enumerate(sites, start=1) if site]
    return Facts(lesions=tuple(LesionFact(id=f"L{number}", site=site) for number, site in named))


def bounds(
    counting: Counting,
    words: str,
    sites: Sequence[str],
    quantity: Quantity = Quantity.METASTASES,
    which: Among | None = None,
) -> tuple[float, float]:
    found = tally(cases.reading(words), stated(sites), counting).bounds(quantity, which)
    return found.low, found.high


@pytest.mark.parametrize(
    ("words", "sites", "expected"),
    [
        ("bone bone lung", ("a", "a", ""), (2, 2)),
        ("bone bone bone", ("a", "a", "b"), (2, 2)),
        ("bone bone bone", ("a", "a", ""), (1, 2)),
        ("bone bone bone", ("a", "b", ""), (2, 3)),
        ("bone bone bone", ("a", "b", "c"), (3, 3)),
        ("bone lung lung", ("a", "a", ""), (2, 3)),
        ("bone node:LN_Ax_L", ("a", "a"), (2, 2)),
        ("bone node:LN_Ax_L node:LN_Ax_L", ("a", "a", ""), (2, 3)),
        ("bone node:LN_Ax_L node:LN_Ax_L", ("", "a", "a"), (2, 2)),
        ("bone ?", ("a", "a"), (1, 2)),
        ("? ?", ("a", "a"), (0, 2)),
        ("bone anywhere", ("a", "a"), (1, 2)),
        ("bone anywhere", ("a", "b"), (1, 2)),
        ("primary bone", ("a", "a"), (1, 1)),
        ("regional bone", ("a", "a"), (1, 1)),
    ],
)
def test_lesions_of_a_named_site_count_once(
    words: str, sites: Sequence[str], expected: tuple[int, int]
) -> None:
    assert bounds(policy("unconfirmed", "unconfirmed"), words, sites) == expected


def test_a_name_means_nothing_where_lesions_are_counted() -> None:
    by_lesion = replace(POLICY, unit=Unit.LESION)
    assert bounds(by_lesion, "bone bone", ("a", "a")) == (2, 2)
    assert bounds(policy("each", "each"), "bone bone", ("a", "a")) == (1, 1)


def test_a_site_in_two_organs_counts_in_each() -> None:
    counting = policy("each", "each")
    sites = ("a", "a", "", "")
    words = "bone lung lung lung"
    assert bounds(counting, words, sites) == (4, 4)
    assert bounds(counting, words, sites, Quantity.MOST_IN_ONE_ORGAN) == (3, 3)
    assert bounds(counting, words, sites, Quantity.NONNODAL_ORGANS) == (2, 2)
    lung = Among(organs=(Organ.LUNG,))
    assert bounds(counting, words, sites, ORGAN_METASTASES, lung) == (3, 3)


def test_one_site_in_several_organs_is_a_contradiction() -> None:
    reading = cases.reading("bone lung node:LN_Ax_L anywhere")
    for sites, found in (
        (("a", "a", "", ""), "L1 in bone, L2 in lung"),
        (("", "a", "a", "a"), "L2 in lung, L3 in lymph_node"),
    ):
        (finding,) = contradictions(reading, stated(sites))
        assert finding.code == "FCT001"
        assert found in finding.text
    for sites in (("a", "b", "", "a"), ("a", "b", "c", "c")):
        assert contradictions(reading, stated(sites)) == ()


def test_sites_not_named_are_asked_for() -> None:
    counting = policy("unconfirmed", "unconfirmed")
    for sites, needed in ((("", "", ""), True), (("a", "a", ""), True), (("a", "a", "b"), False)):
        found = tally(cases.reading("bone bone bone"), stated(sites), counting)
        needs = found.bounds(Quantity.METASTASES).needs
        assert ("lesions.sites" in needs) == needed
        assert ("gap.sites" in needs) == needed


def test_bodies_that_may_be_one_leave_a_named_site() -> None:
    reading = cases.reading("bone bone bone", drawn=True, lower=2, upper=3)
    for sites, expected in ((("a", "a", "a"), (1, 1)), (("a", "a", "b"), (1, 2))):
        found = tally(reading, stated(sites), policy("each", "each")).bounds(ORGAN_METASTASES)
        assert (found.low, found.high) == expected


def joined(items: Sequence[Lesion], sites: Sequence[str], counting: Counting) -> Iterator[int]:
    """The number of sites in each way to share them that the names and the policy allow."""

    def class_of(item: Lesion) -> Organ | None:
        vertebrae = counting.contiguous_vertebrae is not Merging.EACH and item.organ is Organ.BONE
        shares = vertebrae or counting.shared_isocentre is not Merging.EACH
        return item.organ if shares else None

    def linked(one: int, other: int) -> bool:
        if items[one].organ is not items[other].organ:
            return False
        if sites[one] and sites[other]:
            return sites[one] == sites[other]
        shared = class_of(items[one])
        return shared is not None and shared is class_of(items[other])

    def held(block: tuple[int, ...]) -> bool:
        """Whether all of a block hang together, and no two names are in it."""
        if len({sites[x] for x in block if sites[x]}) > 1:
            return False
        reached, waiting = {block[0]}, [block[0]]
        while waiting:
            one = waiting.pop()
            more = [x for x in block if x not in reached and linked(one, x)]
            reached.update(more)
            waiting += more
        return len(reached) == len(block)

    for blocks in _partitions(tuple(range(len(items)))):
        whole = all(
            any(_alike(items, sites, x, block) for block in blocks) for x in range(len(items))
        )
        if whole and all(held(block) for block in blocks):
            yield len(blocks)


def _alike(
    items: Sequence[Lesion], sites: Sequence[str], lesion: int, block: tuple[int, ...]
) -> bool:
    """Whether a block holds a lesion and all of its organ that are named as it is."""
    named = {x for x, site in enumerate(sites) if site and site == sites[lesion]}
    same = {x for x in named if items[x].organ is items[lesion].organ}
    return same | {lesion} <= set(block)


def _partitions(items: tuple[int, ...]) -> Iterator[list[tuple[int, ...]]]:
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for blocks in _partitions(rest):
        yield [(first,), *blocks]
        for index, block in enumerate(blocks):
            yield [*blocks[:index], (first, *block), *blocks[index + 1 :]]


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["bone", "bone", "lung", "node:LN_Ax_L"]), st.sampled_from(NAMES)
        ),
        max_size=5,
    ),
    st.sampled_from(Merging),
    st.sampled_from(Merging),
)
def test_bounds_hold_every_way_to_share_sites(
    drawn: list[tuple[str, str]], vertebrae: Merging, isocentre: Merging
) -> None:
    counting = policy(vertebrae, isocentre)
    words, sites = " ".join(word for word, _ in drawn), [site for _, site in drawn]
    items = cases.reading(words).lesions
    values = set(joined(items, sites, counting)) if items else {0}
    low, high = bounds(counting, words, sites)
    assert low <= min(values)
    assert max(values) == high
    if all(sites):
        assert (low, high) == (min(values), max(values))


@settings(deadline=None, max_examples=100)
@given(
    st.data(),
    st.lists(st.sampled_from(["bone", "lung", "?", "?liver", "anywhere", "node"]), max_size=6),
    st.sampled_from(COUNTED),
)
def test_naming_a_site_never_leaves_the_bounds_without_it(
    data: st.DataObject, words: list[str], quantity: Quantity
) -> None:
    counting = policy("one_site", "one_site")
    sites = data.draw(st.lists(st.sampled_from(NAMES), min_size=len(words), max_size=len(words)))
    fewer = [site if data.draw(st.booleans()) else "" for site in sites]
    named = tally(cases.reading(" ".join(words)), stated(sites), counting).bounds(quantity)
    vague = tally(cases.reading(" ".join(words)), stated(fewer), counting).bounds(quantity)
    assert named.low <= named.high
    assert vague.low <= named.high
    assert named.low <= vague.high
    assert named.high <= len(words)


def test_lesion_is_named_by_its_structure_as_well() -> None:
    first, second, third = (
        Lesion(
            f"L{number}",
            Category.ORGAN_METASTASIS,
            Organ.BONE,
            structures=(StructureRef(number, name),),
        )
        for number, name in enumerate(("GTV_1", "gtv_1", "GTV 2"), start=1)
    )
    items = (first, second, third)
    by_name = (LesionFact(structure="GTV_1", site="a"), LesionFact(structure="gtv 2", site="a"))
    assert stated_sites(items, by_name) == {"L1": "a", "L3": "a"}
    both = (LesionFact(structure="GTV_1", id="L2", site="a"),)
    assert stated_sites(items, both) == {"L2": "a"}
    reading: LesionReading = listed(items)
    found = tally(reading, Facts(lesions=by_name), policy("each", "each"))
    assert found.bounds(Quantity.METASTASES).high == 2


def test_result_says_which_lesions_are_one_site(tmp_path: Path) -> None:
    text = """
    primary = {site = "lung", histology = "squamous"}
    lesion = [{id = "L1", site = "T5"}, {id = "L2", site = "T5"}, {id = "L3", site = "T9"}]
    """
    given = cases.facts(text, tmp_path)
    reading = cases.reading("bone bone bone")
    result = evaluate_definition(load_definition("nrg-lu002"), reading, given)
    assert "L1 and L2 are one site by the facts" in result.notes
    by_lesion = evaluate_definition(load_definition("core"), reading, given)
    assert not any("one site by the facts" in note for note in by_lesion.notes)

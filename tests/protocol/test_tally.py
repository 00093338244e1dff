"""Bounds of counts against every completion of what is unknown, counted one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.facts import DiseaseFacts, Facts
from rtplan.lesions.model import Category, Lesion, Organ
from rtplan.protocol.load import load_definition
from rtplan.protocol.model import (
    Among,
    Counting,
    ExtraregionalNodes,
    Merging,
    NodesAsOrgan,
    PairedOrgans,
    Quantity,
    RegionalNodes,
    Unit,
)
from rtplan.protocol.tally import tally

from . import cases
from .strategies import (
    ORGANS,
    SIDES,
    STATIONS,
    lesions,
    listed,
    masked_lesions,
    measured,
    policies,
)

MEASURED = (Quantity.LARGEST_DIAMETER_MM, Quantity.LARGEST_VOLUME_CC)
PLACED = (
    Quantity.ORGANS,
    Quantity.MOST_IN_ONE_ORGAN,
    Quantity.NONNODAL_ORGANS,
    Quantity.SIDES,
)
COUNTED = [
    quantity
    for quantity in Quantity
    if quantity
    not in (
        Quantity.MONTHS_TO_DETECTION,
        Quantity.LIFETIME_METASTASES,
        Quantity.CLOSEST_PAIR_MM,
        Quantity.CEA_NG_ML,
        Quantity.UNINVOLVED_LIVER_CC,
    )
]
FILTERS = st.sampled_from(
    [
        Among(),
        Among(organs=(Organ.LUNG,)),
        Among(organs=(Organ.LUNG, Organ.LYMPH_NODE)),
        Among(organs=(Organ.LIVER,), outside=True),
        Among(organs=(Organ.LYMPH_NODE,), outside=True),
    ]
)


def filter_for(quantity: Quantity, which: Among) -> Among:
    """A filter that the quantity may have."""
    if quantity is Quantity.SIDES:
        return Among(organs=(Organ.LUNG,))
    return Among() if quantity is Quantity.EXTRAREGIONAL_STATIONS else which


def kept(items: tuple[Lesion, ...], which: Among) -> tuple[Lesion, ...]:
    """The lesions that a filter leaves, all known."""
    if not which:
        return items
    return tuple(i for i in items if (i.organ in which.organs) != which.outside)


def counted(quantity: Quantity, items: tuple[Lesion, ...], policy: Counting, which: Among) -> float:
    """The value of lesions of which everything is known: slow and obvious."""
    items = kept(items, which)
    organ = [i for i in items if i.category is Category.ORGAN_METASTASIS]
    regional = [i for i in items if i.category is Category.REGIONAL_NODE]
    extra = [i for i in items if i.category is Category.EXTRAREGIONAL_NODE]
    stations = len({i.station for i in extra})
    nodes = {
        RegionalNodes.NOT_COUNTED: 0,
        RegionalNodes.ALL_AS_ONE: min(len(regional), 1),
        RegionalNodes.COUNTED: len(regional),
    }[policy.regional_nodes]
    per_lesion = policy.extraregional_nodes is ExtraregionalNodes.PER_LESION
    nodes += len(extra) if per_lesion else stations
    one_organ = policy.nodes_as_organ is NodesAsOrgan.ONE_ORGAN
    each = policy.paired_organs is PairedOrgans.EACH_SIDE
    by_organ = Counter(f"{i.organ} {i.laterality if each else ''}" for i in organ)
    sized = organ + extra
    if policy.regional_nodes is RegionalNodes.COUNTED:
        sized += regional
    match quantity:
        case Quantity.METASTASES:
            return len(organ) + nodes
        case Quantity.ORGAN_METASTASES:
            return len(organ)
        case Quantity.NONNODAL_ORGANS:
            return len(by_organ)
        case Quantity.EXTRAREGIONAL_STATIONS:
            return stations
        case Quantity.ORGANS:
            return len(by_organ) + (one_organ and nodes > 0)
        case Quantity.MOST_IN_ONE_ORGAN:
            return max([*by_organ.values(), nodes if one_organ else 0], default=0)
        case Quantity.SIDES:
            return len({i.laterality for i in organ})
        case Quantity.LARGEST_DIAMETER_MM:
            return max((i.longest_diameter_mm or 0.0 for i in sized), default=0.0)
        case Quantity.LARGEST_VOLUME_CC:
            return max((i.volume_cc or 0.0 for i in sized), default=0.0)
    raise AssertionError(quantity)


def readings_of(policy: Counting) -> Iterator[Counting]:
    """Every policy that one with unconfirmed rules may be."""
    rules: dict[str, type[StrEnum]] = {
        "regional_nodes": RegionalNodes,
        "extraregional_nodes": ExtraregionalNodes,
        "nodes_as_organ": NodesAsOrgan,
        "paired_organs": PairedOrgans,
    }
    choices = []
    for name, kind in rules.items():
        value = getattr(policy, name)
        choices.append(
            [k for k in kind if k != "unconfirmed"] if value == "unconfirmed" else [value]
        )
    for values in product(*choices):
        found: dict[str, Any] = dict(zip(rules, values, strict=True))
        yield replace(policy, **found)


def completions(item: Lesion, quantity: Quantity) -> list[Lesion]:
    """Everything that a lesion may be, as far as the quantity depends on it."""
    nodes = (Category.REGIONAL_NODE, Category.EXTRAREGIONAL_NODE)
    categories = [c for c in Category if c is not Category.UNKNOWN]
    found = []
    for category in categories if item.category is Category.UNKNOWN else [item.category]:
        if category is Category.PRIMARY and item.organ is not Organ.LYMPH_NODE:
            found.append(replace(item, category=category))
        elif category is Category.ORGAN_METASTASIS and item.organ is not Organ.LYMPH_NODE:
            organs = ORGANS if item.organ is None else (item.organ,)
            for organ in organs:
                open_side = item.laterality is None and organ is Organ.LUNG and quantity in PLACED
                for side in SIDES if open_side else (item.laterality,):
                    found.append(replace(item, category=category, organ=organ, laterality=side))
        elif category in nodes and item.organ in (None, Organ.LYMPH_NODE):
            stations = STATIONS if item.station is None else (item.station,)
            node = replace(item, category=category, organ=Organ.LYMPH_NODE)
            found += [replace(node, station=name) for name in stations]
    if quantity in MEASURED and item.longest_diameter_mm is None:
        return [measured(world, size) for world in found for size in (8.0, 61.0)]
    return found


@settings(deadline=None, max_examples=200)
@given(st.data(), policies(), st.sampled_from(COUNTED), FILTERS)
def test_bounds_hold_every_completion(
    data: st.DataObject, policy: Counting, quantity: Quantity, which: Among
) -> None:
    which = filter_for(quantity, which)
    known = data.draw(lesions(most=3))
    items = data.draw(masked_lesions(known))
    bounds = tally(listed(items), Facts(), policy).bounds(quantity, which)
    values = {
        counted(quantity, world, reading, which)
        for world in product(*(completions(item, quantity) for item in items))
        for reading in readings_of(policy)
    }
    assert bounds.low <= min(values)
    assert max(values) <= bounds.high
    if len(values) > 1 and policy.paired_organs is not PairedOrgans.UNCONFIRMED:
        assert bounds.needs


@settings(deadline=None, max_examples=150)
@given(lesions(), policies(), st.sampled_from(COUNTED), FILTERS)
def test_known_lesions_and_rules_give_one_number(
    items: tuple[Lesion, ...], policy: Counting, quantity: Quantity, which: Among
) -> None:
    which = filter_for(quantity, which)
    for confirmed in readings_of(policy):
        if quantity in MEASURED and confirmed.regional_nodes is RegionalNodes.ALL_AS_ONE:
            continue  # whether the size of the one group is meant is open
        bounds = tally(listed(items), Facts(), confirmed).bounds(quantity, which)
        value = counted(quantity, items, confirmed, which)
        assert (bounds.low, bounds.high) == (value, value)


@pytest.fixture
def policy() -> Counting:
    return load_definition("estro-astro-2020").counting


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [(3, 3, (3, 3)), (2, 3, (2, 3)), (3, 5, (3, 5)), (1, 4, (1, 4))],
)
def test_bounds_of_the_reading_widen_the_count(
    policy: Counting, lower: int, upper: int, expected: tuple[int, int]
) -> None:
    reading = cases.reading("lung lung liver", drawn=True, lower=lower, upper=upper)
    bounds = tally(reading, Facts(), policy).bounds(Quantity.METASTASES)
    assert (bounds.low, bounds.high) == expected
    assert ("lesions.count" in bounds.needs) == (lower != upper)


def test_lesions_that_may_be_one_may_leave_one_organ(policy: Counting) -> None:
    reading = cases.reading("lung lung liver", drawn=True, lower=2, upper=3)
    bounds = tally(reading, Facts(), policy).bounds(Quantity.NONNODAL_ORGANS)
    assert (bounds.low, bounds.high) == (1, 2)


def test_stated_undrawn_metastases_are_added_of_unknown_organ(policy: Counting) -> None:
    facts = Facts(disease=DiseaseFacts(metastases_not_drawn=2))
    counts = tally(cases.reading("lung", drawn=True), facts, policy)
    metastases = counts.bounds(Quantity.METASTASES)
    organs = counts.bounds(Quantity.ORGANS)
    assert (metastases.low, metastases.high) == (3, 3)
    assert (organs.low, organs.high) == (1, 3)


@pytest.mark.parametrize(("words", "most"), [("?", 1), ("? ?", 2), ("lung ?", 2), ("lung node", 2)])
def test_lesions_are_at_most_as_many_organs(policy: Counting, words: str, most: int) -> None:
    policy = replace(policy, nodes_as_organ=NodesAsOrgan.ONE_ORGAN)
    assert tally(cases.reading(words), Facts(), policy).bounds(Quantity.ORGANS).high == most


@pytest.mark.parametrize("quantity", [Quantity.NONNODAL_ORGANS, Quantity.MOST_IN_ONE_ORGAN])
@pytest.mark.parametrize(
    "words", ["other", "other other", "other other lung", "lung lung other other other", "lung"]
)
def test_organs_that_no_word_names_may_be_one_or_several(
    policy: Counting, quantity: Quantity, words: str
) -> None:
    """Against every way to put the lesions of ``other`` in three organs."""
    policy = replace(policy, nodes_as_organ=NodesAsOrgan.ONE_ORGAN)
    reading = cases.reading(words)
    unnamed = (Organ.SKIN, Organ.SPLEEN, Organ.PANCREAS)
    places = [unnamed if x.organ is Organ.OTHER else (x.organ,) for x in reading.lesions]
    counts = [Counter(world) for world in product(*places)]
    values = [len(c) if quantity is Quantity.NONNODAL_ORGANS else max(c.values()) for c in counts]
    bounds = tally(reading, Facts(), policy).bounds(quantity)
    assert (bounds.low, bounds.high) == (min(values), max(values))
    assert bool(bounds.needs) == (min(values) < max(values))


def test_stated_undrawn_metastases_only_widen_a_complete_list(policy: Counting) -> None:
    facts = Facts(disease=DiseaseFacts(metastases_not_drawn=2))
    bounds = tally(cases.reading("lung"), facts, policy).bounds(Quantity.METASTASES)
    assert (bounds.low, bounds.high) == (1, 3)


def test_supraclavicular_node_follows_the_policy_only_where_it_is_open(policy: Counting) -> None:
    from rtplan.protocol.model import Supraclavicular

    distant = replace(policy, supraclavicular=Supraclavicular.EXTRAREGIONAL)
    opened = cases.reading("?lymph_node:LN_Sclav_L")
    stated = cases.reading("regional:LN_Sclav_L")
    count = Quantity.METASTASES
    assert tally(opened, Facts(), policy).bounds(count).low == 0
    assert tally(opened, Facts(), policy).bounds(count).high == 1
    assert tally(opened, Facts(), distant).bounds(count).low == 1
    assert tally(stated, Facts(), distant).bounds(count).high == 0


def test_sides_part_stations() -> None:
    policy = load_definition("omec-2023").counting
    for words, expected in (
        ("node:LN_Hilar_L node:LN_Hilar_L", (1, 1)),
        ("node:LN_Hilar_L node:LN_Hilar_R", (2, 2)),
        ("node:LN_Hilar node:LN_Hilar_R", (1, 2)),
        ("node:LN_Neck_II-V node:LN_Neck_II-V", (1, 2)),
    ):
        bounds = tally(cases.reading(words), Facts(), policy).bounds(
            Quantity.EXTRAREGIONAL_STATIONS
        )
        assert (bounds.low, bounds.high) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        # iliac and inguinal nodes are read as LN_Pelvics both
        ("node:LN_Pelvics node:LN_Pelvics", (1, 2)),
        ("node:LN_Pelvics", (1, 1)),
        ("node:LN_Mediastinals node:LN_Mediastinals node:LN_Mediastinals", (1, 3)),
        ("node:LN_Ax_L node:LN_Ax_L", (1, 2)),
        ("node:LN_Ax_L node:LN_Ax_R", (2, 2)),
        ("node:LN_Iliacs node:LN_Inguinofems", (2, 2)),
        ("node:LN_Pelvics node:LN_Iliacs", (1, 2)),
        ("node:LN_Retroperitoneals node:LN_Paraaortic", (1, 2)),
        ("node:LN_Ax_Pectorals_L node:LN_Ax_Pectorals_L", (1, 2)),
        ("node:LN_Neck_IIs node:LN_Neck_IIs", (1, 2)),
        ("node:LN_Paraaortic node:LN_Paraaortic", (1, 1)),
        ("node:LN_Portahepatis node:LN_Portahepatis", (1, 1)),
        ("node:LN_Pelvics_L node:LN_Pelvics_R", (2, 2)),
        ("node:LN_Pelvics node:LN_Iliac_Int_L", (1, 2)),
        ("node:LN_Pelvics node:LN_Paraaortic", (2, 2)),
        ("node:LN_Pelvics node:LN_Neck_II-V node:LN_Ax_L", (3, 3)),
        ("node:LN_Pelvics node:LN_Ourownname", (1, 2)),
        ("node:LN_Pelvics node:LN_Ourownnames", (1, 2)),
        ("node:LN_Ax_L node:LN_Ax_Apical_L", (1, 2)),
        ("node:JES:16 node:JES:16a2", (1, 2)),
        ("node:JES:16a2 node:JES:106recL", (2, 2)),
        ("node:AJCC8:10R node:AJCC8:10L", (2, 2)),
    ],
)
def test_name_of_several_stations_is_not_one(words: str, expected: tuple[int, int]) -> None:
    policy = load_definition("omec-2023").counting
    bounds = tally(cases.reading(words), Facts(), policy).bounds(Quantity.EXTRAREGIONAL_STATIONS)
    assert (bounds.low, bounds.high) == expected
    assert bool(bounds.needs) == (expected[0] != expected[1])


def bounds_of(
    policy: Counting, words: str, quantity: Quantity, facts: Facts | None = None
) -> tuple[float, float]:
    bounds = tally(cases.reading(words), facts or Facts(), policy).bounds(quantity)
    return bounds.low, bounds.high


def test_lifetime_is_what_is_stated_and_at_least_what_is_there(policy: Counting) -> None:
    stated = Facts(disease=DiseaseFacts(lifetime_metastases=4))
    lifetime = Quantity.LIFETIME_METASTASES
    assert bounds_of(policy, "lung lung", lifetime, stated) == (4, 4)
    assert bounds_of(policy, "lung lung", lifetime) == (2, float("inf"))
    assert bounds_of(policy, "lung lung lung lung lung", lifetime, stated) == (5, 5)
    assert bounds_of(policy, "lung lung lung lung ?lung", lifetime, stated) == (4, 5)


@pytest.mark.parametrize(
    ("vertebrae", "isocentre", "words", "expected"),
    [
        ("each", "each", "bone bone lung", (3, 3)),
        ("one_site", "each", "bone bone lung lung", (3, 4)),
        ("each", "one_site", "bone bone lung lung", (2, 4)),
        ("unconfirmed", "unconfirmed", "bone lung liver", (3, 3)),
        ("unconfirmed", "unconfirmed", "lung lung lung lung", (1, 4)),
        ("each", "one_site", "node:LN_Ax_L node:LN_Ax_L lung", (2, 3)),
    ],
)
def test_lesions_that_may_share_a_site_lower_the_bound(
    policy: Counting, vertebrae: str, isocentre: str, words: str, expected: tuple[int, int]
) -> None:
    sites = replace(
        policy,
        unit=Unit.SITE,
        contiguous_vertebrae=Merging(vertebrae),
        shared_isocentre=Merging(isocentre),
        gap="sites",
    )
    assert bounds_of(sites, words, Quantity.METASTASES) == expected


def test_station_filter_leaves_what_it_cannot_tell_open(policy: Counting) -> None:
    reading = cases.reading("node:LN_Paraaortic node:LN_Ax_L node:AJCC8:16 node")
    counts = tally(reading, Facts(), policy)
    for outside, expected in ((False, (1, 3)), (True, (1, 3))):
        which = Among(stations=("LN_Paraaortic",), outside=outside)
        bounds = counts.bounds(Quantity.EXTRAREGIONAL_STATIONS, which)
        assert (bounds.low, bounds.high) == expected


def test_diffuse_disease_leaves_sizes_and_places_open_above(policy: Counting) -> None:
    diffuse = tally(cases.reading("lung liver"), Facts(disease=DiseaseFacts(diffuse=True)), policy)
    lung = diffuse.bounds(Quantity.METASTASES, Among(organs=(Organ.LUNG,)))
    assert (lung.low, lung.high) == (1, float("inf"))
    assert "disease.diffuse" in lung.needs
    assert diffuse.bounds(Quantity.METASTASES).low == float("inf")

"""Bounds of counts against every completion of what is unknown, counted one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtplan.facts import DiseaseFacts, Facts
from rtplan.lesions.model import Category, Lesion, Organ
from rtplan.protocol.load import load_definition
from rtplan.protocol.model import (
    Counting,
    ExtraregionalNodes,
    NodesAsOrgan,
    Quantity,
    RegionalNodes,
)
from rtplan.protocol.tally import tally

from . import cases
from .strategies import ORGANS, STATIONS, lesions, listed, masked_lesions, policies

COUNTS = [quantity for quantity in Quantity if quantity.is_count]


def counted(quantity: Quantity, items: tuple[Lesion, ...], policy: Counting) -> int:
    """The count of lesions of which everything is known: slow and obvious."""
    organ = [i for i in items if i.category is Category.ORGAN_METASTASIS]
    regional = sum(i.category is Category.REGIONAL_NODE for i in items)
    extra = [i for i in items if i.category is Category.EXTRAREGIONAL_NODE]
    stations = len({i.station for i in extra})
    nodes = {
        RegionalNodes.NOT_COUNTED: 0,
        RegionalNodes.ALL_AS_ONE: min(regional, 1),
        RegionalNodes.COUNTED: regional,
    }[policy.regional_nodes]
    per_lesion = policy.extraregional_nodes is ExtraregionalNodes.PER_LESION
    nodes += len(extra) if per_lesion else stations
    one_organ = policy.nodes_as_organ is NodesAsOrgan.ONE_ORGAN
    by_organ = Counter(str(i.organ) for i in organ)
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
    raise AssertionError(quantity)


def readings_of(policy: Counting) -> Iterator[Counting]:
    """Every policy that one with unconfirmed rules may be."""
    for regional, extra, organ in product(
        [r for r in RegionalNodes if r is not RegionalNodes.UNCONFIRMED],
        [e for e in ExtraregionalNodes if e is not ExtraregionalNodes.UNCONFIRMED],
        [n for n in NodesAsOrgan if n is not NodesAsOrgan.UNCONFIRMED],
    ):
        found = replace(
            policy, regional_nodes=regional, extraregional_nodes=extra, nodes_as_organ=organ
        )
        if (
            policy.regional_nodes in (regional, RegionalNodes.UNCONFIRMED)
            and policy.extraregional_nodes in (extra, ExtraregionalNodes.UNCONFIRMED)
            and policy.nodes_as_organ in (organ, NodesAsOrgan.UNCONFIRMED)
        ):
            yield found


def completions(item: Lesion) -> list[Lesion]:
    """Everything that a lesion may be."""
    nodes = (Category.REGIONAL_NODE, Category.EXTRAREGIONAL_NODE)
    categories = [c for c in Category if c is not Category.UNKNOWN]
    found = []
    for category in categories if item.category is Category.UNKNOWN else [item.category]:
        if category is Category.PRIMARY and item.organ is not Organ.LYMPH_NODE:
            found.append(replace(item, category=category))
        elif category is Category.ORGAN_METASTASIS and item.organ is not Organ.LYMPH_NODE:
            organs = ORGANS if item.organ is None else (item.organ,)
            found += [replace(item, category=category, organ=organ) for organ in organs]
        elif category in nodes and item.organ in (None, Organ.LYMPH_NODE):
            stations = STATIONS if item.station is None else (item.station,)
            found += [replace(item, category=category, station=name) for name in stations]
    return found


@settings(deadline=None, max_examples=150)
@given(st.data(), policies(), st.sampled_from(COUNTS))
def test_bounds_hold_every_completion(
    data: st.DataObject, policy: Counting, quantity: Quantity
) -> None:
    known = data.draw(lesions(most=3))
    items = data.draw(masked_lesions(known))
    bounds = tally(listed(items), Facts(), policy).bounds(quantity)
    values = {
        counted(quantity, world, reading)
        for world in product(*(completions(item) for item in items))
        for reading in readings_of(policy)
    }
    assert bounds.low <= min(values)
    assert max(values) <= bounds.high
    if len(values) > 1:
        assert bounds.needs


@settings(deadline=None, max_examples=100)
@given(lesions(), policies(), st.sampled_from(COUNTS))
def test_known_lesions_and_rules_give_one_number(
    items: tuple[Lesion, ...], policy: Counting, quantity: Quantity
) -> None:
    for confirmed in readings_of(policy):
        bounds = tally(listed(items), Facts(), confirmed).bounds(quantity)
        value = counted(quantity, items, confirmed)
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
    assert (organs.low, organs.high) == (1, 4)


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

"""Sizes and distances: what the lesions leave open stays open, both readings must agree."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from rtplan.facts import Facts
from rtplan.lesions.model import Category, Lesion, LesionCount, LesionReading, Organ
from rtplan.protocol.load import load_definition
from rtplan.protocol.model import Among, Quantity, RegionalNodes
from rtplan.protocol.tally import tally

POLICY = load_definition("estro-astro-2020").counting
DIAMETER, PAIR = Quantity.LARGEST_DIAMETER_MM, Quantity.CLOSEST_PAIR_MM


def lesion(
    number: int,
    *,
    plane: float | None = None,
    space: float | None = None,
    at: tuple[float, float, float] | None = None,
    neighbours: tuple[tuple[str, float], ...] | None = None,
    organ: Organ | None = Organ.LUNG,
    category: Category = Category.ORGAN_METASTASIS,
) -> Lesion:
    return Lesion(
        f"L{number}",
        category,
        organ,
        longest_diameter_mm=plane,
        longest_3d_mm=space,
        centroid_mm=at,
        neighbours=neighbours,
    )


def bounds(
    *lesions: Lesion, quantity: Quantity = DIAMETER, which: Among | None = None, upper: int = 0
) -> tuple[float, float, tuple[str, ...]]:
    best = sum(item.category.counts for item in lesions)
    count = LesionCount(best, best, max(best, upper))
    found = tally(LesionReading(count, lesions, from_path=False), Facts(), POLICY)
    result = found.bounds(quantity, which)
    return result.low, result.high, result.needs


def test_largest_is_that_of_the_largest_in_both_measures() -> None:
    assert bounds(lesion(1, plane=20, space=24), lesion(2, plane=48, space=52))[:2] == (48, 52)
    assert bounds(lesion(1, plane=20)) == (20, 20, ())
    assert bounds()[:2] == (0, 0)


def test_unmeasured_lesion_may_be_any_size_and_is_named() -> None:
    low, high, needs = bounds(lesion(1, plane=20), lesion(2))
    assert (low, high) == (20, math.inf)
    assert needs == ("lesion.L2.longest_diameter_mm",)


def test_size_by_organ_leaves_a_lesion_of_unknown_organ_open() -> None:
    lung = Among(organs=(Organ.LUNG,))
    items = (lesion(1, plane=20), lesion(2, plane=55, organ=Organ.LIVER))
    assert bounds(*items, which=lung)[:2] == (20, 20)
    low, high, needs = bounds(*items, lesion(3, plane=40, organ=None), which=lung)
    assert (low, high) == (20, 40)
    assert "lesion.L3.organ" in needs


def test_lesion_that_may_be_two_may_be_smaller() -> None:
    low, high, needs = bounds(lesion(1, plane=60), upper=2)
    assert (low, high) == (0, math.inf)
    assert "lesions.count" in needs


def test_regional_node_has_a_size_only_where_it_counts() -> None:
    node = lesion(1, plane=70, organ=Organ.LYMPH_NODE, category=Category.REGIONAL_NODE)
    assert bounds(node)[:2] == (0, 0)
    open_ = replace(POLICY, regional_nodes=RegionalNodes.UNCONFIRMED, gap="nodes")
    count = LesionCount(0, 0, 0)
    reading = LesionReading(count, (node,), from_path=False)
    found = tally(reading, Facts(), open_).bounds(DIAMETER)
    assert (found.low, found.high) == (0, 70)
    assert "gap.nodes" in found.needs


def test_closest_pair_is_between_surfaces_and_centres() -> None:
    one = lesion(1, at=(0, 0, 0), neighbours=(("L2", 40.0),))
    other = lesion(2, at=(60, 0, 0))
    assert bounds(one, other, quantity=PAIR) == (40, 60, ())


def test_distance_of_a_lesion_that_may_be_two_is_open() -> None:
    pair = (lesion(1, at=(0, 0, 0)), lesion(2, at=(20, 0, 0)))
    assert bounds(*pair, quantity=PAIR)[:2] == (0, 20)
    low, high, needs = bounds(*pair, quantity=PAIR, upper=3)
    assert (low, high) == (0, math.inf)
    assert "lesions.count" in needs


def test_centres_may_be_closer_than_surfaces() -> None:
    """One lesion lies around the other."""
    one = lesion(1, at=(0, 0, 0), neighbours=(("L2", 40.0),))
    other = lesion(2, at=(5, 0, 0))
    assert bounds(one, other, quantity=PAIR)[:2] == (5, 40)


@pytest.mark.parametrize(
    ("space", "expected"), [(None, (0, 60)), (10.0, (40, 60)), (50.0, (0, 60))]
)
def test_surfaces_that_were_not_measured_are_bounded_by_the_sizes(
    space: float | None, expected: tuple[float, float]
) -> None:
    pair = (lesion(1, space=space, at=(0, 0, 0)), lesion(2, space=space, at=(60, 0, 0)))
    assert bounds(*pair, quantity=PAIR)[:2] == expected


def test_pair_without_places_is_open_and_one_lesion_is_no_pair() -> None:
    low, high, needs = bounds(lesion(1), lesion(2), quantity=PAIR)
    assert (low, high) == (0, math.inf)
    assert needs == ("lesion.L1.centroid_mm", "lesion.L2.centroid_mm")
    assert bounds(lesion(1), quantity=PAIR)[:2] == (math.inf, math.inf)

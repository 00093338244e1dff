"""Waists: bodies that may be two lesions that touch, and those that are not made doubtful."""

import numpy as np
import pytest

from rtplan.geometry.contour import Contour, Structure
from rtplan.geometry.planes import stack_planes
from rtplan.lesions.bodies import Body, bodies_of
from rtplan.lesions.read import read_lesions
from rtplan.lesions.waist import length_over_width, lobes_of, parted
from tests.lesions.drawing import (
    Point,
    box,
    ellipsoid,
    gtv,
    irregular,
    shell,
    sphere,
    structures,
)
from tests.lesions.scenes import merged


def body(contours: list[Contour]) -> Body:
    return max(
        bodies_of(stack_planes(gtv("GTV", contours)), usual_mm=3.0), key=lambda b: b.volume_mm3
    )


def pair(
    radius: float, apart: float, way: Point = (1.0, 0.0, 0.0), *, step: float = 3.0
) -> list[Contour]:
    """Two balls, their centres so many diameters apart."""
    x, y, z = (np.array(way) / np.linalg.norm(way) * 2 * radius * apart).tolist()
    return merged(sphere((0, 0, 0), radius, step=step), sphere((x, y, z), radius, step=step))


@pytest.mark.parametrize("way", [(1, 0, 0), (0, 0, 1), (1, 1, 1), (1, 0, 2)])
def test_waist_of_two_balls_is_that_of_the_circle_in_which_they_meet(way: Point) -> None:
    found = lobes_of(body(pair(15, 0.9, way, step=1.0)))
    assert found is not None
    assert len(found) == 2
    assert found.waist == pytest.approx(np.sqrt(1 - 0.9**2), abs=0.09)
    assert found.radii_mm == pytest.approx([15, 15], rel=0.12)


def test_balls_that_overlap_more_are_one() -> None:
    assert lobes_of(body(pair(15, 0.6))) is None


@pytest.mark.parametrize(
    "contours",
    [
        sphere((0, 0, 0), 15),
        ellipsoid((0, 0, 0), (8, 8, 40)),
        box((0, 0, 0), (60, 10, 10)),
        shell((0, 0, 0), 10, 16),
        [*box((0, 0, 0), (40, 10, 9)), *box((0, 0, 12), (10, 10, 30))],
    ],
)
def test_plain_long_hollow_and_angled_bodies_have_no_waist(contours: list[Contour]) -> None:
    assert lobes_of(body(contours)) is None


def test_irregular_tumours_have_no_waist() -> None:
    rng = np.random.default_rng(7)
    drawn = [irregular((0, 0, 0), float(rng.uniform(6, 40)), rng) for _ in range(25)]
    assert all(lobes_of(body(contours)) is None for contours in drawn)


def test_three_balls_in_a_row_are_three_lobes() -> None:
    row = merged(pair(10, 0.92), sphere((2 * 18.4, 0, 0), 10))
    found = lobes_of(body(row))
    assert found is not None
    assert len(found) == 3


def test_parts_share_the_body_between_them() -> None:
    whole = body(merged(sphere((0, 0, 0), 15), sphere((20, 0, 6), 8)))
    found = lobes_of(whole)
    assert found is not None
    parts = parted(whole, found)
    assert sum(p.volume_mm3 for p in parts) == pytest.approx(whole.volume_mm3)
    balls = sorted((4 / 3 * np.pi * r**3 for r in (8, 15)), reverse=True)
    assert sorted((p.volume_mm3 for p in parts), reverse=True) == pytest.approx(balls, rel=0.15)


def test_length_over_width() -> None:
    assert length_over_width(body(sphere((0, 0, 0), 20, step=1.0))) == pytest.approx(1, abs=0.02)
    long = body(ellipsoid((0, 0, 0), (30, 20, 20), step=1.0))
    assert length_over_width(long) == pytest.approx(1.5, abs=0.02)


def counts(*items: Structure) -> tuple[int | None, ...]:
    count = read_lesions(structures(*items)).count
    return count.lower, count.best, count.upper


def test_waist_of_a_numbered_tumour_is_one_or_two_with_the_measure() -> None:
    reading = read_lesions(structures(gtv("GTV_1", pair(12, 0.9))))
    assert (reading.count.lower, reading.count.best, reading.count.upper) == (1, 1, 2)
    assert reading.reason is not None
    assert "GTV_1: its 2 parts meet at a waist of 4" in reading.reason


def test_waist_in_a_union_is_two_or_one_and_each_has_its_measures() -> None:
    reading = read_lesions(structures(gtv("GTV_ALL", pair(12, 0.9), sphere((0, 90, 0), 9))))
    assert (reading.count.lower, reading.count.best, reading.count.upper) == (2, 3, 3)
    assert reading.reason is not None
    assert "that meet at a waist of 4" in reading.reason
    lengths = sorted(le.longest_diameter_mm or 0 for le in reading.lesions)
    assert lengths[1:] == pytest.approx([24, 24], abs=2)


def test_waist_that_other_structures_explain_raises_nothing() -> None:
    one, other = sphere((0, 0, 0), 12), sphere((21.6, 0, 0), 12)
    both = gtv("GTV_ALL", merged(one, other))
    assert counts(gtv("GTV_1", one), gtv("GTV_2", other), both) == (1, 2, 2)
    assert counts(gtv("GTV_1", merged(one, other)), both) == (1, 1, 2)


def test_margin_with_a_waist_or_much_longer_than_wide_may_hold_two() -> None:
    def ptv(contours: list[Contour]) -> Structure:
        return gtv("PTV_1", contours, kind="PTV")

    other = gtv("PTV_2", sphere((150, 0, 0), 15), kind="PTV")
    assert counts(ptv(pair(15, 0.9)), other) == (2, 2, 3)
    both_long = gtv("PTV_2", ellipsoid((150, 0, 0), (30, 15, 15)), kind="PTV")
    assert counts(ptv(ellipsoid((0, 0, 0), (30, 15, 15))), both_long) == (2, 2, 4)


def test_shell_around_a_tumour_is_the_same_lesion() -> None:
    core = gtv("GTV_1", sphere((0, 0, 0), 8))
    assert counts(core, gtv("GTV_2", shell((0, 0, 0), 9, 16))) == (1, 1, 2)
    assert counts(core, gtv("GTV_1 minus boost", shell((0, 0, 0), 8, 16))) == (1, 1, 1)

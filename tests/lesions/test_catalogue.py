"""The bounds hold on every generated patient, and the best reading is right on nearly all."""

import json
from dataclasses import replace

import numpy as np
import pytest

from rtplan.geometry.contour import Contour
from rtplan.lesions.files import SCHEMA, as_json, from_json
from rtplan.lesions.model import LesionReading
from rtplan.lesions.read import read_lesions
from tests.lesions.catalogue import FEATURES, SITES, UNDECIDABLE, Patient, patient
from tests.lesions.drawing import structures

SEEDS = (0, 1, 2, 3, 4)
"""Of each feature; ``python -m benchmarks.lesions`` reads those with more lesions too."""
MANY = ("plain", "margins", "imaging variants", "nodes around a primary", "letters", "mixed")
CASES = [(f, s) for f in FEATURES for s in SEEDS] + [(f, len(SITES) - 1) for f in MANY]


def read(case: Patient) -> LesionReading:
    return read_lesions(case.drawn, facts=case.facts)


@pytest.mark.parametrize("feature", FEATURES)
def test_bounds_hold_and_best_is_right(feature: str) -> None:
    wrong = {}
    for name, seed in CASES:
        if name != feature:
            continue
        case = patient(feature, seed)
        reading = read(case)
        count = reading.count
        if count.lower is None or count.best is None or count.upper is None:
            assert (case.truth, seed) == (0, 0)
            continue
        assert count.lower <= case.truth <= count.upper, (seed, case.truth, count)
        if not count.is_definite:
            assert reading.reason
        if count.best != case.truth:
            wrong[seed] = (case.truth, count.best)
    if feature not in UNDECIDABLE:
        assert not wrong


def test_catalogue_is_large_and_its_truths_reach_from_0_to_25() -> None:
    assert len([f for f, _ in CASES if f not in UNDECIDABLE]) >= 200
    truths = {patient("plain", seed).truth for seed in range(len(SITES))}
    assert {0, 1, 25} <= truths


def test_what_cannot_be_decided_has_two_readings() -> None:
    for feature in UNDECIDABLE:
        count = read(patient(feature, 3)).count
        assert count.best is not None
        assert count.upper is not None
        assert count.best < count.upper


def test_irregular_tumours_are_not_made_doubtful() -> None:
    assert all(read(patient("irregular", seed)).count.is_definite for seed in range(1, 6))


@pytest.mark.parametrize(
    "feature", ["touching pairs in a union", "phases far apart", "waist, one tumour", "mixed"]
)
def test_reading_is_the_same_in_another_order_and_place_and_from_its_file(feature: str) -> None:
    case = patient(feature, 3)
    first = read(case)
    rng = np.random.default_rng(1)
    old = case.drawn.structures
    numbers = (rng.permutation(len(old)) + 1).tolist()
    moved = [
        replace(
            old[i],
            number=number,
            contours=tuple(
                Contour(c.points_mm + np.array([13.7, -5.2, 0.4])) for c in old[i].contours
            ),
        )
        for i, number in zip(rng.permutation(len(old)).tolist(), numbers, strict=True)
    ]
    second = read(replace(case, drawn=structures(*moved)))
    assert second.count == first.count
    assert second.reason == first.reason
    document = json.loads(json.dumps({"schema": SCHEMA, **as_json(first), "findings": []}))
    back = from_json(document, "f")
    assert back.count == first.count
    assert not back.findings

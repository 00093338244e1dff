"""The mutator: always the same for a seed, every mutation can be made, the rows are covered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fuzz import texts
from tests.fuzz.base import CTS, base_files
from tests.fuzz.bytewise import mangle
from tests.fuzz.mutators import drawn, effect_of, mutate
from tests.fuzz.oracle import Effect
from tests.fuzz.registry import MUTATIONS
from tests.fuzz.trial import KINDS, trial

NOT_FILES = {
    40: "units in metric names: the grammar of tests/dvh",
    53: "what a page does with names: the names of row 24 and the check for scripts",
    54: "what a table does with names: the names of row 24 and the check for formulas",
    55: "unsafe loaders: none in the sources",
    57: "faults of dependencies: lower bounds",
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_made_and_changes_the_case(name: str) -> None:
    made = [mutate(seed, [name]) for seed in range(4)]
    assert all(one.names == (name,) for one in made)
    assert any(one.packed or one.files != base_files() for one in made)


def test_a_seed_is_always_the_same_trial() -> None:
    for seed in range(2 * len(KINDS)):
        assert trial(seed) == trial(seed)
    assert mangle(b"abcdefgh" * 9, 5) == mangle(b"abcdefgh" * 9, 5) != b"abcdefgh" * 9
    assert texts.broken("facts", 3) == texts.broken("facts", 3)


def test_one_to_three_mutations_are_drawn_and_all_of_them_in_time() -> None:
    many = [drawn(seed) for seed in range(3000)]
    assert {len(names) for names in many} == {1, 2, 3}
    assert {name for names in many for name in names} == set(MUTATIONS)


def test_the_valid_case_is_never_changed_in_place() -> None:
    before = dict(base_files())
    for seed in range(0, 60, 5):
        trial(seed)
    assert base_files() == before
    assert set(CTS) < set(before)


def test_every_row_of_the_pitfalls_that_is_a_file_has_a_mutation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "dicom.md").read_text(encoding="utf-8")
    rows = {int(number) for number in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    made = {mutation.row for mutation in MUTATIONS.values()} - {0}
    assert made | set(NOT_FILES) == rows
    assert not made & set(NOT_FILES)


def test_of_several_mutations_the_one_that_may_do_most_counts() -> None:
    def first(effect: Effect) -> str:
        return next(name for name, one in MUTATIONS.items() if one.effect is effect)

    same, told, free = first(Effect.SAME), first(Effect.TOLD), first(Effect.ANY)
    assert effect_of([same]) is Effect.SAME
    assert effect_of([same, told]) is Effect.TOLD
    assert effect_of([same, told, free]) is Effect.ANY


@pytest.mark.parametrize("kind", texts.COMMANDS)
def test_a_text_is_broken_in_many_ways(kind: str) -> None:
    assert len({texts.broken(kind, seed) for seed in range(40)}) > 30

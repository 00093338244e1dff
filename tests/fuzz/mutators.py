"""The structure-aware mutator: the valid case, broken in one to three ways by a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import mutate_dose, mutate_files, mutate_names, mutate_structures
from tests.fuzz.base import Files
from tests.fuzz.draft import Draft, lenient
from tests.fuzz.oracle import Effect, write_case
from tests.fuzz.registry import MUTATIONS

MODULES = (mutate_structures, mutate_names, mutate_dose, mutate_files)
"""Imported for what they register."""


@dataclass(frozen=True, slots=True)
class Mutated:
    """A broken case: its files, what was done, and what that may do to the numbers."""

    names: tuple[str, ...]
    effect: Effect
    files: Files
    packed: bool = False

    def write(self, folder: Path) -> Path:
        """Write the case; returns what to give to a command, a folder or a zip."""
        if not self.packed:
            return write_case(folder, self.files)
        return write_case(folder, {"case.zip": mutate_files.zipped(self.files)}) / "case.zip"


def mutate(seed: int, names: Sequence[str] = ()) -> Mutated:
    """Break the valid case.

    Parameters
    ----------
    seed : int
        Chooses the mutations, unless they are named, and every choice that they make.
    names : sequence of str, optional
        Keys of ``MUTATIONS``, applied in this order.
    """
    names = tuple(names) or drawn(seed)
    draft = Draft(f"{seed} {' '.join(names)}")
    try:
        with lenient():
            for name in names:
                MUTATIONS[name].apply(draft)
            files = draft.finish()
    except Exception:
        # What one mutation left may be nothing that another, or the writer, can take.
        if len(names) == 1:
            raise
        return mutate(seed, names[:-1])
    return Mutated(names, effect_of(names), files, draft.packed)


def drawn(seed: int) -> tuple[str, ...]:
    """One to three different mutations."""
    draw = random.Random(f"names {seed}")
    return tuple(draw.sample(sorted(MUTATIONS), draw.choice([1, 1, 2, 3])))


def effect_of(names: Sequence[str]) -> Effect:
    """What mutations together may do to the numbers: as much as the one that may do most.

    Two that each leave the numbers alone may change them together (the frame of reference gone
    from one place, the reference to it from another), so of several nothing is asked but a word.
    """
    effects = {MUTATIONS[name].effect for name in names}
    if Effect.ANY in effects:
        return Effect.ANY
    return Effect.SAME if effects == {Effect.SAME} and len(names) == 1 else Effect.TOLD

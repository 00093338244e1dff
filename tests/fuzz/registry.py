"""The mutations by name: each breaks the valid case in one way, as a row of the pitfalls does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz.draft import Draft
from tests.fuzz.oracle import Effect

Change = Callable[[Draft], None]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One way to break a case.

    ``row`` is the number in the table of ``docs/dicom.md``, 0 for what is not in it.
    """

    name: str
    row: int
    effect: Effect
    apply: Change


MUTATIONS: dict[str, Mutation] = {}


def mutation(row: int, effect: Effect) -> Callable[[Change], Change]:
    """Register a function under its own name."""

    def register(change: Change) -> Change:
        name = f"{row:02}-{change.__name__.replace('_', '-')}"
        assert name not in MUTATIONS, name
        MUTATIONS[name] = Mutation(name, row, effect, change)
        return change

    return register

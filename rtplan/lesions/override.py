"""What the user states about lesions completes and overrides what was read."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from rtplan.errors import NamingError, ProtocolError
from rtplan.facts import LesionFact
from rtplan.findings import finding
from rtplan.geometry.contour import Structure
from rtplan.lesions.model import Category, Lesion, Organ

E = TypeVar("E", bound=StrEnum)
NODAL = (Category.REGIONAL_NODE, Category.EXTRAREGIONAL_NODE)


def apply_facts(
    lesions: Sequence[Lesion], facts: Sequence[LesionFact], structures: Sequence[Structure] = ()
) -> tuple[list[Lesion], frozenset[str]]:
    """Lesions with the stated facts in place, and the ids of those whose category was stated.

    Raises
    ------
    NamingError
        A fact that names no lesion.
    ProtocolError
        A category or organ that does not exist, or a category that its organ cannot have.
    """
    changed = list(lesions)
    touched = set()
    for fact in facts:
        for index in _meant(fact, changed, structures):
            changed[index] = _apply(changed[index], fact)
            if fact.category is not None:
                touched.add(changed[index].id)
    return changed, frozenset(touched)


def _meant(
    fact: LesionFact, lesions: Sequence[Lesion], structures: Sequence[Structure]
) -> list[int]:
    """Indices of the lesions that a fact names."""
    if fact.id is not None:
        found = [i for i, le in enumerate(lesions) if le.id == fact.id]
        if not found:
            known = [le.id for le in lesions]
            raise NamingError(_no_lesion(f"lesion.id = {fact.id!r}", fact.id, known))
        if fact.structure is None:
            return found
        lesions = [lesions[i] for i in found]
        inner = _meant(LesionFact(structure=fact.structure), lesions, structures)
        return [found[i] for i in inner]
    wanted = fact.structure or ""
    for same in (str, _loose):
        found = [
            i
            for i, lesion in enumerate(lesions)
            if any(same(ref.name) == same(wanted) for ref in lesion.structures)
        ]
        if found:
            return found
    known = [ref.name for le in lesions for ref in le.structures]
    text = _no_lesion(f"lesion.structure = {wanted!r}", wanted, known)
    if any(s.name == wanted for s in structures):
        text += f"; {wanted!r} is a structure of the set, but no lesion is read from it"
    raise NamingError(text)


def _loose(name: str) -> str:
    return " ".join(name.split()).casefold()


def _no_lesion(what: str, wanted: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.0)
    if not near:
        return f"facts: {what} names no lesion; the structure set shows none"
    return f"facts: {what} names no lesion; the nearest is {near[0]!r}"


def _apply(lesion: Lesion, fact: LesionFact) -> Lesion:
    said = [
        f"{key} {value!r}"
        for key in ("category", "organ", "laterality", "station", "site")
        if (value := getattr(fact, key)) is not None
    ]
    text = f"stated in the facts: {', '.join(said)}"
    category = (
        lesion.category
        if fact.category is None
        else member_of(Category, fact.category, "facts: lesion.category")
    )
    organ = (
        lesion.organ if fact.organ is None else member_of(Organ, fact.organ, "facts: lesion.organ")
    )
    if problem := misplaced(category, organ):
        name = fact.structure or fact.id
        raise ProtocolError(f"facts: lesion {name!r}: {problem}; state its organ too")
    settled = {"LES012", "LES014"} if fact.category else set[str]()
    kept = tuple(f for f in lesion.findings if f.code not in settled)
    return replace(
        lesion,
        category=category,
        organ=organ,
        laterality=fact.laterality or lesion.laterality,
        station=fact.station or lesion.station,
        reason=f"{lesion.reason}; {text}",
        findings=(*kept, finding("LES015", f"{lesion.id}: {text}")),
    )


def misplaced(category: Category, organ: Organ | None) -> str | None:
    """Why a lesion of a category cannot be in an organ; None where it can."""
    if category in NODAL and organ not in (None, Organ.LYMPH_NODE):
        return f"found {organ.value!r} with category {category.value!r}; a node is in 'lymph_node'"
    if category is Category.ORGAN_METASTASIS and organ is Organ.LYMPH_NODE:
        return (
            f"found 'lymph_node' with category {category.value!r}; a node is a 'regional_node' or "
            "an 'extraregional_node'"
        )
    return None


def member_of(kind: type[E], value: object, where: str) -> E:
    """The member of an enumeration with a value.

    Raises
    ------
    ProtocolError
        None has it; the text names the place, the value and the nearest right one.
    """
    values = [item.value for item in kind]
    if value in values:
        return kind(value)
    near = difflib.get_close_matches(str(value), values, n=1, cutoff=0.0)
    raise ProtocolError(
        f"{where}: {value!r} is not one of {', '.join(values)}; the nearest is {near[0]!r}"
    )

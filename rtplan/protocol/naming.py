"""Which structure an organ of a dose limit is: by its TG-263 name or a known synonym, whole names.

Two structures that both match are one too many: nothing is picked, the user is told.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from rtplan.errors import NamingError
from rtplan.geometry.contour import Structure
from rtplan.protocol.toml_table import Table, read_toml

SIDES = ("L", "R")


@dataclass(frozen=True, slots=True)
class Match:
    """A structure that is the organ asked for, and why: a sentence for the report."""

    structure: Structure
    how: str


def normalised(name: str) -> str:
    """A name as names are compared: NFKC, no case, no spaces or inner underscores.

    A leading underscore stays: TG-263 marks with it what is not for evaluation.

    >>> normalised("Spinal_Cord") == normalised("spinal cord"), normalised("_Heart")
    (True, '_heart')
    """
    text = unicodedata.normalize("NFKC", name)
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf")).strip()
    lead = "_" if text.startswith("_") else ""
    return lead + "".join(c for c in text.casefold() if not c.isspace() and c != "_")


def find(organ: str, structures: Iterable[Structure]) -> Match | None:
    """The structure that is an organ; None where none is.

    Parameters
    ----------
    organ : str
        TG-263 name, or the name that a limit file uses.
    structures : iterable of Structure
        Of one structure set. One without contours is passed over if another is drawn.

    Raises
    ------
    NamingError
        More than one structure matches; the text names them.
    """
    matches = [
        Match(item, how) for item in structures if (how := _how(organ, item.name)) is not None
    ]
    drawn = [match for match in matches if match.structure.closed]
    if len(matches) > 1 and len(drawn) == 1:
        others = ", ".join(_shown(m.structure) for m in matches if m is not drawn[0])
        return Match(drawn[0].structure, f"{drawn[0].how}; {others} has no contours")
    if len(matches) > 1:
        names = " or ".join(_shown(match.structure) for match in matches)
        raise NamingError(f"{organ} may be {names}; rename all but the one that is meant")
    return matches[0] if matches else None


def _how(organ: str, name: str) -> str | None:
    if name == organ:
        return "same name"
    plain = normalised(name)
    if plain == normalised(organ):
        return "same name but for letter case, spaces or underscores"
    alias = aliases().get(plain)
    if alias is not None and alias == organ:
        return f'"{name}" is a known synonym'
    return None


def _shown(structure: Structure) -> str:
    return f'"{structure.name}" (#{structure.number})'


@cache
def aliases() -> Mapping[str, str]:
    """Every known synonym, normalised, with the name of its organ.

    Raises
    ------
    ProtocolError
        The table is wrong, or a synonym stands for two organs.
    """
    file = Path(str(resources.files("rtplan.protocol"))) / "names.toml"
    return read_aliases(read_toml(file, name=file.name))


def read_aliases(root: Table) -> dict[str, str]:
    """The synonyms of a names file; ProtocolError where it is wrong."""
    root.choice("schema", ("rtplan/structure-names/1",), required=True)
    sides_table = root.table("sides", required=True) or root
    sides = {side: sides_table.texts(side) for side in SIDES}
    sides_table.done()
    found: dict[str, str] = {}
    for table in root.tables("structure"):
        name, words = table.need("name"), table.texts("aliases")
        sided = bool(table.flag("sided"))
        table.done()
        forms = [(word, name) for word in (name, *words)]
        if sided:
            forms += [pair for word in (name, *words) for pair in _sided(name, word, sides)]
        for form, organ in forms:
            if found.setdefault(normalised(form), organ) != organ:
                table.fail("aliases", f'"{form}" is also {found[normalised(form)]}')
    root.done()
    return found


def _sided(name: str, word: str, sides: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [
        (form, f"{name}_{side}")
        for side, marks in sides.items()
        for mark in marks
        for form in (f"{word}{mark}", f"{mark}{word}", f"{mark}.{word}", f"{word}({mark})")
    ]

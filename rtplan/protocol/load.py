"""Protocol files (TOML) found and read: definitions, dose limits, prescriptions.

Built-in files are found by id; a site's own file by its path. A file may extend another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import TypeAlias, TypeVar

from rtplan.errors import ProtocolError
from rtplan.protocol.dose_model import LimitSet, PrescriptionSet
from rtplan.protocol.extend import extended, slips
from rtplan.protocol.facts_file import load_facts
from rtplan.protocol.model import Definition, DefinitionKind
from rtplan.protocol.read_definition import read_definition
from rtplan.protocol.read_doses import read_limit_set, read_prescription_set
from rtplan.protocol.toml_table import Table, nearest, read_toml

__all__ = [
    "Entry",
    "Protocol",
    "ProtocolKind",
    "available",
    "built_in_ids",
    "load",
    "load_definition",
    "load_facts",
    "load_limits",
    "load_prescriptions",
    "slips_of_extension",
]

DEFINITION = "rtplan/definition/1"
LIMITS = "rtplan/limits/1"
PRESCRIPTIONS = "rtplan/prescriptions/1"
MOST_EXTENSIONS = 8
"""Files that extend one another in a row; more is a circle."""

Protocol: TypeAlias = Definition | LimitSet | PrescriptionSet
P = TypeVar("P", Definition, LimitSet, PrescriptionSet)


class ProtocolKind(StrEnum):
    """What a protocol file holds. A score is a definition: it gives a state."""

    DEFINITION = "definition"
    PATHWAY = "pathway"
    LIMITS = "limits"
    PRESCRIPTIONS = "prescriptions"

    @property
    def has_criteria(self) -> bool:
        """Whether it is evaluated on the lesions of a case."""
        return self in (ProtocolKind.DEFINITION, ProtocolKind.PATHWAY)


@dataclass(frozen=True, slots=True)
class Entry:
    """A built-in protocol: its id, what it holds, and its title."""

    id: str
    kind: ProtocolKind
    title: str


def available() -> tuple[Entry, ...]:
    """The built-in protocols: definitions, pathways, limits, prescriptions, each by id."""
    found = []
    for path in _built_in().values():
        root = read_toml(path, name=f"protocols/{path.name}")
        schema = root.choice("schema", _SCHEMAS, required=True) or ""
        kind = _SCHEMAS[schema].kind
        if root.text("kind") == DefinitionKind.PATHWAY.value:
            kind = ProtocolKind.PATHWAY
        found.append(Entry(root.need("id"), kind, root.need("title")))
    order = list(ProtocolKind)
    return tuple(sorted(found, key=lambda item: (order.index(item.kind), item.id)))


def built_in_ids() -> tuple[str, ...]:
    """The ids of the built-in protocols, without reading them."""
    return tuple(_built_in())


def load_definition(id_or_path: str) -> Definition:
    """A definition, score or pathway by id or path; ProtocolError where it is wrong or absent."""
    return _of_kind(load(id_or_path), Definition)


def load_limits(id_or_path: str) -> LimitSet:
    """A limit set by id or path; ProtocolError where it is wrong or absent."""
    return _of_kind(load(id_or_path), LimitSet)


def load_prescriptions(id_or_path: str) -> PrescriptionSet:
    """A set of prescriptions by id or path; ProtocolError where it is wrong or absent."""
    return _of_kind(load(id_or_path), PrescriptionSet)


def _of_kind(loaded: Protocol, kind: type[P]) -> P:
    if not isinstance(loaded, kind):
        raise ProtocolError(f'"{loaded.id}" is {_NOUNS[type(loaded)]}, not {_NOUNS[kind]}')
    return loaded


_NOUNS: dict[type[Protocol], str] = {
    Definition: "a definition",
    LimitSet: "a set of dose limits",
    PrescriptionSet: "a set of prescriptions",
}


def load(id_or_path: str) -> Protocol:
    """What a protocol file holds, by its id or path.

    Raises
    ------
    ProtocolError
        No such file or id (with the nearest), or a wrong key or value.

    Examples
    --------
    >>> load("omec-2023").title
    'OMEC: oligometastatic oesophagogastric cancer'
    """
    path, name = _found(id_or_path, folder=Path())
    return _read(*_root(path, name, MOST_EXTENSIONS))


def slips_of_extension(id_or_path: str) -> tuple[str, ...]:
    """What is likely a slip in how a file changes what it extends; none where it extends nothing.

    Raises
    ------
    ProtocolError
        As ``load``.
    """
    path, name = _found(id_or_path, folder=Path())
    root = read_toml(path, name=name)
    if "extends" not in root:
        return ()
    base, _ = _root(*_found(root.need("extends"), folder=path.parent), MOST_EXTENSIONS - 1)
    return slips(base.as_dict(), root.as_dict())


def _read(root: Table, extends: tuple[str, ...]) -> Protocol:
    schema = root.choice("schema", _SCHEMAS, required=True) or ""
    return _SCHEMAS[schema].read(root, extends=extends)


def _root(path: Path, name: str, left: int) -> tuple[Table, tuple[str, ...]]:
    """The root table of a file with what it extends in place, and what that is."""
    root = read_toml(path, name=name)
    if "extends" not in root:
        return root, ()
    what = root.need("extends")
    if left == 0:
        root.fail("extends", f'"{what}": files extend one another in a circle')
    base_root, further = _root(*_found(what, folder=path.parent), left - 1)
    base = _read(base_root, further)
    merged = extended(base_root.as_dict(), root.as_dict(), file=name)
    return merged, (f"{base.id}, version {base.version}", *further)


@dataclass(frozen=True, slots=True)
class _Schema:
    """One kind of protocol file, and what reads it."""

    kind: ProtocolKind
    read: Callable[..., Protocol]


_SCHEMAS = {
    DEFINITION: _Schema(ProtocolKind.DEFINITION, read_definition),
    LIMITS: _Schema(ProtocolKind.LIMITS, read_limit_set),
    PRESCRIPTIONS: _Schema(ProtocolKind.PRESCRIPTIONS, read_prescription_set),
}


def _built_in() -> dict[str, Path]:
    folder = resources.files("rtplan.protocols")
    files = sorted(Path(str(item)) for item in folder.iterdir() if item.name.endswith(".toml"))
    return {path.stem: path for path in files}


def _found(id_or_path: str, *, folder: Path) -> tuple[Path, str]:
    """The file of an id or path, and what messages call it."""
    if id_or_path.endswith(".toml") or "/" in id_or_path or "\\" in id_or_path:
        path = folder / id_or_path
        return path, path.name
    known = _built_in()
    if id_or_path not in known:
        near = nearest(id_or_path, known)
        hint = f'did you mean "{near}"? ' if near else ""
        raise ProtocolError(
            f'there is no protocol "{id_or_path}"; {hint}There are: '
            f"{', '.join(known)}; write a file of your own as a path to FILE.toml"
        )
    path = known[id_or_path]
    return path, f"protocols/{path.name}"

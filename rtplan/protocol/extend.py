"""A site's own file that extends another protocol: what it changes, without a copy of the rest.

``extends = "tg101"`` (an id, or a path beside the file) takes over every entry. An entry with the
id of one that is there replaces what it says of it; others are added; ``remove`` takes entries of
the other protocol out, so a whole entry of one's own under the same id stays. What is changed is no
longer what the source says: an entry that changes one names its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtplan.protocol.toml_table import Table, nearest

LISTS = (
    "source", "criterion", "arm", "condition", "pathway", "gap", "limit", "prescription",
)  # fmt: skip
"""Lists of entries with ids."""

CITED = ("criterion", "condition", "pathway", "limit", "prescription")
"""Lists whose entries have a source."""

WHOLE = ("tree", "score", "kind")
"""What cannot be changed in part."""

OF_THE_SOURCE = (
    "evidence",
    "source",
    "place",
    "conflict",
    "optimal",
    "working_number",
    "own_reading",
)
"""What an entry says on the word of its source; gone where the entry is changed."""


def extended(base: Mapping[str, Any], own: Mapping[str, Any], *, file: str) -> Table:
    """The root table of a file that extends another.

    Parameters
    ----------
    base, own : mapping
        Both as TOML gives them; ``base`` with its own extension already in place.
    file : str
        Name of the extending file for messages.

    Raises
    ------
    ProtocolError
        A changed entry without a source of its own, an id that is not there, or something that
        can only be changed as a whole.
    """
    root = Table(own, file=file)
    root.choice("schema", [str(base["schema"])], required=True)
    if root.need("id") == base["id"]:
        root.fail("id", f'"{base["id"]}" is the id of what it extends; give it one of its own')
    root.need("version")
    for key in WHOLE:
        if key in own:
            root.fail(key, "cannot be changed by a file that extends another; write a whole file")
    base = _without_removed(base, root)
    merged: dict[str, Any] = dict(base)
    for key, value in own.items():
        if key in LISTS:
            merged[key] = _entries(base.get(key, []), root, key)
        elif key in ("counting", "applies_to"):
            merged[key] = _table(base.get(key, {}), root, key)
        elif key == "notes":
            merged[key] = list(dict.fromkeys([*base.get(key, []), *root.texts("notes")]))
        elif key not in ("extends", "remove"):
            merged[key] = value
    return Table(merged, file=file, by_id=True)


def slips(base: Mapping[str, Any], own: Mapping[str, Any]) -> tuple[str, ...]:
    """What is valid in a file that extends another and still likely a slip: one sentence each."""
    found = []
    removed = own.get("remove", [])
    for key in LISTS:
        there = {item["id"]: item for item in base.get(key, []) if item["id"] not in removed}
        for item in own.get(key, []):
            old = there.get(item["id"], item)
            changed = "rule" in item and item["rule"] != old.get("rule")
            if changed and "text" in old and "text" not in item:
                found.append(
                    f'{key}["{item["id"]}"].text: the rule is changed, the text is still '
                    f"{old['text']!r}; write what the rule now asks"
                )
    known = {item["id"] for item in base.get("source", [])}
    found += [
        f'source["{item["id"]}"].id: the source is one of what the file extends: entries that were '
        "not changed would cite yours; give it an id of its own"
        for item in own.get("source", [])
        if item["id"] in known
    ]
    return tuple(found)


def _entries(base: list[Mapping[str, Any]], root: Table, key: str) -> list[dict[str, Any]]:
    """The entries of a list: those of the base, changed, then the new ones."""
    entries: dict[str, dict[str, Any]] = {str(item["id"]): dict(item) for item in base}
    inherited = set(entries)
    for table in root.tables(key):
        name = table.need("id")
        if name not in inherited:
            if name in entries:
                table.fail("id", f'"{name}" is used twice; give each its own')
            entries[name] = table.as_dict()
            continue
        inherited.discard(name)
        if key in CITED:
            _own_source(table, f'the {key} "{name}"')
        kept = {k: v for k, v in entries[name].items() if k not in OF_THE_SOURCE}
        if key == "source":
            kept = {}
        entries[name] = kept | table.as_dict()
    return list(entries.values())


def _table(base: Mapping[str, Any], root: Table, key: str) -> dict[str, Any]:
    table = root.table(key, required=True)
    if table is None:
        return dict(base)
    if key == "counting":
        _own_source(table, "the counting policy")
    dropped = OF_THE_SOURCE if key == "counting" else ()
    return {k: v for k, v in base.items() if k not in dropped} | table.as_dict()


def _own_source(table: Table, what: str) -> None:
    for key in ("evidence", "source"):
        if key not in table:
            table.fail(key, f"is missing; {what} is changed, so say on whose word")


def _without_removed(base: Mapping[str, Any], root: Table) -> dict[str, Any]:
    """The base without what ``remove`` names."""
    names = root.texts("remove")
    known = [str(item["id"]) for key in LISTS for item in base.get(key, [])]
    for index, name in enumerate(names):
        if name not in known:
            near = nearest(name, known)
            hint = f'; did you mean "{near}"?' if near else ""
            root.fail(f"remove[{index}]", f'"{name}" is not there{hint}')
    return {
        key: [item for item in value if item["id"] not in names] if key in LISTS else value
        for key, value in base.items()
    }

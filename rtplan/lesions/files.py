"""Lesions as JSON (``rtplan/lesions/1``), written from a reading and read back from a file.

A file may be written or edited by hand: it needs ``schema`` and, per lesion, ``id``, ``category``
and ``organ``. Its list is taken as complete; the count follows from it unless it is given.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from rtplan.errors import InputError, ProtocolError
from rtplan.findings import Finding, finding
from rtplan.lesions.edits import against_structures
from rtplan.lesions.model import (
    Category,
    Lesion,
    LesionCount,
    LesionReading,
    Organ,
    StructureRef,
    StructureUse,
)
from rtplan.lesions.override import NODAL, member_of, misplaced
from rtplan.lesions.places import KEYS as PLACE_KEYS
from rtplan.lesions.places import places_json, places_of, without_lost

SCHEMA = "rtplan/lesions/1"
MOST_LESIONS = 1000
_KEYS = (
    "id",
    "structures",
    "category",
    "organ",
    "laterality",
    "station",
    "centroid_mm",
    "volume_cc",
    "longest_diameter_mm",
    "short_axis_mm",
    "longest_3d_mm",
    *PLACE_KEYS,
    "reason",
    "findings",
)
_STATION = re.compile(r"^(LN_\w+|LN_Neck_[\w-]+|(AJCC8|JES):\w+)$")
T = TypeVar("T")


def as_json(reading: LesionReading) -> dict[str, object]:
    """The body of ``rtplan/lesions/1``: count, reason, lesions, structures.

    Findings stand at the top level of the document, beside this body.
    """
    count = reading.count
    return {
        "count": {"lower": count.lower, "best": count.best, "upper": count.upper},
        "reason": reading.reason,
        "lesions": [_lesion_json(lesion) for lesion in reading.lesions],
        "structures": [
            {
                "number": s.number,
                "name": s.name,
                "use": s.use,
                "evidence": list(s.evidence),
                "reason": s.reason,
            }
            for s in reading.structures
        ],
    }


def _lesion_json(lesion: Lesion) -> dict[str, object]:
    centroid = lesion.centroid_mm
    return {
        "id": lesion.id,
        "structures": [{"number": s.number, "name": s.name} for s in lesion.structures],
        "category": lesion.category.value,
        "organ": None if lesion.organ is None else lesion.organ.value,
        "laterality": lesion.laterality,
        "station": lesion.station,
        "centroid_mm": None if centroid is None else [_rounded(x, 2) for x in centroid],
        "volume_cc": _rounded(lesion.volume_cc, 4),
        "longest_diameter_mm": _rounded(lesion.longest_diameter_mm, 2),
        "short_axis_mm": _rounded(lesion.short_axis_mm, 2),
        "longest_3d_mm": _rounded(lesion.longest_3d_mm, 2),
        **places_json(lesion),
        "reason": lesion.reason,
        "findings": [item.as_json() for item in lesion.findings],
    }


def _rounded(value: float | None, digits: int) -> float | None:
    """Rounded for print; minus zero is zero."""
    return None if value is None else round(value, digits) + 0.0


def load_reading(path: str | Path) -> LesionReading:
    """Lesions from a file.

    Raises
    ------
    InputError
        The file cannot be read, is no JSON, or has a wrong value: file, key and value are named.
    """
    name = Path(path).name
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; name a lesions file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not text in UTF-8; save it as UTF-8") from error
    try:
        return from_json(json.loads(text, object_pairs_hook=partial(_keys_once, name)), name)
    except ValueError as error:  # not JSON, or more digits than Python converts
        raise InputError(f"{name}: not JSON: {error}") from error
    except RecursionError as error:
        raise InputError(f"{name}: nested too deep: {error}") from error


def _keys_once(name: str, pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of the file. JSON would take the last of two equal keys, and say nothing."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, number in Counter(key for key, _ in pairs).items() if number > 1)
        whose = f" of {found['id']!r}" if isinstance(found.get("id"), str) else ""
        raise InputError(f"{name}: the key {twice!r}{whose} stands twice; write it once")
    return found


def from_json(content: object, name: str) -> LesionReading:
    """Lesions from the content of a file; ``name`` is how to call it in errors (InputError)."""
    top = _object(content, name)
    if top.get("schema") != SCHEMA:
        raise InputError(f"{name}: schema: found {top.get('schema')!r}; expected {SCHEMA!r}")
    if "lesions" not in top:
        raise InputError(f"{name}: lesions is missing; write the list, [] if there is none")
    if top["lesions"] is None:
        raise InputError(f"{name}: lesions: found null; write the list, [] if there is none")
    notes = [_finding(f, f"{name}: findings[{i}]") for i, f in _items(top, "findings", name)]
    lesions = tuple(
        _lesion(item, f"{name}: lesions[{i}]", notes) for i, item in _items(top, "lesions", name)
    )
    _unique_ids(lesions, name)
    lesions = without_lost(lesions)
    structures = tuple(
        _use(item, f"{name}: structures[{i}]") for i, item in _items(top, "structures", name)
    )
    against = against_structures(lesions, structures, name)
    notes += [note for note in against if note not in notes]
    return LesionReading(
        count=_count(top, lesions, name, notes),
        lesions=lesions,
        structures=structures,
        findings=tuple(notes),
        reason=_text(top, "reason", name),
        from_path=False,
    )


def _object(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: found {_kind(value)}; expected an object {{...}}")
    return value


def _kind(value: object) -> str:
    return {list: "a list", dict: "an object", str: "a text", type(None): "null"}.get(
        type(value), repr(value)
    )


def _items(
    holder: Mapping[str, object], key: str, where: str
) -> list[tuple[int, Mapping[str, object]]]:
    value = holder.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InputError(f"{where}: {key}: found {_kind(value)}; expected a list [...]")
    return [(i, _object(item, f"{where}: {key}[{i}]")) for i, item in enumerate(value)]


def _lesion(item: Mapping[str, object], where: str, notes: list[Finding]) -> Lesion:
    for key in item.keys() - set(_KEYS):
        near = difflib.get_close_matches(key, _KEYS, n=1, cutoff=0.75)
        if near:
            raise InputError(f"{where}.{key}: no such key; the nearest is {near[0]!r}")
    if "site" in item:
        raise InputError(
            f"{where}.site: which lesions are one site stands in the facts file; write there "
            f"[[lesion]] with id = {json.dumps(item.get('id'))} and site"
        )
    for key in ("id", "category", "organ"):
        if key not in item:
            raise InputError(f"{where}.{key} is missing; a lesion needs id, category and organ")
    identity = _text(item, "id", where)
    if not identity:
        raise InputError(f"{where}.id: found {item['id']!r}; expected a text such as 'L1'")
    try:
        category = member_of(Category, item["category"], f"{where}.category")
        organ = None if item["organ"] is None else member_of(Organ, item["organ"], f"{where}.organ")
    except ProtocolError as error:
        raise InputError(str(error)) from error
    if problem := misplaced(category, organ):
        raise InputError(f"{where}.organ: {problem}")
    return Lesion(
        id=identity,
        category=category,
        organ=organ,
        structures=tuple(
            _reference(s, f"{where}.structures") for _, s in _items(item, "structures", where)
        ),
        laterality=_laterality(item, where),
        station=_station(item, category, organ, where, notes),
        centroid_mm=_centroid(item, where),
        volume_cc=_size(item, "volume_cc", where),
        longest_diameter_mm=_size(item, "longest_diameter_mm", where),
        short_axis_mm=_size(item, "short_axis_mm", where),
        longest_3d_mm=_size(item, "longest_3d_mm", where),
        **places_of(item, where),
        reason=_text(item, "reason", where) or "",
        findings=tuple(
            _finding(f, f"{where}.findings[{i}]") for i, f in _items(item, "findings", where)
        ),
    )


def _unique_ids(lesions: Sequence[Lesion], name: str) -> None:
    seen: set[str] = set()
    for index, lesion in enumerate(lesions):
        if lesion.id in seen:
            raise InputError(f"{name}: lesions[{index}].id: {lesion.id!r} is used twice")
        seen.add(lesion.id)


def _text(item: Mapping[str, object], key: str, where: str) -> str | None:
    value = item.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{where}.{key}: found {value!r}; expected a text")
    return value


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: found {value!r}; expected a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError(f"{where}: found {value!r}; expected a number")
    return number


def _whole(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{where}: found {value!r}; expected a whole number")
    return value


def _size(item: Mapping[str, object], key: str, where: str) -> float | None:
    if item.get(key) is None:
        return None
    value = _number(item[key], f"{where}.{key}")
    if value < 0:
        raise InputError(f"{where}.{key}: found {value!r}; expected a number of 0 or more")
    return value


def _centroid(item: Mapping[str, object], where: str) -> tuple[float, float, float] | None:
    value = item.get("centroid_mm")
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 3:
        raise InputError(f"{where}.centroid_mm: found {value!r}; expected [x, y, z]")
    x, y, z = (_number(v, f"{where}.centroid_mm") for v in value)
    return x, y, z


def _laterality(item: Mapping[str, object], where: str) -> str | None:
    value = _text(item, "laterality", where)
    if value not in (None, "left", "right", "bilateral", "midline"):
        raise InputError(f"{where}.laterality: found {value!r}; expected left, right or null")
    return value


def _station(
    item: Mapping[str, object],
    category: Category,
    organ: Organ | None,
    where: str,
    notes: list[Finding],
) -> str | None:
    value = _text(item, "station", where)
    if value is None:
        return None
    if category not in NODAL and organ is not Organ.LYMPH_NODE:
        raise InputError(f"{where}.station: {value!r} on a lesion that is no node; remove it")
    if _STATION.match(value):
        return value
    text = (
        f"{where}.station: {value!r} names no numbering system, so it is taken as unknown; "
        "write AJCC8:..., JES:... or a TG-263 name LN_..."
    )
    notes.append(finding("LES014", text))
    return None


def _reference(item: Mapping[str, object], where: str) -> StructureRef:
    number = _whole(item.get("number", 0), f"{where}.number")
    return StructureRef(number, _text(item, "name", where) or "")


def _use(item: Mapping[str, object], where: str) -> StructureUse:
    return StructureUse(
        number=_whole(item.get("number", 0), f"{where}.number"),
        name=_text(item, "name", where) or "",
        use=_text(item, "use", where) or "",
        reason=_text(item, "reason", where) or "",
        evidence=_evidence(item, where),
    )


def _evidence(item: Mapping[str, object], where: str) -> tuple[str, ...]:
    value = item.get("evidence")
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise InputError(f"{where}.evidence: found {value!r}; expected a list of texts")
    return tuple(value)


def _finding(item: Mapping[str, object], where: str) -> Finding:
    from rtplan.findings import Severity

    severity = item.get("severity", "info")
    place = _object(item.get("where") or {}, f"{where}.where")
    number = place.get("roi_number")
    if severity not in [s.value for s in Severity]:
        raise InputError(f"{where}.severity: found {severity!r}; expected info, warning or error")
    return Finding(
        code=_text(item, "code", where) or "",
        text=_text(item, "text", where) or "",
        severity=Severity(str(severity)),
        sop_instance_uid=_text(place, "sop_instance_uid", where),
        roi_number=None if number is None else _whole(number, f"{where}.roi_number"),
        path=_text(place, "path", where),
    )


def _count(
    top: Mapping[str, object], lesions: Sequence[Lesion], name: str, notes: list[Finding]
) -> LesionCount:
    """The stated count if it fits the list, else the list's."""
    listed = sum(lesion.category.counts for lesion in lesions)
    derived = LesionCount(listed, listed, listed)
    if top.get("count") is None:
        return derived
    stated = _object(top["count"], f"{name}: count")
    values = []
    for key in ("lower", "best", "upper"):
        value = stated.get(key)
        values.append(None if value is None else _whole(value, f"{name}: count.{key}"))
        if (values[-1] or 0) > MOST_LESIONS:
            raise InputError(f"{name}: count.{key}: found {value}; write at most {MOST_LESIONS}")
    lower, best, upper = values
    if lower is None and best is None and upper is None and not lesions:
        return LesionCount(None, None, None)
    fits = lower is not None and best == listed and upper is not None and lower <= best <= upper
    if fits and lower is not None and lower >= 0:
        return LesionCount(lower, best, upper)
    text = f"{name}: count says {lower}, {best}, {upper}; the list has {listed} that count"
    notes.append(finding("LES017", f"{text}; the list is taken"))
    return derived

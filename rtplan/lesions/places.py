"""Where a lesion lies, as JSON: its bounds, its neighbours, and how far it is from organs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rtplan.errors import InputError
from rtplan.lesions.distances import NEIGHBOUR_MM
from rtplan.lesions.measures import below_size_mm
from rtplan.lesions.model import Lesion

KEYS = ("bounds_mm", "below_size_threshold_mm", "neighbours", "distances_mm")
_LARGEST = 1e9


def places_json(lesion: Lesion) -> dict[str, object]:
    """The keys ``KEYS`` of a lesion in ``rtplan/lesions/1``."""
    below, bounds = below_size_mm(lesion), lesion.bounds_mm
    return {
        "bounds_mm": None if bounds is None else [[_rounded(x) for x in end] for end in bounds],
        "below_size_threshold_mm": None if below is None else list(below),
        "neighbours": None
        if lesion.neighbours is None
        else [
            {"id": id_, "distance_mm": _rounded(mm), "within_5_cm": mm <= NEIGHBOUR_MM}
            for id_, mm in lesion.neighbours
        ],
        "distances_mm": {
            name: None if mm is None else _rounded(mm) for name, mm in lesion.distances_mm
        },
    }


def places_of(item: Mapping[str, object], where: str) -> dict[str, Any]:
    """What ``places_json`` wrote, as fields of a lesion; what follows from others is not read.

    Raises
    ------
    InputError
        A value of a wrong kind; ``where`` is the lesion's place in the file.
    """
    distances = _object(item.get("distances_mm") or {}, f"{where}.distances_mm")
    return {
        "bounds_mm": _bounds(item.get("bounds_mm"), f"{where}.bounds_mm"),
        "neighbours": _neighbours(item.get("neighbours"), f"{where}.neighbours"),
        "distances_mm": tuple(
            (name, None if value is None else _distance(value, f"{where}.distances_mm.{name}"))
            for name, value in distances.items()
        ),
    }


def without_lost(lesions: Sequence[Lesion]) -> tuple[Lesion, ...]:
    """Lesions without neighbours that the list does not hold; of the last one, none is known."""
    ids = {lesion.id for lesion in lesions}
    return tuple(
        replace(
            lesion, neighbours=tuple(near for near in lesion.neighbours if near[0] in ids) or None
        )
        if lesion.neighbours
        else lesion
        for lesion in lesions
    )


def _rounded(value: float) -> float:
    """Rounded for print; minus zero is zero."""
    return round(value, 2) + 0.0


def _bounds(value: object, where: str) -> tuple[tuple[float, ...], ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or [_length(end) for end in value] != [3, 3]:
        raise InputError(f"{where}: found {value!r}; expected [[x, y, z], [x, y, z]]")
    return tuple(tuple(_number(x, where) for x in end) for end in value)


def _length(value: object) -> int | None:
    return len(value) if isinstance(value, list) else None


def _neighbours(value: object, where: str) -> tuple[tuple[str, float], ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise InputError(f"{where}: found {value!r}; expected a list [...]")
    found = []
    for index, entry in enumerate(value):
        here = f"{where}[{index}]"
        item = _object(entry, here)
        identity = item.get("id")
        if not isinstance(identity, str):
            raise InputError(f"{here}.id: found {identity!r}; expected a text such as 'L1'")
        found.append((identity, _distance(item.get("distance_mm"), f"{here}.distance_mm")))
    return tuple(found)


def _object(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: found {value!r}; expected an object {{...}}")
    return value


def _distance(value: object, where: str) -> float:
    number = _number(value, where)
    if number < 0:
        raise InputError(f"{where}: found {value!r}; expected a number of 0 or more")
    return number


def _number(value: object, where: str) -> float:
    # Not "beyond": NaN is not within either.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
        raise InputError(f"{where}: found {value!r}; expected a number")
    return float(value)

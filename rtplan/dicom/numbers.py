"""Decimal strings (VR DS, PS3.5 6.2) parsed from their bytes, many at once, exact to ``float``."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtplan.errors import DicomError
from rtplan.geometry.grid import FloatArray

_DECIMAL = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_COMMA_DECIMAL = re.compile(rb"[+-]?\d+(?:,\d+)?(?:[eE][+-]?\d+)?")
_SEPARATOR = b"\\"
_PADDING = b" \0"
_SHOWN = 24


@dataclass(frozen=True, slots=True, eq=False)
class Decimals:
    """The numbers of one value field, or the problem that keeps them from being read.

    ``repaired`` names what was mended on the way: a trailing separator, decimal commas.
    """

    values: FloatArray
    problem: str | None = None
    trailing_separator: bool = False
    decimal_commas: bool = False


def parse_decimals(value: bytes) -> FloatArray:
    """The numbers of one value field.

    Raises
    ------
    DicomError
        A component is not a finite decimal number.

    Examples
    --------
    >>> parse_decimals(b"1.5\\\\-2 ").tolist()
    [1.5, -2.0]
    """
    result = _parse_one(value)
    if result.problem:
        raise DicomError(result.problem)
    return result.values


def parse_many(fields: Sequence[bytes]) -> tuple[Decimals, ...]:
    """The numbers of many value fields, in one pass where all are clean.

    Every number equals ``float`` of its text. Each field keeps its own problem: a field that
    cannot be read does not touch the others.
    """
    stripped = [field.strip(_PADDING) for field in fields]
    sizes = [field.count(_SEPARATOR) + 1 if field else 0 for field in stripped]
    values = _parse_clean(_SEPARATOR.join(field for field in stripped if field), sum(sizes))
    if values is None:
        return tuple(_parse_one(field) for field in fields)
    bounds = np.cumsum([0, *sizes])
    return tuple(
        Decimals(values[low:high])
        for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    )


def _parse_clean(joined: bytes, expected: int) -> FloatArray | None:
    """All numbers of a clean text, or None where anything in it is not a plain number."""
    if not joined:
        return np.empty(0) if expected == 0 else None
    if joined.translate(None, b"0123456789+-.eE\\ "):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            values = np.fromstring(joined.decode("ascii"), dtype=np.float64, sep=" \\ ")
    except (DeprecationWarning, ValueError):
        return None
    if values.size != expected or not np.isfinite(values).all():
        return None
    return values


def _parse_one(field: bytes) -> Decimals:
    """One field, looked at component by component where it is not clean."""
    text = field.strip(_PADDING)
    empty: FloatArray = np.empty(0)
    if not text:
        return Decimals(empty)
    trailing = text.endswith(_SEPARATOR)
    if trailing:
        text = text[:-1].rstrip(_PADDING)
    values = _parse_clean(text, text.count(_SEPARATOR) + 1)
    if values is not None:
        return Decimals(values, trailing_separator=trailing)
    parts = [part.strip(_PADDING) for part in text.split(_SEPARATOR)]
    commas = b"," in text and b"." not in text
    if commas and all(_COMMA_DECIMAL.fullmatch(part) for part in parts):
        numbers = np.array([float(part.replace(b",", b".")) for part in parts])
        return Decimals(numbers, trailing_separator=trailing, decimal_commas=True)
    for index, part in enumerate(parts, start=1):
        if not _DECIMAL.fullmatch(part):
            shown = part[:_SHOWN].decode("ascii", "replace")
            return Decimals(
                empty, f"value {index} of {len(parts)} is not a decimal number: {shown!r}"
            )
    numbers = np.array([float(part) for part in parts])
    if not np.isfinite(numbers).all():
        index = int(np.flatnonzero(~np.isfinite(numbers))[0]) + 1
        return Decimals(empty, f"value {index} of {len(parts)} is not finite")
    return Decimals(numbers, trailing_separator=trailing)

"""Decimal strings (VR DS, PS3.5 6.2) parsed from their bytes, many at once, exact to ``float``."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rtplan.errors import DicomError
from rtplan.geometry.grid import FloatArray

_DECIMAL = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_COMMA_DECIMAL = re.compile(rb"[+-]?\d+(?:,\d+)?(?:[eE][+-]?\d+)?")
_SEPARATOR = b"\\"
_PADDING = b" \0"
_SHOWN = 24
_LIKE_A_NUMBER = re.compile(r"[-+.,\d eE]+|[-+]?(?:nan|inf|infinity)", re.IGNORECASE)

_CHUNK_BYTES = 1 << 18
_FEW_BYTES = 128
_WORD = 8
_MOST_DIGITS = 15  # every whole number of so many digits is a float
_TENS = np.array([float(10**n) for n in range(_MOST_DIGITS + 1)])
_KEPT = np.array([(0x0F0F0F0F0F0F0F0F << 8 * (8 - n)) % 2**64 for n in range(9)], dtype=np.uint64)
_JOINS = tuple(
    (np.uint64(10**n * 2 ** (8 * n) + 1), np.uint64(8 * n), np.uint64(mask))
    for n, mask in ((1, 0x00FF00FF00FF00FF), (2, 0x0000FFFF0000FFFF), (4, 0x00000000FFFFFFFF))
)


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
    found: list[Decimals] = []
    for chunk in _chunks(fields):
        stripped = [field.strip(_PADDING) for field in chunk]
        sizes = [field.count(_SEPARATOR) + 1 if field else 0 for field in stripped]
        values = _parse_clean(_SEPARATOR.join(field for field in stripped if field), sum(sizes))
        if values is None:
            found += [_parse_one(field) for field in chunk]
            continue
        bounds = np.cumsum([0, *sizes]).tolist()
        found += [Decimals(values[low:high]) for low, high in pairwise(bounds)]
    return tuple(found)


def _chunks(fields: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Fields in groups of about ``_CHUNK_BYTES``, so that the work stays in the cache."""
    first, size = 0, 0
    for index, field in enumerate(fields):
        size += len(field)
        if size > _CHUNK_BYTES:
            yield fields[first : index + 1]
            first, size = index + 1, 0
    yield fields[first:]


def _parse_clean(joined: bytes, expected: int) -> FloatArray | None:
    """All numbers of a clean text, or None where anything in it is not a plain number."""
    if not joined:
        return np.empty(0) if expected == 0 else None
    values = _parse_plain(joined)
    if values is not None:
        return values if values.size == expected else None
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


def _parse_plain(joined: bytes) -> FloatArray | None:
    """All numbers of a text of signs, digits and points alone, or None where it holds others.

    A number of at most 15 digits is a whole number over a power of ten. Both are floats, so
    one division rounds as ``float`` does (W. D. Clinger, PLDI 1990, doi 10.1145/93542.93557).
    """
    # Room before the first number, so that eight bytes can be read before any end.
    text = np.frombuffer(b"\\" * _WORD + joined + b"\\", dtype=np.uint8)
    breaks = np.flatnonzero(text == ord("\\"))[_WORD - 1 :]
    start, end = breaks[:-1] + 1, breaks[1:]
    first = text[start]
    negative = first == ord("-")
    signed = negative | (first == ord("+"))
    point, points = _points(text, start, end)
    if point is None:
        return None
    digits = np.count_nonzero((text - ord("0")) <= 9)  # bytes below "0" wrap to large ones
    if digits + breaks.size + _WORD - 1 + points + np.count_nonzero(signed) != text.size:
        return None
    whole, part = point - start - signed, np.maximum(end - point - 1, 0)
    count = whole + part
    if count.min() < 1 or count.max() > _MOST_DIGITS or whole.max() > _WORD:
        return None
    words = np.ndarray(text.size - _WORD + 1, dtype="<u8", buffer=text, strides=(1,))
    number = _digits_before(words, point, whole)
    low = _digits_before(words, end, np.minimum(part, _WORD))
    if part.max() > _WORD:
        high = np.maximum(part - _WORD, 0)
        low += _digits_before(words, np.maximum(end - _WORD, _WORD), high) * _TENS[_WORD]
    number *= _TENS[part]
    number += low
    number /= _TENS[part]
    return np.asarray(np.negative(number, out=number, where=negative), dtype=np.float64)


def _points(
    text: NDArray[np.uint8], start: NDArray[np.intp], end: NDArray[np.intp]
) -> tuple[NDArray[np.intp] | None, int]:
    """Where each number's decimal point is, or its end; None where one has two. How many."""
    points = np.flatnonzero(text == ord("."))
    if points.size == end.size:
        each = bool(((points >= start) & (points < end)).all())
        return (points if each else None), points.size
    place = end.copy()
    owner = np.searchsorted(end, points)
    place[owner] = points
    return (place if np.unique(owner).size == owner.size else None), points.size


def _digits_before(
    words: NDArray[np.uint64], end: NDArray[np.intp], count: NDArray[np.intp]
) -> FloatArray:
    """The whole number that ``count`` (0 to 8) digits before ``end`` spell, as a float.

    The eight bytes are one word, its first byte lowest: pairs of digits, then of pairs, then of
    fours are each joined by one multiplication for all eight.
    """
    word = words[end - _WORD] & _KEPT[count]
    for times, bits, mask in _JOINS:
        word *= times
        word >>= bits
        word &= mask
    return word.astype(np.float64)


def _parse_one(field: bytes) -> Decimals:
    """One field, looked at component by component where it is not clean."""
    text = field.strip(_PADDING)
    empty: FloatArray = np.empty(0)
    if not text:
        return Decimals(empty)
    trailing = text.endswith(_SEPARATOR)
    if trailing:
        text = text[:-1].rstrip(_PADDING)
    # For a few numbers the one pass takes longer than looking at each.
    is_long = len(text) > _FEW_BYTES
    values = _parse_clean(text, text.count(_SEPARATOR) + 1) if is_long else None
    if values is not None:
        return Decimals(values, trailing_separator=trailing)
    parts = [part.strip(_PADDING) for part in text.split(_SEPARATOR)]
    commas = b"," in text and b"." not in text
    if commas and all(_COMMA_DECIMAL.fullmatch(part) for part in parts):
        numbers = np.array([float(part.replace(b",", b".")) for part in parts])
        return Decimals(numbers, trailing_separator=trailing, decimal_commas=True)
    for index, part in enumerate(parts, start=1):
        if not _DECIMAL.fullmatch(part):
            text_of = shown_number(part.decode("latin-1"))
            return Decimals(
                empty, f"value {index} of {len(parts)} is not a decimal number{text_of}"
            )
    numbers = np.array([float(part) for part in parts])
    if not np.isfinite(numbers).all():
        index = int(np.flatnonzero(~np.isfinite(numbers))[0]) + 1
        return Decimals(empty, f"value {index} of {len(parts)} is not finite")
    return Decimals(numbers, trailing_separator=trailing)


def shown_number(text: str) -> str:
    """The end of a message: what stands where a number should, if it looks like one.

    Anything else may be another element's value, a name among them, and is not repeated.

    >>> shown_number("1.2.3"), shown_number("DOE^JANE")
    (": '1.2.3'", '')
    """
    return f": {text[:_SHOWN]!r}" if _LIKE_A_NUMBER.fullmatch(text) else ""

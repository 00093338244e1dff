"""The encoding of a DICOM file, walked header by header to see whether the file is whole.

A parser that is lenient reads a file that was cut off as if it ended there, and a structure set
loses contours in silence. So the lengths of all elements, items and sequences are followed here
to the end of the file, without reading a value (PS3.5 chapter 7).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache

from rtplan.dicom.limits import MIB, allowed
from rtplan.errors import DicomError

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
DEFLATED_DATASET = "1.2.840.10008.1.2.1.99"

_PIECE_BYTES = 1 << 18
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXEL_DATA = 0x7FE00010
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN"}) | {
    b"UR",
    b"UT",
    b"UV",
}


class Whole(Enum):
    """Whether the lengths in a file agree with its bytes."""

    YES = "whole"
    CUT_OFF = "cut off"
    CONTRADICTORY = "contradictory"


@dataclass(frozen=True, slots=True)
class Extent:
    """The outcome of a walk: where it stopped (byte), and why if that is not the end.

    Zero bytes that follow a whole data set are padding: they lie beyond ``end``. ``disorder``
    names the first element that comes after one of a higher tag (PS3.5 7.1).
    """

    whole: Whole
    end: int
    text: str = ""
    disorder: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """What the beginning of a file says: identity, and how the data set is encoded."""

    offset: int
    transfer_syntax_uid: str | None
    sop_class_uid: str | None
    sop_instance_uid: str | None
    has_preamble: bool


@dataclass(frozen=True, slots=True)
class _Header:
    tag: int
    vr: bytes
    length: int
    value: int


@dataclass(slots=True)
class _Level:
    """An open container: ``end`` is None where its length is undefined, ``bound`` where it must
    end at the latest, ``last`` the tag of its last element."""

    kind: str
    end: int | None
    bound: int
    explicit: bool
    big: bool
    tag: int
    last: int = -1
    disorder: str = ""


class _StopError(Exception):
    def __init__(self, whole: Whole, text: str) -> None:
        super().__init__(text)
        self.whole = whole
        self.text = text


def looks_like_dicom(head: bytes) -> bool:
    """Whether a file that begins with ``head`` (132 bytes or more) is worth parsing.

    Either the preamble's mark, or a first element of group 0002 or 0008 (PS3.10 files without
    preamble, as some systems store them).
    """
    if head[128:132] == b"DICM":
        return True
    if len(head) < 16:
        return False
    group = struct.unpack_from("<H", head)[0]
    if group == 0x0800:
        return head[4:6].isalpha() and head[4:6].isupper()
    if group not in (0x0002, 0x0008) or head[3] != 0:
        return False
    if head[4:6].isalpha() and head[4:6].isupper():
        return True
    return int(struct.unpack_from("<I", head, 4)[0]) < 1024


def read_start(head: bytes) -> Start:
    """Identity and encoding from the first bytes of a file; never raises on bad bytes."""
    has_preamble = head[128:132] == b"DICM"
    position = 132 if has_preamble else 0
    meta: dict[int, str] = {}
    try:
        while head[position : position + 2] == b"\x02\x00":
            header = _header(head, position, len(head), explicit=True, big=False)
            if header.length > len(head):
                break
            meta[header.tag] = _uid(head[header.value : header.value + header.length])
            position = header.value + header.length
    except _StopError:
        pass
    syntax = meta.get(0x00020010) or None
    identity = {} if syntax == DEFLATED_DATASET else dict(_identity(head, position, syntax))
    return Start(
        offset=position,
        transfer_syntax_uid=syntax,
        sop_class_uid=identity.get(0x00080016) or meta.get(0x00020002) or None,
        sop_instance_uid=identity.get(0x00080018) or meta.get(0x00020003) or None,
        has_preamble=has_preamble,
    )


def inflate(data: bytes, offset: int) -> bytes:
    """The deflated data set after ``offset``, inflated within the limit ``deflated_mib``.

    It is inflated twice: the first time only counted, so that a bomb takes no memory.

    Raises
    ------
    DicomError
        It inflates to more, or is not deflated data.
    """
    size, most = 0, allowed().deflated_mib
    for part in _inflated(data, offset):
        size += len(part)
        if size > most * MIB:
            raise DicomError(
                f"the deflated data set holds more than {most} MiB (--limit deflated_mib)"
            )
    plain = bytearray()
    for part in _inflated(data, offset):
        plain += part
    return bytes(plain)


def _inflated(data: bytes, offset: int) -> Iterator[bytes]:
    """The inflated bytes, a piece at a time."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for start in range(offset, len(data), _PIECE_BYTES):
        waiting = data[start : start + _PIECE_BYTES]
        while waiting and not inflater.eof:  # behind the end there may be padding (PS3.5 A.5)
            try:
                yield inflater.decompress(waiting, _PIECE_BYTES)
            except zlib.error:
                raise DicomError("the deflated data set is damaged") from None
            waiting = inflater.unconsumed_tail
        if inflater.eof:
            return
    yield inflater.flush()  # what the last full piece left behind, a few kB at most
    if not inflater.eof:
        raise DicomError("the deflated data set is cut off")


def check_extent(data: bytes, *, offset: int, transfer_syntax_uid: str | None) -> Extent:
    """Follow every length from ``offset`` to the end of ``data``.

    Parameters
    ----------
    data : bytes
        A whole file, or an inflated data set (then ``offset`` is 0).
    offset : int
        Where the data set begins, after the file meta information.
    transfer_syntax_uid : str or None
        None where the file does not say; the encoding is then seen from the first element.

    Raises
    ------
    DicomError
        There are more elements, items and fragments than the limit ``elements``.
    """
    if offset >= len(data):
        return Extent(Whole.CUT_OFF, len(data), "nothing follows the file meta information")
    big = transfer_syntax_uid == EXPLICIT_BE
    explicit = _is_explicit(data, offset)
    top = _Level("dataset", len(data), len(data), explicit, big, 0)
    return _walk(data, offset, top)


def pixel_data_is_whole(
    stream_tail: bytes, remaining: int, *, explicit: bool, big: bool = False
) -> bool:
    """Whether the pixel data element that starts with ``stream_tail`` (12 bytes) fits the file.

    ``remaining`` counts the bytes from the element's first to the end of the file.
    """
    try:
        header = _header(stream_tail, 0, len(stream_tail), explicit=explicit, big=big)
    except _StopError:
        return False
    return header.length == _UNDEFINED or header.value + header.length <= remaining


def _uid(value: bytes) -> str:
    return value.rstrip(b"\0 ").decode("ascii", "replace")


def _identity(head: bytes, position: int, syntax: str | None) -> Iterator[tuple[int, str]]:
    """SOP Class UID and SOP Instance UID among the first elements of a data set."""
    explicit = _is_explicit(head, position)
    big = syntax == EXPLICIT_BE
    try:
        while True:
            header = _header(head, position, len(head), explicit=explicit, big=big)
            if header.tag > 0x00080018 or header.length == _UNDEFINED:
                return
            if header.tag in (0x00080016, 0x00080018):
                yield header.tag, _uid(head[header.value : header.value + header.length])
            position = header.value + header.length
    except _StopError:
        return


def _is_explicit(data: bytes, position: int) -> bool:
    vr = data[position + 4 : position + 6]
    return len(vr) == 2 and vr.isalpha() and vr.isupper()


def _header(data: bytes, position: int, bound: int, *, explicit: bool, big: bool) -> _Header:
    if position + 8 > bound:
        raise _StopError(_why(data, bound), f"an element header at byte {position}")
    group, element = struct.unpack_from(">HH" if big else "<HH", data, position)
    tag = (group << 16) | element
    if not explicit or group == 0xFFFE:
        length = struct.unpack_from(">I" if big else "<I", data, position + 4)[0]
        return _Header(tag, b"", length, position + 8)
    vr = bytes(data[position + 4 : position + 6])
    if vr not in _LONG_VRS:
        if not (vr.isalpha() and vr.isupper()):
            raise _StopError(Whole.CONTRADICTORY, f"no value representation at byte {position}")
        length = struct.unpack_from(">H" if big else "<H", data, position + 6)[0]
        return _Header(tag, vr, length, position + 8)
    if position + 12 > bound:
        raise _StopError(_why(data, bound), f"an element header at byte {position}")
    length = struct.unpack_from(">I" if big else "<I", data, position + 8)[0]
    return _Header(tag, vr, length, position + 12)


def _why(data: bytes, bound: int) -> Whole:
    """A container that ends too early: with the file it is cut off, else it contradicts itself."""
    return Whole.CUT_OFF if bound >= len(data) else Whole.CONTRADICTORY


def _walk(data: bytes, position: int, top: _Level) -> Extent:
    stack = [top]
    steps, most = 0, allowed()
    try:
        while stack:
            steps += 1
            if steps > most.elements:
                raise DicomError(f"it holds more than {most.elements} elements (--limit elements)")
            level = stack[-1]
            if level.end is not None and position >= level.end:
                stack.pop()
                continue
            if level is top and not any(data[position : position + 8]):
                if len(data.rstrip(b"\0")) > position:
                    raise _StopError(Whole.CONTRADICTORY, f"no element at byte {position}")
                break
            step = _element if level.kind == "dataset" else _item
            position = step(data, position, stack)
            if len(stack) > 2 * most.nesting:
                raise _StopError(
                    Whole.CONTRADICTORY,
                    f"sequences nested deeper than {most.nesting} levels (--limit nesting)",
                )
    except _StopError as stop:
        return Extent(stop.whole, position, stop.text)
    return Extent(Whole.YES, position, disorder=top.disorder)


def _element(data: bytes, position: int, stack: list[_Level]) -> int:
    """Step over one element, or into it if it is a sequence."""
    level = stack[-1]
    header = _header(data, position, level.bound, explicit=level.explicit, big=level.big)
    if header.tag == _ITEM_END and level.end is None:
        stack.pop()
        return header.value
    if header.tag >> 16 == 0xFFFE:
        raise _StopError(Whole.CONTRADICTORY, f"a stray delimiter at byte {position}")
    if header.tag <= level.last:
        _note_order(header.tag, position, level, stack[0])
    level.last = header.tag
    if header.length == _UNDEFINED:
        stack.append(_undefined(header, level))
        return header.value
    end = header.value + header.length
    if end > level.bound:
        raise _StopError(
            Whole.CUT_OFF if end > len(data) else Whole.CONTRADICTORY,
            f"{_shown(header.tag)} at byte {position} declares "
            f"{header.length} bytes, {level.bound - header.value} are there",
        )
    is_sequence = header.vr == b"SQ" or (not level.explicit and header.tag in _sequence_tags())
    if is_sequence and header.length:
        stack.append(_Level("sequence", end, end, level.explicit, level.big, header.tag))
        return header.value
    return end


def _note_order(tag: int, position: int, level: _Level, top: _Level) -> None:
    """An element twice in a row leaves open which one holds; a lower tag is only noted."""
    if tag == level.last:
        raise _StopError(Whole.CONTRADICTORY, f"{_shown(tag)} at byte {position} is there twice")
    top.disorder = top.disorder or f"{_shown(tag)} comes after {_shown(level.last)}"


def _shown(tag: int) -> str:
    """A tag with the name that the standard gives it."""
    from pydicom.datadict import dictionary_description, dictionary_has_tag

    name = f"{dictionary_description(tag)} " if dictionary_has_tag(tag) else ""
    return f"{name}({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _undefined(header: _Header, level: _Level) -> _Level:
    """The container that an element of undefined length opens (PS3.5 7.5, 6.2.2, A.4)."""
    if header.tag == _PIXEL_DATA or header.vr in (b"OB", b"OW"):
        return _Level("fragments", None, level.bound, level.explicit, level.big, header.tag)
    explicit = level.explicit and header.vr != b"UN"
    return _Level("sequence", None, level.bound, explicit, level.big, header.tag)


def _item(data: bytes, position: int, stack: list[_Level]) -> int:
    """Step into one item of a sequence, or over one fragment of encapsulated pixel data."""
    level = stack[-1]
    header = _header(data, position, level.bound, explicit=False, big=level.big)
    if header.tag == _SEQUENCE_END and level.end is None:
        stack.pop()
        return header.value
    if header.tag != _ITEM:
        raise _StopError(Whole.CONTRADICTORY, f"no item at byte {position} of a sequence")
    undefined = header.length == _UNDEFINED
    end = level.bound if undefined else header.value + header.length
    if end > level.bound:
        raise _StopError(
            Whole.CUT_OFF if end > len(data) else Whole.CONTRADICTORY,
            f"an item at byte {position} declares {header.length} bytes, "
            f"{level.bound - header.value} are there",
        )
    if level.kind == "fragments":
        if undefined:
            raise _StopError(Whole.CONTRADICTORY, f"a fragment without length at byte {position}")
        return end
    explicit = level.explicit and (header.length == 0 or _item_is_explicit(data, header.value))
    stack.append(
        _Level("dataset", None if undefined else end, end, explicit, level.big, header.tag)
    )
    return header.value


def _item_is_explicit(data: bytes, position: int) -> bool:
    """Some writers put implicit items into explicit files; an end delimiter says nothing."""
    return data[position + 4 : position + 8] == b"\0\0\0\0" or _is_explicit(data, position)


@cache
def _sequence_tags() -> frozenset[int]:
    """Tags that the data dictionary gives VR SQ."""
    from pydicom._dicom_dict import DicomDictionary

    return frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")

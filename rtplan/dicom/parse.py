"""One DICOM object from bytes: parsed once, checked to its end, its values read strictly.

Whatever a parser raises becomes a ``DicomError`` here; no other module meets a parser's exception
types. Values are read from their stored bytes, so that a value that is not what its representation
promises is an error with its name, and never a warning on the console.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, BinaryIO

from rtplan.case import Input
from rtplan.dicom import encoding
from rtplan.dicom.numbers import parse_decimals, shown_number
from rtplan.dicom.text import TextDecoder, clean
from rtplan.errors import DicomError, RtplanError
from rtplan.findings import Finding, finding

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

NO_PATIENT = "patient-unknown"
"""Key of objects that carry no patient ID and no name."""

LARGE_BYTES = 1 << 20
"""A value of more than so many bytes is not read with the data set, but when it is needed."""
_BEYOND_BYTES = 1 << 20
"""Of a damaged file, so much beyond the damage is still parsed, to tell what it holds."""

_MOST_CODES = 1 << 12
_MOST_DECIMALS = 1 << 20
"""Characters of a list of codes, and of a list of numbers other than coordinates and DVHs."""

_CODE = re.compile(r"[A-Z0-9_ ]{0,16}")
_INTEGER = re.compile(r"[+-]?\d+(?:\.0*)?")
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """A DICOM object, parsed.

    ``problem`` is set where the file is cut off or contradicts itself: no number may come from it
    then. ``patient`` is a key made from the patient's ID, for use inside only.
    """

    dataset: Dataset
    input: Input
    sop_class_uid: str
    transfer_syntax_uid: str | None
    patient: str
    text: TextDecoder
    problem: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def uid(self) -> str:
        """SOP Instance UID."""
        return self.input.sop_instance_uid


def parse(data: bytes, *, modality: str, codec: str | None = None) -> Parsed:
    """Parse the bytes of one file.

    Parameters
    ----------
    data : bytes
        The whole file.
    modality : str
        What it is, for ``Input``.
    codec : str, optional
        Python codec of text whose character set is not declared.

    Raises
    ------
    DicomError
        It cannot be parsed, or has no SOP Class or SOP Instance UID.
    """
    start = encoding.read_start(data)
    plain, extent = _extent(data, start)
    is_whole = extent.whole is encoding.Whole.YES
    dataset = read_dataset(plain, end=extent.end + (0 if is_whole else _BEYOND_BYTES))
    sop_class, sop_instance = uid(dataset, "SOPClassUID"), uid(dataset, "SOPInstanceUID")
    if not sop_class or not sop_instance:
        raise DicomError("it has no SOP Class UID or no SOP Instance UID")
    findings = []
    problem = None
    if not is_whole:
        code, problem = _extent_problem(extent)
        findings.append(finding(code, problem, sop_instance_uid=sop_instance))
    if extent.disorder:
        findings.append(finding("FIL015", extent.disorder, sop_instance_uid=sop_instance))
    if not start.has_preamble or start.transfer_syntax_uid is None:
        findings.append(
            finding("FIL013", "no preamble or transfer syntax", sop_instance_uid=sop_instance)
        )
    return Parsed(
        dataset=dataset,
        input=Input(sop_instance, hashlib.sha256(data).hexdigest(), modality),
        sop_class_uid=sop_class,
        transfer_syntax_uid=start.transfer_syntax_uid,
        patient=patient_key(dataset),
        text=TextDecoder(codes(dataset, "SpecificCharacterSet"), codec),
        problem=problem,
        findings=tuple(findings),
    )


def read_dataset(data: bytes, *, end: int) -> Dataset:
    """The data set in the first ``end`` bytes; DicomError for whatever the parser raises.

    Values above ``LARGE_BYTES`` are read when they are asked for: until then they are no copy.
    """
    return _read(io.BytesIO(data if end >= len(data) else data[:end]))


def read_open(stream: BinaryIO) -> Dataset:
    """The data set of an open file, values above ``LARGE_BYTES`` left in the file.

    Raises
    ------
    DicomError
        It cannot be parsed.
    """
    stream.seek(0)
    return _read(stream)


def _read(stream: BinaryIO) -> Dataset:
    import pydicom

    with foreign_faults("parse"):
        return pydicom.dcmread(stream, force=True, defer_size=LARGE_BYTES)


@contextmanager
def foreign_faults(doing: str) -> Iterator[None]:
    """Turn any exception of a parser or decoder into a DicomError, without its values.

    The message keeps only the exception's type: its text may hold a patient's data. Warnings of
    the parser are dropped; what matters in them is found again by our own checks.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except RtplanError:
        raise
    except RecursionError:
        raise DicomError("its sequences are nested too deep") from None
    except MemoryError:
        raise DicomError(f"there is not enough memory to {doing} it") from None
    except Exception as error:  # noqa: BLE001  (parsers raise many types, no common base)
        raise DicomError(f"it cannot be read as DICOM ({type(error).__name__})") from None


def patient_key(dataset: Dataset) -> str:
    """A key that tells patients apart; for use inside only, as it could be guessed back."""
    raw = _raw(dataset, "PatientID") or _raw(dataset, "PatientName")
    if not raw.strip(b"\0 "):
        return NO_PATIENT
    digest = hashlib.sha256(b"rtplan patient key\0" + raw.strip(b"\0 ")).hexdigest()
    return f"patient-{digest[:8]}"


def uid(dataset: Dataset, keyword: str) -> str | None:
    """A UID, or None where it is absent, empty or not a UID."""
    text = _raw(dataset, keyword).decode("latin-1").strip("\0 ")
    return text if _UID.fullmatch(text) and len(text) <= 128 else None


def codes(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Values of a code string (VR CS), upper case; empty where absent."""
    return _codes_in(_raw(dataset, keyword))


@lru_cache(maxsize=1024)
def _codes_in(raw: bytes) -> tuple[str, ...]:
    text = raw.decode("latin-1").strip("\0 ")
    return tuple(clean(part).upper() for part in text.split("\\")) if text else ()


def code(dataset: Dataset, keyword: str) -> str:
    """The first value of a code string, or an empty text."""
    values = codes(dataset, keyword)
    return values[0] if values else ""


def shown_code(value: str) -> str:
    """A code string in a message; one that cannot be a code may be another element's value, a name
    among them, and is not repeated."""
    return repr(value) if _CODE.fullmatch(value) else "no code"


def text(dataset: Dataset, keyword: str, decoder: TextDecoder) -> str:
    """Text, decoded and cleaned; empty where absent."""
    return decoder.decode(_raw(dataset, keyword))


def decimals(dataset: Dataset, keyword: str, count: int | None = None) -> tuple[float, ...] | None:
    """Finite numbers of a decimal string (VR DS), or None where it is absent or empty.

    Raises
    ------
    DicomError
        A value is not a finite decimal number, or there are not ``count`` of them.
    """
    raw = _raw(dataset, keyword)
    if not raw.strip(b"\0 "):
        return None
    if len(raw) > _MOST_DECIMALS:
        raise DicomError(f"{keyword} has {len(raw)} characters, expected at most {_MOST_DECIMALS}")
    try:
        values = tuple(parse_decimals(raw).tolist())
    except DicomError as error:
        raise DicomError(f"{keyword}: {error}") from None
    if count is not None and len(values) != count:
        raise DicomError(f"{keyword} has {len(values)} values, expected {count}")
    return values


def with_commas(dataset: Dataset, keywords: Sequence[str]) -> tuple[str, ...]:
    """Those decimal strings that hold a comma, which ``decimals`` reads as a point."""
    return tuple(keyword for keyword in keywords if b"," in _raw(dataset, keyword))


def decimal(dataset: Dataset, keyword: str) -> float | None:
    """The one number of a decimal string, or None where it is absent."""
    values = decimals(dataset, keyword, 1)
    return values[0] if values else None


def integer(dataset: Dataset, keyword: str) -> int | None:
    """A whole number (VR IS or US), or None where it is absent or empty.

    Raises
    ------
    DicomError
        It is not one whole number.
    """
    if _is_short(keyword):
        with foreign_faults(f"read {keyword} of"):
            value = dataset.get(keyword)
            if value is None:
                return None
            if not isinstance(value, int):
                raise DicomError(f"{keyword} is not one whole number")
            return int(value)
    shown = _raw(dataset, keyword).decode("latin-1").strip("\0 ")
    if not shown:
        return None
    if not _INTEGER.fullmatch(shown) or len(shown) > 24:
        raise DicomError(f"{keyword} is not one whole number{shown_number(shown)}")
    return math.trunc(float(shown)) if "." in shown else int(shown)


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Items of a sequence; none where it is absent or empty.

    Raises
    ------
    DicomError
        It is not a sequence.
    """
    with foreign_faults(f"read {keyword} of"):
        if keyword not in dataset:
            return []
        value = dataset[keyword].value
        return [] if value is None else _as_items(value, keyword)


def raw_value(dataset: Dataset, keyword: str) -> bytes:
    """The stored bytes of a value; empty where it is absent."""
    return _raw(dataset, keyword)


def _as_items(value: object, keyword: str) -> list[Dataset]:
    import pydicom.sequence

    if not isinstance(value, pydicom.sequence.Sequence):
        raise DicomError(f"{keyword} is not a sequence")
    return list(value)


def _raw(dataset: Dataset, keyword: str) -> bytes:
    tag = _tag(keyword)
    element = dataset.get_item(tag, keep_deferred=True)
    value = None if element is None else element.value
    if isinstance(value, bytes):  # as stored: nothing can go wrong
        return value
    with foreign_faults(f"read {keyword} of"):
        element = dataset.get_item(tag)
        value = None if element is None else element.value
        if value is None:
            return b""
        if isinstance(value, bytes):
            return value
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            return str(value).encode("utf-8")
        return "\\".join(str(part) for part in value).encode("utf-8")


@cache
def _tag(keyword: str) -> BaseTag:
    from pydicom.tag import Tag

    return Tag(keyword)


@cache
def _is_short(keyword: str) -> bool:
    """Whether an element is a binary number (VR US)."""
    from pydicom.datadict import dictionary_VR

    return dictionary_VR(keyword) == "US"


def _extent(data: bytes, start: encoding.Start) -> tuple[bytes, encoding.Extent]:
    """The bytes to parse, inflated where they are deflated, and whether they are whole."""
    offset, syntax = start.offset, start.transfer_syntax_uid
    if syntax == encoding.DEFLATED_DATASET:
        data, offset, syntax = encoding.inflate(data, offset), 0, None
    return data, encoding.check_extent(data, offset=offset, transfer_syntax_uid=syntax)


def _extent_problem(extent: encoding.Extent) -> tuple[str, str]:
    if extent.whole is encoding.Whole.CUT_OFF:
        return "FIL001", f"the file is cut off: {extent.text}"
    return "FIL002", f"the file's lengths contradict each other: {extent.text}"

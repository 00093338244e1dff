"""Limits: how much of what others wrote is read before it is refused.

They bound memory and time, not what is plausible. Each can be set: in Python with ``use``, on the
command line with ``--limit NAME=NUMBER``. A thread that is started later has the defaults.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from rtplan.errors import InputError

MIB = 1 << 20
_HIGHEST = 10**12
_MOST_DIGITS = len(str(_HIGHEST))


def _limit(most: int, what: str, beyond: str) -> int:
    """A field: its default, what it bounds, and what becomes of input beyond it."""
    found: int = field(default=most, metadata={"what": what, "beyond": beyond})
    return found


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is read; whole numbers, in MiB or seconds where the name says so."""

    files: int = _limit(200_000, "files of a folder, members of a zip", "exit 2")
    read_s: int = _limit(900, "seconds to look through all files, asked between files", "exit 2")
    memory_mib: int = _limit(
        8192, "address space beyond the program's own, on Linux", "FIL003, LNK010 or exit 2"
    )
    file_mib: int = _limit(2048, "one file, or one member of a zip unpacked", "FIL003, FIL008")
    archive_mib: int = _limit(32768, "a zip, unpacked", "exit 2")
    archive_ratio: int = _limit(100, "the same over the zip's own size, beyond 1 GiB", "exit 2")
    member_ratio: int = _limit(
        250, "a member of a zip, unpacked over packed, beyond 256 MiB", "FIL008"
    )
    deflated_mib: int = _limit(512, "a deflated data set", "FIL003")
    elements: int = _limit(4_000_000, "elements and items of an object", "FIL003")
    nesting: int = _limit(30, "levels of sequences", "FIL002, FIL003")
    rois: int = _limit(10_000, "ROIs of a structure set, segments of a segmentation", "FIL003")
    contour_points: int = _limit(1_000_000, "points of a contour", "RTS003")
    values_mib: int = _limit(
        2048, "values of a dose as stored, of an image series in memory", "RTD004, no pictures"
    )
    rle_mib: int = _limit(256, "values of a dose that is stored in RLE", "RTD005")
    frame_pixels: int = _limit(1 << 26, "pixels of a frame of a segmentation", "SEG003")
    segmentation_pixels: int = _limit(1 << 33, "pixels of a segmentation", "SEG003")
    outline_points: int = _limit(20_000_000, "corners of the outlines of a segmentation", "SEG003")


_ALLOWED: ContextVar[Limits] = ContextVar("limits", default=Limits())  # noqa: B039 - it is frozen


def allowed() -> Limits:
    """The limits that hold now."""
    return _ALLOWED.get()


def use(chosen: Limits) -> None:
    """Let limits hold from here on."""
    _ALLOWED.set(chosen)


@contextmanager
def within(chosen: Limits) -> Iterator[None]:
    """Let limits hold for a block."""
    token = _ALLOWED.set(chosen)
    try:
        yield
    finally:
        _ALLOWED.reset(token)


def parse_limits(texts: Sequence[str]) -> Limits:
    """The defaults, changed as texts such as ``file_mib=4096`` say.

    Raises
    ------
    InputError
        A text names no limit, or its value is no whole number from 1 to 1e12.

    Examples
    --------
    >>> parse_limits(["file_mib=4096"]).file_mib
    4096
    """
    defaults = {item.name: item.default for item in fields(Limits)}
    changed: dict[str, int] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in defaults:
            raise InputError(f'--limit "{text}" names no limit; there are: {listing()}')
        is_number = value.isascii() and value.isdecimal() and len(value) <= _MOST_DIGITS
        if not (is_number and 0 < int(value) <= _HIGHEST):
            raise InputError(
                f'--limit "{text}": expected a whole number from 1 to {_HIGHEST}, '
                f"such as {name}={defaults[name]}"
            )
        changed[name] = int(value)
    return replace(Limits(), **changed)


def listing() -> str:
    """All limits with their defaults: ``files=200000, read_s=900, ...``."""
    return ", ".join(f"{item.name}={item.default}" for item in fields(Limits))


def table_markdown() -> str:
    """The table of ``docs/dicom.md``."""
    lines = ["| limit | at most | of what | else |", "|---|---|---|---|"]
    lines += [
        f"| `{item.name}` | {item.default:,} | {item.metadata['what']} "
        f"| {item.metadata['beyond']} |"
        for item in fields(Limits)
    ]
    return "\n".join(lines) + "\n"


@contextmanager
def bounded_memory() -> Iterator[None]:
    """For a block, refuse memory beyond ``memory_mib``, with what the process has not counted.

    Where the system cannot do that (other than Linux) there is no bound.

    Raises
    ------
    InputError
        The block needs more, and nothing in it could say of which file.
    """
    most = allowed().memory_mib
    try:
        with _address_space(most * MIB):
            yield
    except MemoryError:
        raise InputError(
            f"there is not enough memory to read it (--limit memory_mib={most}); give one case's "
            "folder"
        ) from None


@contextmanager
def _address_space(spare_bytes: int) -> Iterator[None]:
    if sys.platform != "linux":
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = pages * resource.getpagesize() + spare_bytes
    if soft != resource.RLIM_INFINITY:
        wanted = min(wanted, soft)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

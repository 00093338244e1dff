"""Where bytes come from: a folder, one file or a zip archive, and every file in it.

A *locator* is a string that names one file again later: its path, or for a member of an archive
the archive's path, ``!/`` and the member's name. Members are read into memory, within limits, and
never unpacked to disk.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rtplan.dicom.limits import MIB, allowed
from rtplan.errors import DicomError, InputError
from rtplan.findings import Finding, finding

MEMBER_MARK = "!/"
HEAD_BYTES = 1 << 14
"""So much of a file's beginning tells what it is."""
RATIO_FREE_BYTES = 256 << 20
ARCHIVE_FREE_BYTES = 1 << 30
"""Up to so many bytes, a member of a zip and a zip may unpack to any multiple of their size."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: what names it, its size in bytes, and its place in name order (from 1).

    Findings name a file by its place, because file names often hold a patient's name or ID.
    """

    locator: str
    size: int
    place: int
    total: int

    def __str__(self) -> str:
        return f"file {self.place} of {self.total} in name order ({self.size} bytes)"


@dataclass(frozen=True, slots=True)
class Listing:
    """Every regular file under a path, in name order, and what was left out."""

    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...] = ()


def list_files(path: str) -> Listing:
    """Files under ``path``: a folder with its subfolders, one file, or a zip archive.

    Raises
    ------
    InputError
        The path does not exist, is neither file nor folder, or holds no file.
    """
    root = Path(path)
    if not root.exists():
        raise InputError(f"{_shown(path)} does not exist; give a folder, a DICOM file or a zip")
    if root.is_dir():
        listing = _list_folder(root)
        empty = "the folder is empty; give a folder that holds DICOM files"
    elif not root.is_file():
        raise InputError(f"{_shown(path)} is neither a file nor a folder")
    elif _is_archive(root):
        listing = _list_archive(root)
        empty = "the zip holds no file that can be read; give one that holds DICOM files"
    else:
        listing = Listing((Entry(str(root), root.stat().st_size, 1, 1),))
        empty = ""
    if not listing.entries:
        reasons = "".join(f"; {item.text}" for item in listing.findings)
        raise InputError(f"{empty}{reasons}")
    return listing


class Opener:
    """Opens files by locator; keeps the archive at hand open until another is needed."""

    def __init__(self) -> None:
        self._archive: zipfile.ZipFile | None = None

    def __enter__(self) -> Opener:
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()

    def open(self, locator: str) -> BinaryIO:
        """An open stream of one file; the caller closes it.

        Raises
        ------
        DicomError
            The file cannot be opened, or a member of an archive is beyond the limits.
        """
        where, member = _split(locator)
        try:
            if member is None:
                return open(where, "rb")
            if self._archive is None or self._archive.filename != where:
                self._close()
                self._archive = zipfile.ZipFile(where)
        except (OSError, zipfile.BadZipFile) as error:
            raise DicomError(f"a file cannot be opened ({type(error).__name__})") from None
        return io.BytesIO(_member_bytes(self._archive, member))

    def _close(self) -> None:
        if self._archive is not None:
            self._archive.close()
            self._archive = None


def open_each(locators: Iterable[str]) -> Iterator[BinaryIO]:
    """Open files one after the other; each is closed when the next is opened.

    Raises
    ------
    DicomError
        As ``Opener.open``.
    """
    with Opener() as opener:
        for locator in locators:
            with opener.open(locator) as stream:
                yield stream


def read_all(stream: BinaryIO) -> bytes:
    """All bytes of an open file; DicomError beyond the limit ``file_mib``."""
    if stream.seek(0, os.SEEK_END) > allowed().file_mib * MIB:
        raise DicomError(f"the file is larger than {allowed().file_mib} MiB (--limit file_mib)")
    stream.seek(0)
    return stream.read()


def is_member(locator: str) -> bool:
    """Whether the locator names a member of an archive, which has no path of its own."""
    return _split(locator)[1] is not None


def _shown(path: str) -> str:
    """The path in quotes, as the user typed it."""
    return f'"{path}"'


def _split(locator: str) -> tuple[str, str | None]:
    where, mark, member = locator.partition(MEMBER_MARK)
    if mark and not os.path.exists(locator) and os.path.isfile(where):
        return where, member
    return locator, None


def _is_archive(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def _list_folder(root: Path) -> Listing:
    found: list[tuple[str, int]] = []
    findings: list[Finding] = []
    leaving = unreadable = 0
    inside = root.resolve()
    unlisted: list[OSError] = []
    for folder, subfolders, names in os.walk(root, onerror=unlisted.append, followlinks=False):
        subfolders.sort()
        for name in (*subfolders, *sorted(names)):
            path = Path(folder, name)
            try:
                status = path.lstat()
                if stat.S_ISLNK(status.st_mode):
                    leaving += not path.resolve().is_relative_to(inside)
                elif stat.S_ISREG(status.st_mode):
                    found.append((str(path), status.st_size))
                elif not stat.S_ISDIR(status.st_mode):
                    unreadable += 1
            except (OSError, RuntimeError):
                unreadable += 1
    if leaving:
        findings.append(finding("FIL006", f"{leaving} links that lead out of the folder"))
    if unreadable:
        findings.append(finding("FIL007", f"{unreadable} entries that are not plain files"))
    if unlisted:
        findings.append(finding("FIL007", f"{len(unlisted)} folders that may not be listed"))
    if len(found) > allowed().files:
        raise InputError(
            f"the folder holds {len(found)} files, more than {allowed().files} (--limit files); "
            "give one case's folder"
        )
    return Listing(_entries(sorted(found)), tuple(findings))


def _list_archive(path: Path) -> Listing:
    findings: list[Finding] = []
    found: list[tuple[str, int]] = []
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(archive.infolist(), key=lambda member: member.filename)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise InputError(f"the zip cannot be read ({error}); unpack it and give the folder") from (
            None
        )
    _check_archive(members, max(path.stat().st_size, 1))
    for member in members:
        if member.is_dir():
            continue
        reason = _refusal(member)
        if reason:
            findings.append(finding("FIL008", f"a member of the zip was not read: {reason}"))
        else:
            found.append((f"{path}{MEMBER_MARK}{member.filename}", member.file_size))
    return Listing(_entries(found), tuple(findings))


def _check_archive(members: Sequence[zipfile.ZipInfo], packed: int) -> None:
    """InputError where all members together, of a zip of ``packed`` bytes, are too much."""
    size, most = sum(member.file_size for member in members), allowed()
    if len(members) > most.files or size > most.archive_mib * MIB:
        raise InputError(
            f"the zip holds {len(members)} members of {size} bytes; at most {most.files} and "
            f"{most.archive_mib} MiB are read (--limit files, archive_mib): unpack it and give the "
            "folder"
        )
    if size > ARCHIVE_FREE_BYTES and size > most.archive_ratio * packed:
        raise InputError(
            f"the zip unpacks to {size} bytes, {size // packed} times its own size, which no DICOM "
            "files do (--limit archive_ratio); unpack it and give the folder if it is sound"
        )


def _refusal(member: zipfile.ZipInfo) -> str | None:
    """Why a member is not read, or None."""
    if member.flag_bits & 0x1:
        return "it is encrypted"
    most = allowed()
    if member.file_size > most.file_mib * MIB:
        return (
            f"it unpacks to {member.file_size} bytes, more than {most.file_mib} MiB "
            "(--limit file_mib)"
        )
    ratio = member.file_size / max(member.compress_size, 1)
    if member.file_size > RATIO_FREE_BYTES and ratio > most.member_ratio:
        return (
            f"it unpacks to {member.file_size} bytes, {ratio:.0f} times its size "
            "(--limit member_ratio)"
        )
    return None


def _member_bytes(archive: zipfile.ZipFile, member: str) -> bytes:
    """Bytes of a member; never more than its directory entry declares."""
    try:
        info = archive.getinfo(member)
        reason = _refusal(info)
        if reason:
            raise DicomError(f"a member of the zip was not read: {reason}")
        with archive.open(info) as stream:
            data = stream.read(info.file_size + 1)
    except (KeyError, zipfile.BadZipFile, NotImplementedError, OSError, EOFError) as error:
        raise DicomError(f"a member of the zip cannot be read ({type(error).__name__})") from None
    except DicomError:
        raise
    except MemoryError:
        raise DicomError("there is not enough memory to unpack a member of the zip") from None
    except Exception as error:  # noqa: BLE001  (decompressors raise many types, no common base)
        raise DicomError(f"a member of the zip is damaged ({type(error).__name__})") from None
    if len(data) > info.file_size:
        raise DicomError("a member of the zip is longer than the archive declares")
    return data


def _entries(found: list[tuple[str, int]]) -> tuple[Entry, ...]:
    total = len(found)
    return tuple(
        Entry(locator, size, place, total) for place, (locator, size) in enumerate(found, start=1)
    )

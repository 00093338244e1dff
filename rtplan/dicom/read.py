"""Read everything under a path into an inventory; no file is so bad that it stops the others."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from rtplan.dicom import encoding, files
from rtplan.dicom.chains import rt_objects
from rtplan.dicom.dose import read_dose_header
from rtplan.dicom.dose_planes import join_planes
from rtplan.dicom.image import Slice, group_series, read_slice
from rtplan.dicom.inventory import (
    FoundDose,
    FoundPlan,
    FoundStructureSet,
    Inventory,
    uid_end,
)
from rtplan.dicom.limits import allowed
from rtplan.dicom.parse import NO_PATIENT, Parsed, foreign_faults, parse, uid
from rtplan.dicom.plan import fraction_beams, read_plan
from rtplan.dicom.segmentation import LABEL_MAP, read_segmentation
from rtplan.dicom.segmentation import MODALITY as SEGMENTATION
from rtplan.dicom.structures import read_structure_set
from rtplan.dicom.text import python_codec
from rtplan.errors import DicomError, InputError
from rtplan.findings import Finding, finding

Progress = Callable[[int, int, str], None]
"""Called with files done, files in all, and what is being done."""

_STORAGE = "1.2.840.10008.5.1.4.1.1."
STRUCTURE_SET, PLAN, ION_PLAN, DOSE = (
    f"{_STORAGE}481.3",
    f"{_STORAGE}481.5",
    f"{_STORAGE}481.8",
    f"{_STORAGE}481.2",
)
_MODALITIES = {
    STRUCTURE_SET: "RTSTRUCT",
    PLAN: "RTPLAN",
    ION_PLAN: "RTPLAN",
    DOSE: "RTDOSE",
    f"{_STORAGE}66.4": SEGMENTATION,
    LABEL_MAP: SEGMENTATION,
}
_STRUCTURES = {"RTSTRUCT": read_structure_set, SEGMENTATION: read_segmentation}
_IMAGES = {f"{_STORAGE}2": "CT", f"{_STORAGE}4": "MR", f"{_STORAGE}128": "PT"}
_MULTI_FRAME = {
    f"{_STORAGE}2.1": "enhanced CT",
    f"{_STORAGE}2.2": "legacy converted enhanced CT",
    f"{_STORAGE}4.1": "enhanced MR",
    f"{_STORAGE}4.4": "legacy converted enhanced MR",
    f"{_STORAGE}128.1": "legacy converted enhanced PET",
    f"{_STORAGE}130": "enhanced PET",
}
_OTHER = {
    f"{_STORAGE}66.1": "spatial registration",
    f"{_STORAGE}66.3": "deformable registration",
    f"{_STORAGE}481.1": "RT Image",
    f"{_STORAGE}481.4": "RT beams record",
    f"{_STORAGE}481.6": "RT brachy record",
    f"{_STORAGE}481.7": "RT record summary",
    f"{_STORAGE}481.9": "RT ion beams record",
    f"{_STORAGE}7": "secondary capture",
    f"{_STORAGE}30": "parametric map",
    "1.2.840.10008.1.3.10": "DICOMDIR",
}


@dataclass(slots=True)
class _Gathered:
    """What has been read so far."""

    structure_sets: list[FoundStructureSet] = field(default_factory=list)
    plans: list[FoundPlan] = field(default_factory=list)
    doses: list[FoundDose] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    notes: list[Finding] = field(default_factory=list)
    seen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    places: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    damaged: set[str] = field(default_factory=set)
    copies: int = 0


class _Watch:
    """The time that reading takes, and the file that takes most of it."""

    def __init__(self) -> None:
        self._first = self._last = time.monotonic()
        self._longest = 0.0
        self._slowest: files.Entry | None = None
        self._current: files.Entry | None = None

    def begin(self, entry: files.Entry) -> None:
        """Before a file: InputError where those before it took longer than the limit."""
        now = time.monotonic()
        if self._current is not None and now - self._last > self._longest:
            self._longest, self._slowest = now - self._last, self._current
        if now - self._first > allowed().read_s:
            raise InputError(
                f"reading was stopped after {allowed().read_s} s, {entry.total - entry.place + 1} "
                f"of {entry.total} files not read (--limit read_s); the slowest, {self._slowest}, "
                f"took {self._longest:.0f} s: take it out, or give one case's folder"
            )
        self._last, self._current = now, entry


def read(path: str, *, charset: str | None = None, progress: Progress | None = None) -> Inventory:
    """Read all DICOM objects under a folder, in one file or in a zip archive.

    Parameters
    ----------
    path : str
        File names do not matter; subfolders are searched; links that leave are not followed.
    charset : str, optional
        Character set of text that declares none: a DICOM term or a codec name.
    progress : callable, optional
        Called with files done, files in all, and what is being done.

    Raises
    ------
    InputError
        The path is missing or empty, holds no RT object, or takes longer than the limit
        ``read_s``: what was read until then would depend on the day, so nothing is used.
    """
    codec = python_codec(charset) if charset else None
    listing = files.list_files(path)
    gathered = _Gathered(notes=list(listing.findings))
    total = len(listing.entries)
    watch = _Watch()
    with files.Opener() as opener:
        for entry in listing.entries:
            watch.begin(entry)
            try:
                with opener.open(entry.locator) as stream, foreign_faults("read"):
                    _read_file(stream, entry, codec, gathered)
            except DicomError as error:
                gathered.kinds["unreadable"] += 1
                gathered.notes.append(finding("FIL003", f"{entry}: {error}"))
            if progress is not None:
                progress(entry.place, total, "reading")
    inventory = _finish(gathered)
    if not inventory.has_rt_objects and not any(
        gathered.kinds[kind] for kind in set(_MODALITIES.values())
    ):
        raise InputError(_nothing_text(inventory, total))
    return inventory


def _read_file(stream: BinaryIO, entry: files.Entry, codec: str | None, into: _Gathered) -> None:
    """Read one file into what is gathered.

    Raises
    ------
    DicomError
        It looks like DICOM and cannot be read.
    """
    head = stream.read(files.HEAD_BYTES)
    if not encoding.looks_like_dicom(head):
        into.kinds["not DICOM"] += 1
        return
    start = encoding.read_start(head)
    sop_class = start.sop_class_uid
    if sop_class in _IMAGES:
        item = read_slice(stream, entry.size, locator=entry.locator, modality=_IMAGES[sop_class])
        into.kinds[f"{item.modality} image"] += 1
        into.slices.append(item)
    elif sop_class in _MODALITIES:
        modality = _MODALITIES[sop_class]
        into.kinds[modality] += 1
        _read_rt(parse(files.read_all(stream), modality=modality, codec=codec), entry, into)
    elif sop_class in _MULTI_FRAME:
        into.kinds[f"{_MULTI_FRAME[sop_class]} (multi-frame)"] += 1
    elif sop_class:
        into.kinds[_OTHER.get(sop_class, "other DICOM object")] += 1
    else:
        raise DicomError("it has no SOP Class UID")


def _read_rt(parsed: Parsed, entry: files.Entry, into: _Gathered) -> None:
    """One structure set, plan or dose; the same object a second time only counts as a copy."""
    digests = into.seen[parsed.uid]
    into.places[parsed.input.sha256].append(entry.place)
    if parsed.input.sha256 in digests:
        into.copies += 1
        return
    digests.add(parsed.input.sha256)
    if parsed.problem:
        into.damaged.add(parsed.input.sha256)
    into.notes += parsed.findings
    modality = parsed.input.modality
    if modality in _STRUCTURES:
        structure_set, notes = _STRUCTURES[modality](parsed)
        into.structure_sets.append(
            FoundStructureSet(structure_set, parsed.input, parsed.patient, parsed.problem)
        )
    elif modality == "RTPLAN":
        notes = _read_plan(parsed, into)
    else:
        dose, notes = read_dose_header(parsed, entry.locator)
        into.doses.append(dose)
    into.notes += notes
    into.notes += [
        finding("FIL011", doubt, sop_instance_uid=parsed.uid)
        for doubt in sorted(parsed.text.doubts)
    ]


def _read_plan(parsed: Parsed, into: _Gathered) -> tuple[Finding, ...]:
    if parsed.problem:
        return ()
    plan, notes = read_plan(parsed)
    frame = uid(parsed.dataset, "FrameOfReferenceUID")
    beams = fraction_beams(parsed.dataset)
    into.plans.append(FoundPlan(plan, parsed.input, parsed.patient, frame, beams))
    return notes


def _finish(gathered: _Gathered) -> Inventory:
    """Drop contradictory duplicates, join single dose planes, order, and note what was skipped."""
    notes = gathered.notes
    whole = {sop_uid: digests - gathered.damaged for sop_uid, digests in gathered.seen.items()}
    twice = {sop_uid for sop_uid, digests in whole.items() if len(digests) > 1}

    shown: set[str] = set()

    def is_sound(item: FoundStructureSet | FoundPlan | FoundDose) -> bool:
        """The one to keep of its UID: the whole one, or one of those that are all damaged."""
        digest = (item.inputs[0] if isinstance(item, FoundDose) else item.input).sha256
        if item.uid in twice or item.uid in shown:
            return False
        if digest in gathered.damaged and whole[item.uid]:
            return False
        shown.add(item.uid)
        return True

    for sop_uid in sorted(twice):
        places = sorted(place for digest in whole[sop_uid] for place in gathered.places[digest])
        text = (
            f"{len(whole[sop_uid])} different files are object {uid_end(sop_uid)}: "
            f"{', '.join(map(str, places))} in name order"
        )
        notes.append(finding("FIL010", text, sop_instance_uid=sop_uid))
    slices = _unique_slices(gathered)
    if gathered.copies:
        notes.append(finding("FIL009", f"further copies of objects: {gathered.copies}"))
    series, series_notes = group_series(slices)
    doses = _join_doses([dose for dose in gathered.doses if is_sound(dose)], notes)
    notes += [*series_notes, *_skipped(gathered.kinds)]
    found = Inventory(
        structure_sets=tuple(
            sorted(filter(is_sound, gathered.structure_sets), key=lambda item: item.uid)
        ),
        plans=tuple(sorted(filter(is_sound, gathered.plans), key=lambda item: item.uid)),
        doses=tuple(sorted(doses, key=lambda item: item.uid)),
        series=series,
        kinds=tuple(sorted(gathered.kinds.items())),
        findings=tuple(sorted(notes, key=_order)),
        places=tuple((digest, tuple(found)) for digest, found in sorted(gathered.places.items())),
    )
    return _number_patients(found)


def _number_patients(inventory: Inventory) -> Inventory:
    """Patients as ``patient-1``, ``patient-2``: in order of their objects' UIDs.

    A key made from a patient's ID could be guessed back from a list of IDs, so it stays inside.
    """
    keys = [
        item.patient
        for item in (*rt_objects(inventory), *inventory.series)
        if item.patient != NO_PATIENT
    ]
    numbers = {key: f"patient-{n}" for n, key in enumerate(dict.fromkeys(keys), start=1)}
    numbers[NO_PATIENT] = NO_PATIENT
    return replace(
        inventory,
        structure_sets=tuple(
            replace(item, patient=numbers[item.patient]) for item in inventory.structure_sets
        ),
        plans=tuple(replace(item, patient=numbers[item.patient]) for item in inventory.plans),
        doses=tuple(replace(item, patient=numbers[item.patient]) for item in inventory.doses),
        series=tuple(replace(item, patient=numbers[item.patient]) for item in inventory.series),
    )


def _order(item: Finding) -> tuple[str, str, int, str, str]:
    """The same order whatever the names of the files."""
    return (
        item.sop_instance_uid or "",
        item.code,
        -1 if item.roi_number is None else item.roi_number,
        item.path or "",
        item.text,
    )


def _unique_slices(gathered: _Gathered) -> list[Slice]:
    """Slices without second copies; of different images with one UID the first is kept."""
    kept: dict[str, Slice] = {}
    for item in gathered.slices:
        first = kept.setdefault(item.uid, item)
        if first is item:
            continue
        if replace(item, locator=first.locator) == first:
            gathered.copies += 1
        else:
            text = "different images carry this SOP Instance UID; the first was kept"
            gathered.notes.append(finding("IMG002", text, sop_instance_uid=item.uid))
    return list(kept.values())


def _join_doses(doses: Sequence[FoundDose], notes: list[Finding]) -> list[FoundDose]:
    """Join single-plane doses of the same thing; everything else stays as it is."""
    groups: dict[tuple[object, ...], list[FoundDose]] = defaultdict(list)
    found: list[FoundDose] = []
    for dose in doses:
        if dose.grid is None or dose.grid.shape[0] > 1:
            found.append(dose)
        else:
            key = (
                dose.patient,
                dose.summation_text,
                dose.dose_type,
                dose.frame_of_reference_uid or "",
                dose.plan_uids,
                dose.structure_set_uid or "",
                dose.beam_numbers,
            )
            groups[key].append(dose)
    for group in groups.values():
        joined, join_notes = join_planes(group) if len(group) > 1 else (None, ())
        found += [joined] if joined else group
        notes += join_notes
    return found


def _skipped(kinds: Counter[str]) -> list[Finding]:
    """What was recognised but not used."""
    notes = []
    if kinds["not DICOM"]:
        notes.append(finding("FIL004", f"not DICOM: {kinds['not DICOM']}"))
    multi_frame = [kind for kind in sorted(kinds) if kind.endswith("(multi-frame)")]
    for kind in multi_frame:
        notes.append(finding("IMG006", f"{kind}: {kinds[kind]}"))
    others = {*_OTHER.values(), "other DICOM object"}
    for kind in sorted(others & set(kinds)):
        notes.append(finding("FIL005", f"{kind}: {kinds[kind]}"))
    return notes


def _nothing_text(inventory: Inventory, total: int) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in inventory.kinds)
    unreadable = dict(inventory.kinds).get("unreadable", 0)
    damaged = "; files that look like DICOM could not be read" if unreadable else ""
    return (
        f"no RT Structure Set, segmentation, RT Dose or RT Plan among {total} files ({counts})"
        f"{damaged}; give the folder they were exported to"
    )

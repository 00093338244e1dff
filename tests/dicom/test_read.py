"""Reading folders, files and archives: nothing is so bad that it stops the rest."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from rtplan.dicom import files
from rtplan.dicom.limits import Limits, within
from rtplan.dicom.read import read
from rtplan.errors import InputError
from tests.dicom import objects
from tests.dicom.objects import ct, dose, plan, save, structure_set, swapped, to_bytes

DATA = Path(__file__).parents[1] / "data"


def codes(path: Path) -> list[str]:
    return sorted(note.code for note in read(str(path)).findings)


def test_names_and_subfolders_do_not_matter(tmp_path: Path) -> None:
    save(tmp_path / "a" / "b", structure_set(), ct(0))
    save(tmp_path / ".hidden", dose())
    save(tmp_path, plan())
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").write_bytes(b"")
    inventory = read(str(tmp_path))
    assert dict(inventory.kinds) == {
        "CT image": 1, "RTDOSE": 1, "RTPLAN": 1, "RTSTRUCT": 1, "not DICOM": 2,
    }  # fmt: skip
    assert codes(tmp_path) == ["FIL004"]


def test_one_file_and_a_zip_give_the_same_objects(tmp_path: Path) -> None:
    folder = save(tmp_path / "in", structure_set(), plan(), dose())
    archive = tmp_path / "case"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in folder.iterdir():
            packed.write(file, file.name)
    from_folder, from_zip = read(str(folder)), read(str(archive))
    assert [x.input for x in from_folder.plans] == [x.input for x in from_zip.plans]
    assert from_zip.doses[0].inputs == from_folder.doses[0].inputs
    (single,) = [p for p in folder.iterdir() if b"481.3\0" in p.read_bytes()[:400]]
    assert read(str(single)).structure_sets[0].uid == objects.RS_UID


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda p: None, "does not exist"),
        (lambda p: p.mkdir(), "empty"),
        (lambda p: save(p, ct(0)), "no RT Structure Set"),
        (lambda p: p.write_text("hello"), "no RT Structure Set"),
        (lambda p: p.write_bytes(b"PK\x03\x04 not a zip"), "unpack"),
    ],
)
def test_unusable_paths_say_what_to_do(make: object, match: str, tmp_path: Path) -> None:
    path = tmp_path / "in"
    assert callable(make)
    make(path)
    with pytest.raises(InputError, match=match):
        read(str(path))


def test_a_damaged_file_does_not_stop_the_others(tmp_path: Path) -> None:
    save(tmp_path, structure_set())
    (tmp_path / "z1").write_bytes(bytes(128) + b"DICM" + b"\xff" * 300)
    (tmp_path / "z2").write_bytes(to_bytes(dose())[:200])
    inventory = read(str(tmp_path))
    assert len(inventory.structure_sets) == 1
    assert [note.code for note in inventory.findings if note.severity == "error"] == ["FIL003"] * 2


def test_links_that_leave_are_not_followed(tmp_path: Path) -> None:
    outside = save(tmp_path / "outside", plan())
    inside = save(tmp_path / "in", structure_set())
    (inside / "link").symlink_to(outside / "f0")
    (inside / "folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    inventory = read(str(inside))
    assert inventory.plans == ()
    assert codes(inside) == ["FIL006"]


def test_copies_are_counted_and_contradictions_dropped(tmp_path: Path) -> None:
    save(tmp_path, structure_set(), structure_set(), ct(0), ct(0))
    assert codes(tmp_path) == ["FIL009"]
    save(tmp_path, structure_set(("OTHER",)), plan())
    inventory = read(str(tmp_path))
    assert inventory.structure_sets == ()
    assert "FIL010" in codes(tmp_path)


def test_whole_file_is_used_beside_its_cut_off_copy(tmp_path: Path) -> None:
    save(tmp_path, plan())
    (tmp_path / "a-cut").write_bytes(to_bytes(plan())[:-40])
    inventory = read(str(tmp_path))
    assert [x.plan.fractions for x in inventory.plans] == [5]
    assert codes(tmp_path) == ["FIL001"]


def test_damaged_copies_of_one_object_are_one_object(tmp_path: Path) -> None:
    for end in (-40, -44, -48):
        (tmp_path / f"d{end}").write_bytes(to_bytes(dose())[:end])
    inventory = read(str(tmp_path))
    assert len(inventory.doses) == 1
    assert codes(tmp_path) == ["FIL001"] * 3


def test_a_segmentation_of_fewer_frames_than_it_describes_is_not_evaluated(tmp_path: Path) -> None:
    save(tmp_path, structure_set())
    (tmp_path / "seg").write_bytes((DATA / "pydicom/liver_1frame.dcm").read_bytes())
    assert codes(tmp_path) == ["SEG003"]


def test_result_does_not_depend_on_file_names(tmp_path: Path) -> None:
    things = [structure_set(), plan(), dose(), ct(0), ct(3)]
    one, two = save(tmp_path / "one", *things), save(tmp_path / "two", *things[::-1])
    first, second = read(str(one)), read(str(two))
    assert first.findings == second.findings
    assert [x.uid for x in first.structure_sets] == [x.uid for x in second.structure_sets]
    assert [x.uids for x in first.series] == [x.uids for x in second.series]


def test_no_patient_in_findings(tmp_path: Path) -> None:
    ds = structure_set(("A", "A"))
    ds.ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints = 7
    save(tmp_path / "ZZPHI", ds, dose())
    (tmp_path / "ZZPHI" / "ZZPHI.dcm").write_bytes(to_bytes(plan())[:180])
    inventory = read(str(tmp_path))
    assert inventory.findings
    assert "ZZPHI" not in repr(inventory.findings)
    assert {x.patient for x in inventory.structure_sets} == {"patient-1"}


@pytest.mark.parametrize("seed", range(30))
def test_random_damage_never_escapes(seed: int, tmp_path: Path) -> None:
    """Bytes changed at random: every outcome is an inventory or an InputError."""
    rng = np.random.default_rng(seed)
    for number, ds in enumerate((structure_set(), dose(), plan(), ct(0))):
        data = bytearray(to_bytes(ds, explicit=bool(seed % 2), undefined=bool(seed % 3)))
        for place in rng.integers(132, len(data), size=rng.integers(1, 12)):
            data[place] = rng.integers(256)
        (tmp_path / str(number)).write_bytes(data)
    try:
        inventory = read(str(tmp_path))
    except InputError:
        return
    for found in inventory.structure_sets:
        for structure in found.structure_set:
            assert all(np.isfinite(c.points_mm).all() for c in structure.contours)


def test_archive_member_beyond_the_limits_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "RATIO_FREE_BYTES", 1 << 16)
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("rs", to_bytes(structure_set()))
        packed.writestr("bomb", bytes(1 << 22))
    inventory = read(str(archive))
    assert [note.code for note in inventory.findings] == ["FIL008"]


def zip_of(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


def test_archive_that_unpacks_to_far_more_than_itself_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ARCHIVE_FREE_BYTES", 1 << 20)
    archive = zip_of(tmp_path / "z", rs=to_bytes(structure_set()), a=bytes(1 << 20))
    with pytest.raises(InputError, match="times its own size"):
        read(str(archive))


def test_a_member_without_memory_to_unpack_it_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = zip_of(tmp_path / "z", rs=to_bytes(structure_set()), rt=to_bytes(dose()))
    real = zipfile.ZipExtFile.read

    def short_of_memory(stream: zipfile.ZipExtFile, size: int | None = -1) -> bytes:
        if stream.name == "rt":
            raise MemoryError
        return real(stream, size)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", short_of_memory)
    (note,) = read(str(archive)).findings
    assert (note.code, "not enough memory" in note.text) == ("FIL003", True)


def test_archive_of_too_many_members_is_refused(tmp_path: Path) -> None:
    with within(Limits(files=2)), pytest.raises(InputError, match="3 members"):
        read(str(zip_of(tmp_path / "z", a=b"1", b=b"2", c=b"3")))


def test_encrypted_member_and_archive_in_an_archive_are_left_out(tmp_path: Path) -> None:
    inner = zip_of(tmp_path / "inner", rs=to_bytes(dose()))
    path = zip_of(tmp_path / "z", rs=to_bytes(structure_set()), zz=inner.read_bytes())
    assert codes(path) == ["FIL004"]
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(mark, 0, data.rindex(b"PK\x05\x06")) + place] |= 1 if place == 8 else 0
    path.write_bytes(data)
    assert codes(path) == ["FIL008"]


def test_members_named_to_lead_out_are_read_and_nothing_is_written(tmp_path: Path) -> None:
    archive = tmp_path / "in" / "z"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("../../evil", to_bytes(structure_set()))
        packed.writestr("/abs/evil", to_bytes(plan()))
    inventory = read(str(archive))
    assert (len(inventory.structure_sets), len(inventory.plans)) == (1, 1)
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "z"]


def test_dicomdir_is_passed_over_and_the_files_beside_it_are_found(tmp_path: Path) -> None:
    """What it refers to is never followed: ``..`` in it leads nowhere (CVE-2026-32711)."""
    save(tmp_path / "sub", structure_set())
    record, directory = Dataset(), Dataset()
    record.ReferencedFileID = ["AA", "BB", "RS"]
    directory.SOPClassUID, directory.SOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3.9"
    directory.DirectoryRecordSequence = [record]
    data = to_bytes(directory)
    (tmp_path / "DICOMDIR").write_bytes(swapped(data, b"AA\\BB\\RS", b"..\\..\\RS"))
    inventory = read(str(tmp_path))
    assert dict(inventory.kinds) == {"DICOMDIR": 1, "RTSTRUCT": 1}
    assert codes(tmp_path) == ["FIL005"]


def test_what_cannot_be_opened_or_listed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, structure_set(), plan())
    closed = tmp_path / "closed"
    closed.mkdir()
    os.mkfifo(tmp_path / "pipe")
    scan, opened = os.scandir, open

    def no_entry(path: str) -> object:
        if Path(path) == closed:
            raise PermissionError
        return scan(path)

    def no_file(path: str, mode: str) -> object:
        if Path(path).name == "f1":
            raise PermissionError
        return opened(path, mode)

    monkeypatch.setattr(os, "scandir", no_entry)
    monkeypatch.setattr(files, "open", no_file, raising=False)
    inventory = read(str(tmp_path))
    assert inventory.plans == ()
    assert codes(tmp_path) == ["FIL003", "FIL007", "FIL007"]


def test_progress_counts_every_file(tmp_path: Path) -> None:
    save(tmp_path, structure_set(), plan())
    seen: list[tuple[int, int]] = []
    read(str(tmp_path), progress=lambda done, total, text: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


def test_charset_must_be_one(tmp_path: Path) -> None:
    save(tmp_path, structure_set())
    with pytest.raises(InputError, match="GB18030"):
        read(str(tmp_path), charset="klingon")


def test_deep_sequences_are_a_finding(tmp_path: Path) -> None:
    ds: Dataset = structure_set()
    inner = Dataset()
    inner.ROINumber = 1
    for _ in range(100):
        outer = Dataset()
        outer.RTROIObservationsSequence = [inner]
        inner = outer
    ds.RTROIObservationsSequence = [inner]
    (tmp_path / "deep").write_bytes(to_bytes(ds, undefined=True))
    inventory = read(str(tmp_path))
    assert any(note.severity == "error" for note in inventory.findings)

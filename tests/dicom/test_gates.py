"""An error stops the numbers it touches, and only those; ``doctor`` names what ``dvh`` meets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from rtplan.cli.main import main
from tests.dicom import objects
from tests.dicom.objects import contour, to_bytes

Files = dict[str, bytes]
Result = Mapping[str, Any]


def sound() -> dict[str, Dataset]:
    """A case whose dose covers both of its structures."""
    dose = objects.dose(np.arange(960, dtype="<u4").reshape(8, 12, 10))
    dose.ImagePositionPatient = [-5, -6, -5]
    structures = objects.structure_set(("GTV", "Cord"))
    for item in structures.ROIContourSequence[1].ContourSequence:
        item.ContourData = [value + (i % 3 == 0) for i, value in enumerate(item.ContourData)]
    return {"rs": structures, "rp": objects.plan(), "rd": dose}


def run(folder: Path, command: str) -> tuple[int, Result]:
    target = folder.parent / f"{command}.json"
    code = main([command, str(folder), "--json", str(target), "--quiet"])
    content: Result = json.loads(target.read_text(encoding="utf-8"))
    return code, content


def numbers(content: Result) -> dict[str, tuple[object, object]]:
    """Volume and curve of each structure by name."""
    return {
        item["name"]: (item["volume_cc"], item["dvh"] and item["dvh"]["volume_cc"])
        for item in content["structures"]
    }


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[object, object]]:
    folder = tmp_path_factory.mktemp("sound") / "in"
    folder.mkdir()
    for name, ds in sound().items():
        (folder / name).write_bytes(to_bytes(ds))
    code, content = run(folder, "dvh")
    assert code == 0
    assert run(folder, "doctor")[0] == 0
    found = numbers(content)
    assert all(volume and curve for volume, curve in found.values())
    return found


def _rs(change: Callable[[Dataset], None]) -> Callable[[], Files]:
    return _changed("rs", change)


def _rd(**values: object) -> Callable[[], Files]:
    def change(ds: Dataset) -> None:
        for keyword, value in values.items():
            if value is None:
                delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)

    return _changed("rd", change)


def _changed(which: str, change: Callable[[Dataset], None]) -> Callable[[], Files]:
    def make() -> Files:
        case = sound()
        change(case[which])
        return {name: to_bytes(ds) for name, ds in case.items()}

    return make


def _bytes(which: str, change: Callable[[bytes], bytes]) -> Callable[[], Files]:
    def make() -> Files:
        case = {name: to_bytes(ds) for name, ds in sound().items()}
        case[which] = change(case[which])
        return case

    return make


def _beside(content: Callable[[], bytes]) -> Callable[[], Files]:
    def make() -> Files:
        return {name: to_bytes(ds) for name, ds in sound().items()} | {"zz": content()}

    return make


def _points(ds: Dataset) -> None:
    ds.ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints = 5


def _kind(ds: Dataset) -> None:
    ds.ROIContourSequence[0].ContourSequence[0].ContourGeometricType = "SPLINE"


def _stored_twice(ds: Dataset) -> None:
    ds.ROIContourSequence.append(objects.roi_contours(contour(objects.SQUARE, 9), number=1))


def _no_number(ds: Dataset) -> None:
    del ds.StructureSetROISequence[0].ROINumber


def _frame(ds: Dataset) -> None:
    ds.StructureSetROISequence.insert(2, Dataset())
    ds.StructureSetROISequence[2].ROINumber = 3
    ds.StructureSetROISequence[2].ROIName = "Third"
    ds.StructureSetROISequence[2].ReferencedFrameOfReferenceUID = objects.FRAME
    ds.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = "1.2.9.9"


def _not_planar(ds: Dataset) -> None:
    ds.ROIContourSequence[0].ContourSequence[0].ContourData[2] = 2.5


def _nan(data: bytes) -> bytes:
    return data.replace(b"10.0\\0.0\\3.0", b"nan \\0.0\\3.0", 1)


def _more(data: bytes) -> bytes:
    return data + b"\xfe\xff\x0d\xe0\0\0\0\0"


def _jpeg_ls(data: bytes) -> bytes:
    old, new = b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2.4.80"
    at = data.index(b"\x02\x00\x10\x00UI") + 6
    size = len(new) - len(old)
    group = int.from_bytes(data[140:144], "little") + size
    data = data[:140] + group.to_bytes(4, "little") + data[144:]
    return data[:at] + len(new).to_bytes(2, "little") + data[at + 2 :].replace(old, new, 1)


def _another_plan() -> bytes:
    return to_bytes(objects.plan(fractions=3))


FIRST, BOTH, NONE = {"GTV"}, {"GTV", "Cord"}, set[str]()
VOLUME: dict[str, tuple[Callable[[], Files], str, set[str]]] = {
    "not a number": (_bytes("rs", _nan), "RTS002", FIRST),
    "points lost": (_rs(_points), "RTS003", FIRST),
    "unknown type": (_rs(_kind), "RTS011", FIRST),
    "stored twice": (_rs(_stored_twice), "RTS013", FIRST),
    "no number": (_rs(_no_number), "RTS019", FIRST),
    "frame": (_rs(_frame), "LNK009", FIRST),
    "not planar": (_rs(_not_planar), "GEO012", FIRST),
    "set cut off": (
        _bytes("rs", lambda data: data[: data.rindex(b"\x06\x30\x80\x00") - 30]),
        "FIL001",
        BOTH,
    ),
    "set contradictory": (_bytes("rs", _more), "FIL002", BOTH),
    "foreign": (_beside(lambda: bytes(128) + b"DICM" + b"\xff" * 300), "FIL003", NONE),
    "two plans of one UID": (_beside(_another_plan), "FIL010", NONE),
    "plan cut off": (_bytes("rp", lambda data: data[:-60]), "FIL001", NONE),
}
DOSE: dict[str, tuple[Callable[[], Files], str]] = {
    "relative": (_rd(DoseUnits="RELATIVE"), "RTD001"),
    "no scaling": (_rd(DoseGridScaling=None), "RTD002"),
    "no offsets": (_rd(GridFrameOffsetVector=None), "RTD003"),
    "short": (_rd(PixelData=bytes(96)), "RTD004"),
    "compressed": (_bytes("rd", _jpeg_ls), "RTD005"),
    "no place": (_rd(ImagePositionPatient=None), "RTD011"),
    "far away": (_rd(ImagePositionPatient=["1e9", "0", "0"]), "RTD011"),
    "no pixels": (_rd(PixelData=None), "RTD013"),
    "difference": (_rd(DoseType="ERROR"), "RTD014"),
    "beyond all": (_rd(DoseGridScaling="1e9"), "RTD019"),
    "zero": (_rd(PixelData=bytes(3840)), "RTD020"),
    "other frame": (_rd(FrameOfReferenceUID="1.2.9.9"), "LNK002"),
    "cut off": (_bytes("rd", lambda data: data[:-8]), "FIL001"),
}


def both(make: Callable[[], Files], folder: Path) -> tuple[Result, Result]:
    """What ``doctor`` and ``dvh`` say; ``doctor`` leaves with 3."""
    for name, data in make().items():
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    code, doctor = run(folder, "doctor")
    assert code == 3
    return doctor, run(folder, "dvh")[1]


def codes(content: Result) -> set[str]:
    return {item["code"] for item in content["findings"] if item["severity"] == "error"}


@pytest.mark.parametrize("name", VOLUME)
def test_an_error_of_contours_stops_its_structures_only(
    name: str, baseline: dict[str, tuple[object, object]], tmp_path: Path
) -> None:
    make, code, touched = VOLUME[name]
    doctor, dvh = both(make, tmp_path / "in")
    assert code in codes(doctor)
    assert codes(dvh) == codes(doctor) - {"GEO012"}  # there the reason stands with the structure
    found = numbers(dvh)
    for structure, values in baseline.items():
        assert found[structure] == ((None, None) if structure in touched else values)
    for item in dvh["structures"]:
        assert (item["reason"] is not None) == (item["volume_cc"] is None)
    problems = {item["name"] for item in doctor["case"]["structures"] if item["problem"]}
    assert problems == touched


@pytest.mark.parametrize("name", DOSE)
def test_an_error_of_the_dose_leaves_the_volumes(
    name: str, baseline: dict[str, tuple[object, object]], tmp_path: Path
) -> None:
    make, code = DOSE[name]
    doctor, dvh = both(make, tmp_path / "in")
    assert codes(doctor) == codes(dvh) == {code}
    assert doctor["case"]["dose_problem"]
    assert numbers(dvh) == {name: (volume, None) for name, (volume, _) in baseline.items()}
    assert all(item["reason"] for item in dvh["structures"])


@pytest.mark.parametrize("name", ["relative", "zero", "other frame", "plan cut off"])
def test_no_limit_is_met_without_a_sound_dose_of_the_plan(name: str, tmp_path: Path) -> None:
    make = DOSE[name][0] if name in DOSE else VOLUME[name][0]
    folder = tmp_path / "in"
    folder.mkdir()
    for file, data in make().items():
        (folder / file).write_bytes(data)
    code, report = run(folder, "check")
    assert code == 3
    (limits,) = report["limits"]["sets"]
    assert limits["status"] == "not_evaluated"
    assert limits["reason"]
    assert not any(row["status"] in ("met", "violated") for row in limits["rows"])

"""A planted identity is in nothing that any command writes, prints, logs or names."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from rtplan.cli.main import main
from rtplan.dicom.numbers import shown_number
from rtplan.dicom.parse import integer, shown_code
from rtplan.errors import DicomError
from tests.dicom import objects
from tests.dicom.objects import ct, dose, plan, structure_set, to_bytes

BIRTH_DATE = "19431109"
PLANTED = {
    "PatientBirthDate": BIRTH_DATE,
    "OtherPatientNames": "ZZPHI^OTHER",
    "OtherPatientIDs": "ZZPHI-2",
    "PatientComments": "ZZPHI comment",
    "PatientAddress": "ZZPHI street",
    "ReferringPhysicianName": "ZZPHI^DOCTOR",
    "OperatorsName": "ZZPHI^OPERATOR",
    "InstitutionName": "ZZPHI hospital",
    "StationName": "ZZPHI-LINAC",
    "AccessionNumber": "ZZPHI-ACC",
    "StudyID": "ZZPHI-STUDY",
    "StudyDescription": "ZZPHI study",
    "SeriesDescription": "ZZPHI series",
}

COMMANDS: dict[str, list[str]] = {
    "doctor": ["--json", "{out}/doctor.json"],
    "lesions": ["--json", "{out}/lesions.json", "--figures", "{out}/figures"],
    "eligibility": ["--all", "--json", "{out}/eligibility.json"],
    "dvh": ["--json", "{out}/d.json", "--csv", "{out}/d.csv", "--plot", "{out}/d.svg"],
    "check": ["--json", "{out}/c.json", "--figures", "{out}/f", "--out", "{out}/report"],
}


def planted(ds: Dataset) -> bytes:
    for keyword, value in PLANTED.items():
        setattr(ds, keyword, value)
    data = to_bytes(ds)
    assert data.count(b"ZZPHI") >= 10
    return data


def case(folder: Path) -> Path:
    """A case under names that hold the patient's name too."""
    folder.mkdir(parents=True)
    for number, ds in enumerate((structure_set(), plan(), dose(), ct(0), ct(3), ct(6))):
        (folder / f"ZZPHI_{number}.dcm").write_bytes(planted(ds))
    return folder


def assert_nothing(out: Path, *texts: str) -> int:
    """No trace in the texts, nor in any file under ``out`` or its name; how many there were."""
    for text in texts:
        assert "ZZPHI" not in text
        assert BIRTH_DATE not in text
    written = [path for path in out.rglob("*") if path.is_file()]
    for path in written:
        assert "ZZPHI" not in str(path.relative_to(out))
        content = path.read_bytes()
        for trace in ("ZZPHI", BIRTH_DATE):
            assert trace.encode() not in content, path
            assert trace.encode("utf-16-le") not in content, path
    return len(written)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_gives_an_identity_away(
    command: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    caplog.set_level(logging.DEBUG)
    options = [option.format(out=out) for option in COMMANDS[command]]
    assert main([command, str(case(tmp_path / "in")), *options]) in (0, 1, 3)
    shown = capfd.readouterr()
    assert shown.out
    assert assert_nothing(out, shown.out, shown.err, caplog.text) >= 1


@pytest.mark.parametrize(
    "options", [["--plan", "9.9"], ["--patient", "9"], ["--dose", "3"], ["--charset", "klingon"]]
)
@pytest.mark.parametrize("command", ["doctor", "dvh"])
def test_no_refusal_gives_an_identity_away(
    command: str, options: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = case(tmp_path / "in")
    (folder / "second").write_bytes(planted(dose(uid="1.2.3.33")))
    assert main([command, str(folder), *options]) == 2
    shown = capfd.readouterr()
    assert shown.err
    assert_nothing(tmp_path / "out", shown.out, shown.err)


@pytest.mark.parametrize("end", range(150, 900, 75))
def test_no_damaged_file_gives_an_identity_away(
    end: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = case(tmp_path / "in")
    for path in folder.iterdir():
        data = bytearray(path.read_bytes()[: max(end, 132)])
        data[end % 7 + 140 :: 97] = b"\xff" * len(data[end % 7 + 140 :: 97])
        path.write_bytes(data)
    assert main(["doctor", str(folder)]) in (0, 2, 3)
    shown = capfd.readouterr()
    assert_nothing(tmp_path / "out", shown.out, shown.err)


def test_the_test_finds_what_is_planted(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(planted(objects.plan()))
    with pytest.raises(AssertionError):
        assert_nothing(tmp_path)


def test_what_is_no_number_or_code_is_not_repeated() -> None:
    """It may be the value of another element, as where lengths or types are damaged."""
    name = "ZZPHI^JANE"
    assert shown_number("1,5.2") == ": '1,5.2'"
    assert shown_number(name) == shown_number(f"\x00\xe0{name}") == ""
    assert shown_code("OPEN_PLANAR") == "'OPEN_PLANAR'"
    assert shown_code(name) == "no code"
    dataset = Dataset()
    dataset._dict[Tag(0x00280008)] = RawDataElement(  # as read, before pydicom looks at it
        Tag(0x00280008), "IS", len(name), name.encode(), 0, False, True
    )
    with pytest.raises(DicomError) as caught:
        integer(dataset, "NumberOfFrames")
    assert str(caught.value) == "NumberOfFrames is not one whole number"

"""A file that was cut off is found out, wherever it was cut."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from rtplan.dicom import encoding
from rtplan.dicom.encoding import Whole, check_extent, inflate, looks_like_dicom, read_start
from rtplan.dicom.limits import Limits, within
from rtplan.dicom.parse import parse
from rtplan.dicom.structures import read_structure_set
from rtplan.errors import DicomError
from tests.dicom import objects

DATA = Path(__file__).parents[1] / "data"


def extent(data: bytes) -> Whole:
    start = read_start(data)
    syntax, offset = start.transfer_syntax_uid, start.offset
    if syntax == encoding.DEFLATED_DATASET:
        data, offset = inflate(data, offset), 0
    return check_extent(data, offset=offset, transfer_syntax_uid=syntax).whole


@pytest.mark.parametrize("path", sorted(DATA.rglob("*.dcm")), ids=lambda path: path.name)
def test_real_files_are_whole_but_the_truncated_one(path: Path) -> None:
    data = path.read_bytes()
    assert looks_like_dicom(data[:512])
    expected = Whole.CUT_OFF if "truncated" in path.name else Whole.YES
    assert extent(data) is expected


@pytest.mark.parametrize("explicit", [False, True])
@pytest.mark.parametrize("undefined", [False, True])
def test_structure_set_cut_anywhere_gives_no_number_in_silence(
    explicit: bool, undefined: bool
) -> None:
    """Every cut is refused or flagged, or leaves all contours as they were."""
    small = objects.structure_set(("GTV",))
    data = objects.to_bytes(small, explicit=explicit, undefined=undefined)
    whole, _ = read_structure_set(parse(data, modality="RTSTRUCT"))
    contours = [[c.points_mm.tolist() for c in s.contours] for s in whole]
    for end in range(140, len(data)):
        try:
            parsed = parse(data[:end], modality="RTSTRUCT")
            found, notes = read_structure_set(parsed)
        except DicomError:
            continue
        if [[c.points_mm.tolist() for c in s.contours] for s in found] == contours and not any(
            s.problem for s in found
        ):
            continue
        assert any(note.severity == "error" for note in (*parsed.findings, *notes)), end
        assert all(s.problem or not s.closed for s in found), end


@pytest.mark.parametrize("explicit", [False, True])
@pytest.mark.parametrize("undefined", [False, True])
def test_a_cut_inside_an_element_is_always_seen(explicit: bool, undefined: bool) -> None:
    plan = objects.plan()
    data = objects.to_bytes(plan, explicit=explicit, undefined=undefined)
    ends = set()
    elements = [element for element in plan if element.tag.group > 2]
    for count in range(3, len(elements) + 1):
        part = Dataset()
        for element in elements[:count]:
            part.add(element)
        ends.add(len(objects.to_bytes(part, explicit=explicit, undefined=undefined)))
    silent = {end for end in range(min(ends), len(data)) if extent(data[:end]) is Whole.YES}
    assert silent == {end for end in ends if end < len(data)}


def test_trailing_zero_bytes_are_padding_and_other_bytes_are_not() -> None:
    data = objects.to_bytes(objects.plan(), explicit=True)
    assert extent(data + bytes(100)) is Whole.YES
    assert extent(data + b"garbage that follows the data set") is not Whole.YES


def test_an_element_twice_is_a_contradiction_and_disorder_is_told() -> None:
    data = objects.to_bytes(objects.dose())
    at = data.index(b"\x04\x30\x0e\x00")
    end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
    scaling = data[at:end]
    assert extent(data[:end] + scaling + data[end:]) is Whole.CONTRADICTORY
    later = data[:at] + data[end:] + scaling
    parsed = parse(later, modality="RTDOSE")
    assert parsed.problem is None
    assert [(note.code, note.text) for note in parsed.findings] == [
        ("FIL015", "Dose Grid Scaling (3004,000E) comes after Pixel Data (7FE0,0010)")
    ]


def test_deep_nesting_is_refused() -> None:
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    sequence = b"\x0a\x30\x10\x00" + b"\xff\xff\xff\xff"
    data = b"\x08\x00\x05\x00\x00\x00\x00\x00" + (sequence + item) * 500
    result = check_extent(data, offset=0, transfer_syntax_uid=None)
    assert result.whole is Whole.CONTRADICTORY
    assert "nested" in result.text


def test_deflate_bomb_is_refused() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(bytes((1 << 20) + 1)) + packer.flush()
    with within(Limits(deflated_mib=1)), pytest.raises(DicomError, match="more than 1 MiB"):
        inflate(packed, 0)
    with pytest.raises(DicomError, match="cut off"):
        inflate(packed[:20], 0)


@pytest.mark.parametrize("size", [1000, encoding._PIECE_BYTES, (1 << 20) + 1])
@pytest.mark.parametrize("behind", [0, 1, 1000])
def test_bytes_behind_deflated_data_are_padding(size: int, behind: int) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(bytes(size)) + packer.flush()
    assert inflate(packed + bytes(behind), 0) == bytes(size)


@pytest.mark.parametrize("piece", [1, 7, 64, 258, 1000])
def test_deflated_data_is_whole_whatever_the_pieces(
    piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "_PIECE_BYTES", piece)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(bytes(5000)) + packer.flush()
    assert inflate(packed, 0) == bytes(5000)


@pytest.mark.parametrize(
    "head", [b"", b"hello world, this is a text file", b"\x08\x00", bytes(512)]
)
def test_foreign_bytes_do_not_look_like_dicom(head: bytes) -> None:
    assert not looks_like_dicom(head)

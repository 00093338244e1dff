"""Mutations of files and of what links them: rows 21, 32 to 36 and 42 to 56 of the pitfalls."""

from __future__ import annotations

import copy
import io
import struct
import zipfile
import zlib

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.dicom.hostile import deflated, with_syntax
from tests.fuzz.base import BIRTH_DATE, CTS, RD, RP, RS, SENTINEL, Files
from tests.fuzz.bytewise import mangle
from tests.fuzz.draft import Draft, raw, written
from tests.fuzz.oracle import Effect
from tests.fuzz.registry import mutation

SAME, TOLD, ANY = Effect.SAME, Effect.TOLD, Effect.ANY
RT = (RS, RP, RD)
UIDS = (
    "",
    "1",
    "1.2.3",
    "x",
    "../../x",
    "9" * 200,
    "1..2",
    "1.2.3\\4.5.6",
    " ",
    "0",
    "1.2.840.10008.1.2",
)
SYNTAXES = (
    *("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"),
    *(
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.70",
        "1.2.840.10008.1.2.4.80",
        "1.2.840.10008.1.2.5",
    ),
    *("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.100", "1.2.3.4", "", "x" * 64),
)
CHARSETS = (
    *(
        "ISO_IR 192",
        "GB18030",
        "ISO 2022 IR 58",
        "ISO 2022 IR 87\\ISO 2022 IR 149",
        "junk",
        "",
        "\\",
    ),
    *(
        "ISO_IR 100\\junk",
        "\\ISO 2022 IR 13",
        "utf-8",
        "rot13",
        "hex",
        "idna",
        "punycode",
        "unicode_escape",
    ),
)
BYTES = (
    *(
        b"\xff\xfe\xfd",
        b"\x1b$)A\xd5\xc5",
        b"\x1b$B!!",
        b"\xb0\xa1\xff",
        "病灶".encode("gb18030"),
        b"\x1b",
    ),
    *(
        "Lésion".encode("latin-1"),
        "قلب".encode(),
        b"\xed\xa0\x80",
        b"\xc0\xaf",
        b"\x1b(J\\~",
        b"\0\1",
    ),
)


@mutation(21, TOLD)
def reference_wrong(draft: Draft) -> None:
    owner, keyword = draft.of(
        (RD, "ReferencedRTPlanSequence"), (RP, "ReferencedStructureSetSequence")
    )
    uid = draft.of("1.2.3.4", "", "x", str(draft.dataset(owner).SOPInstanceUID))
    for item in draft.dataset(owner).get(keyword) or ():
        raw(item, "ReferencedSOPInstanceUID", uid)


@mutation(21, TOLD)
def reference_missing(draft: Draft) -> None:
    owner, keyword = draft.of(
        (RD, "ReferencedRTPlanSequence"), (RP, "ReferencedStructureSetSequence")
    )
    if draft.random.random() < 0.5:
        draft.dataset(owner).pop(keyword, None)
    else:
        setattr(draft.dataset(owner), keyword, Sequence([]))


@mutation(21, TOLD)
def dose_in_another_frame(draft: Draft) -> None:
    raw(draft.dose, "FrameOfReferenceUID", draft.random.choice(UIDS[1:]))


@mutation(21, ANY)
def uid_junk(draft: Draft) -> None:
    keywords = ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"]
    raw(draft.dataset(draft.pick()), draft.random.choice(keywords), draft.of(*UIDS))


@mutation(21, TOLD)
def one_uid_for_all(draft: Draft) -> None:
    for name in RT:
        draft.dataset(name).SOPInstanceUID = "1.2.3"


@mutation(21, TOLD)
def sop_class_wrong(draft: Draft) -> None:
    name = draft.of(*RT)
    kinds = ["1.2.840.10008.5.1.4.1.1.481.2", "1.2.840.10008.5.1.4.1.1.481.3", "", "x"]
    kinds += ["1.2.840.10008.5.1.4.1.1.481.5", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.3.10"]
    raw(draft.dataset(name), "SOPClassUID", draft.random.choice(kinds))


@mutation(21, SAME)
def modality_wrong(draft: Draft) -> None:
    raw(
        draft.dataset(draft.of(*RT)),
        "Modality",
        draft.of("CT", "", "RTDOSE\\X", "?"),
    )


@mutation(32, SAME)
def deflated_objects(draft: Draft) -> None:
    for name in draft.random.sample(RT, 2):
        draft.explicit(name)
        draft.edit(name, deflated)


@mutation(32, TOLD)
def syntax_wrong(draft: Draft) -> None:
    uid = draft.of(*SYNTAXES)
    draft.edit(draft.pick(*RT), lambda data: swap_syntax(data, uid))


def swap_syntax(data: bytes, uid: str) -> bytes:
    """Another transfer syntax over the same bytes; as they are where there is none to swap."""
    return with_syntax(data, uid, lambda body: body) if b"\x02\x00\x10\x00UI" in data else data


@mutation(33, TOLD)
def big_endian(draft: Draft) -> None:
    draft.explicit(RD)
    draft.edit(RD, lambda data: swap_syntax(data, "1.2.840.10008.1.2.2"))


@mutation(35, TOLD)
def giant_length(draft: Draft) -> None:
    length = draft.of(0xFFFFFFFE, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 4001)
    draft.edit(RD, lambda data: with_length(data, b"\xe0\x7f\x10\x00", length))


def with_length(data: bytes, tag: bytes, length: int) -> bytes:
    at = data.rfind(tag)
    return data if at < 0 else data[: at + 4] + struct.pack("<I", length) + data[at + 8 :]


@mutation(36, TOLD)
def cut_off(draft: Draft) -> None:
    part = draft.random.random()
    draft.edit(draft.of(*RT), lambda data: data[: int(len(data) * part)])


@mutation(36, SAME)
def image_cut_off(draft: Draft) -> None:
    part = draft.random.random()
    draft.edit(draft.of(*CTS), lambda data: data[: int(len(data) * part)])


@mutation(36, TOLD)
def element_missing(draft: Draft) -> None:
    name = draft.of(*RT)
    dataset = draft.dataset(name)
    tags = [element.tag for element in dataset.elements() if element.tag.group >= 8]
    del dataset[draft.random.choice(tags)]


@mutation(42, SAME)
def no_preamble(draft: Draft) -> None:
    for name in RT:
        draft.edit(name, lambda data: data[132:])


@mutation(42, SAME)
def no_file_meta(draft: Draft) -> None:
    for name in RT:
        draft.edit(name, without_meta)


def without_meta(data: bytes) -> bytes:
    if data[132:140] != b"\x02\0\0\0UL\x04\0":
        return data
    return data[144 + struct.unpack("<I", data[140:144])[0] :]


@mutation(42, SAME)
def foreign_files(draft: Draft) -> None:
    draft.files["readme.txt"] = b"nothing"
    draft.files["empty"] = b""
    draft.files["mark.dcm"] = bytes(128) + b"DICM"
    draft.files["mark2.dcm"] = bytes(128) + b"DICM" + b"\xff" * 40
    draft.files["DICOMDIR"] = b"\x08\x00\x05\x00" * 20
    draft.files["a/b/.DS_Store"] = bytes(600)


@mutation(43, SAME)
def packed_in_a_zip(draft: Draft) -> None:
    draft.packed = True


@mutation(43, SAME)
def zip_in_the_folder(draft: Draft) -> None:
    draft.files["old.zip"] = zipped(draft.files)[: draft.of(50, 10_000)]


def zipped(files: Files) -> bytes:
    """The files in a zip archive, always the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0)), content)
    return stream.getvalue()


@mutation(44, SAME)
def charset_junk(draft: Draft) -> None:
    for name in draft.random.sample(RT, 2):
        set_charset(draft, name, draft.of(*CHARSETS))


def set_charset(draft: Draft, name: str, text: str) -> None:
    """Declare a character set once the file is written, since no writer takes an unknown one."""
    value = text.encode() + b" " * (len(text) % 2)
    draft.edit(name, lambda data: with_charset(data, value))


def with_charset(data: bytes, value: bytes) -> bytes:
    at = data.find(b"\x08\0\x05\0") + 4
    if at < 4:
        return data
    start, size = (at + 2, 2) if data[at : at + 2] == b"CS" else (at, 4)
    old = int.from_bytes(data[start : start + size], "little")
    return data[:start] + len(value).to_bytes(size, "little") + value + data[start + size + old :]


@mutation(44, ANY)
def name_in_other_characters(draft: Draft) -> None:
    set_charset(draft, RS, draft.of(*CHARSETS))
    for item in draft.structures.get("StructureSetROISequence") or ():
        raw(item, "ROIName", draft.of(*BYTES) + b" 1")


@mutation(45, ANY)
def name_with_escapes(draft: Draft) -> None:
    set_charset(draft, RS, draft.of("ISO 2022 IR 58", "\\ISO 2022 IR 58", "ISO_IR 192"))
    for item in draft.structures.get("StructureSetROISequence") or ():
        raw(item, "ROIName", b"GTV\x1b$)A" + draft.of("病灶", "小东").encode("gb2312"))


@mutation(46, SAME)
def private_junk(draft: Draft) -> None:
    dataset = draft.dataset(draft.pick())
    dataset.add_new(0x00090010, "LO", "RTPLAN FUZZ")
    raw_tag(dataset, 0x00091001, draft.of(*BYTES))
    raw_tag(dataset, 0x30090001, b"\xff" * 30)


def raw_tag(dataset: Dataset, tag: int, value: bytes) -> None:
    dataset.add_new(tag, "OB", value + b"\0" * (len(value) % 2))


@mutation(46, ANY)
def unknown_vr(draft: Draft) -> None:
    name = draft.of(*RT)
    draft.explicit(name)
    vr = draft.of(b"CM", b"??", b"UN", b"\0\0", b"SQ", b"FD", b"US", b"OB")
    at = draft.random.random()
    draft.edit(name, lambda data: other_vr(data, vr, at))


def other_vr(data: bytes, vr: bytes, at: float) -> bytes:
    """One short element with another value representation."""
    known = (b"LO", b"DS", b"IS", b"CS", b"UI", b"SH", b"US", b"PN")
    places = [n for n in range(140, len(data) - 8) if data[n : n + 2] in known]
    if not places:
        return data
    place = places[int(at * len(places))]
    return data[:place] + vr + data[place + 2 :]


@mutation(46, TOLD)
def value_in_another_vr(draft: Draft) -> None:
    dataset = draft.dataset(draft.of(*RT))
    elements = [e for e in dataset if e.VR not in ("SQ", "OW") and e.tag.group >= 8]
    element = draft.random.choice(elements)
    if draft.random.random() < 0.5:
        raw_tag(dataset, element.tag, draft.of(*BYTES))
    else:
        item = Dataset()
        item.PatientComments = SENTINEL
        dataset.add_new(element.tag, "SQ", Sequence([item]))


@mutation(46, ANY)
def elements_twice(draft: Draft) -> None:
    name, at = draft.of(*RT), draft.random.random()
    draft.edit(name, lambda data: data + data[int(len(data) * at) // 2 * 2 :])


@mutation(47, TOLD)
def nested_deep(draft: Draft) -> None:
    depth = draft.of(10, 29, 31, 200, 5000)
    level = b"\x06\x30\x80\x00\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    end = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    closing = draft.random.random() < 0.5
    draft.edit(RS, lambda data: data + level * depth + (end * depth if closing else b""))


@mutation(48, TOLD)
def deflate_bomb(draft: Draft) -> None:
    name = draft.of(RS, RD)
    draft.explicit(name)
    size = draft.of(1 << 20, 20 << 20, 600 << 20)
    draft.edit(name, lambda data: deflated(data, extra=size))


@mutation(49, TOLD)
def dimensions_absurd(draft: Draft) -> None:
    keyword = draft.of("Rows", "Columns", "NumberOfFrames")
    number = draft.of(0, 1, 9, 13, 65535)
    if keyword == "NumberOfFrames":
        raw(
            draft.dose,
            keyword,
            draft.of(str(number), "-8", "", "x", "99999999999", "8.5"),
        )
    else:
        raw(draft.dose, keyword, number.to_bytes(2, "little"))


@mutation(49, ANY)
def run_lengths_damaged(draft: Draft) -> None:
    draft.explicit(RD)
    noise = bytes(draft.random.randrange(256) for _ in range(300))
    draft.edit(RD, lambda data: in_run_lengths(data, noise))


def in_run_lengths(data: bytes, noise: bytes) -> bytes:
    """The pixel data as fragments in RLE that hold noise."""
    at = data.find(b"\xe0\x7f\x10\x00OW")
    if at < 0:
        return data
    fragment = struct.pack("<16I", 2, 64, 200, *[0] * 13) + noise
    item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(fragment)) + fragment
    pixels = b"\xfe\xff\x00\xe0\0\0\0\0" + item * 8 + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return swap_syntax(data[:at] + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + pixels, SYNTAXES[7])


@mutation(50, TOLD)
def sequence_length_giant(draft: Draft) -> None:
    tag = draft.of(b"\x06\x30\x20\x00", b"\x06\x30\x39\x00", b"\x06\x30\x80\x00")
    length = draft.of(0xFFFFFFFF, 0xFFFFFFF0, 7, 0, 100)
    draft.edit(RS, lambda data: with_length(data, tag, length))


@mutation(51, ANY)
def bytes_damaged(draft: Draft) -> None:
    name, seed = draft.pick(), draft.random.randrange(1 << 30)
    draft.edit(name, lambda data: mangle(data, seed))


@mutation(52, SAME)
def file_names_hostile(draft: Draft) -> None:
    names = [
        f"{SENTINEL}^NAME.dcm",
        "=1+1.dcm",
        "<b>x",
        "-rf",
        "%00",
        "a" * 200,
        "é\u202e",
    ]
    for name in list(draft.files):
        if name not in (*RT, *CTS) or draft.random.random() < 0.5:
            continue
        draft.files[f"{draft.random.choice(names)}{name}"] = draft.files[name]


@mutation(56, SAME)
def identity_everywhere(draft: Draft) -> None:
    for name in draft.files:
        dataset = draft.dataset(name)
        for keyword in (
            "PatientComments",
            "OperatorsName",
            "StationName",
            "AccessionNumber",
            "StudyID",
        ):
            raw(dataset, keyword, f"{SENTINEL} {BIRTH_DATE}")


@mutation(56, TOLD)
def another_patient(draft: Draft) -> None:
    for name in draft.random.sample(RT, draft.of(1, 2)):
        raw(draft.dataset(name), "PatientID", f"{SENTINEL}-OTHER")
        if draft.random.random() < 0.5:
            raw(draft.dataset(name), "PatientName", f"{SENTINEL}^OTHER")


@mutation(56, ANY)
def patient_missing(draft: Draft) -> None:
    for name in draft.random.sample(RT, draft.of(1, 2, 3)):
        for keyword in ("PatientID", "PatientName", "PatientBirthDate"):
            draft.dataset(name).pop(keyword, None)


@mutation(43, SAME)
def copies(draft: Draft) -> None:
    for name in draft.random.sample(RT, 2):
        draft.files[f"copy/{name}"] = written(draft.dataset(name))


@mutation(43, TOLD)
def copies_that_differ(draft: Draft) -> None:
    name = draft.of(*RT)
    other = copy.deepcopy(draft.dataset(name))
    other.InstanceCreationDate = "19990101"
    draft.files[f"copy/{name}"] = written(other)


@mutation(48, SAME)
def checksum_behind(draft: Draft) -> None:
    draft.edit(draft.of(*CTS), lambda data: data + struct.pack("<I", zlib.crc32(data)))

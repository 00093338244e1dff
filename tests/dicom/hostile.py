"""Files made to exhaust memory or time; what reading each takes, in a process of its own.

``python -m tests.dicom.hostile`` prints the table; ``--quick`` leaves out the large files. Peak
memory is read from ``/proc``, as Linux has it.
"""

from __future__ import annotations

import argparse
import json
import resource
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pydicom.dataset import Dataset

from rtplan.dicom.encoding import DEFLATED_DATASET
from tests.dicom import objects
from tests.dicom.objects import to_bytes

MIB = 1 << 20
RLE = "1.2.840.10008.1.2.5"

CHILD = """
import sys
from rtplan.cli.main import main
code = main(["doctor", sys.argv[1], "--json", sys.argv[2], "--quiet"])
with open("/proc/self/status") as status:
    print(*(line.split()[1] for line in status if line.startswith("VmHWM")), file=sys.stderr)
sys.exit(code)
"""


def with_syntax(data: bytes, uid: str, body: Callable[[bytes], bytes]) -> bytes:
    """A file with another transfer syntax, its data set changed by ``body``."""
    padded = uid.encode() + b"\0" * (len(uid) % 2)
    at = data.index(b"\x02\x00\x10\x00UI")
    old = int.from_bytes(data[at + 6 : at + 8], "little")
    length = int.from_bytes(data[140:144], "little")
    start = 144 + length
    meta = data[144:at] + b"\x02\x00\x10\x00UI" + struct.pack("<H", len(padded)) + padded
    meta += data[at + 8 + old : start]
    return data[:140] + struct.pack("<I", len(meta)) + meta + body(data[start:])


def deflated(data: bytes, *, extra: int = 0) -> bytes:
    """The file deflated; ``extra`` zero bytes follow its data set."""

    def pack(body: bytes) -> bytes:
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        start = packer.compress(body) + packer.flush(zlib.Z_FULL_FLUSH)
        # After a full flush every piece is compressed on its own, so one may be repeated.
        piece = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
        packed = start + piece * (extra // MIB) + packer.flush()
        return packed + b"\0" * (len(packed) % 2)

    return with_syntax(data, DEFLATED_DATASET, pack)


def rle_dose(frames: int, *, rows: int = 1024, columns: int = 1024) -> bytes:
    """A dose of constant planes in RLE: 64 times smaller than its values."""
    ds = objects.dose(np.zeros((2, 2, 2), dtype="<u2"))
    ds.NumberOfFrames, ds.Rows, ds.Columns = frames, rows, columns
    ds.GridFrameOffsetVector = [str(k) for k in range(frames)]
    size = rows * columns
    runs = b"\x81\x01" * (size // 128)
    header = struct.pack("<16I", 2, 64, 64 + len(runs), *[0] * 13)
    fragment = header + runs + runs
    item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(fragment)) + fragment
    pixels = b"\xfe\xff\x00\xe0\0\0\0\0" + item * frames + b"\xfe\xff\xdd\xe0\0\0\0\0"
    head = b"\xe0\x7f\x10\x00OB\0\0" + b"\xff\xff\xff\xff"
    plain = to_bytes(ds, explicit=True)
    at = plain.index(b"\xe0\x7f\x10\x00OW")
    return with_syntax(plain[:at] + head + pixels, RLE, lambda body: body)


def nested(depth: int) -> bytes:
    """Sequences of undefined length in each other."""
    level = b"\x06\x30\x80\x00\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    return to_bytes(objects.structure_set()) + level * depth


def giant_length() -> bytes:
    ds = objects.dose()
    del ds.PixelData
    return to_bytes(ds) + b"\xe0\x7f\x10\x00" + struct.pack("<I", 0xFFFFFFF0) + bytes(100)


def absurd_dimensions() -> bytes:
    ds = objects.dose()
    ds.Rows = ds.Columns = 65535
    ds.NumberOfFrames = 9999
    return to_bytes(ds)


def many_elements(count: int) -> bytes:
    """Empty elements of ascending tags behind a structure set."""
    headers = np.zeros((count, 4), dtype="<u2")
    headers[:, 0] = 0x3010 + 2 * (np.arange(count) >> 16)
    headers[:, 1] = np.arange(count) & 0xFFFF
    return to_bytes(objects.structure_set()) + headers.tobytes()


def many_rois(count: int) -> bytes:
    """A structure set of so many ROIs without contours."""
    item = b"\xfe\xff\x00\xe0\x0c\0\0\0\x06\x30\x22\x00\x04\0\0\0"
    body = b"".join(item + f"{n % 10000:<4}".encode() for n in range(count))
    data = to_bytes(objects.structure_set())
    at = data.index(b"\x06\x30\x20\x00")
    return data[:at] + b"\x06\x30\x20\x00" + struct.pack("<I", len(body)) + body


def contour_of(text: bytes) -> bytes:
    ds = objects.structure_set(("GTV",))
    item = ds.ROIContourSequence[0].ContourSequence[0]
    item.ContourData = [1, 2, 3]
    data = to_bytes(ds, undefined=True)
    old = b"\x06\x30\x50\x00\x0c\0\0\0" + b"1.0\\2.0\\3.0 "
    assert data.count(old) == 1
    text += b" " * (len(text) % 2)
    return data.replace(old, b"\x06\x30\x50\x00" + struct.pack("<I", len(text)) + text)


def long_name(size: int) -> bytes:
    data = to_bytes(objects.structure_set(("ABCDEFGH",)), undefined=True)
    return data.replace(
        b"\x08\0\0\0ABCDEFGH", struct.pack("<I", size) + "é".encode("latin-1") * size
    )


def zipped(path: Path, members: int, size: int) -> None:
    """A zip whose members are zeros behind the mark of DICOM."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        content = bytes(128) + b"DICM" + bytes(size - 132)
        for number in range(members):
            packed.writestr(f"m{number}", content)


def ct_of(extra: int) -> bytes:
    ds: Dataset = objects.ct(0)
    return deflated(to_bytes(ds, explicit=True), extra=extra)


SMALL: dict[str, Callable[[], bytes]] = {
    "sequences nested 100,000 deep": lambda: nested(100_000),
    "length of 4 GiB, 100 bytes there": giant_length,
    "dose of 65535 x 65535 x 9999": absurd_dimensions,
    "deflated structure set of 2 GiB": lambda: deflated(
        to_bytes(objects.structure_set(), explicit=True), extra=2048 * MIB
    ),
    "deflated CT of 2 GiB": lambda: ct_of(2048 * MIB),
    "RLE dose of 600 MiB": lambda: rle_dose(300),
    "name of 64 MiB": lambda: long_name(64 * MIB),
}
LARGE: dict[str, Callable[[], bytes]] = {
    "RLE dose of 256 MiB (read)": lambda: rle_dose(128),
    "deflated structure set of 500 MiB (read)": lambda: deflated(
        to_bytes(objects.structure_set(), explicit=True), extra=500 * MIB
    ),
    "10 million elements": lambda: many_elements(10_000_000),
    "3.9 million elements (read)": lambda: many_elements(3_900_000),
    "300,000 ROIs": lambda: many_rois(300_000),
    "10,000 ROIs (read)": lambda: many_rois(10_000),
    "500 MiB of zeros behind the data set (read)": lambda: many_elements(0) + bytes(500 * MIB),
    "contour of 64 MiB of separators": lambda: contour_of(b"\\" * (64 * MIB)),
    "contour of 32 million numbers": lambda: contour_of(b"1\\" * (32 * MIB)),
    "coordinate of 64 million digits": lambda: contour_of(b"1" * (64 * MIB)),
    "999,999 points that are no numbers": lambda: contour_of(b"nan\\" * 2_999_990 + b"1"),
}
ARCHIVES: dict[str, tuple[int, int]] = {
    "zip of one member of 300 MiB": (1, 300 * MIB),
    "zip of 8 members of 200 MiB": (8, 200 * MIB),
    "zip of 4 members of 200 MiB (read)": (4, 200 * MIB),
    "zip of 100,000 members": (100_000, 200),
}


def measure(path: Path) -> tuple[int, str, float, float]:
    """Exit code, last line of the message, CPU seconds and peak MiB of ``rtplan doctor``."""
    out = path.with_suffix(".json")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", CHILD, str(path), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    *said, peak = done.stderr.strip().splitlines()
    text = said[-1] if said else _codes(out)
    return done.returncode, text, seconds, float(peak) / 1024


def _codes(path: Path) -> str:
    content = json.loads(path.read_text(encoding="utf-8"))
    return ", ".join(sorted({item["code"] for item in content["findings"]}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    print("| input | MiB | exit | CPU s | peak MiB | said |\n|---|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "object"
        for name, make in {**SMALL, **({} if quick else LARGE)}.items():
            path.write_bytes(make())
            _print(name, path)
        for name, (members, size) in ({} if quick else ARCHIVES).items():
            zipped(path, members, size)
            _print(name, path)


def _print(name: str, path: Path) -> None:
    code, text, seconds, peak = measure(path)
    size = path.stat().st_size / MIB
    print(
        f"| {name} | {size:.1f} | {code} | {seconds:.1f} | {peak:.0f} | {text[:110]} |", flush=True
    )


if __name__ == "__main__":
    main()

"""Pixel data of an RT Dose that is stored compressed: RLE is decoded, the rest refused by name.

Lossy compression has no place in a dose, and decoders of the lossless JPEG family handle at most
16 bits. RLE (PS3.5 annex G) is decoded a frame at a time, within the limit ``rle_mib``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rtplan.dicom.dose_planes import Unusable
from rtplan.dicom.limits import MIB, allowed
from rtplan.dicom.parse import foreign_faults
from rtplan.errors import DicomError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

RLE = "1.2.840.10008.1.2.5"
_RLE_RATIO = 64
"""Two bytes of RLE stand for 128 bytes at most."""


def syntax_name(transfer_syntax_uid: str | None) -> str:
    """A transfer syntax by its name in the standard and its UID.

    >>> syntax_name("1.2.840.10008.1.2.4.80")
    'JPEG-LS Lossless Image Compression (1.2.840.10008.1.2.4.80)'
    """
    from pydicom.uid import UID

    name = UID(transfer_syntax_uid or "").name
    known = name if name != transfer_syntax_uid else "an unknown transfer syntax"
    return f"{known} ({transfer_syntax_uid})"


def check_compressed(dataset: Dataset, transfer_syntax_uid: str | None, decoded_bytes: int) -> None:
    """Everything about compressed pixel data that can be known without decoding it.

    Parameters
    ----------
    dataset : Dataset
    transfer_syntax_uid : str or None
    decoded_bytes : int
        Bytes that the description of the pixels promises.

    Raises
    ------
    Unusable
        It is not RLE, promises more than is decoded here, or more than RLE of its size can hold.
    """
    if transfer_syntax_uid != RLE:
        raise Unusable("RTD005", f"pixel data is stored as {syntax_name(transfer_syntax_uid)}")
    if decoded_bytes > allowed().rle_mib * MIB:
        raise Unusable(
            "RTD005",
            f"compressed pixel data promises {decoded_bytes} bytes, expected at most "
            f"{allowed().rle_mib} MiB (--limit rle_mib)",
        )
    with foreign_faults("read the pixel data of"):
        packed = len(dataset.get_item("PixelData").value or b"")
    if decoded_bytes > packed * _RLE_RATIO:
        raise Unusable(
            "RTD004", f"{packed} bytes of RLE cannot hold the {decoded_bytes} bytes promised"
        )


def decode(dataset: Dataset, count: int) -> NDArray[np.generic]:
    """The stored values of RLE pixel data, (count,), frame by frame.

    Raises
    ------
    Unusable
        It cannot be decoded, or to another number of values.
    """
    from pydicom.pixels.utils import iter_pixels

    values: NDArray[np.generic] | None = None
    filled = 0
    try:
        with foreign_faults("decode"):
            for frame in iter_pixels(dataset, raw=True):
                if values is None:
                    values = np.empty(count, dtype=frame.dtype)
                part = values[filled : filled + frame.size]
                filled += frame.size
                if part.size == frame.size:
                    part[:] = frame.ravel()
    except DicomError as error:
        raise Unusable("RTD005", f"the RLE pixel data cannot be decoded: {error}") from None
    if values is None or filled != count:
        raise Unusable("RTD004", f"pixel data decodes to {filled} values, expected {count}")
    return values

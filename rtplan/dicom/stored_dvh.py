"""DVHs stored with an RT Dose (PS3.3 C.8.8.4), for comparison only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rtplan.case import StoredDVH
from rtplan.dicom.numbers import parse_decimals
from rtplan.dicom.parse import code, decimal, integer, items, raw_value, with_commas
from rtplan.errors import DicomError
from rtplan.findings import Finding, finding
from rtplan.geometry.grid import read_only

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_ROUNDING = 1e-6


def read_stored_dvhs(
    dataset: Dataset, sop_instance_uid: str
) -> tuple[tuple[StoredDVH, ...], tuple[Finding, ...]]:
    """Cumulative DVHs in Gy and cc of single ROIs; the rest is left out with a finding each."""
    found: list[StoredDVH] = []
    notes: list[Finding] = []
    try:
        sequence = items(dataset, "DVHSequence")
    except DicomError as error:
        note = finding("RTD010", f"DVH Sequence: {error}", sop_instance_uid=sop_instance_uid)
        return (), (note,)
    commas = 0
    for index, item in enumerate(sequence):
        number = None
        commas += bool(with_commas(item, ("DVHDoseScaling", "DVHData")))
        try:
            number = _roi_number(item)
            found.append(_read_one(item, number))
        except DicomError as error:
            notes.append(
                finding(
                    "RTD010",
                    str(error),
                    sop_instance_uid=sop_instance_uid,
                    roi_number=number,
                    path=f"DVHSequence[{index}]",
                )
            )
    if commas:
        text = f"decimal commas in {commas} stored DVHs"
        notes.append(finding("FIL014", text, sop_instance_uid=sop_instance_uid))
    return tuple(found), tuple(notes)


def _roi_number(item: Dataset) -> int:
    references = items(item, "DVHReferencedROISequence")
    if len(references) != 1:
        raise DicomError(f"a stored DVH of {len(references)} ROIs, expected 1")
    if code(references[0], "DVHROIContributionType") == "EXCLUDED":
        raise DicomError("a stored DVH that excludes its ROI")
    number = integer(references[0], "ReferencedROINumber")
    if number is None:
        raise DicomError("a stored DVH without ROI number")
    return number


def _read_one(item: Dataset, number: int) -> StoredDVH:
    """One DVH as a curve.

    DVH Data holds pairs of bin width and volume. Of a cumulative DVH the volume stands at the
    low edge of its bin (the first is the whole volume at dose 0); where the first width is 0,
    the pairs stand at the high edge, and the running sum of widths already is their dose.
    """
    for keyword, name, expected in (
        ("DoseUnits", "Dose Units", "GY"),
        ("DVHVolumeUnits", "DVH Volume Units", "CM3"),
    ):
        stated = code(item, keyword)
        if stated != expected:
            raise DicomError(f"a stored DVH with {name} {stated or 'missing'}, expected {expected}")
    kind = code(item, "DVHType")
    if kind not in ("CUMULATIVE", "DIFFERENTIAL"):
        raise DicomError(f"a stored DVH of type {kind or 'missing'}")
    scaling = decimal(item, "DVHDoseScaling")
    if scaling is None or scaling <= 0:
        raise DicomError("a stored DVH without DVH Dose Scaling")
    data = parse_decimals(raw_value(item, "DVHData"))
    bins = integer(item, "DVHNumberOfBins")
    if data.size < 2 or data.size % 2 or (bins is not None and bins != data.size // 2):
        raise DicomError(f"a stored DVH of {bins} bins with {data.size} numbers")
    widths, volumes = data[0::2] * scaling, data[1::2]
    noise = _ROUNDING * float(np.abs(volumes).max())
    if (widths < 0).any() or (volumes < -noise).any():
        raise DicomError("a stored DVH with negative widths or volumes")
    volumes = np.maximum(volumes, 0.0)
    if kind == "DIFFERENTIAL":
        volumes = np.cumsum(volumes[::-1])[::-1]
    high_edges = np.cumsum(widths)
    if widths[0] == 0:
        dose, volume = high_edges, volumes
    else:
        dose = np.concatenate([[0.0], high_edges])
        volume = np.append(volumes, 0.0)
    if (np.diff(volume) > noise).any():
        raise DicomError("a stored cumulative DVH that rises")
    return StoredDVH(number, read_only(dose), read_only(np.ascontiguousarray(volume)))

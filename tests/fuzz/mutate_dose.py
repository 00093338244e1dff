"""Mutations of the dose, the plan and the images: rows 17 and 26 to 41 of the pitfalls."""

from __future__ import annotations

import copy

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.fuzz.base import CTS, RD, RP
from tests.fuzz.draft import Draft, raw, written
from tests.fuzz.mutate_names import NAMES
from tests.fuzz.mutate_structures import BAD_NUMBERS, points, put
from tests.fuzz.oracle import Effect
from tests.fuzz.registry import mutation

SAME, TOLD, ANY = Effect.SAME, Effect.TOLD, Effect.ANY
FRAMES = 8
OFFSETS = "\\".join(str(4 * k) for k in range(FRAMES))
ORIENTATIONS = (
    *("-1\\0\\0\\0\\-1\\0", "-1\\0\\0\\0\\1\\0", "1\\0\\0\\0\\-1\\0", "0\\1\\0\\-1\\0\\0"),
    *(
        "0\\1\\0\\1\\0\\0",
        "0\\0\\1\\1\\0\\0",
        "1\\0\\0\\0\\0\\1",
        "0.98\\0.199\\0\\-0.199\\0.98\\0",
    ),
    *(
        "1\\0\\0\\1\\0\\0",
        "0\\0\\0\\0\\0\\0",
        "nan\\0\\0\\0\\1\\0",
        "2\\0\\0\\0\\2\\0",
        "1\\0\\0",
        "",
    ),
    *("1\\1e-3\\0\\0\\1\\0", "1\\0\\0\\0.5\\1\\0", "inf\\0\\0\\0\\1\\0", "1e-300\\0\\0\\0\\1\\0"),
)


def bad_number(draft: Draft) -> str:
    return draft.of(*BAD_NUMBERS)


def dose_values(draft: Draft) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    return np.frombuffer(draft.dose.PixelData, "<u2").reshape(FRAMES, 10, 12)


@mutation(17, ANY)
def patient_position(draft: Draft) -> None:
    turn = draft.random.choice(ORIENTATIONS[:4])
    for name in (*CTS, RD):
        raw(draft.dataset(name), "ImageOrientationPatient", turn)
        raw(draft.dataset(name), "PatientPosition", draft.of("HFP", "FFS", "HFDL", "X"))


@mutation(17, ANY)
def dose_orientation(draft: Draft) -> None:
    raw(draft.dose, "ImageOrientationPatient", draft.of(*ORIENTATIONS))


@mutation(26, SAME)
def offsets_absolute(draft: Draft) -> None:
    z = float(draft.dose.ImagePositionPatient[2])
    raw(draft.dose, "GridFrameOffsetVector", "\\".join(str(z + 4 * k) for k in range(FRAMES)))


@mutation(26, SAME)
def frames_from_the_top(draft: Draft) -> None:
    first = float(draft.dose.ImagePositionPatient[2])
    x, y = draft.dose.ImagePositionPatient[:2]
    draft.dose.PixelData = dose_values(draft)[::-1].tobytes()
    draft.dose.ImagePositionPatient = [x, y, first + 4 * (FRAMES - 1)]
    raw(draft.dose, "GridFrameOffsetVector", "\\".join(str(-4 * k) for k in range(FRAMES)))


@mutation(26, SAME)
def frames_in_any_order(draft: Draft) -> None:
    order = list(range(1, FRAMES))
    draft.random.shuffle(order)
    order = [0, *order]
    draft.dose.PixelData = dose_values(draft)[order].tobytes()
    raw(draft.dose, "GridFrameOffsetVector", "\\".join(str(4 * k) for k in order))


@mutation(26, TOLD)
def offsets_bad(draft: Draft) -> None:
    texts = OFFSETS.split("\\")
    texts[draft.random.randrange(FRAMES)] = bad_number(draft)
    raw(draft.dose, "GridFrameOffsetVector", "\\".join(texts))


@mutation(26, ANY)
def offsets_uneven(draft: Draft) -> None:
    texts = OFFSETS.split("\\")
    texts[draft.random.randrange(1, FRAMES)] = draft.of("4", "5", "8.0001", "100", "1e5", "-1")
    raw(draft.dose, "GridFrameOffsetVector", "\\".join(texts))


@mutation(26, TOLD)
def offsets_too_few_or_many(draft: Draft) -> None:
    raw(
        draft.dose,
        "GridFrameOffsetVector",
        draft.random.choice([OFFSETS + "\\32", OFFSETS[:-3], "0", ""]),
    )


@mutation(26, ANY)
def offsets_scaled(draft: Draft) -> None:
    step = draft.of(0.0, 1e-6, 1e-3, 0.4, -4, 4e3, 1e6, 1e300)
    raw(draft.dose, "GridFrameOffsetVector", "\\".join(f"{step * k:g}" for k in range(FRAMES)))


@mutation(27, TOLD)
def offsets_missing(draft: Draft) -> None:
    draft.dose.pop("GridFrameOffsetVector", None)


@mutation(27, SAME)
def one_file_for_each_plane(draft: Draft) -> None:
    for number, single in enumerate(single_planes(draft)):
        draft.files[f"RD{number}.dcm"] = written(single)
    draft.remove(RD)


@mutation(27, TOLD)
def a_plane_lost(draft: Draft) -> None:
    lost = draft.random.randrange(1, FRAMES - 1)
    for number, single in enumerate(single_planes(draft)):
        if number != lost:
            draft.files[f"RD{number}.dcm"] = written(single)
    draft.remove(RD)


def single_planes(draft: Draft) -> list[Dataset]:
    found = []
    x, y, z = (float(value) for value in draft.dose.ImagePositionPatient)
    for number, plane in enumerate(dose_values(draft)):
        single = copy.deepcopy(draft.dose)
        single.SOPInstanceUID = f"{draft.dose.SOPInstanceUID[:40]}.{number}"
        single.PixelData = plane.tobytes()
        single.ImagePositionPatient = [x, y, z + 4 * number]
        for keyword in ("NumberOfFrames", "GridFrameOffsetVector", "FrameIncrementPointer"):
            single.pop(keyword, None)
        found.append(single)
    return found


@mutation(28, TOLD)
def scaling_missing(draft: Draft) -> None:
    draft.dose.pop("DoseGridScaling", None)


@mutation(28, TOLD)
def scaling_bad(draft: Draft) -> None:
    raw(draft.dose, "DoseGridScaling", draft.of("0", "-0.01", *BAD_NUMBERS).encode())


@mutation(28, ANY)
def scaling_other(draft: Draft) -> None:
    scale = draft.of(1e-2, 10, 100, 1e4, 1e-6, 1e-30, 1e-310, 1e20)
    raw(
        draft.dose,
        "DoseGridScaling",
        f"{float(draft.dose.get('DoseGridScaling') or 1) * scale:.9g}",
    )


@mutation(29, TOLD)
def units_other(draft: Draft) -> None:
    raw(
        draft.dose,
        "DoseUnits",
        draft.of("RELATIVE", "CGY", "cGy", "", "%", "GY\\X", "RAD"),
    )


@mutation(29, TOLD)
def type_other(draft: Draft) -> None:
    raw(
        draft.dose,
        "DoseType",
        draft.of("EFFECTIVE", "ERROR", "", "junk", "PHYSICAL\\ERROR"),
    )


@mutation(30, TOLD)
def summation_other(draft: Draft) -> None:
    kinds = [
        "BEAM",
        "FRACTION",
        "MULTI_PLAN",
        "BRACHY",
        "CONTROL_POINT",
        "",
        "plan",
        "JUNK",
        "RECORD",
    ]
    raw(draft.dose, "DoseSummationType", draft.random.choice(kinds))


@mutation(30, TOLD)
def summation_missing(draft: Draft) -> None:
    draft.dose.pop("DoseSummationType", None)


@mutation(30, TOLD)
def second_dose(draft: Draft) -> None:
    other = copy.deepcopy(draft.dose)
    other.SOPInstanceUID = draft.of("1.2.3.77", draft.dose.SOPInstanceUID)
    other.PixelData = (dose_values(draft) // 2).tobytes()
    if draft.random.random() < 0.5:
        other.DoseSummationType = "BEAM"
    draft.files["RD2.dcm"] = written(other)


@mutation(30, ANY)
def beam_doses(draft: Draft) -> None:
    for number in draft.of((1, 2), (1,), (1, 1), (1, 2, 3)):
        part = copy.deepcopy(draft.dose)
        part.SOPInstanceUID = f"1.2.3.8{number}"
        part.DoseSummationType = "BEAM"
        part.PixelData = (dose_values(draft) // 2).tobytes()
        beam, group = Dataset(), Dataset()
        beam.ReferencedBeamNumber = number
        group.ReferencedBeamSequence = Sequence([beam])
        for item in part.get("ReferencedRTPlanSequence") or ():
            item.ReferencedFractionGroupSequence = Sequence([group])
        draft.files[f"RD-B{number}.dcm"] = written(part)
    draft.remove(RD)


@mutation(31, TOLD)
def bits_contradict(draft: Draft) -> None:
    keyword = draft.of("BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel")
    value = draft.of(0, 1, 8, 12, 15, 17, 32, 64, 65535)
    raw(draft.dose, keyword, value.to_bytes(2, "little"))


@mutation(31, ANY)
def bits_stored_fewer(draft: Draft) -> None:
    bits = draft.of(4, 8, 12, 15)
    draft.dose.BitsStored, draft.dose.HighBit = bits, bits - 1


@mutation(31, ANY)
def sign_other(draft: Draft) -> None:
    raw(draft.dose, "PixelRepresentation", draft.of(1, 2, 255).to_bytes(2, "little"))


@mutation(31, ANY)
def dose_extreme(draft: Draft) -> None:
    values = dose_values(draft).copy()
    kind = draft.of("zero", "full", "one", "noise")
    values[:] = 65535 if kind == "full" else 0
    if kind == "one":
        values[4, 5, 6] = 65535
    if kind == "noise":
        values[:] = np.random.default_rng(draft.random.randrange(99)).integers(
            0, 65535, values.shape
        )
    draft.dose.PixelData = values.tobytes()


@mutation(34, TOLD)
def pixels_short_or_long(draft: Draft) -> None:
    data = bytes(draft.dose.PixelData)
    by = draft.of(-1, -2, -240, -1920, 1, 2, 240, 1920)
    raw(draft.dose, "PixelData", data[:by] if by < 0 else data + b"\1" * by)


@mutation(34, TOLD)
def pixels_missing(draft: Draft) -> None:
    draft.dose.pop("PixelData", None)


@mutation(34, TOLD)
def pixels_of_floats(draft: Draft) -> None:
    data = draft.dose.PixelData
    draft.dose.pop("PixelData", None)
    draft.dose.FloatPixelData = data


@mutation(37, TOLD)
def dose_beside_the_structures(draft: Draft) -> None:
    x, y, z = (float(value) for value in draft.dose.ImagePositionPatient)
    by = draft.of(20, 200, -30, 90_000, 1e9)
    raw(
        draft.dose,
        "ImagePositionPatient",
        draft.of(f"{x + by}\\{y}\\{z}", f"{x}\\{y}\\{z + by}"),
    )


@mutation(38, ANY)
def dose_between_voxels(draft: Draft) -> None:
    x, y, z = (float(value) for value in draft.dose.ImagePositionPatient)
    raw(draft.dose, "ImagePositionPatient", f"{x + draft.random.random():.9f}\\{y}\\{z}")


@mutation(38, TOLD)
def position_bad(draft: Draft) -> None:
    texts = [str(value) for value in draft.dose.ImagePositionPatient]
    texts[draft.random.randrange(3)] = bad_number(draft)
    raw(
        draft.dose,
        "ImagePositionPatient",
        draft.of("\\".join(texts), "", "1\\2").encode(),
    )


@mutation(38, ANY)
def spacing_other(draft: Draft) -> None:
    text = draft.of(
        "1e-9\\4", "0\\4", "-4\\4", "4", "", "4\\4\\4", "1e-3\\1e-3", "1e9\\4", "nan\\4"
    )
    raw(draft.dose, "PixelSpacing", text)


@mutation(39, SAME)
def stored_dvhs(draft: Draft) -> None:
    items = []
    for number, data in (
        (1, "1\\1\\1\\0"),
        (2, "nan\\1"),
        (9, "x"),
        (3, "0\\" * 9),
        (1, "1e400\\-1"),
    ):
        item, reference = Dataset(), Dataset()
        raw(reference, "ReferencedROINumber", str(number))
        raw(item, "DVHData", data)
        item.DVHReferencedROISequence = Sequence([reference])
        item.DVHType = draft.of("CUMULATIVE", "DIFFERENTIAL", "NATURAL", "")
        item.DoseUnits, item.DoseType = "GY", "PHYSICAL"
        raw(item, "DVHDoseScaling", draft.of("1", "0", "nan", "-1", ""))
        raw(item, "DVHNumberOfBins", draft.of("1", "2", "0", "x"))
        item.DVHVolumeUnits = draft.of("CM3", "PERCENT", "PER_U", "")
        items.append(item)
    draft.dose.DVHSequence = Sequence(items)


@mutation(41, SAME)
def image_numbers_shuffled(draft: Draft) -> None:
    for name in CTS:
        raw(draft.dataset(name), "InstanceNumber", draft.of("9", "", "x", "-1"))


@mutation(41, SAME)
def images_lost(draft: Draft) -> None:
    for name in draft.random.sample(CTS, draft.of(1, 2, 3)):
        draft.remove(name)


@mutation(41, SAME)
def image_attribute_bad(draft: Draft) -> None:
    dataset = draft.dataset(draft.of(*CTS))
    keyword = draft.of(
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleSlope",
        "RescaleIntercept",
    )
    bad = draft.of("", "nan", "0\\0", "inf\\0\\0", "x\\y\\z", *ORIENTATIONS)
    raw(dataset, keyword, bad)
    if draft.random.random() < 0.5:
        number = draft.of(0, 1, 9, 65535).to_bytes(2, "little")
        raw(
            dataset,
            draft.of("Rows", "Columns", "BitsAllocated", "SamplesPerPixel"),
            number,
        )


@mutation(41, SAME)
def images_without(draft: Draft) -> None:
    keyword = draft.of(
        "ImagePositionPatient", "SeriesInstanceUID", "PixelData", "Rows", "PixelSpacing", "Modality"
    )
    for name in CTS:
        draft.dataset(name).pop(keyword, None)


@mutation(41, SAME)
def image_doubled(draft: Draft) -> None:
    other = copy.deepcopy(draft.dataset(CTS[0]))
    if draft.random.random() < 0.5:
        other.SOPInstanceUID = "1.2.3.55"
    other.ImageType = ["DERIVED", "SECONDARY", "LOCALIZER"]
    draft.files["CT9.dcm"] = written(other)


@mutation(0, ANY)
def fractions_other(draft: Draft) -> None:
    for group in draft.plan.get("FractionGroupSequence") or ():
        texts = ["0", "-5", "", "5.0", "nan", "1", "99999999999", "x", "5\\3", "1e1", "5 "]
        raw(group, "NumberOfFractionsPlanned", draft.random.choice(texts))


@mutation(0, TOLD)
def fraction_groups_other(draft: Draft) -> None:
    groups = list(draft.plan.get("FractionGroupSequence") or ())
    draft.plan.FractionGroupSequence = Sequence(draft.random.choice([[], groups * 2, [Dataset()]]))


@mutation(0, ANY)
def prescription_other(draft: Draft) -> None:
    texts = ["0", "-1", "", "nan", "1e300", "3000", "0.3", "1,5", "inf", "30\\40"]
    for item in draft.plan.get("DoseReferenceSequence") or ():
        keyword = draft.of("TargetPrescriptionDose", "DeliveryMaximumDose", "ReferencedROINumber")
        raw(item, keyword, draft.random.choice(texts))
        raw(item, "DoseReferenceType", draft.of("TARGET", "ORGAN_AT_RISK", "", "x"))


@mutation(0, ANY)
def beams_other(draft: Draft) -> None:
    for group in draft.plan.get("FractionGroupSequence") or ():
        for item in group.get("ReferencedBeamSequence") or ():
            raw(item, "ReferencedBeamNumber", draft.of("1", "2", "99", "", "x", "-1"))
            raw(item, "BeamDose", draft.of("nan", "0", "-3", "", "1e300"))
    for beam in draft.plan.get("BeamSequence") or ():
        raw(beam, "TreatmentDeliveryType", draft.of("SETUP", "TREATMENT", "", "x"))


@mutation(0, ANY)
def plan_label_hostile(draft: Draft) -> None:
    for keyword in ("RTPlanLabel", "RTPlanName", "ApprovalStatus", "PlanIntent"):
        raw(draft.plan, keyword, draft.of(*NAMES).encode("utf-8"))


@mutation(0, TOLD)
def plan_lost(draft: Draft) -> None:
    draft.remove(RP)


@mutation(0, TOLD)
def dose_lost(draft: Draft) -> None:
    draft.remove(RD)


@mutation(0, ANY)
def structures_turned_with_nothing_else(draft: Draft) -> None:
    for contour in draft.contours():
        texts = points(contour)
        rows = [texts[at : at + 3] for at in range(0, len(texts), 3)]
        put(contour, [text for x, y, z in rows for text in (y, x, z)])

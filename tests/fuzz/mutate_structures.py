"""Mutations of the structure set: what is drawn, rows 1 to 23 of the pitfalls."""

from __future__ import annotations

import contextlib
import copy
import math

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.fuzz.base import CTS, RS
from tests.fuzz.draft import Draft, raw, written
from tests.fuzz.oracle import Effect
from tests.fuzz.registry import mutation

SAME, TOLD, ANY = Effect.SAME, Effect.TOLD, Effect.ANY
LISTS = ("StructureSetROISequence", "ROIContourSequence", "RTROIObservationsSequence")
BAD_NUMBERS = (
    *("nan", "inf", "-inf", "NaN", "1e999", "-1e308", "1e308", "1e30", "1e6", "-200000"),
    *("1,5", "abc", "0x10", "1_0", "1e", "--1", "", "1 2", "+", "٣", "1.5\x00", "1e5000"),
)


def points(contour: Dataset) -> list[str]:
    """Coordinates of a contour as texts, three for each point."""
    values = contour.get("ContourData")
    return [] if values is None else [str(value) for value in values]


def put(contour: Dataset, texts: list[str], *, count: int | None = None) -> None:
    """Set the coordinates as they are, and the count that belongs to them."""
    raw(contour, "ContourData", "\\".join(texts).encode("utf-8", "replace"))
    contour.NumberOfContourPoints = len(texts) // 3 if count is None else count


def triples(contour: Dataset) -> list[list[str]]:
    texts = points(contour)
    return [texts[at : at + 3] for at in range(0, len(texts), 3)]


def join(rows: list[list[str]]) -> list[str]:
    return [text for row in rows for text in row]


def a_roi(draft: Draft) -> Dataset:
    return draft.roi("ROIContourSequence")


@mutation(1, TOLD)
def contour_sequence_absent(draft: Draft) -> None:
    a_roi(draft).pop("ContourSequence", None)


@mutation(1, TOLD)
def contour_sequence_empty(draft: Draft) -> None:
    a_roi(draft).ContourSequence = Sequence([])


@mutation(1, TOLD)
def contour_data_empty(draft: Draft) -> None:
    put(draft.contour(), [], count=draft.of(0, 1, 4))


@mutation(1, TOLD)
def all_contours_empty(draft: Draft) -> None:
    for contour in draft.contours():
        put(contour, [])


@mutation(2, TOLD)
def item_lost(draft: Draft) -> None:
    items = draft.structures.get(draft.of(*LISTS))
    if items:
        del items[draft.random.randrange(len(items))]


@mutation(2, SAME)
def items_in_other_orders(draft: Draft) -> None:
    for name in LISTS:
        items = list(draft.structures.get(name) or ())
        draft.random.shuffle(items)
        setattr(draft.structures, name, Sequence(items))


@mutation(2, TOLD)
def list_lost(draft: Draft) -> None:
    name = draft.of(*LISTS)
    if draft.random.random() < 0.5:
        draft.structures.pop(name, None)
    else:
        setattr(draft.structures, name, Sequence([]))


@mutation(2, TOLD)
def reference_to_no_roi(draft: Draft) -> None:
    item = draft.roi(draft.random.choice(LISTS[1:]))
    raw(
        item,
        "ReferencedROINumber",
        draft.of("99", "-1", "0", "", "x", "1.5", "9" * 30),
    )


@mutation(2, TOLD)
def contours_twice(draft: Draft) -> None:
    items = draft.structures.get("ROIContourSequence")
    if items:
        items.append(copy.deepcopy(draft.random.choice(list(items))))


@mutation(3, TOLD)
def names_equal(draft: Draft) -> None:
    name = draft.of("SpinalCord", "GTV1_Lung_L", "spinal cord")
    for item in draft.structures.get("StructureSetROISequence") or ():
        item.ROIName = name


@mutation(4, TOLD)
def roi_numbers_equal(draft: Draft) -> None:
    for name in LISTS:
        for item in draft.structures.get(name) or ():
            keyword = "ROINumber" if name == LISTS[0] else "ReferencedROINumber"
            raw(item, keyword, "1")


@mutation(4, TOLD)
def one_roi_number_twice(draft: Draft) -> None:
    raw(draft.roi("StructureSetROISequence"), "ROINumber", draft.random.choice("123"))


@mutation(4, TOLD)
def roi_number_junk(draft: Draft) -> None:
    value = draft.of("", "x", "-5", "2147483648", "1e3", "1\\2", "9" * 400, "nan")
    raw(draft.roi("StructureSetROISequence"), "ROINumber", value)


@mutation(5, SAME)
def contours_closed_explicitly(draft: Draft) -> None:
    for contour in draft.contours():
        rows = triples(contour)
        put(contour, join([*rows, *rows[:1]]))


@mutation(5, SAME)
def points_repeated(draft: Draft) -> None:
    for contour in draft.contours():
        put(contour, join([row for row in triples(contour) for _ in range(3)]))


@mutation(5, SAME)
def start_and_direction_changed(draft: Draft) -> None:
    for contour in draft.contours():
        rows = triples(contour)
        at = draft.random.randrange(len(rows) or 1)
        put(contour, join((rows[at:] + rows[:at])[::-1]))


@mutation(6, TOLD)
def kind_changed(draft: Draft) -> None:
    kinds = [
        "POINT",
        "OPEN_PLANAR",
        "OPEN_NONPLANAR",
        "",
        "closed_planar",
        "JUNK",
        "CLOSED_PLANAR\\X",
    ]
    kind = draft.random.choice(kinds)
    for contour in draft.contours() if draft.random.random() < 0.5 else [draft.contour()]:
        raw(contour, "ContourGeometricType", kind)


@mutation(6, TOLD)
def kind_missing(draft: Draft) -> None:
    draft.contour().pop("ContourGeometricType", None)


@mutation(7, TOLD)
def few_points(draft: Draft) -> None:
    keep = draft.of(1, 2)
    for contour in draft.contours() if draft.random.random() < 0.3 else [draft.contour()]:
        put(contour, join(triples(contour)[:keep]))


@mutation(7, TOLD)
def points_on_a_line(draft: Draft) -> None:
    contour = draft.contour()
    rows = triples(contour)
    put(contour, join([[str(x), "0", rows[0][2]] for x in range(len(rows))]))


@mutation(8, TOLD)
def count_wrong(draft: Draft) -> None:
    raw(
        draft.contour(),
        "NumberOfContourPoints",
        draft.of("3", "99", "0", "-1", "x", ""),
    )


@mutation(8, TOLD)
def coordinates_not_in_threes(draft: Draft) -> None:
    contour = draft.contour()
    texts = points(contour)
    put(contour, texts[: -draft.of(1, 2)], count=len(texts) // 3)


@mutation(8, TOLD)
def a_coordinate_lost_inside(draft: Draft) -> None:
    contour = draft.contour()
    texts = points(contour)
    lost = draft.random.randrange(len(texts) or 1)
    put(contour, texts[:lost] + texts[lost + 1 :], count=len(texts) // 3)


@mutation(9, TOLD)
def decimal_commas(draft: Draft) -> None:
    for contour in draft.contours():
        put(contour, [text.replace(".", ",") for text in points(contour)])


@mutation(9, TOLD)
def some_decimal_commas(draft: Draft) -> None:
    contour = draft.contour()
    put(
        contour,
        [t.replace(".", ",") if draft.random.random() < 0.3 else t for t in points(contour)],
    )


@mutation(9, TOLD)
def decimal_commas_of_images(draft: Draft) -> None:
    keyword = draft.of("PixelSpacing", "ImagePositionPatient", "RescaleSlope")
    for name in CTS:
        with_comma(draft.dataset(name), keyword)


@mutation(9, TOLD)
def decimal_commas_of_a_dose_or_a_plan(draft: Draft) -> None:
    targets = list(draft.plan.get("DoseReferenceSequence") or ())
    with_comma(draft.dose, draft.of("DoseGridScaling", "PixelSpacing", "GridFrameOffsetVector"))
    with_comma(draft.of(*targets) if targets else Dataset(), "TargetPrescriptionDose")


def with_comma(dataset: Dataset, keyword: str) -> None:
    """Write numbers with a decimal comma, if they are there and numbers."""
    value = dataset.get(keyword)
    values = [value] if isinstance(value, str | float | int) else list(value or ())
    with contextlib.suppress(ValueError):
        texts = [f"{float(item):#.9g}".replace(".", ",") for item in values]
        if texts:
            raw(dataset, keyword, "\\".join(texts))


@mutation(10, TOLD)
def coordinate_bad(draft: Draft) -> None:
    contour = draft.contour()
    texts = points(contour)
    if texts:
        texts[draft.random.randrange(len(texts))] = draft.of(*BAD_NUMBERS)
    put(contour, texts)


@mutation(10, TOLD)
def coordinates_all_bad(draft: Draft) -> None:
    text = draft.of(*BAD_NUMBERS)
    for contour in draft.contours():
        put(contour, [text] * (len(points(contour)) or 9))


@mutation(10, ANY)
def coordinates_huge(draft: Draft) -> None:
    scale = draft.of(1e3, 5e3, 1e5, 1e12, 1e150, 1e-3, 1e-9, 1e-200)
    for contour in draft.contours():
        put(contour, [f"{float(text) * scale:.8e}" for text in points(contour)])


@mutation(11, SAME)
def decimals_long(draft: Draft) -> None:
    for contour in draft.contours():
        put(contour, [f"{float(text):.30f}" for text in points(contour)])


@mutation(12, SAME)
def separator_behind(draft: Draft) -> None:
    for contour in draft.contours():
        put(contour, [*points(contour), ""], count=len(points(contour)) // 3)


@mutation(12, TOLD)
def component_empty(draft: Draft) -> None:
    contour = draft.contour()
    texts = points(contour)
    texts.insert(draft.random.randrange(len(texts) or 1), "")
    put(contour, texts)


@mutation(12, TOLD)
def contour_data_garbage(draft: Draft) -> None:
    garbage = draft.random.choice([b"\xff" * 60, b"\0" * 60, b"\\" * 60, b"1\\2\\3\n" * 9, b"{}[]"])
    raw(draft.contour(), "ContourData", garbage)


@mutation(13, SAME)
def contour_data_unknown_vr(draft: Draft) -> None:
    draft.explicit(RS)
    for contour in draft.contours():
        raw(contour, "ContourData", "\\".join(points(contour)), "UN")


@mutation(13, ANY)
def contour_data_binary_vr(draft: Draft) -> None:
    draft.explicit(RS)
    vr = draft.of(b"FD", b"IS", b"LT", b"AT", b"SS", b"SH", b"XX")
    tag = b"\x06\x30\x50\x00"
    draft.edit(RS, lambda data: data.replace(tag + b"DS", tag + vr))


def ring(draft: Draft, contour: Dataset, factor: float, shift: float = 0.0) -> list[list[str]]:
    """The contour drawn smaller or larger about its middle."""
    rows = [[float(text) for text in row] for row in triples(contour) if len(row) == 3]
    if not rows:
        return []
    x, y = (sum(row[axis] for row in rows) / len(rows) for axis in (0, 1))
    return [
        [f"{x + shift + factor * (a - x):.4f}", f"{y + factor * (b - y):.4f}", f"{z:.2f}"]
        for a, b, z in rows
    ]


@mutation(14, ANY)
def keyholes(draft: Draft) -> None:
    for contour in draft.contours():
        outer, inner = triples(contour), ring(draft, contour, 0.5)
        put(contour, join([*outer, *outer[:1], *inner[:1], *inner[:0:-1], *inner[:1]]))


@mutation(14, ANY)
def crossing_itself(draft: Draft) -> None:
    for contour in draft.contours():
        rows = triples(contour)
        draft.random.shuffle(rows)
        put(contour, join(rows))


@mutation(15, ANY)
def second_ring(draft: Draft) -> None:
    factor, shift = draft.of((0.5, 0), (1.0, 0), (1.0, 2.0), (1.0, 1e-7), (0.999999, 0))
    kind = draft.of("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
    for item in draft.structures.get("ROIContourSequence") or ():
        added = []
        for contour in item.get("ContourSequence") or ():
            other = copy.deepcopy(contour)
            other.ContourGeometricType = kind
            put(other, join(ring(draft, contour, factor, shift)))
            added.append(other)
        item.ContourSequence = Sequence([*(item.get("ContourSequence") or ()), *added])


@mutation(15, ANY)
def exclusive_or(draft: Draft) -> None:
    for contour in draft.contours():
        if draft.random.random() < 0.8:
            contour.ContourGeometricType = "CLOSEDPLANAR_XOR"


@mutation(16, ANY)
def tilted(draft: Draft) -> None:
    slope = draft.of(1e-5, 0.01, 0.2, 1.0, 100.0)
    for contour in draft.contours() if draft.random.random() < 0.5 else [draft.contour()]:
        rows = [[float(text) for text in row] for row in triples(contour)]
        put(contour, [f"{v:.4f}" for x, y, z in rows for v in (x, y, z + slope * x)])


@mutation(16, TOLD)
def not_planar(draft: Draft) -> None:
    contour = draft.contour()
    rows = triples(contour)
    put(contour, join([[x, y, str(float(z) + (n % 2) * 2.5)] for n, (x, y, z) in enumerate(rows)]))


@mutation(16, ANY)
def sagittal(draft: Draft) -> None:
    for contour in draft.contours():
        put(contour, join([[z, x, y] for x, y, z in triples(contour)]))


@mutation(18, TOLD)
def plane_lost_inside(draft: Draft) -> None:
    items = draft.structures.get("ROIContourSequence") or ()
    for item in items:
        contours = list(item.get("ContourSequence") or ())
        if len(contours) > 3:
            del contours[draft.random.randrange(1, len(contours) - 1)]
            item.ContourSequence = Sequence(contours)


@mutation(18, ANY)
def planes_moved(draft: Draft) -> None:
    step = draft.of(1e-6, 0.01, 0.3, 1.4, 40.0, 1e4)
    for contour in draft.contours():
        move = draft.random.uniform(-step, step)
        put(contour, join([[x, y, f"{float(z) + move:.6f}"] for x, y, z in triples(contour)]))


@mutation(18, ANY)
def planes_far_apart(draft: Draft) -> None:
    contour = draft.contour()
    put(contour, join([[x, y, "90000"] for x, y, _ in triples(contour)]))


@mutation(18, ANY)
def planes_on_one(draft: Draft) -> None:
    for contour in draft.contours():
        put(contour, join([[x, y, "0"] for x, y, _ in triples(contour)]))


@mutation(19, ANY)
def tiny_structures(draft: Draft) -> None:
    factor = draft.of(1e-1, 1e-2, 1e-4, 1e-8)
    for contour in draft.contours():
        rows = [[float(text) for text in row] for row in triples(contour)]
        put(contour, [f"{v:.10f}" for x, y, z in rows for v in (x * factor, y * factor, z)])


@mutation(20, ANY)
def one_plane(draft: Draft) -> None:
    for item in draft.structures.get("ROIContourSequence") or ():
        item.ContourSequence = Sequence(list(item.get("ContourSequence") or ())[:1])


@mutation(21, TOLD)
def second_structure_set(draft: Draft) -> None:
    other = copy.deepcopy(draft.structures)
    other.SOPInstanceUID = draft.of("1.2.3", draft.structures.SOPInstanceUID)
    for item in other.get("StructureSetROISequence") or ():
        item.ROIName = "other"
    draft.files["RS2.dcm"] = written(other)


@mutation(21, TOLD)
def frame_of_reference_changed(draft: Draft) -> None:
    uid = draft.of("1.2.3.4", "", "x", "1.2..3", "9" * 80)
    for item in draft.structures.get("StructureSetROISequence") or ():
        raw(item, "ReferencedFrameOfReferenceUID", uid)
    for item in draft.structures.get("ReferencedFrameOfReferenceSequence") or ():
        raw(item, "FrameOfReferenceUID", uid)
    if draft.random.random() < 0.5:
        raw(draft.structures, "FrameOfReferenceUID", uid)


@mutation(21, TOLD)
def frame_of_one_roi_changed(draft: Draft) -> None:
    raw(draft.roi("StructureSetROISequence"), "ReferencedFrameOfReferenceUID", "1.2.3.4")


@mutation(22, SAME)
def no_image_references(draft: Draft) -> None:
    draft.structures.pop("ReferencedFrameOfReferenceSequence", None)
    for contour in draft.contours():
        contour.pop("ContourImageSequence", None)


@mutation(22, SAME)
def references_to_absent_images(draft: Draft) -> None:
    for contour in draft.contours():
        for item in contour.get("ContourImageSequence") or ():
            item.ReferencedSOPInstanceUID = "1.2.3.99"


@mutation(23, ANY)
def many_points(draft: Draft) -> None:
    contour = draft.contour()
    z = (triples(contour) or [["0", "0", "0"]])[0][2]
    count = draft.of(300, 300, 3000, 20_000)
    angle = [2 * math.pi * n / count for n in range(count)]
    put(contour, join([[f"{9 * math.cos(a):.6f}", f"{9 * math.sin(a):.6f}", z] for a in angle]))


@mutation(23, ANY)
def many_contours(draft: Draft) -> None:
    item = a_roi(draft)
    held = list(item.get("ContourSequence") or ())
    if held:
        item.ContourSequence = Sequence(held * draft.of(2, 50))

"""Mutations of names, labels, types and colours of ROIs: rows 24 and 25 of the pitfalls."""

from __future__ import annotations

from tests.fuzz.draft import Draft, raw
from tests.fuzz.oracle import SCRIPT, Effect
from tests.fuzz.registry import mutation

SAME, TOLD, ANY = Effect.SAME, Effect.TOLD, Effect.ANY
NAMES = (
    *("=HYPERLINK(0)", "@SUM(1)", "-2+3", "+1", "\t=1", f"{SCRIPT}(1)</script>", "'\"><img src=x>"),
    *("../../etc/passwd", "..\\..\\x", "a/b", "C:\\x", "x" * 10_000, "a\nb", "\x1b[31mred", "\x00"),
    *(
        "",
        " ",
        "_",
        "null",
        "nan",
        "SpinalCord",
        "spinal_cord",
        "GTV",
        "PTV",
        "Lymph node 4R",
        "%s{0}",
    ),
    *(
        "\u202eexe.VTG",
        "GTV\u200b1",
        "Ａ",
        "{{7*7}}",
        "${x}",
        "</style>",
        "]]>",
        "&#0;",
        "\ud7ff\ufeff",
    ),
)


@mutation(24, ANY)
def name_hostile(draft: Draft) -> None:
    raw(draft.roi("StructureSetROISequence"), "ROIName", draft.of(*NAMES).encode("utf-8"))


@mutation(24, ANY)
def every_name_hostile(draft: Draft) -> None:
    for item in draft.structures.get("StructureSetROISequence") or ():
        raw(item, "ROIName", draft.of(*NAMES).encode("utf-8"))
        if draft.random.random() < 0.5:
            raw(item, "ROIDescription", draft.of(*NAMES).encode("utf-8"))


@mutation(24, ANY)
def label_hostile(draft: Draft) -> None:
    for keyword in ("StructureSetLabel", "StructureSetName", "StructureSetDescription"):
        raw(draft.structures, keyword, draft.of(*NAMES).encode("utf-8"))


@mutation(24, TOLD)
def names_missing(draft: Draft) -> None:
    for item in draft.structures.get("StructureSetROISequence") or ():
        item.pop("ROIName", None)


@mutation(25, ANY)
def types_changed(draft: Draft) -> None:
    kinds = [
        "EXTERNAL",
        "MARKER",
        "SUPPORT",
        "GTV",
        "PTV",
        "CTV",
        "",
        "junk",
        "GTV\\ORGAN",
        "POINT",
    ]
    for item in draft.structures.get("RTROIObservationsSequence") or ():
        raw(item, "RTROIInterpretedType", draft.random.choice(kinds))


@mutation(25, ANY)
def every_structure_a_target(draft: Draft) -> None:
    for item in draft.structures.get("StructureSetROISequence") or ():
        item.ROIName = draft.of("GTV1", "GTV2", "PTV1", "CTV_Lung", "GTVn_4R", "GTVp", "ITV")


@mutation(25, SAME)
def colours_bad(draft: Draft) -> None:
    for item in draft.structures.get("ROIContourSequence") or ():
        raw(
            item,
            "ROIDisplayColor",
            draft.of("", "1\\2", "x\\y\\z", "300\\-1\\1e9", "nan\\0\\0"),
        )

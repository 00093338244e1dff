"""Every finding code: its usual severity, what it means, what to do about it.

Prefixes: FIL files and folders, IMG images, RTS structure sets, RTD dose, RTP plans,
LNK links between objects, DVH dose-volume histograms, LES lesions, FCT stated facts.
A code is never renumbered and never used for something else.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """Severity, meaning and remedy of one code."""

    severity: str
    meaning: str
    remedy: str


CATALOGUE: dict[str, Entry] = {
    "GEO001": Entry(
        "warning",
        "Contours of one structure overlap in part on a plane; their union was taken.",
        "Look whether two drawings of the same body were stored in one ROI.",
    ),
    "GEO002": Entry(
        "warning",
        "A contour crosses itself; it was filled by the even-odd rule.",
        "Look at the contour; redraw it if the loop was not meant.",
    ),
    "GEO003": Entry(
        "info",
        "The same contour is stored twice in one ROI; it was counted once.",
        "Nothing, unless the copy was meant to be another contour.",
    ),
    "GEO004": Entry(
        "info",
        "Some contours of the ROI enclose nothing (points, open contours, fewer than 3 points).",
        "Nothing, unless they were meant to be closed contours.",
    ),
    "GEO005": Entry(
        "info",
        "A contour plane is missing inside the structure; the gap was bridged.",
        "Look whether the plane was left out on purpose.",
    ),
    "GEO006": Entry(
        "warning",
        "The structure is drawn on a single plane; its thickness was taken from the plane spacing "
        "of the structure set.",
        "Its volume is a guess by convention: draw it on more planes if the number matters.",
    ),
    "GEO007": Entry(
        "info",
        "The structure has parts more than two plane spacings apart; each ends half a spacing "
        "beyond its last plane.",
        "Nothing, if they are separate bodies.",
    ),
    "GEO008": Entry(
        "warning",
        "Contour planes are missing over two to five spacings between contours that face each "
        "other; they were taken as one body and the gap was bridged.",
        "Draw the missing planes; or use two ROIs if they are separate bodies.",
    ),
    "GEO009": Entry(
        "warning",
        "Contour planes lie much closer together than is usual for the structure: drawn twice, or "
        "on shifted planes.",
        "Look whether two drawings were stored in one ROI.",
    ),
    "GEO010": Entry(
        "info",
        "Contours that lie inside others were taken as holes.",
        "Nothing, unless both were meant to be filled.",
    ),
    "GEO011": Entry(
        "warning",
        "Nearly the same contour is stored twice on a plane (less than 0.1 mm apart); one of "
        "them was counted.",
        "Nothing, unless a thin wall between the two was meant.",
    ),
    "DVH001": Entry(
        "warning",
        "Part of the structure lies outside the dose grid, so its dose is not known.",
        "Volume is complete; metrics that the outside part could change are not evaluated. "
        "Calculate the dose on a larger grid if they matter.",
    ),
    "RTS001": Entry(
        "warning",
        "The ROI has no contours, so it has no volume.",
        "If it should have one, draw it and export the structure set again.",
    ),
    "RTS002": Entry(
        "error",
        "The coordinates of a contour cannot be read, so the structure is not evaluated.",
        "Export the structure set again.",
    ),
    "RTS003": Entry(
        "error",
        "A contour has another number of coordinates than it declares, so the structure is "
        "not evaluated.",
        "Export the structure set again.",
    ),
    "RTS004": Entry(
        "error",
        "Two ROIs have the same number, so neither is evaluated.",
        "Export the structure set again; contours cannot be told apart.",
    ),
    "RTS005": Entry(
        "warning",
        "Coordinates are written with a comma as decimal separator; it was read as a point.",
        "Look at the structure; set the exporting system to decimal points.",
    ),
    "RTS006": Entry(
        "info",
        "Contour Data ends in a separator, which was dropped.",
        "Nothing.",
    ),
    "RTS007": Entry(
        "warning",
        "Contours refer to an ROI that the structure set does not list.",
        "Export the structure set again; these contours are not used.",
    ),
    "RTS008": Entry(
        "warning",
        "Closed contours of fewer than three points enclose nothing.",
        "Look whether a slice was meant to be drawn.",
    ),
    "RTS009": Entry(
        "warning",
        "Contours hold no coordinates.",
        "Look whether a slice was meant to be drawn.",
    ),
    "RTS010": Entry(
        "info",
        "Closed contours repeat their first point at the end, which was dropped.",
        "Nothing.",
    ),
    "RTS011": Entry(
        "error",
        "The geometric type of a contour is none of the standard's, so the structure is not "
        "evaluated.",
        "Export the structure set again.",
    ),
    "RTS012": Entry(
        "info",
        "Observations refer to ROIs that the structure set does not list.",
        "Nothing.",
    ),
    "RTS013": Entry(
        "error",
        "The contours of an ROI are stored more than once, so it is not evaluated.",
        "Export the structure set again.",
    ),
    "RTS014": Entry(
        "error",
        "The structure set lists no ROI, or holds no contours at all.",
        "Export the structure set again with its contours.",
    ),
    "RTS015": Entry(
        "warning",
        "Several ROIs have the same name.",
        "Rename them, or choose by number (#3).",
    ),
    "RTS016": Entry(
        "warning",
        "An ROI has no name.",
        "Name it.",
    ),
    "RTS017": Entry(
        "warning",
        "The observations of an ROI contradict each other; its type is taken as not stated.",
        "Set one interpreted type.",
    ),
    "RTS018": Entry(
        "info",
        "Contours do not state their number of points.",
        "Nothing.",
    ),
    "RTS019": Entry(
        "error",
        "An item of the structure set has no usable ROI number and was left out.",
        "Export the structure set again.",
    ),
    "RTS020": Entry(
        "warning",
        "The structure set has no RT ROI Observations Sequence, so no ROI has a type.",
        "Export the structure set again; the file may be cut off. Until then only names tell "
        "what a structure is.",
    ),
    "FIL001": Entry(
        "error",
        "The file is cut off: it ends before its elements do.",
        "Copy or export the file again; nothing in it is used for a number.",
    ),
    "FIL002": Entry(
        "error",
        "The lengths stored in the file contradict each other.",
        "Export the file again; nothing in it is used for a number.",
    ),
    "FIL003": Entry(
        "error",
        "A file looks like DICOM and could not be read.",
        "Export the file again, or take it out if it does not belong to the case.",
    ),
    "FIL004": Entry(
        "info",
        "Files that are not DICOM were skipped.",
        "Nothing.",
    ),
    "FIL005": Entry(
        "info",
        "DICOM objects of kinds that are not used here were skipped.",
        "Nothing.",
    ),
    "FIL006": Entry(
        "warning",
        "Links that lead out of the folder were not followed.",
        "Copy the files they point to into the folder if they belong to the case.",
    ),
    "FIL007": Entry(
        "warning",
        "Entries of the folder that are not plain, readable files were skipped.",
        "Look at the access rights if something is missing.",
    ),
    "FIL008": Entry(
        "error",
        "A member of the zip was not read: encrypted, damaged or beyond the limits.",
        "Unpack the zip and give the folder.",
    ),
    "FIL009": Entry(
        "info",
        "The same object is there more than once, byte for byte; one copy was used.",
        "Nothing.",
    ),
    "FIL010": Entry(
        "error",
        "Different files carry the same SOP Instance UID; none of them is used.",
        "Keep the one that is right and take the others out of the folder.",
    ),
    "FIL011": Entry(
        "warning",
        "Text does not fit its declared character set, or none is declared.",
        "If names look wrong, name the character set with --charset.",
    ),
    "FIL013": Entry(
        "info",
        "The file has no preamble or states no transfer syntax; it was read as what it looks like.",
        "Nothing; a system that writes such files does not follow PS3.10.",
    ),
    "IMG001": Entry(
        "info",
        "Localizer images in a series were set aside.",
        "Nothing.",
    ),
    "IMG002": Entry(
        "warning",
        "Several images of a series lie at the same position; the first was kept.",
        "Keep one acquisition or phase in the folder.",
    ),
    "IMG003": Entry(
        "warning",
        "Images are missing inside a series.",
        "Export the series again; contours and dose do not depend on it, pictures do.",
    ),
    "IMG004": Entry(
        "info",
        "The images of a series are unevenly spaced.",
        "Nothing; their stored positions are used.",
    ),
    "IMG005": Entry(
        "warning",
        "The images of a series form no grid (tilted, shifted, or without geometry).",
        "Numbers do not depend on it; no pictures are drawn from this series.",
    ),
    "IMG006": Entry(
        "info",
        "Multi-frame images are recognised but not used.",
        "Nothing; numbers do not depend on images.",
    ),
    "IMG007": Entry(
        "warning",
        "An image cannot be used: its geometry is missing or its pixel data is cut off.",
        "Export the series again.",
    ),
    "IMG008": Entry(
        "info",
        "One series holds images of different size, orientation or frame of reference; each "
        "kind was taken as a series of its own.",
        "Nothing.",
    ),
    "RTD001": Entry(
        "error",
        "The dose is not in Gy, so it is not used.",
        "Export the dose in absolute units (GY).",
    ),
    "RTD002": Entry(
        "error",
        "The dose has no usable Dose Grid Scaling, so it is not used.",
        "Export the dose again.",
    ),
    "RTD003": Entry(
        "error",
        "The positions of the dose planes are missing or contradictory, so the dose is not used.",
        "Export the dose again with its Grid Frame Offset Vector.",
    ),
    "RTD004": Entry(
        "error",
        "The pixel data of the dose contradicts its description, so the dose is not used.",
        "Export the dose again.",
    ),
    "RTD005": Entry(
        "error",
        "The pixel data of the dose is stored in a form that cannot be read safely.",
        "Export the dose as little endian without compression.",
    ),
    "RTD006": Entry(
        "info",
        "The dose planes are stored in descending order; they were turned round with their data.",
        "Nothing.",
    ),
    "RTD007": Entry(
        "warning",
        "The dose planes are stored in no order; they were sorted with their data.",
        "Compare the dose with the planning system's.",
    ),
    "RTD008": Entry(
        "warning",
        "The dose holds negative values.",
        "Look whether the object is a dose difference.",
    ),
    "RTD009": Entry(
        "info",
        "Single-plane dose objects of one series were joined to one dose.",
        "Nothing.",
    ),
    "RTD010": Entry(
        "info",
        "A stored DVH cannot be used for comparison.",
        "Nothing; stored DVHs are only compared with.",
    ),
    "RTD011": Entry(
        "error",
        "The position, orientation or spacing of the dose is missing or impossible, so it is "
        "not used.",
        "Export the dose again.",
    ),
    "RTD012": Entry(
        "info",
        "The dose planes are unevenly spaced; their stored positions are used.",
        "Nothing.",
    ),
    "RTD013": Entry(
        "error",
        "The dose object holds no dose grid.",
        "Export the dose with its grid.",
    ),
    "RTD014": Entry(
        "error",
        "Dose Type says that the values are a difference or an uncertainty, or is unknown, so the "
        "dose is not used.",
        "Export the planned dose (Dose Type PHYSICAL or EFFECTIVE).",
    ),
    "RTD015": Entry(
        "warning",
        "The dose is weighted for its biological effect (Dose Type EFFECTIVE); it is used as "
        "stored.",
        "Look whether the limits are meant for such a dose: those for photons may not fit.",
    ),
    "RTD016": Entry(
        "warning",
        "The dose does not say whether it is physical or weighted (no Dose Type); it was taken as "
        "physical.",
        "Look whether it is the planned dose.",
    ),
    "RTD017": Entry(
        "error",
        "Between single-plane dose objects lies a gap: a plane may be missing, so the dose is not "
        "used.",
        "Copy or export all planes again, or export the dose as one object.",
    ),
    "RTD018": Entry(
        "warning",
        "The positions of the dose planes can be read in two ways that differ; they were read as "
        "offsets along the normal.",
        "Compare the dose with the planning system's.",
    ),
    "RTP001": Entry(
        "warning",
        "The plan does not state a number of fractions.",
        "Limits that depend on it are not evaluated.",
    ),
    "RTP002": Entry(
        "warning",
        "The plan has several fraction groups, so its number of fractions is not known.",
        "Export one plan for each fraction group.",
    ),
    "RTP003": Entry(
        "info",
        "The plan is not approved.",
        "Look whether this is the plan to be judged.",
    ),
    "RTP004": Entry(
        "info",
        "The plan states no prescribed target dose.",
        "Nothing; metrics in percent of the prescription are not evaluated.",
    ),
    "RTP005": Entry(
        "info",
        "The plan has brachytherapy application setups.",
        "Nothing; they are not read.",
    ),
    "RTP006": Entry(
        "warning",
        "A value of the plan cannot be read or is impossible, and is taken as not stated.",
        "Export the plan again.",
    ),
    "LNK001": Entry(
        "warning",
        "The structure set is not the one that the plan or dose refers to; it was taken for "
        "its frame of reference or because it is the only one.",
        "Look whether it is the right one; export the one that was planned on.",
    ),
    "LNK002": Entry(
        "error",
        "The dose lies in another frame of reference than the structure set, so it is not used.",
        "Export dose and structure set of the same planning image.",
    ),
    "LNK003": Entry(
        "warning",
        "The dose is not the total dose of a plan; it is used as stored and dose limits on it "
        "are not evaluated.",
        "Export the plan's dose (Dose Summation Type PLAN).",
    ),
    "LNK004": Entry(
        "warning",
        "The plan of the dose is not there; dose limits are not evaluated.",
        "Add the RT Plan.",
    ),
    "LNK005": Entry(
        "warning",
        "Objects that refer to each other carry different patient IDs.",
        "Look whether they belong to the same patient.",
    ),
    "LNK006": Entry(
        "info",
        "RT objects that are not used in this case.",
        "Nothing, unless they were meant: then choose with --plan, --structure-set or --dose.",
    ),
    "LNK007": Entry(
        "warning",
        "The frame of reference of the dose or of the structure set is not stated; they were "
        "joined by their references.",
        "Export them again with their frame of reference.",
    ),
    "LNK008": Entry(
        "info",
        "The images are not the ones that the structure set refers to; they share its frame "
        "of reference.",
        "Nothing; numbers do not depend on images.",
    ),
    "LNK009": Entry(
        "error",
        "An ROI lies in another frame of reference than the rest of its structure set, so it "
        "is not evaluated.",
        "Export the structure set again on one image.",
    ),
    "LNK010": Entry(
        "error",
        "The dose cannot be used.",
        "See the findings of the dose.",
    ),
    "LNK011": Entry(
        "error",
        "Dose and structure set carry different patient IDs and no reference joins them, so the "
        "dose is not used.",
        "Choose with --patient, or export dose and structure set of the same patient.",
    ),
    "LES001": Entry(
        "warning",
        "A target has no contour that encloses an area.",
        "Draw it if it stands for a lesion; else delete the ROI.",
    ),
    "LES002": Entry(
        "info",
        "The name and the interpreted type of a structure disagree; the name was believed.",
        "Set the type in the planning system, or rename the structure.",
    ),
    "LES003": Entry(
        "warning",
        "A target bears only the name of an organ: the organ itself, or a lesion in it.",
        "Rename it: GTV_liver_1 for a lesion, Liver for the organ.",
    ),
    "LES004": Entry(
        "warning",
        "A structure is named as a node, and neither type nor number says that it is tumour.",
        "Name it GTVn_..., or give it a type, or exclude it in the facts.",
    ),
    "LES005": Entry(
        "warning",
        "The geometry of a target cannot be used, so it is not counted.",
        "See the reason; export the structure set again or redraw the structure.",
    ),
    "LES006": Entry(
        "warning",
        "A skipped contour plane inside a body was bridged.",
        "Draw the missing plane, or leave a wider gap if there are two lesions.",
    ),
    "LES007": Entry(
        "warning",
        "A body is a sliver: no disc of 1 mm fits in it.",
        "Delete it if it is left over from an operation on structures.",
    ),
    "LES008": Entry(
        "info",
        "A body is drawn on a single plane.",
        "Nothing, if the lesion is that small; else look for missing planes.",
    ),
    "LES009": Entry(
        "warning",
        "The structures allow more than one count.",
        "Look at the pair that the text names and state the answer in the facts, or redraw.",
    ),
    "LES010": Entry(
        "warning",
        "A clinical or planning volume holds no gross tumour.",
        "Draw its gross tumour, or name the volume as elective.",
    ),
    "LES011": Entry(
        "warning",
        "Only clinical or planning volumes are drawn; their bodies are the estimate.",
        "Draw the gross tumour: margins join what lies close together.",
    ),
    "LES012": Entry(
        "warning",
        "It is not known whether a lesion is a metastasis, the primary or a regional node.",
        "State it in the facts: [[lesion]] with structure and category.",
    ),
    "LES013": Entry(
        "warning",
        "The organ that the name tells is not the one that the geometry shows.",
        "Look at the structure; state the organ in the facts.",
    ),
    "LES014": Entry(
        "warning",
        "A nodal station is given without its numbering system, so it is not known.",
        "Write it as AJCC8:16 or JES:16a2.",
    ),
    "LES015": Entry(
        "info",
        "A fact given by the user replaced what the structure set says.",
        "Nothing, if it is right.",
    ),
    "LES016": Entry(
        "info",
        "A lesion is smaller than RECIST 1.1 measures (10 mm; a node's short axis 10 mm).",
        "Nothing: it is counted.",
    ),
    "LES017": Entry(
        "warning",
        "The count written in a lesions file does not fit its list; the list was taken.",
        "Remove the count from the file, or correct it.",
    ),
    "LES018": Entry(
        "warning",
        "Targets are drawn in different frames of reference and cannot be compared.",
        "Register the images and copy the structures to one frame of reference.",
    ),
    "LES019": Entry(
        "info",
        "Tumour was removed here: a surgical cavity is no lesion.",
        "If tumour remains, draw it as gross tumour.",
    ),
    "LES020": Entry(
        "warning",
        "A structure's name and type say nothing that is known; it was not counted.",
        "Rename it by TG-263, or set its interpreted type.",
    ),
    "LES021": Entry(
        "warning",
        "A structure is gross tumour by name or type, and other evidence set it aside.",
        "State it in the facts if it is a lesion; else rename it or correct its type.",
    ),
    "FCT001": Entry(
        "error",
        "A stated fact contradicts the lesions that were counted.",
        "Correct the fact, or the list or the drawing of lesions.",
    ),
}

"""Reports and cases to draw, made by hand: what the page must show is known."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rtplan.case import Case
from rtplan.dose.grid import DoseGrid
from rtplan.geometry.contour import Contour, Structure, StructureSet
from rtplan.geometry.grid import Grid
from rtplan.lesions.model import (
    Category,
    Lesion,
    LesionCount,
    LesionReading,
    Organ,
    StructureRef,
)

HOSTILE = (
    '</script><img src=x onerror="window.pwned=1">',
    "=cmd|' /C calc'!A0",
    "肝转移灶",
    "王小明",
    "N" * 500,
    "GTV\u202e1\x00\n\x1b[31m",
    "{{ 7*7 }}{% raw %}",
    "$\\frac{a}$",
    "_hidden",
    '" onmouseover="x',
    "\ud800 lone",
    "javascript:alert(1)",
    "",
)
"""Names that a structure may have, each meant for another sink."""


def dvh(
    number: int,
    name: str,
    *,
    kind: str = "ORGAN",
    volume_cc: float = 100.0,
    middle_gy: float = 10.0,
    covered: float = 1.0,
) -> dict[str, Any]:
    """A structure of ``rtplan/dvh/1`` with a curve that falls around ``middle_gy``."""
    dose = np.linspace(middle_gy * 0.2, middle_gy * 1.9, 60)
    share = 1 / (1 + np.exp((dose - middle_gy) / (0.08 * middle_gy)))
    volume = volume_cc * covered * (share - share[-1]) / (share[0] - share[-1])
    return {
        "number": number,
        "name": name,
        "type": kind,
        "volume_cc": volume_cc,
        "covered_cc": volume_cc * covered,
        "dose_gy": {"min": float(dose[0]), "mean": middle_gy, "max": float(dose[-1])},
        "reason": None,
        "metrics": {
            "D95%[Gy]": result(middle_gy * 0.8),
            "D2%[Gy]": result(middle_gy * 1.4, uncertainty=0.05),
            "D0.035cc[Gy]": result(middle_gy * 1.8),
        },
        "dvh": {"dose_gy": dose.tolist(), "volume_cc": volume.tolist()},
        "findings": [],
    }


def result(
    value: float | None, *, reason: str | None = None, uncertainty: float | None = None
) -> Any:
    """A metric's value as JSON."""
    status = "not_evaluated" if value is None else "evaluated"
    return {
        "value": value,
        "uncertainty": uncertainty,
        "status": status,
        "reason": reason,
        "uncertainty_reason": None,
    }


def empty_structure(number: int, name: str, reason: str) -> dict[str, Any]:
    """A structure of ``rtplan/dvh/1`` that has no number at all."""
    return {
        "number": number,
        "name": name,
        "type": "",
        "volume_cc": None,
        "covered_cc": None,
        "dose_gy": {"min": None, "mean": None, "max": None},
        "reason": reason,
        "metrics": {"D95%[Gy]": result(None, reason=reason)},
        "dvh": None,
        "findings": [note("RTS001", "warning", f"{name}: {reason}", roi_number=number)],
    }


def note(code: str, severity: str, text: str, **where: Any) -> dict[str, Any]:
    """A finding as JSON."""
    return {"code": code, "severity": severity, "text": text, "where": where}


def limit(
    structure: str,
    metric: str,
    bound: float,
    value: float | None,
    *,
    reason: str | None = None,
    name: str | None = None,
    number: int = 7,
    uncertainty: float | None = None,
    optimal: float | None = None,
) -> dict[str, Any]:
    """A row of a limit set; met or violated by its value, not evaluated without one."""
    status = "not_evaluated" if value is None else "met" if value <= bound else "violated"
    return {
        "id": f"{structure}-{metric}".lower(),
        "structure": structure,
        "matched": None
        if value is None
        else {"number": number, "name": name or structure, "how": "name is the TG-263 name"},
        "metric": metric,
        "op": "<=",
        "limit": bound,
        "optimal": optimal,
        "optimal_met": None if optimal is None or value is None else value <= optimal,
        "value": value,
        "unit": "Gy",
        "uncertainty": uncertainty,
        "uncertainty_reason": None,
        "margin": None if value is None else bound - value,
        "status": status,
        "within_uncertainty": None
        if value is None or uncertainty is None
        else abs(bound - value) <= uncertainty,
        "reason": reason,
        "endpoint": "myelitis",
        "evidence": "secondary",
        "source": "doi:10.1118/1.3438081, table III",
    }


def lesion_json(number: int, organ: str | None, name: str, volume_cc: float | None) -> Any:
    """A lesion of ``rtplan/lesions/1``."""
    return {
        "id": f"L{number}",
        "structures": [{"number": number, "name": name}],
        "category": "organ_metastasis",
        "organ": organ,
        "laterality": "left" if organ == "lung" else None,
        "station": None,
        "centroid_mm": [12.1, -40.2, 87.5] if volume_cc is not None else None,
        "volume_cc": volume_cc,
        "longest_diameter_mm": 16.2 if volume_cc is not None else None,
        "short_axis_mm": 11.0 if volume_cc is not None else None,
        "reason": "one connected body, drawn as GTV; its expansion is not counted again",
        "findings": [],
    }


def definition(identifier: str, verdict: str, *criteria: dict[str, Any]) -> dict[str, Any]:
    """A definition's result."""
    return {
        "id": identifier,
        "title": f"The definition of {identifier}",
        "verdict": verdict,
        "state": None,
        "criteria": list(criteria),
        "conditions": [{"text": "ECOG 0 or 1"}],
    }


def pathway(identifier: str, *found: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    """A pathway's result: listed with its criteria, not applicable without."""
    said = reason or f"of its conditions {len(found)} listed"
    return definition(identifier, "not_applicable", *found) | {
        "title": f"The pathway of {identifier}",
        "kind": "pathway",
        "reason": said,
        "notes": ["No advice on treatment."],
        "gaps": [{"id": "few", "text": "How many nodes are few"}],
    }


def regimen(identifier: str, dose_gy: float, fractions: int, what: str) -> dict[str, Any]:
    """A published regimen."""
    return {
        "id": identifier,
        "site": what,
        "condition": None,
        "for": what,
        "dose_gy": [dose_gy, dose_gy],
        "fractions": [fractions, fractions],
        "text": f"{dose_gy:g} Gy in {fractions} fractions",
        "bed10_gy": dose_gy * (1 + dose_gy / fractions / 10),
        "evidence": "verified",
        "source": "doi:10.1186/1471-2407-12-305, table 1",
        "source_text": "A study protocol",
    }


def compared(
    lesion: str, site: str | None, status: str, regimens: list[str], *matches: str
) -> dict[str, Any]:
    """A lesion with its regimens; the plan prescribes 50 Gy in 5 fractions where it is compared."""
    planned = {"dose_gy": 50.0, "fractions": 5, "bed10_gy": 100.0, "text": "50 Gy in 5 fractions"}
    return {
        "lesion": lesion,
        "site": site,
        "status": status,
        "text": f"the answer for {site or 'a site that is not known'}",
        "reason": None,
        "is_range": False,
        "planned": None if status == "not_evaluated" else planned,
        "regimens": regimens,
        "matches": list(matches),
        "nearest": [],
    }


def prescriptions() -> dict[str, Any]:
    """The published regimens of two lesions, one among them and one not evaluated."""
    return {
        "id": "prescriptions",
        "title": "Doses that trials prescribed",
        "protocol_version": "1",
        "reason": None,
        "lesions": [
            compared("L1", "lung", "met", ["lung-54-3", "lung-50-5"], "lung-50-5"),
            compared("L2", "liver", "not_evaluated", ["any-30-3"]),
        ],
        "regimens": [
            regimen("lung-54-3", 54.0, 3, "lung: peripheral"),
            regimen("lung-50-5", 50.0, 5, "lung: central"),
            regimen("any-30-3", 30.0, 3, "any site"),
        ],
        "notes": ["It recommends nothing."],
        "gaps": [{"id": "ablative", "text": "A threshold for an ablative dose"}],
    }


def criterion(identifier: str, status: str, value: Any, *needs: str) -> dict[str, Any]:
    """A criterion of a definition."""
    return {
        "id": identifier,
        "text": f"At most three lesions in one organ ({identifier})",
        "status": status,
        "value": value,
        "limit": "<= 3",
        "evidence": "verified",
        "source": "doi:10.1016/j.ejca.2023.02.007 (consensus, table 2).",
        "needs": list(needs),
    }


def fine() -> dict[str, Any]:
    """A report where everything was evaluated and nothing is wrong."""
    return {
        "schema": "rtplan/report/1",
        "version": "0.1.0",
        "case": "case-1a2b3c4d",
        "settings": {"dvh": {"end_cap": "half_slice", "lone_plane_mm": 3.0}, "strict": False},
        "inputs": [
            {"sop_instance_uid": "1.2.3.4", "sha256": "ab" * 32, "modality": "RTSTRUCT"},
            {"sop_instance_uid": "1.2.3.5", "sha256": "cd" * 32, "modality": "RTDOSE"},
        ],
        "verdict": {
            "exit_code": 0,
            "headline": "1 definition met; 1 set of dose limits met",
            "lines": [
                {"status": "met", "subject": "tg101", "text": "2 met"},
                {"status": "consistent", "subject": "omec-2023", "text": "of the lesions drawn"},
                {"status": "counted", "subject": "lesions", "text": "2 metastases drawn"},
            ],
        },
        "objects": {
            "plan": {"fractions": 5, "approval": "APPROVED", "prescriptions_gy": [50.0]},
            "dose": {"summation": "PLAN", "used": "RT Dose of the plan", "max_gy": 61.2},
            "dose_problem": None,
            "images": [{"modality": "CT", "slices": 98}],
        },
        "lesions": {
            "count": {"lower": 2, "best": 2, "upper": 2},
            "lesions": [
                lesion_json(1, "lung", "GTV_lung", 1.84),
                lesion_json(2, "liver", "GTV_liver", 6.2),
            ],
            "structures": [
                {"number": 1, "name": "GTV_lung", "use": "counted", "reason": "a gross tumour"},
                {"number": 9, "name": "PTV", "use": "not_counted", "reason": "expansion of it"},
            ],
            "findings": [],
            "reason": None,
        },
        "prescriptions": prescriptions(),
        "eligibility": {
            "definitions": [
                definition("omec-2023", "consistent", criterion("organ-lesions", "met", 2))
            ],
            "pathways": [
                pathway(
                    "surgery",
                    criterion("one", "met", 1),
                    criterion("two", "unknown", None, "disease.r0_feasible"),
                ),
                pathway("sarcoma", reason="the primary is lung; the definition is for others"),
            ],
        },
        "limits": {
            "sets": [
                {
                    "id": "tg101",
                    "title": "AAPM TG-101",
                    "source": "doi:10.1118/1.3438081",
                    "status": "evaluated",
                    "reason": None,
                    "fractions": 5,
                    "rows": [
                        limit("SpinalCord", "D0.35cc[Gy]", 23.0, 12.1, optimal=18.0),
                        limit("Esophagus", "D5cc[Gy]", 19.5, 19.496, name="Oesophagus"),
                    ],
                }
            ]
        },
        "dvh": {
            "structures": [
                dvh(1, "GTV_lung", kind="GTV", volume_cc=1.84, middle_gy=55),
                dvh(2, "GTV_liver", kind="GTV", volume_cc=6.2, middle_gy=50),
                dvh(7, "SpinalCord", volume_cc=52.1, middle_gy=9),
                dvh(8, "Oesophagus", volume_cc=31.0, middle_gy=14),
            ],
            "stored": [
                {
                    "number": 7,
                    "name": "SpinalCord",
                    "volume_cc": 51.7,
                    "volume_difference_percent": 0.77,
                    "mean_gy": 9.05,
                    "mean_difference_gy": -0.05,
                    "curve_difference_pp": 0.4,
                    "at_gy": 11.2,
                }
            ],
        },
        "findings": [note("LNK002", "info", "the dose refers to the plan by its UID")],
    }


def violated() -> dict[str, Any]:
    """A busy report: violated, not consistent and not evaluated beside each other."""
    report = fine()
    rows = report["limits"]["sets"][0]["rows"]
    rows.append(limit("Stomach", "D10cc[Gy]", 18.0, 23.004, name="Stomach_1"))
    rows.append(limit("Trachea", "D0.035cc[Gy]", 40.0, 40.0004))
    for organ in ("Cochlea", "OpticChiasm", "Brainstem", "Skin", "Bladder", "Rectum", "Ureter"):
        why = f"no structure is called {organ} or has one of its aliases"
        rows.append(limit(organ, "D0.035cc[Gy]", 25.0, None, reason=why))
    report["eligibility"]["definitions"] += [
        definition(
            "esophagus-cn-2025",
            "not_consistent",
            criterion("organs", "not_met", 2),
            criterion("count", "met", 2),
        ),
        definition(
            "estro-astro-2020",
            "indeterminate",
            criterion("treatable", "unknown", None, "disease.all_sites_treatable"),
        ),
        definition("sabr-comet", "not_applicable"),
    ]
    report["lesions"]["count"] = {"lower": 1, "best": 2, "upper": 3}
    report["lesions"]["reason"] = "two bodies of GTV_liver touch on one plane"
    report["verdict"] = {
        "exit_code": 1,
        "headline": "1 set of dose limits violated; 1 definition not met; 1 could not be told",
        "lines": [
            {"status": "violated", "subject": "tg101", "text": "2 violated, 2 met"},
            {"status": "not_consistent", "subject": "esophagus-cn-2025", "text": "two organs"},
            {"status": "error", "subject": "RTS004", "text": "an ROI number is used twice"},
            {"status": "indeterminate", "subject": "estro-astro-2020", "text": "one fact missing"},
            {"status": "consistent", "subject": "omec-2023", "text": "of the lesions drawn"},
            {"status": "not_applicable", "subject": "sabr-comet", "text": "not applicable"},
        ],
    }
    report["findings"] += [
        note("RTS004", "error", "an ROI number is used twice", roi_number=3, path="a.b[2]"),
        note("DVH003", "warning", "BODY is partly outside the dose grid", roi_number=1),
    ]
    report["dvh"]["structures"] += [
        dvh(20 + i, f"Organ_{i}", middle_gy=4 + i, covered=0.83 if i == 3 else 1.0)
        for i in range(18)
    ] + [empty_structure(60, "Empty", "it has no contours")]
    return report


def nothing() -> dict[str, Any]:
    """A report of a structure set alone: null wherever the contract allows it."""
    report = fine()
    report["verdict"] = {"exit_code": 3, "headline": "nothing was evaluated", "lines": []}
    report["objects"] = {
        "plan": {"fractions": None, "approval": ""},
        "dose": None,
        "dose_problem": "the RT Dose is in relative units",
        "images": [],
    }
    report["lesions"]["lesions"] = [lesion_json(1, None, "GTV", None)]
    report["prescriptions"]["lesions"] = [compared("L1", None, "not_evaluated", [])]
    limits = report["limits"]["sets"][0]
    limits |= {"status": "not_evaluated", "reason": "no fraction count", "fractions": None}
    limits["rows"] = []
    report["dvh"] = {
        "structures": [
            empty_structure(1, "GTV", "it has no contours"),
            dvh(2, "Heart") | {"dvh": None, "covered_cc": None, "reason": "no usable dose"},
        ],
        "stored": [],
    }
    for item in report["dvh"]["structures"]:
        item["dose_gy"] = {"min": None, "mean": None, "max": None}
        item["metrics"] = {"D95%[Gy]": result(None, reason="no usable dose")}
    report["dvh"]["stored"] = [
        {
            "number": 2,
            "name": "Heart",
            "volume_cc": 99.0,
            "volume_difference_percent": None,
            "mean_gy": 3.0,
            "mean_difference_gy": None,
            "curve_difference_pp": None,
            "at_gy": None,
        }
    ]
    report["eligibility"]["definitions"] = [
        definition("omec-2023", "indeterminate", criterion("n", "unknown", None))
        | {"conditions": []}
    ]
    report["eligibility"]["definitions"][0]["criteria"][0] |= {"limit": None, "source": None}
    return report


def no_lesions() -> dict[str, Any]:
    """A report of a case without any target."""
    report = fine()
    report["lesions"]["count"] = {"lower": None, "best": None, "upper": None}
    report["lesions"] |= {"lesions": [], "reason": "no target is drawn"}
    report["prescriptions"] |= {"lesions": [], "regimens": [], "reason": "there is no lesion"}
    return report


def bare() -> dict[str, Any]:
    """A report of a dose without a structure set."""
    report = fine()
    report |= {"lesions": None, "inputs": [], "settings": {}, "findings": []}
    report["prescriptions"] |= {"lesions": [], "regimens": [], "reason": "no structure set"}
    report["objects"] |= {"plan": None}
    report["eligibility"] = {"definitions": []}
    report["limits"] = {"sets": []}
    report["dvh"] = {"structures": [], "stored": []}
    report["verdict"]["lines"] = []
    return report


def hostile() -> dict[str, Any]:
    """A report where every text that can come from a file is an attack."""
    report = violated()
    names = iter(HOSTILE * 40)
    fixed = {"status", "severity", "verdict", "schema", "op", "evidence", "category", "sha256"}

    def poison(value: Any) -> Any:
        if isinstance(value, dict):
            # Keys of metrics are metrics; all other keys are the contract's.
            return {k: v if k in fixed else poison(v) for k, v in value.items()}
        if isinstance(value, list):
            return [poison(item) for item in value]
        return next(names) if isinstance(value, str) else value

    poisoned: dict[str, Any] = poison(report)
    return poisoned


SAMPLES: dict[str, Callable[[], dict[str, Any]]] = {
    "fine": fine,
    "violated": violated,
    "nothing": nothing,
    "no_lesions": no_lesions,
    "bare": bare,
    "hostile": hostile,
}


@pytest.fixture(params=sorted(SAMPLES))
def sample(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Every sample report in turn."""
    return copy.deepcopy(SAMPLES[request.param]())


@pytest.fixture
def make_report() -> Callable[[str], dict[str, Any]]:
    """Make a sample report by name."""
    return lambda name: SAMPLES[name]()


@pytest.fixture
def hostile_names() -> tuple[str, ...]:
    """Names that a structure may have, each meant for another sink."""
    return HOSTILE


def circle(centre: tuple[float, float], radius: float, z: float) -> Contour:
    """A round axial contour."""
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    x, y = centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)
    return Contour(np.column_stack([x, y, np.full_like(x, z)]))


def ball(
    number: int, name: str, centre: tuple[float, float, float], radius: float, kind: str
) -> Structure:
    """A ball drawn on planes 3 mm apart."""
    planes = np.arange(-int(radius // 3), int(radius // 3) + 1) * 3.0
    contours = tuple(
        circle(centre[:2], float(np.sqrt(radius**2 - h**2 + 1e-3)), centre[2] + float(h))
        for h in planes
    )
    return Structure(number, name, kind, contours)


def tube(
    number: int, name: str, centre: tuple[float, float], radius: float, kind: str
) -> Structure:
    """A cylinder along the patient from z = -150 to 150 mm."""
    return Structure(
        number, name, kind, tuple(circle(centre, radius, float(z)) for z in range(-150, 151, 3))
    )


@dataclass(frozen=True)
class Picture:
    """An image as the reader of images gives it."""

    grid: Grid
    values: NDArray[np.float32]
    modality: str = "CT"


def axial_grid(shape: tuple[int, int, int], spacing: float, origin: tuple[float, ...]) -> Grid:
    """A grid along the patient axes; shape in (k, j, i) order."""
    k, j, i = (np.arange(n, dtype=np.float64) * spacing for n in shape)
    return Grid(np.array(origin, dtype=float), np.eye(3), (i, j, k))


def body_case(names: tuple[str, str] = ("GTV_lung", "GTV_liver")) -> tuple[Case, LesionReading]:
    """A case with two lesions, organs, and a dose with a peak at each lesion."""
    first, second = (-70.0, 10.0, 60.0), (60.0, -20.0, -40.0)
    structures = (
        tube(1, "BODY", (0.0, 0.0), 150.0, "EXTERNAL"),
        tube(2, "SpinalCord", (0.0, 60.0), 8.0, "ORGAN"),
        ball(3, names[0], first, 12.0, "GTV"),
        ball(4, "PTV_lung", first, 17.0, "PTV"),
        ball(5, names[1], second, 20.0, "GTV"),
        ball(6, "Liver", (50.0, -10.0, -50.0), 60.0, "ORGAN"),
    )
    grid = axial_grid((101, 101, 101), 3.0, (-150.0, -150.0, -150.0))
    z, y, x = np.meshgrid(*(axis - 150.0 for axis in grid.axes_mm[::-1]), indexing="ij")
    dose = np.zeros(grid.shape)
    for centre, peak in ((first, 60.0), (second, 52.0)):
        squared = sum((a - c) ** 2 for a, c in zip((x, y, z), centre, strict=True))
        dose += peak * np.exp(-squared / (2 * 22.0**2))
    case = Case(
        "case-1a2b3c4d",
        structure_set=StructureSet("1.2.3", structures=structures),
        dose=DoseGrid(grid, dose.astype(np.float32)),
    )
    lesions = (
        Lesion(
            "L1",
            Category.ORGAN_METASTASIS,
            Organ.LUNG,
            (StructureRef(3, names[0]),),
            laterality="right",
            centroid_mm=first,
            volume_cc=7.2,
            longest_diameter_mm=24.0,
        ),
        Lesion(
            "L2",
            Category.PRIMARY,
            None,
            (StructureRef(5, names[1]),),
            centroid_mm=second,
            volume_cc=33.5,
            longest_diameter_mm=40.0,
        ),
    )
    return case, LesionReading(LesionCount(1, 1, 1), lesions)


def picture() -> Picture:
    """A coarse CT of that body: air, lung-like noise, soft tissue, a bone."""
    grid = axial_grid((61, 101, 101), 5.0, (-250.0, -250.0, -150.0))
    z, y, x = np.meshgrid(
        grid.axes_mm[2] - 150.0, grid.axes_mm[1] - 250.0, grid.axes_mm[0] - 250.0, indexing="ij"
    )
    values = np.full(grid.shape, -1000.0)
    values[np.hypot(x, y) < 150] = 30.0
    values[(np.hypot(x + 70, y) < 60) & (z > 0)] = -800.0
    values[np.hypot(x, y - 60) < 20] = 500.0
    values += np.random.default_rng(1).normal(0, 25, grid.shape)
    return Picture(grid, values.astype(np.float32))


@pytest.fixture
def make_case() -> Callable[..., tuple[Case, LesionReading]]:
    """Make a case with two lesions; the lesions' structures may be named."""
    return body_case


@pytest.fixture
def ct() -> Picture:
    """A CT of that case."""
    return picture()

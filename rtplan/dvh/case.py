"""The DVHs of a case: one structure after another, none stopping the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rtplan.case import Case
from rtplan.dvh.curve import StructureDVH
from rtplan.dvh.engine import Settings, compute
from rtplan.findings import Finding, Severity
from rtplan.geometry.contour import Structure
from rtplan.geometry.solid import plane_spacing_mm


def settings_for(case: Case, settings: Settings) -> Settings:
    """Settings with the structure set's plane spacing, for structures drawn on one plane."""
    if settings.lone_plane_mm is not None or case.structure_set is None:
        return settings
    return replace(settings, lone_plane_mm=plane_spacing_mm(case.structure_set))


def compute_case(
    case: Case,
    *,
    structures: Sequence[Structure],
    settings: Settings,
    progress: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> tuple[StructureDVH, ...]:
    """DVHs of some structures of a case, in their order.

    A structure in another frame of reference than the dose keeps its volume and gets no dose.
    """
    results = []
    for done, structure in enumerate(structures):
        progress(done, len(structures), "dose-volume histograms")
        foreign = _other_frame(case, structure)
        result = compute(structure, None if foreign else case.dose, settings=settings)
        if result.dvh is None and result.volume_cc is not None:
            result = replace(result, reason=foreign or case.dose_problem or result.reason)
        results.append(result)
    return tuple(results)


def _other_frame(case: Case, structure: Structure) -> str | None:
    """Why a structure may not be laid over the dose: their frames of reference differ."""
    if case.dose is None or case.dose.frame_of_reference_uid is None:
        return None
    own = structure.frame_of_reference_uid
    if own is None or own == case.dose.frame_of_reference_uid:
        return None
    return "its contours are in another frame of reference than the dose"


def strict(result: StructureDVH, findings: tuple[Finding, ...]) -> StructureDVH:
    """A result whose findings were raised to errors: with any error it holds no number."""
    found = replace(result, findings=findings)
    errors = [item.text for item in findings if item.severity is Severity.ERROR]
    if not errors:
        return found
    reason = f"with --strict, {errors[0]}"
    return replace(found, volume_cc=None, covered_cc=None, dvh=None, reason=reason)

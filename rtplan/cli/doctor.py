"""``rtplan doctor``: what is in a folder, how it links, what is wrong with it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from rtplan.cli import common
from rtplan.cli.main import EXIT_DONE, EXIT_NOT_EVALUATED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rtplan.case import Case
    from rtplan.dicom.inventory import FoundDose, FoundSeries, Inventory
    from rtplan.dvh.curve import StructureDVH
    from rtplan.dvh.engine import Settings
    from rtplan.findings import Finding
    from rtplan.geometry.contour import Structure
    from rtplan.geometry.grid import FloatArray, Grid

SCHEMA = "rtplan/doctor/1"
_MOST_ROWS = 500
_NOTABLE = 0.005
"""Part of a volume by which another reading of its contours must differ to be said."""
_SEVERITIES = ("error", "warning", "info")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = "examples:\n  rtplan doctor FOLDER\n  rtplan doctor case.zip --json found.json"
    common.add_case_arguments(parser)
    parser.add_argument("--json", metavar="F", help="write everything as JSON; - for the output")


def run(args: argparse.Namespace) -> int:
    """Read, link, say what was found; 3 where a finding is an error.

    Raises
    ------
    InputError
        Nothing to read, or a doubt about what belongs together; what was found is shown first.
    """
    from rtplan.dicom.limits import bounded_memory, parse_limits, use
    from rtplan.dicom.link import link
    from rtplan.errors import InputError
    from rtplan.findings import has_errors

    use(parse_limits(args.limit))
    case, doubt = None, None
    with bounded_memory():
        inventory = common.read_inventory(args)
        if inventory.has_rt_objects:
            try:
                case = link(inventory, choice=common.choice_of(args))
            except InputError as error:
                doubt = error
    if case is not None:
        case = _with_geometry(case)
    found = _findings(inventory, case, strict=args.strict)
    if args.json:
        common.write_json(_document(inventory, case, found, doubt), args.json)
    if args.json != "-":
        _show(inventory, case, found)
    if doubt is not None:
        raise doubt
    return EXIT_NOT_EVALUATED if has_errors(found) else EXIT_DONE


def _with_geometry(case: Case) -> Case:
    """The case, its contours looked at as every command will: what they find is found here too."""
    from rtplan.dvh.case import compute_case, settings_for
    from rtplan.dvh.engine import EndCap, Interpolation, Settings

    if case.structure_set is None:
        return case
    plain = settings_for(case, Settings(Interpolation.RIGHT_PRISM, EndCap.HALF_SLICE))
    volumes = compute_case(
        replace(case, dose=None), structures=case.structure_set.structures, settings=plain
    )
    notes: list[Finding] = []
    structures = []
    for structure, result in zip(case.structure_set, volumes, strict=True):
        notes += result.findings
        notes += _other_readings(case, structure, result, plain)
        reason = result.reason or ""
        if result.volume_cc is None and structure.closed and structure.problem is None:
            structure = replace(structure, problem=reason)
        structures.append(structure)
    return replace(
        case,
        structure_set=replace(case.structure_set, structures=tuple(structures)),
        findings=(*case.findings, *notes),
    )


def _other_readings(
    case: Case, structure: Structure, read: StructureDVH, settings: Settings
) -> list[Finding]:
    """The volume where contours within or across each other may be read in another way."""
    from rtplan.dvh.case import compute_case
    from rtplan.findings import finding
    from rtplan.geometry.contour import GeometricType

    found = []
    codes = {item.code for item in read.findings}
    others = []
    if "GEO010" in codes or any(x.kind is GeometricType.CLOSEDPLANAR_XOR for x in structure.closed):
        others.append(("if every contour is filled, also within others", _filled))
    if "GEO001" in codes:
        others.append(("if what two contours share is left out", _exclusive))
    plain, uid = replace(case, dose=None), _uid(case)
    for text, other in others if read.volume_cc else ():
        (drawn,) = compute_case(plain, structures=[other(structure)], settings=settings)
        said = _beside(read.volume_cc or 0.0, drawn)
        if said:
            text = f"{structure.name!r}: {said} {text}"
            note = finding("GEO013", text, sop_instance_uid=uid, roi_number=structure.number)
            found.append(note)
    return found


def _beside(volume_cc: float, other: StructureDVH) -> str | None:
    """A volume and that of another reading in words, None where they hardly differ."""
    if other.volume_cc is None:
        return f"{_cc(volume_cc)} as read, none ({other.reason})"
    part = other.volume_cc / volume_cc - 1
    if abs(part) <= _NOTABLE:
        return None
    return f"{_cc(volume_cc)} as read, {_cc(other.volume_cc)} ({100 * part:+.1f} %)"


def _cc(volume_cc: float) -> str:
    return f"{volume_cc:.0f} cc" if volume_cc >= 1000 else f"{volume_cc:.4g} cc"


def _uid(case: Case) -> str | None:
    return None if case.structure_set is None else case.structure_set.sop_instance_uid


def _filled(structure: Structure) -> Structure:
    """The structure with the outermost contours alone, joined."""
    import numpy as np
    import shapely

    from rtplan.geometry.contour import Contour
    from rtplan.geometry.planes import signed_area_mm2, stack_planes

    stack = stack_planes(structure)
    contours = []
    for plane in stack.planes:
        outer = [shapely.Polygon(ring) for ring in plane.rings if signed_area_mm2(ring) > 0]
        for body in shapely.get_parts(shapely.union_all(outer)):
            ring = np.asarray(body.exterior.coords)[:-1]
            contours.append(Contour(stack.to_patient(ring, plane.position_mm)))
    return replace(structure, contours=tuple(contours))


def _exclusive(structure: Structure) -> Structure:
    """The structure with its contours combined by exclusive or."""
    from rtplan.geometry.contour import GeometricType

    kind = GeometricType.CLOSEDPLANAR_XOR
    return replace(structure, contours=tuple(replace(item, kind=kind) for item in structure.closed))


def _findings(inventory: Inventory, case: Case | None, *, strict: bool) -> tuple[Finding, ...]:
    """Everything noticed, once each, worst first; with ``strict`` warnings are errors."""
    from rtplan.findings import Severity

    every = dict.fromkeys((*inventory.findings, *(case.findings if case else ())))
    found = [
        replace(item, severity=Severity.ERROR)
        if strict and item.severity is Severity.WARNING
        else item
        for item in every
    ]
    return tuple(
        sorted(found, key=lambda item: (_SEVERITIES.index(item.severity.value), item.code))
    )


def _show(inventory: Inventory, case: Case | None, found: Sequence[Finding]) -> None:
    from rtplan.cli import console

    rows = _object_rows(inventory)
    if rows:
        console.table(("object", "UID ends", "file", "what it is", "grid (mm)"), rows)
    others = [f"{count} {kind}" for kind, count in inventory.kinds]
    print(f"files, numbered in the order of their names: {', '.join(others)}\n")
    if case is not None:
        console.notes(f"links ({case.label})", _link_lines(case))
        if case.structure_set is not None:
            print("structures:")
            structures = case.structure_set.structures
            console.table(
                ("#", "name", "type", "contours", "points", "state"),
                [_structure_row(item) for item in structures[:_MOST_ROWS]],
                right=(0, 3, 4),
            )
            if len(structures) > _MOST_ROWS:
                print(f"and {len(structures) - _MOST_ROWS} more; --json shows them\n")
    _show_findings(found)


def _show_findings(found: Sequence[Finding]) -> None:
    """Findings worst first; those of one code together, with what to do about them."""
    from rtplan.cli import console
    from rtplan.findings_catalogue import CATALOGUE

    if not found:
        print("nothing is wrong")
    groups: dict[tuple[str, str], list[Finding]] = {}
    for item in found:
        groups.setdefault((item.severity.value, item.code), []).append(item)
    for (severity, code), items in groups.items():
        entry = CATALOGUE[code]
        lines = _finding_lines(items)
        if entry.remedy != "Nothing.":
            lines.append(f"> {entry.remedy}")
        console.notes(f"{severity} {code}: {entry.meaning.rstrip('.')}", lines)


def _finding_lines(items: Sequence[Finding], most: int = 8) -> list[str]:
    from rtplan.dicom.inventory import uid_end

    lines = []
    for item in items[:most]:
        roi = "" if item.roi_number is None else f"ROI {item.roi_number}: "
        of = f" (object {uid_end(item.sop_instance_uid)})" if item.sop_instance_uid else ""
        at = f" at {item.path}" if item.path else ""
        lines.append(f"{roi}{item.text}{at}{of}")
    if len(items) > most:
        lines.append(f"and {len(items) - most} more")
    return lines


def _object_rows(inventory: Inventory) -> list[tuple[str, str, str, str, str]]:
    from rtplan.dicom.chains import describe, rt_objects
    from rtplan.dicom.inventory import FoundDose, uid_end

    rows = []
    places = dict(inventory.places)
    for item in rt_objects(inventory):
        kind, _, rest = describe(item).partition(f" {uid_end(item.uid)}, ")
        grid = _grid_text(item.grid) if isinstance(item, FoundDose) else ""
        files = item.inputs if isinstance(item, FoundDose) else (item.input,)
        place = _shortened([place for file in files for place in places[file.sha256]])
        rows.append((kind, uid_end(item.uid), place, rest, grid))
    rows += [_series_row(item) for item in inventory.series]
    return rows


def _shortened(places: Sequence[int], most: int = 4) -> str:
    """Numbers in ascending order; of many the first and the last."""
    ordered = sorted(places)
    if len(ordered) > most:
        return f"{len(ordered)} from {ordered[0]} to {ordered[-1]}"
    return ", ".join(map(str, ordered))


def _series_row(item: FoundSeries) -> tuple[str, str, str, str, str]:
    from rtplan.dicom.inventory import counted, uid_end

    series, grid = item.series, _grid_text(item.series.grid)
    count = counted(len(series.files), "image")
    return f"{series.modality} series", uid_end(series.series_uid), "", count, grid


def _grid_text(grid: Grid | None) -> str:
    if grid is None:
        return "none"
    shape = " x ".join(str(count) for count in reversed(grid.shape))
    steps = [_steps_text(axis) for axis in grid.axes_mm if axis.size > 1]
    return f"{shape} at {' x '.join(steps)}"


def _steps_text(axis: FloatArray) -> str:
    """The step along an axis, mm; the smallest and the largest where they differ."""
    steps = axis[1:] - axis[:-1]
    low, high = float(steps.min()), float(steps.max())
    return f"{low:.6g}" if high - low < 1e-3 else f"{low:.6g} to {high:.6g}"


def _structure_row(item: Structure) -> tuple[str, ...]:
    closed = item.closed
    state = item.problem or ("" if closed else "no closed contour, so no volume")
    points = sum(len(contour.points_mm) for contour in item.contours)
    return (
        str(item.number),
        item.name,
        item.roi_type,
        str(len(item.contours)),
        str(points),
        state,
    )


def _link_lines(case: Case) -> list[str]:
    from rtplan.dicom.beams import dose_origin
    from rtplan.dicom.inventory import uid_end

    structure_set, plan, dose = case.structure_set, case.plan, case.dose
    lines = [
        f"structure set: {uid_end(structure_set.sop_instance_uid)}"
        if structure_set
        else "structure set: none"
    ]
    fractions = "not stated" if plan is None or plan.fractions is None else str(plan.fractions)
    lines.append(
        f"plan: {uid_end(plan.sop_instance_uid)}, fractions {fractions}" if plan else "plan: none"
    )
    if dose is None:
        lines.append(f"dose: not used: {case.dose_problem}")
    else:
        state = "the plan's total dose" if case.dose_is_plans else case.dose_doubt
        state = f"{dose_origin(case)}; {state}"
        highest = float(dose.values_gy.max())
        lines.append(f"dose: {uid_end(dose.sop_instance_uid)}, maximum {highest:.3f} Gy; {state}")
    if case.stored_dvhs:
        lines.append(f"stored DVHs: {len(case.stored_dvhs)}")
    if case.images:
        text = ", ".join(f"{image.modality} ({len(image.files)})" for image in case.images)
        lines.append(f"images: {text}")
    else:
        lines.append("images: none")
    return lines


def _document(
    inventory: Inventory, case: Case | None, found: Sequence[Finding], doubt: Exception | None
) -> dict[str, object]:
    places = dict(inventory.places)
    inputs = [
        *(item.input for item in inventory.structure_sets),
        *(item.input for item in inventory.plans),
        *(item for dose in inventory.doses for item in dose.inputs),
    ]
    return common.document(
        SCHEMA,
        settings={},
        inputs=inputs,
        findings=found,
        files=dict(inventory.kinds),
        objects={
            "structure_sets": [
                {
                    "sop_instance_uid": item.uid,
                    "files": list(places[item.input.sha256]),
                    "patient": item.patient,
                    "structures": len(item.structure_set.structures),
                }
                for item in inventory.structure_sets
            ],
            "plans": [
                {
                    "sop_instance_uid": item.uid,
                    "files": list(places[item.input.sha256]),
                    "patient": item.patient,
                    "fractions": item.plan.fractions,
                    "approval": item.plan.approval,
                }
                for item in inventory.plans
            ],
            "doses": [_dose_json(item, places) for item in inventory.doses],
            "series": [
                {
                    "series_instance_uid": item.series.series_uid,
                    "patient": item.patient,
                    "modality": item.series.modality,
                    "images": len(item.series.files),
                }
                for item in inventory.series
            ],
        },
        case=None if case is None else _case_json(case),
        problem=None if doubt is None else str(doubt),
    )


def _dose_json(item: FoundDose, places: Mapping[str, Sequence[int]]) -> dict[str, object]:
    return {
        "sop_instance_uid": item.uid,
        "files": [place for file in item.inputs for place in places[file.sha256]],
        "patient": item.patient,
        "summation": item.summation_text or None,
        "dose_type": item.dose_type or None,
        "units": item.units or None,
        "beam_numbers": list(item.beam_numbers),
        "problem": item.problem,
    }


def _case_json(case: Case) -> dict[str, object]:
    structures = [] if case.structure_set is None else list(case.structure_set)
    dose = case.dose
    return {
        "label": case.label,
        "structure_set": case.structure_set.sop_instance_uid if case.structure_set else None,
        "plan": case.plan.sop_instance_uid if case.plan else None,
        "dose": dose.sop_instance_uid if dose else None,
        "dose_max_gy": round(float(dose.values_gy.max()), 6) if dose else None,
        "dose_problem": case.dose_problem,
        "dose_is_plans": case.dose_is_plans,
        "dose_doubt": case.dose_doubt,
        "stored_dvhs": len(case.stored_dvhs),
        "images": [{"modality": item.modality, "slices": len(item.files)} for item in case.images],
        "structures": [
            {
                "number": item.number,
                "name": item.name,
                "type": item.roi_type,
                "contours": len(item.contours),
                "problem": item.problem,
            }
            for item in structures
        ],
    }

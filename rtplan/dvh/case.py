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

_WORK = "dose-volume histograms"


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
    threads: int = 1,
    progress: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> tuple[StructureDVH, ...]:
    """DVHs of some structures of a case, in their order.

    A structure in another frame of reference than the dose keeps its volume and gets no dose.

    Parameters
    ----------
    case : Case
    structures : sequence of Structure
    settings : Settings
    threads : int
        Structures computed at a time. The results are the same, to the bit, for any number.
    progress : callable
        Called as ``progress(structures_done, structures_in_all, text)``, from this thread only.

    Raises
    ------
    ValueError
        ``threads`` is below 1.
    """
    if threads < 1:
        raise ValueError(f"threads is {threads}; expected 1 or more")
    total = len(structures)
    if threads > 1 and total > 1:
        return _compute_at_once(case, structures, settings, threads, progress)
    results = []
    for done, structure in enumerate(structures):
        progress(done, total, _WORK)
        results.append(_compute(case, structure, settings))
    return tuple(results)


def _compute_at_once(
    case: Case,
    structures: Sequence[Structure],
    settings: Settings,
    threads: int,
    progress: Callable[[int, int, str], None],
) -> tuple[StructureDVH, ...]:
    """The same in several threads, the largest structures first, so that none is left for last."""
    from concurrent.futures import ThreadPoolExecutor, as_completed

    total = len(structures)
    largest_first = sorted(range(total), key=lambda index: -_points(structures[index]))
    pool = ThreadPoolExecutor(min(threads, total))
    try:
        progress(0, total, _WORK)
        futures = {i: pool.submit(_compute, case, structures[i], settings) for i in largest_first}
        for done, future in enumerate(as_completed(futures.values()), 1):
            future.result()
            if done < total:
                progress(done, total, _WORK)
    finally:
        pool.shutdown(cancel_futures=True)
    return tuple(futures[index].result() for index in range(total))


def _points(structure: Structure) -> int:
    """Number of contour points, by which the time that a structure takes is guessed."""
    return sum(len(contour.points_mm) for contour in structure.contours)


def _compute(case: Case, structure: Structure, settings: Settings) -> StructureDVH:
    """The DVH of one structure of a case."""
    foreign = _other_frame(case, structure)
    result = compute(structure, None if foreign else case.dose, settings=settings)
    if result.dvh is None and result.volume_cc is not None:
        result = replace(result, reason=foreign or case.dose_problem or result.reason)
    return result


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
    return replace(found, volume_cc=None, covered_cc=None, dvh=None, reason=reason, alternatives=())

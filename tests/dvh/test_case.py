"""The DVHs of a case: their order, what fails among them, and any number of threads."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtplan.case import Case
from rtplan.cli.main import EXIT_FAULT, EXIT_UNUSABLE, main
from rtplan.dose.grid import DoseGrid
from rtplan.dvh import case as module
from rtplan.dvh.case import compute_case
from rtplan.dvh.curve import StructureDVH
from rtplan.dvh.document import evaluate_all, structure_json
from rtplan.dvh.engine import Settings, compute
from rtplan.geometry.contour import Structure, StructureSet
from rtplan.phantoms.registry import make
from rtplan.report.json_text import dump_json
from tests.shapes import PRISMS, dose_grid, gaussian, sphere

BREAST = Path(__file__).parents[1] / "data" / "breast"
THREADS = [1, 2, 4]


def numbered(drawn: Structure, number: int) -> Structure:
    return replace(drawn, number=number, name=f"ROI {number}")


def some_case() -> Case:
    """Spheres of several sizes, the small ones first, and one structure that cannot be trusted."""
    drawn = [sphere(radius, 1.0, points=40) for radius in (2.0, 3.0, 9.0, 4.0, 6.0)]
    drawn[1] = replace(drawn[1], problem="unreadable coordinates")
    structures = tuple(numbered(item, number) for number, item in enumerate(drawn, 1))
    structure_set = StructureSet("1.2", structures=structures)
    return Case("case", structure_set=structure_set, dose=dose_grid(gaussian(8)))


def computed(
    case: Case,
    *,
    threads: int,
    settings: Settings = PRISMS,
    progress: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> tuple[StructureDVH, ...]:
    assert case.structure_set is not None
    return compute_case(
        case,
        structures=case.structure_set.structures,
        settings=settings,
        threads=threads,
        progress=progress,
    )


def as_bytes(results: tuple[StructureDVH, ...]) -> bytes:
    """Results as ``rtplan dvh`` writes them, and every node of their curves."""
    rows = [structure_json(item, evaluate_all(item, [], prescription_gy=None)) for item in results]
    curves = [item.dvh for item in results if item.dvh is not None]
    nodes = [array.tobytes() for dvh in curves for array in (dvh.dose_gy, dvh.volume_cc)]
    return dump_json({"structures": rows}).encode() + b"".join(nodes)


@pytest.mark.parametrize("threads", THREADS)
def test_results_are_in_the_order_of_the_structures(threads: int) -> None:
    results = computed(some_case(), threads=threads)
    assert [item.number for item in results] == [1, 2, 3, 4, 5]
    assert [item.name for item in results] == [f"ROI {number}" for number in range(1, 6)]


@pytest.mark.parametrize("threads", THREADS)
def test_structure_that_cannot_be_trusted_does_not_stop_the_others(threads: int) -> None:
    results = computed(some_case(), threads=threads)
    assert results[1].reason == "unreadable coordinates"
    assert [item.dvh is not None for item in results] == [True, False, True, True, True]


@pytest.fixture(scope="module")
def targets() -> Case:
    """The drawn tumours of the synthetic patient, in its dose."""
    phantom = make("esophagus-oligomet")
    drawn = tuple(item for item in phantom.structures if item.roi_type == "GTV")
    return Case("case", structure_set=StructureSet("1.2", structures=drawn), dose=phantom.dose)


@pytest.mark.parametrize("settings", [PRISMS, Settings()], ids=["prisms", "default"])
def test_targets_of_a_phantom_are_the_same_bytes_for_any_number_of_threads(
    targets: Case, settings: Settings
) -> None:
    one, *others = (
        as_bytes(computed(targets, threads=threads, settings=settings)) for threads in THREADS
    )
    assert one.count(b'"number"') == 6
    assert others == [one, one]


def test_files_of_a_real_case_are_the_same_bytes_for_any_number_of_threads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = []
    for threads in THREADS:
        files = [tmp_path / f"{threads}.{ending}" for ending in ("json", "csv", "svg")]
        options = ["--json", str(files[0]), "--csv", str(files[1]), "--plot", str(files[2])]
        code = main(["dvh", str(BREAST), "--metric", "D95", *options, "--threads", str(threads)])
        written.append((code, [file.read_bytes() for file in files], capsys.readouterr().out))
    assert written[0] == written[1] == written[2]
    assert b"Tumor Bed" in written[0][1][0]


@pytest.mark.parametrize("threads", THREADS)
def test_progress_is_the_same_and_comes_from_the_calling_thread(threads: int) -> None:
    steps, callers = [], set()

    def progress(done: int, total: int, text: str) -> None:
        steps.append((done, total, text))
        callers.add(threading.current_thread())

    computed(some_case(), threads=threads, progress=progress)
    assert steps == [(done, 5, "dose-volume histograms") for done in range(5)]
    assert callers == {threading.current_thread()}


def test_largest_structures_begin_first(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    barrier = threading.Barrier(2)

    def noted(structure: Structure, dose: DoseGrid | None, *, settings: Settings) -> StructureDVH:
        begun.append(structure.number)
        if len(begun) <= 2:
            barrier.wait(timeout=20)  # until both threads have one
        return compute(structure, dose, settings=settings)

    monkeypatch.setattr(module, "compute", noted)
    computed(some_case(), threads=2)
    assert set(begun[:2]) == {3, 5}
    assert sorted(begun) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("threads", THREADS)
def test_fault_in_one_structure_surfaces_and_ends_the_work(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(structure: Structure, dose: DoseGrid | None, *, settings: Settings) -> StructureDVH:
        if structure.number in (1, 3):
            raise ZeroDivisionError("of one structure")
        return compute(structure, dose, settings=settings)

    monkeypatch.setattr(module, "compute", faulty)
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError, match="of one structure"):
        computed(some_case(), threads=threads)
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", THREADS)
def test_fault_is_exit_code_70_without_its_text(
    threads: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def faulty(*args: object, **options: object) -> StructureDVH:
        raise ZeroDivisionError("Jane Doe")

    monkeypatch.setattr(module, "compute", faulty)
    assert main(["dvh", str(BREAST), "--threads", str(threads)]) == EXIT_FAULT
    told = capsys.readouterr().err
    assert "a fault of rtplan itself (ZeroDivisionError in " in told
    assert "Jane" not in told


@pytest.mark.parametrize("threads", THREADS)
def test_stop_by_the_user_ends_the_work(
    threads: int,
) -> None:
    def stopped(done: int, total: int, text: str) -> None:
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        computed(some_case(), threads=threads, progress=stopped)
    assert threading.active_count() == before


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", ""])
def test_number_of_threads_below_one_is_2_with_the_way_out(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["dvh", str(BREAST), f"--threads={text}"])
    assert stop.value.code == EXIT_UNUSABLE
    assert (
        f"--threads: {text!r} is no number of threads; write 1 or more" in capsys.readouterr().err
    )
    with pytest.raises(ValueError, match="threads is 0; expected 1 or more"):
        computed(some_case(), threads=0)


@pytest.mark.parametrize("threads", THREADS)
def test_no_structure_is_no_result(threads: int) -> None:
    assert compute_case(Case("case"), structures=(), settings=PRISMS, threads=threads) == ()


@pytest.mark.parametrize("threads", THREADS)
def test_structure_of_another_frame_of_reference_keeps_its_volume(threads: int) -> None:
    case = some_case()
    assert case.structure_set is not None
    first, *others = case.structure_set.structures
    foreign = replace(first, frame_of_reference_uid="9.9")
    moved = replace(case, structure_set=StructureSet("1.2", structures=(foreign, *others)))
    results = computed(moved, threads=threads)
    assert results[0].dvh is None
    assert results[0].volume_cc is not None
    assert "another frame of reference" in (results[0].reason or "")
    assert results[2].dvh is not None
    assert np.isfinite(results[2].dvh.mean_gy)

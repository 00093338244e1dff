"""What becomes of an RT object that is cut off at every byte.

``python -m tests.dicom.truncation`` prints the table; ``test_truncation`` asserts its last column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pydicom.dataset import Dataset

from rtplan.dicom.dose import load_dose
from rtplan.dicom.inventory import FoundDose, FoundPlan, FoundStructureSet, Inventory
from rtplan.dicom.read import read
from rtplan.errors import DoseError, InputError
from tests.dicom import objects

KINDS: dict[str, Callable[[], Dataset]] = {
    "RS": lambda: objects.structure_set(),
    "RD": lambda: objects.dose(),
    "RP": lambda: objects.plan(),
}
ENCODINGS = tuple(
    (explicit, undefined) for explicit in (False, True) for undefined in (False, True)
)
OUTCOMES = ("refused", "error", "warning", "info", "nothing lost", "lost in silence")


def outcomes(data: bytes, folder: Path, *, step: int = 1) -> Counter[str]:
    """Outcomes of the cuts after every ``step`` bytes."""
    path = folder / "object"
    path.write_bytes(data)
    whole = _used(read(str(path)))
    usual = {note.text for note in read(str(path)).findings}
    count: Counter[str] = Counter()
    for end in range(step, len(data), step):
        path.write_bytes(data[:end])
        count[_outcome(path, whole, usual)] += 1
    return count


def _outcome(path: Path, whole: object, usual: set[str]) -> str:
    try:
        found = read(str(path))
    except InputError:
        return "refused"
    told = {note.severity.value for note in found.findings if note.text not in usual}
    for severity in ("error", "warning", "info"):
        if severity in told:
            return severity
    return "nothing lost" if _used(found) == whole else "lost in silence"


def _used(inventory: Inventory) -> list[object]:
    """Everything of an object that a number, a name or a link comes from."""
    return [
        *(_structures(item) for item in inventory.structure_sets),
        *(_plan(item) for item in inventory.plans),
        *(_dose(item) for item in inventory.doses),
    ]


def _structures(item: FoundStructureSet) -> object:
    rings = [
        (
            s.number,
            s.name,
            s.roi_type,
            s.problem,
            [(c.kind, c.points_mm.tolist()) for c in s.contours],
        )
        for s in item.structure_set
    ]
    return rings, item.patient, item.structure_set.referenced_series_uids


def _plan(item: FoundPlan) -> object:
    return item.plan, item.patient, item.fraction_beams, item.frame_of_reference_uid


def _dose(item: FoundDose) -> object:
    try:
        values = load_dose(item)[0].values_gy.tolist()
    except DoseError as error:
        values = [str(error)]
    links = item.plan_uids, item.structure_set_uid, item.frame_of_reference_uid, item.patient
    grid = None if item.grid is None else [np.asarray(axis).tolist() for axis in item.grid.axes_mm]
    return values, grid, links, item.summation_text


def rows() -> Iterator[tuple[str, int, Counter[str]]]:
    """A row for each object and encoding: its name, its bytes, the outcomes."""
    for kind, make in KINDS.items():
        for explicit, undefined in ENCODINGS:
            data = objects.to_bytes(make(), explicit=explicit, undefined=undefined)
            name = f"{kind}, {'explicit' if explicit else 'implicit'}, "
            name += f"{'undefined' if undefined else 'defined'} lengths"
            with TemporaryDirectory() as folder:
                yield name, len(data), outcomes(data, Path(folder))


if __name__ == "__main__":
    print(f"| object | cuts | {' | '.join(OUTCOMES)} |\n|---|{'---|' * (len(OUTCOMES) + 1)}")
    for name, size, count in rows():
        print(f"| {name} | {size - 1} | {' | '.join(str(count[x]) for x in OUTCOMES)} |")

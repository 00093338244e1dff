"""A phantom as files: DICOM-RT, what is true of it, and the facts DICOM does not hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path

from rtplan.dicom.write import Study, ct_series, rt_dose, structure_set, to_bytes
from rtplan.dicom.write_plan import rt_plan
from rtplan.errors import InputError

from .model import Phantom

Progress = Callable[[int, int, str], None]


def file_names(phantom: Phantom) -> tuple[str, ...]:
    """Names of the files of a phantom, relative to its folder, in the order they are written."""
    slices = tuple(f"CT/CT_{k + 1:04d}.dcm" for k in range(phantom.image.shape[0]))
    facts = ("facts.toml",) if phantom.facts_toml is not None else ()
    return *slices, "RS.dcm", "RP.dcm", "RD.dcm", *facts, "truth.json"


def render(phantom: Phantom) -> Iterator[tuple[str, bytes]]:
    """Each file's name and bytes, in the order of ``file_names``."""
    study = Study(
        name=phantom.name,
        patient_name=f"PHANTOM^{phantom.name}",
        patient_id=f"PHANTOM-{phantom.name}",
        description="Synthetic phantom, no patient",
    )
    names = iter(file_names(phantom))
    images = ct_series(study, phantom.image, phantom.hu)
    for image in images:
        yield next(names), to_bytes(image)
    drawn = structure_set(study, phantom.structures, images=images, decimals=phantom.decimals)
    yield next(names), to_bytes(drawn)
    plan = rt_plan(study, phantom.plan, phantom.beams, structures=drawn)
    yield next(names), to_bytes(plan)
    # The dose refers to the plan, and that to the structures: a direct reference belongs to the
    # RT DVH module and would ask for stored DVHs (PS3.3 C.8.8.4).
    dose = rt_dose(study, phantom.dose, plan=plan, bits=phantom.dose_bits)
    yield next(names), to_bytes(dose)
    if phantom.facts_toml is not None:
        yield next(names), phantom.facts_toml.encode()
    yield next(names), (json.dumps(phantom.truth, indent=1, allow_nan=False) + "\n").encode()


def write(
    phantom: Phantom, out_dir: str | PathLike[str], *, progress: Progress | None = None
) -> tuple[str, ...]:
    """Write a phantom into a folder, made if it is not there.

    Parameters
    ----------
    phantom : Phantom
    out_dir : path
        Empty, absent, or holding nothing but files of the same names, which are replaced.
    progress : callable, optional
        Called as ``progress(files_written, files_in_all, text)``.

    Returns
    -------
    tuple of str
        Names of the files written, relative to ``out_dir``.

    Raises
    ------
    InputError
        ``out_dir`` is a file, holds other files, or cannot be written to.
    """
    names = file_names(phantom)
    folder = Path(out_dir)
    _check_folder(folder, names)
    try:
        for done, (name, data) in enumerate(render(phantom), 1):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            if progress is not None:
                progress(done, len(names), f"writing {phantom.name}")
    except OSError as error:
        raise InputError(f"cannot write the phantom to {folder}: {error.strerror}") from error
    return names


def _check_folder(folder: Path, names: tuple[str, ...]) -> None:
    """Refuse a folder that holds anything but the phantom's own files."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder} is a file; give a folder, or a name that is not taken")
    held = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    foreign = sorted(held - set(names))
    if foreign:
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        raise InputError(
            f"{folder} already holds other files: {', '.join(foreign[:3])}{more}; "
            "give an empty folder with --out"
        )

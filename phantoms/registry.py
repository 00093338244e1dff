"""The phantoms that can be built, by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace
from os import PathLike

from rtplan.errors import InputError

from .model import Phantom


@dataclass(frozen=True, slots=True)
class Entry:
    """A phantom of the catalogue: its name and what it is, in one line."""

    name: str
    description: str


def catalogue() -> tuple[Entry, ...]:
    """Every phantom that can be built, in the order to list them.

    >>> catalogue()[0].name
    'esophagus-oligomet'
    """
    return tuple(Entry(name, description) for name, (description, _) in _BUILDERS.items())


def make(name: str) -> Phantom:
    """The phantom of a name, in memory.

    Raises
    ------
    InputError
        No phantom has that name.
    """
    if name not in _BUILDERS:
        near = difflib.get_close_matches(name, _BUILDERS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(f"no phantom is called {name!r}; {hint}`rtplan phantom list` lists all")
    description, builder = _BUILDERS[name]
    return builder(name, description)


def build(
    name: str,
    out_dir: str | PathLike[str],
    *,
    progress: Callable[[int, int, str], None] | None = None,
) -> tuple[str, ...]:
    """Write the phantom of a name as DICOM-RT, with ``truth.json`` beside it.

    Parameters
    ----------
    name : str
        A name of the ``catalogue``.
    out_dir : path
        A folder that is empty, absent, or holds nothing but this phantom from before.
    progress : callable, optional
        Called as ``progress(files_written, files_in_all, text)``.

    Returns
    -------
    tuple of str
        Names of the files written, relative to ``out_dir``.

    Raises
    ------
    InputError
        No phantom has that name, or the folder cannot be used.
    """
    from .files import write

    return write(make(name), out_dir, progress=progress)


def _patient(name: str, description: str) -> Phantom:
    from .patient import patient

    return patient(name, description)


def _linear(solid: str, field: str, roi_name: str) -> Callable[[str, str], Phantom]:
    def builder(name: str, description: str) -> Phantom:
        from . import closed

        return closed.solid_phantom(
            name,
            description,
            getattr(closed, solid),
            field=getattr(closed, field),
            roi_name=roi_name,
        )

    return builder


def _hollow(solid: str, holes: str, roi_name: str) -> Callable[[str, str], Phantom]:
    def builder(name: str, description: str) -> Phantom:
        from . import closed
        from .drawing import Holes

        return closed.solid_phantom(
            name,
            description,
            getattr(closed, solid),
            field=closed.ALONG_X,
            pen=replace(closed.DEFAULT_PEN, holes=Holes(holes)),
            roi_name=roi_name,
        )

    return builder


_BUILDERS: dict[str, tuple[str, Callable[[str, str], Phantom]]] = {
    "esophagus-oligomet": (
        "adult with a controlled oesophageal primary, 5 metastases in lung, liver and bone, "
        "and a stereotactic plan of 5 fractions",
        _patient,
    ),
    "sphere-linear": (
        "sphere of 12 mm radius, dose rising along z",
        _linear("SPHERE", "ALONG_Z", "Sphere"),
    ),
    "cylinder-linear": (
        "cylinder of 12 mm radius and 24 mm height, dose rising along z, its axis",
        _linear("CYLINDER", "ALONG_Z", "Cylinder"),
    ),
    "cylinder-linear-x": (
        "cylinder of 12 mm radius and 24 mm height, dose rising across its axis",
        _linear("CYLINDER", "ALONG_X", "Cylinder"),
    ),
    "cylinder-linear-oblique": (
        "cylinder of 12 mm radius and 24 mm height, dose rising at 50 degrees to its axis",
        _linear("CYLINDER", "OBLIQUE", "Cylinder"),
    ),
    "cone-linear": (
        "cone of 12 mm radius and 24 mm height, dose rising along z, its axis, to the base",
        _linear("CONE", "ALONG_Z", "Cone"),
    ),
    "cone-linear-x": (
        "cone of 12 mm radius and 24 mm height, dose rising across its axis",
        _linear("CONE", "ALONG_X", "Cone"),
    ),
    "cone-linear-oblique": (
        "cone of 12 mm radius and 24 mm height, dose rising at 50 degrees to its axis",
        _linear("CONE", "OBLIQUE", "Cone"),
    ),
    "hollow-sphere-nested": (
        "sphere of 12 mm with a hole of 8 mm radius, drawn as a ring within a ring",
        _hollow("HOLLOW_SPHERE", "nested", "Shell"),
    ),
    "hollow-sphere-keyhole": (
        "sphere of 12 mm with a hole of 8 mm radius, drawn as one ring with a channel",
        _hollow("HOLLOW_SPHERE", "keyhole", "Shell"),
    ),
    "hollow-sphere-xor": (
        "sphere of 12 mm with a hole of 8 mm radius, drawn as CLOSEDPLANAR_XOR",
        _hollow("HOLLOW_SPHERE", "xor", "Shell"),
    ),
    "tube-nested": (
        "tube of 12 mm outer and 8 mm inner radius, drawn as a ring within a ring",
        _hollow("TUBE", "nested", "Tube"),
    ),
}

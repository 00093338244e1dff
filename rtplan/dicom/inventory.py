"""An inventory: every object found under a path, as frozen values, before anything is linked."""

from __future__ import annotations

from dataclasses import dataclass

from rtplan.case import ImageSeries, Input, Plan, StoredDVH
from rtplan.dose.grid import SummationType
from rtplan.findings import Finding
from rtplan.geometry.contour import StructureSet
from rtplan.geometry.grid import Grid

UID_TAIL = 12


def uid_end(uid: str) -> str:
    """The end of a UID, enough to tell objects apart in a message.

    >>> uid_end("1.2.840.10008.5.1.4.1.1.481.3")
    '….4.1.1.481.3'
    """
    return uid if len(uid) <= UID_TAIL else "…" + uid[-UID_TAIL:]


def counted(count: int, noun: str) -> str:
    """A number and its noun.

    >>> counted(1, "beam"), counted(2, "beam")
    ('1 beam', '2 beams')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class FoundStructureSet:
    """A structure set, the file it came from, and the key of its patient."""

    structure_set: StructureSet
    input: Input
    patient: str
    problem: str | None = None

    @property
    def uid(self) -> str:
        """SOP Instance UID."""
        return self.input.sop_instance_uid


@dataclass(frozen=True, slots=True)
class FoundPlan:
    """A plan, the file it came from, and the key of its patient.

    ``fraction_beams`` are the beams that its only fraction group treats with; empty where there
    are several groups or they are not known.
    """

    plan: Plan
    input: Input
    patient: str
    frame_of_reference_uid: str | None = None
    fraction_beams: tuple[int, ...] = ()

    @property
    def uid(self) -> str:
        """SOP Instance UID."""
        return self.input.sop_instance_uid


@dataclass(frozen=True, slots=True, eq=False)
class FoundDose:
    """An RT Dose known by its header; ``dicom.dose.load_dose`` reads the values.

    Parameters
    ----------
    files : tuple of str
        Locators, one for each object: several where single planes were joined or beams summed.
    inputs : tuple of Input
        One for each file; the first gives the identity.
    grid : Grid or None
        None where ``problem`` says why there is none.
    problem : str or None
        Why the dose cannot be used.
    units, summation, dose_type : str, SummationType, str
        Dose Units, Dose Summation Type and Dose Type.
    summation_text : str
        Dose Summation Type as stored.
    plan_uids : tuple of str
        Referenced RT Plans: one, or several for a sum of plans.
    beam_numbers : tuple of int
        Referenced beams, where the dose is of beams.
    is_sum : bool
        Whether the values are the sum of those of all files, each on the grid.
    """

    files: tuple[str, ...]
    inputs: tuple[Input, ...]
    patient: str
    grid: Grid | None
    problem: str | None = None
    units: str = ""
    summation: SummationType = SummationType.OTHER
    summation_text: str = ""
    dose_type: str = ""
    frame_of_reference_uid: str | None = None
    plan_uids: tuple[str, ...] = ()
    structure_set_uid: str | None = None
    beam_numbers: tuple[int, ...] = ()
    is_sum: bool = False
    stored_dvhs: tuple[StoredDVH, ...] = ()

    @property
    def uid(self) -> str:
        """SOP Instance UID."""
        return self.inputs[0].sop_instance_uid

    @property
    def description(self) -> str:
        """What kind of dose it is, without a name: ``"BEAM, beam 2, GY, EFFECTIVE"``."""
        sum_of = "sum of " if self.is_sum else ""
        parts = [f"{sum_of}{self.summation_text or 'no summation type'}"]
        if self.beam_numbers:
            plural = "s" if len(self.beam_numbers) > 1 else ""
            parts.append(f"beam{plural} {', '.join(map(str, self.beam_numbers))}")
        parts += [part for part in (self.units, self.dose_type) if part]
        return ", ".join(parts) + (" (cannot be used)" if self.problem else "")


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """An image series and the key of its patient; ``uids`` are its images in order."""

    series: ImageSeries
    patient: str
    uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything found under a path.

    ``kinds`` counts the files by what they are, also those that are not used: pairs of a word
    and a number, in a fixed order. ``places`` tells where the files of RT objects are in name
    order, from 1: pairs of a file's SHA-256 and its places, more than one where it has copies.
    """

    structure_sets: tuple[FoundStructureSet, ...] = ()
    plans: tuple[FoundPlan, ...] = ()
    doses: tuple[FoundDose, ...] = ()
    series: tuple[FoundSeries, ...] = ()
    kinds: tuple[tuple[str, int], ...] = ()
    findings: tuple[Finding, ...] = ()
    places: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @property
    def has_rt_objects(self) -> bool:
        """Whether any structure set, plan or dose was read."""
        return bool(self.structure_sets or self.plans or self.doses)

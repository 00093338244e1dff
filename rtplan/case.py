"""A case: the image, structure set, dose and plan that belong together."""

from __future__ import annotations

from dataclasses import dataclass, field

from rtplan.dose.grid import DoseGrid
from rtplan.findings import Finding
from rtplan.geometry.contour import StructureSet
from rtplan.geometry.grid import FloatArray, Grid


@dataclass(frozen=True, slots=True)
class Input:
    """One file that was used: its UID, the SHA-256 of its bytes, its modality."""

    sop_instance_uid: str
    sha256: str
    modality: str

    def as_json(self) -> dict[str, object]:
        """The input as the contract's JSON object."""
        return {
            "sop_instance_uid": self.sop_instance_uid,
            "sha256": self.sha256,
            "modality": self.modality,
        }


@dataclass(frozen=True, slots=True)
class ImageSeries:
    """An image series known by its headers; pixels are read on demand (``dicom.image``).

    ``files`` are in order along the slice normal. ``grid`` is None where the slices form none.
    """

    series_uid: str
    modality: str
    files: tuple[str, ...]
    grid: Grid | None
    frame_of_reference_uid: str | None = None


@dataclass(frozen=True, slots=True)
class Prescription:
    """A prescribed dose of an RT Plan: Target Prescription Dose of its Dose Reference Sequence.

    Nothing else counts as prescribed: Beam Dose is the dose at a point of each beam.
    """

    dose_gy: float
    roi_number: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """An RT Plan. ``fractions`` is Number of Fractions Planned, None where it is not known."""

    sop_instance_uid: str
    label: str = ""
    fractions: int | None = None
    beam_numbers: tuple[int, ...] = ()
    prescriptions: tuple[Prescription, ...] = ()
    structure_set_uid: str | None = None
    dose_uids: tuple[str, ...] = ()
    approval: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class StoredDVH:
    """A cumulative DVH that came with the RT Dose (3004,0050), for comparison only.

    ``dose_gy`` and ``volume_cc`` are (n,): ``volume_cc[i]`` receives at least ``dose_gy[i]``.
    """

    roi_number: int
    dose_gy: FloatArray
    volume_cc: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What belongs together, and what was found on the way.

    ``label`` comes from UIDs, never from a patient's name or ID. ``dose`` is usable, or None with
    ``dose_problem`` saying why. ``dose_is_plans`` says whether the dose is the total dose of
    ``plan``; where it is not, no dose limit may be evaluated and ``dose_doubt`` says why.
    """

    label: str
    structure_set: StructureSet | None = None
    dose: DoseGrid | None = None
    dose_problem: str | None = None
    dose_is_plans: bool = False
    dose_doubt: str | None = None
    plan: Plan | None = None
    images: tuple[ImageSeries, ...] = ()
    stored_dvhs: tuple[StoredDVH, ...] = ()
    inputs: tuple[Input, ...] = ()
    findings: tuple[Finding, ...] = field(default=())

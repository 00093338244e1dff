"""What DICOM does not hold: facts about the patient's disease, stated in a TOML file by the user.

Every fact is optional; None is *not known* and never becomes true or false on its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class PrimaryFacts:
    """The primary tumour: the ``[primary]`` table. CEA in ng/ml."""

    site: str | None = None
    subsite: str | None = None
    histology: str | None = None
    controlled: bool | None = None
    diagnosed: date | None = None
    treated: date | None = None
    node_positive: bool | None = None
    cea_ng_ml: float | None = None
    egfr_mutated: bool | None = None


@dataclass(frozen=True, slots=True)
class DiseaseFacts:
    """The metastatic disease: the ``[disease]`` table. ``imaging`` lists what is known as done.

    ``uninvolved_liver_cc`` is the liver without gross tumour, cc. ``extrahepatic_controlled`` says
    that all disease outside the liver was treated and does not grow; also true where there is none.
    """

    detected: date | None = None
    polymetastatic_before: bool | None = None
    oligometastatic_before: bool | None = None
    on_systemic_therapy: bool | None = None
    progressing: bool | None = None
    diffuse: bool | None = None
    lifetime_metastases: int | None = None
    metastases_not_drawn: int | None = None
    all_sites_treatable: bool | None = None
    r0_feasible: bool | None = None
    mdt_discussed: bool | None = None
    uninvolved_liver_cc: float | None = None
    extrahepatic_controlled: bool | None = None
    imaging: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LesionFact:
    """One ``[[lesion]]`` table: names a lesion by structure name or id, overrides what it gives.

    Lesions with the same ``site`` are one where a definition counts sites.
    """

    structure: str | None = None
    id: str | None = None
    category: str | None = None
    organ: str | None = None
    laterality: str | None = None
    station: str | None = None
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All facts of one patient."""

    primary: PrimaryFacts = field(default_factory=PrimaryFacts)
    disease: DiseaseFacts = field(default_factory=DiseaseFacts)
    lesions: tuple[LesionFact, ...] = ()

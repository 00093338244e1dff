"""A lesion: one body of tumour as the structure set shows it, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from rtplan.findings import Finding


class Category(StrEnum):
    """What kind of tumour a lesion is. Metastases are all but primary and regional node."""

    ORGAN_METASTASIS = "organ_metastasis"
    REGIONAL_NODE = "regional_node"
    EXTRAREGIONAL_NODE = "extraregional_node"
    PRIMARY = "primary"
    UNKNOWN = "unknown"

    @property
    def counts(self) -> bool:
        """Whether a lesion of this category is counted as a metastasis."""
        return self not in (Category.PRIMARY, Category.REGIONAL_NODE)


class Organ(StrEnum):
    """Where a lesion sits; paired organs are one organ."""

    LUNG = "lung"
    LIVER = "liver"
    BONE = "bone"
    BRAIN = "brain"
    ADRENAL = "adrenal"
    LYMPH_NODE = "lymph_node"
    KIDNEY = "kidney"
    SPLEEN = "spleen"
    PANCREAS = "pancreas"
    OVARY = "ovary"
    PERITONEUM = "peritoneum"
    PLEURA = "pleura"
    SOFT_TISSUE = "soft_tissue"
    SKIN = "skin"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class StructureRef:
    """An ROI by number and name as stored."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion; lengths in mm, volume in cc, places in patient LPS mm. None is not known.

    ``neighbours`` are the nearest other lesion and all that are close, by id, ``distances_mm``
    organs that were asked for, by name: both from surface to surface.
    """

    id: str
    category: Category
    organ: Organ | None
    structures: tuple[StructureRef, ...] = ()
    laterality: str | None = None
    station: str | None = None
    centroid_mm: tuple[float, float, float] | None = None
    volume_cc: float | None = None
    longest_diameter_mm: float | None = None
    short_axis_mm: float | None = None
    longest_3d_mm: float | None = None
    bounds_mm: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    neighbours: tuple[tuple[str, float], ...] | None = None
    distances_mm: tuple[tuple[str, float | None], ...] = ()
    reason: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class LesionCount:
    """The number of metastases: the best reading, and the bounds that the data allow.

    All three are None where no target was drawn.
    """

    lower: int | None
    best: int | None
    upper: int | None

    @property
    def is_definite(self) -> bool:
        """Whether every reading of the data gives the same number."""
        return self.best is not None and self.lower == self.upper


@dataclass(frozen=True, slots=True)
class StructureUse:
    """What became of one structure: ``use`` is counted, not_counted, organ, helper, empty, ...

    ``evidence`` is what told its role: name, type, code, geometry, user; none where it is not told.
    """

    number: int
    name: str
    use: str
    reason: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LesionReading:
    """The lesions read from a structure set (or a lesions file), each structure accounted for.

    ``from_path`` is False where the list came from a lesions file and is taken as complete.
    ``reason`` says why there is no count, or why lower and upper differ.
    """

    count: LesionCount
    lesions: tuple[Lesion, ...]
    structures: tuple[StructureUse, ...] = ()
    findings: tuple[Finding, ...] = field(default=())
    reason: str | None = None
    from_path: bool = True

"""Definitions as values: what a protocol file says, with where it says it from.

A *definition* is criteria, and arms that combine them; or a decision tree that names a state; or a
score. A *pathway* is conditions that are listed and give no verdict. Every criterion carries its
evidence and its place in a source.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from rtplan.lesions.model import Organ
from rtplan.protocol.logic import Op


class Evidence(StrEnum):
    """How far a statement was followed to its source."""

    VERIFIED = "verified"
    """Read in a public page of the source or one that states it."""
    SECONDARY = "secondary"
    """From a transcription; to be compared with the primary before clinical use."""
    UNCONFIRMED = "unconfirmed"
    """Not seen in print."""


@dataclass(frozen=True, slots=True)
class Source:
    """A publication; at least one of doi, pmid and url is given."""

    id: str
    text: str
    doi: str | None = None
    pmid: str | None = None
    url: str | None = None

    @property
    def reference(self) -> str:
        """The shortest citation.

        >>> Source("a", "A paper", doi="10.1000/1").reference
        'doi:10.1000/1'
        """
        if self.doi:
            return f"doi:{self.doi}"
        return f"pmid:{self.pmid}" if self.pmid else str(self.url)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Everything under which it is found: DOI, PubMed number, address."""
        named = (("doi:", self.doi), ("pmid:", self.pmid), ("", self.url))
        return tuple(prefix + value for prefix, value in named if value)


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a statement comes from, and how sure that is."""

    evidence: Evidence
    source: Source
    place: str | None = None

    def __str__(self) -> str:
        return self.source.reference + (f", {self.place}" if self.place else "")


class Quantity(StrEnum):
    """What a criterion can count or measure. Counts and sizes follow the counting policy."""

    METASTASES = "metastases"
    """Metastases, nodes included as the policy counts them."""
    ORGANS = "organs"
    """Organs with metastases, lymph nodes included if the policy calls them one."""
    MOST_IN_ONE_ORGAN = "most_in_one_organ"
    """Metastases in the organ that has most of them."""
    ORGAN_METASTASES = "organ_metastases"
    """Metastases outside lymph nodes."""
    NONNODAL_ORGANS = "nonnodal_organs"
    """Organs other than lymph nodes with metastases."""
    EXTRAREGIONAL_STATIONS = "extraregional_stations"
    """Extraregional lymph node stations with a metastasis."""
    LIFETIME_METASTASES = "lifetime_metastases"
    """Metastases ever, as stated; at least those counted now."""
    SIDES = "sides"
    """Sides, 1 or 2, of paired organs with metastases."""
    LARGEST_DIAMETER_MM = "largest_diameter_mm"
    """Longest diameter of the largest metastasis, mm."""
    LARGEST_VOLUME_CC = "largest_volume_cc"
    """Volume of the largest metastasis, cc."""
    CLOSEST_PAIR_MM = "closest_pair_mm"
    """Distance of the two metastases that are closest to each other, mm."""
    MONTHS_TO_DETECTION = "months_to_detection"
    """Calendar months from ``since`` to the first detection of the metastases."""
    CEA_NG_ML = "cea_ng_ml"
    """Carcinoembryonic antigen, ng/ml, as stated."""
    UNINVOLVED_LIVER_CC = "uninvolved_liver_cc"
    """Liver without gross tumour, cc, as stated."""

    @property
    def is_count(self) -> bool:
        """Whether it is a whole number."""
        return self.unit == ""

    @property
    def fact(self) -> str | None:
        """The one stated number that it is, by full name; None where lesions or dates tell it.

        >>> Quantity.CEA_NG_ML.fact
        'primary.cea_ng_ml'
        """
        return {
            Quantity.CEA_NG_ML: "primary.cea_ng_ml",
            Quantity.UNINVOLVED_LIVER_CC: "disease.uninvolved_liver_cc",
        }.get(self)

    @property
    def is_size(self) -> bool:
        """Whether it is measured on the lesions, in ``unit``."""
        return self.unit in ("mm", "cc") and self.fact is None

    @property
    def unit(self) -> str:
        """The unit of its limit; empty for a count.

        >>> Quantity.LARGEST_DIAMETER_MM.unit, Quantity.ORGANS.unit
        ('mm', '')
        """
        if self is Quantity.MONTHS_TO_DETECTION:
            return "months"
        if self is Quantity.CEA_NG_ML:
            return "ng/ml"
        return self.value[-2:] if self.value.endswith(("_mm", "_cc")) else ""

    @property
    def words(self) -> str:
        """As a sentence calls it."""
        return {
            Quantity.MOST_IN_ONE_ORGAN: "most in one organ",
            Quantity.ORGAN_METASTASES: "metastases outside nodes",
            Quantity.NONNODAL_ORGANS: "organs outside nodes",
            Quantity.LIFETIME_METASTASES: "metastases in a lifetime",
            Quantity.SIDES: "sides involved",
            Quantity.LARGEST_DIAMETER_MM: "largest diameter",
            Quantity.LARGEST_VOLUME_CC: "largest volume",
            Quantity.CLOSEST_PAIR_MM: "distance of the closest pair",
            Quantity.CEA_NG_ML: "CEA",
            Quantity.UNINVOLVED_LIVER_CC: "liver without gross tumour",
        }.get(self, self.value.replace("_", " "))


@dataclass(frozen=True, slots=True)
class Among:
    """Which metastases a quantity is of: all, or those in (outside) some organs or stations.

    ``organs`` and ``stations`` empty is all; ``outside`` turns either round.
    """

    organs: tuple[Organ, ...] = ()
    stations: tuple[str, ...] = ()
    outside: bool = False

    def __bool__(self) -> bool:
        return bool(self.organs or self.stations)

    def __str__(self) -> str:
        names = [*(organ.value.replace("_", " ") for organ in self.organs), *self.stations]
        return f"{'outside' if self.outside else 'in'} {' or '.join(names)}" if names else ""


@dataclass(frozen=True, slots=True)
class QuantityRule:
    """``quantity op limit``.

    ``since`` names the facts from which months run: all readings must agree. ``at_limit_gap``
    names the gap that makes a value equal to the limit undecided. ``among`` says of which
    metastases.
    """

    quantity: Quantity
    op: Op
    limit: float
    since: tuple[str, ...] = ()
    at_limit_gap: str | None = None
    among: Among = Among()

    @property
    def words(self) -> str:
        """The quantity in words, with the metastases that it is of."""
        return f"{self.quantity.words} {self.among}".strip()


@dataclass(frozen=True, slots=True)
class FactRule:
    """A stated fact is one of some values (``negated``: is none of them).

    With ``includes`` the fact is a list of what is known as done, and absence is unknown.
    """

    fact: str
    values: tuple[bool | str, ...]
    includes: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Every:
    """All of some rules."""

    items: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Any of some rules."""

    items: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class CriterionRef:
    """A criterion of the same definition, by id."""

    id: str


@dataclass(frozen=True, slots=True)
class GapRule:
    """What the source leaves open, by the id of the gap: always unknown, and so is its opposite."""

    gap: str


Rule: TypeAlias = QuantityRule | FactRule | GapRule | Every | Some | CriterionRef


class RegionalNodes(StrEnum):
    """How regional lymph nodes count."""

    NOT_COUNTED = "not_counted"
    ALL_AS_ONE = "all_as_one"
    COUNTED = "counted"
    UNCONFIRMED = "unconfirmed"


class ExtraregionalNodes(StrEnum):
    """How extraregional lymph nodes count."""

    PER_LESION = "per_lesion"
    PER_STATION = "per_station"
    UNCONFIRMED = "unconfirmed"


class NodesAsOrgan(StrEnum):
    """Whether counted lymph nodes are an organ of their own."""

    ONE_ORGAN = "one_organ"
    NO_ORGAN = "no_organ"
    UNCONFIRMED = "unconfirmed"


class Supraclavicular(StrEnum):
    """What a supraclavicular node is where the lesion list leaves it open."""

    REGIONAL = "regional"
    EXTRAREGIONAL = "extraregional"
    ASK = "ask"


class Diffuse(StrEnum):
    """What diffuse disease (serosal, leptomeningeal, marrow, effusion) does to a count."""

    NOT_COUNTABLE = "not_countable"


class Unit(StrEnum):
    """What is counted as one. Several lesions may be one site."""

    LESION = "lesion"
    SITE = "site"


class Merging(StrEnum):
    """Whether lesions that share something are one site."""

    EACH = "each"
    ONE_SITE = "one_site"
    UNCONFIRMED = "unconfirmed"


class PrimaryTumour(StrEnum):
    """Whether the primary counts. No source read so far counts it."""

    NOT_COUNTED = "not_counted"


class PairedOrgans(StrEnum):
    """How lungs, kidneys, adrenals and ovaries count as organs."""

    ONE_ORGAN = "one_organ"
    EACH_SIDE = "each_side"
    UNCONFIRMED = "unconfirmed"


class NodalSystem(StrEnum):
    """Which map says what is regional."""

    AJCC8 = "AJCC8"
    JES11 = "JES11"
    JES12 = "JES12"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Counting:
    """The counting policy of a definition.

    ``conventions`` names the keys that are rtplan's choice because the source does not state them;
    ``gap`` the gap that stands behind what is ``unconfirmed``.
    """

    unit: Unit
    primary: PrimaryTumour
    regional_nodes: RegionalNodes
    extraregional_nodes: ExtraregionalNodes
    nodes_as_organ: NodesAsOrgan
    nodal_system: NodalSystem
    paired_organs: PairedOrgans
    supraclavicular: Supraclavicular
    diffuse: Diffuse
    conventions: tuple[str, ...]
    citation: Citation
    gap: str | None = None
    contiguous_vertebrae: Merging = Merging.EACH
    shared_isocentre: Merging = Merging.EACH


@dataclass(frozen=True, slots=True)
class Criterion:
    """One statement that is met, not met, or cannot be told.

    ``working_number`` marks a number that the source itself calls a working one. ``own_reading``
    marks a demand that rtplan reads out of the source's wording: a verdict rests on it only where
    it is not met, since without it nothing would be asked. ``rule`` is None where no fact of rtplan
    tells it (in a score or a pathway): it is unknown then.
    """

    id: str
    text: str
    rule: Rule | None
    citation: Citation
    working_number: bool = False
    own_reading: bool = False


@dataclass(frozen=True, slots=True)
class Arm:
    """A way to fulfil a definition; ``histologies`` empty is for all."""

    id: str
    text: str
    rule: Rule
    histologies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A node of a decision tree; ``yes`` and ``no`` name a question, a state, or ``none``."""

    id: str
    text: str
    rule: Rule
    yes: str
    no: str
    citation: Citation


@dataclass(frozen=True, slots=True)
class Tree:
    """A decision tree: the first question, all questions, and the states with their names.

    ``presupposes`` is what every state takes for granted and no question asks; ``caveat`` stands
    beside every state.
    """

    start: str
    questions: tuple[Question, ...]
    states: tuple[tuple[str, str], ...]
    presupposes: str | None = None
    caveat: str | None = None


@dataclass(frozen=True, slots=True)
class ScoreGroup:
    """Scores from ``low`` to ``high`` points, both included."""

    id: str
    text: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Score:
    """One point for each of some criteria that is met; ``groups`` hold every sum."""

    text: str
    points: tuple[str, ...]
    groups: tuple[ScoreGroup, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """A statement beside the criteria: a condition of entry, or a step of a pathway.

    ``rule`` says when it holds, if that can be told from facts. It never decides a verdict.
    """

    id: str
    text: str
    citation: Citation
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """What could not be confirmed in the source."""

    id: str
    text: str


class DefinitionKind(StrEnum):
    """What a file of criteria gives."""

    DEFINITION = "definition"
    """A verdict by its arms, or a state by its tree."""
    SCORE = "score"
    """A group by the number of its criteria that are met."""
    PATHWAY = "pathway"
    """No verdict: its conditions are listed."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A published definition. ``primaries`` empty is for any solid primary.

    ``metastases_in`` names the organs of which one has to have a metastasis. One of ``arms``,
    ``tree`` and ``score`` is given, and none for a pathway.
    """

    id: str
    title: str
    version: str
    sources: tuple[Source, ...]
    counting: Counting
    criteria: tuple[Criterion, ...]
    arms: tuple[Arm, ...]
    tree: Tree | None
    primaries: tuple[str, ...] = ()
    histologies: tuple[str, ...] = ()
    conditions: tuple[Remark, ...] = ()
    pathways: tuple[Remark, ...] = ()
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    kind: DefinitionKind = DefinitionKind.DEFINITION
    score: Score | None = None
    metastases_in: tuple[Organ, ...] = ()
    extends: tuple[str, ...] = ()

    def cited(self) -> tuple[Citation, ...]:
        """The citation of every criterion or question."""
        questions = self.tree.questions if self.tree else ()
        criteria = tuple(item.citation for item in self.criteria)
        return criteria + tuple(item.citation for item in questions)

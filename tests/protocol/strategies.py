"""Hypothesis strategies: full cases, what is masked of them, counting policies."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

from hypothesis import strategies as st

from rtplan.facts import DiseaseFacts, Facts, PrimaryFacts
from rtplan.lesions.model import Category, Lesion, LesionCount, LesionReading, Organ
from rtplan.protocol.model import (
    Citation,
    Counting,
    Diffuse,
    Evidence,
    ExtraregionalNodes,
    NodalSystem,
    NodesAsOrgan,
    PairedOrgans,
    PrimaryTumour,
    RegionalNodes,
    Source,
    Supraclavicular,
    Unit,
)

STATIONS = ("LN_Paraaortic", "LN_Hilar_L", "LN_Hilar_R", "LN_Celiac")
SIDES = ("left", "right")
SIZES = (8.0, 50.0, 61.0)
ORGANS = (Organ.LUNG, Organ.LIVER, Organ.BONE)
DAYS = st.sampled_from([date(2024, 1, 15), date(2024, 7, 15), date(2024, 9, 1), date(2026, 8, 1)])


@st.composite
def lesions(draw: st.DrawFn, *, most: int = 7) -> tuple[Lesion, ...]:
    """Lesions of which everything is known."""
    found = []
    for number in range(1, draw(st.integers(0, most)) + 1):
        category = draw(st.sampled_from([c for c in Category if c is not Category.UNKNOWN]))
        if category is Category.PRIMARY:
            found.append(Lesion(f"L{number}", category, Organ.OTHER))
        elif category is Category.ORGAN_METASTASIS:
            organ = draw(st.sampled_from(ORGANS))
            side = draw(st.sampled_from(SIDES)) if organ is Organ.LUNG else None
            found.append(Lesion(f"L{number}", category, organ, laterality=side))
        else:
            station = draw(st.sampled_from(STATIONS))
            found.append(Lesion(f"L{number}", category, Organ.LYMPH_NODE, station=station))
    return tuple(measured(item, draw(st.sampled_from(SIZES))) for item in found)


def measured(lesion: Lesion, size: float) -> Lesion:
    """A lesion with its size known: a diameter, mm, and the same number of cc."""
    return replace(lesion, longest_diameter_mm=size, longest_3d_mm=size, volume_cc=size)


def listed(items: tuple[Lesion, ...], *, drawn: bool = False) -> LesionReading:
    """A reading of lesions with the count that follows from them."""
    best = sum(item.category.counts for item in items)
    return LesionReading(LesionCount(best, best, best), items, from_path=drawn)


def facts() -> st.SearchStrategy[Facts]:
    """Facts of which everything is known."""
    primary = st.builds(
        PrimaryFacts,
        site=st.sampled_from(["oesophagus", "egj", "lung"]),
        histology=st.sampled_from(["squamous", "adenocarcinoma", "small_cell", "other"]),
        controlled=st.booleans(),
        diagnosed=st.just(date(2024, 1, 15)),
        treated=st.just(date(2024, 5, 30)),
        node_positive=st.booleans(),
        cea_ng_ml=st.sampled_from([3.5, 200.5]),
        egfr_mutated=st.booleans(),
    )
    disease = st.builds(
        DiseaseFacts,
        detected=DAYS,
        polymetastatic_before=st.booleans(),
        oligometastatic_before=st.booleans(),
        on_systemic_therapy=st.booleans(),
        progressing=st.booleans(),
        diffuse=st.just(False),
        metastases_not_drawn=st.just(0),
        all_sites_treatable=st.booleans(),
        r0_feasible=st.booleans(),
        mdt_discussed=st.booleans(),
        uninvolved_liver_cc=st.sampled_from([1400.0, 700.0]),
        extrahepatic_controlled=st.booleans(),
    )
    return st.builds(Facts, primary=primary, disease=disease)


@st.composite
def masked_facts(draw: st.DrawFn, full: Facts) -> Facts:
    """Facts with some of them unknown."""

    def masked(table: Any) -> Any:
        names = [item.name for item in fields(table) if item.name != "imaging"]
        hidden = draw(st.sets(st.sampled_from(names), max_size=4))
        return replace(table, **dict.fromkeys(hidden))

    return Facts(masked(full.primary), masked(full.disease))


@st.composite
def masked_lesions(draw: st.DrawFn, full: tuple[Lesion, ...]) -> tuple[Lesion, ...]:
    """Lesions with categories, organs and stations of some unknown."""
    found = []
    for item in full:
        hide = draw(st.sampled_from(["nothing", "nothing", "place", "kind", "both", "size"]))
        if hide in ("kind", "both"):
            item = replace(item, category=Category.UNKNOWN)
        if hide in ("place", "both"):
            node = item.organ is Organ.LYMPH_NODE and hide == "place"
            organ = item.organ if node else None
            item = replace(item, station=None, organ=organ, laterality=None)
        if hide == "size":
            item = replace(item, longest_diameter_mm=None, longest_3d_mm=None, volume_cc=None)
            item = replace(item, laterality=None)
        found.append(item)
    return tuple(found)


def policies() -> st.SearchStrategy[Counting]:
    """Every counting policy."""
    source = Source("s", "a source", doi="10.1000/1")
    return st.builds(
        Counting,
        unit=st.just(Unit.LESION),
        primary=st.just(PrimaryTumour.NOT_COUNTED),
        regional_nodes=st.sampled_from(RegionalNodes),
        extraregional_nodes=st.sampled_from(ExtraregionalNodes),
        nodes_as_organ=st.sampled_from(NodesAsOrgan),
        nodal_system=st.just(NodalSystem.AJCC8),
        paired_organs=st.sampled_from(PairedOrgans),
        supraclavicular=st.just(Supraclavicular.ASK),
        diffuse=st.just(Diffuse.NOT_COUNTABLE),
        conventions=st.just(()),
        citation=st.just(Citation(Evidence.VERIFIED, source)),
        gap=st.just("nodes"),
    )

"""The facts file: what DICOM does not hold, stated by the user in TOML.

Every fact is optional and unknown unless stated. Unknown keys, values that are not among the known
ones, and facts that cannot be true together are errors that name file, key and value.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from rtplan.facts import DiseaseFacts, Facts, LesionFact, PrimaryFacts
from rtplan.lesions.model import Category, Organ
from rtplan.protocol.months import months_between
from rtplan.protocol.toml_table import Table, read_toml

SITES = (
    "oesophagus", "egj", "stomach", "lung", "colorectum", "breast", "prostate", "soft_tissue",
    "head_neck", "liver", "biliary", "pancreas", "small_bowel", "anus", "kidney", "bladder",
    "testis", "ovary", "uterus", "cervix", "skin", "thyroid", "thymus", "pleura", "adrenal",
    "bone", "brain", "haematological", "other",
)  # fmt: skip
"""Sites of a primary. ``other`` is another solid tumour."""

NOT_SOLID = ("haematological",)
"""Sites that no definition for solid primaries is for."""

HISTOLOGIES = ("squamous", "adenocarcinoma", "small_cell", "non_small_cell", "other")
"""Which includes which: ``rtplan.protocol.histology``. ``other`` is neither of the first two."""

OESOPHAGEAL_SUBSITES = (
    "cervical", "thoracic", "thoracic_upper", "thoracic_middle", "thoracic_lower", "abdominal",
)  # fmt: skip

IMAGING = (
    "FDG_PET_CT", "FDG_PET_MRI", "PSMA_PET_CT", "choline_PET_CT", "DOTATATE_PET_CT", "FES_PET_CT",
    "CT_chest", "CT_abdomen", "CT_pelvis", "CT_chest_abdomen", "CT_chest_abdomen_pelvis", "CT_neck",
    "brain_MRI", "brain_CT", "liver_MRI", "spine_MRI", "pelvic_MRI", "whole_body_MRI",
    "bone_scintigraphy", "ultrasound_neck", "ultrasound_liver", "endoscopic_ultrasound",
    "endobronchial_ultrasound", "thoracoscopy", "laparoscopy",
)  # fmt: skip
"""Staging examinations that a facts file may list as done."""

LONG_BEFORE_MONTHS = 6
"""How long before its primary a metastasis may be found and its date still be believed: the span
that the sources call synchronous."""

LATERALITIES = ("left", "right", "midline", "bilateral")

NODAL = (Category.REGIONAL_NODE, Category.EXTRAREGIONAL_NODE)


def load_facts(path: str | Path) -> Facts:
    """Read a facts file.

    Parameters
    ----------
    path : str or Path
        A TOML file with the tables ``[primary]``, ``[disease]`` and any number of ``[[lesion]]``.

    Raises
    ------
    ProtocolError
        Not TOML, an unknown key or value (with the nearest right one), or an impossible fact.
    """
    file = Path(path)
    root = read_toml(file, name=file.name)
    primary = _primary(root.table("primary"))
    disease = _disease(root.table("disease"))
    _check_detected(root, primary, disease)
    _check_extrahepatic(root, primary, disease)
    lesions = tuple(_lesion(item) for item in root.tables("lesion"))
    _check_named_once(root.tables("lesion"), lesions)
    root.done(elsewhere=_homes())
    return Facts(primary=primary, disease=disease, lesions=lesions)


def _primary(table: Table | None) -> PrimaryFacts:
    if table is None:
        return PrimaryFacts()
    site = table.choice("site", SITES)
    subsite = (
        table.choice("subsite", OESOPHAGEAL_SUBSITES)
        if site == "oesophagus"
        else table.text("subsite")
    )
    facts = PrimaryFacts(
        site=site,
        subsite=subsite,
        histology=table.choice("histology", HISTOLOGIES),
        controlled=table.flag("controlled"),
        diagnosed=table.day("diagnosed"),
        treated=table.day("treated"),
        node_positive=table.flag("node_positive"),
        cea_ng_ml=_amount(table, "cea_ng_ml"),
        egfr_mutated=table.flag("egfr_mutated"),
    )
    table.done(elsewhere=_homes())
    if facts.histology == "non_small_cell" and site not in (None, "lung"):
        table.fail(
            "histology",
            f'"non_small_cell" with site "{site}"; it is of the lung: write "squamous", '
            '"adenocarcinoma" or "other"',
        )
    if facts.diagnosed and facts.treated and facts.treated < facts.diagnosed:
        table.fail(
            "treated",
            f"{facts.treated} is before primary.diagnosed ({facts.diagnosed}); "
            "a primary cannot be treated before it is diagnosed",
        )
    return facts


def _disease(table: Table | None) -> DiseaseFacts:
    if table is None:
        return DiseaseFacts()
    facts = DiseaseFacts(
        detected=table.day("detected"),
        polymetastatic_before=table.flag("polymetastatic_before"),
        oligometastatic_before=table.flag("oligometastatic_before"),
        on_systemic_therapy=table.flag("on_systemic_therapy"),
        progressing=table.flag("progressing"),
        diffuse=table.flag("diffuse"),
        lifetime_metastases=table.whole("lifetime_metastases"),
        metastases_not_drawn=table.whole("metastases_not_drawn"),
        all_sites_treatable=table.flag("all_sites_treatable"),
        r0_feasible=table.flag("r0_feasible"),
        mdt_discussed=table.flag("mdt_discussed"),
        uninvolved_liver_cc=_amount(table, "uninvolved_liver_cc"),
        extrahepatic_controlled=table.flag("extrahepatic_controlled"),
        imaging=table.texts("imaging", options=IMAGING),
    )
    table.done(elsewhere=_homes())
    lifetime, undrawn = facts.lifetime_metastases, facts.metastases_not_drawn
    if lifetime is not None and undrawn is not None and lifetime < undrawn:
        table.fail(
            "lifetime_metastases",
            f"{lifetime} is less than disease.metastases_not_drawn ({undrawn}); "
            "those of a lifetime include the present ones",
        )
    return facts


def _amount(table: Table, key: str) -> float | None:
    """A number of 0 or more, in the unit that its key names."""
    if table.raw(key) is None:
        return None
    value = table.number(key)
    if value < 0:
        table.fail(key, f"{value:g} is below 0; leave it out if it is not known")
    return value


def _check_detected(root: Table, primary: PrimaryFacts, disease: DiseaseFacts) -> None:
    """Metastases may be found shortly before their primary, not long before it."""
    if primary.diagnosed is None or disease.detected is None:
        return
    if months_between(primary.diagnosed, disease.detected) < -LONG_BEFORE_MONTHS:
        root.fail(
            "disease.detected",
            f"{disease.detected} is more than {LONG_BEFORE_MONTHS} months before "
            f"primary.diagnosed ({primary.diagnosed}); correct the date that is wrong, or leave "
            "out the one that is not known",
        )


def _check_extrahepatic(root: Table, primary: PrimaryFacts, disease: DiseaseFacts) -> None:
    """A primary outside the liver is disease outside the liver."""
    outside = primary.site not in (None, "liver")
    if outside and primary.controlled is False and disease.extrahepatic_controlled:
        root.fail(
            "disease.extrahepatic_controlled",
            f'true with primary.controlled = false and primary.site = "{primary.site}"; the '
            "primary is disease outside the liver too: correct one of them",
        )


def _lesion(table: Table) -> LesionFact:
    fact = LesionFact(
        structure=table.text("structure"),
        id=table.text("id"),
        category=table.choice("category", [item.value for item in Category]),
        organ=table.choice("organ", [item.value for item in Organ]),
        laterality=table.choice("laterality", LATERALITIES),
        station=table.text("station"),
        site=table.text("site"),
    )
    table.done(elsewhere=_homes())
    if fact.structure is None and fact.id is None:
        table.fail("structure", 'is missing; name the lesion: structure = "GTV_2" or id = "L2"')
    is_node = fact.category in {item.value for item in NODAL}
    if is_node and fact.organ not in (None, Organ.LYMPH_NODE.value):
        table.fail("organ", f'"{fact.organ}" with category "{fact.category}"; a node has no organ')
    if fact.category == Category.ORGAN_METASTASIS.value and fact.organ == Organ.LYMPH_NODE.value:
        table.fail(
            "organ",
            '"lymph_node" with category "organ_metastasis"; say whether the node is a '
            '"regional_node" or an "extraregional_node"',
        )
    if fact.station and not is_node and fact.category not in (None, Category.UNKNOWN.value):
        table.fail("station", f'"{fact.station}" with category "{fact.category}"; it has none')
    return fact


def _check_named_once(tables: tuple[Table, ...], lesions: tuple[LesionFact, ...]) -> None:
    for index, (table, fact) in enumerate(zip(tables, lesions, strict=True)):
        for earlier in lesions[:index]:
            for key in ("structure", "id"):
                name = getattr(fact, key)
                if name is not None and name == getattr(earlier, key):
                    table.fail(key, f'"{name}" is named by two [[lesion]] tables; keep one')


def _homes() -> dict[str, str]:
    """Every key of the facts file with the table that it belongs in."""
    homes: dict[str, str] = {}
    for kind, table in ((PrimaryFacts, "primary"), (DiseaseFacts, "disease")):
        homes.update({item.name: f"{table}.{item.name}" for item in fields(kind)})
    return homes

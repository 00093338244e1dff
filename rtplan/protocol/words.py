"""What would settle a verdict, in words; the key of the facts file stands beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

FACTS: dict[str, str] = {
    "primary.site": "site of the primary",
    "primary.subsite": "subsite of the primary",
    "primary.histology": "histology of the primary",
    "primary.controlled": "whether the primary is controlled",
    "primary.diagnosed": "date the primary was diagnosed",
    "primary.treated": "date the primary was treated",
    "primary.node_positive": "whether the primary had positive lymph nodes",
    "primary.cea_ng_ml": "CEA in ng/ml",
    "primary.egfr_mutated": "whether the tumour is EGFR-mutated",
    "disease.detected": "date these metastases were first detected",
    "disease.polymetastatic_before": "whether the disease was polymetastatic before",
    "disease.oligometastatic_before": "whether it was oligometastatic before",
    "disease.on_systemic_therapy": "whether under systemic therapy at detection",
    "disease.progressing": "whether a metastasis is progressing",
    "disease.diffuse": "whether there is diffuse disease",
    "disease.lifetime_metastases": "number of metastases ever",
    "disease.metastases_not_drawn": "number of metastases not drawn (0 if all are)",
    "disease.all_sites_treatable": "whether all sites can be treated (a clinician's statement)",
    "disease.r0_feasible": "whether complete resection of all disease is feasible",
    "disease.mdt_discussed": "whether a tumour board discussed it",
    "disease.uninvolved_liver_cc": "volume in cc of the liver without gross tumour",
    "disease.extrahepatic_controlled": (
        "whether all disease outside the liver was treated and does not grow (true without any)"
    ),
    "disease.imaging": "which imaging was done",
    "lesions": "the list of lesions",
    "lesions.count": "the number of lesions (the drawing allows several)",
    "lesions.sites": "which lesions are one site (state site of each)",
}

_LESION_KEYS = {
    "category": "category",
    "organ": "organ",
    "station": "station",
    "laterality": "side",
    "longest_diameter_mm": "longest diameter",
    "volume_cc": "volume",
    "centroid_mm": "place",
}
_LESION = re.compile(rf"lesion\.([^.]+)\.({'|'.join(_LESION_KEYS)})")


def need_words(need: str, gaps: Mapping[str, str]) -> str:
    """One entry of ``needs`` as a reader understands it.

    Parameters
    ----------
    need : str
        A key of the facts file, ``lesion.ID.KEY``, ``lesions...`` or ``gap.ID``.
    gaps : mapping of str to str
        Texts of the definition's gaps by id.

    >>> need_words("primary.site", {}), need_words("lesion.L2.organ", {})
    ('site of the primary', 'organ of L2')
    """
    if need in FACTS:
        return FACTS[need]
    if match := _LESION.fullmatch(need):
        return f"{_LESION_KEYS[match[2]]} of {match[1]}"
    if need.startswith("gap."):
        text = gaps.get(need[4:], "")
        return f"{text[:1].lower()}{text[1:]} (not confirmed in the source)" if text else need
    return need


def unverified_words(names: Sequence[str]) -> str:
    """The criteria and counting rules of ``rests_on_unverified`` as a reader understands them.

    >>> unverified_words(["lesions", "lesions-per-organ", "counting.paired_organs"])
    'criteria lesions, lesions per organ; counting rule paired organs'
    """
    rules = [name.removeprefix("counting.") for name in names if name.startswith("counting.")]
    criteria = [name for name in names if not name.startswith("counting.")]
    kinds = (("criterion", "criteria", criteria), ("counting rule", "counting rules", rules))
    return "; ".join(
        f"{one if len(ids) == 1 else several} {', '.join(_spaced(name) for name in ids)}"
        for one, several, ids in kinds
        if ids
    )


def _spaced(name: str) -> str:
    return name.replace("-", " ").replace("_", " ")


_DEMANDS = {"<=": "at most", ">=": "at least", "==": "exactly", "<": "less than", ">": "more than"}


def demand_words(limit: str) -> str | None:
    """A limit such as ``<= 4`` in words; None for one that is no comparison.

    >>> demand_words("== 1"), demand_words("> 6 months"), demand_words("true")
    ('exactly 1', 'more than 6 months', None)
    """
    operator, _, rest = limit.partition(" ")
    return f"{_DEMANDS[operator]} {rest}" if operator in _DEMANDS else None

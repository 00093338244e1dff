"""Histologies: which one includes which, and whether a stated one is among some.

A general word neither fulfils nor fails a narrower one: non-small cell carcinoma of the lung may be
squamous, adenocarcinoma or neither, and ``other`` may be small cell. What a patient may have is a
set of *kinds*, in the lung or elsewhere; kinds that are all asked for are met, none is not met.
"""

from __future__ import annotations

from collections.abc import Collection

from rtplan.facts import PrimaryFacts
from rtplan.protocol.logic import Truth

HISTOLOGY = "primary.histology"

_KINDS: dict[str, frozenset[str]] = {
    "squamous": frozenset({"squamous"}),
    "adenocarcinoma": frozenset({"adenocarcinoma"}),
    "small_cell": frozenset({"small_cell"}),
    "non_small_cell": frozenset({"squamous", "adenocarcinoma", "large_cell"}),
    "other": frozenset({"small_cell", "large_cell", "none_of_these"}),
}
"""What each word may stand for; ``large_cell`` is any other non-small cell carcinoma."""

_ALL: frozenset[str] = frozenset().union(*_KINDS.values())
_OF_LUNG = "non_small_cell"


def is_among(primary: PrimaryFacts, wanted: Collection[str]) -> Truth:
    """Whether the histology of a primary is one of some; unknown where it may and may not be.

    Examples
    --------
    >>> is_among(PrimaryFacts("lung", histology="squamous"), ["non_small_cell"]).value
    'met'
    >>> is_among(PrimaryFacts("lung", histology="non_small_cell"), ["squamous"]).value
    'unknown'
    """
    asked = {kind for word in wanted for kind in _kinds(word, None)}
    possible = _kinds(primary.histology, primary.site)
    if possible and possible <= asked:
        return Truth.MET
    return Truth.UNKNOWN if possible & asked else Truth.NOT_MET


def overlap(one: Collection[str], other: Collection[str]) -> bool:
    """Whether a patient may have a histology of both lists.

    >>> overlap(["non_small_cell"], ["squamous"]), overlap(["small_cell"], ["squamous"])
    (True, False)
    """
    return any(_KINDS[a] & _KINDS[b] for a in one for b in other)


def settled_by(primary: PrimaryFacts, wanted: Collection[str]) -> str:
    """The fact that would settle whether a histology is among some."""
    in_lung = PrimaryFacts("lung", histology=primary.histology)
    by_site = primary.site is None and is_among(in_lung, wanted) is not Truth.UNKNOWN
    return "primary.site" if by_site else HISTOLOGY


def _kinds(word: str | None, site: str | None) -> frozenset[tuple[bool, str]]:
    """What a word may stand for, each in the lung (true) or elsewhere."""
    places = (True, False) if site is None else (site == "lung",)
    return frozenset(
        (in_lung, kind)
        for in_lung in places
        if in_lung or word != _OF_LUNG
        for kind in (_ALL if word is None else _KINDS[word])
    )

"""What the page says at a glance, worked out from the report's own numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rtplan.protocol.words import demand_words

Json = Mapping[str, Any]


class Kind(StrEnum):
    """The four answers, worst first, and what is none of them."""

    VIOLATED = "violated"
    INCONSISTENT = "inconsistent"
    UNTOLD = "untold"
    MET = "met"
    ASIDE = "aside"


@dataclass(frozen=True, slots=True)
class Status:
    """How a status is shown: never by colour alone."""

    kind: Kind
    symbol: str
    word: str


STATUSES: dict[str, Status] = {
    "violated": Status(Kind.VIOLATED, "✕", "violated"),
    "error": Status(Kind.VIOLATED, "!", "error"),
    "not_consistent": Status(Kind.INCONSISTENT, "≠", "not consistent"),
    "not_met": Status(Kind.INCONSISTENT, "≠", "not met"),
    "indeterminate": Status(Kind.UNTOLD, "?", "could not be told"),
    "not_evaluated": Status(Kind.UNTOLD, "?", "not evaluated"),
    "unknown": Status(Kind.UNTOLD, "?", "unknown"),
    "consistent": Status(Kind.MET, "✓", "consistent"),
    "met": Status(Kind.MET, "✓", "met"),
    "counted": Status(Kind.ASIDE, "·", "counted"),
    "not_applicable": Status(Kind.ASIDE, "–", "not applicable"),
    "evaluated": Status(Kind.ASIDE, "·", "evaluated"),
    "warning": Status(Kind.UNTOLD, "▲", "warning"),
    "info": Status(Kind.ASIDE, "i", "info"),
}

_ORDER = tuple(Kind)
_OTHER = {"lesions": "lesion count"}
_SEVERITIES = ("error", "warning", "info")


def status_of(name: str) -> Status:
    """How a status is shown; one that is not in the contract is shown as not told.

    >>> status_of("met").symbol, status_of("perhaps").kind
    ('✓', <Kind.UNTOLD: 'untold'>)
    """
    return STATUSES.get(name) or Status(Kind.UNTOLD, "?", name.replace("_", " "))


def worst_first(items: Iterable[Json], *, key: str = "status") -> list[Json]:
    """Items by how bad their status is, otherwise in the order given."""
    return sorted(items, key=lambda item: _ORDER.index(status_of(item[key]).kind))


def by_verdict(items: Iterable[Json]) -> list[Json]:
    """Definitions as they are read: worst first, names of a state after the verdicts."""
    return worst_first(sorted(items, key=lambda item: item.get("state") is not None), key="verdict")


@dataclass(frozen=True, slots=True)
class Tile:
    """One count of the verdict strip, and what it counts."""

    kind: Kind
    symbol: str
    word: str
    count: int
    what: str


def verdict_strip(report: Json) -> tuple[Tile, ...]:
    """The four counts: violated, not consistent, could not be told, met.

    Dose limits and definitions are counted one by one; a limit set that was not evaluated at all
    counts once. Lines of the verdict that concern neither (the lesion count, an error) are added.
    """
    tallies: dict[Kind, dict[str, int]] = {kind: {} for kind in Kind}
    for kind, noun in _counted(report):
        tallies[kind][noun] = tallies[kind].get(noun, 0) + 1
    heads = (
        (Kind.VIOLATED, "✕", "violated"),
        (Kind.INCONSISTENT, "≠", "not consistent"),
        (Kind.UNTOLD, "?", "could not be told"),
        (Kind.MET, "✓", "met or consistent"),
    )
    within = _within_uncertainty(report)
    return tuple(
        Tile(kind, symbol, word, sum(tallies[kind].values()), _what(tallies[kind], within[kind]))
        for kind, symbol, word in heads
    )


def _within_uncertainty(report: Json) -> Counter[Kind]:
    """How many dose limits lie within the uncertainty of their value, by their answer."""
    return Counter(
        status_of(row["status"]).kind
        for limit_set in limit_sets_of(report)
        for row in limit_set["rows"]
        if row.get("within_uncertainty")
    )


def _counted(report: Json) -> Iterator[tuple[Kind, str]]:
    known = set()
    for definition in definitions_of(report):
        known.add(definition["id"])
        yield status_of(definition["verdict"]).kind, "definition"
    for limit_set in limit_sets_of(report):
        known.add(limit_set["id"])
        if limit_set["status"] != "evaluated":
            yield Kind.UNTOLD, "limit set"
            continue
        for row in limit_set["rows"]:
            yield status_of(row["status"]).kind, "dose limit"
    for line in report["verdict"]["lines"]:
        if line["status"] == "error":
            yield Kind.UNTOLD, "error"  # in the input: it says nothing about the plan
        elif line["subject"] not in known:
            yield status_of(line["status"]).kind, _OTHER.get(line["subject"], "other")


def _what(tally: Mapping[str, int], within: int) -> str:
    parts = [
        f"{count} {noun}{'s' if count > 1 and noun != 'other' else ''}"
        for noun, count in tally.items()
    ]
    return ", ".join([*parts, f"{within} within uncertainty"] if within else parts)


def definitions_of(report: Json) -> Sequence[Json]:
    """The definitions of a report; none where none was asked for."""
    part = report.get("eligibility") or {}
    return tuple(part.get("definitions") or ())


def pathways_of(report: Json) -> Sequence[Json]:
    """The pathways of a report: conditions that are listed, without a verdict."""
    part = report.get("eligibility") or {}
    return tuple(part.get("pathways") or ())


def is_listed(item: Json) -> bool:
    """Whether it is a pathway for this patient: its conditions are listed, without a verdict."""
    return item["kind"] == "pathway" and bool(item["criteria"])


def is_elsewhere(item: Json) -> bool:
    """Whether it is made for other patients."""
    return item["verdict"] == "not_applicable" and not is_listed(item)


def elsewhere(items: Iterable[Json]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The ids of what is made for other patients, by the reason."""
    reasons: dict[str, list[str]] = {}
    for item in items:
        if is_elsewhere(item):
            reasons.setdefault(str(item["reason"]).split(";")[0], []).append(item["id"])
    return tuple((reason, tuple(ids)) for reason, ids in reasons.items())


def unmet_of(item: Json) -> str | None:
    """By what a definition is not met, each with the value of this case; None where it is not that.

    One criterion that fails is enough where all are asked for. Several decide only where the
    definition has several ways: then none of them is met.

    >>> few = {"text": "At most four", "shown": "5", "limit": "<= 4", "decides": True}
    >>> unmet_of({"verdict": "not_consistent", "criteria": [few | {"status": "not_met"}]})
    'at most four (here 5, asked at most 4)'
    """
    if item["verdict"] != "not_consistent":
        return None
    unmet = [c for c in item["criteria"] if c.get("decides") and c["status"] == "not_met"]
    if len(unmet) < 2:
        return _unmet(unmet[0]) if unmet else None
    return f"neither {' nor '.join(_unmet(criterion) for criterion in unmet)}"


def _unmet(criterion: Json) -> str:
    text = _asked(criterion)
    if criterion["shown"] == "–":
        return text
    asked = demand_words(criterion["limit"] or "")
    return f"{text} (here {criterion['shown']}{f', asked {asked}' if asked else ''})"


def _asked(criterion: Json) -> str:
    """What a criterion asks, as it stands within a sentence."""
    text = _short(criterion)
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _short(criterion: Json) -> str:
    return str(criterion["text"]).partition(";")[0]


def reason_of(item: Json) -> str:
    """Why a definition has its verdict, in one line.

    Where all criteria are met, one that is said by its text needs no *met* behind it.
    """
    unmet = unmet_of(item)
    if unmet is not None:
        return unmet if unmet.startswith("neither ") else f"not met: {unmet}"
    reason = str(item["reason"])
    if item["verdict"] == "consistent":
        for criterion in item["criteria"]:
            reason = reason.replace(f"{_short(criterion)}: met", _asked(criterion))
    return reason


@dataclass(frozen=True, slots=True)
class RegimenGroup:
    """Lesions of one site that have the same regimens: ``matched`` are the lesions by regimen."""

    site: str
    lesions: tuple[str, ...]
    regimens: tuple[Json, ...]
    matched: Mapping[str, tuple[str, ...]]


def regimen_groups(report: Json) -> tuple[RegimenGroup, ...]:
    """The regimens of each site, once for all lesions that have the same."""
    part = report.get("prescriptions") or {}
    known = {item["id"]: item for item in part.get("regimens") or ()}
    groups: dict[tuple[Any, ...], list[Json]] = {}
    for row in part.get("lesions") or ():
        if held := [name for name in row["regimens"] if name in known]:
            groups.setdefault((row["site"], *held), []).append(row)
    return tuple(
        RegimenGroup(
            site,
            tuple(row["lesion"] for row in rows),
            tuple(known[name] for name in names),
            {
                name: tuple(row["lesion"] for row in rows if name in row["matches"])
                for name in names
            },
        )
        for (site, *names), rows in groups.items()
    )


def regimen_answers(report: Json) -> tuple[tuple[tuple[str, ...], Json], ...]:
    """What came of comparing the plan with the regimens: the lesions of each different answer."""
    answers: dict[tuple[Any, ...], tuple[list[str], Json]] = {}
    for row in (report.get("prescriptions") or {}).get("lesions") or ():
        ids, _ = answers.setdefault((row["site"], row["status"], row["text"]), ([], row))
        ids.append(row["lesion"])
    return tuple((tuple(ids), row) for ids, row in answers.values())


def regimen_word(row: Json) -> str:
    """The answer in a few words."""
    if row["status"] == "met":
        return "within a range of them" if row["is_range"] else "among them"
    return {"not_among": "not among them"}.get(row["status"], "not evaluated")


def regimen_of(report: Json) -> Mapping[str, Json]:
    """What came of comparing the plan with the regimens, by lesion."""
    part = report.get("prescriptions") or {}
    return {row["lesion"]: row for row in part.get("lesions") or ()}


def limit_sets_of(report: Json) -> Sequence[Json]:
    """The limit sets of a report; none where none was asked for."""
    part = report.get("limits") or {}
    return tuple(part.get("sets") or ())


def structures_of(report: Json) -> Sequence[Json]:
    """The structures of the report's dose-volume histograms."""
    part = report.get("dvh") or {}
    return tuple(part.get("structures") or ())


def stored_of(report: Json) -> Sequence[Json]:
    """The planning system's own histograms, compared."""
    part = report.get("dvh") or {}
    return tuple(part.get("stored") or ())


@dataclass(frozen=True, slots=True)
class NotEvaluated:
    """Limits that were not evaluated for one and the same reason."""

    reason: str
    rows: tuple[Json, ...]

    def cited(self) -> tuple[tuple[Any, Any], ...]:
        """Each different (evidence, source) of the rows, once."""
        return tuple(dict.fromkeys((row["evidence"], row["source"]) for row in self.rows))


def evaluated(rows: Iterable[Json]) -> list[Json]:
    """The rows that have an answer, worst first."""
    return worst_first(row for row in rows if row["status"] != "not_evaluated")


def not_evaluated(rows: Iterable[Json]) -> tuple[NotEvaluated, ...]:
    """The rows without an answer, by reason, in the order in which the reasons first appear."""
    groups: dict[str, list[Json]] = {}
    for row in rows:
        if row["status"] == "not_evaluated":
            groups.setdefault(row["reason"] or "no reason given", []).append(row)
    return tuple(NotEvaluated(reason, tuple(members)) for reason, members in groups.items())


def findings_of(report: Json) -> list[Json]:
    """Every finding of the report once, worst first."""
    lesions = report.get("lesions") or {}
    sources: list[Iterable[Json]] = [report.get("findings") or (), lesions.get("findings") or ()]
    sources += [item.get("findings") or () for item in lesions.get("lesions") or ()]
    sources += [item.get("findings") or () for item in structures_of(report)]
    once = {
        (item["code"], item["text"], tuple(sorted(item["where"].items()))): item
        for source in sources
        for item in source
    }
    return sorted(once.values(), key=lambda item: _severity_rank(item["severity"]))


def _severity_rank(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else 0


def flat(settings: object, *, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Nested settings as (dotted key, value) pairs.

    >>> list(flat({"dvh": {"end_cap": "half_slice"}, "strict": False}))
    [('dvh.end_cap', 'half_slice'), ('strict', False)]
    """
    if not isinstance(settings, Mapping):
        yield prefix, settings
        return
    for key, value in settings.items():
        yield from flat(value, prefix=f"{prefix}.{key}" if prefix else str(key))


BASIC = ("Volume[cc]", "Min[Gy]", "Mean[Gy]", "Max[Gy]")
"""Metrics that have a column of their own in the structure table."""


@dataclass(frozen=True, slots=True)
class MetricColumns:
    """The metrics of the structure table: the columns, and the reasons behind what is missing.

    ``has_uncertainty`` is whether any value has one, or the reason why it has none.
    """

    names: tuple[str, ...]
    notes: tuple[str, ...]
    has_uncertainty: bool

    def note(self, structure: Json, result: Json) -> int | None:
        """The number, from 1, of the note that says why a result has no value or no uncertainty.

        None where there is nothing to say, and where the structure as a whole says it already.
        """
        text = _missing(structure, result)
        return None if text is None else self.notes.index(text) + 1


def metric_columns(structures: Iterable[Json]) -> MetricColumns:
    """All metrics asked for, in order, and each different reason for what is missing."""
    names: dict[str, None] = {}
    notes: dict[str, None] = {}
    has_uncertainty = False
    for structure in structures:
        for name, result in structure["metrics"].items():
            text = _missing(structure, result)
            if name not in BASIC:
                names[name] = None
            if text is not None and (name not in BASIC or result["value"] is not None):
                notes[text] = None
            known = result["uncertainty"] is not None or result.get("uncertainty_reason")
            has_uncertainty = has_uncertainty or bool(known)
    return MetricColumns(tuple(names), tuple(notes), has_uncertainty)


def _missing(structure: Json, result: Json) -> str | None:
    """What to say of a result without value, or without uncertainty though it was looked for."""
    if result["value"] is None:
        reason = str(result["reason"] or "not computed")
        return None if reason == structure.get("reason") else reason
    doubt = result.get("uncertainty_reason")
    return f"± not known: {doubt}" if doubt else None

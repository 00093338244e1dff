"""The report as one HTML file that loads nothing and runs nothing.

The page carries a content security policy that allows its own style sheet, by its hash, and
images inside the file: no script, no network, no form. Every text from a file is escaped and its
invisible characters are shown.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from rtplan.protocol.words import need_words, unverified_words
from rtplan.report import summary, text

NIL = Markup('<span class="nil" title="not known">—</span>')
"""What stands for null, everywhere."""

_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s?)?(10\.[0-9]{4,9}/[A-Za-z0-9._;()/:-]+)")
_MEDIA = {"png": "image/png", "svg": "image/svg+xml"}
_MOST_LINES = 12
_BAR_LIMIT = 48.0
_BAR_WIDTH = 72.0


def render(report: Mapping[str, Any], figures: Mapping[str, bytes]) -> str:
    """The report as a self-contained HTML page.

    Parameters
    ----------
    report : dict
        The content, ``rtplan/report/1``.
    figures : dict of str to bytes
        ``dvh.svg``, ``overview.png`` and a ``lesion-*.png`` for each lesion that has one; each is
        put into the page, and what is not there is left out.

    Returns
    -------
    str
        The page; the same input gives the same text.

    Raises
    ------
    ValueError
        The report holds a number that is not finite.
    jinja2.UndefinedError
        The report lacks something that the contract promises.
    """
    environment = _environment()
    style = environment.get_template("report.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return environment.get_template("report.html").render(
        r=report,
        style=Markup(style),
        style_hash=Markup(f"sha256-{digest}"),
        images={
            name: _data_uri(name, content) for name, content in figures.items() if _medium(name)
        },
        strip=summary.verdict_strip(report),
        lines=report["verdict"]["lines"][:_MOST_LINES],
        more_lines=report["verdict"]["lines"][_MOST_LINES:],
        definitions=summary.by_verdict(summary.definitions_of(report)),
        limit_sets=summary.limit_sets_of(report),
        pathways=[item for item in summary.pathways_of(report) if summary.is_listed(item)],
        pathways_elsewhere=summary.elsewhere(summary.pathways_of(report)),
        regimens=summary.regimen_groups(report),
        regimen_answers=summary.regimen_answers(report),
        regimen_of=summary.regimen_of(report),
        structures=summary.structures_of(report),
        stored=summary.stored_of(report),
        columns=summary.metric_columns(summary.structures_of(report)),
        findings=summary.findings_of(report),
        settings=tuple(summary.flat(report["settings"])),
    )


@cache
def _environment() -> Environment:
    """The templates and what they may call; compiled once."""
    environment = Environment(
        loader=PackageLoader("rtplan.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        gy=_gy,
        cc=_cc,
        mm=_mm,
        percent=_percent,
        name=_name,
        source=_source,
        operator=_operator,
        signed=_signed,
        words=_words,
        need=_need,
    )
    environment.globals.update(
        status_of=summary.status_of,
        evaluated=summary.evaluated,
        reason_of=summary.reason_of,
        unverified_words=unverified_words,
        regimen_word=summary.regimen_word,
        not_evaluated=summary.not_evaluated,
        lesion_figure=text.lesion_figure,
        beside=_beside,
        plus_minus=text.plus_minus,
        bar=_bar,
        tally=_tally,
        by_number=_by_number,
        covered=_covered,
        nil=NIL,
    )
    return environment


def _shown(value: object) -> str:
    """What an expression of the template prints; runs before escaping, on every one of them."""
    if value is None:
        return NIL
    if isinstance(value, Markup):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return text.plain(value)
    if isinstance(value, list | tuple):
        return Markup(", ").join(_shown(item) for item in value) if value else NIL
    return text.visible(str(value))


def _medium(name: str) -> str | None:
    return _MEDIA.get(name.rpartition(".")[2])


def _data_uri(name: str, content: bytes) -> Markup:
    return Markup(f"data:{_medium(name)};base64,{base64.b64encode(content).decode('ascii')}")


def _gy(value: float | None) -> str | Markup:
    return NIL if value is None else text.number(value)


def _cc(value: float | None) -> str | Markup:
    return NIL if value is None else text.volume(value)


def _mm(value: float | None) -> str | Markup:
    return NIL if value is None else text.number(value, decimals=1)


def _percent(value: float | None) -> str | Markup:
    return NIL if value is None else text.number(value, decimals=1)


def _signed(value: float | None) -> str | Markup:
    if value is None:
        return NIL
    shown = text.number(value)
    return shown if value <= 0 else f"+{shown}"


def _beside(value: float | None, *limits: float | None) -> str | Markup:
    if value is None:
        return NIL
    known = [limit for limit in limits if limit is not None]
    return text.beside(value, *known) if known else text.number(value)


def _name(value: str | None) -> str | Markup:
    """A name, shortened where it is very long; the whole of it when pointed at."""
    if value is None:
        return NIL
    whole = text.visible(value)
    if len(whole) <= text.LONGEST_NAME:
        return whole
    return Markup('<span title="{}">{}</span>').format(whole, text.shortened(whole))


def _words(value: str | None) -> str | Markup:
    """A word of the contract, such as ``organ_metastasis``, without its underscores."""
    return NIL if value is None else value.replace("_", " ")


def _need(need: str, definition: Mapping[str, Any]) -> str:
    return need_words(need, {gap["id"]: gap["text"] for gap in definition.get("gaps", ())})


def _operator(value: object) -> object:
    """A comparison as it is written by hand, alone or in a text such as ``<= 3``."""
    if not isinstance(value, str):
        return value
    for code, shown in (("<=", "≤"), (">=", "≥"), ("==", "=")):
        value = value.replace(code, shown)
    return {"true": "yes", "false": "no"}.get(value, value)


def _source(value: str | None) -> Markup:
    """A source with its DOIs as links; a link loads nothing until it is followed."""
    if value is None:
        return NIL
    shown = text.visible(value)
    parts, end = [Markup()], 0
    for match in _DOI.finditer(shown):
        doi = match.group(1).rstrip(".,;:")
        while doi.endswith(")") and doi.count(")") > doi.count("("):
            doi = doi[:-1].rstrip(".,;:")
        stop = match.start(1) + len(doi)
        link = Markup('<a href="https://doi.org/{}" rel="noreferrer">doi:{}</a>')
        parts += [escape(shown[end : match.start()]), link.format(doi, doi)]
        end = stop
    return Markup().join([*parts, escape(shown[end:])])


def _bar(row: Mapping[str, Any]) -> Markup:
    """The achieved value against its limit (the tick) as a small drawing; decoration only."""
    value, limit = row["value"], row["limit"]
    if value is None or not limit or value < 0 or limit < 0:
        return Markup()
    width = min(value / limit * _BAR_LIMIT, _BAR_WIDTH)
    kind = summary.status_of(row["status"]).kind.value
    return Markup(
        '<svg class="bar" width="{0:.0f}" height="10" viewBox="0 0 {0:.0f} 10" aria-hidden="true">'
        '<rect class="track" y="3" width="{0:.0f}" height="4" rx="2"/>'
        '<rect class="fill {1}" y="3" width="{2:.1f}" height="4" rx="2"/>'
        '<rect class="tick" x="{3:.1f}" width="1.5" height="10"/></svg>'
    ).format(_BAR_WIDTH, kind, width, _BAR_LIMIT)


def _tally(items: list[Mapping[str, Any]], key: str) -> list[tuple[str, int]]:
    """How often each value of a key occurs, in order of appearance."""
    counts: dict[str, int] = {}
    for item in items:
        counts[item[key]] = counts.get(item[key], 0) + 1
    return list(counts.items())


def _by_number(structures: list[Mapping[str, Any]], number: int) -> Mapping[str, Any] | None:
    """The structure of a number; None where there is none, or more than one."""
    same = [structure for structure in structures if structure["number"] == number]
    return same[0] if len(same) == 1 else None


def _covered(structure: Mapping[str, Any]) -> float | None:
    """The part of a structure that the dose grid reaches, percent; None where it is not known."""
    inside, whole = structure["covered_cc"], structure["volume_cc"]
    return None if inside is None or not whole else float(100.0 * inside / whole)

"""``rtplan protocols``: list, show and validate definitions and dose limits."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtplan.protocol.model import Citation, Definition, Gap, LimitSet, Remark, Rule, Source

EPILOG = """examples:
  rtplan protocols list
  rtplan protocols show omec-2023
  rtplan protocols validate my-limits.toml"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = EPILOG
    parser.add_argument("--quiet", action="store_true", help="print results only")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="the definitions and dose limits of the package")
    show = actions.add_parser("show", help="one of them readably, with sources and gaps")
    show.add_argument("id", metavar="ID", help="id, or a TOML file")
    validate = actions.add_parser("validate", help="check a file of your own")
    validate.add_argument("file", metavar="FILE", help="TOML file")


def run(args: argparse.Namespace) -> int:
    """Do what was asked; a wrong file is an error that names file, key and value."""
    from rtplan.protocol.load import load
    from rtplan.protocol.model import Definition

    if args.action == "list":
        _list()
    elif args.action == "show":
        loaded = load(args.id)
        if isinstance(loaded, Definition):
            _show_definition(loaded)
        else:
            _show_limits(loaded)
    else:
        _validate(args.file)
    return 0


def _list() -> None:
    from rtplan.cli import console
    from rtplan.protocol.load import available, load

    rows = []
    for entry in available():
        cited = load(entry.id).cited()
        rows.append([entry.id, entry.kind.value, entry.title, str(len(cited)), _evidence(cited)])
    console.table(["id", "kind", "title", "rules", "evidence"], rows, right=(3,))


def _evidence(cited: Sequence[Citation]) -> str:
    """How many rules stand on which evidence: ``2 verified, 3 secondary``."""
    from rtplan.protocol.model import Evidence

    counts = [(sum(c.evidence is kind for c in cited), kind.value) for kind in Evidence]
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def _validate(file: str) -> None:
    from pathlib import Path

    from rtplan.errors import ProtocolError
    from rtplan.protocol.load import load
    from rtplan.protocol.model import Definition

    if not file.endswith(".toml"):
        raise ProtocolError(
            f'"{Path(file).name}" is not a protocol file; give one that ends in .toml'
        )
    loaded = load(file)
    cited = loaded.cited()
    kind = "definition" if isinstance(loaded, Definition) else "set of dose limits"
    noun = "rule" if len(cited) == 1 else "rules"
    print(
        f"{Path(file).name}: a valid {kind}, {loaded.id}: {len(cited)} {noun} "
        f"({_evidence(cited)}), {len(loaded.gaps)} stated gap{'' if len(loaded.gaps) == 1 else 's'}"
    )


def _show_definition(item: Definition) -> None:
    from rtplan.cli import console

    print(f"{item.title}\n{item.id}, version {item.version}; {_evidence(item.cited())}\n")
    print(f"for primaries: {', '.join(item.primaries) or 'any solid tumour'}")
    if item.histologies:
        print(f"for histologies: {', '.join(item.histologies)}")
    print()
    for arm in item.arms:
        histologies = f" (histology: {', '.join(arm.histologies)})" if arm.histologies else ""
        print(f"{arm.text}{histologies}:\n  {rule_text(arm.rule)}")
    if item.criteria:
        console.table(
            ["criterion", "text", "rule", "evidence", "source"],
            [
                [c.id, c.text, rule_text(c.rule), c.citation.evidence.value, str(c.citation)]
                for c in item.criteria
            ],
        )
    if item.tree:
        print(f"decision tree, from {item.tree.start}")
        console.table(
            ["question", "text", "rule", "yes", "no", "evidence", "source"],
            [
                [
                    q.id,
                    q.text,
                    rule_text(q.rule),
                    q.yes,
                    q.no,
                    q.citation.evidence.value,
                    str(q.citation),
                ]
                for q in item.tree.questions
            ],
        )
    _show_counting(item)
    _show_remarks("conditions (listed, never deciding)", item.conditions)
    _show_remarks("pathway", item.pathways)
    _show_end(item.gaps, item.notes, item.sources)


def _show_counting(item: Definition) -> None:
    from dataclasses import fields

    from rtplan.cli import console

    counting = item.counting
    lines = []
    for field in fields(counting):
        value = getattr(counting, field.name)
        if field.name in ("conventions", "citation", "gap"):
            continue
        own = " (a convention of rtplan; not in the source)" * (field.name in counting.conventions)
        lines.append(f"{field.name.replace('_', ' ')}: {value.value.replace('_', ' ')}{own}")
    lines.append(f"{counting.citation.evidence.value}, {counting.citation}")
    console.notes("counting", lines)


def _show_remarks(title: str, remarks: Sequence[Remark]) -> None:
    from rtplan.cli import console

    console.notes(
        title,
        [
            f"{item.text}{' [' + rule_text(item.rule) + ']' if item.rule else ''} "
            f"({item.citation.evidence.value}, {item.citation})"
            for item in remarks
        ],
    )


def _show_end(gaps: Sequence[Gap], notes: Sequence[str], sources: Sequence[Source]) -> None:
    from rtplan.cli import console

    console.notes("not confirmed in the source", [f"{gap.id}: {gap.text}" for gap in gaps])
    console.notes("notes", notes)
    console.notes("sources", [f"{item.text}; {item.reference}" for item in sources])


def _show_limits(item: LimitSet) -> None:
    from rtplan.cli import console

    print(f"{item.title}\n{item.id}, version {item.version}; {_evidence(item.cited())}\n")
    for fractions in item.fraction_counts:
        print(f"{fractions} fraction{'' if fractions == 1 else 's'}")
        console.table(
            ["structure", "metric", "limit", "endpoint", "evidence", "place", "also in print"],
            [
                [
                    row.structure + (" (each side)" if row.sides else ""),
                    str(row.metric),
                    f"{row.op.value} {row.limit:g} {row.metric.unit}",
                    row.endpoint or "",
                    row.citation.evidence.value,
                    row.citation.place or "",
                    "; ".join(f"{other.limit:g}" for other in row.conflicts),
                ]
                for row in item.limits
                if row.fractions == fractions
            ],
        )
    _show_end(item.gaps, item.notes, item.sources)


def rule_text(rule: Rule) -> str:
    """A rule in one line of words."""
    from rtplan.protocol.model import CriterionRef, Every, FactRule, QuantityRule

    match rule:
        case QuantityRule():
            since = f" since {' and '.join(rule.since)}" if rule.since else ""
            return f"{rule.quantity.value.replace('_', ' ')}{since} {rule.op.value} {rule.limit:g}"
        case FactRule():
            words = " or ".join(
                str(value).lower() if isinstance(value, bool) else value for value in rule.values
            )
            verb = "includes" if rule.includes else "is"
            return f"{rule.fact} {verb} {'not ' if rule.negated else ''}{words}"
        case CriterionRef(name):
            return name
        case Every(items):
            return "(" + " and ".join(rule_text(item) for item in items) + ")"
        case _:
            return "(" + " or ".join(rule_text(item) for item in rule.items) + ")"

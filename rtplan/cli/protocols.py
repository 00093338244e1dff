"""``rtplan protocols``: list, show and validate definitions, dose limits and prescriptions."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtplan.protocol.dose_model import Limit, LimitSet, PrescriptionSet
    from rtplan.protocol.load import Protocol
    from rtplan.protocol.model import Criterion, Definition, Remark, Tree

EPILOG = """examples:
  rtplan protocols list
  rtplan protocols show omec-2023
  rtplan protocols validate my-limits.toml
  rtplan protocols schema > protocol.schema.json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = EPILOG
    parser.add_argument("--quiet", action="store_true", help="print results only")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="the definitions, dose limits and prescriptions of the package")
    show = actions.add_parser("show", help="one of them readably, with sources and gaps")
    show.add_argument("id", metavar="ID", help="id, or a TOML file")
    validate = actions.add_parser("validate", help="check a file of your own")
    validate.add_argument("file", metavar="FILE", help="TOML file")
    validate.add_argument(
        "--strict", action="store_true", help="what may be a slip is an error (exit code 2)"
    )
    actions.add_parser("schema", help="the JSON Schema of protocol files, for editors")


def run(args: argparse.Namespace) -> int:
    """Do what was asked; a wrong file is an error that names file, key and value."""
    if args.action == "list":
        _list()
    elif args.action == "show":
        _show(args.id)
    elif args.action == "schema":
        from rtplan.protocol.schema import schema_text

        print(schema_text(), end="")
    else:
        _validate(args.file, strict=args.strict)
    return 0


def _list() -> None:
    from rtplan.cli import console
    from rtplan.protocol.load import available, load
    from rtplan.protocol.model import Evidence

    rows = []
    for entry in available():
        cited = load(entry.id).cited()
        counts = [str(sum(c.evidence is kind for c in cited) or "") for kind in Evidence]
        rows.append([entry.id, entry.kind.value, entry.title, str(len(cited)), *counts])
    evidence = [kind.value for kind in Evidence]
    console.table(["id", "kind", "title", "rules", *evidence], rows, right=(3, 4, 5, 6))


def _validate(file: str, *, strict: bool) -> None:
    from pathlib import Path

    from rtplan.cli import console
    from rtplan.errors import ProtocolError
    from rtplan.protocol.describe import evidence_counts
    from rtplan.protocol.lint import lint
    from rtplan.protocol.load import load, slips_of_extension
    from rtplan.report.text import visible

    if not file.endswith(".toml"):
        raise ProtocolError(
            f'"{Path(file).name}" is not a protocol file; give one that ends in .toml'
        )
    name, loaded = Path(file).name, load(file)
    cited = loaded.cited()
    rules, gaps = len(cited), len(loaded.gaps)
    extends = f"; it extends {', '.join(loaded.extends)}" if loaded.extends else ""
    said = (
        f"{name}: a valid {_noun(loaded)}, {loaded.id}: {rules} "
        f"rule{'' if rules == 1 else 's'} ({evidence_counts(cited)}), "
        f"{gaps} stated gap{'' if gaps == 1 else 's'}{extends}"
    )
    print(visible(said))
    slips = [f"{name}: {text}" for text in (*lint(loaded), *slips_of_extension(file))]
    console.notes("look at again", slips)
    if slips and strict:
        raise ProtocolError(f"{name}: {len(slips)} to look at again, an error with --strict")


def _noun(loaded: Protocol) -> str:
    from rtplan.protocol.dose_model import LimitSet
    from rtplan.protocol.model import Definition

    if isinstance(loaded, Definition):
        return loaded.kind.value
    return "set of dose limits" if isinstance(loaded, LimitSet) else "set of prescriptions"


def _show(name: str) -> None:
    from rtplan.cli import console
    from rtplan.protocol.describe import evidence_counts
    from rtplan.protocol.dose_model import LimitSet
    from rtplan.protocol.load import load
    from rtplan.protocol.model import Definition
    from rtplan.report.text import visible

    item = load(name)
    print(f"{visible(item.title)}\n{item.id}, version {visible(item.version)}; ", end="")
    print(f"{evidence_counts(item.cited())}\n")
    if item.extends:
        print(f"extends {visible(', '.join(item.extends))}\n")
    if isinstance(item, Definition):
        _show_definition(item)
    elif isinstance(item, LimitSet):
        _show_limits(item)
    else:
        _show_prescriptions(item)
    console.notes("not confirmed in the source", [f"{gap.id}: {gap.text}" for gap in item.gaps])
    console.notes("notes", item.notes)
    console.notes("sources", [f"{x.text}; {', '.join(x.addresses)}" for x in item.sources])


def _show_definition(item: Definition) -> None:
    from rtplan.cli import console
    from rtplan.protocol.describe import rule_text
    from rtplan.protocol.model import DefinitionKind
    from rtplan.report.text import visible

    print(f"for primaries: {', '.join(item.primaries) or 'any solid tumour'}")
    if item.histologies:
        print(f"for histologies: {', '.join(item.histologies)}")
    if item.metastases_in:
        print(f"for metastases in: {', '.join(item.metastases_in)}")
    if item.kind is DefinitionKind.PATHWAY:
        print("a pathway: its conditions are listed for a case, it gives no verdict")
    print()
    for arm in item.arms:
        histologies = f" (histology: {', '.join(arm.histologies)})" if arm.histologies else ""
        print(f"{visible(arm.text)}{histologies}:\n  {rule_text(arm.rule)}\n")
    if item.score:
        print(f"{visible(item.score.text)}: {', '.join(item.score.points)}")
        console.notes("groups", [f"{group.id}: {group.text}" for group in item.score.groups])
    if item.criteria:
        _show_criteria(item.criteria)
    if item.tree:
        _show_tree(item.tree)
    _show_counting(item)
    _show_remarks("conditions (listed, never deciding)", item.conditions)
    _show_remarks("pathway", item.pathways)


def _show_criteria(criteria: Sequence[Criterion]) -> None:
    """A table with two lines a criterion: what it asks and on whose word, then rule and place."""
    from rtplan.cli import console
    from rtplan.protocol.describe import rule_text

    rows = []
    for item in criteria:
        rule = rule_text(item.rule) if item.rule else "no fact of rtplan tells it"
        rule += "; a working number of the source" * item.working_number
        rule += "; rtplan's own reading of the wording" * item.own_reading
        cited = item.citation
        rows.append([item.id, item.text, cited.evidence.value, cited.source.reference])
        rows.append(["", f"  {rule}", "", f"  {cited.place or ''}"])
    console.table(["criterion", "what it asks, its rule", "evidence", "source, place"], rows)


def _show_tree(tree: Tree) -> None:
    from rtplan.cli import console
    from rtplan.protocol.describe import rule_text

    rows = []
    for item in tree.questions:
        cited = item.citation
        rows.append(
            [item.id, item.text, item.yes, item.no, cited.evidence.value, cited.source.reference]
        )
        rows.append(["", f"  {rule_text(item.rule)}", "", "", "", f"  {cited.place or ''}"])
    print(f"decision tree, from {tree.start}")
    console.table(
        ["question", "what it asks, its rule", "yes", "no", "evidence", "source, place"], rows
    )


def _show_counting(item: Definition) -> None:
    from rtplan.cli import console
    from rtplan.protocol.read_definition import POLICIES

    counting = item.counting
    lines = []
    for key in POLICIES:
        value = getattr(counting, key).value
        if key in ("contiguous_vertebrae", "shared_isocentre") and counting.unit.value == "lesion":
            continue
        own = " (a convention of rtplan; not in the source)" * (key in counting.conventions)
        lines.append(f"{key.replace('_', ' ')}: {value.replace('_', ' ')}{own}")
    lines.append(f"{counting.citation.evidence.value}, {counting.citation}")
    console.notes("counting", lines)


def _show_remarks(title: str, remarks: Sequence[Remark]) -> None:
    from rtplan.cli import console
    from rtplan.protocol.describe import rule_text

    console.notes(
        title,
        [
            f"{item.text}{' [' + rule_text(item.rule) + ']' if item.rule else ''} "
            f"({item.citation.evidence.value}, {item.citation})"
            for item in remarks
        ],
    )


def _show_limits(item: LimitSet) -> None:
    from rtplan.protocol.describe import limit_heading

    headings = dict.fromkeys(limit_heading(limit) for limit in _in_order(item))
    several = len(item.sources) > 1
    for heading in headings:
        print(heading)
        rows = [limit for limit in item.limits if limit_heading(limit) == heading]
        _show_rows(rows, by_source=several)


def _in_order(item: LimitSet) -> list[Limit]:
    """By number of fractions, then those by dose per fraction."""
    return sorted(item.limits, key=lambda x: (x.fraction_gy or (0.0, 0.0), x.fractions or 0))


def _show_rows(rows: Sequence[Limit], *, by_source: bool) -> None:
    """A table of limits; columns that nothing fills are left out."""
    from rtplan.cli import console

    columns = {
        "source": [row.citation.source.id if by_source else "" for row in rows],
        "structure": [row.structure + (" (each side)" if row.sides else "") for row in rows],
        "metric": [str(row.metric) for row in rows],
        "optimal": ["" if row.optimal is None else f"{row.optimal:g}" for row in rows],
        "limit": [f"{row.op.value} {row.limit:g} {row.metric.unit}" for row in rows],
        "endpoint": [row.endpoint or "" for row in rows],
        "evidence": [row.citation.evidence.value for row in rows],
        "place": [row.citation.place or "" for row in rows],
        "also in print": ["; ".join(f"{x.limit:g}" for x in row.conflicts) for row in rows],
    }
    filled = {title: cells for title, cells in columns.items() if any(cells)}
    console.table(list(filled), list(zip(*filled.values(), strict=True)))


_PRESCRIPTION_COLUMNS = (
    *("site", "lesions", "primaries", "dose Gy", "fractions", "BED10"),
    *("for", "evidence", "source, place"),
)


def _show_prescriptions(item: PrescriptionSet) -> None:
    from rtplan.cli import console
    from rtplan.protocol.describe import bed_text, lesions_text, span

    console.table(
        _PRESCRIPTION_COLUMNS,
        [
            [
                row.site,
                lesions_text(row),
                ", ".join(row.primaries) or "any",
                span(*row.dose_gy),
                span(*row.fractions),
                bed_text(row),
                row.condition or "",
                row.citation.evidence.value,
                str(row.citation),
            ]
            for row in item.prescriptions
        ],
        right=(3, 4, 5),
    )

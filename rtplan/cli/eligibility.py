"""``rtplan eligibility``: what published definitions say of the lesions of a case."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rtplan.cli import common
from rtplan.report.summary import is_elsewhere, is_listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rtplan.case import Input
    from rtplan.facts import Facts
    from rtplan.findings import Finding
    from rtplan.lesions.model import Lesion, LesionReading

EPILOG = """examples:
  rtplan eligibility FOLDER --all --facts facts.toml
  rtplan eligibility --lesions lesions.json --definition omec-2023 esophagus-cn-2025

exit codes: 1 a definition is not met; else 3 one cannot be told, or there is an error about the
lesions (with --strict: any error or warning); else 0. A pathway gives no verdict: its conditions
are listed.
"Consistent" means consistent with the definition as published. It does not mean eligible for a
treatment: that is for clinicians to decide."""

SCHEMA = "rtplan/eligibility/1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = EPILOG
    parser.add_argument("path", metavar="PATH", nargs="?", help="folder, file or zip with DICOM-RT")
    parser.add_argument(
        "--lesions", metavar="F", help="lesions file (rtplan/lesions/1) instead of PATH; complete"
    )
    which = parser.add_mutually_exclusive_group(required=True)
    common.add_several(
        which, "--definition", metavar="ID", help="definition by id, or a TOML file of your own"
    )
    which.add_argument(
        "--all", action="store_true", help="every definition and pathway of the package"
    )
    parser.add_argument("--facts", metavar="F", help="TOML file of what DICOM does not hold")
    parser.add_argument("--names", metavar="F", help="TOML file with the site's own names")
    parser.add_argument(
        "--json", metavar="F", help="write rtplan/eligibility/1 JSON (- for output)"
    )
    common.add_reading_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Evaluate, print the table and the reasons, write what was asked for."""
    from rtplan.facts import Facts
    from rtplan.protocol.evaluate import evaluate_definition
    from rtplan.protocol.load import available, load_definition, load_facts

    _sort_out(args)
    ids = args.definition or [entry.id for entry in available() if entry.kind.has_criteria]
    definitions = [load_definition(name) for name in dict.fromkeys(ids)]
    facts = load_facts(args.facts) if args.facts else Facts()
    label, reading, inputs, of_case = _reading(args, facts)
    own = _all_findings(reading)
    results = [evaluate_definition(item, reading, facts).as_json() for item in definitions]
    count = {"lower": reading.count.lower, "best": reading.count.best, "upper": reading.count.upper}
    content = common.document(
        SCHEMA,
        settings={
            "definitions": [item.id for item in definitions],
            "facts_sha256": common.sha256(args.facts),
            "names_sha256": common.sha256(args.names),
            "lesions": "file" if args.lesions else "path",
        },
        inputs=inputs,
        findings=tuple(dict.fromkeys((*of_case, *own))),
        case=label,
        count=count,
        count_reason=reading.reason,
        lesions=[_lesion_json(lesion) for lesion in reading.lesions],
        definitions=results,
    )
    if args.json:
        common.write_json(content, args.json)
    if args.json != "-":
        show(content, brief=args.all)
    return exit_code(results, findings=(*own, *of_case) if args.strict else own)


def exit_code(results: Sequence[Mapping[str, object]], *, findings: Sequence[Finding] = ()) -> int:
    """The exit code of the contract for some definitions as JSON, beside what was found."""
    from rtplan.findings import has_errors

    verdicts = {item["verdict"] for item in results}
    if "not_consistent" in verdicts:
        return 1
    return 3 if "indeterminate" in verdicts or has_errors(findings) else 0


def _sort_out(args: argparse.Namespace) -> None:
    """PATH may stand after the ids of --definition; exactly one of PATH and --lesions is given."""
    from rtplan.errors import InputError

    if args.lesions is None:
        args.path = common.path_after(args.path, args.definition)
    if (args.path is None) == (args.lesions is None):
        found = "neither" if args.path is None else "both"
        raise InputError(f"give either PATH or --lesions F; {found} was given")
    if args.lesions and args.names:
        raise InputError("--names is for PATH; a lesions file says what its structures are")


def _reading(
    args: argparse.Namespace, facts: Facts
) -> tuple[str, LesionReading, Sequence[Input], Sequence[Finding]]:
    """Label, lesions, inputs and findings of the case, from a lesions file or from DICOM."""
    from dataclasses import replace

    from rtplan.protocol.stated import contradictions

    label, reading, inputs, findings = _source(args, facts)
    against = contradictions(reading, facts)
    reading = replace(reading, findings=(*reading.findings, *against))
    return label, strict_reading(reading) if args.strict else reading, inputs, findings


def strict_reading(reading: LesionReading) -> LesionReading:
    """A reading with the warnings about it and its lesions raised to errors."""
    from dataclasses import replace

    lesions = tuple(replace(x, findings=common.raised(x.findings)) for x in reading.lesions)
    return replace(reading, lesions=lesions, findings=common.raised(reading.findings))


def _source(
    args: argparse.Namespace, facts: Facts
) -> tuple[str, LesionReading, Sequence[Input], Sequence[Finding]]:
    """The lesions as they stand in their file or structure set."""
    if args.lesions:
        from rtplan.lesions.files import load_reading
        from rtplan.protocol.stated import with_stated

        listed = with_stated(load_reading(args.lesions), facts)
        return "lesions file", listed, (), ()
    from rtplan.errors import InputError
    from rtplan.lesions.read import read_lesions
    from rtplan.lesions.site_names import load_names

    book = load_names(args.names) if args.names else None
    case = common.open_case(args)
    if case.structure_set is None:
        raise InputError(
            "there is no RT Structure Set, so there are no lesions; "
            "give a folder that holds one, or a list with --lesions"
        )
    read = read_lesions(case.structure_set, facts=facts, book=book)
    return case.label, read, case.inputs, case.findings


def _all_findings(reading: LesionReading) -> tuple[Finding, ...]:
    own = tuple(item for lesion in reading.lesions for item in lesion.findings)
    return tuple(dict.fromkeys((*reading.findings, *own)))


def _lesion_json(lesion: Lesion) -> dict[str, object]:
    """What the definitions used of a lesion."""
    return {
        "id": lesion.id,
        "structures": [{"number": s.number, "name": s.name} for s in lesion.structures],
        "category": lesion.category.value,
        "organ": lesion.organ.value if lesion.organ else None,
        "station": lesion.station,
    }


def show(content: Mapping[str, Any], *, brief: bool = False) -> None:
    """Print the table, where the definitions disagree, and the reasons.

    With ``brief`` what is not applicable stands in one line each, without its notes and gaps.
    """
    from rtplan.cli import console

    print(f"{content['case']}: {_counted(content)}\n")
    items = content["definitions"]
    judged = [item for item in items if not (brief and is_elsewhere(item))]
    _show_verdicts([item for item in judged if not is_listed(item)])
    show_pathways([item for item in judged if is_listed(item)])
    if brief:
        _show_elsewhere(items)
    _show_disagreement(items)
    errors = [item for item in content["findings"] if item["severity"] == "error"]
    console.notes("errors", [f"{item['code']}: {item['text']}" for item in errors])
    console.notes("also seen in the structure set or list", _seen(content["findings"]))
    names = {
        item["id"]: ", ".join(s["name"] for s in item["structures"]) for item in content["lesions"]
    }
    for item in sorted(judged, key=_rank):
        _show_definition(item, names)
    print(
        "Consistent means consistent with the definition as published, not eligible for treatment."
        "\nrtplan supports decisions of qualified clinicians. It is not a medical device."
    )


def _seen(findings: Sequence[Mapping[str, Any]], most: int = 3) -> list[str]:
    """The warnings in lines: of one code the first ones, and how many more."""
    by_code: dict[str, list[str]] = {}
    for item in findings:
        if item["severity"] == "warning":
            number = item["where"].get("roi_number")
            where = "" if number is None else f"ROI {number}: "
            by_code.setdefault(str(item["code"]), []).append(f"{where}{item['text']}")
    lines = []
    for code, texts in by_code.items():
        lines += [f"{code}: {text}" for text in texts[:most]]
        if len(texts) > most:
            lines.append(f"{code}: and {len(texts) - most} more; all are in the JSON")
    return lines


def _counted(content: Mapping[str, Any]) -> str:
    count = content["count"]
    if count["best"] is None:
        return f"no count of metastases: {content['count_reason']}"
    text = f"{count['best']} metastas{'is' if count['best'] == 1 else 'es'}"
    if count["lower"] != count["upper"]:
        text += f", {count['lower']} to {count['upper']} by what is drawn"
    return text


_WORDS = {
    "consistent": "consistent",
    "not_consistent": "not consistent",
    "indeterminate": "cannot be told",
    "not_applicable": "not applicable",
}


def _rank(item: Mapping[str, Any]) -> tuple[int, str]:
    """Order of print: by verdict, names of a state after the verdicts, pathways last."""
    order = list(_WORDS)
    place = 2 * order.index(item["verdict"]) + (item["state"] is not None)
    return (2 * len(order) if is_listed(item) else place, item["id"])


def _show_verdicts(items: Sequence[Mapping[str, Any]]) -> None:
    from rtplan.cli import console
    from rtplan.report.summary import status_of

    rows = []
    for item in sorted(items, key=_rank):
        status = status_of(item["verdict"])
        rows.append([item["id"], f"{status.symbol} {_verdict(item)}", _why(item)])
    if rows:
        console.table(["definition", "verdict", "why"], rows)


def _verdict(item: Mapping[str, Any]) -> str:
    text = _WORDS[item["verdict"]]
    if item["state"] is not None:
        text = f"state: {str(item['state']).replace('_', ' ')}"
    return f"{text}, {item['scope']}" if item["scope"] else text


def _why(item: Mapping[str, Any]) -> str:
    """The reason in one line; beside it what is not verified."""
    text = str(item["reason"])
    if item["verdict"] == "indeterminate" and item["needs"]:
        text = _needed(item)
    if item["rests_on_unverified"]:
        text += f" [not verified: {', '.join(item['rests_on_unverified'])}]"
    return text


def _needed(item: Mapping[str, Any], most: int = 2) -> str:
    """What a verdict needs, in words: the first, and how many more."""
    from rtplan.protocol.words import need_words

    gaps = {gap["id"]: gap["text"] for gap in item["gaps"]}
    words = [need_words(need, gaps) for need in item["needs"]]
    more = f"; and {len(words) - most} more" if len(words) > most else ""
    return f"needs {'; '.join(words[:most])}{more}"


def show_pathways(items: Sequence[Mapping[str, Any]]) -> None:
    """Which conditions of each pathway the case meets: counts, and no verdict."""
    from rtplan.cli import console

    rows = []
    for item in sorted(items, key=_rank):
        told = [c["status"] for c in item["criteria"]]
        counts = [str(told.count(name)) for name in ("met", "not_met", "unknown")]
        rows.append([item["id"], *counts, item["title"]])
    if rows:
        header = ["pathway (no verdict)", "met", "not met", "not known", "what it is"]
        console.table(header, rows, right=(1, 2, 3))


def _show_elsewhere(items: Sequence[Mapping[str, Any]]) -> None:
    """What is made for other patients, by why."""
    from rtplan.cli import console
    from rtplan.report.summary import elsewhere

    lines = [f"{reason}: {', '.join(ids)}" for reason, ids in elsewhere(items)]
    console.notes("not applicable", lines)


def _show_disagreement(definitions: Sequence[Mapping[str, Any]]) -> None:
    """Which definitions say yes and which no, and what decides; a state says neither."""
    from rtplan.cli import console

    groups = {
        verdict: [
            item for item in definitions if item["verdict"] == verdict and item["state"] is None
        ]
        for verdict in ("consistent", "not_consistent")
    }
    if not all(groups.values()):
        return
    print("The definitions disagree:")
    for verdict, items in groups.items():
        print(f"  {_WORDS[verdict]}: {', '.join(item['id'] for item in items)}")
    print()
    decides: dict[str, list[str]] = {}
    for item in groups["not_consistent"]:
        for text in _unmet(item):
            decides.setdefault(text, []).append(item["id"])
    console.notes("what decides", [f"{text}: {', '.join(ids)}" for text, ids in decides.items()])


def _unmet(item: Mapping[str, Any]) -> list[str]:
    """The criteria by which a definition is not met, with the value of this case."""
    return [
        c["text"] if c["shown"] == "–" else f"{c['text']} (here {c['shown']})"
        for c in item["criteria"]
        if c["decides"] and c["status"] == "not_met"
    ]


def _show_definition(item: Mapping[str, Any], names: Mapping[str, str]) -> None:
    from rtplan.cli import console
    from rtplan.report.summary import status_of

    print(f"{item['id']}: {item['title']}")
    if item["arm_text"]:
        print(f"  {item['arm_text']}")
    print(f"  {item['wording']}{', ' + item['scope'] if item['scope'] else ''}: {item['reason']}")
    if item["rests_on_unverified"]:
        print(f"  rests on what is not verified: {', '.join(item['rests_on_unverified'])}")
    if item["criteria"]:
        console.table(
            ["", "criterion", "value", "limit", "evidence", "source"],
            [
                [
                    f"{status_of(c['status']).symbol} {c['status'].replace('_', ' ')}",
                    _criterion_text(c, listed=is_listed(item)),
                    c["shown"],
                    c["limit"] or "",
                    c["evidence"],
                    c["source"],
                ]
                for c in item["criteria"]
            ],
        )
    gaps = {gap["id"]: gap["text"] for gap in item["gaps"]}
    wanted = [f"  {_need(need, gaps)}{_structures(need, names)}" for need in item["needs"]]
    console.notes("  needs", wanted)
    _show_remarks("listed, never deciding", item["conditions"])
    _show_remarks("pathway of the source, which of its conditions hold", item["pathways"])
    if item["verdict"] != "not_applicable":
        console.notes("  not confirmed in the source", [f"  {g['text']}" for g in item["gaps"]])
    console.notes("  notes", [f"  {note}" for note in item["notes"]])


def _need(need: str, gaps: Mapping[str, str]) -> str:
    """What would settle it in words, with the key of the facts file where it is one."""
    from rtplan.protocol.words import need_words

    words = need_words(need, gaps)
    return words if need.startswith("gap.") or words == need else f"{words}: {need}"


def _structures(need: str, names: Mapping[str, str]) -> str:
    """The structures of the lesion that a need names."""
    parts = need.split(".")
    name = names.get(".".join(parts[1:-1]), "") if parts[0] == "lesion" else ""
    return f" ({name})" if name else ""


def _criterion_text(criterion: Mapping[str, Any], *, listed: bool) -> str:
    text = str(criterion["text"])
    if criterion["reason"] and not criterion["range"]:
        text += f" ({criterion['reason']})"
    return text if criterion["decides"] or listed else f"{text} [does not decide]"


def _show_remarks(title: str, remarks: Sequence[Mapping[str, Any]]) -> None:
    from rtplan.cli import console

    lines = []
    for item in remarks:
        words = {"met": "holds", "not_met": "does not hold", "unknown": "not known"}
        status = words.get(str(item["status"]), "not evaluated")
        needs = f", needs {', '.join(item['needs'])}" if item["needs"] else ""
        lines.append(f"  {status}{needs}: {item['text']} ({item['evidence']}, {item['source']})")
    console.notes(f"  {title}", lines)

"""``rtplan eligibility``: what published definitions say of the lesions of a case."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rtplan.cli import common
from rtplan.report.summary import by_verdict, is_elsewhere, is_listed, reason_of, unmet_of

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
    """Print the verdicts, where they disagree, the pathways, and the reasons.

    With ``brief`` what is not applicable stands in one line each, without its notes and gaps.
    """
    from rtplan.cli import console

    print(f"{content['case']}: {_counted(content)}\n")
    items = content["definitions"]
    judged = [item for item in items if not (brief and is_elsewhere(item))]
    verdicts = by_verdict(item for item in judged if not is_listed(item))
    pathways = [item for item in judged if is_listed(item)]
    _show_verdicts(verdicts)
    _show_disagreement(verdicts)
    show_pathways(pathways)
    if brief:
        _show_elsewhere(items)
    errors = [item for item in content["findings"] if item["severity"] == "error"]
    console.notes("errors", [f"{item['code']}: {item['text']}" for item in errors])
    console.notes("also seen in the structure set or list", _seen(content["findings"]))
    names = {
        item["id"]: ", ".join(s["name"] for s in item["structures"]) for item in content["lesions"]
    }
    for item in (*verdicts, *pathways):
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


def _show_verdicts(items: Sequence[Mapping[str, Any]]) -> None:
    from rtplan.cli import console

    rows = [[item["id"], _verdict(item), _why(item)] for item in items]
    if rows:
        console.table(["definition", "verdict", "why"], rows)


def _verdict(item: Mapping[str, Any]) -> str:
    """The verdict in a word; a state is a name and no approval, so it has no tick."""
    from rtplan.report.summary import status_of

    text = f"{status_of(item['verdict']).symbol} {_WORDS[item['verdict']]}"
    if item["state"] is not None:
        text = f"· {_state_word(item)}"
    return f"{text}, {item['scope']}" if item["scope"] else text


def _state_word(item: Mapping[str, Any]) -> str:
    return "a state" if item["score"] is None else "a group of the score"


def _why(item: Mapping[str, Any]) -> str:
    """The reason in one line; beside it what is not verified."""
    from rtplan.protocol.words import unverified_words

    text = reason_of(item)
    if item["verdict"] == "indeterminate" and item["needs"]:
        text = _needed(item)
    elif item["verdict"] == "consistent" and item["state"] is None:
        text = _all_met(item)
    if item["rests_on_unverified"]:
        text += f" [not verified: {unverified_words(item['rests_on_unverified'])}]"
    return text


def _all_met(item: Mapping[str, Any]) -> str:
    """How many criteria are met; where a definition has several ways, those of one are enough."""
    number, asked = sum(c["decides"] for c in item["criteria"]), len(item["criteria"])
    if number < asked:
        return f"the {number} criteria of one way met"
    return "its criterion met" if number == 1 else f"all {number} criteria met"


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
    for item in items:
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

    for title, kind in (("not applicable", False), ("pathways not applicable", True)):
        of_kind = [item for item in items if (item["kind"] == "pathway") is kind]
        lines = [f"{reason}: {', '.join(ids)}" for reason, ids in elsewhere(of_kind)]
        console.notes(title, lines)


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
        decides.setdefault(unmet_of(item) or str(item["reason"]), []).append(item["id"])
    lines = [f"{text}: {', '.join(ids)}" for text, ids in decides.items()]
    console.notes("what decides (not met)", lines)


def _show_definition(item: Mapping[str, Any], names: Mapping[str, str]) -> None:
    from rtplan.cli import console
    from rtplan.protocol.words import unverified_words
    from rtplan.report.summary import status_of

    print(f"{item['id']}: {item['title']}")
    if item["arm_text"]:
        print(f"  {item['arm_text']}")
    word = item["wording"] if item["state"] is None else _state_word(item)
    print(f"  {word}{', ' + item['scope'] if item['scope'] else ''}: {reason_of(item)}")
    if item["rests_on_unverified"]:
        weak = unverified_words(item["rests_on_unverified"])
        print(f"  rests on what is not verified: {weak}")
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

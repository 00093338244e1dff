"""What is valid and still likely a slip: each named by its key, and none of it in our own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtplan.protocol.lint import lint
from rtplan.protocol.load import available, load

from .test_load import DEFINITION, LIMITS

RULE = '{ quantity = "metastases", op = "<=", limit = 5 }'
HEAD, _, LIMIT = LIMITS.partition("[[limit]]")


def notes(folder: Path, text: str) -> tuple[str, ...]:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return lint(load(str(file)))


def definition(*criteria: tuple[str, str], arm: str, primaries: str = '"lung"') -> str:
    """A definition of criteria (text and rule each, called a, b, c, ...) under one arm."""
    head = DEFINITION.partition("[[criterion]]")[0].replace('"lung"', primaries)
    entries = "".join(
        f'[[criterion]]\nid = "{name}"\ntext = "{text}"\nrule = {rule}\n'
        'evidence = "secondary"\nsource = "paper"\nplace = "table 1"\n'
        for name, (text, rule) in zip("abcdef", criteria, strict=False)
    )
    return f'{head}{entries}[[arm]]\nid = "all"\ntext = "All"\nrule = {arm}\n'


def rule(op: str, limit: int, quantity: str = "metastases", more: str = "") -> str:
    return f'{{ quantity = "{quantity}", op = "{op}", limit = {limit}{more} }}'


def limits(*rows: str) -> str:
    """A limit set of rows ``structure metric op limit fractions``, called r0, r1, ..."""
    entries = []
    for index, row in enumerate(rows):
        structure, metric, op, limit, fractions = row.split()
        entries.append(
            f'[[limit]]\nid = "r{index}"\nstructure = "{structure}"\nmetric = "{metric}"\n'
            f'op = "{op}"\nlimit = {limit}\nfractions = {fractions}\n'
            'evidence = "secondary"\nsource = "paper"\nplace = "table 1"\n'
        )
    return HEAD + "".join(entries)


def test_files_of_the_package_have_no_slip() -> None:
    for entry in available():
        assert lint(load(entry.id)) == (), entry.id


@pytest.mark.parametrize(
    ("text", "old", "new", "words"),
    [
        (DEFINITION, "", "", "criterion: no criterion asks for a metastasis"),
        (DEFINITION, 'place = "table 1"', "", 'criterion["few"].place: no place in the source'),
        (
            DEFINITION,
            "[[arm]]",
            "[[source]]\nid = 'b'\ntext = 'b'\nurl = 'u'\n[[arm]]",
            'source["b"]: the source is named by no entry',
        ),
        (LIMITS, '"SpinalCord"', '"SpinalCrod"', 'did you mean "SpinalCord"'),
    ],
)
def test_slip_is_named(tmp_path: Path, text: str, old: str, new: str, words: str) -> None:
    assert old in text
    assert any(words in note for note in notes(tmp_path, text.replace(old, new, 1)))


def test_other_rules_under_the_id_of_a_published_definition_are_named(tmp_path: Path) -> None:
    text = definition(("Some", rule(">=", 1)), arm='"a"')
    assert notes(tmp_path, text) == ()
    (note,) = notes(tmp_path, text.replace('id = "mine"', 'id = "omec-2023"'))
    assert note.startswith('id: "omec-2023" is the id of a protocol of the package')


@pytest.mark.parametrize(
    ("text", "asked", "words"),
    [
        ("At most five metastases", rule(">=", 5), 'says "At most five metastases"'),
        ("At most five metastases", rule("<=", 4), 'criterion["a"].rule: asks metastases <= 4'),
        ("Fewer than five metastases", rule("<=", 5), 'says "Fewer than five metastases"'),
        ("Not more than 3 of them", rule(">", 3), 'says "Not more than 3 of"'),
        ("Each over 5 cm", rule("<=", 50, "largest_diameter_mm"), 'says "over 5 cm"'),
        ("Each at most 5 cm", rule("<", 50, "largest_diameter_mm"), 'says "at most 5 cm"'),
        ("Each at most 5 cm", rule("<=", 60, "largest_diameter_mm"), 'says "at most 5 cm"'),
        (
            "More than two years after the primary",
            rule(">", 12, "months_to_detection", ', since = ["primary.treated"]'),
            'says "More than two years"',
        ),
    ],
)
def test_rule_that_asks_other_than_its_text_is_named(
    tmp_path: Path, text: str, asked: str, words: str
) -> None:
    assert any(words in x for x in notes(tmp_path, definition((text, asked), arm='"a"')))


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Fewer than six metastases", rule("<=", 5)),
        ("More than one metastasis", rule(">=", 2)),
        ("Few metastases", rule("<=", 5)),
        ("At least three, at most five metastases", rule("<=", 5)),
        ("Each at most 5.0 cm", rule("<=", 50, "largest_diameter_mm")),
        (
            "At least two and a half years",
            rule(">=", 30, "months_to_detection", ', since = ["primary.treated"]'),
        ),
    ],
)
def test_rule_that_asks_what_its_text_says_is_not_named(
    tmp_path: Path, text: str, asked: str
) -> None:
    assert not any("text says" in x for x in notes(tmp_path, definition((text, asked), arm='"a"')))


@pytest.mark.parametrize(
    ("rules", "arm", "words"),
    [
        ((rule(">=", 4), rule("<=", 3)), '{ all_of = ["a", "b"] }', 'arm["all"].rule: metastases'),
        ((rule(">", 3), rule("<", 4)), '{ all_of = ["a", "b"] }', "exclude each other"),
        ((rule("==", 2), rule(">=", 3)), '{ all_of = ["a", "b"] }', "exclude each other"),
        ((rule("<=", 3), rule(">=", 4, "organs")), '{ all_of = ["a", "b"] }', "exclude each other"),
        (
            (rule("<=", 3), rule(">=", 4, "organ_metastases", ', in = ["liver"]')),
            '{ all_of = ["a", "b"] }',
            "organ_metastases in liver",
        ),
        (
            (rule(">=", 4), rule("<=", 3), rule("<=", 9)),
            '{ any_of = [{ all_of = ["a", "b"] }, "c"] }',
            "exclude each other",
        ),
        (
            (
                '{ fact = "primary.controlled", is = true }',
                '{ fact = "primary.controlled", is = false }',
            ),
            '{ all_of = ["a", "b"] }',
            "exclude each other",
        ),
        (
            ('{ fact = "primary.site", one_of = ["breast"] }',),
            '"a"',
            "none of applies_to.primaries (lung)",
        ),
        ((rule("<", 0),), '"a"', "can never hold"),
        (('{ quantity = "sides", in = ["lung"], op = ">", limit = 2 }',), '"a"', "can never hold"),
        ((rule(">=", 0),), '"a"', "holds for every patient"),
        (
            (rule("<=", 3), rule("<=", 5)),
            '{ all_of = ["a", "b"] }',
            'criterion["b"].rule: metastases <= 5 never decides',
        ),
        ((rule("<=", 3), rule("<", 4)), '{ all_of = ["a", "b"] }', "never decides"),
    ],
)
def test_rules_that_nobody_or_everybody_meets_are_named(
    tmp_path: Path, rules: tuple[str, ...], arm: str, words: str
) -> None:
    text = definition(*(("Asked", item) for item in rules), arm=arm)
    words = words.replace("organ_metastases", "metastases outside nodes")
    assert any(words in note for note in notes(tmp_path, text))


@pytest.mark.parametrize(
    ("rules", "arm"),
    [
        ((rule(">=", 1), rule("<=", 1)), '{ all_of = ["a", "b"] }'),
        ((rule("<=", 3), rule(">=", 4)), '{ any_of = ["a", "b"] }'),
        ((rule(">=", 2), rule("<=", 1, "organs")), '{ all_of = ["a", "b"] }'),
        (
            (rule("<=", 3), rule("<=", 5, "metastases", ', outside = ["brain"]')),
            '{ all_of = ["a", "b"] }',
        ),
        (
            (rule("<=", 3, "metastases", ', in = ["liver"]'), rule(">=", 4)),
            '{ all_of = ["a", "b"] }',
        ),
        (
            (rule("<=", 3), "{ any_of = [" + rule(">=", 4) + ', { gap = "g" }] }'),
            '{ all_of = ["a", "b"] }',
        ),
    ],
)
def test_rules_that_can_be_met_together_are_not_named(
    tmp_path: Path, rules: tuple[str, ...], arm: str
) -> None:
    text = definition(*(("Asked", item) for item in rules), arm=arm)
    text += '[[gap]]\nid = "g"\ntext = "Open"\n'
    found = [x for x in notes(tmp_path, text) if "asks for a metastasis" not in x]
    assert found == []


def test_contradiction_is_told_once_where_it_stands(tmp_path: Path) -> None:
    within = f"{{ all_of = [{rule('>=', 4)}, {rule('<=', 3)}] }}"
    text = definition(("Asked", within), ("Some", rule(">=", 1)), arm='{ all_of = ["a", "b"] }')
    (note,) = notes(tmp_path, text)
    assert note.startswith('criterion["a"].rule: ')


def test_condition_and_question_that_nobody_meets_are_named(tmp_path: Path) -> None:
    never = f"{{ all_of = [{rule('>=', 4)}, {rule('<=', 3)}] }}"
    cited = f'text = "Asked"\nrule = {never}\nevidence = "secondary"\nsource = "paper"\n'
    text = definition(("Some", rule(">=", 1)), arm='"a"')
    (note,) = notes(tmp_path, f'{text}[[condition]]\nid = "c"\n{cited}')
    assert note.startswith('condition["c"].rule: metastases >= 4')
    tree = text.partition("[[criterion]]")[0] + '[tree]\nstart = "q"\n'
    tree += f'[[tree.question]]\nid = "q"\nyes = "s"\nno = "none"\n{cited}'
    tree += '[[tree.state]]\nid = "s"\ntext = "A state"\n'
    (note,) = notes(tmp_path, tree)
    assert note.startswith('tree.question["q"].rule: metastases >= 4')
    (note,) = notes(tmp_path, tree.replace('"none"', '"s"').replace(never, rule("<=", 3)))
    assert note.startswith('tree.question["q"]: yes and no both lead to "s"')


def test_rule_with_very_many_ways_is_passed_over(tmp_path: Path) -> None:
    some = "{ any_of = [" + ", ".join(rule("==", x) for x in range(1, 40)) + "] }"
    text = definition(("Asked", "{ all_of = [" + ", ".join([some] * 12) + "] }"), arm='"a"')
    assert notes(tmp_path, text) == ()


def test_criteria_that_ask_the_same_are_named(tmp_path: Path) -> None:
    text = definition(
        ("Some", rule(">=", 1)), ("Any", rule(">=", 1)), arm='{ all_of = ["a", "b"] }'
    )
    (note,) = notes(tmp_path, text)
    assert note == 'criterion["b"].rule: asks the same as criterion["a"]; remove one of them'


def test_size_in_centimetres_is_named(tmp_path: Path) -> None:
    text = definition(("Small", rule("<=", 5, "largest_diameter_mm")), arm='"a"')
    assert any("limit: 5 is in millimetres; write 50" in x for x in notes(tmp_path, text))


def test_each_arm_asks_for_a_metastasis(tmp_path: Path) -> None:
    arms = DEFINITION.replace('rule = "few"', 'rule = "few"\nhistologies = ["squamous"]') + (
        '\n[[criterion]]\nid = "some"\ntext = "A metastasis"\nplace = "table 1"\n'
        'rule = { quantity = "metastases", op = ">=", limit = 1 }\n'
        'evidence = "secondary"\nsource = "paper"\n'
        '[[arm]]\nid = "other"\ntext = "Some"\nrule = "some"\nhistologies = ["other"]\n'
    )
    (note,) = notes(tmp_path, arms)
    assert "(histology: squamous)" in note


def test_arm_for_nobody_and_criterion_without_a_point_are_named(tmp_path: Path) -> None:
    text = definition(("Some", rule(">=", 1)), arm='"a"') + 'histologies = ["other"]\n'
    text = text.replace('["lung"]', '["lung"]\nhistologies = ["squamous"]')
    (note,) = notes(tmp_path, text)
    assert note.startswith('arm["all"].histologies: other is not among applies_to.histologies')
    score = text.partition("[[arm]]")[0].replace('version = "1"', 'version = "1"\nkind = "score"')
    score += score[score.index("[[criterion]]") :].replace('"a"', '"b"').replace("= 1 }", "= 2 }")
    score += '[score]\ntext = "Points"\npoints = ["a"]\n'
    score += '[[score.group]]\nid = "any"\ntext = "any"\nfrom = 0\nto = 1\n'
    (note,) = notes(tmp_path, score)
    assert note.startswith('criterion["b"]: gives no point')


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["PTV D95%[Gy] <= 57 3"], 'limit["r0"].op: "<=" on D95%[Gy] limits the coverage'),
        (["GTV_1 V54Gy[%] <= 95 3"], "limits the coverage"),
        (["CTVn Min[Gy] < 45 3"], "limits the coverage"),
        (["SpinalCord Max[Gy] >= 14 1"], '">=" on Max[Gy] asks for a maximum dose of at least'),
        (["PTV Max[Gy] >= 60 3"], "asks for a maximum dose of at least"),
        (["Heart D15cc[Gy] > 24 3"], 'in an organ; write "<"?'),
        (["Lungs V20Gy[%] >= 10 3"], "in an organ"),
        (["Liver CV15Gy[cc] <= 700 3"], 'spared from above; write ">="?'),
        (["Heart D15cc[Gy] <= 2400 3"], "write 24 if cGy are meant"),
        (["Lungs V20Gy[%] <= 0.1 3"], "write 10 if a share is meant"),
        (
            ["Heart D15cc[Gy] <= 24 3", "Heart D15cc[Gy] <= 26 3"],
            'stands twice, beside limit["r0"]',
        ),
        (["PTV D95%[Gy] >= 60 3", "PTV D95%[Gy] <= 54 3"], "can never be met beside"),
        (["PTV D95%[Gy] > 54 3", "PTV D95%[Gy] <= 54 3"], "can never be met beside"),
        (["Heart D0.035cc[Gy] <= 24 3", "Heart D15cc[Gy] <= 30 3"], "are the two swapped?"),
        (["Heart D15cc[Gy] <= 30 3", "Heart Max[Gy] <= 24 3"], "are the two swapped?"),
        (["Lungs V20Gy[%] <= 10 5", "Lungs V30Gy[%] <= 15 5"], "are the two swapped?"),
        (["Heart D15cc[Gy] <= 32 3", "Heart D15cc[Gy] <= 24 5"], "more fractions usually bear"),
    ],
)
def test_odd_limit_is_named(tmp_path: Path, rows: list[str], words: str) -> None:
    assert any(words in note for note in notes(tmp_path, limits(*rows)))


@pytest.mark.parametrize(
    "rows",
    [
        ["PTV D95%[Gy] >= 54 3", "PTV D2%[Gy] <= 72 3", "PTV V110%[%] <= 10 3"],
        ["PTV Mean[Gy] >= 54 3", "PTV Mean[Gy] <= 60 3"],
        ["Liver CV15Gy[cc] >= 700 3", "Liver DC700cc[Gy] <= 15 3", "Liver Volume[cc] >= 1000 3"],
        ["Stomach D100%[Gy] < 45 25", "Heart D15cc[Gy] <= 24 3", "Heart D0.035cc[Gy] <= 30 3"],
        ["Rib D1cc[Gy] <= 28.8 3", "Rib D30cc[Gy] <= 30 3", "Lungs V5Gy[%] <= 1 3"],
        ["Heart D15cc[Gy] <= 24 3", "Heart D15cc[Gy] <= 32 5", "Lungs V20Gy[%] <= 10 5"],
    ],
)
def test_sound_limits_are_not_named(tmp_path: Path, rows: list[str]) -> None:
    assert notes(tmp_path, limits(*rows)) == ()


def test_limit_is_named_once_however_many_it_repeats(tmp_path: Path) -> None:
    rows = ["Heart D15cc[Gy] <= 24 3"] * 30
    assert len(notes(tmp_path, limits(*rows))) == 29


PRESCRIPTION_HEAD = HEAD.replace("rtplan/limits/1", "rtplan/prescriptions/1")


def prescription(identifier: str, site: str, keys: str, dose_gy: float = 54) -> str:
    """A prescription; ``keys`` say which lesions it is for."""
    return (
        f'[[prescription]]\nid = "{identifier}"\nsite = "{site}"\n{keys}\ndose_gy = {dose_gy}\n'
        'fractions = 3\nevidence = "secondary"\nsource = "paper"\nplace = "table 1"\n'
    )


def test_prescription_that_stands_twice_is_named(tmp_path: Path) -> None:
    keys = 'lesions = "metastases"'
    one = PRESCRIPTION_HEAD + prescription("one", "any site", keys)
    (note,) = notes(tmp_path, one + prescription("two", "any site", keys))
    assert note.startswith('prescription["two"]: prescribes the same')
    for other in (
        prescription("two", "any site", keys, dose_gy=50),
        prescription("two", "any site", keys + '\nprimaries = ["lung"]'),
        prescription("two", "any site", keys + '\norgans = ["liver"]'),
    ):
        assert notes(tmp_path, one + other) == ()


OF_METASTASES, OF_PRIMARY = 'lesions = "metastases"', 'lesions = "primary"'


@pytest.mark.parametrize(
    ("site", "keys", "expected"),
    [
        ("primary of the lung", f'{OF_METASTASES}\norgans = ["lung"]', ["lesions"]),
        ("lung", f'{OF_PRIMARY}\nprimaries = ["lung"]', ["lesions"]),
        ("primary of the lung", f'{OF_PRIMARY}\nprimaries = ["liver"]', ["primaries"]),
        ("any site with a primary of the lung", OF_METASTASES, ["organs"]),
        ("lung, lymph node", f'{OF_METASTASES}\norgans = ["lung"]', ["organs"]),
        ("primary of the soft tissue", f'{OF_PRIMARY}\nprimaries = ["soft_tissue"]', []),
        ("any site with a primary of the lung", f'{OF_METASTASES}\nprimaries = ["lung"]', []),
        ("any other site", OF_METASTASES, []),
        ("vertebra", f'{OF_METASTASES}\norgans = ["bone"]', []),
    ],
)
def test_site_that_says_other_than_the_keys_is_named(
    tmp_path: Path, site: str, keys: str, expected: list[str]
) -> None:
    found = notes(tmp_path, PRESCRIPTION_HEAD + prescription("one", site, keys))
    assert [note.partition(":")[0] for note in found] == [
        f'prescription["one"].{key}' for key in expected
    ]

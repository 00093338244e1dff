"""A site's file that extends another: what it changes is its own, the rest is as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtplan.errors import ProtocolError
from rtplan.protocol.load import load, load_definition, load_limits, slips_of_extension

LIMITS = """
schema = "rtplan/limits/1"
extends = "tg101"
id = "ours"
title = "Our limits"
version = "3"
remove = ["cochlea-d0.035cc-1fx"]
notes = ["Stricter for the cord."]

[[source]]
id = "board"
text = "Minutes of the department"
url = "https://example.org/minutes"

[[limit]]
id = "spinalcord-d0.035cc-5fx"
limit = 25.0
evidence = "secondary"
source = "board"

[[limit]]
id = "our-own"
structure = "Heart"
metric = "Mean[Gy]"
op = "<="
limit = 10.0
fractions = 5
evidence = "secondary"
source = "board"
place = "item 2"
"""

DEFINITION = """
schema = "rtplan/definition/1"
extends = "omec-2023"
id = "omec-ours"
version = "1"

[[source]]
id = "board"
text = "Minutes of the department"
url = "https://example.org/minutes"

[[criterion]]
id = "organ-lesions"
text = "At most two metastases outside lymph nodes"
rule = { quantity = "organ_metastases", op = "<=", limit = 2 }
evidence = "secondary"
source = "board"

[counting]
paired_organs = "each_side"
evidence = "secondary"
source = "board"
"""


def written(folder: Path, text: str, name: str = "ours.toml") -> str:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_limits_are_changed_added_and_removed(tmp_path: Path) -> None:
    base, ours = load_limits("tg101"), load_limits(written(tmp_path, LIMITS))
    held = {item.id: item for item in ours.limits}
    cord = held["spinalcord-d0.035cc-5fx"]
    assert (cord.limit, str(cord.citation)) == (25.0, "https://example.org/minutes")
    assert (str(cord.metric), cord.fractions) == ("D0.035cc[Gy]", 5)
    assert "our-own" in held
    assert "cochlea-d0.035cc-1fx" not in held
    assert len(ours.limits) == len(base.limits)
    unchanged = [x for x in base.limits if x.id in held and x.id != cord.id]
    assert all(held[x.id] == x for x in unchanged)
    assert ours.extends == (f"tg101, version {base.version}",)
    assert ours.notes == (*base.notes, "Stricter for the cord.")
    assert (ours.id, ours.title, ours.name) == ("ours", "Our limits", base.name)


def test_changed_criterion_has_its_own_rule_and_source(tmp_path: Path) -> None:
    base = load_definition("omec-2023")
    ours = load_definition(written(tmp_path, DEFINITION))
    changed = {item.id: item for item in ours.criteria}["organ-lesions"]
    assert changed.text.startswith("At most two")
    assert changed.citation.source.id == "board"
    assert changed.citation.place is None
    assert ours.counting.paired_organs == "each_side"
    assert ours.counting.regional_nodes == base.counting.regional_nodes
    assert (ours.arms, ours.gaps, ours.title) == (base.arms, base.gaps, base.title)


def test_extension_may_be_extended_by_a_path_beside_it(tmp_path: Path) -> None:
    written(tmp_path, LIMITS)
    text = LIMITS.replace('extends = "tg101"', 'extends = "ours.toml"')
    text = text.replace('id = "ours"', 'id = "mine"').replace("limit = 25.0", "limit = 24.0")
    text = text.replace('remove = ["cochlea-d0.035cc-1fx"]', "")
    mine = load_limits(written(tmp_path, text.replace('"our-own"', '"my-own"'), "mine.toml"))
    held = {item.id: item.limit for item in mine.limits}
    assert held["spinalcord-d0.035cc-5fx"] == 24.0
    assert {"our-own", "my-own"} <= held.keys()
    tg101 = f"tg101, version {load_limits('tg101').version}"
    assert mine.extends == ("ours, version 3", tg101)


def test_own_entry_of_a_removed_id_stays(tmp_path: Path) -> None:
    text = LIMITS.replace('remove = ["', 'remove = ["heart-ours", "', 1)
    base = written(tmp_path, text.replace('"heart-ours", ', "").replace("our-own", "heart-ours"))
    own = text.replace('extends = "tg101"', 'extends = "ours.toml"').replace('"ours"', '"mine"')
    own = own.replace('"cochlea-d0.035cc-1fx"', "").replace("our-own", "heart-ours", 1)
    mine = written(tmp_path, own.replace("limit = 10.0", "limit = 8.0"), "mine.toml")
    held = [item.limit for item in load_limits(mine).limits if item.id == "heart-ours"]
    assert (load_limits(base).limits[-1].limit, held) == (10.0, [8.0])


BROKEN = [
    (LIMITS, 'source = "board"\n\n', "\n", 'limit[0].source: is missing; the limit "spinal'),
    (LIMITS, 'evidence = "secondary"\nsource = "board"\n\n', "\n", "limit[0].evidence: is missing"),
    (LIMITS, '"tg101"', '"tg-101"', 'did you mean "tg101"'),
    (LIMITS, 'id = "ours"', 'id = "tg101"', "is the id of what it extends"),
    (LIMITS, '["cochlea-', '["cochlaea-', 'remove[0]: "cochlaea-d0.035cc-1fx" is not there; did'),
    (LIMITS, "limit = 25.0", "limit = -25.0", 'limit["spinalcord-d0.035cc-5fx"].limit: -25'),
    (LIMITS, "limit = 10.0", "limt = 10.0", 'limit["our-own"].limit: is missing; "limt"'),
    (LIMITS, "rtplan/limits/1", "rtplan/definition/1", 'schema: "rtplan/definition/1" is not'),
    (LIMITS, 'version = "3"', "", "version: is missing"),
    (
        DEFINITION,
        'paired_organs = "each_side"\nevidence = "secondary"',
        'paired_organs = "each_side"',
        "counting.evidence: is missing; the counting policy is changed",
    ),
    (DEFINITION, 'version = "1"', 'version = "1"\nkind = "pathway"', "kind: cannot be changed"),
    (DEFINITION, '"board"\n\n[counting]', '"bord"\n\n[counting]', 'did you mean "board"'),
]


@pytest.mark.parametrize(("text", "old", "new", "words"), BROKEN)
def test_wrong_extension_names_file_key_and_way_out(
    tmp_path: Path, text: str, old: str, new: str, words: str
) -> None:
    assert old in text
    with pytest.raises(ProtocolError) as caught:
        load(written(tmp_path, text.replace(old, new, 1)))
    assert words in str(caught.value)


def test_files_that_extend_one_another_are_an_error(tmp_path: Path) -> None:
    written(tmp_path, LIMITS.replace('"tg101"', '"b.toml"'), "a.toml")
    path = written(tmp_path, LIMITS.replace('"tg101"', '"a.toml"'), "b.toml")
    with pytest.raises(ProtocolError, match="extend one another in a circle"):
        load(path)


def test_slip_in_what_is_changed_is_named(tmp_path: Path) -> None:
    assert slips_of_extension(written(tmp_path, DEFINITION)) == ()
    assert slips_of_extension(written(tmp_path, LIMITS)) == ()
    assert slips_of_extension("omec-2023") == ()
    kept = DEFINITION.replace('text = "At most two metastases outside lymph nodes"\n', "")
    (note,) = slips_of_extension(written(tmp_path, kept))
    assert note.startswith('criterion["organ-lesions"].text: the rule is changed, the text is')
    assert "'At most three" in note
    cited = (
        '[[condition]]\nid = "restaging"\nevidence = "secondary"\nsource = "board"\n\n[counting]'
    )
    again = DEFINITION.replace("[counting]", cited)
    assert slips_of_extension(written(tmp_path, again)) == ()
    taken = LIMITS.replace('"board"', '"tg101"')
    (note,) = slips_of_extension(written(tmp_path, taken))
    assert note.startswith('source["tg101"].id: the source is one of what the file extends')

"""A site's own names extend the vocabulary; what is wrong in the file is told."""

from pathlib import Path

import pytest

from rtplan.errors import ProtocolError
from rtplan.lesions.model import Organ
from rtplan.lesions.names import Kind, Stem, read_name
from rtplan.lesions.roles import Evidence, Role, decide_roles
from rtplan.lesions.site_names import load_names
from rtplan.lesions.vocabulary import vocabulary
from tests.lesions.drawing import sphere, structure

OWN = """
schema = "rtplan/site-names/1"

[targets]
gross = ["tvol"]

[words]
metastasis = ["absiedlung*"]
helper = ["mondschein"]
left = ["sinistra"]

[organs]
liver = ["hpb"]
esophagus = ["schlund"]

[stations]
LN_Sclav = ["virchow*"]
"JES:16a2" = ["aortic a2"]

[roles]
gross = ["Boost 1"]
helper = ["54 + 1", "GTV old plan"]
"""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "names.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_words_of_a_site_are_read_beside_those_of_rtplan(tmp_path: Path) -> None:
    book = load_names(written(tmp_path, OWN))
    reading = read_name("TVOL 1 hpb sinistra", book=book)
    assert (reading.stem, reading.organ) == (Stem.GROSS, Organ.LIVER)
    assert (reading.label, reading.laterality) == ("1", "left")
    assert read_name("Absiedlungen 3", book=book).kind is Kind.METASTASIS
    part = read_name("GTV Schlund", book=book).part
    assert part is not None
    assert part.site == "oesophagus"
    assert read_name("Met 3", book=book).kind is Kind.METASTASIS


@pytest.mark.parametrize(
    ("name", "station"), [("GTVn Virchow", "LN_Sclav"), ("GTVn aortic a2", "JES:16a2")]
)
def test_stations_of_a_site_are_those_that_are_known(
    tmp_path: Path, name: str, station: str
) -> None:
    found = read_name(name, book=load_names(written(tmp_path, OWN))).station
    assert found is not None
    assert found.name == station


def test_name_of_an_organ_in_the_file_is_read_by_all_words_of_the_file(tmp_path: Path) -> None:
    text = '[organs]\n"colon links" = ["xyzcol"]\n[stations]\nLN_Sclav = ["colonlinks"]'
    book = load_names(written(tmp_path, f'schema = "rtplan/site-names/1"\n{text}'))
    assert read_name("colon links", book=book).has("station") == "colonlinks"


def test_vocabulary_that_comes_with_rtplan_is_not_changed(tmp_path: Path) -> None:
    load_names(written(tmp_path, OWN))
    assert read_name("TVOL 1").stem is None
    assert "absiedlung" not in vocabulary().begins
    assert not vocabulary().roles


def test_role_of_a_whole_name_is_settled_by_the_user(tmp_path: Path) -> None:
    book = load_names(written(tmp_path, OWN))
    ball = sphere((0.0, 0.0, 0.0), 8.0)
    names = ("boost_1", "54+1", "GTV old plan", "GTV old plan 2")
    items = [structure(n, ball, number=i) for i, n in enumerate(names, start=1)]
    decisions = decide_roles(items, book=book)
    assert [d.role for d in decisions] == [Role.GROSS, Role.HELPER, Role.HELPER, Role.GROSS]
    assert [d.evidence == (Evidence.USER,) for d in decisions] == [True, True, True, False]
    assert "names file" in decisions[0].reason


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "schema: is missing"),
        ('schema = "rtplan/names/1"', "rtplan/site-names/1"),
        ('[words]\nhelpr = ["xx"]', 'did you mean "helper"'),
        ('[word]\nhelper = ["xx"]', 'did you mean "words"'),
        ('[words]\nhelper = ["liver"]', '"liver" already means an organ (liver)'),
        ('[words]\nhelper = ["metastasis"]', '"metastasis" already means kind: metastasis'),
        ('[words]\nhelper = ["hepatolog*"]', None),
        ('[words]\nhelper = ["*"]', 'write "*" at the beginning or the end'),
        ('[words]\nhelper = ["a*b"]', 'write "*" at the beginning or the end'),
        ('[words]\nhelper = ["12"]', "too short"),
        ('[words]\nleft = ["x"]', "too short"),
        ('[words]\nhelper = "xx"', "is not a list"),
        ('[words]\nhelper = ["xx", "xx"]', "listed twice"),
        ('[organs]\nlivr = ["xx"]', 'organs.livr: is no organ that rtplan knows; did you mean'),
        ('[organs]\nlymph_node = ["xx"]', "nodes are no organ"),
        ('[organs]\nliver = ["lung"]', '"lung" already means an organ (lung)'),
        ('[stations]\nLN_Sclavv = ["xx"]', 'did you mean "LN_Sclav"'),
        ('[targets]\ngross = ["ptv"]', "already begins the name of a planning target"),
        ('[targets]\ngross = ["tv"]', "too short"),
        ('[roles]\nfoo = ["x"]', "roles.foo: unknown key"),
        ('[roles]\ngross = ["A 1"]\nhelper = ["a_1"]', "is also listed as gross"),
        ('[roles]\ngross = ["--"]', "has no letter or number"),
        ("[words", "is not TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_file_is_told(tmp_path: Path, text: str, told: str | None) -> None:
    head = "" if not text or text.startswith("schema") else 'schema = "rtplan/site-names/1"\n'
    file = written(tmp_path, head + text)
    if told is None:
        load_names(file)
        return
    with pytest.raises(ProtocolError, match=r"names\.toml") as error:
        load_names(file)
    assert told in str(error.value)


def test_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="no such file"):
        load_names(tmp_path / "absent.toml")

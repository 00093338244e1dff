"""A site's own names: a TOML file that adds words to the vocabulary, or settles whole names.

It adds, it does not replace: a word that already means something else is an error. What must be
read otherwise at a site is settled by its whole name, under ``[roles]``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rtplan.lesions.model import Organ
from rtplan.lesions.pieces import fold_word, pieces
from rtplan.lesions.vocabulary import Part, Station, Vocabulary, Word, vocabulary
from rtplan.protocol.toml_table import Table, nearest, read_toml

SCHEMA = "rtplan/site-names/1"
WORDS = {
    "primary": "kind.primary",
    "node": "kind.node",
    "metastasis": "kind.metastasis",
    "lesion": "kind.lesion",
    "union": "union",
    "elective": "elective",
    "cavity": "cavity",
    "helper": "helper",
    "matter": "matter",
    "support": "support",
    "marker": "marker",
    "isodose": "isodose",
    "external": "external",
    "left": "laterality.left",
    "right": "laterality.right",
    "regional": "region.regional",
    "extraregional": "region.extraregional",
}
"""Keys of ``[words]``, each with the table of the vocabulary that it adds to."""
TARGETS = ("gross", "internal", "clinical", "planning")
ROLES = (
    *TARGETS, "cavity", "organ", "external", "helper", "support", "isodose", "marker",
)  # fmt: skip
"""Keys of ``[roles]``: what a structure of a name is, whatever else its name or type says."""
_BESIDE = ("laterality.", "region.", "variant.", "union", "elective", "station")
_LEAST = 2  # letters of a word: one alone says too little


def load_names(path: str | Path) -> Vocabulary:
    """The vocabulary that comes with rtplan, with the words of a site's own file.

    Parameters
    ----------
    path : str or Path
        TOML with ``schema = "rtplan/site-names/1"`` and any of ``[targets]``, ``[words]``,
        ``[organs]``, ``[stations]`` and ``[roles]``; each key has a list of words or names.

    Raises
    ------
    ProtocolError
        Not TOML, an unknown key (with the nearest right one), a word that is too short, is listed
        twice or already means something else.
    """
    file = Path(path)
    root = read_toml(file, name=file.name)
    root.choice("schema", (SCHEMA,), required=True)
    book = _copy(vocabulary())
    _add_targets(book, root)
    for table, key, alias, word in _words(book, root):
        _add(book, table, key, alias, word)
    _add_roles(book, root)
    root.done()
    return book


def _copy(book: Vocabulary) -> Vocabulary:
    return replace(
        book,
        whole={text: list(words) for text, words in book.whole.items()},
        begins={text: list(words) for text, words in book.begins.items()},
        ends=list(book.ends),
        within=list(book.within),
        roles=dict(book.roles),
    )


def _add_targets(book: Vocabulary, root: Table) -> None:
    """What a target's name begins with; the longest of all is tried first."""
    table = root.table("targets")
    if table is None:
        return
    known = dict(book.stems)
    for key in TARGETS:
        for alias in table.texts(key):
            text = fold_word(alias)
            if len(text) < (3 if text.isascii() else _LEAST) or text.isdigit():
                table.fail(key, f'"{alias}" is too short to begin a name with; write 3 letters')
            if known.setdefault(text, key) != key:
                table.fail(key, f'"{alias}" already begins the name of a {known[text]} target')
    table.done()
    book.stems = tuple(sorted(known.items(), key=lambda item: (-len(item[0]), item[0])))


def _words(book: Vocabulary, root: Table) -> Iterator[tuple[Table, str, str, Word]]:
    """Every word of the file with what it shall mean."""
    if table := root.table("words"):
        for key, meaning in WORDS.items():
            for alias in table.texts(key):
                yield table, key, alias, Word(meaning, alias)
        table.done()
    if table := root.table("organs"):
        for key in _keys(root, "organs"):
            part = _part(book, table, key)
            for alias in table.texts(key):
                yield table, key, alias, Word("organ", alias, part=part)
    if table := root.table("stations"):
        for key in _keys(root, "stations"):
            station = _station(book, table, key)
            for alias in table.texts(key):
                yield table, key, alias, Word("station", alias, station=station)


def _keys(root: Table, name: str) -> tuple[str, ...]:
    value = root.raw(name)
    return tuple(map(str, value)) if isinstance(value, dict) else ()


def _part(book: Vocabulary, table: Table, key: str) -> Part:
    """The organ of a key: one of the contract's, or any word that is an organ's already."""
    if key in [organ.value for organ in Organ if organ is not Organ.OTHER]:
        if key == Organ.LYMPH_NODE:
            table.fail(key, 'nodes are no organ; write them in [words] as "node"')
        return book.part_of(Organ(key))
    # Not by read_name: it keeps what it read, and the book is still to grow.
    found = next((m.word.part for m in book.find(pieces(key)) if m.word.part), None)
    if found is None:
        near = nearest(key, [organ.value for organ in Organ])
        hint = f'; did you mean "{near}"?' if near else ""
        table.fail(key, f"is no organ that rtplan knows{hint}")
    return found


def _station(book: Vocabulary, table: Table, key: str) -> Station:
    words = [w for found in (*book.whole.values(), *book.begins.values()) for w in found]
    known = {w.station.name: w.station for w in words if w.station is not None}
    known |= {s.name: s for numbers in book.numbered.values() for s in numbers.values()}
    if key not in known:
        near = nearest(key, known)
        hint = f'; did you mean "{near}"?' if near else ""
        table.fail(key, f"is no station that rtplan knows{hint}")
    return known[key]


def _add(book: Vocabulary, table: Table, key: str, alias: str, word: Word) -> None:
    text = fold_word(alias.strip("*"))
    least = _LEAST if text.isascii() else 1
    if "*" in alias.strip("*") or not text:
        table.fail(key, f'"{alias}": write "*" at the beginning or the end of a word only')
    if len(text) < least or text.isdigit():
        table.fail(key, f'"{alias}" is too short; write {least} letters or more')
    for known in _known(book, alias, text):
        if not _agree(known, word):
            table.fail(
                key,
                f'"{alias}" already means {_meaning(known)}; write whole names under [roles] to '
                "settle what a structure is",
            )
    book.add(alias, word)


def _known(book: Vocabulary, alias: str, text: str) -> list[Word]:
    """What a word means already: as it stands, or as a word for tumour that is open at an end."""
    split = pieces(alias.strip("*"))
    found = [m.word for m in book.find(split) if (m.start, m.end) == (0, len(split))]
    tumour = [word for word in found if word.table.startswith("kind.")]
    return [*book.whole.get(text, ()), *book.begins.get(text, ()), *tumour]


def _agree(known: Word, word: Word) -> bool:
    """Whether two meanings can stand side by side, or are the same."""
    same = known.table == word.table and known.part is word.part
    return same or any(w.table.startswith(_BESIDE) for w in (known, word))


def _meaning(word: Word) -> str:
    if word.part is not None:
        return f"an organ ({word.part.words[0]})"
    return word.table.replace(".", ": ")


def _add_roles(book: Vocabulary, root: Table) -> None:
    table = root.table("roles")
    if table is None:
        return
    for role in ROLES:
        for name in table.texts(role):
            text = fold_word(name)
            if not text:
                table.fail(role, f'"{name}" has no letter or number')
            if book.roles.setdefault(text, role) != role:
                table.fail(role, f'"{name}" is also listed as {book.roles[text]}')
    table.done()

"""The saved corpus: broken cases as bytes, each stored as what differs from the valid case.

``python -m tests.fuzz.corpus`` makes ``rows.zip`` anew, up to two mutations of each row.
``python -m tests.fuzz.corpus --add SEED --name NAME`` puts a trial of ``benchmarks/fuzz.py`` that
escaped into ``escapes.zip``.
"""

from __future__ import annotations

import argparse
import json
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from tests.fuzz.base import Files, base_files
from tests.fuzz.mutators import mutate
from tests.fuzz.oracle import Effect
from tests.fuzz.registry import MUTATIONS
from tests.fuzz.trial import Trial, trial

FOLDER = Path(__file__).parent / "corpus"
VALID, ROWS, ESCAPES = FOLDER / "valid.zip", FOLDER / "rows.zip", FOLDER / "escapes.zip"
_ABOUT = "trials.json"
_DATE = (2025, 1, 1, 0, 0, 0)
_SEEDS, _MOST_BYTES, _MOST_OF_ROW = 6, 10_000, 2


@cache
def valid_files() -> Files:
    """The valid case as it was when the corpus was made."""
    with zipfile.ZipFile(VALID) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def kept() -> dict[str, Trial]:
    """Every trial of the corpus by its name."""
    return {name: one for path in (ROWS, ESCAPES) for name, one in _read(path)}


def _read(path: Path) -> Iterator[tuple[str, Trial]]:
    if not path.exists():
        return
    with zipfile.ZipFile(path) as archive:
        own: dict[str, Files] = defaultdict(dict)
        for place in archive.namelist():
            case, _, name = place.partition("/")
            if name:
                own[case][name] = archive.read(place)
        for case, said in json.loads(archive.read(_ABOUT)).items():
            files = own[case] if said["kind"] == "text" else valid_files() | own[case]
            files = {name: data for name, data in files.items() if name not in said["removed"]}
            names, commands = tuple(said["names"]), tuple(said["commands"])
            effect = Effect(said["effect"])
            yield case, Trial(said["kind"], names, effect, files, commands, said["packed"])


def _write(path: Path, trials: Mapping[str, Trial]) -> None:
    """Write an archive anew: always the same bytes for the same trials."""
    about = {}
    with zipfile.ZipFile(path, "w") as archive:
        for case, one in trials.items():
            valid = {} if one.kind == "text" else valid_files()
            about[case] = {
                "kind": one.kind,
                "names": one.names,
                "effect": one.effect.value,
                "commands": one.commands,
                "packed": one.packed,
                "removed": sorted(set(valid) - set(one.files)),
            }
            for name, content in _changed(one).items():
                _store(archive, f"{case}/{name}", content)
        _store(archive, _ABOUT, json.dumps(about, indent=1).encode())


def _store(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content, compresslevel=9)


def make_rows() -> int:
    """Write the valid case and the first small trials of each row; the number of trials."""
    FOLDER.mkdir(exist_ok=True)
    with zipfile.ZipFile(VALID, "w") as archive:
        for name, content in base_files().items():
            _store(archive, name, content)
    valid_files.cache_clear()
    trials: dict[str, Trial] = {}
    met: Counter[str] = Counter()
    for name in sorted(MUTATIONS):
        if met[row_of(name)] == _MOST_OF_ROW:
            continue
        for seed in range(_SEEDS):
            one = _row(name, seed)
            if len(zlib.compress(b"".join(_changed(one).values()))) < _MOST_BYTES:
                trials[f"{name}-{seed}"] = one
                met[row_of(name)] += 1
                break
    _write(ROWS, trials)
    return len(trials)


def row_of(mutation: str) -> str:
    """The row of the table of pitfalls that a mutation stands for."""
    return mutation.partition("-")[0]


def _row(name: str, seed: int) -> Trial:
    """One mutation alone, judged by the report."""
    one = mutate(seed, [name])
    return Trial("structures", one.names, one.effect, one.files, ("check",), one.packed)


def _changed(one: Trial) -> Files:
    """The files that the valid case has not."""
    valid = {} if one.kind == "text" else valid_files()
    return {name: data for name, data in one.files.items() if valid.get(name) != data}


def main() -> None:
    """Make the rows, or add one escape."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--add", type=int, metavar="SEED")
    parser.add_argument("--name", help="what was wrong, in words with hyphens")
    args = parser.parse_args()
    if args.add is not None:
        own = {args.name or f"seed-{args.add}": trial(args.add)}
        _write(ESCAPES, dict(_read(ESCAPES)) | own)
    else:
        print(f"{make_rows()} trials")
    for path in (VALID, ROWS, ESCAPES):
        if path.exists():
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

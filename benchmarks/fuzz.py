"""Fuzzing for as long as asked: broken cases, damaged bytes and damaged text files.

``python benchmarks/fuzz.py --minutes 10 --seed 1`` runs trials 1, 2, 3, ... in a process of its own
within limits of memory and time, prints what was run, and saves each new kind of escape. The same
seed gives the same trial; ``--only SEED`` runs it alone with its tracebacks. Exit code 1 if
anything escaped.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.fuzz.base import base_files  # noqa: E402
from tests.fuzz.oracle import Escape, report_of, write_case  # noqa: E402
from tests.fuzz.registry import MUTATIONS  # noqa: E402
from tests.fuzz.trial import Trial, judge, smaller, trial  # noqa: E402

MEMORY_BYTES = 4 << 30
"""Address space of the process that runs the trials."""
STUCK_SECONDS = 120.0
"""A trial that takes longer has hung where no signal reaches it."""
_DEATH = Escape("death", "process", "died, or hung in compiled code")
Signature = tuple[str, str, str]


@dataclass(slots=True)
class Tally:
    """What has been run, and what escaped."""

    trials: Counter[str] = field(default_factory=Counter)
    mutations: Counter[str] = field(default_factory=Counter)
    commands: int = 0
    escapes: dict[Signature, tuple[int, Escape]] = field(default_factory=dict)
    repeats: Counter[Signature] = field(default_factory=Counter)

    def add(self, seed: int, one: Trial, found: list[Escape]) -> list[Escape]:
        """Count a trial; those of its escapes that are new."""
        self.trials[one.kind] += 1
        self.mutations.update(one.names if one.kind == "structures" else ())
        self.commands += len(one.commands)
        new = []
        for escape in found:
            self.repeats[escape.signature] += 1
            if escape.signature not in self.escapes:
                self.escapes[escape.signature] = (seed, escape)
                new.append(escape)
        return new


def work_off(channel: Connection, first: int, minutes: float) -> None:
    """In the child: one trial after another, each announced before it begins."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    ends = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory(dir=_memory_folder()) as folder:
        work = Path(folder)
        base = report_of(write_case(work / "sound", base_files()), work / "work")
        seed = first
        while time.monotonic() < ends:
            channel.send((seed, None))
            channel.send((seed, judge(trial(seed), work, base)))
            seed += 1
    channel.send((seed, "done"))


def _memory_folder() -> str | None:
    """Where files cost no disk, if the system has it."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def fuzz(first: int, minutes: float, saved: Path) -> Tally:
    """Run trials for some minutes; a child that dies or hangs is an escape, and is replaced."""
    tally = Tally()
    ends = time.monotonic() + 60 * minutes
    while time.monotonic() < ends:
        here, there = multiprocessing.get_context("spawn").Pipe()
        left = (ends - time.monotonic()) / 60
        child = multiprocessing.get_context("spawn").Process(
            target=work_off, args=(there, first, left), daemon=True
        )
        child.start()
        there.close()
        first = _listen(here, tally, saved, first)
        child.kill()
        child.join()
    return tally


def _listen(channel: Connection, tally: Tally, saved: Path, first: int) -> int:
    """Take in what a child tells; the seed to go on with once it is silent."""
    seed = first
    while True:
        try:
            if not channel.poll(STUCK_SECONDS):
                raise EOFError
            seed, found = channel.recv()
        except EOFError:
            _note(tally, saved, seed, [_DEATH])
            return seed + 1
        if found == "done":
            return int(seed)
        if found is not None:
            _note(tally, saved, seed, found)


def _note(tally: Tally, saved: Path, seed: int, found: list[Escape]) -> None:
    one = trial(seed)
    for escape in tally.add(seed, one, found):
        print(f"seed {seed} ({one.kind}: {', '.join(one.names)}): {escape}", flush=True)
        _save(saved, seed, one, escape)


def _save(saved: Path, seed: int, one: Trial, escape: Escape) -> None:
    """Keep the files of a trial and what escaped, for a look by eye and for the corpus."""
    folder = saved / f"{seed:08}-{escape.kind.replace(' ', '-')}"
    write_case(folder, one.files)
    text = f"{escape}\n\nmutations: {', '.join(one.names)}\n{escape.trace}"
    (folder / "ESCAPE.txt").write_text(text, encoding="utf-8")


def reduced(seed: int, work: Path) -> Trial:
    """The trial with as few of its mutations as still escape in the same way."""
    one = trial(seed)
    wanted = {escape.signature for escape in judge(one, work)}
    if one.kind != "structures" or not wanted:
        return one
    for name in one.names:
        rest = [other for other in one.names if other != name]
        if rest:
            less = smaller(one, rest, seed)
            if wanted & {escape.signature for escape in judge(less, work)}:
                one = less
    return one


def show(seed: int) -> int:
    """One trial with the tracebacks of what escapes; 1 if anything does."""
    with tempfile.TemporaryDirectory(dir=_memory_folder()) as folder:
        work = Path(folder)
        base = report_of(write_case(work / "sound", base_files()), work / "work")
        one = trial(seed)
        found = judge(one, work, base)
        print(f"{one.kind}: {', '.join(one.names)} ({one.effect}); {', '.join(one.commands)}")
        for escape in found:
            print(f"\n{escape}\n{escape.trace}")
        if found:
            print(f"with fewer mutations: {', '.join(reduced(seed, work).names)}")
    return int(bool(found))


def print_tally(tally: Tally, first: int) -> None:
    """What was run, and every kind of escape with the seed that shows it."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(tally.trials.items()))
    unused = len(MUTATIONS) - len(tally.mutations)
    print(f"\ntrials {sum(tally.trials.values())} from seed {first} on ({kinds})")
    print(f"commands run: {tally.commands}")
    print(f"mutations: {len(tally.mutations)} of {len(MUTATIONS)} used, {unused} not")
    print(f"escapes: {sum(tally.repeats.values())} of {len(tally.escapes)} kinds")
    for signature, (seed, escape) in tally.escapes.items():
        print(f"  {tally.repeats[signature]} times, such as seed {seed}: {escape}")


def main() -> int:
    """Run, print, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1, help="of the first trial")
    parser.add_argument("--only", type=int, metavar="SEED", help="one trial, with its tracebacks")
    parser.add_argument("--save", type=Path, default=ROOT / "build" / "fuzz", metavar="FOLDER")
    args = parser.parse_args()
    if args.only is not None:
        return show(args.only)
    tally = fuzz(args.seed, args.minutes, args.save)
    print_tally(tally, args.seed)
    return int(bool(tally.escapes))


if __name__ == "__main__":
    sys.exit(main())

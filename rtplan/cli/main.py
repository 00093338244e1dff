"""The ``rtplan`` command: parses, calls one command, turns errors into messages and exit codes."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Protocol

from rtplan import __version__

EXIT_DONE = 0
EXIT_VIOLATED = 1
EXIT_UNUSABLE = 2
EXIT_NOT_EVALUATED = 3
EXIT_FAULT = 70

COMMANDS = {
    "demo": "a synthetic patient, checked from end to end; no patient data needed",
    "doctor": "what is in a folder, how it links, what is wrong with it",
    "lesions": "count the lesions of a structure set, and say why each counts",
    "eligibility": "check a count against published definitions of oligometastatic disease",
    "dvh": "dose-volume histograms and metrics",
    "check": "the whole path: lesions, definitions, DVHs, dose limits, report",
    "protocols": "list, show or validate definitions and dose limits",
    "phantom": "write synthetic DICOM-RT with known truth",
}

EPILOG = """examples:
  rtplan demo
  rtplan check FOLDER --facts facts.toml --out report
  rtplan dvh FOLDER --roi Heart --metric 'D0.035cc[Gy]' --metric 'Mean[Gy]'

exit codes: 0 done; 1 a limit is violated or a definition not met; 2 unusable input;
3 something asked could not be evaluated; 70 a fault of rtplan itself.

rtplan supports decisions of qualified clinicians. It is not a medical device."""


class Command(Protocol):
    """What the module of a command offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; returns the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the program's name; those of the process if not given.

    Returns
    -------
    int
        The exit code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser(arguments[0] if arguments else None)
    args = parser.parse_args(arguments)
    if args.command is None:
        parser.print_help()
        return EXIT_UNUSABLE
    return _guarded(args)


def build_parser(command: str | None) -> argparse.ArgumentParser:
    """The parser; only the named command's module is imported."""
    parser = argparse.ArgumentParser(
        prog="rtplan",
        description="Radiotherapy planning support for patients with few metastases.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rtplan {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, text in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.add_argument("--version", action="version", version=f"rtplan {__version__}")
        if name == command:
            module: Command = importlib.import_module(f"rtplan.cli.{name}")
            module.configure(sub)
            sub.set_defaults(run=module.run)
    return parser


def _guarded(args: argparse.Namespace) -> int:
    """Run the command; the one place where errors become messages."""
    from rtplan.errors import RtplanError

    try:
        return int(args.run(args))
    except RtplanError as error:
        print(f"rtplan {args.command}: {_shown(error)}", file=sys.stderr)
        return EXIT_UNUSABLE
    except KeyboardInterrupt:
        print(f"rtplan {args.command}: stopped", file=sys.stderr)
        return EXIT_UNUSABLE
    except BrokenPipeError:
        # The reader of our output (head, a pager) has gone; nothing is left to say.
        sys.stderr.close()
        return EXIT_UNUSABLE
    except Exception as error:  # noqa: BLE001 - the edge: a fault is a message, not a traceback
        print(f"rtplan {args.command}: {_fault(error)}", file=sys.stderr)
        return EXIT_FAULT


def _shown(error: Exception) -> str:
    """The text of an error, which may quote a file: what would not be seen is made visible."""
    from rtplan.report.text import visible

    return "\n".join(visible(line) for line in str(error).split("\n"))


def _fault(error: Exception) -> str:
    """A fault of ours: its kind and place; not its text, which may hold data of the patient."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "rtplan" in frame.filename] or list(frames)
    where = f"{ours[-1].name}, line {ours[-1].lineno}" if ours else "unknown place"
    return (
        f"a fault of rtplan itself ({type(error).__name__} in {where}). "
        "No result is to be trusted; please report it with this line."
    )


if __name__ == "__main__":
    sys.exit(main())

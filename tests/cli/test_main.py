"""The program as a whole: help, versions, errors as messages, nothing heavy before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rtplan import __version__
from rtplan.cli import main as program
from rtplan.cli.main import COMMANDS, main


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from rtplan.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'pydicom', 'scipy', 'matplotlib', 'SimpleITK', 'shapely', 'rich'}\n"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "exit codes" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_and_a_version(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"rtplan {command}" in capsys.readouterr().out.split("example", 1)[1]
    with pytest.raises(SystemExit):
        main([command, "--version"])
    assert capsys.readouterr().out == f"rtplan {__version__}\n"


def test_no_command_is_2_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: rtplan" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["doctor", "lesions", "dvh", "check"])
def test_missing_folder_is_2_and_says_what_to_do(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, str(tmp_path / "nowhere")]) == 2
    assert f"rtplan {command}:" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main([command, str(tmp_path / "empty")]) == 2
    (tmp_path / "empty" / "note.txt").write_text("no DICOM here", encoding="utf-8")
    assert main([command, str(tmp_path / "empty")]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_error_shows_what_a_file_hides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hidden = tmp_path / "facts.toml"
    hidden.write_text('[primary]\nsite = "lu\\u001b[2Jng\\u202e"\n', encoding="utf-8")
    lesions = tmp_path / "lesions.json"
    lesions.write_text('{"schema": "rtplan/lesions/1", "lesions": []}', encoding="utf-8")
    files = ["--lesions", str(lesions), "--facts", str(hidden)]
    assert main(["eligibility", "--definition", "core", *files]) == 2
    message = capsys.readouterr().err
    assert "lu⟨U+001B⟩[2Jng⟨U+202E⟩" in message
    assert message.count("\n") == 1
    assert not set(message) & {"\x1b", "\u202e"}


def test_fault_of_ours_is_70_without_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rtplan.cli import doctor

    def broken(args: object) -> int:
        raise KeyError("ZZPHI^SENTINEL")

    monkeypatch.setattr(doctor, "run", broken)
    assert main(["doctor", "anything"]) == program.EXIT_FAULT
    message = capsys.readouterr().err
    assert "a fault of rtplan itself (KeyError in" in message
    assert "SENTINEL" not in message

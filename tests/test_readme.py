"""The README's quick start is what it says: two blocks, one command line each."""

from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_quick_start_has_exactly_two_command_lines() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = text.split("```")[1::2]
    assert len(blocks) == 2
    for block, ending in zip(blocks, ("rtplan demo", "pytest -q"), strict=True):
        lines = [line for line in block.splitlines() if line.strip()]
        assert len(lines) == 1
        assert lines[0].endswith(ending)
        assert "git clone" not in lines[0]


def test_every_file_the_readme_names_exists() -> None:
    import re

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / target).exists(), target

"""The examples of docs/protocols.md are valid files."""

from __future__ import annotations

import re
from pathlib import Path

from rtplan.protocol.load import load

PAGE = Path(__file__).parents[2] / "docs" / "protocols.md"


def test_examples_of_the_page_load(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    ids = []
    for number, text in enumerate(examples):
        file = tmp_path / f"example{number}.toml"
        file.write_text(text, encoding="utf-8")
        ids.append(load(str(file)).id)
    assert ids == ["my-definition", "my-limits", "my-prescriptions", "our-limits"]

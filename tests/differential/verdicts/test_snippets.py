"""Small configs, each with one thing to judge: `kamailio -c` and kamscript give the same verdict on the same line.

The configs stand in cases/*.txt, a line `===== name` in front of each.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .judge import blocks, kamailio, kamscript

CASES = Path(__file__).with_name("cases")
SNIPPETS = [
    pytest.param(text, id=f"{path.stem}: {name}") for path in sorted(CASES.glob("*.txt")) for name, text in blocks(path)
]


@pytest.mark.kamailio
@pytest.mark.parametrize("text", SNIPPETS)
def test_same_verdict(text: str, tmp_path: Path) -> None:
    path = tmp_path / "kamailio.cfg"
    path.write_bytes(text.encode("latin-1"))
    real, ours = kamailio(path), kamscript(path)
    assert ours.agrees(real), f"kamailio: {real}\nkamscript: {ours}"

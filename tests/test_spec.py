"""Every section of the dialog module's specification has its tests, and docs/dialog.md tells which."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import whole
from .spec import SECTIONS, Proof, proofs, table

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def found(request: pytest.FixtureRequest) -> list[Proof]:
    return proofs(request.session.items)


@pytest.fixture(autouse=True)
def whole_run_only(request: pytest.FixtureRequest) -> None:
    if not whole(request.config):
        pytest.skip("only a run of all tests can tell")


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_has_a_test_that_runs_everywhere(section: str, found: list[Proof]) -> None:
    assert any(section in proof.sections and proof.offline for proof in found)


def test_the_marks_name_sections_that_exist(found: list[Proof]) -> None:
    unknown = {f"{proof.node}: {section}" for proof in found for section in proof.sections if section not in SECTIONS}
    assert not unknown


def test_the_document_is_current(found: list[Proof]) -> None:
    assert (ROOT / "docs" / "dialog.md").read_text("utf-8") == table(found), "python -m tests.spec > docs/dialog.md"

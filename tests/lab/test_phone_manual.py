"""Every test in the manual's chapters on phones and links passes, and the names that their tables show exist."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from kamscript.lab import Lab
from kamscript.lab.dialogs import Call
from kamscript.lab.phone import Phone
from kamscript.lab.transports import WebSocketPhone

from .test_plugin import _loaded, project, run
from .test_plugin_manual import MANUAL, blocks

__all__ = ["_loaded", "project"]

pytest_plugins = ["pytester"]

CHAPTERS = ("Phones", "Faulty networks, NAT and transports")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_tests_of_the_manual_pass(project: pytest.Pytester, chapter: str) -> None:
    shutil.copy(Path(__file__).parent / "phones.cfg", project.path / "kamailio.cfg")
    found = blocks(chapter, "python")
    run(project, "\n".join(found), passed=len(found))


def test_the_failure_is_what_the_manual_shows() -> None:
    lab = Lab(Path(__file__).parent / "phones.cfg")
    alice, bob = lab.phone("alice"), lab.phone("bob")
    bob.register()
    bob.rejects(486)
    with pytest.raises(AssertionError) as caught:
        alice.call(bob).expect(180)
    assert str(caught.value).startswith(blocks("Phones", "text")[0])


def test_the_tables_show_what_there_is() -> None:
    text = MANUAL.partition("\n## Phones\n")[2].partition("\n## What the server")[0]
    shown = {name for row in re.findall(r"^\| (.*?) \|", text, re.M) for name in re.findall(r"`@?(\w+)\(", row)}
    known = set(dir(Phone)) | set(dir(Call)) | set(dir(WebSocketPhone)) | set(dir(Lab))
    assert shown and sorted(shown - known) == []

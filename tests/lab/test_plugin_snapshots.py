"""Snapshots in pytest: written on demand, compared, explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from .test_plugin import _loaded, project, run

__all__ = ["_loaded", "project"]

pytest_plugins = ["pytester"]

TEST = """
    def test_it(lab, snapshot):
        sip = lab("kamailio.cfg")
        sip.phone("alice").call("bob")
        assert sip.messages == snapshot("refusal")
        assert sip.snapshot(log=True) == snapshot()
        assert sip.messages[0] == snapshot()
    """


def kept(project: pytest.Pytester) -> list[str]:
    folder = project.path / "snapshots" / "test_it"
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def test_a_missing_snapshot_fails_and_says_how_to_write_it(project: pytest.Pytester) -> None:
    text = run(project, TEST, failed=1)
    assert "there is no snapshot " in text
    assert "snapshots/test_it/refusal.txt yet: pytest --kam-update writes it, look at it and keep it" in text
    assert "snapshot refusal ---" not in text
    assert kept(project) == []


def test_update_writes_and_names_what_it_wrote(project: pytest.Pytester) -> None:
    text = run(project, TEST, "--kam-update")
    assert kept(project) == ["refusal.txt", "test_it-2.txt", "test_it-3.txt"]
    assert "snapshot written: " in text and "refusal.txt" in text
    assert "snapshot written: " not in run(project, TEST, "--kam-update")
    run(project, TEST)


def test_another_answer_differs(project: pytest.Pytester) -> None:
    run(project, TEST, "--kam-update")
    text = run(project, TEST, "--kam-define=CODE", failed=1)
    assert "refusal.txt: see the difference below; if it is meant, pytest --kam-update" in text
    assert "- snapshot refusal -" in text
    assert "\n-SIP/2.0 404 Nobody\n+SIP/2.0 500 Nobody\n" in text


def test_a_snapshot_is_a_text_that_people_read(project: pytest.Pytester) -> None:
    run(project, TEST, "--kam-update")
    text = (Path(project.path) / "snapshots" / "test_it" / "test_it-2.txt").read_text("utf-8")
    assert text == (
        "--- 0.000 kamailio > alice\n"
        "SIP/2.0 404 Nobody\n"
        "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-alice-2\n"
        "From: <sip:alice@127.0.0.1>;tag=alice1\n"
        "To: <sip:bob@127.0.0.1>;tag={tag 1}\n"
        "Call-ID: 1-alice@10.0.0.1\n"
        "CSeq: 1 INVITE\n"
        "Server: {kamailio}\n"
        "Content-Length: 0\n"
        "\n"
        "--- log\n"
        "ERROR: <script>: asked by alice\n"
    )

"""Places, diagnostics and code frames."""

from __future__ import annotations

import pytest

from kamscript.source import ConfigError, Diagnostic, FileReader, MemoryReader, Source, Span, did_you_mean

TEXT = "route {\n\tt_rely();\n}\n"


def test_place_is_line_and_column_from_one() -> None:
    source = Source("k.cfg", TEXT)
    assert source.place(0) == (1, 1)
    assert source.place(TEXT.index("t_rely")) == (2, 2)


def test_line_leaves_out_the_line_end() -> None:
    assert Source("k.cfg", "a\r\nb").line(1) == "a"
    assert Source("k.cfg", "a\nb").line(3) == ""


def test_a_diagnostic_shows_the_line_and_a_caret() -> None:
    source = Source("k.cfg", TEXT)
    at = TEXT.index("t_rely")
    span = Span(source, at, at + 6)
    found = Diagnostic("unknown-function", "unknown function t_rely", span, hint="did you mean t_relay?")
    assert found.render() == (
        "k.cfg:2:2: error: unknown function t_rely [unknown-function]\n"
        "   2 | \tt_rely();\n"
        "     | \t^^^^^^\n"
        "     = hint: did you mean t_relay?"
    )


def test_a_long_line_is_cut_around_the_caret() -> None:
    source = Source("k.cfg", "x" * 5000)
    shown = Diagnostic("r", "m", Span(source, 4000, 4003)).render().splitlines()
    assert all(len(line) < 140 for line in shown)
    assert shown[2].rstrip().endswith("^^^")


def test_what_cannot_be_printed_is_shown_as_a_question_mark() -> None:
    assert "?x" in Diagnostic("r", "m", Span(Source("k", "\0x"), 1, 2)).render()


def test_a_config_error_prints_all_of_its_diagnostics() -> None:
    source = Source("k.cfg", TEXT)
    error = ConfigError([Diagnostic("a", "first", Span(source, 0, 5)), Diagnostic("b", "second", Span(source, 8, 9))])
    assert str(error).count("k.cfg:") == 2


def test_two_spans_join() -> None:
    source = Source("k.cfg", TEXT)
    assert Span(source, 0, 2).to(Span(source, 6, 7)).text == "route {"


def test_readers_raise_os_errors(tmp_path: pytest.TempPathFactory) -> None:
    with pytest.raises(FileNotFoundError):
        MemoryReader().read("/x")
    with pytest.raises(IsADirectoryError):
        FileReader().read(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        FileReader().read("a\0b")


def test_a_near_name_is_offered() -> None:
    assert did_you_mean("t_rely", ["t_relay", "exit"]) == "did you mean t_relay?"
    assert did_you_mean("qqq", ["t_relay"]) == ""

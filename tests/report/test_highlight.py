"""The words of a config."""

from hypothesis import given
from hypothesis import strategies as st

from kamscript.report.highlight import config_lines


def kinds(text: str) -> list[list[tuple[str, str]]]:
    return [[token for token in line if token[0] != "ws"] for line in config_lines(text)]


def test_kinds() -> None:
    assert kinds('if ($rU == "a") return 1; # why\n#!ifdef X') == [
        [("key", "if"), ("op", "("), ("nam", "$rU"), ("op", "="), ("op", "="), ("str", '"a"'), ("op", ")"),
         ("key", "return"), ("num", "1"), ("op", ";"), ("com", "# why")],
        [("key", "#!ifdef"), ("txt", "X")],
    ]  # fmt: skip


def test_comments_and_texts_go_on_over_lines() -> None:
    assert kinds('/* a\nb */ x "c\nd" y') == [
        [("com", "/* a")],
        [("com", "b */"), ("txt", "x"), ("str", '"c')],
        [("str", 'd"'), ("txt", "y")],
    ]


@given(st.text(alphabet=st.sampled_from("ab1 $(\"){}'/*#!\n\\\t;ü\x0c"), max_size=60))
def test_joined_the_words_are_the_text(text: str) -> None:
    assert "\n".join("".join(word for _, word in line) for line in config_lines(text)) == text

"""Scanning: tokens, defines, conditions, substitutions, includes, and where tokens say they are."""

from __future__ import annotations

import pytest

from kamscript.script.keywords import Target
from kamscript.script.preprocess import Scanned, scan
from kamscript.source import MemoryReader, Source


def scanned(text: str, files: dict[str, str] | None = None, target: Target = "5.6", **env: str) -> Scanned:
    return scan(Source("/etc/k.cfg", text), MemoryReader(files, env), None, target)


def raws(text: str, **files: str) -> list[str]:
    return [
        token.raw for token in scanned(text, {f"/etc/{name}.cfg": body for name, body in files.items()}).tokens[:-1]
    ]


def values(text: str) -> list[str | int]:
    return [token.value for token in scanned(text).tokens[:-1]]


def rules(text: str, **files: str) -> list[str]:
    return [d.rule for d in scanned(text, {f"/etc/{n}.cfg": body for n, body in files.items()}).diagnostics]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ("0x1F", 31),
        ("017", 15),
        ("101b", 5),
        ("yes", 1),
        ("off", 0),
        ("inet6", 10),
        ("4294967295", -1),
        ("2147483648", -2147483648),
    ],
)
def test_numbers(text: str, value: int) -> None:
    assert values(text) == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\n\t\\\"b"', 'a\n\t\\"b'),
        (r'"\x41\101"', "AA"),
        (r'"\d\."', r"\d\."),
        ('"a\\\nb"', "ab"),
        ('"a" "b"\n "c"', "abc"),
        (r"'a\n'", r"a\n"),
        ('"a\\0b"', "a\\0b"),
        ('"a\\000b"', "a"),
    ],
)
def test_texts(text: str, value: str) -> None:
    assert values(text) == [value]


def test_a_variable_is_one_token_up_to_its_closing_parenthesis() -> None:
    assert raws("$(avp($var(x)){s.len}) $ru $? $rc") == ["$(avp($var(x)){s.len})", "$ru", "$?", "$rc"]


def test_a_variable_that_begins_with_rc_is_cut_there() -> None:
    assert raws("$rcx") == ["$rc", "x"]


def test_comments_nest_and_skip_everything() -> None:
    assert raws('a /* " /* b */ \' */ c // d " \n e # f "\n g') == ["a", "c", "e", "g"]


def test_characters_without_meaning_are_ignored_with_a_warning() -> None:
    assert raws("a ? b") == ["a", "b"]
    assert rules("a ? b") == ["stray-character"]


def test_a_define_is_replaced_and_scanned_again() -> None:
    assert raws("#!define A 1 + B\n#!define B 2\nx A y") == ["x", "1", "+", "2", "y"]


def test_a_define_goes_on_behind_an_escaped_line_end() -> None:
    assert raws("#!define A 1 + \\\n 2\nA") == ["1", "+", "2"]


def test_a_token_of_a_define_points_at_the_name() -> None:
    token = scanned("#!define A 1 + 2\n\n  A").tokens[1]
    assert (token.raw, token.line, token.column, token.text) == ("+", 3, 3, "A")


def test_positions_behind_a_define_are_right() -> None:
    token = scanned("#!define A (1 + 2)\nA   b").tokens[-2]
    assert (token.raw, token.line, token.column) == ("b", 2, 5)


def test_a_define_that_contains_itself_ends() -> None:
    assert "endless-define" in rules("#!define A A A\nA")


def test_redefinition() -> None:
    assert rules("#!define A\n#!define A") == ["redefined"]
    assert raws("#!define A 1\n#!trydef A 2\nA") == ["1"]
    assert raws("#!define A 1\n#!redef A 2\nA") == ["2"]


def test_a_skipped_part_may_be_anything() -> None:
    assert raws("#!ifdef X\n\" ' /* SELECT ( \n#!define A\n#!else\nb\n#!endif\nc") == ["b", "c"]


def test_conditions_nest() -> None:
    assert raws("#!define A\n#!ifdef A\n#!ifndef A\nx\n#!else\ny\n#!endif\n#!endif\n") == ["y"]


def test_conditions_must_be_balanced() -> None:
    assert rules("#!ifdef A\n") == ["unbalanced-ifdef"]
    assert rules("#!endif\n") == ["unbalanced-ifdef"]


def test_a_condition_may_span_files() -> None:
    assert raws('#!include_file "a.cfg"\nx\n#!endif\ny', a="#!ifdef NOPE\n") == ["y"]


def test_the_command_line_defines() -> None:
    tokens = scan(Source("k", "#!ifdef A\nA\n#!endif\n"), None, {"A": "5"}, "5.6").tokens
    assert [token.value for token in tokens[:-1]] == [5]


def test_a_loaded_module_is_defined() -> None:
    assert raws('loadmodule "tm.so"\n#!ifdef MOD_tm\nx\n#!endif')[-1] == "x"


def test_substitutions_change_texts_variables_and_file_names() -> None:
    text = '#!subst "/foo/bar/g"\n; "foo foo" $var(foo) \'foo\''
    assert values(text)[3:] == ["bar bar", "$var(bar)", "bar"]


def test_a_substitution_without_g_replaces_once() -> None:
    assert values('#!subst "/o/0/";"foo"')[3:] == ["f0o"]


def test_a_substitution_with_groups() -> None:
    assert values("#!subst '/(a)(b*)/<\\2\\1>/' \"xabbz\"")[2:] == ["x<bba>z"]


def test_the_text_of_a_directive_joins_with_the_next() -> None:
    assert values('#!subst "/foo/" "bar/"; "foo"')[3:] == ["bar"]


def test_substdef_defines_too() -> None:
    assert values('#!substdef "!N!42!g"\nN "N"')[2:] == [42, "42"]
    assert values('#!substdefs "!N!42!g"\n; N; "N"')[3:] == ["42", ";", "42"]


def test_environment() -> None:
    found = scanned("#!defenv A\n#!defenvs B=A\n#!trydefenv NOPE\nA B", A="7")
    assert [token.value for token in found.tokens[:-1]] == [7, "7"]
    assert found.environment == {"A": "7", "NOPE": None}
    assert [d.rule for d in scanned("#!defenv NOPE\n").diagnostics] == ["no-environment"]


def test_an_include_keeps_its_own_lines() -> None:
    found = scanned('a\n#!include_file "b.cfg"\nc', {"/etc/b.cfg": "\n\nx"})
    assert [(t.raw, t.path, t.line) for t in found.tokens[:-1]] == [
        ("a", "/etc/k.cfg", 1),
        ("x", "/etc/b.cfg", 3),
        ("c", "/etc/k.cfg", 3),
    ]


def test_an_import_may_be_missing_and_is_remembered() -> None:
    found = scanned('import_file "no.cfg"\nx')
    assert [t.raw for t in found.tokens[:-1]] == ["x"]
    assert found.missing == ["no.cfg", "/etc/no.cfg"]


def test_an_include_must_exist() -> None:
    assert rules('include_file "no.cfg"\nx') == ["no-file"]


def test_an_include_loop_ends() -> None:
    found = scanned('#!include_file "/etc/k.cfg"\n', {"/etc/k.cfg": '#!include_file "/etc/k.cfg"\n'})
    assert [d.rule for d in found.diagnostics] == ["include-depth"]
    assert found.diagnostics[0].hint == "/etc/k.cfg includes itself"


def test_ifexp_belongs_to_6x() -> None:
    text = "#!define N 5\n#!ifexp N > 4 && NOPE == 0\nx\n#!else\ny\n#!endif\n"
    assert [t.raw for t in scanned(text, target="6.x").tokens[:-1]] == ["x"]
    assert [t.raw for t in scanned(text, target="all").tokens[:-1]] == ["x"]
    assert "unbalanced-ifdef" in rules(text)


def test_defexp_and_undef_belong_to_6x() -> None:
    text = "#!defexp N 2 * (3 + 4)\n#!defexps S 1 + 1\nN S\n#!undef N\n#!ifdef N\nx\n#!endif\n"
    assert [t.value for t in scanned(text, target="6.x").tokens[:-1]] == [14, "2"]


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("1", True),
        ("0", False),
        ("1 + 2 * 3 == 7", True),
        ("'a' == 'b' || 2 ** 3 >= 8", True),
        ("!(1 && 0)", True),
        ("-1 < 0", True),
        ("KAMAILIO_VERSION >= 6000000", True),
        ("10 % 4 == 2 && 1 << 3 == 8 && (6 & 3) == 2", True),
    ],
)
def test_expressions_of_6x(expression: str, holds: bool) -> None:
    found = scanned(f"#!ifexp {expression}\nx\n#!endif\n", target="6.x")
    assert bool(found.tokens[:-1]) is holds


def test_a_6x_word_stays_a_name_where_no_setting_is() -> None:
    from kamscript.script.keywords import KIND

    kinds = [t.kind for t in scanned("route(domain) domain = x", target="all").tokens]
    assert kinds[2] == KIND["ID"]
    assert kinds[4] == KIND["ALIAS"]

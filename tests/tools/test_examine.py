"""What a check finds: every stage's errors at once, each at its own place, and one mistake only once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kamscript.files import FileReader
from kamscript.module import Module, Param
from kamscript.source import MemoryReader
from kamscript.tools.examine import examine
from kamscript.tools.findings import Finding

HEAD = 'loadmodule "pv.so"\nloadmodule "xlog.so"\nloadmodule "tm.so"\nloadmodule "textops.so"\n'


def found(text: str, target: str = "all", **files: str) -> list[Finding]:
    return examine("kamailio.cfg", MemoryReader({"kamailio.cfg": text, **files}), target=target)


def rules(text: str) -> list[str]:
    return [finding.rule for finding in found(text)]


def test_a_clean_config() -> None:
    assert found(HEAD + 'request_route { xlog("L_INFO", "$ru\\n"); exit; }\n') == []


def test_errors_of_all_stages_at_once() -> None:
    text = (
        HEAD
        + 'modparam("tm", "fr_timr", 5)\n'  # names
        + 'modparam("pv", "shvset", "a")\n'  # the module's own check
        + "request_route {\n"
        + "    t_rely();\n"  # names
        + "}\n"
        + "route[A] {\n"
        + '    if ($rU =~ "a(") exit;\n'  # fix-up
        + '    xlog("L_FOO", "x");\n'  # fix-up
        + "    exit\n"  # grammar
        + "}\n"
        + 'route[B] { search("["); }\n'  # fix-up, in a route without other errors
    )
    assert [(finding.line, finding.rule) for finding in found(text) if finding.severity == "error"] == [
        (5, "unknown-parameter"),
        (6, "parameter-value"),
        (8, "unknown-function"),
        (11, "bad-regex"),
        (12, "fix-up"),
        (14, "syntax"),
        (15, "bad-regex"),
    ]


def test_the_caret_is_at_the_argument() -> None:
    assert found(HEAD + 'request_route {\n    xlog("L_INFO", "$nope(x)\\n");\n}\n')[0].render() == (
        "kamailio.cfg:6:20: error: there is no variable $nope [unknown-variable]\n"
        '   6 |     xlog("L_INFO", "$nope(x)\\n");\n'
        "     |                    ^^^^^^^^^^^^"
    )


def test_the_caret_is_at_the_value_of_a_parameter() -> None:
    (finding,) = found('loadmodule "pv.so"\nmodparam("pv", "shvset", "a")\nrequest_route { exit; }\n')
    assert (finding.line, finding.column, finding.text) == (2, 26, 'modparam("pv", "shvset", "a")')


def test_the_same_mistake_at_two_places() -> None:
    text = HEAD + 'request_route {\n    search("[");\n    search("[");\n}\n'
    assert [(finding.line, finding.rule) for finding in found(text)] == [(6, "bad-regex"), (7, "bad-regex")]


def test_a_missing_module_does_not_make_others_fail() -> None:
    assert rules('loadmodule "tmm.so"\nloadmodule "registrar.so"\nrequest_route { exit; }\n') == ["no-module"]


def test_a_module_that_lacks_another() -> None:
    (finding,) = found('loadmodule "pv.so"\nloadmodule "registrar.so"\nrequest_route { exit; }\n')
    assert (finding.rule, finding.line) == ("module-start", 2)


def test_an_included_file_is_named() -> None:
    text = 'loadmodule "pv.so"\ninclude_file "part.cfg"\n'
    (finding,) = found(text, **{"part.cfg": "request_route {\n    $ci = 1;\n}\n"})
    assert (finding.path, finding.line, finding.rule) == ("part.cfg", 2, "read-only")


def test_hints_name_the_module_or_the_near_word() -> None:
    (variable,) = found('loadmodule "xlog.so"\nrequest_route { xlog("$T_reply_code\\n"); }\n')
    assert (variable.rule, variable.hint) == ("unknown-variable", 'loadmodule "tmx.so"')
    (function,) = found('loadmodule "xlog.so"\nrequest_route { t_relay(); }\n')
    assert (function.rule, function.hint) == ("unknown-function", 'loadmodule "tm.so"')
    (word,) = found('loadmodule "pv.so"\nrequest_route { pv_isst("$ru"); }\n')
    assert (word.rule, word.hint) == ("unknown-function", "did you mean pv_isset?")


def test_nothing_of_the_config_runs() -> None:
    text = HEAD + "request_route { exit; }\nevent_route[core:worker-one-init] { while (1) { $var(x) = 1; } }\n"
    assert [finding for finding in found(text) if finding.severity == "error"] == []


def test_the_target_counts() -> None:
    text = HEAD + "request_route { t_on_failure($var(x)); $var(x) = 1; }\n"
    assert [(f.rule, f.severity) for f in found(text)] == [("constant-argument", "warning")]
    assert [(f.rule, f.severity) for f in found(text, "5.6")] == [("constant-argument", "error")]


@pytest.mark.parametrize("path", [".", "no/such/file.cfg", "nul\0.cfg"])
def test_a_config_that_cannot_be_read(path: str) -> None:
    (finding,) = examine(path, FileReader())
    assert (finding.rule, finding.severity, finding.line) == ("unreadable", "error", 1)


def test_an_empty_config() -> None:
    assert rules("") == ["syntax"]


class Falling(Module, name="falling"):
    """A module with a fault."""

    value = Param(0, "Anything.")

    def start(self) -> None:
        raise ZeroDivisionError("by zero")


@pytest.fixture
def falling(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from kamscript import loader, modules
    from kamscript.tools import examine as tool

    find = modules.find_module

    def found(name: str) -> type[Module] | None:
        return Falling if name == "falling" else find(name)

    monkeypatch.setattr(modules, "find_module", found)
    monkeypatch.setattr(modules.Modules, "find", lambda self, name: found(name))
    monkeypatch.setattr(tool, "module_classes", lambda names: {**loader.module_classes(()), "falling": Falling})
    yield


def test_a_fault_of_a_module_is_a_finding_at_its_load(falling: None) -> None:
    (finding,) = found('loadmodule "falling.so"\nrequest_route { exit; }\n')
    assert (finding.rule, finding.line, finding.column) == ("internal", 1, 1)
    assert finding.message == "the module falling cannot start: ZeroDivisionError: by zero"

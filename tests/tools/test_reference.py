"""docs/modules.md is what the modules declare."""

from __future__ import annotations

from pathlib import Path

from kamscript.modules import own_names
from kamscript.tools.reference import reference

DOCUMENT = Path(__file__).parents[2] / "docs" / "modules.md"


def test_the_document_is_current() -> None:
    assert DOCUMENT.read_text("utf-8") == reference(), "run: python -m kamscript.tools.reference > docs/modules.md"


def test_every_module_has_a_chapter() -> None:
    text = reference()
    assert [name for name in own_names() if f"\n## {name}\n" not in text] == []


def test_a_parameter_has_its_default_and_what_it_does() -> None:
    assert "| `noisy_ctimer` | `1` | Reply 408 also when the only branch of an INVITE never replied. |" in reference()


def test_a_function_shows_what_may_be_left_out_and_where_it_may_be_called() -> None:
    assert "| `t_relay()` | request, failure |" in reference()
    assert "| `t_relay(host, port)` | request, failure |" in reference()
    assert "| `setbflag(flag[, branch])` | any |" in reference()


def test_a_parameter_without_effect_says_why() -> None:
    assert "*No effect: routes are not written in KEMI here.* | from 5.6 |" in reference()


def test_generations_are_told() -> None:
    assert "| `t_uac_send(method, ruri, nexthop, socket, headers, body)` | any |" in reference()
    assert "| from 6.x |" in reference()

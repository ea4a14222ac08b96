"""What has to be loaded before dialog."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from kamscript.source import ConfigError


def config(modules: str) -> str:
    loads = "".join(f'loadmodule "{name}.so"\n' for name in modules.split())
    return f"{loads}request_route {{ dlg_manage(); }}"


@pytest.mark.spec("5.1")
@pytest.mark.parametrize("missing", ["tm", "rr"])
def test_without_a_module_that_it_needs_it_does_not_start(missing: str) -> None:
    others = " ".join(name for name in ("tm", "sl", "rr", "pv") if name != missing)
    with pytest.raises(ConfigError, match=missing):
        Lab(text=config(f"{others} dialog"))


@pytest.mark.spec("5.1")
def test_with_them_it_starts() -> None:
    assert Lab(text=config("tm sl rr pv dialog")).server.module("dialog").table.count == 0

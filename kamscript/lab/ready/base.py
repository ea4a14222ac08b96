"""What the ready doubles share: how they get into a lab, and how they match what they are asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kamscript.script.nodes import IntLit, StrLit

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab


class Ready:
    """A ready double. `module` is the Kamailio module that it stands for, for parameters and failure texts."""

    module = ""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def install(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        """Answer for these functions, as far as the config calls them; callables take `(call, *arguments)`."""
        for name, answer in functions.items():
            self.lab.doubles.add(name, answer, optional=True)

    def problems(self) -> list[str]:
        """What a test that ends now is to be told of."""
        return []

    def params(self, name: str) -> list[int | str]:
        """What the config gives for a parameter of the module, in order."""
        values: list[int | str] = []
        for module, line in self.lab.program.params:
            if module == self.module and line.name == name and isinstance(line.value, IntLit | StrLit):
                values.append(line.value.value)
        return values

    def param(self, name: str, default: int) -> int:
        """The last number given for a parameter."""
        return next((value for value in reversed(self.params(name)) if isinstance(value, int)), default)

    def log(self, level: str, text: str) -> None:
        """A line as the module itself would write it."""
        getattr(self.lab.server.log, level)(self.module, text)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something behind what the server is doing now: at once (0), or when that time has passed."""
        if seconds > 0:
            self.lab.timers.after(seconds, action)
        else:
            self.lab.soon.append(action)


def pattern(text: str | re.Pattern[str]) -> re.Pattern[str]:
    """What matches a whole text: a text in which `*` stands for anything, or a regular expression."""
    if isinstance(text, re.Pattern):
        return text
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)

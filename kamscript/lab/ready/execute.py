"""The shell: what exec_cmd, exec_msg, exec_dset, exec_avp and the core's exec run.

    shell = lab.doubles.exec
    shell.answer("/usr/bin/route *", "sip:gw1@10.0.0.9\\nsip:gw2@10.0.0.9")
    shell.answer("logger *", status=1)
    ...
    assert shell.commands[0].line == "/usr/bin/route 'sip:bob@example.com'"

`*` in a command stands for anything; the newest answer that fits is given. A command that none fits ends as one that
the shell does not find (status 127), and the test is told; so it is of answers that nobody needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from kamscript.core.environment import Ran
from kamscript.lab.ready.base import Ready, pattern

if TYPE_CHECKING:
    from kamscript.core.environment import Program
    from kamscript.lab.lab import Lab


class Command(NamedTuple):
    """A command line that the config ran, what it was given on its input, by which function, and its variables."""

    line: str
    input: str
    via: str
    variables: Mapping[str, str] = {}


class Said(NamedTuple):
    """What a command prints and with which status it ends."""

    output: str | Callable[[Command], str | tuple[str, int]]
    status: int


class _Answer:
    def __init__(self, line: str | re.Pattern[str], said: Said, optional: bool) -> None:
        self.line, self.said, self.optional, self.used = line, said, optional, False
        self.pattern = pattern(line)


class Commands(Ready):
    """All programs of the lab's machine. `commands` are those that the config ran, oldest first."""

    module = "exec"

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.commands: list[Command] = []
        self._answers: list[_Answer] = []
        self._unknown: list[Command] = []
        lab.server.environment.programs = self._program
        lab.server.environment.execute = lambda line: self._run(Command(line, "", "exec"))[1] << 8

    def answer(
        self,
        line: str | re.Pattern[str] = "*",
        output: str | Callable[[Command], str | tuple[str, int]] = "",
        *,
        status: int = 0,
        optional: bool = False,
    ) -> None:
        """Let a command line print `output` and end with `status`.

        `output` is a text, or a callable that gets the Command and returns a text or `(text, status)`.
        """
        if not 0 <= status <= 255:
            raise ValueError(f"{status} is no exit status: it is between 0 and 255")
        self._answers.insert(0, _Answer(line, Said(output, status), optional))

    def problems(self) -> list[str]:
        """Commands that the lab does not know, and answers that nobody needed."""
        found = [
            f"{command.via}() ran a command that the lab does not know: {command.line}; "
            f'say what it does: lab.doubles.exec.answer("{command.line.split()[0] if command.line.split() else "*"} *")'
            for command in self._unknown
        ]
        return found + [
            f"nobody ran {answer.line}: drop the answer, or say optional=True"
            for answer in reversed(self._answers)
            if not answer.used and not answer.optional
        ]

    def _program(self, program: Program) -> Ran:
        command = Command(program.line, program.given or "", program.via, program.variables)
        return Ran(*self._run(command))

    def _run(self, command: Command) -> tuple[str, int]:
        """What a command prints, and its status."""
        self.commands.append(command)
        answer = next((answer for answer in self._answers if answer.pattern.fullmatch(command.line)), None)
        if answer is None:
            self._unknown.append(command)
            return "", 127
        answer.used = True
        output, status = answer.said
        printed = output(command) if callable(output) else output
        return printed if isinstance(printed, tuple) else (printed, status)

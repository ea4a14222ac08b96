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
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript.core.branches import append_current
from kamscript.core.rewrite import set_uri
from kamscript.lab.ready.base import Ready, pattern
from kamscript.script.format import accessor_of

if TYPE_CHECKING:
    from kamscript.lab.doubles import Call
    from kamscript.lab.lab import Lab


class Command(NamedTuple):
    """A command line that the config ran, what it was given on its input, and by which function."""

    line: str
    input: str
    via: str


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
        self.install({"exec_cmd": self._cmd, "exec_msg": self._msg, "exec_dset": self._dset, "exec_avp": self._avp})
        lab.server.environment.execute = lambda line: self._run(line, "", "exec")[1] << 8

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

    def _run(self, line: str, given: str, via: str) -> tuple[list[str], int]:
        """The lines that a command prints, blank ones left out, and its status."""
        command = Command(line, given, via)
        self.commands.append(command)
        answer = next((answer for answer in self._answers if answer.pattern.fullmatch(line)), None)
        if answer is None:
            self._unknown.append(command)
            return [], 127
        answer.used = True
        output, status = answer.said
        printed = output(command) if callable(output) else output
        text, status = printed if isinstance(printed, tuple) else (printed, status)
        return [stripped for line in text.split("\n") if (stripped := line.rstrip(" \t\r"))], status

    def _cmd(self, call: Call, line: str) -> bool:
        return not self._run(line, "", call.name)[1]

    def _msg(self, call: Call, line: str) -> bool:
        return not self._run(line, call.message.buf, call.name)[1]

    def _dset(self, call: Call, line: str) -> bool:
        """The first line becomes the request URI, the others branches."""
        ctx = call.context
        lines, status = self._run(f"{line} '{ctx.msg.current_uri()}'", "", call.name)
        if not lines:
            self.log("error", f"no uri from {line}")
            return False
        set_uri(ctx, lines[0])
        return all(append_current(ctx, uri) > 0 for uri in lines[1:]) and not status

    def _avp(self, call: Call, line: str, *_: Any) -> bool:
        """Each line becomes an AVP: those named, or 1, 2, 3 and so on."""
        names = (call.texts[1] or "").split(";") if len(call) > 1 else []
        lines, status = self._run(line, "", call.name)
        for number, text in enumerate(lines):
            name = names[number].strip() if number < len(names) else f"$avp(i:{number + 1})"
            accessor = accessor_of(name, self.lab.server)
            if accessor.set is not None:
                accessor.set(call.context, text)
        return not status

"""exec: run programs of the machine; their output becomes destinations or AVPs.

What runs them is handed in (`Environment.programs`): a shell on sockets, the test's own answers in the lab.

Source: exec manual; src/modules/exec/ of 5.6 and 6.x.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Annotated, Final

from kamscript.core.branches import Branch, append_branch
from kamscript.core.environment import Program
from kamscript.core.errors import E_EXEC
from kamscript.core.rewrite import MAX_URI, set_uri
from kamscript.module import Accessor, Fixup, FixupError, Module, Param, Route, Str, function
from kamscript.script.format import accessor_of
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.environment import Ran
    from kamscript.core.server import Server
    from kamscript.sip.message import Header, Message

_LIST = re.compile(r"\$(?:\w+)?(?:\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))?")
_SEPARATORS: Final = " \t,;\n"
#: Headers whose variable has a name of its own, whatever the header is called in the message.
_NAMES: Final = {
    "via": "VIA",
    "content-type": "CONTENT_TYPE",
    "from": "FROM",
    "call-id": "CALLID",
    "supported": "SUPPORTED",
    "content-length": "CONTENT_LENGTH",
    "contact": "CONTACT",
    "to": "TO",
    "event": "EVENT",
}
#: How a bash function begins, which old ones ran when they found it in a variable.
_FUNCTION: Final = "() {"


class _AvpsFixup(Fixup):
    """AVPs, separated by blanks, commas or semicolons."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> list[Accessor]:
        names = _LIST.findall(text)
        if not names or _LIST.sub("", text).strip(_SEPARATORS):
            raise FixupError(f"{text!r} is no list of AVPs")
        for name in names:
            if not name.startswith(("$avp(", "$(avp(")):
                raise FixupError(f"{name} is no AVP")
        return [accessor_of(name, server) for name in names]


if TYPE_CHECKING:
    Avps = list[Accessor]
else:
    Avps = Annotated[object, _AvpsFixup()]


class Exec(Module, name="exec"):
    """Run programs and use what they print."""

    time_to_kill = Param(0, "Seconds that a program may run; 0: as long as it likes.")
    setvars = Param(1, "1: tell programs of the message in variables: SIP_RURI, SIP_HF_FROM, ...")
    bash_safety = Param(1, "1: what looks like a bash function in a header loses its parentheses.")

    def start(self) -> None:
        """Resolve the AVPs 1, 2, 3, ... when they are needed."""
        self._numbered: dict[int, Accessor] = {}

    def error(self, text: str) -> None:
        """Log an error."""
        self.server.log.error(self.name, text)

    # -- functions ------------------------------------------------------------------------------------------------
    @function(Route.REQUEST | Route.FAILURE)
    def exec_dset(self, ctx: Context, command: Str) -> bool:
        """Run a command with the request URI behind it; the lines that it prints are the new destinations."""
        line = f"{command} '{ctx.msg.current_uri()}'"
        ran = self._run(ctx, line, "exec_dset")
        if ran is None:
            return False
        uris = lines(ran.output)
        if not uris:
            self.error(f"no uri from {line}")
            return False
        set_uri(ctx, uris[0])
        for uri in uris[1:]:
            if not append_branch(ctx, Branch(uri)):
                self.error("append_branch failed; too many or too long URIs?")
                return False
        return self._succeeded(ran, line)

    @function(Route.REQUEST | Route.FAILURE | Route.LOCAL)
    def exec_msg(self, ctx: Context, command: Str) -> bool:
        """Run a command that gets the message on its input; what it prints is lost."""
        ran = self._run(ctx, command, "exec_msg", given=ctx.msg.buf)
        return ran is not None and self._succeeded(ran, command)

    @function(Route.REQUEST | Route.FAILURE | Route.LOCAL, name="exec_avp")
    def exec_avp(self, ctx: Context, command: Str) -> bool:
        """Run a command; the lines that it prints go into the AVPs 1, 2, 3, ..."""
        return self._fill(ctx, command, [])

    @function(Route.REQUEST | Route.FAILURE | Route.LOCAL, name="exec_avp")
    def exec_avp_named(self, ctx: Context, command: Str, avps: Avps) -> bool:
        """Run a command; the lines that it prints go into these AVPs, further ones into those of their number."""
        return self._fill(ctx, command, avps)

    @function(Route.ANY, since="5.6")
    def exec_cmd(self, ctx: Context, command: Str) -> bool:
        """Run a command that is told nothing; what it prints is lost."""
        ran = self._run(ctx, command, "exec_cmd", bare=True)
        return ran is not None and self._succeeded(ran, command)

    def _fill(self, ctx: Context, command: str, avps: list[Accessor]) -> bool:
        ran = self._run(ctx, command, "exec_avp")
        if ran is None:
            return False
        for index, text in enumerate(lines(ran.output)):
            target = avps[index] if index < len(avps) else self._avp(index + 1)
            if target.set is not None:
                target.set(ctx, text)
        return self._succeeded(ran, command)

    def _avp(self, number: int) -> Accessor:
        found = self._numbered.get(number)
        if found is None:
            found = self._numbered[number] = accessor_of(f"$avp(i:{number})", self.server)
        return found

    # -- running --------------------------------------------------------------------------------------------------
    def _run(self, ctx: Context, line: str, via: str, *, given: str | None = None, bare: bool = False) -> Ran | None:
        programs = self.server.environment.programs
        if programs is None:
            self.error(f"{via}(): programs may not be run here: {line}")
            ctx.ser_error = E_EXEC
            return None
        variables = {} if bare or not self.setvars else self._variables(ctx.msg)
        return programs(Program(_text(line), via, given, variables, max(self.time_to_kill, 0)))

    def _succeeded(self, ran: Ran, line: str) -> bool:
        if ran.status < 0:
            self.error(f"cmd {line} failed: ended by signal {-ran.status}")
        return ran.status == 0

    def _variables(self, msg: Message) -> dict[str, str]:
        """What programs are told of a message (exec_hf.c)."""
        uri = msg.current_uri()
        found = {"SIP_SRCIP": msg.received.src_ip, "SIP_RURI": uri}
        for name, text in (("SIP_USER", uri), ("SIP_OUSER", msg.uri)):
            try:
                found[name] = parse_uri(text).user
            except SipError:
                self.server.log.warning(self.name, f"uri not parsed ({text})")
        found["SIP_ORUI"] = msg.uri  # sic
        found["SIP_TID"] = _transaction(msg)
        found["SIP_DID"] = msg.to.tag if msg.to is not None else ""
        headers: dict[str, list[Header]] = {}
        for header in msg.headers:
            headers.setdefault(header.kind or header.name.lower(), []).append(header)
        for kind, same in headers.items():
            first, *rest = same
            name = _NAMES.get(kind) or re.sub(r"[^A-Z0-9]", "_", first.name.upper())
            found[f"SIP_HF_{name}"] = ",".join(self._safe(header.value) for header in (first, *reversed(rest)))
        return {name: _text(value) for name, value in found.items()}

    def _safe(self, value: str) -> str:
        return value[2:] if self.bash_safety and value.startswith(_FUNCTION) else value


def _text(value: str) -> str:
    """A text as C has it: a NUL ends it."""
    return value.partition("\0")[0]


def lines(output: str) -> list[str]:
    """The lines of an output without blanks at their ends and without empty ones; a long one is several."""
    pieces = (
        line[at : at + MAX_URI - 1]
        for line in re.findall(r"[^\n]*\n|[^\n]+", output)
        for at in range(0, len(line), MAX_URI - 1)
    )
    return [text for piece in pieces if (text := piece.rstrip(" \t\r\n"))]


def _transaction(msg: Message) -> str:
    """What RFC 2543 tells transactions apart by, hashed (char_msg_val.h)."""
    via, from_, to, cseq = msg.top_via, msg.from_, msg.to, msg.cseq
    if via is None or from_ is None or to is None or cseq is None or not msg.callid:
        return ""
    to_tag = "" if msg.method_id in ("INVITE", "ACK", "CANCEL") else to.tag
    parts = (from_.tag, to_tag, msg.callid, msg.uri, cseq.number_text, via.host, via.port_text, via.branch)
    text = "".join(part.strip(" \t\r\n") for part in parts)
    return hashlib.md5(text.encode("latin-1"), usedforsecurity=False).hexdigest()

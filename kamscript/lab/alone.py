"""One route alone: run a block over one message and look at everything it did.

    run = lab.route("TO_USER", lab.request("INVITE", "bob"), {"$var(x)": 1})
    run.code, run.exited, run["$du"], run.text, run.replies, run.branches, run.log

    run = lab.route("failure_route[NEXT]", lab.request("INVITE", "bob"), reply=486)
    run = lab.route("failure_route[NEXT]", lab.request("INVITE", "bob"), branches=[486, "timeout"])
    run = lab.route("branch_route[NAT]", lab.request("INVITE", "bob"))
    run = lab.route("onreply_route[NAT]", lab.request("INVITE", "bob"), reply=lab.reply(183, body=SDP))
    run = lab.route("event_route[tm:branch-failure:retry]", lab.request("INVITE", "bob"), reply=503)
    run = lab.route("reply_route", lab.request("INVITE", "bob"), reply=200)
    run = lab.route("onsend_route", lab.request("INVITE", "bob"))

Failure, branch and onreply routes get a real transaction in which everything stands as when the route runs. Nothing
that a route sends is delivered, and what it leaves in tm is cleared away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from kamscript.core import dns
from kamscript.core.build import branch_base, build_reply, build_request
from kamscript.core.forward import outgoing
from kamscript.core.multipart import apply_changes
from kamscript.core.sockets import Datagram, Destination, Received
from kamscript.lab.builder import Reply, RequestText, message_text, reply_of
from kamscript.lab.faked import BranchSaid, Faked, reply_message, tm_of, transaction
from kamscript.lab.network import Address
from kamscript.lab.texts import characters, octets
from kamscript.module import Accessor, FixupError, Route
from kamscript.script.bind import binding_of
from kamscript.script.format import accessor_of
from kamscript.sip.errors import SipError
from kamscript.sip.message import Message
from kamscript.source import did_you_mean
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.branches import Branch
    from kamscript.core.context import Context
    from kamscript.core.environment import LogRecord
    from kamscript.core.server import RouteFunction, Server
    from kamscript.lab.lab import Lab

#: Where a message comes from that names no source.
NOWHERE: Final = Address("10.0.0.99", 5060)

#: What routes are called: as in a config, and by their kind alone.
_WORDS: Final = {
    "request_route": Route.REQUEST,
    "route": Route.REQUEST,
    "failure_route": Route.FAILURE,
    "branch_route": Route.BRANCH,
    "onreply_route": Route.TM_ONREPLY,
    "reply_route": Route.CORE_ONREPLY,
    "onsend_route": Route.ONSEND,
    "event_route": Route.EVENT,
    "branch-failure": Route.BRANCH_FAILURE,
}
_KINDS: Final = {**{word.removesuffix("_route"): kind for word, kind in _WORDS.items()}, **_WORDS}
_NAMES: Final = {kind: word for word, kind in reversed(_WORDS.items())} | {Route.REQUEST: "route"}
_WRITTEN = re.compile(r"(\w+)\s*(?:\[(.*)\])?")
_BRANCH_FAILURE: Final = "tm:branch-failure:"


class Leaving(str):
    """A branch of the destination set: its URI. `q` is between 0.0 and 1.0, None when unset."""

    dst_uri: str
    path: str
    q: float | None
    flags: int
    ruid: str
    socket: str

    @classmethod
    def _of(cls, branch: Branch) -> Leaving:
        self = cls(branch.uri)
        self.dst_uri, self.path, self.flags, self.ruid = branch.dst_uri, branch.path, branch.flags, branch.ruid
        self.q = None if branch.q < 0 else branch.q / 1000
        self.socket = "" if branch.socket is None else branch.socket.text
        return self


class RouteRun:
    """What a route did.

    code              its return code; `exited` and `dropped` say whether `exit` or `drop` ended it
    sent              the datagrams it sent, not delivered to anybody; `requests` and `replies` among them
    log               what it logged; `said` only the texts of the script
    branches          the branches that it added to the destination set: URIs, with `dst_uri`, `q` and the like
    message, context  the message, and the context in which it ran

    `run["$ru"]` reads a pseudo-variable as the route left it.
    """

    def __init__(self, lab: Lab, ctx: Context, code: int, sent: Sequence[Datagram], log: Sequence[LogRecord]) -> None:
        self.code, self.sent, self.log, self.context = code, list(sent), list(log), ctx
        self.exited, self.dropped = ctx.exited, ctx.drop
        self.message = ctx.msg
        self.branches = [Leaving._of(branch) for branch in ctx.branches]
        self._lab = lab
        self._state = _State(lab)

    def __getitem__(self, variable: str) -> Value:
        with self._state.back():
            value = _accessor(self._lab, variable).get(self.context)
        return characters(value) if isinstance(value, str) else value

    @property
    def replies(self) -> list[str]:
        """First lines of the replies it sent: `["404 Not Found"]`."""
        firsts = (characters(datagram.text.partition("\r\n")[0]) for datagram in self.sent)
        return [first.removeprefix("SIP/2.0 ") for first in firsts if first.startswith("SIP/2.0 ")]

    @property
    def requests(self) -> list[Message]:
        """The requests it sent, each with the edits of its branch: `run.requests[0].value("x-route")`, `.buf`."""
        return [Message(sent.text) for sent in self.sent if not sent.text.startswith("SIP/2.0 ")]

    @property
    def text(self) -> str:
        """The message with everything the route changed in it, as `msg_apply_changes()` would leave it."""
        changed = self.context.msg.clone()
        apply_changes(self._lab.server, changed)
        return characters(changed.buf)

    @property
    def outgoing(self) -> str:
        """The message as it would leave now: also with the server's Via on top, or of a reply without it."""
        return characters(self._outgoing())

    def _outgoing(self) -> str:
        server, ctx = self._lab.server, self.context
        kept, ctx.msg = ctx.msg, ctx.msg.clone()
        try:
            if not ctx.msg.is_request:
                return build_reply(ctx, ctx.msg)
            to = _destination(self._lab, ctx.msg)
            socket = server.get_send_socket(to, ctx.msg.force_send_socket) or server.sockets[0]
            return build_request(ctx, socket, outgoing(ctx, to), f"{branch_base(ctx.msg)}.0")[0]
        finally:
            ctx.msg = kept

    @property
    def said(self) -> list[str]:
        """The texts that the script logged, line ends removed."""
        return [record.text.rstrip("\n") for record in self.log if record.origin == "<script>"]

    @property
    def flags(self) -> set[str | int]:
        """The message flags that are set: by the names that the config gave them, else by number."""
        names = {bit: name for name, bit in self._lab.program.flags.items()}
        return {names.get(bit, bit) for bit in range(32) if self.context.msg.flags >> bit & 1}

    @property
    def armed(self) -> dict[str, str]:
        """The routes that it armed: `{"failure": "NEXT"}`; keys are failure, onreply, branch, branch-failure."""
        holder: Any = self.context.t or self.context.state.get("tm")
        found = {
            "failure": getattr(holder, "on_failure", ""),
            "onreply": getattr(holder, "on_reply", ""),
            "branch": getattr(holder, "on_branch", ""),
            "branch-failure": getattr(holder, "on_branch_failure", ""),
        }
        return {kind: name for kind, name in found.items() if name}

    def __repr__(self) -> str:
        end = ", dropped" if self.dropped else ", exited" if self.exited else ""
        replies = f", replies {', '.join(self.replies)}" if self.replies else ""
        requests = f", requests to {', '.join(sent.uri for sent in self.requests)}" if self.requests else ""
        return f"<run of a route: code {self.code}{end}{replies}{requests}>"


class Alone:
    """One run, being prepared."""

    def __init__(self, lab: Lab, name: str, kind: Route | str | None) -> None:
        self.lab, self.server = lab, lab.server
        self.kind, self.name = _find(lab, name, kind)
        key = Route.EVENT if self.kind is Route.BRANCH_FAILURE else self.kind
        self.function: RouteFunction = lab.server.routes[key, self.name]
        word = _NAMES[key]
        self.title = f"{word}[{self.name}]" if self.name else "request_route" if word == "route" else word

    def run(
        self,
        message: str | None,
        variables: Mapping[str, Value],
        *,
        reply: int | str | Reply | None,
        branches: Sequence[BranchSaid],
        branch: int | None,
        flags: Sequence[str | int],
        bflags: Sequence[str | int],
        dialog: bool,
        source: Address | None,
    ) -> RouteRun:
        """See `Lab.route`."""
        clear_away(self.lab)
        _fresh_variables(self.lab)
        before = _Before(self.lab)
        ctx = self.server.context(self._message(message, source))
        self.server.bind = ctx.msg.received.socket if ctx.msg.received.proto == "udp" else None
        ctx.msg.flags |= self._bits(flags)
        ctx.bflags |= self._bits(bflags)
        self._write(ctx, variables)
        if dialog:
            self._dialog(ctx)
        logged = len(self.lab.log)
        try:
            ctx = self._prepared(ctx, reply, branches, branch)
            self.server.take_outbox()
            self.lab.log[logged:] = []
            code = self.server.run_top(self.function, ctx)
            run = RouteRun(self.lab, ctx, code, self.server.take_outbox(), self.lab.log[logged:])
        finally:
            before.clear_transactions()
            self.server.bind = None
        self.lab.doubles.tell()
        return run

    def _message(self, text: str | None, source: Address | None) -> Message:
        if text is None:
            if self.kind is not Route.EVENT:
                raise ValueError(f'{self.title} runs over a message: lab.request("INVITE", "bob")')
            return self.server.faked_message()
        came = source or (text.source if isinstance(text, RequestText) else None) or NOWHERE
        whole = message_text(text)
        via = re.search(r"(?im)^(?:via|v)\s*:\s*SIP/2.0/(\w+)", whole)
        proto = via.group(1).lower() if via is not None else "udp"
        sockets = self.server.sockets
        socket = next((socket for socket in sockets if socket.proto == proto), sockets[0])
        received = Received(socket.proto, came.ip, came.port, socket.address, socket.port, socket)
        try:
            msg = Message(whole, received)
        except SipError as error:
            raise ValueError(f"this is no SIP message: {error}\n{whole.partition(chr(13))[0]}") from None
        self.server.message_number += 1
        msg.number = self.server.message_number
        return msg

    def _bits(self, flags: Sequence[str | int]) -> int:
        if isinstance(flags, Sequence) and not flags:
            return 0
        program = self.lab.program
        numbers = {name: int(value) for name, value in program.defines.items() if value.isdecimal()}
        known = {**numbers, **program.flags}
        bits = 0
        for flag in (flags,) if isinstance(flags, str | int) else flags:
            if isinstance(flag, str) and flag not in known:
                hint = did_you_mean(flag, known)
                hint = hint or 'say its number, or a name of a line "flags" or "#!define" of the config'
                raise ValueError(f"no flag is called {flag}; {hint}")
            bit = known[flag] if isinstance(flag, str) else flag
            if not 0 <= bit <= 31:
                raise ValueError(f"flag {bit} is not between 0 and 31")
            bits |= 1 << bit
        return bits

    def _write(self, ctx: Context, variables: Mapping[str, Value]) -> None:
        for variable, value in variables.items():
            accessor = _accessor(self.lab, variable)
            if accessor.set is None:
                raise ValueError(f"{variable} cannot be written")
            accessor.set(ctx, octets(value) if isinstance(value, str) else value)

    def _dialog(self, ctx: Context) -> None:
        module: Any = self.server.modules.get("dialog")
        if module is None or not hasattr(module, "tracking"):
            raise ValueError("dialog=True: the config does not load dialog.so")
        module.context.reset()
        if not module.tracking.manage(ctx):
            why = f": {self.lab.log[-1].text}" if self.lab.log else ""
            raise ValueError(f"dialog=True: dialog tracks no call of this message{why}")

    # -- by kind --------------------------------------------------------------------------------------------------
    def _prepared(
        self, ctx: Context, reply: int | str | Reply | None, branches: Sequence[BranchSaid], branch: int | None
    ) -> Context:
        """The context in which the route runs."""
        kind = self.kind
        if kind in (Route.FAILURE, Route.BRANCH_FAILURE):
            return self._failed(ctx, reply, branches, branch)
        if kind in (Route.TM_ONREPLY, Route.CORE_ONREPLY):
            return self._replied(ctx, reply, branches, branch)
        if reply is not None:
            raise ValueError(f"{self.title} sees no reply: reply= is for failure, branch-failure and onreply routes")
        if kind is Route.BRANCH:
            index = len(branches) if branch is None else branch
            tm = tm_of(self.lab, self.title)
            if branches:
                transaction(self.lab, ctx, self.title, branches, None, decided=False)
            elif tm.newtran(ctx) != 1:
                raise ValueError(f"{self.title}: tm makes no transaction of this request")
            ctx.route, ctx.branch, ctx.ruri_consumed = Route.BRANCH, index, False
            return ctx
        if branches or branch is not None:
            raise ValueError(f"{self.title} works on no branches")
        if kind is Route.ONSEND:
            to = _destination(self.lab, ctx.msg)
            socket = self.server.get_send_socket(to, ctx.msg.force_send_socket) or self.server.sockets[0]
            text = build_request(ctx, socket, to, f"{branch_base(ctx.msg)}.0")[0] if ctx.msg.is_request else ctx.msg.buf
            ctx.route, ctx.onsend = Route.ONSEND, Datagram(socket, to, text)
        elif self.name == "tm:local-request":
            to = _destination(self.lab, ctx.msg)
            socket = self.server.get_send_socket(to, ctx.msg.force_send_socket) or self.server.sockets[0]
            ctx.route, ctx.onsend = Route.LOCAL, Datagram(socket, to, ctx.msg.buf)
        return ctx

    def _failed(
        self, ctx: Context, reply: int | str | Reply | None, branches: Sequence[BranchSaid], branch: int | None
    ) -> Context:
        if reply is not None and branches:
            raise ValueError(f"{self.title}: say reply= for one branch, or branches= for several, not both")
        said = branches or ([reply] if reply is not None else [])
        if not said:
            raise ValueError(
                f'{self.title} runs when a branch failed: say reply=486, reply="timeout" or branches=[...]'
            )
        if not ctx.msg.is_request:
            raise ValueError(f"{self.title} runs over the request: give that, and the reply as reply=")
        faked = transaction(self.lab, ctx, self.title, said, branch, decided=True)
        new = faked.tm.faked_request(faked.t, faked.branch, self.kind)
        new.branch = faked.branch.index
        new.reply = faked.branch.reply if isinstance(faked.branch.reply, Message) else None
        self.server.bind = faked.branch.socket
        return new

    def _replied(
        self, ctx: Context, reply: int | str | Reply | None, branches: Sequence[BranchSaid], branch: int | None
    ) -> Context:
        core = self.kind is Route.CORE_ONREPLY
        if not ctx.msg.is_request:
            if reply is not None:
                raise ValueError(f"{self.title}: the message is a reply already")
            received = ctx.msg
            if core:
                ctx.route = Route.CORE_ONREPLY
                return ctx
            kept = ctx.avps, ctx.xavps, ctx.bflags
            ctx = self.server.context(Message(_request_of(received), received.received))
            ctx.avps, ctx.xavps, ctx.bflags = kept
        elif reply is None:
            raise ValueError(f"{self.title} runs over a reply: say reply=180, or lab.reply(183, body=...)")
        elif reply == "timeout":
            raise ValueError(f"{self.title} runs over a reply: nobody sends a timeout")
        else:
            received = None
        faked: Faked | None = None
        if not core or hasattr(self.server.modules.get("tm"), "newtran"):
            faked = transaction(self.lab, ctx, self.title, branches or [{}], branch, decided=False)
        if received is None:
            assert reply is not None
            if faked is None:
                text = reply_of(reply).text(Message(RouteRun(self.lab, ctx, 0, (), ()).outgoing))
                received = Message(text, ctx.msg.received)
            else:
                received = reply_message(faked.branch, reply_of(reply))
        received.number = ctx.msg.number
        if core or faked is None:
            return self.server.context(received, Route.CORE_ONREPLY)
        new = self.server.context(received, Route.TM_ONREPLY)
        faked.tm.enter(new, faked.t)
        new.branch, new.bflags = faked.branch.index, faked.branch.branch_flags
        received.flags = ctx.msg.flags
        faked.branch.last_received = max(received.status, faked.branch.last_received)
        return new


class _Before:
    """What tm and dialog held before a run, so that what it made is known."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.tm: Any = lab.server.modules.get("tm")
        self.transactions = set(getattr(self.tm, "by_ident", ()))
        dialog: Any = lab.server.modules.get("dialog")
        known = {id(dlg) for dlg in dialog.table} if hasattr(dialog, "table") else set()
        lab.alone_left.append(lambda: _clear_dialogs(dialog, known))

    def clear_transactions(self) -> None:
        """Stop and forget the transactions that the run made."""
        for ident in [ident for ident in getattr(self.tm, "by_ident", ()) if ident not in self.transactions]:
            t = self.tm.by_ident[ident]
            branches = list(t.branches)
            self.tm.destroy(t)
            t.branches = branches  # `$T_...` still tell of them


def _clear_dialogs(module: Any, known: set[int]) -> None:
    if not hasattr(module, "table"):
        return
    for dlg in [dlg for dlg in module.table if id(dlg) not in known]:
        if dlg.ref > 0:
            module.table.unref(dlg, dlg.ref)
    module.context.reset()


def clear_away(lab: Lab) -> None:
    """Forget what the last run left for a test to look at."""
    while lab.alone_left:
        lab.alone_left.pop()()


class _State:
    """What a server keeps outside of the context, as a run left it: `$var`s, the picked branch, the dialog."""

    def __init__(self, lab: Lab) -> None:
        self._holders: list[tuple[Any, dict[str, Any], bool]] = []
        names = binding_of(lab.server).names
        self._holders.append((names, {name: names[name] for name in _variables(lab) if name in names}, True))
        tm: Any = lab.server.modules.get("tm")
        if hasattr(tm, "picked"):
            self._holders.append((tm, {"picked": tm.picked}, False))
        dialog: Any = lab.server.modules.get("dialog")
        context = getattr(dialog, "context", None)
        if context is not None:
            self._holders.append((context, {slot: getattr(context, slot) for slot in context.__slots__}, False))

    @contextmanager
    def back(self) -> Iterator[None]:
        """Everything as the run left it, for as long as this lasts."""
        kept: list[tuple[Any, dict[str, Any], bool]] = []
        for holder, values, mapping in self._holders:
            if mapping:
                kept.append((holder, {name: holder[name] for name in values if name in holder}, True))
                holder.update(values)
            else:
                kept.append((holder, {name: getattr(holder, name) for name in values}, False))
                _assign(holder, values)
        try:
            yield
        finally:
            for holder, values, mapping in kept:
                if mapping:
                    holder.update(values)
                else:
                    _assign(holder, values)


def _assign(holder: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(holder, name, value)


def _variables(lab: Lab) -> Mapping[str, Value]:
    """The globals of `$var` and its kin, with what they start as."""
    shared = lab.server.plan.shared
    found: dict[str, Value] | None = shared.get("script variables")
    if found is None:
        needs = lab.program.needs
        found = {name: need.args[0] for name, need in needs.items() if need.kind == "variable"}
        shared["script variables"] = found
    return found


def variables_of(server: Server) -> dict[str, Value]:
    """The `$var`s of a server that just started, by the globals that hold them."""
    return {name: value for name, value in binding_of(server).names.items() if name[:2] in ("v_", "n_")}


def _fresh_variables(lab: Lab) -> None:
    """Let `$var`s start as when the worker starts, modparam varset included: each run stands for itself."""
    names = binding_of(lab.server).names
    start = lab.variables_at_start
    for name in [name for name in names if name[:2] in ("v_", "n_")]:
        names[name] = start.get(name, None if name[0] == "n" else 0)


def _find(lab: Lab, name: str, kind: Route | str | None) -> tuple[Route, str]:
    """Which block a test means: `"NAME"`, `"failure_route[NAME]"`, or a name and a kind; LookupError."""
    routes = lab.server.routes
    written = _WRITTEN.fullmatch(name.strip())
    if kind is None and written is not None and written.group(1) in _WORDS:
        kind, name = _WORDS[written.group(1)], written.group(2) or ""
    elif name.strip() == "error_route" or kind == "error_route":
        raise LookupError("Kamailio has no error_route: for broken messages event_route[core:receive-parse-error] runs")
    elif isinstance(kind, str):
        if kind not in _KINDS:
            raise ValueError(f"{kind!r} is no kind of route: say one of {', '.join(sorted(_KINDS))}")
        kind = _KINDS[kind]
    if kind is None:
        kinds = [found for found, known in routes if known == name]
        if not kinds:
            raise LookupError(_no_route(lab, name, [known for _, known in routes if known]))
        if len(kinds) > 1 and Route.REQUEST not in kinds:
            several = " and ".join(f"{_NAMES[found]}[{name}]" for found in kinds)
            raise LookupError(f"the config has {several}: say which")
        kind = Route.REQUEST if Route.REQUEST in kinds else kinds[0]
    if kind is Route.BRANCH_FAILURE and not name.startswith(_BRANCH_FAILURE):
        name = _BRANCH_FAILURE + name
    key = Route.EVENT if kind is Route.BRANCH_FAILURE else kind
    if key is Route.TM_ONREPLY and not name:
        key = kind = Route.CORE_ONREPLY
    if (key, name) not in routes:
        raise LookupError(_no_route(lab, name, [known for found, known in routes if found is key and known]))
    return (Route.BRANCH_FAILURE if name.startswith(_BRANCH_FAILURE) else kind), name


def _no_route(lab: Lab, name: str, names: Sequence[str]) -> str:
    hint = did_you_mean(name, names)
    return f"the config has no such route: {name or '(main)'}" + (f"; {hint}" if hint else "")


def _destination(lab: Lab, msg: Message) -> Destination:
    """Where a message goes, or an address for documentation when it has none that is known."""
    uri = (msg.dst_uri or msg.current_uri()) if msg.is_request else ""
    found = dns.uri_to_destination(lab.server, uri) if uri else None
    return found or Destination("udp", "192.0.2.1", 5060)


def _request_of(reply: Message) -> str:
    """The request that a reply answers, as far as the reply tells."""
    cseq = reply.cseq
    method = cseq.method if cseq is not None else "INVITE"
    to = reply.to
    lines = [f"{method} {to.uri if to is not None else 'sip:unknown'} SIP/2.0"]
    vias = [reply.buf[h.start : h.end].rstrip("\r\n") for h in reply.all("via")]
    lines += vias[1:] or ["Via: SIP/2.0/UDP 10.0.0.99:5060;branch=z9hG4bK-lab-reply"]
    lines += [reply.buf[h.start : h.end].rstrip("\r\n") for h in reply.headers if h.kind in ("from", "call-id", "cseq")]
    lines.append(f"To: <{to.uri if to is not None else 'sip:unknown'}>")
    return "\r\n".join([*lines, "Max-Forwards: 70", "Content-Length: 0", "", ""])


def _accessor(lab: Lab, variable: str) -> Accessor:
    try:
        return accessor_of(variable, lab.server)
    except FixupError as error:
        raise ValueError(f"{variable}: {error}") from None

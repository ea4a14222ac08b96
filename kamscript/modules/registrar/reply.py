"""The reply to a REGISTER: its Contact header and what else goes into it (registrar/reply.c; RFC 3261, 5626, 5627)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kamscript.core.hashes import core_hash
from kamscript.modules.registrar.outcome import Outcome
from kamscript.modules.registrar.path import MODE_OFF, MODE_STRICT
from kamscript.modules.usrloc import Contact
from kamscript.modules.usrloc.contact import bare_instance

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.registrar import Registrar, State

OUTBOUND_NONE, OUTBOUND_SUPPORTED, OUTBOUND_REQUIRE = range(3)


def contact_header(registrar: Registrar, ctx: Context, contacts: Iterable[Contact], host: str, now: int) -> str:
    """The `Contact: ...` line that lists all contacts that have not expired; empty when there are none."""
    gruu = registrar.gruu_enabled == 1 and "gruu" in registrar.options(ctx, "supported")
    shown = []
    for contact in contacts:
        if contact.valid(now):
            shown.append(_contact(registrar, contact, host, now, gruu))
            registrar.record_xavp(ctx, contact)
    return f"Contact: {', '.join(shown)}\r\n" if shown else ""


def _contact(registrar: Registrar, contact: Contact, host: str, now: int, gruu: bool) -> str:
    text = f"<{contact.c}>"
    if contact.q != -1:
        text += f";q={format_q(contact.q)}"
    text += f";expires={contact.expires - now}"
    if registrar.received_param and contact.received:
        text += f';{registrar.received_param}="{contact.received}"'
    if contact.instance:
        if gruu:
            aor = contact.aor if "@" in contact.aor else f"{contact.aor}@{host}"
            text += f';pub-gruu="sip:{aor};gr={bare_instance(contact.instance)}"'
            text += f';temp-gruu="sip:{contact.ruid}-{temporary_hash(contact.aor)}@{host};gr"'
        text += f';+sip.instance="{contact.instance}"'
    if contact.reg_id > 0:
        text += f";reg-id={contact.reg_id}"
    return text


def temporary_hash(aor: str) -> str:
    """The hash of an address of record as a temporary GRUU carries it: hexadecimal, the lowest digit first."""
    number = core_hash(aor)
    return f"{number:x}"[::-1] if number else ""


def format_q(q: int) -> str:
    """Thousandths as a q value: 0, 1, or three decimals without trailing zeros."""
    if q >= 1000:
        return "1"
    if q <= 0:
        return "0"
    return f"0.{q:03d}".rstrip("0")


def send_reply(registrar: Registrar, ctx: Context, state: State) -> bool:
    """Add the headers and reply; False when sending failed."""
    prepare_reply(registrar, ctx, state)
    outcome = state.outcome
    if registrar.sl.freply(ctx, outcome.code, outcome.reason) < 0:
        registrar.error(f"failed to send {outcome.code} {outcome.reason}")
        return False
    return True


def prepare_reply(registrar: Registrar, ctx: Context, state: State) -> None:
    """Leave the headers of the reply with the message."""
    headers = ctx.msg.reply_headers = [*ctx.msg.reply_headers]  # it may be a shared empty list
    if state.contact_header:
        headers.append(state.contact_header)
        state.contact_header = ""
    if state.outcome is Outcome.FINE:
        _path(registrar, ctx, state, headers)
        _outbound(registrar, ctx, headers)
    elif state.outcome is Outcome.OUTBOUND_UNSUPPORTED:
        headers += ["Require: outbound\r\n", "Supported: outbound\r\n"]
    elif state.outcome is Outcome.OUTBOUND_REQUIRED:
        headers.append("Unsupported: outbound\r\n")
    elif state.outcome is Outcome.TOO_BRIEF:
        headers.append(f"Min-Expires: {registrar.cfg['min_expires']}\r\n")
    code = state.outcome.code
    if code != 200:
        headers.append(f"P-Registrar-Error: {state.outcome.info}\r\n")
        retry_after = registrar.cfg["retry_after"]
        if 500 <= code < 600 and retry_after:
            headers.append(f"Retry-After: {retry_after}\r\n")


def _path(registrar: Registrar, ctx: Context, state: State, headers: list[str]) -> None:
    path, mode = ctx.msg.path, registrar.path_mode
    if not registrar.use_path or not path or mode == MODE_OFF:
        return
    supported = "path" in registrar.options(ctx, "supported")
    if not supported and mode == MODE_STRICT:
        state.outcome = Outcome.PATH_UNSUPPORTED
        headers.append("Unsupported: path\r\n")
    if supported or mode == MODE_STRICT:
        headers.append(f"Path: {path}\r\n")


def _outbound(registrar: Registrar, ctx: Context, headers: list[str]) -> None:
    mode = registrar.outbound_mode
    required = mode == OUTBOUND_REQUIRE
    if mode == OUTBOUND_SUPPORTED:
        headers.append("Supported: outbound\r\n")
        asked = registrar.options(ctx, "require") | registrar.options(ctx, "supported")
        required = "outbound" in asked
    if required:
        headers.append("Require: outbound\r\n")
        if mode == OUTBOUND_REQUIRE:
            headers.append("Supported: outbound\r\n")
        if registrar.flow_timer > 0:
            headers.append(f"Flow-Timer: {registrar.flow_timer}\r\n")

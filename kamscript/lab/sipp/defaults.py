"""Messages that SIPp sends on its own: for calls that are given up, and for what nobody expected."""

from __future__ import annotations

from functools import lru_cache

from kamscript.lab.sipp.settings import Settings
from kamscript.lab.sipp.template import Compiler, Template
from kamscript.lab.sipp.variables import Names
from kamscript.source import Source, Span

_REQUEST = """\
{method} [last_Request_URI] SIP/2.0
{via}
[last_From]
[last_To]
Call-ID: [call_id]
CSeq: {cseq} {method}
{rest}
Content-Length: 0

"""
_CONTACT = "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>"
_HOPS = "Max-Forwards: 70"
_OWN_VIA = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"
_SAME_VIA, _SAME_CSEQ = "[last_Via]", "[last_cseq_number]"

_TEXTS = {
    "ack": _REQUEST.format(method="ACK", via=_SAME_VIA, cseq=_SAME_CSEQ, rest=f"{_CONTACT}\n{_HOPS}"),
    "bye": _REQUEST.format(method="BYE", via=_OWN_VIA, cseq="[last_cseq_number+1]", rest=f"{_HOPS}\n{_CONTACT}"),
    "cancel": _REQUEST.format(method="CANCEL", via=_SAME_VIA, cseq=_SAME_CSEQ, rest=f"{_HOPS}\n{_CONTACT}"),
    "200": """\
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

""",
}


@lru_cache(maxsize=64)
def _compiled(name: str, proto: str, pid: int) -> Template:
    text = _TEXTS[name]
    compiler = Compiler(Settings(proto=proto, pid=pid), Names({}))
    return compiler.message(text, Span(Source(f"<{name}>", text), 0, len(text)))


def default_message(name: str, settings: Settings) -> Template:
    """One of them: ack, bye, cancel or 200."""
    return _compiled(name, settings.proto, settings.pid)

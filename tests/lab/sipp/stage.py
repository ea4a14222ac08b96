"""Scenarios in a few lines, and a proxy between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kamscript.lab import Lab
from kamscript.lab.sipp import SippParty, SippResult

#: A proxy that sends everything to one place, and every request of a dialog along its route.
PROXY = """
listen=udp:127.0.0.1:{port}
debug=2
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "siputils.so"
loadmodule "textops.so"
request_route {{
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK") && t_check_trans()) {{ t_relay(); exit; }}
    }} else if (is_method("INVITE|SUBSCRIBE")) {{
        t_check_trans();
        record_route();
    }}
    $var(uas) = {uas};
    $du = "sip:127.0.0.1:" + $var(uas);
    t_relay();
}}
"""
UAS = 5071  #: where the proxy sends


def proxy(port: int = 5060, uas: int | str = UAS) -> str:
    """The proxy's config; `uas` is the port it sends to, a number or an expression."""
    return PROXY.format(port=port, uas=uas)


def scenario(*elements: str, name: str = "test") -> str:
    """The text of a scenario file."""
    return f'<?xml version="1.0"?>\n<scenario name="{name}">\n' + "\n".join(elements) + "\n</scenario>\n"


def send(text: str, attributes: str = "", action: str = "") -> str:
    """A <send>."""
    return f"<send {attributes}><![CDATA[\n{text}\n]]>{action}</send>"


def request(
    method: str, cseq: int = 1, *, headers: str = "", attributes: str = "", to: str = "", action: str = ""
) -> str:
    """A request of a client; `to` is what stands behind To: `[peer_tag_param]` in a dialog."""
    return send(
        f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n"
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
        "Max-Forwards: 70\n"
        "From: <sip:a@[local_ip]:[local_port]>;tag=[pid]-a-[call_number]\n"
        f"To: <sip:[service]@[remote_ip]:[remote_port]>{to}\n"
        "Call-ID: [call_id]\n"
        f"CSeq: {cseq} {method}\n"
        "Contact: <sip:a@[local_ip]:[local_port]>\n"
        f"{headers}Content-Length: [len]\n",
        attributes,
        action,
    )


def reply(status: str, *, headers: str = "", attributes: str = "", tag: str = ";tag=[pid]-b-[call_number]") -> str:
    """A reply of a server."""
    return send(
        f"SIP/2.0 {status}\n"
        "[last_Via:]\n[last_Record-Route:]\n[last_From:]\n"
        f"[last_To:]{tag}\n"
        "[last_Call-ID:]\n[last_CSeq:]\n"
        "Contact: <sip:b@[local_ip]:[local_port]>\n"
        f"{headers}Content-Length: 0\n",
        attributes,
    )


def recv(what: int | str, attributes: str = "", action: str = "") -> str:
    """A <recv> of a status or a request."""
    kind = "response" if isinstance(what, int) else "request"
    actions = f"<action>{action}</action>" if action else ""
    return f'<recv {kind}="{what}" {attributes}>{actions}</recv>'


RETRANS = 'retrans="500"'
OPTIONAL = 'optional="true"'
TRYING = recv(100, OPTIONAL)
INVITE, ACK = request("INVITE", attributes=RETRANS), request("ACK", to="[peer_tag_param]")
BYE = request("BYE", 2, attributes=RETRANS, to="[peer_tag_param]")
ANSWER = recv(200, 'rrs="true"')


def call(*middle: str) -> str:
    """A client's whole call, with `middle` between ACK and BYE."""
    return scenario(INVITE, TRYING, recv(180, OPTIONAL), ANSWER, ACK, *middle, BYE, recv(200), name="uac")


def answering(*middle: str) -> str:
    """A server's whole call, with `middle` between ACK and BYE."""
    answer = reply("200 OK", attributes=RETRANS)
    return scenario(
        recv("INVITE"), answer, recv("ACK", OPTIONAL), *middle, recv("BYE"), reply("200 OK", tag=""), name="uas"
    )


class Stage:
    """A lab with the proxy; scenarios are given as texts."""

    def __init__(self, folder: Path, config: str = "", **options: Any) -> None:
        self.folder = folder
        self.lab = Lab(text=config or proxy(), leaks="ignore", **options)

    def file(self, text: str, name: str) -> Path:
        """A scenario file."""
        path = self.folder / name
        path.write_text(text, encoding="latin-1")
        return path

    def play(self, client: str = "", server: str = "", **options: Any) -> SippResult:
        """Play a client, a server at the place where the proxy sends, or both."""
        parties: list[Path | SippParty] = []
        if client:
            parties.append(self.file(client, "client.xml"))
        if server:
            parties.append(SippParty(self.file(server, "server.xml"), at=f"127.0.0.1:{UAS}"))
        return self.lab.sipp(*parties, **options)

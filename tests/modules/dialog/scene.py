"""Calls through a server that tracks them, step by step: alice calls bob, either may ring off.

scene = Scene()
scene.invite(); scene.ring(); scene.answer(); scene.ack()
assert scene.states == [4]
scene.bye()
scene.nothing_left()
"""

from __future__ import annotations

import re
from typing import Any

from kamscript.modules.dialog import Dialog
from kamscript.modules.dialog.cell import DialogCell
from tests.modules.tm.stage import ALICE, BOB, Sent, Stage, reply

MODULES = "tm tmx sl rr pv xlog textops siputils corex kex dialog"

#: A proxy between alice and bob that tracks every call.
PROXY = """
request_route {
    if (has_totag()) {
        if (!loose_route()) {
            if (is_method("ACK") && !t_check_trans()) exit;
        }
        WITHIN
        t_relay();
        exit;
    }
    if (is_method("CANCEL")) {
        if (t_check_trans()) t_relay();
        exit;
    }
    if (is_method("INVITE")) {
        BEFORE
        dlg_manage();
        AFTER
        record_route();
    }
    t_relay();
}
"""


def proxy(*, params: str = "", before: str = "", after: str = "", within: str = "", rest: str = "") -> str:
    """The config, with lines in front of and behind dlg_manage(), for sequential requests, and further blocks.

    `params` are modparams of dialog, `name=value` separated by spaces; texts in double quotes.
    """
    lines = "".join(
        f'modparam("dialog", "{name}", {value})\n'
        for name, value in (setting.split("=", 1) for setting in re.findall(r'(?:"[^"]*"|[^\s"])+', params))
    )
    return lines + PROXY.replace("WITHIN", within).replace("BEFORE", before).replace("AFTER", after) + rest


class Scene(Stage):
    """See the module. `invites` are the INVITEs that reached bob, `answered` the last 2xx that alice got."""

    def __init__(
        self,
        config: str = "",
        *,
        modules: str = MODULES,
        target: str = "5.6",
        own: Any = None,
        **more: str,
    ) -> None:
        super().__init__(config or proxy(**more), modules=modules, target=target, own=own)
        self.invites: list[Sent] = []
        self.answered: Sent | None = None
        self.cseqs = {"alice": 1, "bob": 0}

    # -- looking --------------------------------------------------------------------------------------------------
    @property
    def dialog(self) -> Dialog:
        """The module."""
        found = self.server.modules["dialog"]
        assert isinstance(found, Dialog)
        return found

    @property
    def dialogs(self) -> list[DialogCell]:
        """Every dialog in the table."""
        return list(self.dialog.table)

    @property
    def states(self) -> list[int]:
        """Their states."""
        return [dlg.state for dlg in self.dialogs]

    @property
    def only(self) -> DialogCell:
        """The only dialog."""
        (dlg,) = self.dialogs
        return dlg

    @property
    def counts(self) -> dict[str, int]:
        """The module's statistics that are not 0, `_dialogs` left out."""
        found = self.server.statistics.group("dialog")
        return {counter.name.removesuffix("_dialogs"): counter.get() for counter in found if counter.get()}

    def warned(self, origin: str = "dialog") -> list[str]:
        """What the module logged as notice or worse."""
        return [line for line in self.log if f": {origin}: " in line and not line.startswith(("INFO", "DEBUG"))]

    # -- the call -------------------------------------------------------------------------------------------------
    def invite(self, uri: str = "sip:bob@127.0.0.12", **more: str) -> list[Sent]:
        """Alice calls."""
        more.setdefault("headers", "Contact: <sip:alice@127.0.0.11:5060>\n")
        sent = super().invite(uri, **more)
        self.invites += [one for one in sent if one.line == "INVITE"]
        return sent

    def respond(self, status: str, *, tag: str = "b1", headers: str = "", fork: int = -1) -> list[Sent]:
        """Bob replies to the INVITE."""
        invite = self.invites[fork]
        recorded = "".join(f"Record-Route: {value}\n" for value in invite.header("Record-Route"))
        contact = "" if "Contact:" in headers else f"Contact: <sip:{tag}@127.0.0.12:5060>\n"
        sent = self.play(reply(invite, status, tag=tag, headers=recorded + contact + headers), BOB)
        for one in sent:
            if one.to == "alice" and one.line[0] == "2":
                self.answered = one
        return sent

    def ring(self, *, tag: str = "b1", headers: str = "", fork: int = -1) -> list[Sent]:
        """180."""
        return self.respond("180 Ringing", tag=tag, headers=headers, fork=fork)

    def answer(  # type: ignore[override]
        self, status: str = "200 OK", *, tag: str = "b1", headers: str = "", fork: int = -1
    ) -> list[Sent]:
        """200."""
        return self.respond(status, tag=tag, headers=headers, fork=fork)

    def request(
        self,
        method: str,
        by: str = "alice",
        *,
        headers: str = "",
        cookie: str | None = None,
        cseq: str = "",
        branch: str = "",
        callid: str = "call-1",
        tags: tuple[str, str] | None = None,
        answer: str = "200 OK",
    ) -> list[Sent]:
        """A request within the call; `cookie` replaces the `did` of the Route (""; none at all).

        `tags` replace From tag and To tag. What reached the other side is answered at once, unless `answer` is "".
        """
        assert self.answered is not None
        alice = by == "alice"
        route = self.answered.header("Record-Route")
        if cookie is not None:
            wanted = f";did={cookie}" if cookie else ""
            route = [re.sub(r";did=[^;>]*", lambda _: wanted, value) for value in route]
        self.cseqs[by] += method not in ("ACK",)
        number = cseq or str(self.cseqs[by])
        from_tag, to_tag = tags or (("a1", "b1") if alice else ("b1", "a1"))
        me, other = ("alice", "bob") if alice else ("bob", "alice")
        host = {"alice": "127.0.0.11", "bob": "127.0.0.12"}
        text = (
            f"{method} sip:{other}@{host[other]}:5060 SIP/2.0\n"
            f"Via: SIP/2.0/UDP {host[me]}:5060;branch={branch or f'z9hG4bK-{me}-{method}-{number}'}\n"
            f"From: <sip:{me}@example.com>;tag={from_tag}\nTo: <sip:{other}@example.com>;tag={to_tag}\n"
            f"Call-ID: {callid}\nCSeq: {number} {method}\nMax-Forwards: 70\n"
            + "".join(f"Route: {value}\n" for value in route)
            + f"{headers}Content-Length: 0\n\n"
        )
        sent = self.play(text, ALICE if alice else BOB)
        if answer and method != "ACK":
            for one in sent:
                if one.to == other and one.line == method:
                    sent += self.play(reply(one, answer, tag=""), BOB if alice else ALICE)
        return sent

    def ack(self, by: str = "alice", **more: Any) -> list[Sent]:
        """The ACK to the 2xx."""
        return self.request("ACK", by, **more)

    def bye(self, by: str = "alice", **more: Any) -> list[Sent]:
        """Ring off."""
        return self.request("BYE", by, **more)

    def call(self) -> None:
        """Up to the ACK."""
        self.invite()
        self.ring()
        self.answer()
        self.ack()

    def nothing_left(self, seconds: float = 60) -> None:
        """Once all transactions are gone the table is empty: no reference was kept too many."""
        self.advance(seconds)
        assert self.transactions == []
        assert self.dialogs == []
        assert self.dialog.table.count == 0
        assert self.dialog.expiry.empty

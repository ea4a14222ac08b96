"""tm: stateful processing.

`api.py` is what other modules use, `states.py` the transaction machines as tables, `engine.py` tells how the parts
build on each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.cfg import CfgVar
from kamscript.module import EventRoute, FixupError, Param
from kamscript.modules.tm.selects import Selects
from kamscript.modules.tm.tags import Tags

if TYPE_CHECKING:
    from collections.abc import Callable


def _one_of(*allowed: int) -> Callable[[int], str | None]:
    def check(value: int) -> str | None:
        return None if value in allowed else f"must be one of {', '.join(map(str, allowed))}"

    return check


def _timer(value: int) -> str | None:
    return None if value >= 0 else "must not be negative"


def _interval(value: int) -> str | None:
    return None if 0 <= value < 1 << 16 else "too big"


#: Settings that Kamailio keeps in another form than the one given: `cfg.get` does not show them.
_UNREADABLE = frozenset(
    {
        *("fr_timer", "fr_inv_timer", "wt_timer", "retr_timer1", "retr_timer2"),
        *("max_inv_lifetime", "max_noninv_lifetime", "cancel_b_method", "reparse_on_dns_failover"),
    }
)
#: Timers that Kamailio keeps in ticks, 16 a second.
_IN_TICKS = frozenset(("fr_timer", "fr_inv_timer", "wt_timer", "max_inv_lifetime", "max_noninv_lifetime"))
#: Settings with a check of their own.
_CHECKS: dict[str, Callable[[int], str | None]] = {"retr_timer1": _interval, "retr_timer2": _interval}


#: Parameters that can change at run time, as the group `tm` of the cfg framework: name, default, lowest, highest, doc.
_CFG: tuple[tuple[str, int | str | None, int, int, str], ...] = (
    ("auto_inv_100_reason", "trying -- your call is important to us", 0, 0, "Reason of the 100 sent to an INVITE."),
    ("default_reason", "Server Internal Error", 0, 0, "Reason of t_reply() when its argument has no value."),
    ("ac_extra_hdrs", None, 0, 0, "Headers of the INVITE sent that begin so are copied to CANCEL and ACK."),
    ("ruri_matching", 1, 0, 1, "Compare request URIs when matching requests without an RFC 3261 branch."),
    ("via1_matching", 1, 0, 1, "Compare the first Via when matching requests without an RFC 3261 branch."),
    ("callid_matching", 0, 0, 0, "Compare Call-IDs when matching."),
    ("callid_cseq_matching", 0, 0, 0, "Match replies by Call-ID and CSeq instead of the branch."),
    ("fr_timer", 30000, 0, 0, "How long to wait for a final reply, or an ACK to a negative one, ms."),
    ("fr_inv_timer", 120000, 0, 0, "How long to wait for a final reply to an INVITE behind a provisional one, ms."),
    ("fr_inv_timer_next", 30000, 0, 0, "fr_inv_timer of later branches of serial forking, ms."),
    ("wt_timer", 5000, 0, 0, "How long a finished transaction absorbs what comes late, ms."),
    ("retr_timer1", 500, 0, 0, "First retransmission interval, ms."),
    ("retr_timer2", 4000, 0, 0, "Longest retransmission interval, ms."),
    ("max_inv_lifetime", 180000, 0, 0, "How long an INVITE transaction lives at most, ms."),
    ("max_noninv_lifetime", 32000, 0, 0, "How long any other transaction lives at most, ms."),
    ("noisy_ctimer", 1, 0, 1, "Reply 408 also when the only branch of an INVITE never replied."),
    ("auto_inv_100", 1, 0, 1, "Send 100 when an INVITE is relayed."),
    ("unix_tx_timeout", 500, 0, 0, "How long writing to a Unix socket may take, ms."),
    ("restart_fr_on_each_reply", 1, 0, 1, "Restart fr_inv_timer on every provisional reply."),
    ("pass_provisional_replies", 0, 0, 1, "Tell TMCB_LOCAL_RESPONSE_OUT of provisional replies."),
    ("aggregate_challenges", 1, 0, 1, "Put the challenges of all branches into a 401 or 407."),
    ("unmatched_cancel", 0, 0, 2, "A CANCEL without INVITE: 0 forwarded with state, 1 without, 2 dropped."),
    ("default_code", 500, 400, 699, "Code of t_reply() when its argument has no value."),
    ("reparse_invite", 1, 0, 1, "Make CANCEL and ACK from the INVITE as it was sent."),
    ("blst_503", 0, 0, 1, "Blocklist who sends a 503."),
    ("blst_503_def_timeout", 0, 0, 0, "For how long, s, without Retry-After."),
    ("blst_503_min_timeout", 0, 0, 0, "At least how long, s."),
    ("blst_503_max_timeout", 3600, 0, 0, "At most how long, s."),
    ("blst_methods_add", 1, 0, 0, "Methods (bits) whose timeout blocklists the destination."),
    ("blst_methods_lookup", -9, 0, 0, "Methods (bits) that are not sent to blocklisted destinations."),
    ("cancel_b_method", 1, 0, 2, "Branches that never replied: 0 count as 487, 1 go on, 2 are sent CANCEL."),
    ("reparse_on_dns_failover", 1, 0, 1, "Make the next address's request from the one sent before."),
    ("disable_6xx_block", 0, 0, 1, "A 6xx counts as any other negative reply."),
    ("local_ack_mode", 0, 0, 2, "ACK own INVITEs along the route set (0), where they went (1), to the sender (2)."),
    ("local_cancel_reason", 1, 0, 1, "Add a Reason to CANCELs of our own."),
    ("e2e_cancel_reason", 1, 0, 1, "Copy the Reason of a received CANCEL."),
    ("relay_100", 0, 0, 1, "Relay 100 as a stateless proxy does."),
    ("enable_uac_fr", 0, 0, 1, "Failure routes for requests of this server."),
)


def _ticks(milliseconds: int) -> int:
    return (milliseconds * 16 + 999) // 1000


_VARIABLES = [
    CfgVar(
        name,
        default,
        doc,
        low=low,
        high=high,
        kind=str if default is None else None,
        readable=name not in _UNREADABLE,
        check=_CHECKS.get(name),
        stored=_ticks if name in _IN_TICKS else None,
    )
    for name, default, low, high, doc in _CFG
]


class Tm(Selects, name="tm"):
    """Stateful relaying, forking, replying and failure handling (RFC 3261 17, RFC 6026)."""

    fr_timer = Param(30000, "How long to wait for a final reply, or an ACK to a negative one, ms.", check=_timer)
    fr_inv_timer = Param(120000, "How long to wait for a final reply after a provisional one, ms.", check=_timer)
    max_inv_lifetime = Param(180000, "How long an INVITE transaction lives at most, ms.", check=_timer)
    max_noninv_lifetime = Param(32000, "How long any other transaction lives at most, ms.", check=_timer)
    wt_timer = Param(5000, "How long a finished transaction absorbs what comes late, ms.", check=_timer)
    delete_timer = Param(
        200,
        "Delay before a transaction's memory is freed, ms.",
        until="5.0",
        inert="transactions are freed when nothing refers to them",
    )
    retr_timer1 = Param(500, "First retransmission interval, ms.", check=_interval)
    retr_timer2 = Param(4000, "Longest retransmission interval, ms.", check=_interval)
    noisy_ctimer = Param(1, "Reply 408 also when the only branch of an INVITE never replied.")
    restart_fr_on_each_reply = Param(1, "Restart fr_inv_timer on every provisional reply.")
    auto_inv_100 = Param(1, "Send 100 when an INVITE is relayed.")
    auto_inv_100_reason = Param("trying -- your call is important to us", "Its reason phrase.")
    unix_tx_timeout = Param(500, "How long t_write_unix() may take, ms.", inert="files take what is written at once")
    aggregate_challenges = Param(1, "Put the challenges of all branches into a 401 or 407.")
    reparse_invite = Param(1, "Make CANCEL and ACK from the INVITE as it was sent.")
    ac_extra_hdrs = Param("", "Headers of the INVITE sent that begin so are copied to CANCEL and ACK.")
    blst_503 = Param(0, "Blocklist who sends a 503.")
    blst_503_def_timeout = Param(0, "For how long, s, without Retry-After.")
    blst_503_min_timeout = Param(0, "At least how long, s.")
    blst_503_max_timeout = Param(3600, "At most how long, s.")
    blst_methods_add = Param(1, "Methods (bits) whose timeout blocklists the destination.")
    blst_methods_lookup = Param(-9, "Methods (bits) that are not sent to blocklisted destinations.")
    cancel_b_method = Param(
        1, "Branches that never replied: 0 count as 487, 1 go on, 2 are sent CANCEL.", check=_one_of(0, 1, 2)
    )
    reparse_on_dns_failover = Param(1, "Make the next address's request from the one sent before.")
    on_sl_reply = Param("", "An onreply_route for replies without transaction; `drop` in it keeps them.")
    contacts_avp = Param("", "XAVP list in which t_load_contacts() keeps contacts.")
    contact_flows_avp = Param("", "XAVP list for further contacts of one instance.")
    xavp_contact = Param("", "XAVP list with attributes of contacts, moved along with them.")
    fr_timer_avp = Param("", "AVP with fr_timer, s (deprecated: t_set_fr()).")
    fr_inv_timer_avp = Param("", "AVP with fr_inv_timer, s (deprecated: t_set_fr()).")
    unmatched_cancel = Param(0, "A CANCEL without INVITE: 0 forwarded with state, 1 without, 2 dropped.")
    ruri_matching = Param(1, "Compare request URIs when matching requests without an RFC 3261 branch.")
    via1_matching = Param(1, "Compare the first Via when matching requests without an RFC 3261 branch.")
    callid_matching = Param(0, "Compare the Call-IDs of replies too; requests always match by theirs.")
    callid_cseq_matching = Param(0, "Match replies by Call-ID and CSeq instead of the branch.", since="5.6")
    pass_provisional_replies = Param(0, "Tell TMCB_LOCAL_RESPONSE_OUT of provisional replies.")
    default_code = Param(500, "Code of t_reply() when its argument has no value.")
    default_reason = Param("Server Internal Error", "Reason of t_reply() when its argument has no value.")
    disable_6xx_block = Param(0, "A 6xx counts as any other negative reply.")
    local_ack_mode = Param(0, "ACK own INVITEs along the route set (0), where they went (1), to the sender (2).")
    failure_reply_mode = Param(3, "Replies behind a failure route: 0 kept, 1 dropped, 2 last set, 3 if it forks anew.")
    faked_reply_prio = Param(0, "Added to the priority of replies that nobody sent when the best is picked.")
    local_cancel_reason = Param(1, "Add a Reason to CANCELs of our own.")
    e2e_cancel_reason = Param(1, "Copy the Reason of a received CANCEL.")
    remap_503_500 = Param(1, "Relay a 503 as 500.")
    failure_exec_mode = Param(0, "A branch that cannot be sent leads to the failure route (1) or to an error (0).")
    dns_reuse_rcv_socket = Param(0, "DNS failover sends by the socket the request came in by.")
    event_callback = Param(
        "", "KEMI function for tm:local-request.", since="5.6", inert="routes are not written in KEMI here"
    )
    event_callback_lres_sent = Param(
        "", "KEMI function for tm:local-response.", since="5.6", inert="routes are not written in KEMI here"
    )
    relay_100 = Param(0, "Relay 100 as a stateless proxy does.", since="5.6")
    rich_redirect = Param(0, "Contacts of a 3xx carry branch flags (1) and Path (2).", since="5.6")
    exec_time_check = Param(5000, "Warn when a failure route takes as long, ms; 0: never.", since="5.6")
    reply_relay_mode = Param(
        1, "Keep a 2xx behind the final reply for retransmission (0), or only pass it on (1).", since="5.6"
    )
    enable_uac_fr = Param(0, "Failure routes for requests of this server.", since="5.6")
    tw_append: Param[list[str]] = Param(
        [],
        "Lists of what t_write_req() and t_write_unix() append.",
        kind=str,
        repeat=True,
        inert="these functions are refused at load",
    )
    delayed_reply = Param(1, "Send the error reply of a failed t_relay() at the end of the script.", since="6.x")
    reply_408_code = Param(408, "Code sent upstream when nobody answered.", since="6.x")
    reply_408_reason = Param("Request Timeout", "Its reason phrase.", since="6.x")
    failover_reply_codes = Param(
        "", "Replies that DNS failover goes on behind, beside 503: `code=403;class=5`.", since="6.x"
    )
    reply_matching = Param(1, "Replies do not match transactions that wait for their end.", since="6.x")
    headers_mode = Param(0, "1: copy the other headers of a received CANCEL to those sent on.", since="6.x")
    local_ack_branch_mode = Param(0, "Via branch of own ACKs: INVITE's (0), near it (1), new (2).", since="6.x")
    e2e_cancel_hop_by_hop = Param(1, "Branches get CANCELs of their own (1), or the received one (0).", since="6.x")
    evlreq_mode = Param(0, "tm:local-request also for hop-by-hop CANCEL (1) and ACK (2).", since="6.x")
    evcb_local_ack_sent = Param(
        "", "KEMI function for tm:local-ack-sent.", since="6.x", inert="routes are not written in KEMI here"
    )

    local_request = EventRoute("tm:local-request", "A request of this server is about to be sent.")
    local_response = EventRoute("tm:local-response", "A reply of this server was sent.")
    local_ack_sent = EventRoute("tm:local-ack-sent", "The ACK to the 2xx of an INVITE of this server was sent.")
    branch_failure = EventRoute("tm:branch-failure", "A branch failed (tm:branch-failure:NAME).")

    def start(self) -> None:
        """Check what belongs together; take a place on the way of requests and replies."""
        server = self.server
        if self.contacts_avp and not self.contact_flows_avp:
            raise FixupError("contact_flows_avp param has not been defined")
        self.fr_avp = self._avp(self.fr_timer_avp)
        self.fr_inv_avp = self._avp(self.fr_inv_timer_avp)
        self.max_branches = server.settings["max_branches"]
        self.failover_codes = self._codes(self.failover_reply_codes)
        if "reply_matching" not in server.plan.modules["tm"].given and server.target != "6.x":
            # Only 6.x does so by default.
            self.reply_matching = 0
        self.cfg = values = {name: getattr(self, name, default) for name, default, _, _, _ in _CFG}
        values["ac_extra_hdrs"] = self.ac_extra_hdrs or None
        server.cfg.adopt("tm", _VARIABLES, values)
        self.next_label = server.environment.chance.getrandbits(31)
        self.tags = Tags(server, "SER-TM/tags", "-")
        self.start_identities()
        server.hooks.post_script.append(self.after_script)
        server.hooks.reply_in.append(self.reply_in)
        server.hooks.send_failed.append(self.sending_failed)

    def _codes(self, text: str) -> tuple[frozenset[int], int]:
        """The codes of failover_reply_codes, and the lowest class (0: none)."""
        codes: set[int] = set()
        lowest = 0
        for item in text.split(";"):
            if not item.strip():
                continue
            name, _, value = item.partition("=")
            if name.strip() not in ("code", "class") or not value.strip().isdecimal():
                raise FixupError(f"bad failover_reply_codes: {item}")
            number = int(value)
            if name.strip() == "code":
                codes.add(number)
            else:
                lowest = min(lowest or number, number)
        return frozenset(codes), lowest

    def _avp(self, text: str) -> int | str | None:
        """The name of the AVP that a parameter names: `$avp(x)`, `$avp(i:10)`, `i:10`, `s:x`."""
        if not text:
            return None
        self.server.log.warning("tm", "using AVP for TM timers is deprecated, use t_set_fr(...) instead")
        inner = text
        if text.startswith("$"):
            if not (text.startswith("$avp(") and text.endswith(")")):
                raise FixupError(f"malformed or non AVP {text} AVP definition")
            inner = text[5:-1]
        kind, separator, name = inner.partition(":")
        if separator and kind in ("i", "s"):
            if kind == "i":
                if not name.isdecimal():
                    raise FixupError(f"malformed or non AVP {text} AVP definition")
                return int(name)
            return name
        return int(inner) if inner.isdecimal() else inner

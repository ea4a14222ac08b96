"""What the dialog module can be told, what it counts, and the parts that it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.module import EventRoute, Module, Param, Statistic

if TYPE_CHECKING:
    from collections.abc import Callable

    from kamscript.modules.dialog.callbacks import GlobalCallbacks
    from kamscript.modules.dialog.context import DialogContext
    from kamscript.modules.dialog.dmq import Replication
    from kamscript.modules.dialog.expiry import Expiry
    from kamscript.modules.dialog.profiles import Profiles
    from kamscript.modules.dialog.requests import Requests
    from kamscript.modules.dialog.store import Store
    from kamscript.modules.dialog.table import DialogTable
    from kamscript.modules.dialog.tracking import Tracking


def _either(value: int) -> str | None:
    return None if value in (0, 1) else "must be 0 or 1"


def _within(low: int, high: int) -> Callable[[int], str | None]:
    return lambda value: None if low <= value <= high else f"must be from {low} to {high}"


def _positive(value: int) -> str | None:
    return None if value > 0 else "must be greater than 0"


def _avp(text: str) -> str | None:
    return None if text else "must be an AVP, as in $avp(timeout)"


def _ka_interval(value: int) -> str | None:
    return None if value == 0 or value >= 30 else f"ka interval too low ({value}), has to be at least 30"


class Parameters(Module):
    """Base of the parts of `Dialog` that declare what scripts and commands use."""

    context: DialogContext
    table: DialogTable
    expiry: Expiry
    tracking: Tracking
    profiles: Profiles
    requests: Requests
    store: Store
    callbacks: GlobalCallbacks
    replication: Replication | None  #: None: enable_dmq is not set

    enable_stats = Param(1, "Whether statistics are kept.")
    hash_size = Param(4096, "Slots of the dialog table; rounded down to a power of two.")
    rr_param = Param("did", "Name of the Record-Route parameter with the dialog's cookie.")
    dlg_flag = Param(-1, "Message flag that makes an initial INVITE start a dialog.", until="5.6")
    timeout_avp = Param("", "AVP with the lifetime of a dialog, s.", check=_avp)
    default_timeout = Param(43200, "Lifetime without one, s.", check=_positive)
    early_timeout = Param(300, "How long a dialog may wait for its 2xx, s.", since="5.6")
    noack_timeout = Param(60, "How long a dialog may wait for its ACK, s.", since="5.6")
    end_timeout = Param(300, "How long an ended dialog may stay in memory, s.", since="5.6")
    dlg_extra_hdrs = Param("", "Headers of the requests of this server, each with CRLF.")
    dlg_match_mode = Param(
        0, "Matching by cookie (0), by cookie or elements (1), by elements (2).", check=_within(0, 2)
    )
    detect_spirals = Param(1, "Whether an INVITE that comes again belongs to the dialog it made.", check=_either)
    db_url = Param("mysql://kamailio:kamailiorw@localhost/kamailio", "Database of the dialogs.")
    db_mode = Param(0, "When it is written: never (0), at once (1), periodically (2), at shutdown (3).")
    db_update_period = Param(60, "Period of db_mode 2, s.")
    db_fetch_rows = Param(200, "Rows fetched at once when dialogs are loaded; 0: all.")
    db_skip_load = Param(0, "Do not load dialogs at start.")
    table_name = Param("dialog", "Table of dialogs.")
    call_id_column = Param("callid", "Its column with the Call-ID.")
    from_uri_column = Param("from_uri", "Its column with the URI in From.")
    from_tag_column = Param("from_tag", "Its column with the caller's tag.")
    to_uri_column = Param("to_uri", "Its column with the URI in To.")
    to_tag_column = Param("to_tag", "Its column with the callee's tag.")
    from_cseq_column = Param("caller_cseq", "Its column with the caller's CSeq.")
    to_cseq_column = Param("callee_cseq", "Its column with the callee's CSeq.")
    from_route_column = Param("caller_route_set", "Its column with the route set towards the caller.")
    to_route_column = Param("callee_route_set", "Its column with the route set towards the callee.")
    from_contact_column = Param("caller_contact", "Its column with the caller's Contact.")
    to_contact_column = Param("callee_contact", "Its column with the callee's Contact.")
    from_sock_column = Param("caller_sock", "Its column with the socket that the caller talks to.")
    to_sock_column = Param("callee_sock", "Its column with the socket that the callee talks to.")
    h_id_column = Param("hash_id", "Its column with the number in the slot.")
    h_entry_column = Param("hash_entry", "Its column with the slot.")
    state_column = Param("state", "Its column with the state.")
    start_time_column = Param("start_time", "Its column with the start time.")
    timeout_column = Param("timeout", "Its column with the time of expiry.")
    sflags_column = Param("sflags", "Its column with the script's flags.")
    toroute_column = Param("toroute_name", "Its column with the name of the timeout route.", name="toroute_name_column")
    toroute_manual = Param(
        "toroute_name",
        "`toroute_name_column` as the 4.x manual names it.",
        name="toroute_column",
        until="4.4",
        set="name_toroute_column",
    )
    vars_table_name = Param("dialog_vars", "Table of dialog variables.")
    vars_h_id_column = Param("hash_id", "Its column with the number in the slot.")
    vars_h_entry_column = Param("hash_entry", "Its column with the slot.")
    vars_key_column = Param("dialog_key", "Its column with the name.")
    vars_value_column = Param("dialog_value", "Its column with the value.")
    profiles_with_value = Param("", "Names of profiles with values, separated by `;`.")
    profiles_no_value = Param("", "Names of profiles without values, separated by `;`.")
    bridge_controller = Param("sip:controller@kamailio.org", "From of the INVITE of dlg_bridge().")
    bridge_contact = Param("sip:controller@kamailio.org:5060", "Its Contact.")
    ruri_pvar = Param("$ru", "Text with pseudo-variables that is kept as the request URI.")
    initial_cbs_inscript = Param(1, "Callbacks of new dialogs run in dlg_manage() (1) or later (0).", check=_either)
    send_bye = Param(0, "Send BYE to both sides of every dialog that expires.")
    wait_ack = Param(1, "Keep a failed dialog until its transaction is gone.")
    xavp_cfg = Param("", "Name of an XAVP.", inert="no Kamailio looks at it either")
    ka_timer = Param(0, "Period of keepalives, s; 0: none.")
    ka_interval = Param(0, "At least so long between two keepalives of a dialog, s.", check=_ka_interval)
    ka_failed_limit = Param(1, "Unanswered keepalives that end a dialog.", since="5.6")
    timeout_noreset = Param(0, "Requests within a dialog do not start its lifetime again.", check=_either)
    timer_procs = Param(0, "Whether a process of its own ends dialogs.", inert="one process does everything here")
    track_cseq_updates = Param(0, "Follow CSeq numbers that uac_auth() raised.")
    lreq_callee_headers = Param("", "Headers of the requests of this server to callees, each with CRLF.")
    enable_dmq = Param(0, "Share dialogs with the nodes of a DMQ bus.", since="5.6")
    event_callback = Param(
        "", "KEMI function in place of the event routes.", since="5.6", inert="routes are not written in KEMI here"
    )
    h_id_start = Param(0, "First number in a slot; -1: the server_id.", since="5.6")
    h_id_step = Param(1, "Step between two numbers in a slot.", since="5.6")
    keep_proxy_rr = Param(
        0, "Keep our Record-Route in route sets: callee's (1), caller's (2).", check=_within(0, 3), since="5.6"
    )
    dlg_filter_mode = Param(0, "1: let only dialogs of our own sockets expire.", since="5.6")
    bye_early_code = Param(480, "Reply to the caller when dlg_bye() ends an early dialog.", since="6.x")
    bye_early_reason = Param("Temporarily Unavailable", "Its reason phrase.", since="6.x")
    debug_variables = Param(0, "Log every variable of a dialog when it is used.", since="6.x")
    dlg_ctxiuid_mode = Param(0, "1: the dialog of a CANCEL is the current one once it was looked for.", since="6.x")
    dlg_mode = Param(0, "Transactions move dialogs (0), or the script: dlg_set_state() (1).", since="6.x")
    dmq_peer_id = Param("dialog", "Name of the DMQ peer.", since="6.x")
    enable_dmq_ka_iflags_sync = Param(0, "Share whether keepalives are sent.", since="6.x")

    def name_toroute_column(self, name: str) -> None:
        """Take the column's name from the parameter of the manual."""
        self.__dict__["toroute_column"] = name

    active = Statistic("active_dialogs", "Confirmed dialogs now.", reset=False)
    early = Statistic("early_dialogs", "Ringing dialogs now.", reset=False)
    processed = Statistic("processed_dialogs", "Dialogs made since start.")
    expired = Statistic("expired_dialogs", "Dialogs that ended without BYE since start.")
    failed = Statistic("failed_dialogs", "Dialogs that were never confirmed since start.")

    started = EventRoute("dialog:start", "The call was answered.")
    ended = EventRoute("dialog:end", "The call ended: BYE, or its lifetime is over.")
    not_completed = EventRoute("dialog:failed", "The call was never answered with a 2xx.")

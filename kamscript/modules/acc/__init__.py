"""acc: account transactions and calls, in the log and in databases.

    attributes.py   what a record holds
    backends.py     lines of the log, rows of a database
    reasons.py      reason phrases of replies that this server made
    cdr.py          one record for each dialog

A config sets message flags; the module hears of the transaction and writes the records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from kamscript import stores
from kamscript.core.context import Context
from kamscript.core.errors import reason_phrase
from kamscript.module import Fixup, FixupError, Module, Param, Route, Str, function
from kamscript.modules.acc.attributes import Extra, Legs, Record, make_record, parse_extras, split_comment
from kamscript.modules.acc.backends import DatabaseBackend, Engine, LogBackend
from kamscript.modules.tm.callbacks import (
    TMCB_E2EACK_IN,
    TMCB_ON_FAILURE,
    TMCB_REQUEST_IN,
    TMCB_RESPONSE_OUT,
    TmcbParams,
)
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.modules.acc.cdr import CdrEngine, CdrWriter
    from kamscript.modules.rr import Rr
    from kamscript.modules.tm import Tm
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.sip.message import Message
    from kamscript.sip.nameaddr import ToBody

_NAME = "acc"
_MAX_FLAG = 31
_MAX_FILTER = 15
_MAX_TABLE_NAME = 64
_TABLE_VERSIONS = {"acc": 5, "missed_calls": 4}
_FACILITIES = {
    *("LOG_AUTH", "LOG_CRON", "LOG_DAEMON", "LOG_KERN", "LOG_LPR", "LOG_MAIL", "LOG_NEWS", "LOG_USER", "LOG_UUCP"),
    *("LOG_AUTHPRIV", "LOG_FTP", "LOG_SYSLOG"),
    *(f"LOG_LOCAL{number}" for number in range(8)),
}
REQUEST, MISSED, ANSWERED, ACKED = "request accounted", "call missed", "transaction answered", "request acknowledged"


class _CommentFixup(Fixup):
    """A text that must not be empty."""

    def convert(self, value: Any) -> str:
        if value in (None, ""):
            raise FixupError("first parameter is empty")
        return str(value)


class _GoneFixup(Fixup):
    """An argument of a function that left this module."""

    constant = True

    def resolve(self, text: str, server: Server) -> Any:
        raise FixupError("accounting over RADIUS and Diameter left module acc; kamscript has no such backend")


if TYPE_CHECKING:
    Comment = str
    Gone = str
else:
    Comment = Annotated[str, _CommentFixup()]
    Gone = Annotated[object, _GoneFixup()]


class Acc(Module, name="acc", requires=("tm",), after=("tm",)):
    """Account transactions: what was asked, who answered, how and when."""

    early_media = Param(0, "Account provisional replies with a body.")
    failed_transaction_flag = Param(-1, "Message flag: account transactions that fail, too.")
    failed_filter = Param("", "Codes, separated by commas, of failures that are not accounted.")
    report_ack = Param(0, "Account ACKs to 2xx replies.")
    report_cancels = Param(0, "Account CANCELs.")
    multi_leg_info = Param("", "AVPs with one value per call leg, `name=$avp(x);...`.")
    detect_direction = Param(0, "Change From and To of requests that go to the caller.")
    acc_prepare_flag = Param(-1, "Message flag: other flags may be set later, in a failure route.")
    acc_prepare_always = Param(0, "Let flags be set later, as acc_prepare_flag does, for every request.")
    reason_from_hf = Param(0, "Take the reason from the Reason header of the reply.")
    acc_extra_nullable = Param(0, "Keep null extra values as NULL.", since="5.6")
    clone_msg = Param(1, "Copy the request for each record.", inert="the request is shared with no other process")
    acc_extra_size = Param(64, "Most extra attributes.", since="5.6")

    log_flag = Param(-1, "Message flag: account in the log.")
    log_missed_flag = Param(-1, "Message flag: account missed calls in the log.")
    log_level = Param(1, "Log level of the lines.")
    log_facility = Param("", "Log facility of the lines.")
    log_extra = Param("", "Extra attributes of the lines, `name=$pv;...`.")

    db_url = Param("", "Database of the tables; empty none.")
    db_flag = Param(-1, "Message flag: account in the database.")
    db_missed_flag = Param(-1, "Message flag: account missed calls in the database.")
    db_table_acc = Param("acc", "Table of records; may hold pseudo-variables.")
    db_table_missed_calls = Param("missed_calls", "Table of missed calls; may hold pseudo-variables.")
    db_extra = Param("", "Extra columns, `name=$pv;...`.")
    db_insert_mode = Param(0, "1: INSERT DELAYED where the database knows it; 2: asynchronous, which waits here too.")
    db_version_check = Param(-1, "Check the versions of the tables; from 6.x on that is the default.", since="6.x")
    acc_method_column = Param("method", "Column of the method.")
    acc_from_tag_column = Param("from_tag", "Column of the From tag.")
    acc_to_tag_column = Param("to_tag", "Column of the To tag.")
    acc_callid_column = Param("callid", "Column of the Call-ID.")
    acc_sip_code_column = Param("sip_code", "Column of the reply code.")
    acc_sip_reason_column = Param("sip_reason", "Column of the reason phrase.")
    acc_time_column = Param("time", "Column of the time.")

    time_mode = Param(0, "More about the time: 1 microseconds, 2 fraction, 3 local text, 4 UTC text.")
    time_attr = Param("time_attr", "Attribute or column for it.")
    time_exten = Param("time_exten", "Attribute or column of the microseconds.")
    time_format = Param("%Y-%m-%d %H:%M:%S", "Form of the text, as strftime() takes it.")

    cdr_enable = Param(0, "Write a call data record at the end of each dialog.")
    cdr_skip = Param("", "Dialog variable: no record when it is set.", since="5.6")
    cdr_expired_dlg_enable = Param(0, "Write records of dialogs that expired.")
    cdr_start_on_confirmed = Param(0, "The call starts when it is answered, not when it is made.")
    cdr_facility = Param("", "Log facility of the records.")
    cdr_extra = Param("", "Extra attributes, `name=$pv;...`.")
    cdr_extra_nullable = Param(0, "Keep null extra values as NULL.", since="5.6")
    cdr_extra_size = Param(64, "Most extra attributes.", since="5.6")
    cdr_start_id = Param("start_time", "Name of the start.")
    cdr_end_id = Param("end_time", "Name of the end.")
    cdr_duration_id = Param("duration", "Name of the duration.")
    cdr_duration_mode = Param(1, "Duration in 0 seconds, 1 with milliseconds, 2 with microseconds.", since="6.x")
    cdr_log_enable = Param(1, "Write records to the log.")
    cdrs_table = Param("", "Table of records; empty none.")
    cdr_on_failed = Param(1, "Write records of calls that were not answered.")

    radius_config = Param("", "RADIUS: gone.", set="gone", until="4.4")
    radius_flag = Param(-1, "RADIUS: gone.", set="gone", until="4.4")
    radius_missed_flag = Param(-1, "RADIUS: gone.", set="gone", until="4.4")
    radius_extra = Param("", "RADIUS: gone.", set="gone", until="4.4")
    service_type = Param(-1, "RADIUS: gone.", set="gone", until="4.4")
    diameter_flag = Param(-1, "Diameter: gone.", set="gone", until="4.4")
    diameter_missed_flag = Param(-1, "Diameter: gone.", set="gone", until="4.4")
    diameter_extra = Param("", "Diameter: gone.", set="gone", until="4.4")
    diameter_client_host = Param("", "Diameter: gone.", set="gone", until="4.4")
    diameter_client_port = Param(0, "Diameter: gone.", set="gone", until="4.4")

    database: DatabaseBackend | None = None
    cdrs: CdrWriter | None = None

    def gone(self, value: object) -> None:
        """Refuse a parameter of a backend that left this module."""
        raise FixupError("accounting over RADIUS and Diameter left module acc; kamscript has no such backend")

    def start(self) -> None:
        """Check the parameters and ask tm for every new transaction."""
        self.tm: Tm = self.server.module("tm")
        self.engines: list[Engine] = []
        self.cdr_engines: list[CdrEngine] = []
        self._tags_known = False
        self._check()
        if self.detect_direction:
            if "rr" not in self.server.modules:
                raise FixupError("can't load RR API")
            self.rr: Rr = self.server.module("rr")
            if not self.rr.append_fromtag:
                raise FixupError("'append_fromtag' RR param is not enabled! - required by 'detect_direction'")
        size = self.acc_extra_size
        legs = Legs(self.multi_leg_info, self.server, size) if self.given("multi_leg_info") else None
        self.log_backend = LogBackend(self, self._extras(self.log_extra, "log_extra"), legs)
        if self.cdr_enable:
            from kamscript.modules.acc.cdr import CdrWriter  # brings module dialog along

            self.cdrs = CdrWriter(self)
        if self.db_url:
            self.database = DatabaseBackend(self, self._extras(self.db_extra, "db_extra"), legs)
            for table in (self.db_table_acc, self.db_table_missed_calls):
                if "$" in table:
                    continue
                if self.db_version_check == 1 or (self.db_version_check == -1 and self.server.target == "6.x"):
                    self.database.db.check_version(table, _TABLE_VERSIONS.get(table, _TABLE_VERSIONS["acc"]))
                if table in _TABLE_VERSIONS or stores.table(table) is None:  # else it is another one of Kamailio's
                    self.database.adopt(table)
        else:
            self.db_flag = self.db_missed_flag = -1
        self._table_acc = self._format(self.db_table_acc)
        self._table_missed = self._format(self.db_table_missed_calls)
        self.tm.register_tmcb(TMCB_REQUEST_IN, self._request_in)

    def ready(self) -> None:
        """Hear of dialogs; connect to the database."""
        if self.cdrs is not None:
            self.cdrs.ready()
        if self.database is not None:
            try:
                self.database.db.connect()
            except DatabaseError as error:
                raise FixupError(f"could not open database connection: {error}") from error

    def _check(self) -> None:
        for name, used in (("log_facility", True), ("cdr_facility", self.cdr_enable)):
            if used and self.given(name) and getattr(self, name).upper() not in _FACILITIES:
                raise FixupError(f"{name}: no such log facility: {getattr(self, name)!r}; LOG_DAEMON is one")
        flags = ("failed_transaction_flag", "log_flag", "log_missed_flag")
        for name in (*flags, *(("db_flag", "db_missed_flag") if self.db_url else ())):
            if not -1 <= getattr(self, name) <= _MAX_FLAG:
                raise FixupError(f"{name} set to invalid value")
        for name in ("cdr_enable", "cdr_extra_nullable", "cdr_expired_dlg_enable"):
            if getattr(self, name) not in (0, 1):
                raise FixupError(f"{name} is out of range")
        if not 0 <= self.cdr_duration_mode <= 2:
            raise FixupError("cdr_duration_mode is out of range")
        self._filter = self._parse_filter()

    def given(self, name: str) -> bool:
        """Whether the config sets a parameter."""
        return name in self.server.plan.modules[self.name].given

    def _parse_filter(self) -> set[int]:
        if not self.failed_filter:
            return set()
        codes = self.failed_filter.split(",")
        if len(codes) > _MAX_FILTER:
            raise FixupError("too many elements in failed_filter")
        for code in codes:
            if len(code) != 3 or not code.isascii() or not code.isdigit():
                raise FixupError("response code in failed_filter must have 3 digits")
            if int(code) < 300:
                raise FixupError(f"invalid response code {code} in failed_filter")
        return {int(code) for code in codes}

    def _extras(self, text: str, what: str) -> list[Extra]:
        return parse_extras(text, self.server, self.acc_extra_size, what) if self.given(what) else []

    def _format(self, text: str) -> Any:
        from kamscript.script.format import format_of

        return format_of(text, self.server)

    # -- functions ------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def acc_log_request(self, ctx: Context, comment: Comment) -> int:
        """Account the request in the log, with `comment` for its code and reason."""
        if not self._complete(ctx.msg):
            return -1
        code, reason = split_comment(comment)
        self.log_backend.write(REQUEST, make_record(ctx.msg, ctx.msg.to, code, reason, self._now), ctx)
        return 1

    @function(Route.ANY)
    def acc_db_request(self, ctx: Context, comment: Comment, table: Str) -> int:
        """Account the request in a table of the database."""
        if self.database is None:
            self.error("db support not configured")
            return -1
        if not self._complete(ctx.msg) or not self._table_fits(table):
            return -1
        code, reason = split_comment(comment)
        record = make_record(ctx.msg, ctx.msg.to, code, reason, self._now)
        return 1 if self.database.write(table, record, ctx) else -1

    @function(Route.ANY, since="5.6")
    def acc_request(self, ctx: Context, comment: Str, table: Str) -> int:
        """Account the request in the log and, when there is one, in the database."""
        if not comment or "$" in comment:
            self.error("failed execution")
            return -1
        if not self._complete(ctx.msg):
            return -1
        code, reason = split_comment(comment)
        record = make_record(ctx.msg, ctx.msg.to, code, reason, self._now)
        self.log_backend.write(REQUEST, record, ctx)
        if self.database is None:
            return 1
        if not table or not self._table_fits(table):
            self.error("cannot set table name")
            return -1
        return 1 if self.database.write(table, record, ctx) else -1

    @function(Route.ANY, until="4.4")
    def acc_rad_request(self, ctx: Context, comment: Gone) -> int:
        """Account the request over RADIUS: refused at load, the backend left this module."""
        raise NotImplementedError

    @function(Route.ANY, until="4.4")
    def acc_diam_request(self, ctx: Context, comment: Gone) -> int:
        """Account the request over Diameter: refused at load, the backend left this module."""
        raise NotImplementedError

    # -- transactions ---------------------------------------------------------------------------------------------
    def register_engine(self, engine: Engine) -> None:
        """Hand records to another module, too."""
        self.engines.append(engine)

    def register_cdr_engine(self, engine: CdrEngine) -> bool:
        """Hand call data records to another module, too; False: without `cdr_enable` there are none.

        It hears of every record, also of those that `cdr_skip` and `cdr_expired_dlg_enable` leave out, and finds the
        values by `cdrs.fixed_values()` and `cdrs.extra_values()`.
        """
        if self.cdrs is None:
            return False
        self.cdr_engines.append(engine)
        return True

    def _request_in(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """A request becomes a transaction: hear how it ends when it is, or may be, accounted."""
        msg = params.request
        if msg is None or (msg.method == "CANCEL" and not self.report_cancels):
            return
        accounted, missed = self._accounted(msg), self._missed(msg)
        prepared = bool(self.acc_prepare_always) or _flag(msg, self.acc_prepare_flag)
        if not (accounted or missed or prepared):
            return
        if not self._complete(msg):
            return
        kinds = TMCB_RESPONSE_OUT
        if self.report_ack and accounted:
            kinds |= TMCB_E2EACK_IN
        if msg.method == "INVITE" and (missed or prepared):
            kinds |= TMCB_ON_FAILURE
        self.tm.register_tmcb(kinds, self._happened, t=t)
        if self.detect_direction:
            from kamscript.modules.rr.loose import UPSTREAM

            t.state[_NAME] = _State(upstream=self.rr.direction(params.ctx) == UPSTREAM)

    def _happened(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        if kind == TMCB_RESPONSE_OUT:
            self._replied(t, params)
        elif kind == TMCB_E2EACK_IN:
            self._acked(t, params)
        elif kind == TMCB_ON_FAILURE and params.request is not None:
            self._report_missed(t, params.request, params, Route.FAILURE)

    def _replied(self, t: Transaction, params: TmcbParams) -> None:
        """A reply was sent upstream."""
        msg, code = params.request, params.code
        if msg is None:
            return
        if t.is_invite and code >= 300 and self._missed(msg):
            self._report_missed(t, msg, params)
        if not self._counts(msg, params):
            return
        status, reason = self._status(params)
        with _Branch(t, msg, code, self.tm):
            ctx = self._context(t, msg, params)
            to, tag, upstream = _to(msg, params), self._local_tag(params), _state(t).upstream
            record = make_record(msg, to, status, reason, self._now, to_tag=tag, upstream=upstream)
            if _flag(msg, self.log_flag):
                self.log_backend.write(ANSWERED, record, ctx)
            if _flag(msg, self.db_flag) and self.database is not None:
                self._insert(self._table_acc(ctx), record, ctx)
            self._run_engines(ANSWERED, msg, record, ctx)

    def _counts(self, msg: Message, params: TmcbParams) -> bool:
        """Whether the reply is accounted (should_acc_reply)."""
        code = params.code
        if code >= 300:
            return _flag(msg, self.failed_transaction_flag) and code not in self._filter
        if not self._accounted(msg):
            return False
        if code < 200:
            length = params.reply.content_length if params.reply is not None else None
            return bool(self.early_media and length)
        return True

    def _report_missed(self, t: Transaction, msg: Message, params: TmcbParams, route: Route = Route.REQUEST) -> None:
        """A call was not answered: report it once, so the flags that asked for it go."""
        status, reason = self._status(params)
        self._tags_known |= params.reply is None
        with _Branch(t, msg, params.code, self.tm):
            ctx = self._context(t, msg, params, route)
            to, tag, upstream = _to(msg, params), self._local_tag(params), _state(t).upstream
            record = make_record(msg, to, status, reason, self._now, to_tag=tag, upstream=upstream)
            reset = 0
            if _flag(msg, self.log_missed_flag):
                self.log_backend.write(MISSED, record, ctx)
                reset |= 1 << self.log_missed_flag
            if _flag(msg, self.db_missed_flag) and self.database is not None:
                self._insert(self._table_missed(ctx), record, ctx)
                reset |= 1 << self.db_missed_flag
            for engine in self.engines:
                if _flag(msg, engine.missed_flag):
                    engine.write(MISSED, record, ctx)
                    reset |= 1 << engine.missed_flag
            msg.flags &= ~reset

    def _acked(self, t: Transaction, params: TmcbParams) -> None:
        """The caller acknowledged the 200."""
        ack, msg = params.request, t.request
        if ack is None or msg is None or not self._complete(ack):
            return
        ctx = self._context(t, ack, params)
        record = make_record(ack, ack.to or msg.to, str(t.status), reason_phrase(t.status), self._now)
        if _flag(msg, self.log_flag):
            self.log_backend.write(ACKED, record, ctx)
        if _flag(msg, self.db_flag) and self.database is not None:
            self._insert(self._table_acc(ctx), record, ctx)
        self._run_engines(ACKED, ack, record, ctx)

    def _local_tag(self, params: TmcbParams) -> str:
        """The tag that this server's own reply carries. Kamailio knows it from the first missed call on."""
        return self.tm.reply_totag(params.ctx) if params.reply is None and self._tags_known else ""

    def _run_engines(self, event: str, msg: Message, record: Record, ctx: Context) -> None:
        for engine in self.engines:
            if _flag(msg, engine.flag):
                engine.write(event, record, ctx)

    def _insert(self, table: str, record: Record, ctx: Context) -> None:
        if self._table_fits(table) and self.database is not None:
            self.database.write(table, record, ctx)

    def _table_fits(self, table: str) -> bool:
        if len(table) < _MAX_TABLE_NAME:
            return True
        self.error(f"acc db table name too big [{table}] max {_MAX_TABLE_NAME}")
        return False

    def _status(self, params: TmcbParams) -> tuple[str, str]:
        """Code and reason of a reply; the reason of one that this server made is that of its code."""
        reply = params.reply
        if reply is None:
            return str(params.code), reason_phrase(params.code)
        reason = reply.value("reason") if self.reason_from_hf else None
        return f"{reply.status:03d}", reply.reason if reason is None else reason

    def _context(self, t: Transaction, msg: Message, params: TmcbParams, route: Route = Route.REQUEST) -> Context:
        """What extra attributes are evaluated over: the request, with the values of its transaction."""
        ctx = Context(self.server, msg, route)
        source = t if t.avps is not None else params.ctx
        if source.avps is not None:
            ctx.avps = source.avps
        ctx.xavps, ctx.xavus, ctx.xavis = source.xavps, source.xavus, source.xavis
        ctx.t, ctx.reply = t, params.reply
        return ctx

    @property
    def _now(self) -> float:
        return self.server.timers.now

    def _accounted(self, msg: Message) -> bool:
        return (
            _flag(msg, self.log_flag)
            or _flag(msg, self.db_flag)
            or (any(_flag(msg, engine.flag) for engine in self.engines))
        )

    def _missed(self, msg: Message) -> bool:
        flags = (self.log_missed_flag, self.db_missed_flag, *(engine.missed_flag for engine in self.engines))
        return any(_flag(msg, flag) for flag in flags)

    def _complete(self, msg: Message) -> bool:
        if msg.from_ is not None and msg.to is not None and msg.cseq is not None:
            return True
        self.error("failed to preparse request")
        return False

    def error(self, text: str) -> None:
        """Log an error."""
        self.server.log.error(_NAME, text)

    def warning(self, text: str) -> None:
        """Log a warning."""
        self.server.log.warning(_NAME, text)


class _State:
    """What is kept with a transaction."""

    __slots__ = ("upstream",)

    def __init__(self, *, upstream: bool = False) -> None:
        self.upstream = upstream


class _Branch:
    """While it lasts, the request URI is that of the branch whose reply counts."""

    def __init__(self, t: Transaction, msg: Message, code: int, tm: Tm) -> None:
        branch = t.relayed_branch
        if branch < 0 and code >= 300:
            branch = tm.picked_branch()
        self._msg, self._uri = msg, t.branches[branch].uri if 0 <= branch < len(t.branches) else None

    def __enter__(self) -> None:
        self._kept = self._msg.new_uri
        if self._uri:
            self._msg.new_uri = self._uri

    def __exit__(self, *error: object) -> None:
        self._msg.new_uri = self._kept


def _state(t: Transaction) -> _State:
    state: _State | None = t.state.get(_NAME)
    if state is None:
        state = t.state[_NAME] = _State()
    return state


def _flag(msg: Message, flag: int) -> bool:
    return flag != -1 and bool(msg.flags >> flag & 1)


def _to(msg: Message, params: TmcbParams) -> ToBody | None:
    """The To header of the reply, else of the request."""
    return (params.reply.to if params.reply is not None else None) or msg.to

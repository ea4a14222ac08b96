"""rtpengine: calls whose media goes through rtpengines, which are told by the ng protocol.

bencode.py  the form of requests and answers
flags.py    the flags of the functions
nodes.py    the rtpengines: sets, selection, which are down
session.py  one command about the call of a message
mos.py      quality of media, written into variables
parameters.py  what modparam sets
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from kamscript import stores
from kamscript.core import xavps
from kamscript.core.cfg import CfgVar
from kamscript.core.rpc import Struct, missing
from kamscript.module import Accessor, Const, FixupError, Route, Str, Target, function, pv, rpc
from kamscript.modules._json import Object, write
from kamscript.modules._relays import FOR_EVER, Set, SetFixup
from kamscript.modules.rtpengine import mos
from kamscript.modules.rtpengine.bencode import Value, member, number_of, text_of
from kamscript.modules.rtpengine.nodes import HASH_CRC32, HASH_SHA1, Node, Nodes
from kamscript.modules.rtpengine.parameters import MOST_NODES, Parameters
from kamscript.modules.rtpengine.session import (
    ANSWER,
    CONNECT,
    DELETE,
    OFFER,
    QUERY,
    SUBSCRIBE,
    SUBSCRIBED,
    UNSUBSCRIBE,
    Step,
    Work,
    call_ok,
    manage,
    measured,
    offer_answer,
    over_sets,
    simple,
)
from kamscript.script.format import accessor_of, format_of
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.core.context import Context, Format, Xavps
    from kamscript.core.rpc import Rpc

_ANY = Route.ANY
_RELOAD_DELAY: Final = 10
_TABLE_VERSION: Final = 1


if TYPE_CHECKING:
    SetNumber = Set[Node] | Accessor | None
else:
    SetNumber = Annotated[object, SetFixup("rtpengine")]


class Rtpengine(Parameters, name="rtpengine"):
    """Send the media of calls through rtpengines."""

    sdp_source: Accessor | None = None
    sdp_target: Accessor | None = None
    instance: Accessor | None = None
    extra_id: Format | None = None
    _set_avp: Accessor | None = None
    _duration: Accessor | None = None

    # -- life -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Check the parameters and read the sets."""
        server = self.server
        names = ("rtpengine_disable_tout", "aggressive_redetection", "rtpengine_tout_ms", "queried_nodes_limit")
        values = {name: getattr(self, name) for name in (*names, "rtpengine_retr")}
        self.cfg = server.cfg.declare(
            "rtpengine",
            [
                CfgVar("rtpengine_disable_tout", 60, "Seconds for which one that does not answer is left alone."),
                CfgVar("aggressive_redetection", 1, "Try all again when all are down.", low=0, high=1),
                CfgVar("rtpengine_tout_ms", 1000, "Milliseconds to wait for an answer."),
                CfgVar("queried_nodes_limit", MOST_NODES, "So many are asked.", low=0, high=MOST_NODES),
                CfgVar("rtpengine_retr", 5, "How often a command is sent."),
            ],
            values,
        )
        self.nodes = Nodes(self)
        self._reloaded = server.timers.now
        if self.wsapi and self.wsapi.lower() != "lwsc":
            raise FixupError(f"unsupported WS API: {self.wsapi}")
        if self.db_url:
            self.db = stores.bind(server, self.db_url)
            columns = {"setid": self.setid_col, "url": self.url_col, "weight": self.weight_col}
            columns["disabled"] = self.disabled_col
            renamed = {old: new for old, new in columns.items() if old != new}
            self.db.adopt(self.table_name, "rtpengine", rename=renamed)
            if not self._load():
                raise FixupError("error while loading rtpengine instances from database")
        else:
            for line in self.rtpengine_sock:
                self.nodes.add_line(line)
        self._variables()
        if self.hash_algo == HASH_SHA1 and "crypto" not in server.modules:
            raise FixupError("Crypto module required in order to have SHA1 hashing!")
        if self.force_send_interface and not server.dns.addresses(self.force_send_interface, 1):
            raise FixupError(f"{self.force_send_interface} is an unknown address")
        if not 0 <= self.hash_algo <= HASH_CRC32:
            self.error(f"unknown hashing algo {self.hash_algo}")
        if self.setid_default not in self.nodes.sets:
            server.log.notice(self.name, f"Default rtpp set {self.setid_default} NOT found")

    def ready(self) -> None:
        """Ping all rtpengines."""
        self.nodes.test_all()
        if self.server.target == "6.x" and self.ping_mode and self.ping_interval > 0:
            self.server.timers.every(self.ping_interval, self._ping_all)

    def _variables(self) -> None:
        server = self.server
        self.sdp_target = self._variable("write_sdp_pv", self.write_sdp_pv)
        self.sdp_source = self._variable("read_sdp_pv", self.read_sdp_pv)
        self._duration = self._variable("media_duration", self.media_duration)
        self.instance = self._variable("rtp_inst_pvar", self.rtp_inst_pvar, ("avp", "xavp", "var"))
        self._set_avp = self._variable("setid_avp", self.setid_avp, ("avp",))
        if self.extra_id_pv:
            self.extra_id = format_of(self.extra_id_pv, server)
        wanted = {name: getattr(self, name) for name in (*mos.PARAMS, "mos_A_label_pv", "mos_B_label_pv")}
        self.quality = mos.Quality({name: text for name, text in wanted.items() if text}, server)

    def _variable(self, param: str, text: str, kinds: tuple[str, ...] = ("avp", "var")) -> Accessor | None:
        if not text:
            return None
        if not any(text.startswith((f"${kind}(", f"$({kind}(")) for kind in kinds):
            raise FixupError(f"{param}: not a valid {' or '.join(kind.upper() for kind in kinds)} definition <{text}>")
        return accessor_of(text, self.server)

    def _load(self) -> bool:
        """Read the sets from the database."""
        columns = [self.setid_col, self.url_col, self.weight_col, self.disabled_col]
        try:
            version = self.db.table_version(self.table_name)
            if version != _TABLE_VERSION:
                self.error(f"invalid version {version} for table {self.table_name} found, expected {_TABLE_VERSION}")
                return False
            rows = self.db.query(self.table_name, columns)
        except DatabaseError as error:
            self.error(f"error while running db query: {error}")
            return False
        self.nodes.hide_all()
        if not rows:
            self.warn("No rtpengine instances in database")
        for number, url, weight, disabled in rows:
            self.nodes.add(int(number or 0), str(url or ""), int(weight or 0), disabled=bool(disabled))
        return True

    def _ping_all(self) -> None:
        for _, node in self.nodes.each():
            if node.recheck != FOR_EVER and not self.nodes.ping(node):
                self.nodes.disable(node)

    # -- sets -----------------------------------------------------------------------------------------------------
    def selected(self, ctx: Context) -> tuple[Set[Node] | None, Set[Node] | None]:
        """The sets that set_rtpengine_set() chose for this message."""
        found: tuple[Set[Node] | None, Set[Node] | None] = ctx.state.get(self.name, (None, None))
        return found

    def active_set(self, ctx: Context, chosen: Set[Node] | None) -> Set[Node] | None:
        """The set that counts: that of setid_avp, the chosen one, or the default. Raises LookupError."""
        if self._set_avp is not None:
            value = self._set_avp.get(ctx)
            if isinstance(value, str):
                self.error("setid_avp must hold an integer value")
                raise LookupError
            if value is not None:
                found = self.nodes.sets.get(value)
                if found is None:
                    self.error(f"could not locate engine set {value}")
                    raise LookupError
                return found
        return chosen or self.nodes.sets.get(self.setid_default)

    @function(_ANY)
    def set_rtpengine_set(self, ctx: Context, number: SetNumber, second: SetNumber = None) -> int:
        """Choose the set for this message; with a second one the media goes through both, one behind the other.

        -1 when a variable names none, -2 when all of the set are down.
        """
        chosen: list[Set[Node] | None] = []
        ctx.state[self.name] = (None, None)
        for one in (number, second):
            if not isinstance(one, Accessor):
                chosen.append(one)
                continue
            value = one.get(ctx)
            found = self.nodes.sets.get(value) if isinstance(value, int) else None
            if found is None:
                self.error(
                    f"could not locate rtpengine set {value}"
                    if isinstance(value, int)
                    else "pv param must hold an integer value"
                )
                return -1
            if all(node.disabled for node in found.nodes):
                self.warn(f"rtpp: selected proxy set {value} but it has no active node")
                return -2
            chosen.append(found)
        ctx.state[self.name] = (chosen[0], chosen[1])
        return 1

    # -- calls ----------------------------------------------------------------------------------------------------
    def _run(self, ctx: Context, work: Work, *, backwards: bool = False) -> int:
        return over_sets(self, ctx, work, backwards=backwards)

    @function(_ANY)
    def rtpengine_offer(self, ctx: Context, flags: Str = "") -> int:
        """Offer the message's session description; the rtpengine's takes its place."""
        return self._run(ctx, offer_answer(OFFER, flags))

    @function(_ANY, name="rtpengine_offer", arity=2, since="6.x")
    def rtpengine_offer_of(self, ctx: Context, flags: Str, branch: Str) -> int:
        """The same for a via-branch of its own."""
        return self._run(ctx, offer_answer(OFFER, flags, branch))

    @function(_ANY)
    def rtpengine_answer(self, ctx: Context, flags: Str = "") -> int:
        """Answer with the message's session description (of a reply, ACK or PRACK)."""
        return self._answer(ctx, flags)

    @function(_ANY, name="rtpengine_answer", arity=2, since="6.x")
    def rtpengine_answer_of(self, ctx: Context, flags: Str, branch: Str) -> int:
        """The same for a via-branch of its own."""
        return self._answer(ctx, flags, branch)

    def _answer(self, ctx: Context, flags: str, branch: str = "") -> int:
        if ctx.msg.is_request and ctx.msg.method not in ("ACK", "PRACK"):
            return -1
        return self._run(ctx, offer_answer(ANSWER, flags, branch), backwards=True)

    @function(_ANY)
    def rtpengine_manage(self, ctx: Context, flags: Str = "") -> int:
        """Offer, answer or delete, as the message and the route ask for."""
        return self._run(ctx, manage(flags))

    @function(_ANY, name="rtpengine_manage", arity=2, since="6.x")
    def rtpengine_manage_of(self, ctx: Context, flags: Str, branch: Str) -> int:
        """The same for a via-branch of its own."""
        return self._run(ctx, manage(flags, branch))

    @function(_ANY)
    def rtpengine_delete(self, ctx: Context, flags: Str = "") -> int:
        """End the call's session."""
        return self._run(ctx, measured(DELETE, flags))

    @function(_ANY, name="rtpengine_delete", arity=2, since="6.x")
    @function(_ANY, name="rtpengine_destroy", arity=2, since="6.x")
    def rtpengine_delete_of(self, ctx: Context, flags: Str, branch: Str) -> int:
        """The same for a via-branch of its own."""
        return self._run(ctx, measured(DELETE, flags, branch))

    @function(_ANY, since="6.x")
    def rtpengine_destroy(self, ctx: Context, flags: Str = "") -> int:
        """Another name of rtpengine_delete()."""
        return self._run(ctx, measured(DELETE, flags))

    @function(_ANY, since="5.6")
    def rtpengine_query(self, ctx: Context, flags: Str = "") -> int:
        """Ask how the session is; the variables of the mos parameters get what it says."""
        return self._run(ctx, measured(QUERY, flags))

    @function(_ANY, name="rtpengine_query", arity=2, since="6.x")
    def rtpengine_query_of(self, ctx: Context, flags: Str, branch: Str) -> int:
        """The same for a via-branch of its own."""
        return self._run(ctx, measured(QUERY, flags, branch))

    @function(_ANY, since="5.6")
    def rtpengine_info(self, ctx: Context, flags: Str = "") -> int:
        """Offer the session description without taking the answer's over."""
        return self._run(ctx, simple(OFFER, flags))

    @function(_ANY, name="rtpengine_info", arity=2, since="6.x")
    def rtpengine_info_of(self, ctx: Context, flags: Str, branch: Str) -> int:
        """The same for a via-branch of its own."""
        return self._run(ctx, simple(OFFER, flags, branch))

    @function(_ANY, since="5.6")
    def rtpengine_query_v(self, ctx: Context, form: Str, variable: Target) -> int:
        """Write the answer to a query into a variable, as JSON: `j`, or `jp` with line ends and tabs."""

        def work(module: Rtpengine, ctx: Context, step: Step) -> int:
            answer = call_ok(module, ctx, step, QUERY, "")
            if answer is None:
                return -1
            if form[:1].lower() != "j":
                module.error(f"invalid format parameter value: {form}" if form else "invalid format parameter")
                return -1
            if variable.set is None:
                module.warn("target pv is not writable")
            else:
                variable.set(ctx, write(_json(answer), pretty=form[1:2].lower() == "p"))
            return 1

        return self._run(ctx, work)

    @function(_ANY, name="play_media", arity=1, since="5.6")
    def play_media(self, ctx: Context, flags: Str) -> int:
        """Play a file or a text (`file=...`, `blob=...`, `db-id=...`) to the caller, or to whom `from-tag=` names."""
        return self._play(ctx, flags)

    @function(_ANY, name="play_media", arity=2, since="6.x")
    def play_media_of(self, ctx: Context, flags: Str, branch: Str) -> int:
        """The same for a via-branch of its own."""
        return self._play(ctx, flags, branch)

    def _play(self, ctx: Context, flags: str, branch: str = "") -> int:
        def work(module: Rtpengine, ctx: Context, step: Step) -> int:
            answer = call_ok(module, ctx, step, "play media", flags, branch)
            if answer is None:
                return -1
            if module._duration is not None and module._duration.set is not None:
                module._duration.set(ctx, str(number_of(answer, "duration")))
            return 1

        return self._run(ctx, work)

    @function(_ANY)
    def start_recording(self, ctx: Context) -> int:
        """Begin to record the call."""
        return self._run(ctx, simple("start recording", ""))

    @function(_ANY, name="start_recording", arity=1, since="5.6")
    def start_recording_of(self, ctx: Context, flags: Str) -> int:
        """The same with flags."""
        return self._run(ctx, simple("start recording", flags))

    @function(_ANY, since="5.6")
    def stop_recording(self, ctx: Context, flags: Str = "") -> int:
        """End recording."""
        return self._run(ctx, simple("stop recording", flags))

    @function(_ANY, since="5.6")
    def stop_media(self, ctx: Context, flags: Str = "") -> int:
        """End what play_media() plays."""
        return self._run(ctx, simple("stop media", flags))

    @function(_ANY, since="5.6")
    def block_dtmf(self, ctx: Context, flags: Str = "") -> int:
        """Let no DTMF through."""
        return self._run(ctx, simple("block DTMF", flags))

    @function(_ANY, since="5.6")
    def unblock_dtmf(self, ctx: Context, flags: Str = "") -> int:
        """Let DTMF through again."""
        return self._run(ctx, simple("unblock DTMF", flags))

    @function(_ANY, since="5.6")
    def block_media(self, ctx: Context, flags: Str = "") -> int:
        """Let no media through."""
        return self._run(ctx, simple("block media", flags))

    @function(_ANY, since="5.6")
    def unblock_media(self, ctx: Context, flags: Str = "") -> int:
        """Let media through again."""
        return self._run(ctx, simple("unblock media", flags))

    @function(_ANY, since="5.6")
    def silence_media(self, ctx: Context, flags: Str = "") -> int:
        """Send silence in place of media."""
        return self._run(ctx, simple("silence media", flags))

    @function(_ANY, since="5.6")
    def unsilence_media(self, ctx: Context, flags: Str = "") -> int:
        """Send media again."""
        return self._run(ctx, simple("unsilence media", flags))

    @function(_ANY, since="5.6")
    def start_forwarding(self, ctx: Context, flags: Str = "") -> int:
        """Forward media to the recording daemon."""
        return self._run(ctx, simple("start forwarding", flags))

    @function(_ANY, since="5.6")
    def stop_forwarding(self, ctx: Context, flags: Str = "") -> int:
        """End forwarding."""
        return self._run(ctx, simple("stop forwarding", flags))

    # -- subscriptions of 6.x -------------------------------------------------------------------------------------
    @function(_ANY, since="6.x")
    def rtpengine_subscribe_request(
        self, ctx: Context, flags: Str, sdp: Const, to_tag: Const, streams: Const, branch: Str = ""
    ) -> int:
        """Ask for a copy of a call's media; the variables get the offer, the new tag, and an XAVP the streams' labels.

        `from-tags=` flags name whose media, the flag `all` means everybody's.
        """

        def work(module: Rtpengine, ctx: Context, step: Step) -> int:
            answer = call_ok(module, ctx, step, SUBSCRIBE, flags, branch)
            if answer is None:
                return -1
            for what, variable in (("sdp", sdp), ("to-tag", to_tag)):
                text = text_of(answer, what)
                if text is None:
                    module.error(f"failed to extract {what} from proxy reply")
                    return -1
                if variable and not module.write(ctx, variable, text):
                    return -1
            if streams:
                module.write_streams(ctx, streams, answer.get("tag-medias"))
            return 1

        return self._run(ctx, work)

    @function(_ANY, since="6.x")
    def rtpengine_subscribe_answer(self, ctx: Context, flags: Str, branch: Str = "") -> int:
        """Say where the copy is to go: with the message's session description, and the tag in `to-tag=`."""
        return self._run(ctx, simple(SUBSCRIBED, flags, branch))

    @function(_ANY, since="6.x")
    def rtpengine_unsubscribe(self, ctx: Context, flags: Str, branch: Str = "") -> int:
        """End a subscription, that of the tag in `to-tag=`."""
        return self._run(ctx, simple(UNSUBSCRIBE, flags, branch))

    @function(_ANY, since="6.x")
    def rtpengine_connect(self, ctx: Context, flags: Str = "", branch: Str = "") -> int:
        """Connect the media of two calls, that of `to-call-id=`."""
        return self._run(ctx, measured(CONNECT, flags, branch))

    def write(self, ctx: Context, variable: str, text: str) -> bool:
        """Write a text into the variable that a function was told."""
        try:
            target = accessor_of(variable, self.server)
        except FixupError:
            target = None
        if target is None or target.set is None:
            self.error(f"failed to set {variable}")
            return False
        target.set(ctx, text)
        return True

    def write_streams(self, ctx: Context, name: str, tags: Value | None) -> None:
        """An XAVP for each participant: its tag, and the labels of its streams."""
        for participant in tags if isinstance(tags, list) else []:
            tag = text_of(participant, "tag")
            medias = participant.get("medias") if isinstance(participant, dict) else None
            if tag is None or not isinstance(medias, list):
                continue
            fields: Xavps = {"tag": [tag]}
            for media in medias:
                label = number_of(media, "label", -1)
                if label != -1:
                    xavps.push(fields, "label", label)
            xavps.push(xavps.xavps(ctx), name, fields)

    @function(_ANY, since="5.6")
    def play_dtmf(self, ctx: Context, flags: Str) -> int:
        """Play a key (`code=5`) to the other side."""
        return self._run(ctx, simple("play DTMF", flags))

    # -- variables ------------------------------------------------------------------------------------------------
    @pv("rtpstat")
    @pv("rtpestat", since="5.6")
    def rtpstat(self, ctx: Context) -> str | None:
        """Bytes, packets and errors of the call's RTP and RTCP so far; null when the rtpengine does not tell."""
        found: list[str] = []

        def work(module: Rtpengine, ctx: Context, step: Step) -> int:
            answer = call_ok(module, ctx, step, QUERY, "")
            totals = member(answer, "totals")
            rtp, rtcp = member(totals, "RTP"), member(totals, "RTCP")
            if rtp is None or rtcp is None:
                return -1
            found.append(f"RTP: {_counts(rtp)}; RTCP: {_counts(rtcp)}")
            return 1

        return found[-1] if self._run(ctx, work) > 0 else None

    # -- RPC ------------------------------------------------------------------------------------------------------
    @rpc("rtpengine.show", since="5.6")
    @missing(500, "Not enough parameters")
    def show(self, rpc: Rpc, url: str) -> None:
        """The rtpengines: that with the URL, or `all`."""
        for one, node in self._named(rpc, url):
            permanent = node.recheck == FOR_EVER
            rpc.add(
                Struct(
                    url=node.url,
                    set=one.number,
                    index=node.index,
                    weight=node.weight,
                    disabled="1(permanent)" if node.disabled and permanent else int(node.disabled),
                    recheck_ticks="N/A" if permanent else max(node.recheck - self.nodes.ticks, 0),
                )
            )

    @rpc("rtpengine.ping", since="5.6")
    @missing(500, "Not enough parameters")
    def ping(self, rpc: Rpc, url: str) -> Struct:
        """Ping rtpengines; one that does not answer is disabled for a while."""
        failed = False
        for _, node in self._named(rpc, url):
            if not self.nodes.ping(node):
                self.nodes.disable(node)
                failed = True
        return Struct(url=url, status="fail" if failed else "success")

    @rpc("rtpengine.enable", since="5.6")
    @missing(500, "Not enough parameters")
    def enable(self, rpc: Rpc, url: str, enable: int) -> Struct:
        """Disable rtpengines (0) until they are enabled (1), which a ping must confirm."""
        status = "enable" if enable else "disable"
        for _, node in self._named(rpc, url):
            if not enable:
                node.disabled, node.recheck = True, FOR_EVER
            elif self.nodes.ping(node):
                node.disabled, node.recheck = False, 0
            else:
                self.nodes.disable(node)
                status = "fail"
        return Struct(url=url, status=status)

    def _named(self, rpc: Rpc, url: str) -> list[tuple[Set[Node], Node]]:
        every = list(self.nodes.each())
        if url.startswith("all"):
            return every
        found = [(one, node) for one, node in every if node.url == url]
        if not found:
            raise rpc.fault(404, "Instance not found")
        return found

    @rpc("rtpengine.reload", since="5.6")
    def reload(self, rpc: Rpc) -> None:
        """Read the sets from the database again."""
        now = self.server.timers.now
        if not self.db_url:
            raise rpc.fault(500, "No Database URL")
        if int(now) - int(self._reloaded) < _RELOAD_DELAY:
            raise rpc.fault(500, "Too short reload interval - try later")
        self._reloaded = now
        if not self._load():
            raise rpc.fault(500, "Failed reloading db")
        self.nodes.test_all()
        rpc.add("Ok. Reload successful.")

    @rpc("rtpengine.get_hash_total", since="5.6")
    def get_hash_total(self, rpc: Rpc) -> int:
        """How many calls are known."""
        return self.nodes.total()


def _counts(members: dict[str, Value]) -> str:
    return ", ".join(f"{number_of(members, name)} {name}" for name in ("bytes", "packets", "errors"))


def _json(value: Value) -> Any:
    if isinstance(value, dict):
        return Object((name, _json(item)) for name, item in value.items())
    return [_json(item) for item in value] if isinstance(value, list) else value

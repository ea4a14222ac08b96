"""SIPp's command line: its options by name, with their meaning, and those that the lab refuses, with the reason.

`-sf` and `-sn` may be given several times. `-i`, `-p` and `-t` belong to the scenario in front of them. The other
options of `OWN`, given once, are meant for all scenarios; given several times, each belongs to the scenario in front.
What is left speaks of the whole run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kamscript.lab.sipp.settings import BEHAVIORS
from kamscript.source import did_you_mean


class OptionError(Exception):
    """The command line is wrong; the text says what to write."""


class Option(NamedTuple):
    """One option. `kind` reads its value; `unit` is what a bare number of a time means, in milliseconds."""

    kind: str
    help: str
    metavar: str = ""
    unit: int = 1


#: Options that are taken, in the order of the help.
OPTIONS: dict[str, Option] = {
    "sf": Option("scenario", "play this scenario file; may be given several times", "FILE"),
    "sn": Option("scenario", "play a built-in scenario: uac, uas, regexp, branchc, branchs", "NAME"),
    "sd": Option("text", "print a built-in scenario and end", "NAME"),
    "m": Option("count", "calls that each client opens (default 1)", "CALLS"),
    "r": Option("positive", "calls opened per period (default 10)", "RATE"),
    "rp": Option("time", "the period (default 1 second)", "MS"),
    "l": Option("count", "most calls open at once (default 3 * rate * the length of a call)", "CALLS"),
    "d": Option("time", "how long a <pause/> without milliseconds lasts (default 0)", "MS"),
    "i": Option("text", "where the scenario in front of it sits", "IP"),
    "p": Option("port", "its port", "PORT"),
    "t": Option("transport", "its transport: u1 UDP (default), t1 TCP", "MODE"),
    "rsa": Option("address", "send to this address of the server, whatever [remote_ip] is", "HOST[:PORT]"),
    "s": Option("text", "[service]: the user part of request URIs (default service)", "USER"),
    "key": Option("pair", "let [NAME] in messages be VALUE", "NAME VALUE"),
    "set": Option("pair", "let the global variable NAME be VALUE", "NAME VALUE"),
    "inf": Option("list", "a CSV file for [field0], [field1], ...", "FILE"),
    "au": Option("text", "user for [authentication] (default -s)", "USER"),
    "ap": Option("text", "password for [authentication] (default password)", "PASSWORD"),
    "auth_uri": Option("text", "the URI in credentials (default the server's address)", "URI"),
    "base_cseq": Option("count", "where [cseq] begins (default 1)", "NUMBER"),
    "cid_str": Option("text", "form of Call-IDs (default %u-%p@%s)", "TEXT"),
    "aa": Option("flag", "answer unexpected INFO, NOTIFY, OPTIONS and UPDATE with 200"),
    "default_behaviors": Option("behaviors", "all, none, bye, abortunexp, pingreply; with - in front: not", "LIST"),
    "nd": Option("flag", "no default behaviors"),
    "pause_msg_ign": Option("flag", "ignore messages that come during a pause"),
    "callid_slash_ign": Option("flag", "take /// in a Call-ID for a part of it"),
    "deadcall_wait": Option("time", "how long ended calls are remembered (default 33 seconds)", "MS"),
    "recv_timeout": Option("time", "how long a <recv> waits (default for ever)", "MS"),
    "max_retrans": Option("count", "most retransmissions (default 5 of INVITE, 9 of others)", "NUMBER"),
    "max_invite_retrans": Option("count", "most retransmissions of INVITE (default 5)", "NUMBER"),
    "max_non_invite_retrans": Option("count", "most retransmissions of others (default 9)", "NUMBER"),
    "nr": Option("flag", "no retransmissions"),
    "rtcheck": Option("rtcheck", "how retransmissions are told: full (default) or loose", "WAY"),
    "T2": Option("time", "timer T2 (default 4 seconds)", "MS"),
    "lost": Option("percent", "percent of messages to lose", "PERCENT"),
    "mi": Option("text", "[media_ip] (default the party's address)", "IP"),
    "mp": Option("port", "[media_port] (default 6000)", "PORT"),
    "timeout": Option("time", "open no calls after this time (default seconds)", "SECONDS", 1000),
    "timeout_error": Option("flag", "fail when -timeout is reached"),
    "trace_err": Option("flag", "write unexpected messages and failures to SCENARIO_errors.log"),
    "error_file": Option("text", "the name of that file", "FILE"),
    "trace_msg": Option("flag", "write all messages to SCENARIO_messages.log"),
    "message_file": Option("text", "the name of that file", "FILE"),
    "trace_logs": Option("flag", "write what <log> says to SCENARIO_logs.log"),
    "log_file": Option("text", "the name of that file", "FILE"),
    "trace_screen": Option("flag", "write the final screen to SCENARIO_screen.log"),
    "screen_file": Option("text", "the name of that file", "FILE"),
    "f": Option("time", "how often progress is shown (default 1 second)", "SECONDS", 1000),
    "nostdin": Option("flag", "do not read the standard input: the lab never does"),
}

_REASONS = {
    "the lab plays several scenarios at once, without 3PCC": "3pcc master slave slave_cfg",
    "give the scenario another -sf: it takes what belongs to no call": "oocsf oocsn",
    "the lab has no users or circuits; -l limits open calls": "users ip_field infindex tdmmap",
    "-r and -rp set a rate that stays the same": "rate_increase rate_max rate_interval no_rate_quit rate_scale",
    "the lab has no sockets": "bind_local buff_size max_socket max_reconnect reconnect_close reconnect_sleep "
    "skip_rlimit",
    "there is no SCTP": "multihome heartbeat assocmaxret pathmaxret pmtu gracefulclose",
    "nothing controls a run from outside": "ci cp",
    "a run takes no time worth it; the shell's & and sleep will do": "bg sleep",
    "time is virtual, nothing is ever late": "timer_resol max_recv_loops max_sched_loops send_timeout sendbuffer_warn "
    "watchdog_interval watchdog_reset watchdog_minor_threshold watchdog_major_threshold watchdog_major_maxtriggers "
    "watchdog_minor_maxtriggers",
    "the lab carries no media": "rtp_echo mb rtp_payload rtp_threadtasks rtp_buffsize",
    "the lab writes -trace_err, -trace_msg, -trace_logs and -trace_screen": "trace_stat stf fd periodic_rtd trace_rtt "
    "rtt_freq trace_counts trace_shortmsg shortmessage_file shortmessage_overwrite trace_error_codes trace_calldebug "
    "calldebug_file calldebug_overwrite message_overwrite error_overwrite screen_overwrite log_overwrite "
    "stat_delimiter ringbuffer_files ringbuffer_size max_log_size",
    "a scenario speaks UDP or TCP here": "tls_cert tls_key tls_ca tls_crl tls_version",
    "[dynamic_id] goes from 10000 to 18000 by 4": "dynamicStart dynamicMax dynamicStep",
    "SIPp's plugins are compiled for it": "plugin",
    "kamscript --version tells the version": "v",
}
#: Options of SIPp that mean nothing here, and why.
REFUSED: dict[str, str] = {name: reason for reason, names in _REASONS.items() for name in names.split()}

#: Options that a scenario may have for itself.
OWN = (
    *("i", "p", "t", "rsa", "s", "key", "set", "inf", "au", "ap", "auth_uri", "mi", "mp", "d", "base_cseq", "cid_str"),
    *("aa", "default_behaviors", "nd", "pause_msg_ign", "callid_slash_ign", "deadcall_wait", "recv_timeout"),
    *("max_retrans", "max_invite_retrans", "max_non_invite_retrans", "nr", "rtcheck", "T2", "lost"),
)
_SEATED = ("i", "p", "t")  # mean one scenario in any case

_TIME = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ms|s|m|h)?\Z")
_UNITS = {"ms": 1, "s": 1000, "m": 60000, "h": 3600000}


@dataclass(slots=True)
class Words:
    """A command line, read. `own[n]` holds what scenario n has for itself."""

    config: str = ""
    scenarios: list[tuple[str, str]] = field(default_factory=list)  #: sf or sn, and the file or name
    common: dict[str, Any] = field(default_factory=dict)
    own: list[dict[str, Any]] = field(default_factory=list)
    defines: list[str] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)
    target: str | None = None
    help: bool = False

    def get(self, name: str, default: Any = None) -> Any:
        """An option that is meant for all."""
        return self.common.get(name, default)


def read(words: Sequence[str]) -> Words:
    """Read a command line; raises OptionError."""
    found = Words()
    given: dict[str, list[tuple[int, Any]]] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in ("-h", "--help", "-help"):
            found.help = True
        elif word in ("-A", "--target", "--host"):
            _of_kamscript(word, _value(word, rest), found)
        elif word.startswith("-") and len(word) > 1:
            name = word[1:]
            option = OPTIONS.get(name)
            if option is None:
                raise OptionError(_unknown(name))
            if option.kind == "scenario":
                found.scenarios.append((name, _value(word, rest)))
            else:
                given.setdefault(name, []).append((len(found.scenarios), _read(name, option, rest)))
        elif found.config:
            raise OptionError(f"{word}: there is one CONFIG, and it is {found.config}")
        else:
            found.config = word
    found.own = [{} for _ in found.scenarios]
    for name, values in given.items():
        _hand_out(name, values, found)
    return found


def _hand_out(name: str, values: list[tuple[int, Any]], found: Words) -> None:
    """Give an option to the scenario in front of it, or to all; 0 is in front of the first."""
    behind = {where for where, _ in values}
    if name not in OWN and len({value for _, value in values}) > 1:
        raise OptionError(f"-{name} is meant for the whole run: give it once")
    shared = name not in OWN or (name not in _SEATED and len(behind) == 1)
    for where, value in values:
        if name in ("i", "p") and where == 0:
            if len(found.own) != 1:
                raise OptionError(f"-{name} stands behind the scenario that it is meant for: -sf FILE -{name} {value}")
            where = 1
        target = found.common if shared or where == 0 else found.own[where - 1]
        if OPTIONS[name].kind in ("pair", "list"):
            target.setdefault(name, []).append(value)
        else:
            target[name] = value


def _of_kamscript(word: str, value: str, found: Words) -> None:
    if word == "-A":
        found.defines.append(value)
    elif word == "--host":
        name, equals, address = value.partition("=")
        if not equals or not name or not address:
            raise OptionError("--host is written NAME=ADDRESS")
        found.hosts[name] = address
    elif value not in ("4.4", "5.6", "6.x", "all"):
        raise OptionError(f"--target {value}: 4.4, 5.6, 6.x or all")
    else:
        found.target = value


def _unknown(name: str) -> str:
    reason = REFUSED.get(name)
    if reason is not None:
        return f"-{name} is SIPp's, and the lab does not take it: {reason}"
    near = did_you_mean(name, [*OPTIONS, *REFUSED])
    return f"unknown option -{name}" + (f"; {near}" if near else "; kamscript sipp -h lists them")


def _value(word: str, rest: list[str]) -> str:
    if not rest:
        raise OptionError(f"{word} needs a value")
    return rest.pop(0)


def _read(name: str, option: Option, rest: list[str]) -> Any:
    word, kind = f"-{name}", option.kind
    if kind == "flag":
        return True
    if kind == "pair":
        if len(rest) < 2:
            raise OptionError(f"{word} needs two values: {option.metavar}")
        return rest.pop(0), rest.pop(0)
    text = _value(word, rest)
    if kind in ("text", "list"):
        return text
    return _READERS[kind](word, text, option)


def _count(word: str, text: str, option: Option) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise OptionError(f"{word} {text}: a whole number is due")
    return int(text)


def _positive(word: str, text: str, option: Option) -> float:
    value = _number(word, text)
    if value <= 0:
        raise OptionError(f"{word} {text}: a number above zero is due")
    return value


def _percent(word: str, text: str, option: Option) -> float:
    value = _number(word, text)
    if not 0 <= value <= 100:
        raise OptionError(f"{word} {text}: 0 to 100 are due")
    return value


def _number(word: str, text: str) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", text):
        raise OptionError(f"{word} {text}: a number is due")
    return float(text)


def _time(word: str, text: str, option: Option) -> float:
    found = _TIME.match(text)
    if found is None:
        raise OptionError(f"{word} {text}: a time is due, as 500, 500ms, 10s, 2m or 1h")
    number, unit = found.groups()
    return float(number) * (_UNITS[unit] if unit else option.unit)


def _port(word: str, text: str, option: Option) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise OptionError(f"{word} {text}: a port is 1 to 65535")
    return int(text)


def _address(word: str, text: str, option: Option) -> str:
    host, colon, port = text.rpartition(":")
    if colon and port:
        _port(word, port, option)
    if not (host if colon else text):
        raise OptionError(f"{word} {text}: an address is due")
    return text


def _transport(word: str, text: str, option: Option) -> str:
    modes = {"u1": "udp", "t1": "tcp"}
    if text not in modes:
        known = ["un", "ui", "tn", "l1", "ln", "s1", "sn", "c1", "cn"]
        reason = "the lab plays u1 and t1" if text in known else "u1 or t1"
        raise OptionError(f"{word} {text}: {reason}")
    return modes[text]


def _rtcheck(word: str, text: str, option: Option) -> bool:
    if text not in ("full", "loose"):
        raise OptionError(f"{word} {text}: full or loose")
    return text == "loose"


def _behaviors(word: str, text: str, option: Option) -> frozenset[str]:
    chosen: set[str] = set()
    for part in text.split(","):
        name = part.removeprefix("-")
        if name not in ("all", "none", *BEHAVIORS):
            raise OptionError(f"{word} {part}: all, none, {', '.join(sorted(BEHAVIORS))}")
        named = BEHAVIORS if name == "all" else frozenset((name,)) & BEHAVIORS
        if name == "none":
            chosen = set()
        elif part.startswith("-"):
            chosen -= named
        else:
            chosen |= named
    return frozenset(chosen)


_READERS = {
    "count": _count,
    "positive": _positive,
    "percent": _percent,
    "time": _time,
    "port": _port,
    "address": _address,
    "transport": _transport,
    "rtcheck": _rtcheck,
    "behaviors": _behaviors,
}

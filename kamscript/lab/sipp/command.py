"""`kamscript sipp CONFIG -sf uac.xml -sf uas.xml -m 10`: SIPp's scenarios against a config, offline.

Exit status, as SIPp's: 0 all calls were good, 1 one failed, 97 a scenario stopped the run or it timed out without a
good call, 99 there was no call (or something was only printed), 254 an address is taken, 255 nothing could be played.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from kamscript.lab.lab import Lab
from kamscript.lab.network import address
from kamscript.lab.sipp.call import SippError
from kamscript.lab.sipp.options import OPTIONS, OWN, OptionError, Words, read
from kamscript.lab.sipp.party import Party
from kamscript.lab.sipp.play import Run, SeatTaken, play
from kamscript.lab.sipp.result import BIND_FAILED, FATAL, INTERNAL, NO_CALLS, ScenarioResult, SippResult
from kamscript.lab.sipp.scenario import builtin
from kamscript.lab.sipp.screen import screen
from kamscript.lab.sipp.settings import Settings, SippParty
from kamscript.loader import UsageError
from kamscript.source import ConfigError

#: Seconds that a run takes before its progress is shown.
_PATIENCE = 1.0
#: Messages kept of a run whose record is dropped from time to time.
_KEEP = 20_000

_SETTINGS = {
    "s": "service",
    "au": "auth_user",
    "ap": "auth_password",
    "auth_uri": "auth_uri",
    "d": "duration",
    "base_cseq": "base_cseq",
    "cid_str": "call_id",
    "aa": "auto_answer",
    "default_behaviors": "behaviors",
    "pause_msg_ign": "pause_msg_ign",
    "callid_slash_ign": "callid_slash_ign",
    "deadcall_wait": "deadcall_wait",
    "recv_timeout": "recv_timeout",
    "max_retrans": "max_retrans",
    "max_invite_retrans": "max_invite_retrans",
    "max_non_invite_retrans": "max_non_invite_retrans",
    "rtcheck": "loose",
    "T2": "t2",
    "lost": "lost",
    "mi": "media_ip",
    "mp": "media_port",
    "t": "proto",
}


def main(words: Sequence[str]) -> int:
    """Run the command; the result is the exit status."""
    try:
        options = read(words)
        if options.help:
            print(usage())
            return NO_CALLS
        if "sd" in options.common:
            sys.stdout.write(builtin(options.get("sd")).text)
            return NO_CALLS
        return _run(options)
    except (OptionError, UsageError, SippError) as error:
        print(f"kamscript sipp: {error}", file=sys.stderr)
        return FATAL
    except AssertionError as error:  # the lab's own: messages circulate
        print(f"kamscript sipp: {error}", file=sys.stderr)
        return FATAL
    except SeatTaken as error:
        print(f"kamscript sipp: {error}", file=sys.stderr)
        return BIND_FAILED
    except ConfigError as error:
        print(error, file=sys.stderr)
        return FATAL
    except BrokenPipeError:
        return FATAL


def usage() -> str:
    """The help."""
    lines = [
        "usage: kamscript sipp CONFIG -sf FILE [-sf FILE ...] [-m CALLS] [options]",
        "",
        "Play SIPp scenarios against a config, offline and in virtual time. Scenarios that begin with <send> open",
        "calls, those that begin with <recv> answer: at -i and -p, or else at every address where nobody sits.",
        "-i, -p and -t belong to the scenario in front of them; so do others marked * when they are given for several.",
        "",
    ]
    for name, option in OPTIONS.items():
        mark = "*" if name in OWN else " "
        lines.append(f"{mark} {f'-{name} {option.metavar}'.rstrip():<28} {option.help}")
    lines += [
        f"  {'-A NAME[=VALUE]':<28} define NAME in the config, as #!define does",
        f"  {'--target GENERATION':<28} 4.4, 5.6, 6.x or all",
        f"  {'--host NAME=ADDRESS':<28} what the DNS says of a name",
        "",
        "exit status: 0 all calls good, 1 one failed, 97 stopped by a scenario, 99 no calls, 254 address taken,",
        "255 nothing could be played",
    ]
    return "\n".join(lines)


def _run(options: Words) -> int:
    if not options.config:
        raise OptionError("a CONFIG is due: kamscript sipp kamailio.cfg -sf uac.xml")
    if not options.scenarios:
        raise OptionError("a scenario is due: -sf FILE or -sn NAME")
    lab = Lab(options.config, defines=options.defines, target=options.target, hosts=options.hosts, leaks="ignore")
    writers = _Writers(options)
    progress = _Progress(lab, options)
    run = Run(
        calls=options.get("m", 1),
        rate=options.get("r", 10.0),
        period=options.get("rp", 1000.0),
        limit=options.get("l", 0),
        timeout=options.get("timeout", 0.0) / 1000,
        timeout_error=options.get("timeout_error", False),
        settings=_settings(options, lab),
        inject=options.get("inf", ()),
        on_progress=progress.look,
        on_message=writers.messages if options.get("trace_msg") else None,
        directories=(Path(options.config).parent,),
    )
    if not run.period:
        raise OptionError("-rp 0: a period above zero is due")
    try:
        result = play(lab, [_party(options, number, lab) for number in range(len(options.scenarios))], run)
    except SippError as error:
        if error.result is not None:
            writers.rest(error.result)
        raise
    except KeyboardInterrupt:
        progress.end()
        print("kamscript sipp: interrupted", file=sys.stderr)
        return INTERNAL
    finally:
        progress.end()
        writers.close()
        lab.close()
    _report(result, options, writers)
    return result.exit_code


def _settings(options: Words, lab: Lab) -> Settings:
    settings = Settings(keys=dict(options.get("key", ())), variables=dict(options.get("set", ())))
    return replace(settings, **_by_name(options.common, lab))


def _by_name(options: Mapping[str, Any], lab: Lab) -> dict[str, Any]:
    """Options as the fields of Settings."""
    found = {attribute: options[name] for name, attribute in _SETTINGS.items() if name in options}
    if "nd" in options:
        found["behaviors"] = frozenset()
    if "nr" in options:
        found["retransmit"] = False
    if "rsa" in options:
        found["rsa"] = address(options["rsa"], lab.server_address().port)
    return found


def _party(options: Words, number: int, lab: Lab) -> SippParty:
    own, (kind, name) = options.own[number], options.scenarios[number]
    at = ""
    if "i" in own or "p" in own:
        at = f"{own.get('i', lab.server_address().ip)}:{own.get('p', 5060)}"
    return SippParty(
        builtin(name) if kind == "sn" else Path(name),
        at=at,
        keys=dict(own.get("key", ())),
        variables=dict(own.get("set", ())),
        inject=own.get("inf", ()),
        proto=own.get("t", ""),
        others=_by_name({name: value for name, value in own.items() if name != "t"}, lab),
    )


def _report(result: SippResult, options: Words, writers: _Writers) -> None:
    shown = "\n".join(screen(scenario) for scenario in result.scenarios)
    print(shown)
    for failure in result.failures[:3]:
        print(f"\n{failure}", file=sys.stderr)
    more = result.failed - min(3, len(result.failures))
    if more > 0 and result.failures:
        print(f"\n... and {more} more", file=sys.stderr)
    if not result.calls:
        print("kamscript sipp: there was no call", file=sys.stderr)
    writers.rest(result)


class _Writers:
    """The files of -trace_err, -trace_msg, -trace_logs and -trace_screen, beside where the command runs."""

    def __init__(self, options: Words) -> None:
        self.options = options
        self.open: list[IO[str]] = []

    def path(self, party: str, kind: str, option: str) -> Path:
        """The file; one name for several scenarios gets the scenario's in front."""
        named = self.options.get(option)
        if named is None:
            return Path(f"{party}_{kind}.log")
        path = Path(named)
        return path.with_name(f"{party}_{path.name}") if len(self.options.scenarios) > 1 else path

    def messages(self, party: Party) -> Callable[[float, str, str], None]:
        """Writes a scenario's messages as they come and go."""
        file = self._file(self.path(party.name, "messages", "message_file"))
        words = {">": "sent", "<": "received"}

        def write(now: float, arrow: str, text: str) -> None:
            moment = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S.%f}"
            file.write(f"{'-' * 47} {moment}\nmessage {words[arrow]} [{len(text)}] bytes:\n\n{text}\n")

        return write

    def rest(self, result: SippResult) -> None:
        """What is written at the end."""
        options = self.options
        for scenario in result.scenarios:
            if options.get("trace_err"):
                self._lines(scenario, "errors", "error_file", _errors(scenario))
            if options.get("trace_logs"):
                self._lines(scenario, "logs", "log_file", scenario.log)
            if options.get("trace_screen"):
                self._lines(scenario, "screen", "screen_file", [screen(scenario)])

    def _lines(self, scenario: ScenarioResult, kind: str, option: str, lines: Sequence[str]) -> None:
        with self._file(self.path(scenario.name, kind, option)) as file:
            file.writelines(f"{line}\n" for line in lines)

    def _file(self, path: Path) -> IO[str]:
        try:
            file = path.open("w", encoding="latin-1", newline="", errors="replace")
        except OSError as error:
            raise OptionError(f"{path} cannot be written: {error.strerror or error}") from None
        self.open.append(file)
        return file

    def close(self) -> None:
        """Close what is open."""
        for file in self.open:
            file.close()
        self.open.clear()


def _errors(scenario: ScenarioResult) -> list[str]:
    return [*scenario.warnings, *(f"\n{failure}" for failure in scenario.failures)]


class _Progress:
    """One line on the standard error, renewed while a long run goes on; and the record of a long run is dropped."""

    def __init__(self, lab: Lab, options: Words) -> None:
        self.lab = lab
        self.calls = options.get("m", 1)
        self.every = max(0.1, options.get("f", 1000.0) / 1000)
        self.started = self.shown = time.monotonic()
        self.terminal = sys.stderr.isatty()
        self.width = 0

    def look(self, parties: Sequence[Party]) -> None:
        """Show how far the run is, when it is time."""
        if len(self.lab.network.delivered) > _KEEP:
            self.lab.forget()
        now = time.monotonic()
        if now - self.shown < self.every or now - self.started < _PATIENCE:
            return
        self.shown = now
        leaders = [party for party in parties if party.is_client] or list(parties)
        done = sum(party.counts.successful + party.counts.failed for party in leaders)
        wanted = self.calls * len(leaders)
        failed = sum(party.counts.failed for party in parties)
        speed = done / (now - self.started)
        line = (
            f"{done:,} of {wanted:,} calls, {failed:,} failed, {speed:,.0f} a second; "
            f"{self.lab.now - self.lab.network.started:,.0f} s of the lab's time"
        )
        if self.terminal:
            sys.stderr.write(f"\r{line:{self.width}}")
            self.width = len(line)
        else:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Make room for what comes."""
        if self.terminal and self.width:
            sys.stderr.write(f"\r{'':{self.width}}\r")
            self.width = 0

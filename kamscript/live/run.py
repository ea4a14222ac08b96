"""`kamscript run`: start a config on real sockets, with the options of the `kamailio` command where they make sense."""

from __future__ import annotations

import argparse
import grp
import os
import pwd
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kamscript.core.sockets import is_address
from kamscript.loader import UsageError, load, module_classes, resolved, target_of
from kamscript.source import FileReader, Source

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.script.program import Program

DEFAULT_CONFIG = "/etc/kamailio/kamailio.cfg"

#: `-l`: [proto:]host[:port][/address[:port] to advertise]; a host may be a list in parentheses.
_LISTEN = re.compile(
    r"(?:(?P<proto>udp|tcp|tls|sctp):)?(?P<hosts>\([^()]+\)|\[[^][]+\]|[^:/()]+)(?::(?P<port>\d+))?"
    r"(?:/(?P<shown>\[[^][]+\]|[^:/]+)(?::(?P<shown_port>\d+))?)?",
    re.IGNORECASE,
)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM; 0 after a clean stop, 1 when the config or an address is refused."""
    path = options.file or options.config or DEFAULT_CONFIG
    lines = config_lines(options)
    if options.check:
        resolved(path, FileReader(), defines=options.defines, subst=options.subst, target=options.target)
        print("config file ok, exiting...", file=sys.stderr)
        return 0
    program = with_lines(load(path, defines=options.defines, subst=options.subst, target=options.target), lines)
    # The names on the command line mean what they mean to who wrote it; those in the config are relative to the
    # working directory, which is / unless somebody says otherwise.
    for name in ("pidfile", "pgidfile"):
        if getattr(options, name):
            setattr(options, name, os.path.abspath(getattr(options, name)))
    workdir = options.workdir or _last(program, "workdir", "") or "/"
    try:
        os.chdir(workdir)
    except OSError as error:
        raise UsageError(f"cannot change to {workdir}: {error.strerror}") from None
    return _serve(options, program)


def config_lines(options: argparse.Namespace) -> list[str]:
    """What the command line says, as lines of a config; raises UsageError for what makes no sense."""
    lines: list[str] = []
    for text in options.listen:
        lines += listen_lines(text)
    lines += [f"alias={text}" for text in options.alias]
    if options.auto_aliases is not None:
        lines.append(f"auto_aliases={_yes_or_no(options.auto_aliases)}")
    if options.runtime_dir:
        lines.append(f'run_dir="{os.path.abspath(options.runtime_dir)}"')
    for name, value in (
        ("children", options.children),
        ("tcp_children", options.tcp_children),
        ("server_id", options.server_id),
        ("debug", options.debug_level if options.debug_level is not None else options.debug or None),
    ):
        if value is not None:
            lines.append(f"{name}={value}")
    for wanted, line in (
        (options.no_tcp, "disable_tcp=yes"),
        (options.check_via, "check_via=yes"),
        (options.dns, "dns=yes"),
        (options.rev_dns, "rev_dns=yes"),
    ):
        if wanted:
            lines.append(line)
    return lines


def listen_lines(text: str) -> list[str]:
    """The `listen` lines of one `-l`; raises UsageError."""
    found = _LISTEN.fullmatch(text)
    if found is None:
        if ":" in text and is_address(text):  # an IPv6 address may stand bare
            return listen_lines(f"[{text}]")
        raise UsageError(f"bad -l parameter {text!r}: [proto:]host[:port][/address[:port]] is wanted")
    proto = f"{found['proto']}:" if found["proto"] else ""
    port = f":{found['port']}" if found["port"] else ""
    shown = ""
    if found["shown"]:
        shown = f" advertise {found['shown']}" + (f":{found['shown_port']}" if found["shown_port"] else "")
    hosts = found["hosts"].strip("()").split(",")
    return [f"listen={proto}{host.strip()}{port}{shown}" for host in hosts]


def _yes_or_no(text: str) -> str:
    if text.lower() in ("yes", "on"):
        return "yes"
    if text.lower() in ("no", "off"):
        return "no"
    raise UsageError(f"bad auto aliases parameter {text!r}: yes, on, no or off is wanted")


def with_lines(program: Program, lines: list[str]) -> Program:
    """The program with `lines` behind the config's own, read and refused as those are."""
    if not lines:
        return program
    from kamscript.script.parse import parse

    overlay = parse(Source("<command line>", "".join(f"{line}\n" for line in lines)), target=target_of(program.target))
    return replace(program, items=(*program.items, *overlay.items))


def _last(program: Program, name: str, default: Any) -> Any:
    """What the config gives a core parameter last."""
    value = default
    for setting in program.settings:
        if setting.name == name:
            value = getattr(setting.value, "value", default)
    return value


def _serve(options: argparse.Namespace, program: Program) -> int:
    from kamscript.core.server import Server
    from kamscript.live.control import controls_of
    from kamscript.live.daemon import BindError, Daemon, serve
    from kamscript.live.environment import SystemResolver, system_environment
    from kamscript.live.log import StandardErrorLog, SystemLog

    log: StandardErrorLog | SystemLog = SystemLog(options.log_name or _last(program, "log_name", "") or "kamailio")
    if options.stderr or bool(_last(program, "log_stderror", 0)):
        log = StandardErrorLog()
    environment = system_environment(log, arguments=options.arguments)
    server = Server(program, environment, target=program.target, modules=module_classes(program.modules))
    if isinstance(environment.resolver, SystemResolver):
        environment.resolver.core = server.cfg.core
    server.start()
    if isinstance(log, StandardErrorLog) and (options.color or server.settings["log_color"]):
        log.use_colors(server.shared.get("log_colors", {}))
    doubles = server.not_simulated()
    if doubles and not options.doubles:
        print("known to Kamailio, but not simulated (start with --doubles to run without them):", file=sys.stderr)
        print(*(f"  {line}" for line in doubles), sep="\n", file=sys.stderr)
        return 1
    daemon = Daemon(server)
    files: list[Path] = []

    def ready() -> None:
        for name, number in ((options.pidfile, os.getpid()), (options.pgidfile, os.getpgrp())):
            if name:
                files.append(Path(name))
                files[-1].write_text(f"{number}\n")
        become(options.user, options.group)
        print(startup_text(server), flush=True)

    try:
        daemon.controls = controls_of(daemon)
        serve(daemon, ready)
    except BindError as error:
        print(f"kamscript: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"kamscript: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    finally:
        for file in files:
            file.unlink(missing_ok=True)
    return 0


def become(user: str | None, group: str | None) -> None:
    """Go on as another user and group, names or numbers; raises UsageError for unknown ones."""
    gid = _number(group, lambda name: grp.getgrnam(name).gr_gid, "group")
    uid = _number(user, lambda name: pwd.getpwnam(name).pw_uid, "user")
    if gid is not None:
        os.setgid(gid)
    if uid is not None:
        os.setuid(uid)


def _number(text: str | None, find: Callable[[str], int], what: str) -> int | None:
    if not text:
        return None
    if text.isdecimal():
        return int(text)
    try:
        return find(text)
    except KeyError:
        raise UsageError(f"unknown {what} {text!r}") from None


def startup_text(server: Server) -> str:
    """What Kamailio prints on standard output when it starts: where it listens, and how else it is called."""
    lines = ["Listening on "]
    # Kamailio learns that a name is an address when it looks for the aliases of that.
    known = bool(server.settings["auto_aliases"])
    for socket in server.sockets:
        place = socket.host if known and socket.host == socket.address else f"{socket.host} [{socket.address}]"
        line = f"             {socket.proto}: {place}:{socket.port}"
        line += " virtual" if socket.virtual else ""
        line += f" name {socket.name}" if socket.name else ""
        line += f" advertise {socket.advertise_host}:{socket.advertise_port}" if socket.advertise_host else ""
        lines.append(line)
    lines.append("Aliases: ")
    for alias in server.names.aliases:
        lines.append(f"             {alias.proto or '*'}: {alias.host}:{alias.port or '*'}")
    return "\n".join((*lines, ""))

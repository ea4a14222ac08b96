"""`kamscript run`: start a config on real sockets, with the options of the `kamailio` command where they make sense."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kamscript.loader import load, module_classes, resolved, target_of
from kamscript.source import FileReader, Source

if TYPE_CHECKING:
    from kamscript.script.program import Program

DEFAULT_CONFIG = "/etc/kamailio/kamailio.cfg"


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM; 0 after a clean stop, 1 when the config or an address is refused."""
    path = options.file or options.config or DEFAULT_CONFIG
    if options.workdir:
        os.chdir(options.workdir)
    if options.check:
        resolved(path, FileReader(), defines=options.defines, subst=options.subst, target=options.target)
        print(f"config file ok: {path}", file=sys.stderr)
        return 0
    program = load(path, defines=options.defines, subst=options.subst, target=options.target)
    return _serve(options, with_options(program, options))


def with_options(program: Program, options: argparse.Namespace) -> Program:
    """The program with what the command line says put behind the config's own settings.

    The options are written as config lines, so that they are read and refused as those are.
    """
    lines = [f"listen={text}" for text in options.listen]
    if options.runtime_dir:
        lines.append(f'run_dir="{options.runtime_dir}"')
    if options.children is not None:
        lines.append(f"children={options.children}")
    if options.debug:
        lines.append(f"debug={_last(program, 'debug', 0) + options.debug}")
    if not lines:
        return program
    from kamscript.script.parse import parse

    overlay = parse(Source("<command line>", "".join(f"{line}\n" for line in lines)), target=target_of(program.target))
    return replace(program, items=(*program.items, *overlay.items))


def _last(program: Program, name: str, default: int) -> int:
    """The last integer that the config gives a core parameter."""
    value = default
    for setting in program.settings:
        if setting.name == name:
            value = int(getattr(setting.value, "value", default))
    return value


def _serve(options: argparse.Namespace, program: Program) -> int:
    from kamscript.core.server import Server
    from kamscript.live.control import controls_of
    from kamscript.live.daemon import BindError, Daemon, serve
    from kamscript.live.environment import StandardErrorLog, SystemLog, system_environment

    to_stderr = options.stderr or options.foreground > 0 or bool(_last(program, "log_stderror", 0))
    environment = system_environment(StandardErrorLog() if to_stderr else SystemLog())
    server = Server(program, environment, target=program.target, modules=module_classes(program.modules))
    server.start()
    doubles = server.doubles_called()
    if doubles and not options.doubles:
        print("known to Kamailio, but not simulated (start with --doubles to run without them):", file=sys.stderr)
        print(*(f"  {line}" for line in doubles), sep="\n", file=sys.stderr)
        return 1
    daemon = Daemon(server)
    pidfile = Path(options.pidfile) if options.pidfile else None

    def ready() -> None:
        if pidfile is not None:
            pidfile.write_text(f"{os.getpid()}\n")
        print(
            "Listening on", *(f"\n             {socket.text}" for socket in server.sockets), file=sys.stderr, flush=True
        )

    try:
        daemon.controls = controls_of(daemon)
        serve(daemon, ready)
    except BindError as error:
        print(f"kamscript: {error}", file=sys.stderr)
        return 1
    finally:
        if pidfile is not None:
            pidfile.unlink(missing_ok=True)
    return 0

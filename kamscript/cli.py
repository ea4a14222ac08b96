"""The command line: `kamscript run`, `check`, `call`.

Each command imports what it needs when it runs, so that `check` in an editor starts fast.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kamscript import __version__

if TYPE_CHECKING:
    from kamscript.source import ConfigError

CLEAN, FINDINGS, USAGE = 0, 1, 2
TARGETS = ("4.4", "5.6", "6.x", "all")


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(prog="kamscript", description="Run, test and check Kamailio routing scripts.")
    top.add_argument("--version", action="version", version=f"kamscript {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "-A", dest="defines", action="append", default=[], metavar="NAME[=VALUE]", help="define NAME, as #!define does"
    )
    common.add_argument(
        "--subst", dest="subst", action="append", default=[], metavar="/RE/TEXT/FLAGS", help="as #!subst"
    )
    common.add_argument("--target", choices=TARGETS, help="the Kamailio generation whose language and behaviour count")

    run = commands.add_parser("run", parents=[common], help="run a config on real sockets", add_help=True)
    run.add_argument("config", nargs="?", help="the config file (default: /etc/kamailio/kamailio.cfg)")
    run.add_argument("-f", dest="file", help="the config file, as Kamailio's -f")
    run.add_argument("-c", dest="check", action="store_true", help="only check, with Kamailio's verdict")
    run.add_argument(
        "-l", dest="listen", action="append", default=[], metavar="PROTO:HOST:PORT", help="listen here too"
    )
    run.add_argument("-L", dest="loadpath", metavar="PATH", help="module search path (accepted; modules are built in)")
    run.add_argument("-P", dest="pidfile", metavar="FILE", help="write the process id here")
    run.add_argument("-Y", dest="runtime_dir", metavar="DIR", help="where control sockets with relative names are made")
    run.add_argument("-w", dest="workdir", metavar="DIR", help="change to this directory first")
    run.add_argument("-E", dest="stderr", action="store_true", help="log to standard error")
    run.add_argument("-e", dest="no_color", action="store_true", help="log without colours (they are never used)")
    run.add_argument("-d", dest="debug", action="count", default=0, help="raise the debug level; may be repeated")
    run.add_argument("-D", dest="foreground", action="count", default=0, help="stay in the foreground (always done)")
    run.add_argument("-n", dest="children", type=int, help="number of workers (one process serves them all)")
    run.add_argument("-m", dest="shared_memory", type=int, help="shared memory in MB (accepted without effect)")
    run.add_argument("-M", dest="private_memory", type=int, help="private memory in MB (accepted without effect)")
    run.add_argument("--doubles", action="store_true", help="start although the config calls functions not simulated")

    check = commands.add_parser("check", parents=[common], help="find everything wrong with configs")
    check.add_argument("configs", nargs="+", metavar="CONFIG")
    check.add_argument("--format", choices=("text", "json", "sarif"), default="text")
    check.add_argument("--no-cache", action="store_true", help="neither read nor write compiled configs")

    call = commands.add_parser("call", parents=[common], help="carry one call through a config, offline, and draw it")
    call.add_argument("config")
    call.add_argument("--from", dest="caller", default="alice", metavar="USER")
    call.add_argument("--to", dest="callee", default="bob", metavar="USER")
    call.add_argument("--domain", default="", help="the users' domain (default: the config's first alias or address)")
    call.add_argument("--no-register", action="store_true", help="do not register the called phone first")
    call.add_argument("--log", action="store_true", help="print what the config logged, too")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the result is the exit status: 0 clean, 1 findings or failure, 2 usage."""
    options = parser().parse_args(arguments)
    from kamscript.loader import UsageError
    from kamscript.source import ConfigError

    try:
        if options.command == "run":
            from kamscript.live.run import run

            return run(options)
        if options.command == "check":
            from kamscript.tools.check import check

            return check(options)
        from kamscript.lab.call import call

        return call(options)
    except UsageError as error:
        print(f"kamscript: {error}", file=sys.stderr)
        return USAGE
    except ConfigError as error:
        print_findings(error)
        return FINDINGS
    except BrokenPipeError:
        return FINDINGS


def print_findings(error: ConfigError) -> None:
    """Every diagnostic with its line and caret, and how many there are."""
    print(error, file=sys.stderr)
    errors = sum(diagnostic.severity == "error" for diagnostic in error.diagnostics)
    print(f"{errors} error{'s' * (errors != 1)}", file=sys.stderr)

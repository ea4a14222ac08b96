"""The command line: `kamscript run`, `check`, `call`.

Each command imports what it needs when it runs, so that `check` in an editor starts fast.
"""

from __future__ import annotations

import sys

from kamscript import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kamscript.source import ConfigError

CLEAN, FINDINGS, USAGE = 0, 1, 2
TARGETS = ("4.4", "5.6", "6.x", "all")


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    import argparse

    from kamscript.live.options import add_options
    from kamscript.tools.port_options import add_options as add_port_options
    from kamscript.tools.replay_options import add_options as add_replay_options

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

    run = commands.add_parser("run", parents=[common], help="run a config on real sockets")
    add_options(run)

    check = commands.add_parser(
        "check",
        parents=[common],
        help="find everything wrong with configs",
        description="Find what the daemon would refuse to start for, and warn of what it would silently get wrong. "
        "Exit status: 0 clean (notes do not count), 1 errors or warnings, 2 wrong usage.",
    )
    check.add_argument("configs", nargs="+", metavar="CONFIG", help="a config file, - for the standard input")
    check.add_argument("--format", choices=("text", "json", "sarif"), default="text")
    check.add_argument(
        "--ignore", action="append", default=[], metavar="RULE", help="leave out warnings and notes of this rule"
    )
    check.add_argument("--no-warnings", action="store_true", help="only errors")
    check.add_argument("--no-notes", action="store_true", help="only errors and warnings")
    check.add_argument("--no-cache", action="store_true", help="find everything again, and keep nothing")

    call = commands.add_parser("call", parents=[common], help="carry one call through a config, offline, and draw it")
    call.add_argument("config")
    call.add_argument("--from", dest="caller", default="alice", metavar="USER")
    call.add_argument("--to", dest="callee", default="bob", metavar="USER")
    call.add_argument("--domain", default="", help="the users' domain (default: the config's first alias or address)")
    call.add_argument("--no-register", action="store_true", help="do not register the called phone first")
    call.add_argument("--log", action="store_true", help="print what the config logged, too")
    call.add_argument("--trace", action="store_true", help="print the lines of the routes as they ran, with values")
    call.add_argument("--mermaid", action="store_true", help="print the ladder as a Mermaid diagram")
    call.add_argument("--html", metavar="FILE", help="write the ladder as a page with messages, log and trace")
    call.add_argument("--svg", metavar="FILE", help="write the ladder as a picture")
    first = commands.add_parser("new-tests", parents=[common], help="write a first test file for a config")
    first.add_argument("config", metavar="CONFIG")
    first.add_argument("-o", dest="output", metavar="FILE", help="where to (default: test_NAME.py beside the config)")
    first.add_argument("--force", action="store_true", help="replace a file that is there")
    replay = commands.add_parser(
        "replay",
        parents=[common],
        help="carry a capture through a config and compare",
        description="Feed the messages of a capture to a config, offline and in the capture's time, and show what it "
        "does now and what differs. Exit status: 0 the same, 1 something differs, 2 unusable capture or usage.",
    )
    add_replay_options(replay)
    port = commands.add_parser(
        "port",
        parents=[common],
        help="tell what of a config is simulated, and what to replace",
        description="Tell what of a config runs for real, what a test must answer for, what other generations of "
        "Kamailio replaced, and what looks wrong. Exit status: 0 all of it is real and known to Kamailio 5.6 and 6.x "
        "(or to --target), 1 something is not or is an error, 2 wrong usage.",
    )
    add_port_options(port)
    bundle = commands.add_parser(
        "bundle",
        help="write a config and all that it includes as one file",
        description="Write a config with everything that it includes as one file for a real Kamailio. Exit status: "
        "0, 1 a file cannot be read, 2 wrong usage.",
    )
    bundle.add_argument("config", metavar="CONFIG")
    bundle.add_argument("-o", dest="output", metavar="FILE", help="where to (default: standard output)")
    bundle.add_argument(
        "-I", dest="include", action="append", default=[], metavar="DIR", help="look for included files here, too"
    )
    commands.add_parser(
        "sipp", add_help=False, help="play SIPp scenarios against a config, offline (SIPp's options: sipp -h)"
    )
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the result is the exit status: 0 clean, 1 findings or failure, 2 usage."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["check"]:
        from kamscript.tools.check import check, quick_options

        plain = quick_options(words[1:])
        if plain is not None:
            try:
                return check(plain)
            except BrokenPipeError:
                return FINDINGS
    if words[:1] == ["sipp"]:
        from kamscript.lab.sipp.command import main as sipp

        return sipp(words[1:])
    options = parser().parse_args(words)
    from kamscript.loader import UsageError
    from kamscript.source import ConfigError

    try:
        if options.command == "run":
            from kamscript.live.run import run

            options.arguments = words[1:]
            return run(options)
        if options.command == "check":
            from kamscript.tools.check import Options, check

            return check(Options.of(options))
        if options.command == "new-tests":
            from kamscript.tools.new_tests import new_tests

            return new_tests(options)
        if options.command == "port":
            from kamscript.tools.port import port

            return port(options)
        if options.command == "bundle":
            from kamscript.tools.bundle import bundle

            return bundle(options)
        if options.command == "replay":
            from kamscript.tools.replay import replay

            return replay(options)
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

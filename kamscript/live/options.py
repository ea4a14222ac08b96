"""The options of `kamscript run`: those of the `kamailio` command.

Nothing is imported here, so that other commands start fast.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def add_options(run: argparse.ArgumentParser) -> None:
    """Declare them; `kamscript.live.run` heeds them."""
    without = "(accepted without effect: one process, no memory pools)"
    add = run.add_argument
    add("config", nargs="?", help="the config file (default: /etc/kamailio/kamailio.cfg)")
    add("-f", dest="file", metavar="FILE", help="the config file, as Kamailio's -f")
    add("-c", dest="check", action="store_true", help="only check, with Kamailio's verdict")
    add("-l", dest="listen", action="append", default=[], metavar="[PROTO:]HOST[:PORT][/ADVERTISED]",
        help="listen here too: an address, a name, an interface or a list of them in parentheses")  # fmt: skip
    add("-a", dest="auto_aliases", metavar="MODE", help="yes or no: take the names of the own addresses as own names")
    add("--alias", action="append", default=[], metavar="[PROTO:]HOST[:PORT]", help="one more own name")
    add("-P", dest="pidfile", metavar="FILE", help="write the process id here")
    add("-G", dest="pgidfile", metavar="FILE", help="write the process group id here")
    add("-Y", dest="runtime_dir", metavar="DIR", help="where control sockets with relative names are made")
    add("-w", dest="workdir", metavar="DIR", help="change to this directory when the config is read")
    add("-u", dest="user", metavar="USER", help="go on as this user when all sockets are open")
    add("-g", dest="group", metavar="GROUP", help="go on as this group when all sockets are open")
    add("-E", dest="stderr", action="store_true", help="log to standard error")
    add("-e", dest="color", action="store_true", help="log to standard error in colours")
    add("--log-name", metavar="NAME", help="the program's name in syslog (default: kamailio)")
    add("-d", dest="debug", action="count", default=0, help="debug level 1, given twice 2, and so on")
    add("--debug", dest="debug_level", type=int, metavar="LEVEL", help="debug level")
    add("-T", dest="no_tcp", action="store_true", help="no TCP")
    add("-K", dest="check_via", action="store_true", help="check the host of the own Via in replies")
    add("-r", dest="dns", action="store_true", help="set the core parameter dns")
    add("-R", dest="rev_dns", action="store_true", help="set the core parameter rev_dns")
    add("--server-id", type=int, metavar="NUMBER", help="set the core parameter server_id")
    add("-n", dest="children", type=int, metavar="NUMBER", help="set the core parameter children")
    add("-N", dest="tcp_children", type=int, metavar="NUMBER", help="set the core parameter tcp_children")
    add("--doubles", action="store_true", help="start although the config has modules not simulated")
    add("-D", dest="foreground", action="count", default=0, help="stay in the foreground (always done)")
    add("-L", dest="loadpath", metavar="PATH", help="module search path (without effect: modules are built in)")
    add("-m", dest="shared_memory", type=int, metavar="MB", help=without)
    add("-M", dest="private_memory", type=int, metavar="MB", help=without)
    add("-x", dest="shared_manager", metavar="NAME", help=without)
    add("-X", dest="private_manager", metavar="NAME", help=without)
    add("-b", dest="buffer", type=int, metavar="BYTES", help="receive buffer (without effect: always 4 MiB)")
    add("-O", dest="optimise", type=int, metavar="LEVEL", help="without effect: routes are always compiled")
    add("-Q", dest="sctp_children", type=int, metavar="NUMBER", help="without effect: there is no SCTP")
    add("-S", dest="no_sctp", action="store_true", help="without effect: there is no SCTP")
    add("-W", dest="poll_method", metavar="TYPE", help="without effect: the system's best is used")
    add("--atexit", metavar="MODE", help="without effect")

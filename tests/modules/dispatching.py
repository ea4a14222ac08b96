"""A lab with dispatcher and a list of destinations, and what its script says of requests."""

from __future__ import annotations

from typing import Any

from kamscript.lab import Lab
from kamscript.lab.environment import LabFiles
from kamscript.modules.dispatcher import Dispatcher
from kamscript.modules.dispatcher.listing import letters

LIST = """\
# gateways
1 sip:10.0.0.1:5080 0 10 duid=a;maxload=1
1 sip:10.0.0.2:5080 0 5 duid=b
1 sip:10.0.0.3:5080 0 0 duid=c
2 sip:10.0.1.1 1
2 sip:10.0.1.2
3 sip:10.0.2.1 4
"""
HEAD = """\
listen=udp:127.0.0.1:5070 name "side"
listen=udp:127.0.0.1:5060 name "main"
auto_aliases=no
loadmodule "db_mysql.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "cfg_rpc.so"
loadmodule "dispatcher.so"
modparam("dispatcher", "flags", 2)
"""
DOWN = 'event_route[dispatcher:dst-down] { xlog("down $ru $dsv(code)\\n"); }\n'
UP = 'event_route[dispatcher:dst-up] { xlog("up $ru $dsv(code)\\n"); }\n'


def params(**values: str | int) -> str:
    """Lines of modparam."""
    shown = {name: f'"{value}"' if isinstance(value, str) else value for name, value in values.items()}
    return "".join(f'modparam("dispatcher", "{name}", {value})\n' for name, value in shown.items())


def lab(
    route: str = "exit;",
    *,
    text: str = LIST,
    rest: str = "",
    target: str = "5.6",
    modules: str = "",
    world: Any = None,
    **settings: Any,
) -> Lab:
    """A lab whose request route is `route`, with `text` as the list file unless the settings name a database.

    `settings` are parameters of the module, `modules` are loaded as well, `world` is what else a Lab is told.
    """
    if "db_url" not in settings:
        settings = {"list_file": "dispatcher.list", **settings}
    if target != "4.4":
        settings = {"reload_delta": 0, **settings}
    more = "".join(f'loadmodule "{name}.so"\n' for name in modules.split())
    config = f"{HEAD}{more}{params(**settings)}request_route {{\n{route}\n}}\n{rest}"
    return Lab(text=config, files={"dispatcher.list": text}, target=target, **(world or {}))


def rewrite(made: Lab, text: str) -> None:
    """Change the list file."""
    files = made.server.environment.files
    assert isinstance(files, LabFiles)
    files.write("dispatcher.list", text)


def said(made: Lab, method: str = "INVITE", call: str = "call-1", source: str = "10.0.0.99:5060") -> list[str]:
    """What the script logs about one request."""
    before = len(made.log.script)
    host, _, port = source.partition(":")
    made.send(
        f"{method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP {source};branch=z9hG4bK{call}{method}\r\n"
        "From: <sip:alice@example.org>;tag=1\r\nTo: <sip:bob@example.com>\r\n"
        f"Call-ID: {call}\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n",
        (host, int(port)),
    )
    return made.log.script[before:]


def module(made: Lab) -> Dispatcher:
    """The module itself."""
    found = made.module("dispatcher")
    assert isinstance(found, Dispatcher)
    return found


def flags(made: Lab, group: int = 1) -> list[str]:
    """The states of a set's destinations, in their order."""
    return [letters(entry.flags) for entry in module(made).sets.by_id[group].entries]


def logged(made: Lab, text: str) -> bool:
    """Whether a line of the log has this text."""
    return any(text in line for line in made.log.lines())

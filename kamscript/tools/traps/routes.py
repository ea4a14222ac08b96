"""Traps of route blocks: nobody calls one, or one is called that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kamscript.script import nodes as n
from kamscript.script.nodes import RouteKind
from kamscript.source import Diagnostic, did_you_mean
from kamscript.tools.traps import Config, constant

#: Functions that arm a route for later, and the kind of it.
_ARMING = {
    "t_on_failure": RouteKind.FAILURE,
    "t_on_branch": RouteKind.BRANCH,
    "t_on_reply": RouteKind.ONREPLY,
    "t_on_branch_failure": RouteKind.EVENT,
}
_KIND_NAMES = {
    RouteKind.FAILURE: "failure_route",
    RouteKind.BRANCH: "branch_route",
    RouteKind.ONREPLY: "onreply_route",
    RouteKind.EVENT: "event_route",
}
_WORDS = re.compile(r"[=;,:|\s]+")
_BRANCH_FAILURE = "tm:branch-failure:"
#: Events that have a fixed name, by who raises them; a name that ends in `:` or `-` takes any end.
#: Source: the manuals' and the C modules' look-ups of event routes in 5.6.3.
_EVENTS = {
    "core": "core:worker-one-init core:pre-routing core:msg-received core:receive-parse-error core:tkv",
    "tcpops": "tcp:closed tcp:timeout tcp:reset",
    "corex": "network:msg corex:reply-out",
    "dialog": "dialog:start dialog:end dialog:failed dialog:timeout",
    "dispatcher": "dispatcher:dst-up dispatcher:dst-down",
    "evapi": "evapi:connection-new evapi:connection-closed evapi:message-received",
    "htable": "htable:mod-init htable:expired: htable:reloaded:",
    "http_async_client": "http_async_client:callback",
    "mqtt": "mqtt:connected mqtt:disconnected mqtt:message",
    "msrp": "msrp:frame-in",
    "nats": "nats:connected nats:disconnected",
    "nosip": "nosip:msg",
    "presence": "presence:notify-reply",
    "sipcapture": "sipcapture:request",
    "sipdump": "sipdump:msg",
    "siptrace": "siptrace:msg",
    "sl": "sl:filtered-ack sl:local-response",
    "tls": "tls:connection-out",
    "tm": "tm:local-request tm:local-response tm:branch-failure:",
    "topoh": "topoh:msg-outgoing topoh:msg-sending",
    "topos": "topos:msg-outgoing topos:msg-sending topos:msg-incoming topos:msg-receiving",
    "uac": "uac:reply",
    "usrloc": "usrloc:contact-expired",
    "websocket": "websocket:closed",
    "xhttp": "xhttp:request",
}


def _names(config: Config) -> frozenset[str]:
    """Every text of the config outside of route names, and the words in it: one of them may name a route."""
    texts = {node.value for _, node in config.all(n.StrLit)}
    for item in config.resolved.config.items:
        if isinstance(item, n.ModParam | n.Setting):
            texts.add(str(getattr(item.value, "value", "")))
    words = {word for text in texts for word in _WORDS.split(text)}
    return frozenset(texts | words)


def _dynamic(config: Config) -> bool:
    """Whether some route is called by a name that only the running script knows."""
    return any(not isinstance(call.target, n.StrLit | n.IntLit) for _, call in config.all(n.RouteCall))


def unused(config: Config) -> Iterator[Diagnostic]:
    """A `route[NAME]` that nothing names, in a config that has a main route (others are made to be included)."""
    whole = any(route.kind is RouteKind.REQUEST and not route.name for route in config.routes)
    if not whole or _dynamic(config):
        return
    names = _names(config)
    for route in config.routes:
        if route.kind is RouteKind.REQUEST and route.name and route.name != "0" and route.name not in names:
            yield Diagnostic("unused-route", f"nothing calls route[{route.name}]", route.pos, "warning")


def unarmed(config: Config) -> Iterator[Diagnostic]:
    """A failure, branch or reply route that nothing arms."""
    names = _names(config)
    for _, call in config.calls(*_ARMING):
        if call.args and (constant(call.args[0]) is None or "$" in (constant(call.args[0]) or "")):
            return
    for route in config.routes:
        if route.kind in (RouteKind.FAILURE, RouteKind.BRANCH, RouteKind.ONREPLY) and route.name not in names:
            kind = _KIND_NAMES[route.kind]
            arm = next(name for name, armed in _ARMING.items() if armed is route.kind)
            yield Diagnostic(
                "unarmed-route",
                f"nothing arms {kind}[{route.name}]: it never runs",
                route.pos,
                "warning",
                f'{arm}("{route.name}") arms it for one transaction',
            )


def missing(config: Config) -> Iterator[Diagnostic]:
    """`t_on_failure("NAME")` without that failure route: the daemon logs a warning and starts."""
    known = {(route.kind, route.name) for route in config.routes}
    for _, call in config.calls(*_ARMING):
        name = constant(call.args[0]) if call.args else None
        if not name or "$" in name or name == "0":
            continue
        kind = _ARMING[call.name]
        block = _BRANCH_FAILURE + name if kind is RouteKind.EVENT else name
        if (kind, block) in known:
            continue
        have = [route.name.removeprefix(_BRANCH_FAILURE) for route in config.routes if route.kind is kind]
        yield Diagnostic(
            "missing-route",
            f"there is no {_KIND_NAMES[kind]}[{block}]: {call.name} arms nothing",
            call.args[0].pos,
            "warning",
            did_you_mean(name, have),
        )


def event_routes(config: Config) -> Iterator[Diagnostic]:
    """`event_route[NAME]` of an event that nothing raises."""
    owners = {event: module for module, events in _EVENTS.items() for event in events.split()}
    for module, cls in config.classes.items():
        for event in cls.event_routes:
            owners.setdefault(event, module)
    prefixes = {event.partition(":")[0] for event in owners}
    names = _names(config)
    for route in config.routes:
        name = route.name
        if route.kind is not RouteKind.EVENT or name in names or name.partition(":")[0] not in prefixes:
            continue
        owner = owners.get(name) or next((m for event, m in owners.items() if event[-1] == ":" and event in name), "")
        if not owner:
            text, hint = f"nothing raises the event {name}", did_you_mean(name, owners)
        elif owner != "core" and owner not in config.resolved.modules:
            text, hint = f"only the module {owner} raises {name}, and it is not loaded", f'loadmodule "{owner}.so"'
        else:
            continue
        yield Diagnostic("unknown-event", f"{text}: this route never runs", route.pos, "warning", hint)


TRAPS = (unused, unarmed, missing, event_routes)

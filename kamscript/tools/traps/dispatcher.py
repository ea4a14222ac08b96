"""Traps of dispatcher: what ends 5.6.3 when it runs."""

from __future__ import annotations

from collections.abc import Iterator

from kamscript.source import Diagnostic
from kamscript.tools.traps import Config


def unset_without_call_id(config: Config) -> Iterator[Diagnostic]:
    """ds_load_unset() when a dialog ends: after a timeout the message is a made-up one that nobody parsed."""
    for route, call in config.calls("ds_load_unset"):
        if route.name == "dialog:end":
            yield Diagnostic(
                "unset-without-call-id",
                "ds_load_unset() ends Kamailio 5.6 here when a dialog timed out: there is no message of the call then",
                call.pos,
                "warning",
                "call ds_load_update() for the BYE: in the request route, and in event_route[tm:local-request]",
            )


TRAPS = (unset_without_call_id,)

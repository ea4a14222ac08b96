"""pv: the pseudo-variables and transformations that nearly every config uses."""

from __future__ import annotations

from typing import ClassVar

from kamscript.module import Module
from kamscript.modules.pv.branches import Branches
from kamscript.modules.pv.functions import Functions
from kamscript.modules.pv.later import Later
from kamscript.modules.pv.message import MessageVariables
from kamscript.modules.pv.network import Network
from kamscript.modules.pv.server import ServerVariables
from kamscript.modules.pv.strings import Strings
from kamscript.modules.pv.structures import Structures
from kamscript.modules.pv.times import Times
from kamscript.modules.pv.uris import Uris
from kamscript.modules.pv.variables import Variables


class Pv(
    Variables,
    Uris,
    MessageVariables,
    Network,
    Branches,
    Times,
    ServerVariables,
    Strings,
    Structures,
    Functions,
    Later,
    Module,
    name="pv",
):
    """Pseudo-variables over messages, destinations, time and the server, and transformations of their values."""

    #: Pseudo-variables that routes read without a call: Python over `ctx`, and the kind of value (see script.scope).
    inline: ClassVar[dict[str, tuple[str, str]]] = {
        "rm": ("(ctx.msg.method or (ctx.msg.cseq and ctx.msg.cseq.method))", "text"),
        "si": ("ctx.msg.received.src_ip", "str"),
        "src_ip": ("ctx.msg.received.src_ip", "str"),
        "sp": ("ctx.msg.received.src_port", "int"),
        "rs": ("(None if ctx.msg.is_request else ctx.msg.status)", "any"),
        "du": ("(ctx.msg.dst_uri or None)", "text"),
        "pr": ("ctx.msg.received.proto", "str"),
        "proto": ("ctx.msg.received.proto", "str"),
        "ml": ("len(ctx.msg.buf)", "int"),
    }
    #: Texts that have a number as well (pv_get_strintval), which counts wherever a route asks for one: `if ($rm)` is
    #: true, `$pr * 1` is 1 for UDP. Given as the pseudo-variable that has the number.
    numbers: ClassVar[dict[str, str]] = {
        "rm": "rmid",
        "pr": "prid",
        "proto": "prid",
        "mF": "mf",
        "sF": "sf",
        "bF": "bf",
        "Tf": "Ts",
    }
    #: Pseudo-variables that take no number, unless another pseudo-variable holds it.
    text_only: ClassVar[frozenset[str]] = frozenset(
        [
            "ru",
            "ruri",
            "rU",
            "ruri.user",
            "rd",
            "ruri.domain",
            "du",
            "duri",
            "br",
            "fs",
            "fsn",
            "fu",
            "from",
            "fU",
            "from.user",
            "fd",
            "from.domain",
            "fn",
            "tu",
            "to",
            "tU",
            "to.user",
            "td",
            "to.domain",
            "tn",
        ]
    )

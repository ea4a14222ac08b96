"""tm: stateful processing. See `api.py` for what other modules use, `states.py` for the transaction tables."""

from __future__ import annotations

from kamscript.module import Module
from kamscript.modules.tm.api import TmApi


class Tm(TmApi, Module, name="tm"):
    """Stateful relaying, forking, replying and failure handling (RFC 3261 17, RFC 6026)."""

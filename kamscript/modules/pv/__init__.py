"""pv: the pseudo-variables and transformations that nearly every config uses."""

from __future__ import annotations

from kamscript.module import Module
from kamscript.modules.pv.variables import Variables


class Pv(Variables, Module, name="pv"):
    """Pseudo-variables over messages, destinations, time and the server, and transformations of their values."""

"""The lab: a config runs offline, on a virtual network and a clock that a test turns."""

from kamscript.lab.alone import RouteRun
from kamscript.lab.builder import Reply
from kamscript.lab.doubles import Double
from kamscript.lab.lab import Lab, Log
from kamscript.lab.phone import Call, Phone, Request
from kamscript.lab.tables import rows

__all__ = ["Call", "Double", "Lab", "Log", "Phone", "Reply", "Request", "RouteRun", "rows"]

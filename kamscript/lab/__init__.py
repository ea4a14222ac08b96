"""The lab: a config runs offline, on a virtual network and a clock that a test turns."""

from kamscript.lab.alone import RouteRun
from kamscript.lab.lab import Lab, Log
from kamscript.lab.phone import Call, Phone, Request

__all__ = ["Call", "Lab", "Log", "Phone", "Request", "RouteRun"]

"""The same test on a real Kamailio: a started daemon on loopback with the lab's phones around it.

`RealLab` takes the place of Lab, `twice` is what `pytest --kam-real` does, `daemon` starts and ends the process.
"""

from __future__ import annotations

from kamscript.lab.real.config import why_not
from kamscript.lab.real.daemon import Daemon, Refused
from kamscript.lab.real.lab import RealLab
from kamscript.lab.real.loopback import NotOnReal

__all__ = ["Daemon", "NotOnReal", "RealLab", "Refused", "why_not"]

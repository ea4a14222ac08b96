"""Where in the config a route is just now: what xlogl() prints and `$cfg(...)` reads."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kamscript.core.server import Server


class Place(NamedTuple):
    """A line of a config file and the Python name of the route block around it."""

    path: str
    line: int
    route: str


def current_place(server: Server) -> Place | None:
    """The innermost line of the config that is running; None outside of a route.

    Compiled routes carry the config's own file names and lines (see kamscript.script.compile), so the running frames
    tell; this costs nothing until somebody asks.
    """
    program = server.program
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        path = program.source_of(code)
        if path is not None:
            return Place(path, frame.f_lineno, code.co_name)
        if frame.f_back is None:
            break
        frame = frame.f_back
    return None

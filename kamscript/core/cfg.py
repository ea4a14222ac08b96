"""The configuration framework: groups of variables that can change at run time (core/cfg/, RPC `cfg.*`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kamscript.core.server import Server


class CfgVar:
    """One variable of a group.

    `kind` is int or str; `low`/`high` bound an int (both 0: any). `read_only` refuses a set (it can only be set by
    the config); `on_change(group, name, old, new)` runs behind a set, `check` may refuse by returning an error text.
    """

    __slots__ = ("check", "default", "doc", "high", "kind", "low", "name", "on_change", "read_only")

    def __init__(
        self,
        name: str,
        default: int | str | None,
        doc: str = "",
        *,
        low: int = 0,
        high: int = 0,
        read_only: bool = False,
        kind: type | None = None,
        check: Callable[[Any], str | None] | None = None,
        on_change: Callable[[str, str, Any, Any], object] | None = None,
    ) -> None:
        self.name, self.default, self.doc, self.low, self.high = name, default, doc, low, high
        self.kind = kind or (int if isinstance(default, int) else str)
        self.read_only, self.check, self.on_change = read_only, check, on_change


class CfgError(Exception):
    """A variable could not be read or set; the text is the RPC fault's."""


class Cfg:
    """All groups of one server. Modules declare theirs in `start()`::

    self.cfg = server.cfg.declare("tm", [CfgVar("fr_timer", 30000, "..."), ...], values={...})
    self.cfg["fr_timer"]          # a plain dict of the current values: reading costs one look-up
    """

    def __init__(self, server: Server) -> None:
        raise NotImplementedError

    def declare(self, group: str, variables: list[CfgVar], values: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make a group; returns its live dict of values (of the group without instance id). `values` start it."""
        raise NotImplementedError

    def get(self, group: str, name: str, instance: int | None = None) -> int | str | None:
        """The value; raises CfgError when group or variable are unknown."""
        raise NotImplementedError

    def set(self, group: str, name: str, value: int | str | None, instance: int | None = None) -> None:
        """Set at once (cfg.set_now_*), converting as Kamailio does; raises CfgError."""
        raise NotImplementedError

    def delayed_set(self, group: str, name: str, value: int | str | None, instance: int | None = None) -> None:
        """Keep until `commit`."""
        raise NotImplementedError

    def commit(self) -> None:
        """Set everything delayed."""
        raise NotImplementedError

    def rollback(self) -> None:
        """Forget everything delayed."""
        raise NotImplementedError

    def delete(self, group: str, name: str, instance: int) -> None:
        """Let an instance follow the group again (cfg.del)."""
        raise NotImplementedError

    def reset(self, group: str, name: str, instance: int | None = None) -> None:
        """Back to the value at start (cfg.reset)."""
        raise NotImplementedError

"""A dialog as a row of Kamailio's table `dialog`, and a row as a dialog (dialog/dlg_db_handler.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from kamscript.modules.dialog.cell import DELETED, UNCONFIRMED, DialogCell

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.dialog.parameters import Parameters

#: Versions that Kamailio expects of the tables.
DIALOG_VERSION: Final = 7
VARS_VERSION: Final = 1

#: Columns of `dialog`, as Kamailio's schema calls them, in the order of a row here. The config may rename all but the
#: last three.
STANDARD: Final = (
    *("hash_entry", "hash_id", "callid", "from_uri", "from_tag", "to_uri", "to_tag", "start_time", "state", "timeout"),
    *("caller_cseq", "callee_cseq", "caller_route_set", "callee_route_set", "caller_contact", "callee_contact"),
    *("caller_sock", "callee_sock", "sflags", "toroute_name", "req_uri", "xdata", "iflags"),
)
VARS_STANDARD: Final = ("hash_entry", "hash_id", "dialog_key", "dialog_value")

#: What an update sets: all that changes while a call lasts.
_CHANGING: Final = (
    *("state", "timeout", "caller_cseq", "callee_cseq", "caller_contact", "callee_contact"),
    *("sflags", "iflags", "toroute_name", "xdata"),
)

_PLACE: Final = {name: place for place, name in enumerate(STANDARD)}
_MAX: Final = 0xFFFFFFFF


class BadRow(ValueError):
    """A row is no dialog; the text tells why."""


class Columns:
    """The names of tables and columns as the config has them."""

    def __init__(self, module: Parameters) -> None:
        m = module
        self.table, self.vars_table = m.table_name, m.vars_table_name
        self.dialog: tuple[str, ...] = (
            *(m.h_entry_column, m.h_id_column, m.call_id_column, m.from_uri_column, m.from_tag_column),
            *(m.to_uri_column, m.to_tag_column, m.start_time_column, m.state_column, m.timeout_column),
            *(m.from_cseq_column, m.to_cseq_column, m.from_route_column, m.to_route_column),
            *(m.from_contact_column, m.to_contact_column, m.from_sock_column, m.to_sock_column),
            *(m.sflags_column, m.toroute_column, "req_uri", "xdata", "iflags"),
        )
        self.vars: tuple[str, ...] = (m.vars_h_entry_column, m.vars_h_id_column, m.vars_key_column, m.vars_value_column)
        self.key, self.vars_key = self.dialog[:2], self.vars[:2]
        self.changing = tuple(self.dialog[_PLACE[name]] for name in _CHANGING)

    def renamed(self) -> dict[str, str]:
        """Columns of `dialog` that the config calls otherwise."""
        return {old: new for old, new in zip(STANDARD, self.dialog, strict=True) if old != new}

    def vars_renamed(self) -> dict[str, str]:
        """Those of `dialog_vars`."""
        return {old: new for old, new in zip(VARS_STANDARD, self.vars, strict=True) if old != new}


def whole_row(dlg: DialogCell, timeout: int, xdata: str | None) -> list[Any]:
    """The values of a new row, in the order of STANDARD."""
    caller, callee = dlg.caller, dlg.callee
    return [
        *(dlg.h_entry, dlg.h_id, dlg.callid, dlg.from_uri, caller.tag, dlg.to_uri, callee.tag),
        *(dlg.start_ts, dlg.state, timeout, caller.cseq, callee.cseq),
        *(caller.route_set or None, callee.route_set or None, caller.contact, callee.contact),
        caller.socket.text if caller.socket is not None else "",
        callee.socket.text if callee.socket is not None else "",
        *(dlg.sflags, dlg.toroute or None, dlg.req_uri, xdata, dlg.iflags),
    ]


def changed_row(dlg: DialogCell, timeout: int, xdata: str | None) -> list[Any]:
    """The values of an update: those of `Columns.changing`, then the key."""
    caller, callee = dlg.caller, dlg.callee
    return [
        *(dlg.state, timeout, caller.cseq, callee.cseq, caller.contact, callee.contact),
        *(dlg.sflags, dlg.iflags, dlg.toroute or None, xdata, dlg.h_entry, dlg.h_id),
    ]


class RowReader:
    """Makes dialogs of rows.

    Texts that many dialogs have in common are kept once; `socket` finds the socket that a text names.
    """

    def __init__(self, columns: Columns, socket: Callable[[str], ListenSocket | None]) -> None:
        self.columns, self._socket = columns, socket
        self._same: dict[str, str] = {}
        self._sockets: dict[str, ListenSocket | None] = {"": None}

    def read(self, row: tuple[Any, ...]) -> tuple[DialogCell, int, str]:
        """The dialog, the second at which it expires, its xdata; BadRow tells what is wrong with the row."""
        (entry, number, callid, from_uri, from_tag, to_uri, to_tag, start, state, timeout, cseq1, cseq2) = row[:12]
        (route1, route2, contact1, contact2, sock1, sock2, sflags, toroute, req_uri, xdata, iflags) = row[12:]
        if entry is None or number is None or start is None or state is None:
            names = ", ".join(self.columns.dialog[place] for place in (0, 1, 7, 8) if row[place] is None)
            raise BadRow(f"no {names}")
        texts = (callid, from_uri, from_tag, to_uri, to_tag, req_uri, cseq1, cseq2, contact1, contact2)
        if not all(text.__class__ is str and "\n" not in text for text in texts) or not callid:
            self._complain(row)
        if (cseq1 and not cseq1.isdecimal()) or (cseq2 and not cseq2.isdecimal()):
            raise BadRow(f"no CSeq: {cseq1 if cseq1 and not cseq1.isdecimal() else cseq2!r}")
        dlg = DialogCell(callid, from_uri, to_uri if to_uri != req_uri else req_uri, req_uri, from_tag)
        dlg.h_entry, dlg.h_id = self._number(entry, 0), self._number(number, 1)
        dlg.start_ts, dlg.state = self._number(start, 7), self._number(state, 8)
        if not UNCONFIRMED <= dlg.state <= DELETED:
            raise BadRow(f"no such state: {state}")
        caller, callee, same = dlg.caller, dlg.callee, self._shared
        callee.tag = to_tag
        caller.cseq, callee.cseq = same(cseq1), same(cseq2)
        caller.route_set, callee.route_set = same(route1), same(route2)
        caller.contact, callee.contact = contact1, contact2
        caller.socket, callee.socket = self._find(sock1), self._find(sock2)
        dlg.sflags, dlg.iflags = self._number(sflags, 18), self._number(iflags, 22)
        dlg.toroute = same(toroute)
        return dlg, self._number(timeout, 9), xdata if isinstance(xdata, str) else ""

    def _number(self, value: Any, place: int) -> int:
        """An unsigned number of 32 bits; a text of digits is one, too, and null is 0."""
        try:
            number = int(value or 0)
        except (TypeError, ValueError, OverflowError):
            number = -1
        if not 0 <= number <= _MAX:
            raise BadRow(f"{self.columns.dialog[place]} is no number: {value!r}")
        return number

    def _complain(self, row: tuple[Any, ...]) -> None:
        for place in (2, 3, 4, 5, 6, 20, 10, 11, 14, 15):
            value = row[place]
            if value is None or (place == 2 and value == ""):
                raise BadRow(f"no {self.columns.dialog[place]}")
            if not isinstance(value, str) or "\n" in value:
                raise BadRow(f"{self.columns.dialog[place]} is no text of one line")

    def _shared(self, text: Any) -> str:
        """Each text once; null, and what is no text, is empty."""
        if not isinstance(text, str) or "\n" in text:
            return ""
        return self._same.setdefault(text, text)

    def _find(self, text: Any) -> ListenSocket | None:
        if not isinstance(text, str):
            return None
        try:
            return self._sockets[text]
        except KeyError:
            found = self._sockets[text] = self._socket(text)
            return found

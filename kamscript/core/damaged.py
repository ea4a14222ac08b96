"""A message that does not parse, as event_route[core:receive-parse-error] sees it."""

from __future__ import annotations

from kamscript.sip.errors import SipError
from kamscript.sip.message import Message
from kamscript.sip.scan import first_line


class DamagedMessage(Message):
    """Text and source, the first line where that much can be read, and no headers."""

    def _read(self, text: str) -> None:
        # Every field as of a whole message first; then what is different. Offsets stay inside the text.
        super()._read("OPTIONS sip:h SIP/2.0\r\nX:\r\n\r\n")
        self.buf = text
        self._headers, self._kinds, self._where, self._lines = [], [], {}, None
        self.eoh = self._body_offset = -1
        self.complete, self.callid = False, ""
        self.header_error = "the message does not parse"
        self.uri_start = self.uri_end = self.first_start = self.first_end = 0
        self.is_request, self.method, self.method_id, self.uri, self.version = False, "", "", "", ""
        try:
            line = first_line(text)
        except SipError:
            return
        self.is_request, self.method, self.method_id = bool(line.method), line.method, line.method
        self.uri, self.version, self.status, self.reason = line.uri, line.version, line.status, line.reason
        self.uri_start, self.uri_end = line.uri_start, line.uri_start + len(line.uri)
        self.first_start, self.first_end = line.start, line.end

"""The flags of rtpengine_offer() and its kin: one text of words and `name=value`, sorted into an ng request.

Source: rtpengine manual, section 4.1; rtpengine.c, parse_flags().
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Final

from kamscript.modules.rtpengine.bencode import Pairs, Value
from kamscript.values import c_int, wrap

_WORD = re.compile(r" *([^ =]*)(?:=([^ ]*))?")
#: Transports by bits: 1 SRTP, 2 feedback, 4 DTLS; two of the combinations have no name.
TRANSPORTS: Final = {
    0: "RTP/AVP", 1: "RTP/SAVP", 2: "RTP/AVPF", 3: "RTP/SAVPF", 4: "UDP/TLS/RTP/SAVP", 6: "UDP/TLS/RTP/SAVPF",
}  # fmt: skip
_WHOLE_TRANSPORTS: Final = {name: 0x100 | bits for bits, name in TRANSPORTS.items()}
#: Words that set (left) or clear (right) a bit.
_TRANSPORT_BITS: Final = {"RTP": (0, 1), "AVP": (0, 2), "SRTP": (1, 0), "AVPF": (2, 0), "DTLS": (4, 0)}
_LISTS: Final = {"replace": "replace", "SDES": "SDES", "T38": "T.38", "T.38": "T.38", "rtcp-mux": "rtcp-mux"}
_CODECS: Final = {
    "transcode": "transcode", "codec-transcode": "transcode", "codec-strip": "strip", "codec-offer": "offer",
    "codec-mask": "mask", "codec-set": "set", "codec-except": "except",
}  # fmt: skip
_VIA: Final = {
    "auto": 3, "extra": -1, "next": -2, "auto-next": -3, "next-auto": -3, "auto-extra": -4, "extra-auto": -4,
}  # fmt: skip


class BadFlag(Exception):
    """A flag without a value that it needs, or with one that it does not take."""


class Flags:
    """What the flags say. `members` go into the request as they come, the lists behind them.

    via: 1, 2 the branch of that Via, 3 that of the caller's, -1 extra_id_pv, -2 the next branch, -3 and -4 by direction
    """

    def __init__(self, call_id: str, from_tag: str, to_tag: str) -> None:
        self.call_id, self.from_tag, self.to_tag = call_id, from_tag, to_tag
        self.members = Pairs()
        self.words: list[Value] = []
        self.direction: list[Value] = []
        self.from_tags: list[Value] = []
        self.lists: dict[str, list[Value]] = {}
        self.codecs: dict[str, list[Value]] = {}
        self.transport = self.via = 0
        self.with_to_tag = self.directional = False
        self.forces_answer = False

    def read(self, text: str, *, offer: bool) -> None:
        """Take a text of flags in. Raises BadFlag."""
        at = 0
        while at < len(text):
            found = _WORD.match(text, at)
            if found is None or not found.group(1):
                break
            at = found.end()
            self._take(found.group(1), found.group(2), offer=offer)

    def _take(self, key: str, value: str | None, *, offer: bool) -> None:
        if self._list(key, value):
            return
        if value is None:
            if key in _WHOLE_TRANSPORTS:
                self.transport = _WHOLE_TRANSPORTS[key]
                return
            if key in _TRANSPORT_BITS:
                on, off = _TRANSPORT_BITS[key]
                self.transport = (self.transport | 0x100 | on) & ~off
                return
        match key:
            case "to-tag":
                self.to_tag = self.to_tag if value is None else value
                self.with_to_tag = True
            case "call-id":
                self.call_id = _needed(key, value)
            case "from-tag":
                self.from_tag = _needed(key, value)
                self.directional = True
            case "internal" | "external":
                self.direction.append(key)
            case "direction":
                self.direction.append(value or "")
            case "from-tags":  # of subscriptions (6.x)
                self.from_tags.append(_needed(key, value))
            case "directional":
                self.directional = True
            case "via-branch":
                self.via = _via(_needed(key, value))
            case "TOS" if value is not None:
                self.members.append(("TOS", c_int(value)))
            case "repacketize":
                size = 0
                for digit in takewhile("0123456789".__contains__, _needed(key, value)):
                    size = wrap(size * 10 + int(digit))
                if not size:
                    raise BadFlag(f"error processing flag `repacketize' (value '{value}'): invalid value")
                self.members.append(("repacketize", size))
            case "force-answer":
                if not offer:
                    raise BadFlag("error processing flag `force-answer': cannot force answer in non-offer command")
                self.forces_answer = True
            case _:
                if key == "delete-delay" and value is not None:  # and then as any other, too
                    self.members.append(("delete delay", c_int(value)))
                if value is None:
                    self.words.append(key)
                else:
                    self.members.append((key, value))

    def _list(self, key: str, value: str | None) -> bool:
        """Flags that have a list of their own: `replace-origin`, `replace=origin`."""
        for table, lists in ((_LISTS, self.lists), (_CODECS, self.codecs)):
            for prefix, name in table.items():
                item = _item(key, prefix, value)
                if item:
                    lists.setdefault(name, []).append(item)
                    return True
        return False


def _item(key: str, prefix: str, value: str | None) -> str:
    """What stands behind a prefix, with `-` or `=`; "" when the flag is none of that kind."""
    if key == prefix:
        return value or ""
    rest = key.removeprefix(prefix)
    return rest[1:] if len(rest) < len(key) and len(rest) >= 2 and rest[0] == "-" else ""


def _needed(key: str, value: str | None) -> str:
    if value is None:
        raise BadFlag(f"error processing flag `{key}': missing value")
    return value


def _via(value: str) -> int:
    if value[:1] in ("1", "2"):
        return int(value[0])
    if value not in _VIA:
        raise BadFlag(f"error processing flag `via-branch' (value '{value}'): invalid value")
    return _VIA[value]

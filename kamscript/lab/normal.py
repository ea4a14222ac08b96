"""What may differ between two runs of the same thing, replaced by names.

Branches, tags, Call-IDs, dialog cookies and record ids that the server made up become `{branch 1}`, `{tag 2}`, numbered
by first appearance, so that "the same branch as before" stays visible. What the parties sent themselves stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_BRANCH = re.compile(r"z9hG4bK[\w.!%*+`'~-]*")
_TAG = re.compile(r"(?<=tag=)[\w.!%*+`'~-]+")
_CALL_ID = re.compile(r"(?im)^((?:call-id|i)[ \t]*:[ \t]*)([^\r\n]*?)[ \t]*(?=\r?$)")
_RUID = re.compile(r"\bul\w+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+\b")
#: The tag of a published document (module presence): when the server started, its process and a number; the last part
#: counts the changes.
_ETAG = re.compile(r"\ba\.\d{9,10}\.\d+\.\d+(?=\.\d)")
_PRODUCT = re.compile(r"[Kk]amailio \([^\r\n]*?\)\)?")
_DATE = re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")
#: What digest authentication makes of the time: nonces, which tell by their length what is in them, and the responses
#: to them.
_NONCE = re.compile(r'(?<=nonce=")[A-Za-z0-9+/]{30,}={0,2}(?=")')
_RESPONSE = re.compile(r'(?<=(?:response|.rspauth)=")[0-9a-f]{32,64}(?=")')
#: The cookie of a dialog: its slot, which the Call-ID alone decides, and its number there, which starts anywhere.
_DID = re.compile(r"(?<=did=)([0-9a-f]+)\.([0-9a-f]+)")


class Normaliser:
    """The names given so far to what one server made up."""

    def __init__(self, history: Iterable[tuple[bool, str]] = ()) -> None:
        """`history` tells who came up with a value: pairs of (a party sent it, text), in order.

        Whatever a party sent before it received it is the party's own, and stays.
        """
        self._own: set[str] = set()
        received: set[str] = set()
        for sent, text in history:
            values = {*_BRANCH.findall(text), *_TAG.findall(text), *(found[2] for found in _CALL_ID.finditer(text))}
            values |= {found[0] for found in _DID.finditer(text)}
            if sent:
                self._own |= values - received
            else:
                received |= values - self._own
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def name(self, kind: str, value: str) -> str:
        """What `value` is called: itself when it is a party's own."""
        if value in self._own:
            return value
        if value not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[value] = f"{{{kind} {self._counts[kind]}}}"
        return self._names[value]

    def known(self, value: str) -> str:
        """The name that `value` has already, else itself."""
        return self._names.get(value, value)

    def text(self, text: str) -> str:
        """The text with generated parts named."""
        text = _BRANCH.sub(self._branch, text)
        text = _TAG.sub(lambda found: self.name("tag", found[0]), text)
        text = _CALL_ID.sub(lambda found: found[1] + self.name("call-id", found[2]), text)
        text = _RUID.sub(lambda found: self.name("ruid", found[0]), text)
        text = _ETAG.sub(lambda found: self.name("etag", found[0]), text)
        text = _DID.sub(self._did, text)
        if _NONCE.search(text):
            text = _NONCE.sub(lambda found: self.name(f"nonce of {len(found[0])}", found[0]), text)
            text = _RESPONSE.sub(lambda found: self.name(f"response of {len(found[0])}", found[0]), text)
        text = _PRODUCT.sub("{kamailio}", text)
        return _DATE.sub("{date}", text)

    def _branch(self, found: re.Match[str]) -> str:
        value = found[0]
        # The last part of a branch of tm is the branch's number, which a config sees as T_branch_idx.
        head, dot, index = value.rpartition(".")
        if value not in self._own and dot and index.isdigit() and head.count(".") >= 1:
            return f"{self.name('branch', head)}.{index}"
        return self.name("branch", value)

    def _did(self, found: re.Match[str]) -> str:
        # Both numbers are written in hexadecimal digits, the last first.
        return found[0] if found[0] in self._own else f"{found[1]}.{self.name('h_id', str(int(found[2][::-1], 16)))}"

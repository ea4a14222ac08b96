"""What may differ between two runs of the same case, replaced by names.

Generated branches, tags, Call-IDs and usrloc record ids become `{branch 1}`, `{tag 2}`, numbered by first appearance
in the whole outcome, so that "the same branch as before" stays visible. Values that the parties sent themselves stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_BRANCH = re.compile(r"z9hG4bK[\w.!%*+`'~-]*")
_TAG = re.compile(r"(?<=tag=)[\w.!%*+`'~-]+")
_CALL_ID = re.compile(r"(?im)^((?:call-id|i)[ \t]*:[ \t]*)([^\r\n]*?)[ \t]*(?=\r?$)")
_RUID = re.compile(r"\bul\w+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+\b")
_PRODUCT = re.compile(r"[Kk]amailio \([^\r\n]*?\)\)?")
_DATE = re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")
_TIMESTAMP = re.compile(r"(?<=timestamp=)\d{10}")
#: Times and durations in call data records: seconds and milliseconds. A dialog expires up to a second early.
_RECORD_TIME = re.compile(r"(?<![\d.])1[5-9]\d{8}\.\d{3}(?![\d.])")
_RECORD_DURATION = re.compile(r"(?:(?<=duration=)|(?<=\{time\} ))(-?)(\d+)\.(-?)\d{3,}(?![\d.])")
_TIMES = ("Last-Keepalive", "Last-Modified")
#: The cookie of a dialog: its slot, which the Call-ID alone decides, and its number there, which starts anywhere.
_DID = re.compile(r"(?<=did=)([0-9a-f]+)\.([0-9a-f]+)")
#: The same numbers, times, and the few seconds of a call that just began, in JSON.
_JSON_NUMBER = re.compile(r'(?<="h_id":)(\s*)(\d+)')
_JSON_DURATION = re.compile(r'(?<="duration":)(\s*)[1-9]\b')
_JSON_TIME = re.compile(r'("(?:(?:start|init|end)_ts|timeout)":\s*)[1-9]\d{9}\b')
#: Members of a dialog in RPC answers that tell when something happened; 0: it did not.
_DIALOG_TIMES = ("start_ts", "init_ts", "end_ts", "timeout")


def _named(members: list[object]) -> list[object]:
    """The names of members of a struct; of anything else, nothing that is one."""
    return [member[0] if isinstance(member, list) and len(member) == 2 else None for member in members]


def _duration(found: re.Match[str]) -> str:
    return f"{found[1]}{'0' if found[2] == '0' else '{s}'}.{found[3]}{{ms}}"


class Normaliser:
    """The names given so far in one outcome."""

    def __init__(self, history: Iterable[tuple[bool, str]] = ()) -> None:
        """`history` tells who came up with a value: whatever a party sent before it received it is the party's own."""
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

    def _name(self, kind: str, value: str) -> str:
        if value in self._own:
            return value
        if value not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[value] = f"{{{kind} {self._counts[kind]}}}"
        return self._names[value]

    def _branch(self, found: re.Match[str]) -> str:
        value = found[0]
        # The last part of a branch of tm is the branch's number, which a config sees as T_branch_idx.
        head, dot, index = value.rpartition(".")
        if value not in self._own and dot and index.isdigit() and head.count(".") >= 1:
            return f"{self._name('branch', head)}.{index}"
        return self._name("branch", value)

    def _did(self, found: re.Match[str]) -> str:
        # Both numbers are written in hexadecimal digits, the last first.
        return found[0] if found[0] in self._own else f"{found[1]}.{self._name('h_id', str(int(found[2][::-1], 16)))}"

    def text(self, text: str) -> str:
        """The text with generated parts named."""
        text = _BRANCH.sub(self._branch, text)
        text = _TAG.sub(lambda found: self._name("tag", found[0]), text)
        text = _CALL_ID.sub(lambda found: found[1] + self._name("call-id", found[2]), text)
        text = _RUID.sub(lambda found: self._name("ruid", found[0]), text)
        text = _DID.sub(self._did, text)
        text = _JSON_NUMBER.sub(lambda found: f"{found[1]}{self._name('h_id', found[2])}", text)
        text = _JSON_DURATION.sub(r"\g<1>0", text)
        text = _JSON_TIME.sub(r"\1{time}", text)
        text = _PRODUCT.sub("{kamailio}", text)
        text = _TIMESTAMP.sub("{time}", text)
        text = _RECORD_TIME.sub("{time}", text)
        text = _RECORD_DURATION.sub(_duration, text)
        return _DATE.sub("{date}", text)

    def value(self, value: object) -> object:
        """The same for the answer of an RPC command."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list) and len(value) == 2 and value[0] in _TIMES and value[1]:
            return [value[0], "{time}"]
        if isinstance(value, list) and len(value) > 1 and _named(value[:2]) == ["h_entry", "h_id"]:
            return self._dialog(value)
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {name: self.value(item) for name, item in value.items()}
        return value

    def _dialog(self, members: list[list[object]]) -> list[object]:
        answered = any(name == "start_ts" and value for name, value in members)
        result: list[object] = []
        for name, value in members:
            if name == "h_id":
                value = self._name("h_id", str(value))
            elif name in _DIALOG_TIMES and value:
                value = "{time}"
            elif name == "duration":
                # That of a failed call counts from 1970.
                value = "{seconds}" if answered else "{time}" if value else 0
            result.append([name, self.value(value)])
        return result

    def command(self, command: str) -> str:
        """The same for an RPC command and its arguments."""
        words = command.split(" ")
        if words[0] == "dlg.end_dlg" and len(words) > 2:
            words[2] = self._names.get(words[2], words[2])
        return " ".join(words)

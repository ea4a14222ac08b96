"""What may differ between two runs of the same case, replaced by names.

The lab's normaliser does it for SIP; here come the times, numbers and answers of RPC that only two programs side by
side do not share.
"""

from __future__ import annotations

import re

from kamscript.lab.normal import Normaliser as SipNormaliser

_TIMESTAMP = re.compile(r"(?<=timestamp=)\d{10}")
#: Times and durations in call data records: seconds and milliseconds. A dialog expires up to a second early.
_RECORD_TIME = re.compile(r"(?<![\d.])1[5-9]\d{8}\.\d{3}(?![\d.])")
_RECORD_DURATION = re.compile(r"(?:(?<=duration=)|(?<=\{time\} ))(-?)(\d+)\.(-?)\d{3,}(?![\d.])")
_TIMES = ("Last-Keepalive", "Last-Modified", "timer_expires", "reg_init")
#: ETags and record ids of module presence; the last part of an ETag counts the changes.
_ETAG = re.compile(r"\ba\.\d{7,}\.\d+\.\d+(?=\.\d+\b)")
_PRES = re.compile(r"\bpres-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+\b")
#: How long a subscription lasts: a second or two of a round number are the time that the case took.
_LEFT = re.compile(r"(?m)^(Subscription-State: \w+;expires=)(\d*[789])(?=\r?$)")
_PRES_TIMES = ("expires", "received_time")
#: The number of a dialog, times, and the few seconds of a call that just began, in JSON.
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


class Normaliser(SipNormaliser):
    """The names given so far in one outcome."""

    def text(self, text: str) -> str:
        """The text with generated parts named."""
        text = super().text(text)
        text = _JSON_NUMBER.sub(lambda found: f"{found[1]}{self.name('h_id', found[2])}", text)
        text = _JSON_DURATION.sub(r"\g<1>0", text)
        text = _JSON_TIME.sub(r"\1{time}", text)
        text = _TIMESTAMP.sub("{time}", text)
        text = _RECORD_TIME.sub("{time}", text)
        text = _LEFT.sub(lambda found: f"{found[1]}{-(-int(found[2]) // 10) * 10}", text)
        text = _ETAG.sub(lambda found: self.name("etag", found[0]), text)
        text = _PRES.sub(lambda found: self.name("pres", found[0]), text)
        return _RECORD_DURATION.sub(_duration, text)

    def value(self, value: object) -> object:
        """The same for the answer of an RPC command."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list) and len(value) == 2 and value[0] in _TIMES and value[1]:
            return [value[0], "{time}"]
        if isinstance(value, list) and len(value) == 2 and value[0] in _PRES_TIMES and value[1] in range(10**6, 2**31):
            return [value[0], "{time}"]
        if isinstance(value, list) and len(value) == 2 and value[0] == "diff_expires" and isinstance(value[1], int):
            return [value[0], "{time}" if value[1] < -1_000_000 else round(value[1], -1)]
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
                value = self.name("h_id", str(value))
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
            words[2] = self.known(words[2])
        return " ".join(words)

"""A ladder: who sent which SIP message to whom, in time order, as text.

alice              kamailio           bob
10.0.0.1:5060      127.0.0.1:5060     10.0.0.2:5060
  │                  │                  │
  │── INVITE bob ───>│                  │  0.000
  │<── 100 trying ───│                  │
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

MIN_GAP = 16
KEEP_ALIVE = 4  #: what is no longer is no message
LONGEST = 40  #: characters that are shown of what is no SIP message


class Exchange(NamedTuple):
    """One message on the wire. `time` in seconds from the start; `note` says what became of it ("lost")."""

    time: float
    source: str  #: "10.0.0.1:5060"
    target: str
    text: str
    note: str = ""


def label(text: str) -> str:
    """What a ladder writes on the arrow of a SIP message: `INVITE sip:bob@x`, `180 Ringing`, `200 OK (INVITE)`."""
    first, _, rest = text.partition("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not first.isprintable():
        return _readable(text) or "(keep-alive)"
    if words[0].startswith("SIP/"):
        method = _cseq_method(rest)
        reason = f" {words[2]}" if len(words) > 2 else ""
        return f"{words[1]}{reason} ({method})" if method and words[1] >= "200" else f"{words[1]}{reason}"
    return f"{words[0]} {words[1]}"


def _readable(text: str) -> str:
    """The beginning of what is no SIP message, on one line."""
    shown = "".join(char if char.isprintable() else " " for char in text[:200])
    shown = " ".join(shown.split())
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 3]}..."


def _cseq_method(headers: str) -> str:
    for line in headers.split("\r\n"):
        if line[:5].lower() == "cseq:":
            return line.rsplit(None, 1)[-1]
        if not line:
            break
    return ""


def ladder(exchanges: Sequence[Exchange], names: Mapping[str, str] | None = None, order: Sequence[str] = ()) -> str:
    """The ladder of `exchanges` as text. `names` maps "ip:port" to what stands above its column.

    Columns stand as `order` says, then in order of first appearance; a party known under several addresses has one
    column, one that took no part has none.
    """
    names = names or {}
    seen = {names.get(address, address) for exchange in exchanges for address in (exchange.source, exchange.target)}
    columns: list[str] = [name for name in order if name in seen]
    addresses: dict[str, list[str]] = {}
    for exchange in exchanges:
        for address in (exchange.source, exchange.target):
            name = names.get(address, address)
            if name not in columns:
                columns.append(name)
            known = addresses.setdefault(name, [])
            if address not in known:
                known.append(address)
    if not columns:
        return "(no messages)\n"
    labels = _labels(exchanges)
    gaps = _gaps(exchanges, labels, names, columns)
    lefts = [2]
    for gap in gaps:
        lefts.append(lefts[-1] + gap + 1)
    lines = [_row(columns, lefts)]
    if any(addresses[name] != [name] for name in columns):
        lines.append(_row([addresses[name][0] if addresses[name] != [name] else "" for name in columns], lefts))
    lines.append(_rails(lefts))
    last_time = -1.0
    for exchange, text in zip(exchanges, labels, strict=True):
        start = columns.index(names.get(exchange.source, exchange.source))
        end = columns.index(names.get(exchange.target, exchange.target))
        stamp = "" if exchange.time == last_time else f"  {exchange.time:.3f}"
        last_time = exchange.time
        lines.append(_arrow(start, end, text, lefts) + stamp)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _labels(exchanges: Sequence[Exchange]) -> list[str]:
    """What stands on the arrows; a message that goes the same way again says so."""
    labels = []
    seen: set[tuple[str, str, str]] = set()
    for exchange in exchanges:
        key = (exchange.source, exchange.target, exchange.text)
        notes = [exchange.note] if exchange.note else []
        if key in seen and len(exchange.text) > KEEP_ALIVE:
            notes.append("again")
        seen.add(key)
        labels.append(label(exchange.text) + (f" [{', '.join(notes)}]" if notes else ""))
    return labels


def _gaps(
    exchanges: Sequence[Exchange], labels: Sequence[str], names: Mapping[str, str], columns: Sequence[str]
) -> list[int]:
    """How many characters lie between neighbouring columns: what names, addresses and labels need."""
    gaps = [max(MIN_GAP, len(name) + 1) for name in columns[:-1]]
    for exchange in exchanges:
        for address in (exchange.source, exchange.target):
            column = columns.index(names.get(address, address))
            if column < len(gaps):
                gaps[column] = max(gaps[column], len(address) + 1)
    for exchange, text in zip(exchanges, labels, strict=True):
        first, last = sorted(columns.index(names.get(a, a)) for a in (exchange.source, exchange.target))
        if first == last:
            continue
        missing = len(text) + 8 - sum(gaps[first:last]) - (last - first - 1)
        if missing > 0:
            gaps[last - 1] += missing
    return gaps


def _row(texts: Sequence[str], lefts: Sequence[int]) -> str:
    line = ""
    for text, left in zip(texts, lefts, strict=True):
        line = line.ljust(left) + text
    return line


def _rails(lefts: Sequence[int]) -> str:
    return _row(["│"] * len(lefts), lefts)


def _arrow(start: int, end: int, text: str, lefts: Sequence[int]) -> str:
    rails = list(_rails(lefts))
    if start == end:
        return "".join(rails[: lefts[start] + 1]) + f"⟲ {text}"
    first, last = min(start, end), max(start, end)
    width = lefts[last] - lefts[first] - 1
    dashes = width - len(text) - 3
    left = dashes // 2 if start < end else dashes - dashes // 2
    body = f"{'─' * left} {text} {'─' * (dashes - left)}"
    arrow = f"{body}>" if start < end else f"<{body}"
    rails[lefts[first] + 1 : lefts[last]] = arrow
    return "".join(rails)

"""Quality of a call's media, as rtpengine tells it in answers to delete and query, written into variables.

Of all streams, or of those with a label (side A, side B): the worst, the best and the average mean opinion score, and
what went with it. Source: rtpengine manual, mos_min_pv and following; rtpengine.c, parse_call_stats().
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kamscript.modules.rtpengine.bencode import member, number_of, text_of
from kamscript.script.format import accessor_of, format_of

if TYPE_CHECKING:
    from kamscript.core.context import Context, Format
    from kamscript.core.server import Server
    from kamscript.module import Accessor
    from kamscript.modules.rtpengine.bencode import Value as Answer


class Value(NamedTuple):
    """What a parameter's variable gets: of which side ("" all streams), of which streams, which member."""

    side: str
    kind: str
    member: str


_DICTIONARIES: Final = {"min": "lowest MOS", "max": "highest MOS", "average": "average MOS"}
_MOST_STREAMS: Final = 4
_LONGEST: Final = 7  #: characters of a number that fit into Kamailio's buffer

#: The parameters by name.
PARAMS: Final[Mapping[str, Value]] = {
    "mos_min_pv": Value("", "min", "MOS"),
    "mos_min_at_pv": Value("", "min", "reported at"),
    "mos_min_packetloss_pv": Value("", "min", "packet loss"),
    "mos_min_jitter_pv": Value("", "min", "jitter"),
    "mos_min_roundtrip_pv": Value("", "min", "round-trip time"),
    "mos_min_roundtrip_leg_pv": Value("", "min", "round-trip time leg"),
    "mos_max_pv": Value("", "max", "MOS"),
    "mos_max_at_pv": Value("", "max", "reported at"),
    "mos_max_packetloss_pv": Value("", "max", "packet loss"),
    "mos_max_jitter_pv": Value("", "max", "jitter"),
    "mos_max_roundtrip_pv": Value("", "max", "round-trip time"),
    "mos_max_roundtrip_leg_pv": Value("", "max", "round-trip time leg"),
    "mos_average_pv": Value("", "average", "MOS"),
    "mos_average_packetloss_pv": Value("", "average", "packet loss"),
    "mos_average_jitter_pv": Value("", "average", "jitter"),
    "mos_average_roundtrip_pv": Value("", "average", "round-trip time"),
    "mos_average_roundtrip_leg_pv": Value("", "average", "round-trip time leg"),
    "mos_average_samples_pv": Value("", "average", "samples"),
    "mos_min_A_pv": Value("A", "min", "MOS"),
    "mos_min_at_A_pv": Value("A", "min", "reported at"),
    "mos_min_packetloss_A_pv": Value("A", "min", "packet loss"),
    "mos_min_jitter_A_pv": Value("A", "min", "jitter"),
    "mos_min_roundtrip_A_pv": Value("A", "min", "round-trip time"),
    "mos_min_roundtrip_leg_A_pv": Value("A", "min", "round-trip time leg"),
    "mos_max_A_pv": Value("A", "max", "MOS"),
    "mos_max_at_A_pv": Value("A", "max", "reported at"),
    "mos_max_packetloss_A_pv": Value("A", "max", "packet loss"),
    "mos_max_jitter_A_pv": Value("A", "max", "jitter"),
    "mos_max_roundtrip_A_pv": Value("A", "max", "round-trip time"),
    "mos_max_roundtrip_leg_A_pv": Value("A", "max", "round-trip time leg"),
    "mos_average_A_pv": Value("A", "average", "MOS"),
    "mos_average_packetloss_A_pv": Value("A", "average", "packet loss"),
    "mos_average_jitter_A_pv": Value("A", "average", "jitter"),
    "mos_average_roundtrip_A_pv": Value("A", "average", "round-trip time"),
    "mos_average_roundtrip_leg_A_pv": Value("A", "average", "round-trip time leg"),
    "mos_average_samples_A_pv": Value("A", "average", "samples"),
    "mos_min_B_pv": Value("B", "min", "MOS"),
    "mos_min_at_B_pv": Value("B", "min", "reported at"),
    "mos_min_packetloss_B_pv": Value("B", "min", "packet loss"),
    "mos_min_jitter_B_pv": Value("B", "min", "jitter"),
    "mos_min_roundtrip_B_pv": Value("B", "min", "round-trip time"),
    "mos_min_roundtrip_leg_B_pv": Value("B", "min", "round-trip time leg"),
    "mos_max_B_pv": Value("B", "max", "MOS"),
    "mos_max_at_B_pv": Value("B", "max", "reported at"),
    "mos_max_packetloss_B_pv": Value("B", "max", "packet loss"),
    "mos_max_jitter_B_pv": Value("B", "max", "jitter"),
    "mos_max_roundtrip_B_pv": Value("B", "max", "round-trip time"),
    "mos_max_roundtrip_leg_B_pv": Value("B", "max", "round-trip time leg"),
    "mos_average_B_pv": Value("B", "average", "MOS"),
    "mos_average_packetloss_B_pv": Value("B", "average", "packet loss"),
    "mos_average_jitter_B_pv": Value("B", "average", "jitter"),
    "mos_average_roundtrip_B_pv": Value("B", "average", "round-trip time"),
    "mos_average_roundtrip_leg_B_pv": Value("B", "average", "round-trip time leg"),
    "mos_average_samples_B_pv": Value("B", "average", "samples"),
}
LABELS: Final = {"A": "mos_A_label_pv", "B": "mos_B_label_pv"}


class Quality:
    """The variables that the config wants."""

    def __init__(self, wanted: Mapping[str, str], server: Server) -> None:
        """`wanted`: the texts of parameters that are set, labels included. Raises FixupError."""
        self._targets: dict[str, list[tuple[Value, Accessor]]] = {}
        for name, text in wanted.items():
            if name in PARAMS:
                self._targets.setdefault(PARAMS[name].side, []).append((PARAMS[name], accessor_of(text, server)))
        self._labels: dict[str, Format] = {
            side: format_of(wanted[name], server) for side, name in LABELS.items() if name in wanted
        }

    def write(self, ctx: Context, answer: dict[str, Answer]) -> None:
        """Write what an answer tells."""
        for side, targets in self._targets.items():
            streams = _streams(answer, self._labels[side](ctx)) if side in self._labels else set()
            if streams is None:
                continue
            values = _values(answer, streams)
            created = number_of(answer, "created", 0)
            for what, target in targets:
                found = values.get(what.kind)
                if found is not None and target.set is not None:
                    target.set(ctx, _printed(what.member, found[what.member], created))


def _streams(answer: dict[str, Answer], label: str) -> set[int] | None:
    """The SSRCs of the tags with a label; None when there are none."""
    found: list[int] = []
    for tag in (member(answer, "tags") or {}).values():
        if text_of(tag, "label") != label or not isinstance(tag, dict):
            continue
        for media in _list(tag, "medias"):
            for stream in _list(media, "streams")[:1]:  # the first is RTP
                ssrc = number_of(stream, "SSRC")
                if ssrc != -1:
                    found.append(ssrc)
    return set(found[:_MOST_STREAMS]) or None


def _list(members: Any, name: str) -> list[Any]:
    found = members.get(name) if isinstance(members, dict) else None
    return found if isinstance(found, list) else []


_MEMBERS: Final = tuple(dict.fromkeys(value.member for value in PARAMS.values()))


def _values(answer: dict[str, Answer], streams: set[int]) -> dict[str, dict[str, int]]:
    """By kind what the chosen streams (all, when empty) tell."""
    best: dict[str, dict[str, int]] = {}
    sums: dict[str, int] = dict.fromkeys(_MEMBERS, 0)
    count = 0
    for name, stream in (member(answer, "SSRC") or {}).items():
        if streams and not (name.isdecimal() and int(name) in streams):
            continue
        told = {
            kind: {key: number_of(found, key) for key in _MEMBERS}
            for kind, key in _DICTIONARIES.items()
            if (found := member(stream, key)) is not None
        }
        average, high, low = told.get("average"), told.get("max"), told.get("min")
        if average is not None and average["MOS"] > 0:
            count += 1
            for key in _MEMBERS:
                sums[key] += average[key]
        if high is not None and high["MOS"] > (best["max"]["MOS"] if "max" in best else -1):
            best["max"] = high
        if low is not None and 0 < low["MOS"] < (best["min"]["MOS"] if "min" in best else 100):
            best["min"] = low
    if count:
        best["average"] = {key: int(value / count) for key, value in sums.items()}
    return best


def _printed(what: str, number: int, created: int) -> str:
    if what == "MOS":
        text = f"{int(number / 10)}.{abs(number) % 10}"
    elif what == "reported at":
        seconds = number - created
        text = f"{int(seconds / 60)}:{abs(seconds) % 60:02d}"
    else:
        text = str(number)
    return text[:_LONGEST]

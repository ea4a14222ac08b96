"""rtpengine and rtpproxy as far as a case needs them: they answer by their protocols and make up ports in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from kamscript.modules.rtpengine.bencode import Value, decode, encode

Answers = Mapping[str, dict[str, Value] | str | None]


def rtpengine(answers: Answers | None = None) -> Callable[[], Callable[[str], str | None]]:
    """What answers `pong` to ping, an SDP with other addresses to offer and answer, and `ok` to the rest.

    `answers` by command take the place of these: a dictionary, or a text as it goes out; None: no answer.
    """

    def make() -> Callable[[str], str | None]:
        count = 0

        def answer(text: str) -> str | None:
            nonlocal count
            cookie, _, body = text.partition(" ")
            request = decode(body)
            assert isinstance(request, dict), text
            command = str(request["command"])
            if answers is not None and command in answers:
                told = answers[command]
                if told is None:
                    return None
                return f"{cookie} {told if isinstance(told, str) else encode(told)}"
            reply: dict[str, Value] = {"result": "pong" if command == "ping" else "ok"}
            if "sdp" in request:
                count += 1
                sdp = re.sub(r"(?m)^c=IN IP4 \S+", "c=IN IP4 203.0.113.1", str(request["sdp"]))
                reply = {"sdp": re.sub(r"(?m)^m=audio \d+", f"m=audio {30000 + 2 * count}", sdp), "result": "ok"}
            return f"{cookie} {encode(reply)}"

        return answer

    return make


def rtpproxy(
    answers: Mapping[str, str | None] | None = None, ip: str = ""
) -> Callable[[], Callable[[str], str | None]]:
    """What has every capability, gives ports from 30000 on (with `ip`, its address, too) and `0` to the rest.

    `answers` by the letter of the command, or by the whole first word, take the place of these; None: no answer.
    """

    def make() -> Callable[[str], str | None]:
        count = 0

        def answer(text: str) -> str | None:
            nonlocal count
            cookie, _, body = text.partition(" ")
            word = body.split(" ")[0]
            for key in (word, word[:1]):
                if answers is not None and key in answers:
                    told = answers[key]
                    return None if told is None else f"{cookie} {told}\n"
            if word in ("V", "VF"):
                return f"{cookie} {'20040107' if word == 'V' else '1'}\n"
            if word[:1] in "UL":
                count += 1
                return f"{cookie} {30000 + 2 * count}{' ' * bool(ip)}{ip}\n"
            return f"{cookie} 0\n"

        return answer

    return make

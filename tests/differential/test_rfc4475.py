"""RFC 4475's torture messages on the real daemon: which ones reach a route, and what the route sees.

`tests/sip/rfc4475.json` holds what Kamailio 5.6.3 says; `tests/sip/test_rfc4475.py` holds the parser to it. Run this
file as a program to record it anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .real import Real

MESSAGES = Path(__file__).parents[1] / "data" / "rfc4475"
VERDICTS = Path(__file__).parents[1] / "sip" / "rfc4475.json"
FACTS = ("$rm", "$ru", "$rs", "$rr", "$ci", "$cs", "$fu", "$ft", "$tu", "$tt", "$hdr(Max-Forwards)", "$bs")
CONFIG = f"""
loadmodule "pv.so"
loadmodule "xlog.so"
request_route {{ xlog("L_ERR", "request|{"|".join(FACTS)}\\n"); }}
reply_route {{ xlog("L_ERR", "reply|{"|".join(FACTS)}\\n"); drop; }}
""".replace("$bs", "$(rb{s.len})")


def ask_kamailio() -> dict[str, str]:
    """For each message what its route logged; "" when no route ran."""
    verdicts: dict[str, str] = {}
    daemon = Real(CONFIG)
    try:
        daemon.open(("127.0.0.11", 21200))
        for path in sorted(MESSAGES.glob("*.dat")):
            before = len(daemon.log())
            daemon.send(("127.0.0.11", 21200), path.read_bytes())
            daemon.settle()
            lines = [line for line in daemon.log()[before:] if line.startswith(("ERROR: request|", "ERROR: reply|"))]
            verdicts[path.stem] = lines[0].removeprefix("ERROR: ") if lines else ""
    finally:
        daemon.close()
    return verdicts


@pytest.mark.kamailio
def test_kamailio_still_says_so() -> None:
    assert ask_kamailio() == json.loads(VERDICTS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    VERDICTS.write_text(json.dumps(ask_kamailio(), indent=1) + "\n")

"""Whether looking up, setting and removing items costs the same in a large table; beside real Kamailio.

    python bench/htable.py [small] [large]

The same route runs on both: it fills a table, then reads, counts up, sets anew and removes its items in loops,
others each time. The time of an empty loop is taken off; both are timed from request to reply. There are 2^14 slots.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from one_route import HEAD, compare, loops

TURNS, PORT = 20_000, 25092
OPERATIONS = {
    "read": "$var(v) = $sht(t=>key$var(k));",
    "absent": "$var(v) = $sht(t=>none$var(k));",
    "count": "$var(v) = $shtinc(t=>key$var(k));",
    "set": "$sht(t=>key$var(k)) = 7;",
    "remove": "$sht(t=>key$var(k)) = $null; $sht(t=>key$var(k)) = 7;",
}
CONFIG = """
loadmodule "htable.so"
modparam("htable", "htable", "t=>size=14;initval=0")
request_route {
    if ($rU == "fill") {
        $var(i) = 0;
        while ($var(i) < ITEMS) { $sht(t=>key$var(i)) = $var(i); $var(i) = $var(i) + 1; }
    }
    LOOPS
    sl_send_reply("200", "OK");
}
"""


def config(items: int, folder: Path) -> str:
    """The config for a table of that size."""
    text = HEAD + CONFIG.replace("LOOPS", loops(OPERATIONS, "", TURNS))
    return text.replace("ITEMS", str(items)).replace("PORT", str(PORT))


if __name__ == "__main__":
    compare(config, OPERATIONS, TURNS, PORT, first="fill")

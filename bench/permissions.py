"""Whether asking for an address costs the same in a large table; beside real Kamailio.

    python bench/permissions.py [small] [large]

The same route runs on both: it asks for addresses, groups and names in loops, others each time. The time of an empty
loop is taken off; both are timed from request to reply. The table comes from an address_file. In it are that many
addresses, as many names, and a tenth as many subnets: Kamailio walks through subnets one by one, and its tables of
addresses and names have 128 slots.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from one_route import HEAD, compare, loops

TURNS, PORT = 20_000, 23792
ADDRESS = "$var(a) = $var(k) / 65536; $var(b) = ($var(k) / 256) mod 256; $var(c) = $var(k) mod 256;"
OPERATIONS = {
    "address": 'allow_address("1", "10.$var(a).$var(b).$var(c)", "5060");',
    "absent": 'allow_address("2", "11.$var(a).$var(b).$var(c)", "5060");',
    "group": 'allow_address_group("10.$var(a).$var(b).$var(c)", "5060");',
    "subnet": 'allow_address("3", "172.$var(a).$var(b).7", "5060");',
    "name": 'allow_address("1", "h$var(k).example.com", "5060");',
}
CONFIG = """
loadmodule "permissions.so"
modparam("permissions", "address_file", "FOLDER/addresses")
modparam("permissions", "max_subnets", 1000000)
modparam("permissions", "load_backends", 1)
request_route {
    LOOPS
    sl_send_reply("200", "OK");
}
"""


def config(items: int, folder: Path) -> str:
    """The config for a table of that size, whose file is written."""
    lines = [f"1 10.{k >> 16}.{k >> 8 & 255}.{k & 255}\n1 h{k}.example.com\n" for k in range(items)]
    lines += [f"3 172.{k >> 8 & 255}.{k & 255}.0 {24 + (k >> 16)}\n" for k in range(items // 10)]
    (folder / "addresses").write_text("".join(lines), "latin-1")
    text = HEAD + CONFIG.replace("LOOPS", loops(OPERATIONS, ADDRESS, TURNS)).replace("FOLDER", str(folder))
    return text.replace("ITEMS", str(items)).replace("PORT", str(PORT))


if __name__ == "__main__":
    compare(config, OPERATIONS, TURNS, PORT)

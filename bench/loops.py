"""A loop of plain statements beside real Kamailio: same route, one message, wall time. Run: python bench/loops.py"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from one_route import HEAD, best_of_three, kamailio, kamscript

TURNS, PORT = 200_000, 25090
BODY = """        $var(i) = $var(i) + 1;
        $var(x) = $var(i) * 2;
        if ($var(x) == 5) { $var(y) = 1; }
        $var(s) = "text";
        if ($var(s) == "other") { $var(y) = 2; }
"""
STATEMENTS = 6  # the test of the loop, three assignments, two tests whose bodies do not run
CONFIG = f"""
request_route {{
    $var(i) = 0;
    while ($var(i) < {TURNS}) {{
{BODY}    }}
    sl_send_reply("200", "OK");
}}
"""


def main() -> int:
    """Print nanoseconds a statement, and the ratio."""
    config = HEAD.replace("PORT", str(PORT)) + CONFIG
    nanoseconds = []
    for server in (kamscript, kamailio) if shutil.which("kamailio") else (kamscript,):
        with tempfile.TemporaryDirectory() as folder, server(config, PORT, Path(folder)) as ask:
            nanoseconds.append(best_of_three(ask, "loop") / (TURNS * STATEMENTS) * 1e9)
    mine, *real = nanoseconds
    print(f"a loop of plain statements: {mine:.0f} ns a statement (goal 250)")
    if real:
        print(f"  kamailio {real[0]:.0f} ns; kamscript / this = {mine / real[0]:.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

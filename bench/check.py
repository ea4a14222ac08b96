"""`kamscript check` on a stock-sized config, cold and warm, beside `kamailio -c`: python bench/check.py [config]"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STOCK = Path("/etc/kamailio/kamailio.cfg")
EXAMPLE = Path(__file__).parents[1] / "examples" / "registrar" / "kamailio.cfg"


def milliseconds(command: list[str], rounds: int, environment: dict[str, str]) -> float:
    """The median wall time of a whole process."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, check=False)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def main(config: str = "") -> int:
    """Print the table."""
    path = config or str(STOCK if STOCK.exists() else EXAMPLE)
    command = [sys.executable, "-m", "kamscript", "check", path]
    with tempfile.TemporaryDirectory() as cache:
        # As installed: Python keeps its bytecode beside the modules.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["KAMSCRIPT_CACHE"] = cache
        cold = []
        for _ in range(5):
            shutil.rmtree(cache)
            cold.append(milliseconds(command, 1, environment))
        warm = milliseconds(command, 11, environment)
        bare = milliseconds([sys.executable, "-c", "pass"], 11, environment)
    print(f"check {path} (whole process; starting Python alone takes {bare:.0f} ms)")
    print(f"  first  {statistics.median(cold):6.0f} ms (goal 400)")
    print(f"  later  {warm:6.0f} ms (goal 120)")
    if shutil.which("kamailio"):
        real = milliseconds(["kamailio", "-c", "-f", path], 11, dict(os.environ))
        print(f"  kamailio -c {real:6.0f} ms; later / this = {warm / real:.1f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))

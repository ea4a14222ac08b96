"""Every benchmark, one after the other: what `make bench` prints. README quotes this table."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = (
    "statements.py", "loops.py", "check.py", "large.py", "lab.py", "lab_vs_daemon.py", "live.py", "dialog_restart.py",
    "htable.py", "dispatcher.py", "usrloc.py", "permissions.py",
)  # fmt: skip


def main() -> int:
    """Run each script in a process of its own; 1 when one failed."""
    print(f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {platform.machine()}\n")
    failed = [name for name in SCRIPTS if subprocess.run([sys.executable, str(HERE / name)], check=False).returncode]
    for name in failed:
        print(f"{name} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())

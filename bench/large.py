"""Checking and loading a config of 20,000 lines, cold and warm, whole processes: python bench/large.py"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LINES = 20_000
MODULES = ("tm", "sl", "rr", "pv", "xlog", "textops", "siputils", "maxfwd", "kex")
LOAD = "import sys; from kamscript.loader import load; load(sys.argv[1])"
HEAD = """#!KAMAILIO
debug=2
log_stderror=yes
listen=udp:127.0.0.1:5060
""" + "".join(f'loadmodule "{name}.so"\n' for name in MODULES)
#: One of many routes, with what routes are made of: `%(n)s` is its number, `%(next)s` the next one's.
ROUTE = """
route[R%(n)s] {
    if (is_method("INVITE") && $rU =~ "^00[1-9][0-9]+$") {
        $var(prefix) = $(rU{s.substr,2,%(digit)s});
        $avp(s:route) = "gw%(n)s";
        if ($var(prefix) == "49%(n)s" || $si == "10.0.%(byte)s.1") {
            xlog("L_INFO", "route %(n)s: $ci from $fu to $ru\\n");
            $du = "sip:127.0.0.1:" + (5060 + %(n)s);
            append_hf("X-Route: %(n)s;via=$var(prefix)\\r\\n");
            t_on_failure("F%(n)s");
        } else if ($hdr(X-Account) != $null && strlen($rU) > %(digit)s) {
            $rU = $(hdr(X-Account){s.select,0,;}) + $rU;
            remove_hf("X-Account");
        } else {
            $var(i) = 0;
            while ($var(i) < %(digit)s) {
                $var(i) = $var(i) + 1;
            }
        }
        if (!t_relay()) {
            sl_reply_error();
        }
        exit;
    }
    switch ($rm) {
        case "REGISTER":
            sl_send_reply("403", "Not here %(n)s");
            break;
        default:
            route(R%(next)s);
    }
}

failure_route[F%(n)s] {
    if (t_is_canceled()) exit;
    if (t_check_status("5[0-9][0-9]")) { t_reply("480", "Gone %(n)s"); }
}
"""
#: What to do with it, and the goals, cold and warm.
WORK: dict[str, tuple[list[str], float, float | None]] = {
    "check": (["-m", "kamscript", "check"], 2.5, None),
    "load": (["-c", LOAD], 4.0, 0.5),
}


def config() -> str:
    """Routes that call each other in a ring, until there are enough lines."""
    count = -(-LINES // (ROUTE.count("\n")))
    text = HEAD + "request_route {\n    route(R0);\n}\n"
    for n in range(count):
        values = {"n": n, "next": (n + 1) % count, "digit": n % 9 + 1, "byte": n % 250}
        text += ROUTE % values
    return text


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """The processor time of a whole process."""
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, check=False)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> int:
    """Print the table; 1 when a goal is missed."""
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        path, cache = Path(folder) / "kamailio.cfg", Path(folder) / "cache"
        path.write_text(config(), "utf-8")
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["KAMSCRIPT_CACHE"] = str(cache)
        lines = path.read_text("utf-8").count("\n")
        print(f"a config of {lines:,} lines, processor seconds of whole processes")
        for name, (words, cold_goal, warm_goal) in WORK.items():
            command = [sys.executable, *words, str(path)]
            cold = []
            for _ in range(3):
                shutil.rmtree(cache, ignore_errors=True)
                cold.append(seconds(command, environment))
            warm = min(seconds(command, environment) for _ in range(3))
            print(f"  {name:<6} cold {min(cold):5.2f} (goal {cold_goal})   warm {warm:5.2f} (goal {warm_goal or '-'})")
            missed += min(cold) > cold_goal or (warm_goal is not None and warm > warm_goal)
        if shutil.which("kamailio"):
            real = min(seconds(["kamailio", "-c", "-f", str(path), "-M", "256"], dict(os.environ)) for _ in range(3))
            print(f"  kamailio -c {real:5.2f}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())

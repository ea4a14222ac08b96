"""Every config fragment in the installed module manuals.

A fragment is what stands under an "Example" heading. One that has neither routes nor modparam lines is put into a
route; the modules most manuals assume, and the manual's own, are loaded on its first line.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .judge import MODULES, installed, kamailio, kamscript

MANUALS = Path("/usr/share/doc/kamailio/modules")
ASSUMED = ("tm", "sl", "rr", "pv", "xlog", "textops", "siputils", "kex", "corex", "usrloc", "maxfwd")
_VALUE = "kamailio -c runs the module's own code on the value; here the module checks it when it starts"
_DRIFT = "the real scanner does not count lines that it skips behind a lone $"
#: Fragments whose verdicts differ, and why.
DIFFERENT = {
    ("ctl", "Set user parameter"): _VALUE,
    ("db_cluster", "Set cluster parameter"): _VALUE,
    ("debugger", "Set mod_level parameter"): _VALUE,
    ("debugger", "Set mod_facility parameter"): _VALUE,
    ("janssonrpcc", "Set server parameter"): _VALUE,
    ("mqueue", "Set mqueue parameter"): _VALUE,
    ("mtree", "Set mtree parameter"): _VALUE,
    ("ndb_redis", "Set server parameter"): _VALUE,
    ("rtimer", "Set timer parameter"): _VALUE,
    ("sipcapture", "capture_mode example"): _VALUE,
    ("textops", "subst_uri usage"): _DRIFT,
    ("textops", "subst usage"): _DRIFT,
}


def fragments(path: Path) -> Iterator[tuple[str, str]]:
    """Title and text of every example of a manual."""
    lines = gzip.decompress(path.read_bytes()).decode("latin-1").split("\n")
    title = ""
    body: list[str] = []
    for line in lines:
        heading = re.match(r"\s*Example\s+[\d.]+\s+(.*)", line)
        if heading is not None or re.match(r"\s*(\d+\.)+\d*\s+\S", line) or re.match(r"Chapter ", line):
            if title and body:
                yield title, "\n".join(body)
            # An entry of the table of contents ends in nothing but its title, and has no body.
            title, body = heading[1] if heading is not None else "", []
        elif title and line.strip() != "...":
            body.append(line)
    if title and body:
        yield title, "\n".join(body)


def _manuals() -> list[Path]:
    found = sorted(MANUALS.glob("README.*.gz")) if MANUALS.exists() else []
    return [path for path in found if (MODULES / f"{_module(path)}.so").exists()]


def _module(path: Path) -> str:
    return path.name.removeprefix("README.").removesuffix(".gz")


def _config(module: str, text: str) -> str:
    loads = " ".join(f'loadmodule "{name}.so"' for name in (*(n for n in ASSUMED if n != module), module))
    if not re.search(r"(?m)^\s*(\w*route\s*[\[{]|modparam|loadmodule)", text):
        text = "route { " + text + "\n}"
    return installed(f"{loads} {text}")


@pytest.mark.kamailio
@pytest.mark.parametrize("path", _manuals(), ids=_module)
def test_fragments_of_a_manual(path: Path, tmp_path: Path) -> None:
    config, module, wrong = tmp_path / "kamailio.cfg", _module(path), []
    for title, text in fragments(path):
        config.write_bytes(_config(module, text).encode("latin-1"))
        real, ours = kamailio(config), kamscript(config)
        if not ours.agrees(real) and (module, title.strip()) not in DIFFERENT:
            wrong.append(f"{title}\nkamailio: {real}\nkamscript: {ours}")
    assert not wrong, "\n\n".join(wrong)

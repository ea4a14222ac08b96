"""Ask `kamailio -c` and kamscript about one config, and compare: accepted or not, and on which line."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kamscript.script.parse import read
from kamscript.script.resolve import diagnose
from kamscript.source import Diagnostic, FileReader, Source

MODULES = Path("/usr/lib/x86_64-linux-gnu/kamailio/modules")
_ERROR = re.compile(rb"parse error in config file (\S+?), (?:from )?line (\d+)")


@dataclass(frozen=True)
class Verdict:
    """Accepted, or the line of the first error; `line` 0 when the judge names none."""

    accepted: bool
    line: int = 0
    text: str = ""

    @property
    def undecided(self) -> bool:
        """The real program lacks a module (not installed here), so its verdict says nothing about the text."""
        return "could not find module" in self.text or "could not open module" in self.text

    def agrees(self, other: Verdict) -> bool:
        """Same answer; a line that one of the two does not name is not compared."""
        if self.accepted != other.accepted:
            return False
        return self.accepted or not self.line or not other.line or self.line == other.line


def kamailio(path: Path, arguments: Sequence[str] = ()) -> Verdict:
    """The verdict of the real program."""
    done = subprocess.run(
        ["kamailio", "-c", "-f", str(path), *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        # A name in a config is asked for once: nobody answers on a machine without a network.
        env={**os.environ, "RES_OPTIONS": "attempts:1 timeout:1"},
        timeout=20,
        check=False,
    )
    if done.returncode == 0 and b"config file ok" in done.stderr:
        return Verdict(True)
    found = _ERROR.search(done.stderr) or re.search(rb"error at (\S+) line (\d+)", done.stderr)
    lines = [line for line in done.stderr.decode("latin-1").splitlines() if "ERROR" in line or "CRIT" in line]
    return Verdict(False, int(found[2]) if found else 0, "\n".join(lines[:4]))


def kamscript(path: Path, defines: Mapping[str, str] | None = None) -> Verdict:
    """Our verdict at target 5.6."""
    source = Source(str(path), path.read_bytes().decode("latin-1"))
    config, diagnostics = read(source, FileReader(), defines, "5.6")
    _, more = diagnose(config, None, "5.6")
    errors = [d for d in diagnostics + more if d.severity == "error"]
    if not errors:
        return Verdict(True)
    first = min(errors, key=lambda d: _order(d, config.files))
    return Verdict(False, first.line, "\n".join(d.render() for d in errors[:3]))


def _order(diagnostic: Diagnostic, files: Sequence[Source]) -> tuple[int, int]:
    names = [id(file) for file in files]
    where = names.index(id(diagnostic.span.source)) if id(diagnostic.span.source) in names else 0
    return (0 if diagnostic.rule != "unbalanced-ifdef" else 1, diagnostic.line if where == 0 else 10**6)


def installed(text: str) -> str:
    """The config with module paths of other machines removed, and without the modules that are not installed here."""

    def load(m: re.Match[str]) -> str:
        name = m[2].rsplit("/", 1)[-1].removesuffix(".so")
        return f'{m[1]}"{name}.so"' if (MODULES / f"{name}.so").exists() else ""

    text = re.sub(r"(?m)^([ \t]*)(mpath|loadpath)\b[^\n]*", r"\1", text)
    return re.sub(r'(\bloadmodule\s+)"([^"\n]+)"', load, text)


def blocks(path: Path) -> list[tuple[str, str]]:
    """The cases of a file: a line `===== name`, then the config up to the next one.

    A config with variables gets the module pv, on its first line so that line numbers stay."""
    found: list[tuple[str, str]] = []
    for part in re.split(r"^===== ", path.read_text(encoding="latin-1"), flags=re.M)[1:]:
        name, _, text = part.partition("\n")
        if "$" in text and 'loadmodule "pv' not in text and "loadmodulex" not in text:
            text = 'loadmodule "pv.so" ' + text
        found.append((name, text))
    return found

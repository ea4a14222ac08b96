"""`kamscript bundle`: a config with everything that it includes, as one file for a real Kamailio.

Included files stand where the directive stood, between comments that tell where each line comes from. Both sides of an
`#!ifdef` are kept, so that the bundle does with any `-A` what the config does. A file that only `import_file` asks for
may be missing; then a comment says so.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from kamscript.files import further_places
from kamscript.loader import read_text
from kamscript.script.preprocess import MAX_INCLUDE_DEPTH, scan
from kamscript.source import ConfigError, Diagnostic, FileReader, Reader, Source, Span

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

CLEAN, FINDINGS, USAGE = 0, 1, 2
#: Comments, texts, and the directives outside of them (cfg.lex: COM_LINE, COM_START, QUOTES, TICK, INCLUDE, IMPORT).
_PARTS = re.compile(
    r"""/\*.*?(?:\*/|\Z) | "(?:[^"\\]|\\.)*" | '[^']*' | (?:\#(?!!)|//(?!!))[^\n]*
    | (?P<directive>(?:\#!|!!|\b)(?P<word>include_file|import_file)\b\s*"(?P<name>[^"\s]+)"[ \t]*\n?)""",
    re.X | re.S,
)


def bundled(path: str, reader: Reader | None = None) -> str:
    """The config at `path` and all that it includes as one text (latin-1 bytes as characters).

    Raises ConfigError for files that cannot be read, as reading the config would.
    """
    disk = FileReader() if reader is None else reader
    source = Source(path, read_text(disk, path))
    failed = [one for one in scan(source, disk).diagnostics if one.rule in ("no-file", "bad-include", "include-depth")]
    if failed:
        raise ConfigError(failed)
    return "".join(_inlined(source, disk, 0))


def _inlined(source: Source, reader: Reader, depth: int) -> Iterator[str]:
    at, text = 0, source.text
    for m in _PARTS.finditer(text):
        if m["directive"] is None:
            continue
        span = Span(source, m.start("name"), m.end("name"))
        found = _opened(m["name"], m["word"], span, reader, depth)
        before = text[at : m.start()]
        yield before if not before or before.endswith("\n") else f"{before}\n"
        at = m.end()
        if found is None:
            yield f"# {_shown(m['name'])} was not there ({_place(span)})\n"
            continue
        yield f"# >>> {_shown(found.path)}, from {_place(span)}\n"
        yield from _inlined(found, reader, depth + 1)
        yield f"# <<< {_shown(source.path)}:{source.place(at)[0]}\n"
    rest = text[at:]
    yield rest if not rest or rest.endswith("\n") else f"{rest}\n"


def _opened(name: str, word: str, span: Span, reader: Reader, depth: int) -> Source | None:
    """The included file, as the preprocessor finds it; None for one that need not be there."""
    if depth >= MAX_INCLUDE_DEPTH:
        raise ConfigError([Diagnostic("include-depth", f"includes nest deeper than {MAX_INCLUDE_DEPTH} files", span)])
    folder = os.path.dirname(span.path)
    places = [name]
    if not name.startswith("/"):
        places += [f"{folder}/{name}"] if folder else []
        places += further_places(name, getattr(reader, "include", ()))
    for place in places:
        try:
            return Source(place, reader.read(place), span)
        except OSError:
            continue
    if word == "import_file":
        return None
    # A branch that does not count now may name files of another machine.
    message = f"the included file {name} cannot be read"
    raise ConfigError([Diagnostic("no-file", message, span, hint="with import_file it may be missing")])


def _place(span: Span) -> str:
    return f"{_shown(span.path)}:{span.line}"


def _shown(path: str) -> str:
    """A path for a comment: short where it lies below the working directory, in one line."""
    below = os.path.relpath(path)
    return (below if not below.startswith("..") else path).replace("\n", " ")


def bundle(options: argparse.Namespace) -> int:
    """Write the bundle; 0, or 1 when a file cannot be read, 2 when the output cannot be written."""
    reader = FileReader(include=tuple(os.path.abspath(folder) for folder in options.include))
    data = bundled(options.config, reader).encode("latin-1")
    if not options.output:
        sys.stdout.buffer.write(data)
        return CLEAN
    try:
        with open(options.output, "wb") as file:
            file.write(data)
    except OSError as error:
        print(f"kamscript: cannot write {options.output}: {error.strerror}", file=sys.stderr)
        return USAGE
    return CLEAN

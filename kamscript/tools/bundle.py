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
from kamscript.tools.port_branches import balanced

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

CLEAN, FINDINGS, USAGE = 0, 1, 2
#: Comments, texts, and the directives outside of them (cfg.lex: COM_LINE, COM_START, QUOTES, TICK, INCLUDE, IMPORT).
_PARTS = re.compile(
    r"""/\*.*?(?:\*/|\Z) | "(?:[^"\\]|\\.)*" | '[^']*' | (?:\#(?!!)|//(?!!))[^\n]*
    | (?P<directive>(?:\#!|!!|\b)(?P<word>include_file|import_file)\b[ \t\r\n]*"(?P<name>\S+)"(?!\S)[ \t]*\n?)""",
    re.X | re.S,
)
_WORD = re.compile(r"(?:#!|!!|\b)(?:include_file|import_file)\b[ \t\r\n]*\"")


def bundled(path: str, reader: Reader | None = None) -> str:
    """The config at `path` and all that it includes as one text (latin-1 bytes as characters).

    Raises ConfigError for files that cannot be read, and for those whose conditions end in another file.
    """
    disk = FileReader() if reader is None else reader
    source = Source(path, read_text(disk, path))
    scanned = scan(source, disk)
    failed = [one for one in scanned.diagnostics if one.rule in ("no-file", "bad-include", "include-depth")]
    if failed:
        raise ConfigError(failed)
    live: dict[str, dict[int, str]] = {}
    for file in scanned.files:
        if file.included_at is not None:
            live.setdefault(file.included_at.path, {})[file.included_at.start + 1] = file.path
    return "".join(_inlined(source, disk, live, 0))


def _directives(text: str, live: Mapping[int, str]) -> Iterator[re.Match[str]]:
    """The include directives of a file, those that a define switches off too; `live`: the files of those that count, by
    the place of the name.

    A branch that is switched off may hold anything, a lone quote too: what counts is found in spite of it.
    """
    starts = [m.start() for m in _WORD.finditer(text) if m.end() in live]
    for begin, end in zip([0, *starts], [*starts, len(text)], strict=True):
        yield from (m for m in _PARTS.finditer(text, begin, end) if m["directive"] is not None)


def _inlined(source: Source, reader: Reader, live: Mapping[str, Mapping[int, str]], depth: int) -> Iterator[str]:
    at, text = 0, source.text
    opened = live.get(source.path, {})
    for m in _directives(text, opened):
        span = Span(source, m.start("name"), m.end("name"))
        # A #!subst may have changed the name.
        found = _opened(opened.get(m.start("name"), m["name"]), m["word"], span, reader, depth)
        before = text[at : m.start()]
        yield before if not before or before.endswith("\n") else f"{before}\n"
        at = m.end()
        if found is None:
            yield f"# {_shown(m['name'])} was not there ({_place(span)})\n"
            continue
        yield f"# >>> {_shown(found.path)}, from {_place(span)}\n"
        yield from _inlined(found, reader, live, depth + 1)
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
            found = Source(place, reader.read(place), span)
        except OSError:
            continue
        if not balanced(found.text):
            # In a branch that does not count its #!endif would end the branch.
            message = f"the conditions of {name} do not end in the file: it cannot stand in another one"
            raise ConfigError([Diagnostic("unbalanced-ifdef", message, span)])
        return found
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

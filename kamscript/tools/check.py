"""`kamscript check`: everything for which the daemon would refuse to start, and warnings of what it would get wrong.

What was found in a config is kept under the hash of everything it was read from (`kamscript.script.cache`); a check of
an unchanged config imports no part of the language. The work itself is in `kamscript.tools.examine`.
"""

from __future__ import annotations

import os
import sys

from kamscript.files import DirectoryStore, FileReader, cache_folder
from kamscript.script.cache import Recorder, installed, keep, kept, key_of
from kamscript.tools.findings import Finding, as_json, as_sarif, as_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kamscript.script.cache import Store
    from kamscript.source import Reader

CLEAN, FINDINGS, USAGE = 0, 1, 2
FORMATS = {"text": as_text, "json": as_json, "sarif": as_sarif}
TARGETS = ("4.4", "5.6", "6.x", "all")
#: What `-` is called in findings.
STDIN = "<stdin>"


class Options:
    """What the command line asked for."""

    def __init__(self) -> None:
        self.configs: list[str] = []
        self.format = "text"
        self.target: str | None = None
        self.defines: list[str] = []
        self.subst: list[str] = []
        self.ignore: list[str] = []
        self.no_warnings = False
        self.no_notes = False
        self.no_cache = False

    @classmethod
    def of(cls, parsed: object) -> Options:
        """From what argparse made of the command line."""
        options = cls()
        for name in vars(options):
            setattr(options, name, getattr(parsed, name))
        return options


#: Options of `check` and the attribute each sets: lists take values, texts take one, booleans none.
_NAMES = {
    "-A": "defines",
    "--subst": "subst",
    "--target": "target",
    "--format": "format",
    "--ignore": "ignore",
    "--no-warnings": "no_warnings",
    "--no-notes": "no_notes",
    "--no-cache": "no_cache",
}


def quick_options(arguments: Sequence[str]) -> Options | None:
    """The options, for a command line written plainly; None leaves it to the real parser (help, errors)."""
    options = Options()
    words = iter(arguments)
    for word in words:
        if word == "-" or word[:1] != "-":
            options.configs.append(word)
            continue
        name, equals, value = word.partition("=") if word[:2] == "--" else (word, "", "")
        attribute = _NAMES.get(name)
        if attribute is None:
            return None
        current = getattr(options, attribute)
        if isinstance(current, bool):
            if equals:
                return None
            setattr(options, attribute, True)
            continue
        if not equals:
            value = next(words, "-")
            if value[:1] == "-":
                return None
        if isinstance(current, list):
            current.append(value)
        else:
            setattr(options, attribute, value)
    good = options.configs and options.format in FORMATS and options.target in (None, *TARGETS)
    return options if good and all(define[:1] not in ("", "=") for define in options.defines) else None


def check(options: Options) -> int:
    """Print what was found in every config; 0 clean (notes do not count), 1 errors or warnings, 2 wrong usage."""
    ignored = {rule for text in options.ignore for rule in text.split(",")}
    problem = _unknown_rule(ignored) if ignored else ""
    wanted = options.target or os.environ.get("KAMSCRIPT_TARGET") or "all"
    if wanted not in TARGETS:
        problem = f"unknown target {wanted!r}: use one of {', '.join(TARGETS)}"
    if problem:
        print(f"kamscript: {problem}", file=sys.stderr)
        return USAGE
    found: list[Finding] = []
    for path in options.configs:
        found += findings(
            path,
            defines=options.defines,
            subst=options.subst,
            target=options.target,
            folder="" if options.no_cache else None,
        )
    unwanted = {"warning"} if options.no_warnings else set()
    if options.no_warnings or options.no_notes:
        unwanted.add("note")
    found = [f for f in found if f.severity not in unwanted and (f.severity == "error" or f.rule not in ignored)]
    text = FORMATS[options.format](found)
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8"))
    return FINDINGS if any(f.severity != "note" for f in found) else CLEAN


def _unknown_rule(names: Iterable[str]) -> str:
    from kamscript.tools.rules import RULES

    for name in names:
        rule = RULES.get(name)
        if rule is None:
            from kamscript.source import did_you_mean

            hint = did_you_mean(name, RULES)
            return f"there is no rule {name!r}" + (f": {hint}" if hint else "")
        if rule.severity == "error":
            return f"{name} is an error: it cannot be ignored"
    return ""


def findings(
    path: str,
    *,
    defines: Mapping[str, str] | Sequence[str] = (),
    subst: Sequence[str] = (),
    target: str | None = None,
    reader: Reader | None = None,
    folder: str | None = None,
) -> list[Finding]:
    """Everything found in one config, in the order of the text. Never raises for what a config holds.

    `folder` keeps findings from one check to the next; None: the user's cache, unless a `reader` is given; empty: no.
    """
    wanted = target or os.environ.get("KAMSCRIPT_TARGET") or "all"
    if folder is None:
        folder = cache_folder() if reader is None else ""
    disk: Reader = FileReader() if reader is None else reader
    if path == "-":
        disk, path = _Stdin(disk), STDIN
        folder = ""
    if not folder:
        return _examine(path, disk, defines, subst, wanted)
    return stored(path, disk, DirectoryStore(folder), defines=defines, subst=subst, target=wanted)


def stored(
    path: str,
    reader: Reader,
    store: Store,
    *,
    defines: Mapping[str, str] | Sequence[str] = (),
    subst: Sequence[str] = (),
    target: str = "all",
) -> list[Finding]:
    """As `findings`, with what `store` still knows."""
    names = defines if isinstance(defines, dict) else dict.fromkeys(defines, "")
    key = key_of(path, names, target, installed(), kind="findings", subst=subst)
    rows = kept(key, reader, store)
    if rows is not None:
        try:
            return [Finding(*row) for row in rows]
        except (TypeError, ValueError):
            pass  # another kind of entry: find again
    recorder = Recorder(reader)
    found = _examine(path, recorder, defines, subst, target)
    keep(key, [finding.data for finding in found], recorder.ingredients, store)
    return found


def _examine(
    path: str, reader: Reader, defines: Mapping[str, str] | Sequence[str], subst: Sequence[str], target: str
) -> list[Finding]:
    from kamscript.tools.examine import examine

    return examine(path, reader, defines=defines, subst=subst, target=target)


class _Stdin:
    """A reader whose `<stdin>` is the standard input."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.include: tuple[str, ...] = getattr(reader, "include", ())

    def read(self, path: str) -> str:
        """The standard input, or a file."""
        if path == STDIN:
            return sys.stdin.buffer.read().decode("latin-1")
        return self.reader.read(path)

    def getenv(self, name: str) -> str | None:
        """As the reader's."""
        return self.reader.getenv(name)

"""Text to tokens: scanning and preprocessing in one pass, as Kamailio's scanner does.

A define is replaced where a name is scanned, and its value is scanned again in place; a skipped block may hold
anything; an include continues in the other file in whatever state the scanner is. What the original's scanner has no
rule for it writes to the standard output and forgets: so does this one, with a warning. Source: core/cfg.lex.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kamscript.files import further_places
from kamscript.script.defines import DefineError, Defines, Substitution
from kamscript.script.keywords import KIND, Target, keywords
from kamscript.source import Diagnostic, Reader, Source, Span

MAX_INCLUDE_DEPTH = 10  # cfg.lex MAX_INCLUDE_DEPTH
MAX_INCLUDE_NAME = 128  # cfg.lex MAX_INCLUDE_FNAME
MAX_IFDEFS = 512  # cfg.lex MAX_IFDEFS
MAX_EXPANSIONS = 1000  # of defines within one another; the original never ends

_ID, _NUMBER, _NUM_ID, _STRING = KIND["ID"], KIND["NUMBER"], KIND["NUM_ID"], KIND["STRING"]
_IPV6, _PVAR, _AVP_OR_PVAR, _OP = KIND["IPV6"], KIND["PVAR"], KIND["AVP_OR_PVAR"], KIND["OP"]
_ATTR_MARK, _ATTR_TRACK, _SELECT_MARK = KIND["ATTR_MARK"], KIND["ATTR_TRACK"], KIND["SELECT_MARK"]
_LOADMODULE, _SUBST, _EVENT_NAME, _ROUTE_EVENT = (
    KIND["LOADMODULE"],
    KIND["SUBST"],
    KIND["EVENT_NAME"],
    KIND["ROUTE_EVENT"],
)
_DOT, _LBRACK, _RBRACK, _STAR, _LPAREN = KIND["DOT"], KIND["LBRACK"], KIND["RBRACK"], KIND["STAR"], KIND["LPAREN"]
END = KIND["$END"]

_SYMBOLS: dict[str, tuple[int, str]] = {
    ";": (KIND["SEMICOLON"], ";"),
    ":": (KIND["COLON"], ":"),
    ",": (KIND["COMMA"], ","),
    ".": (_DOT, "."),
    "(": (_LPAREN, "("),
    ")": (KIND["RPAREN"], ")"),
    "{": (KIND["LBRACE"], "{"),
    "}": (KIND["RBRACE"], "}"),
    "[": (_LBRACK, "["),
    "]": (_RBRACK, "]"),
    "/": (KIND["SLASH"], "/"),
    "*": (_STAR, "*"),
    "-": (KIND["MINUS"], "-"),
    "=": (KIND["EQUAL"], "="),
    "==": (KIND["EQUALITY"], "=="),
    "!=": (KIND["EQUALITY"], "!="),
    "=~": (KIND["MATCH"], "=~"),
    "+=": (-1, "+="),  # reserved, no rule takes it
    **{op: (KIND["COMPARE"], op) for op in ("<", ">", "<=", ">=")},
    **{op: (KIND["NOT"], op) for op in ("!", "~", "(int)", "(str)")},
    **{op: (_OP, op) for op in ("&&", "||", "&", "|", "^", "<<", ">>", "+")},
}

_H = "[0-9A-Fa-f]{1,4}"
# Longest match as flex does it, spelled out: a word in front of a colon may turn out to be `uri:host` or an IPv6
# address. Blanks are [ \t\b\r] and newline.
_TOKEN = re.compile(
    rf"""
    [ \t\x08\r\n]*+ (?:
      ([A-Za-z_0-9]++(?!:))                                                   # 1 word
    | ((?:==|=~|!=|<=|<<|>=|>>|&&|\|\||\+=|\(int\)|\(str\))
       |[;,(){{}}.=\[\]<>&|^~+*-]|!(?!!)|/(?![/*])|:(?!:))                        # 2 symbol
    | (\$(?:\?|retcode|rc)                                                      # 3 return code
       |\$(?:[A-Za-z_]\w*)?\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\))                #   or variable with parentheses
    | ("[^"\\]*+(?:\\.[^"\\]*+)*+"(?:[ \t\x08\r\n]*+"[^"\\]*+(?:\\.[^"\\]*+)*+")*+
       |'[^']*')                                                                # 4 text
    | (\#|//|/\*|!!)                                                            # 5 comment, directive
    | ((?:{_H}:){{7}}{_H}|(?:{_H}:){{1,7}}(?::{_H}){{1,7}}|:(?::{_H}){{1,7}}|(?:{_H}:){{1,7}}:|::)   # 6 IPv6
    | (uri:host(?![A-Za-z_0-9])|uri:port(?![A-Za-z_0-9])|msg:len(?![A-Za-z_0-9]))   # 7 word with a colon
    | ([A-Za-z_0-9]++|:)                                                        # 8 word before a colon
    | (\\\n)                                                                    # 9 escaped line end
    | (.)                                                                       # 10 $ @ % and what has no rule
    )?""",
    re.X | re.S | re.A,
)

_DIRECTIVE = re.compile(
    r"""(?:\#!|!!)(?:
      (define|def|trydefine|trydef|redefine|redef|ifdef|ifndef|ifexp|undefine|undef|tryundefine|tryundef|defexps?)
          [ \t\x08\r]+
    | (else|endif)[ \t\x08\r]*\n
    | (substdefs|substdef|subst|include_file|import_file|trydefenvs|trydefenv|defenvs|defenv)
    )|(?:\#|//)!(SER|KAMAILIO|OPENSER|MAXCOMPAT|ALL)\n""",
    re.X | re.A,
)
_SKIPPED = re.compile(r"(?:#!|!!)(?:(ifdef|ifndef|ifexp)[ \t\x08\r]+|(else|endif)[ \t\x08\r]*\n)")
_SKIP_BLANKS = re.compile(r"[ \t\x08\r\n]*+")
_NAME = re.compile(r"[A-Za-z_]\w*", re.A)
_BLANKS_EOL = re.compile(r"[ \t\x08\r]*\n")
_FILE_NAME = re.compile(r"[^ \t\r\n]+")
_COMMENT_MARK = re.compile(r"/\*|\*/")
_EVENT = re.compile(r"\[|\]|[a-zA-Z][0-9a-zA-Z-]*(?::[a-zA-Z][0-9a-zA-Z_-]*)+", re.A)
_DOLLAR = re.compile(r"(?:[ftg]|[ft][rud])\.|[A-Za-z_]\w*[\[(]?", re.A)
_PAREN = re.compile(r"[()\n]")
_ATTR = re.compile(r"[A-Za-z_]\w*|[.\[\]*]|0|[1-9][0-9]*", re.A)
_SELECT = re.compile(
    r"[A-Za-z_]\w*|[.\[\]]|0x[0-9A-Fa-f]+|[0-9]+b?"
    r'|"[^"\\]*+(?:\\.[^"\\]*+)*+"(?:[ \t\x08\r\n]*+"[^"\\]*+(?:\\.[^"\\]*+)*+")*+',
    re.A | re.S,
)
_TEXTS = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.S)
_ESCAPE = re.compile(r"\\(?:([nrat\"\\])|x([0-9A-Fa-f]{1,2})|([0-7]{2,3})|(\n))")
_ESCAPED = {"n": "\n", "r": "\r", "a": "\a", "t": "\t", '"': '"', "\\": "\\"}
_RETCODE = frozenset(("$?", "$retcode", "$rc"))
_TRACKS = frozenset(("f", "t", "fr", "tr", "fu", "tu", "fd", "td", "g"))
_SIMPLE = re.compile(r'[0-9]+|"[^"\\]*"', re.A)


class Token(Span):
    """One token: `kind` is the number of a grammar terminal, `value` its canonical name, text or number, `raw` the
    characters that were scanned (of the define's value, when it came out of one)."""

    __slots__ = ("kind", "raw", "value")

    def __init__(self, source: Source, start: int, end: int, kind: int, value: str | int, raw: str) -> None:
        self.source = source
        self.start = start
        self.end = end
        self.kind = kind
        self.value = value
        self.raw = raw


@dataclass(slots=True)
class Scanned:
    """What scanning a config gave: its tokens (an end token last), what was read, and what was found wrong.

    `fatal` tells that the scanner gave up; `open_end` is what to say when the text ends too early because a text or
    comment was never closed.
    """

    tokens: list[Token]
    files: list[Source]
    missing: list[str]
    environment: dict[str, str | None]
    defines: dict[str, str]
    diagnostics: list[Diagnostic]
    fatal: bool
    open_end: Diagnostic | None


class _Stop(Exception):
    """The scanner cannot go on (the original ends the process)."""


@dataclass(slots=True)
class _Frame:
    """One text being scanned. After an expansion `text` is the define's value and the rest of the file: characters
    before `boundary` belong to `macro`, those behind it lie `shift` characters further on in the source."""

    source: Source
    text: str
    pos: int = 0
    boundary: int = 0
    shift: int = 0
    macro: tuple[int, int] = (0, 0)
    depth: int = 0


def scan(
    source: Source,
    reader: Reader | None = None,
    defines: Mapping[str, str] | None = None,
    target: Target = "all",
    subst: tuple[str, ...] = (),
) -> Scanned:
    """Scan a config and everything it includes; see `kamscript.script.parse.parse` for the arguments."""
    return _Scanner(source, reader, defines or {}, target, subst).run()


class _Scanner:
    def __init__(
        self, source: Source, reader: Reader | None, defines: Mapping[str, str], target: Target, subst: tuple[str, ...]
    ) -> None:
        self.reader = reader
        self.target = target
        self.words, self.soft = keywords(target)
        self.modern = target in ("6.x", "all")
        self.defines = Defines(target, defines)
        self.tokens: list[Token] = []
        self.files = [source]
        self.missing: list[str] = []
        self.environment: dict[str, str | None] = {}
        self.diagnostics: list[Diagnostic] = []
        self.frames = [_Frame(source, source.text)]
        self.frame = self.frames[0]
        self.ifs: list[bool] = []
        self.if_places: list[Span] = []
        self.level = 0
        self.skipping = False
        self.compat = "MAX"
        self.subst: list[Substitution] = []
        self.open_end: Diagnostic | None = None
        self.fatal = False
        self.command_line = subst

    # --- results ---

    def run(self) -> Scanned:
        try:
            for text in self.command_line:
                self._add_substitution("subst", text, Span(self.frame.source, 0, 0))
            while self.frames:
                self.frame = self.frames[-1]
                self._scan_frame()
                if self.frame is self.frames[-1]:
                    self.frames.pop()
        except _Stop:
            self.fatal = True
        source = self.files[0]
        length = len(source.text)
        if self.level != 0 and not self.fatal:
            self._unbalanced()
        if self.open_end is not None:
            source = self.open_end.span.source
            length = len(source.text)
        last = max(0, length - 1)
        if self.open_end is not None and self.open_end.rule == "unclosed-text":
            last = self.open_end.span.start  # the original counts the whole of it as one token
        elif self.open_end is not None and self.open_end.rule == "unclosed-variable":
            last = max(0, self.open_end.span.start - 1)  # and this not at all
        self.tokens.append(Token(source, last, length, END, "", ""))
        return Scanned(
            self.tokens,
            self.files,
            self.missing,
            self.environment,
            self.defines.all(),
            self.diagnostics,
            self.fatal,
            self.open_end,
        )

    def _unbalanced(self) -> None:
        if self.level > 0:
            place = self.if_places[-1] if self.if_places else Span(self.files[0], 0, 0)
            self.error("unbalanced-ifdef", "no #!endif for this condition", place)
        elif not any(d.rule == "unbalanced-ifdef" for d in self.diagnostics):
            self.error("unbalanced-ifdef", "more #!endif than conditions", Span(self.files[0], 0, 0))

    def error(self, rule: str, message: str, span: Span, hint: str = "") -> None:
        self.diagnostics.append(Diagnostic(rule, message, span, "error", hint))

    def warn(self, rule: str, message: str, span: Span, hint: str = "") -> None:
        self.diagnostics.append(Diagnostic(rule, message, span, "warning", hint))

    def fail(self, rule: str, message: str, span: Span, hint: str = "") -> None:
        self.error(rule, message, span, hint)
        raise _Stop

    def span(self, start: int, end: int) -> Span:
        return Span(self.frame.source, *self.place(start, end))

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where characters of the frame's text lie in its source."""
        frame = self.frame
        if start < frame.boundary:
            return frame.macro
        return start + frame.shift, end + frame.shift

    def add(self, kind: int, value: str | int, raw: str, start: int, end: int) -> None:
        self.tokens.append(Token(self.frame.source, *self.place(start, end), kind, value, raw))

    # --- the loop ---

    def _scan_frame(self) -> None:
        """Scan the current text up to its end, or up to an include (which becomes the new last frame)."""
        frame = self.frame
        if self.skipping and not self._skip():
            return
        match, symbols, words, add = _TOKEN.match, _SYMBOLS, self.words, self.tokens.append
        source, soft, values = frame.source, self.soft, self.defines.values
        text, pos, boundary, shift = frame.text, frame.pos, frame.boundary, frame.shift
        while True:
            m = match(text, pos)
            i = m.lastindex  # type: ignore[union-attr]
            if i is None:
                frame.pos = len(text)
                return
            raw = m[i]  # type: ignore[index]
            start, pos = m.span(i)  # type: ignore[union-attr]
            if start < boundary:
                at, end = frame.macro
            else:
                at, end = start + shift, pos + shift
            if i == 2:
                kind, value = symbols[raw]
                add(Token(source, at, end, kind, value, raw))
                continue
            if i == 1 or i == 7 or i == 8:
                word = words.get(raw)
                if word is not None and (raw not in soft or self._before_equal(text, pos, raw)):
                    add(Token(source, at, end, word[0], word[1], raw))
                    if word[0] == _ROUTE_EVENT:
                        frame.pos = pos
                        self._event_name()
                        pos = frame.pos
                    continue
                if raw in values:
                    frame.pos = pos
                    self._expand(raw, start)
                    text, pos, boundary, shift = frame.text, frame.pos, frame.boundary, frame.shift
                    continue
                if raw == ":":
                    add(Token(source, at, end, symbols[raw][0], raw, raw))
                elif raw == "include_file" or raw == "import_file":
                    frame.pos = pos
                    if self._include(raw, start):
                        return
                    pos = frame.pos
                elif raw[0] in "0123456789":
                    add(Token(source, at, end, *_number(raw), raw))
                else:
                    add(Token(source, at, end, _ID, raw, raw))
                continue
            if i == 4:
                if raw[0] == '"':
                    body = raw[1:-1]
                    value = _unescape(raw) if "\\" in body or '"' in body or "\0" in body else body
                else:
                    value = raw[1:-1].split("\0", 1)[0]
                tokens = self.tokens
                if self.subst:
                    value = self._substitute(value)
                token = Token(source, at, end, _STRING, value, raw)
                if tokens:
                    before = tokens[-1].kind
                    if before == _LOADMODULE or (
                        before == _LPAREN and len(tokens) > 1 and tokens[-2].kind == _LOADMODULE
                    ):
                        self._module_define(value)
                    elif before == _SUBST:
                        self._add_substitution(str(tokens[-1].value), value, token)
                        values = self.defines.values
                add(token)
                continue
            if i == 3:
                value = raw
                if raw not in _RETCODE:
                    if self.compat == "SER":
                        frame.pos = start
                        self._dollar()
                        pos = frame.pos
                        continue
                    if self.subst:
                        value = self._substitute(raw)
                add(Token(source, at, end, _PVAR, value, raw))
                continue
            if i == 6:
                add(Token(source, at, end, _IPV6, raw, raw))
                continue
            if i == 9:
                continue
            frame.pos = start
            if i == 5:
                if raw == "/*":
                    self._comment()
                elif self._directive(raw):
                    return
            elif raw == "$":
                self._dollar()
            elif raw == "@":
                self._select()
            elif raw == "%":
                add(Token(source, at, end, _ATTR_MARK, raw, raw))
                frame.pos = pos
                self._attribute()
            elif raw == '"' or raw == "'":
                self._unclosed(Diagnostic("unclosed-text", "the text is never closed", Span(source, at, at + 1)))
            else:
                self.warn("stray-character", f"{raw!r} has no meaning here and is ignored", Span(source, at, end))
                frame.pos = pos
            if self.skipping and not self._skip():
                return
            text, pos, boundary, shift = frame.text, frame.pos, frame.boundary, frame.shift
            values = self.defines.values

    def _before_equal(self, text: str, pos: int, raw: str) -> bool:
        """A 6.x word is reserved where a setting is: in front of `=` (or `[`, for coreparam)."""
        at = _SKIP_BLANKS.match(text, pos).end()  # type: ignore[union-attr]
        if raw == "coreparam":
            return text.startswith("[", at)
        return text.startswith("=", at) and not text.startswith(("==", "=~"), at)

    def _unclosed(self, diagnostic: Diagnostic) -> None:
        """A text or comment runs to the end of the file: the original stops there and calls it the end."""
        self.open_end = self.open_end or diagnostic
        self.frame.pos = len(self.frame.text)

    def _comment(self) -> None:
        """Comments nest."""
        frame = self.frame
        nested, at = 0, frame.pos
        for mark in _COMMENT_MARK.finditer(frame.text, frame.pos):
            nested += 1 if mark[0] == "/*" else -1
            if nested == 0:
                frame.pos = mark.end()
                return
        self._unclosed(Diagnostic("unclosed-comment", "the comment is never closed", self.span(at, at + 2)))

    # --- defines ---

    def _expand(self, name: str, start: int) -> None:
        """Put the value of a define in place of its name."""
        frame = self.frame
        value = self.defines.values[name]
        if not value:
            return
        text, end = frame.text, frame.pos
        inside = start < frame.boundary
        if not inside:
            frame.depth = 0
            # A number or text cannot grow into what follows, so nothing has to be copied.
            if _SIMPLE.fullmatch(value) and not self._continues(text, end, value):
                at = self.place(start, end)
                if value[0] == '"':
                    body = value[1:-1].split("\0", 1)[0]
                    body = self._substitute(body) if self.subst else body
                    self.tokens.append(Token(frame.source, *at, _STRING, body, value))
                else:
                    self.tokens.append(Token(frame.source, *at, *_number(value), value))
                return
            frame.macro = self.place(start, end)
        frame.depth += 1
        if frame.depth > MAX_EXPANSIONS:
            self.fail(
                "endless-define",
                f"the value of {name} contains {name} again, without end",
                Span(frame.source, *frame.macro),
                "real Kamailio hangs here",
            )
        frame.text = value + text[end:]
        frame.shift += end - len(value)
        frame.boundary = len(value) + max(0, frame.boundary - end)
        frame.pos = 0

    @staticmethod
    def _continues(text: str, end: int, value: str) -> bool:
        following = text[end : end + 1]
        if value[0] == '"':
            return text[_SKIP_BLANKS.match(text, end).end() :][:1] == '"'  # type: ignore[union-attr]
        return following == ":"

    def _module_define(self, path: str) -> None:
        name = path.rsplit("/", 1)[-1].removesuffix(".so")
        if name:
            self.defines.add_module(name)

    def _add_substitution(self, kind: str, text: str, span: Span) -> None:
        try:
            rule = Substitution(text)
            rule.bind(lambda plain: self.defines.evaluated(plain, self._getenv))
            self.subst.append(rule)
            if kind != "subst":
                self.defines.define(
                    rule.pattern, self.defines.evaluated(rule.replacement, self._getenv), quoted=kind == "substdefs"
                )
        except DefineError as error:
            self.error("bad-substitution", f"{error}", span)

    def _substitute(self, text: str) -> str:
        for rule in self.subst:
            text = rule.apply(text)
        return text

    def _getenv(self, name: str) -> str | None:
        value = self.reader.getenv(name) if self.reader is not None else None
        self.environment[name] = value
        return value

    # --- directives ---

    def _directive(self, mark: str) -> bool:
        """Act on the directive at the frame's position, or skip a comment; true when an include was entered."""
        frame = self.frame
        text, start = frame.text, frame.pos
        m = _DIRECTIVE.match(text, start)
        word = m[m.lastindex] if m is not None and m.lastindex else ""
        if m is None or not self._known(word):
            if mark == "!!":
                self.add(KIND["NOT"], "!", "!", start, start + 1)
                frame.pos = start + 1
                return False
            end = text.find("\n", start)
            frame.pos = len(text) if end < 0 else end + 1
            return False
        frame.pos = m.end()
        if m[4]:
            self.compat = {"SER": "SER", "MAXCOMPAT": "MAX", "ALL": "MAX"}.get(m[4], "KAMAILIO")
        elif word in ("ifdef", "ifndef", "ifexp"):
            self._condition(word, start)
        elif m[2]:
            self._else_endif(word, start)
        elif word in ("include_file", "import_file"):
            return self._include(word, start)
        elif word.startswith("subst"):
            self.add(_SUBST, word, m[0], start, m.end())
        elif word.endswith(("env", "envs")):
            self._environment(word, start)
        elif "undef" in word:
            self._undefine(word, start)
        else:
            self._define(word, start)
        return False

    def _known(self, word: str) -> bool:
        return self.modern or word not in ("ifexp", "undef", "undefine", "tryundef", "tryundefine", "defexp", "defexps")

    def _directive_name(self, start: int, what: str) -> re.Match[str] | None:
        """The next name, wherever it stands; None at the end of the text."""
        frame = self.frame
        m = _NAME.search(frame.text, frame.pos)
        if m is None:
            frame.pos = len(frame.text)
            return None
        frame.pos = m.end()
        if frame.text.startswith("-", m.end()):
            self.fail("bad-define-name", f"'-' is not allowed in the name of {what}", self.span(m.start(), m.end() + 1))
        return m

    def _define(self, word: str, start: int) -> None:
        m = self._directive_name(start, "a define")
        if m is None:
            return
        frame = self.frame
        text = frame.text
        name, mode = m[0], {"def": "define", "trydefine": "trydef", "redefine": "redef"}.get(word, word)
        parts: list[str] = []
        at = frame.pos
        while text[at : at + 1] and text[at] in " \t\b\r":
            at += 1
        closed = False
        while True:
            end = text.find("\n", at)
            if end < 0:
                frame.pos = len(text)
                break
            if end > at and text[end - 1] == "\\" and (parts or end - 1 > at or text[at] != "\\"):
                parts.append(text[at : end - 1])
                at = end + 1
                continue
            if end > at and text[end - 1] == "\\":
                # A backslash as the first character is data, so the line ends here.
                parts.append(text[at:end])
            else:
                parts.append(text[at:end])
            closed = True
            frame.pos = end + 1
            break
        value = "".join(parts).split("\0", 1)[0] if closed else ""
        span = self.span(m.start(), m.end())
        try:
            if mode in ("defexp", "defexps"):
                self.defines.define_expression(name, value, self._getenv, quoted=mode == "defexps")
            else:
                self.defines.define(name, value, mode=mode)
        except DefineError as error:
            self.error("redefined" if "already" in str(error) else "bad-define", str(error), span, error.hint)

    def _undefine(self, word: str, start: int) -> None:
        m = self._directive_name(start, "a define")
        if m is None:
            return
        frame = self.frame
        end = _BLANKS_EOL.match(frame.text, m.end())
        if end is None:
            self.fail("bad-define", "nothing may follow the name here", self.span(m.start(), m.end()))
        else:
            frame.pos = end.end()
        if not self.defines.undefine(m[0]) and not word.startswith("try"):
            self.error("bad-define", f"{m[0]} is not defined", self.span(m.start(), m.end()))

    def _environment(self, word: str, start: int) -> None:
        frame = self.frame
        m = _FILE_NAME.search(frame.text, frame.pos)
        if m is None:
            frame.pos = len(frame.text)
            return
        frame.pos = m.end()
        name, equals, variable = m[0].partition("=")
        span = self.span(m.start(), m.end())
        variable = variable if equals else name
        if not variable:
            self.fail("bad-define", f"no variable name behind '=' in {m[0]}", span)
        value = self._getenv(variable)
        if value is None:
            if word.startswith("try"):
                return
            self.fail("no-environment", f"the environment has no {variable}", span, "set it, or use #!trydefenv")
            return
        try:
            self.defines.define(name, value, quoted=word.endswith("s"))
        except DefineError as error:
            self.fail("redefined", str(error), span)

    # --- conditions ---

    def _condition(self, word: str, start: int) -> None:
        """#!ifdef and its kin, met in a live or in a skipped part."""
        frame = self.frame
        text = frame.text
        if len(self.ifs) >= MAX_IFDEFS:
            self.fail("too-deep", f"more than {MAX_IFDEFS} conditions within one another", self.span(start, frame.pos))
        self.level += 1
        place = self.span(start, frame.pos)
        if word == "ifexp":
            end = text.find("\n", frame.pos)
            end = len(text) if end < 0 else end
            expression = text[frame.pos : end]
            frame.pos = min(len(text), end + 1)
            try:
                result = self.defines.condition(expression.strip(), self._getenv)
            except DefineError as error:
                if not self.skipping:
                    self.warn("bad-expression", f"{error}; taken as false", place)
                result = False
        else:
            m = self._directive_name(start, "a condition")
            if m is None:
                return
            result = (m[0] in self.defines.values) == (word == "ifdef")
            eol = _BLANKS_EOL.search(text, frame.pos)
            rest = text[m.end() : eol.start() if eol else len(text)].strip(" \t\b\r")
            if rest and not self.skipping:
                self.warn(
                    "condition-tail",
                    f"{rest!r} behind the name is ignored",
                    self.span(m.end(), eol.start() if eol else len(text)),
                )
            frame.pos = eol.end() if eol else len(text)
            if eol is None:
                return
        self.ifs.append(result)
        self.if_places.append(place)
        self.skipping = not all(self.ifs)

    def _else_endif(self, word: str, start: int) -> None:
        if word == "endif":
            self.level -= 1
        if not self.ifs:
            rule = "unbalanced-ifdef"
            if word == "endif":
                self.error(rule, "#!endif without a condition", self.span(start, start + 7))
            else:
                self.warn(rule, "#!else without a condition is ignored", self.span(start, start + 6))
            return
        if word == "else":
            self.ifs[-1] = not self.ifs[-1]
        else:
            self.ifs.pop()
            self.if_places.pop()
        self.skipping = not all(self.ifs)

    def _skip(self) -> bool:
        """Go on to where text counts again; false when the file ends first."""
        frame = self.frame
        while self.skipping:
            m = _SKIPPED.search(frame.text, frame.pos)
            while m is not None and m[1] == "ifexp" and not self.modern:
                m = _SKIPPED.search(frame.text, m.end())
            if m is None:
                frame.pos = len(frame.text)
                return False
            frame.pos = m.end()
            if m[1]:
                self._condition(m[1], m.start())
            else:
                self._else_endif(m[2], m.start())
        return True

    # --- includes ---

    def _include(self, word: str, start: int) -> bool:
        """Enter the file named behind the directive; false when an import finds none."""
        frame = self.frame
        m = _FILE_NAME.search(frame.text, frame.pos)
        if m is None:
            frame.pos = len(frame.text)
            return False
        frame.pos = m.end()
        written = self._substitute(m[0]) if self.subst else m[0]
        span = self.span(m.start(), m.end())
        if len(self.frames) > MAX_INCLUDE_DEPTH:
            names = [f.source.path for f in self.frames]
            loop = names[-1] in names[:-1]
            self.fail(
                "include-depth",
                f"includes nest deeper than {MAX_INCLUDE_DEPTH} files",
                span,
                f"{names[-1]} includes itself" if loop else "",
            )
        name = self._file_name(written, span)
        source = self._open(name, word, span)
        if source is None:
            return False
        self.files.append(source)
        self.frames.append(_Frame(source, source.text))
        return True

    def _file_name(self, written: str, span: Span) -> str:
        if len(written) >= MAX_INCLUDE_NAME:
            self.fail("bad-include", f"the file name is longer than {MAX_INCLUDE_NAME - 1} characters", span)
        if len(written) < 2 or written[0] != '"' or written[-1] != '"':
            self.fail("bad-include", 'the file name must stand between " and hold no blanks', span)
        inner = written[1:-1]
        if re.search(r"(?<!\\)(?:\\\\)*\\$", inner):
            self.fail("bad-include", "a backslash at the end of the file name", span)
        name = re.sub(r"\\(.)", lambda e: {"t": "\t", "n": "\n", "r": "\r"}.get(e[1], e[1]), inner, flags=re.S)
        if not name:
            self.fail("bad-include", "the file name is empty", span)
        return name

    def _open(self, name: str, word: str, span: Span) -> Source | None:
        tried = [name]
        current = self.frame.source.path
        if name[0] != "/" and "/" in current:
            tried.append(f"{current.rsplit('/', 1)[0]}/{name}")
        if name[0] != "/":
            tried += further_places(name, getattr(self.reader, "include", ()))
        for path in tried:
            try:
                text = self.reader.read(path) if self.reader is not None else None
            except IsADirectoryError:
                self.fail("bad-include", f"{path} is a directory", span)
            except (OSError, ValueError):
                text = None
            if text is not None:
                return Source(path, text, span)
        if word == "import_file":
            self.missing.extend(tried)
            return None
        self.fail("no-file", f"the included file {' or '.join(tried)} cannot be read", span)
        return None

    # --- variables, attributes, selects, event names ---

    def _dollar(self) -> None:
        """`$` and what belongs to it, when it is not a plain `$name(...)`."""
        frame = self.frame
        text, start = frame.text, frame.pos
        if self.compat == "SER":
            self.add(_ATTR_MARK, "$", "$", start, start + 1)
            frame.pos = start + 1
            self._attribute()
            return
        if text.startswith("(", start + 1):
            self._parenthesised(start, start + 2)
            return
        if self.compat == "KAMAILIO":
            m = _NAME.match(text, start + 1)
            end = m.end() if m else start + 1
            if text.startswith("(", end):
                self._parenthesised(start, end + 1)
                return
            if end == len(text):
                self._unclosed(Diagnostic("unclosed-variable", "the text ends in a variable", self.span(start, end)))
                return
            name = text[start:end]
            self.add(_PVAR, self._substitute(name), name, start, end)
            frame.pos = end
            return
        m = _DOLLAR.search(text, start + 1)
        if m is None:
            self._unclosed(Diagnostic("unclosed-variable", "no name behind $", self.span(start, start + 1)))
            return
        if m.start() != start + 1:
            self.warn("stray-character", "what stands between $ and the name is ignored", self.span(start, m.start()))
        last = m[0][-1]
        if last in ".[":
            self.add(_ATTR_MARK, "$", "$", start, start + 1)
            frame.pos = m.start()
            self._attribute()
        elif last == "(":
            if m.start() != start + 1:
                self.error("bad-variable", "$ and the name do not stand together", self.span(start, m.end()))
            self._parenthesised(m.start() - 1, m.end())
        else:
            frame.pos = m.end()
            name = "$" + m[0]
            self.add(_AVP_OR_PVAR, name, name, start, m.end())

    def _parenthesised(self, start: int, inner: int) -> None:
        """A variable whose parentheses nest deeper, or are broken."""
        frame = self.frame
        text, nested = frame.text, 1
        for m in _PAREN.finditer(text, inner):
            if m[0] == "\n":
                self.error("bad-variable", "a line end inside a variable", self.span(start, m.start()))
                start = m.end()
            nested += {"(": 1, ")": -1}.get(m[0], 0)
            if nested == 0:
                raw = text[start : m.end()]
                self.add(_PVAR, self._substitute(raw) if self.subst else raw, raw, start, m.end())
                frame.pos = m.end()
                return
        self._unclosed(Diagnostic("unclosed-variable", "the variable is never closed", self.span(start, inner)))

    def _attribute(self) -> None:
        """The name behind an attribute mark."""
        frame = self.frame
        for m in _ATTR.finditer(frame.text, frame.pos):
            raw = m[0]
            frame.pos = m.end()
            if raw in _TRACKS:
                self.add(_ATTR_TRACK, raw, raw, m.start(), m.end())
            elif raw in _SYMBOLS:
                self.add(_SYMBOLS[raw][0], raw, raw, m.start(), m.end())
            elif raw[0] in "0123456789":
                self.add(*_number(raw), raw, m.start(), m.end())
            else:
                self.add(_ID, raw, raw, m.start(), m.end())
                return
        self._unclosed(Diagnostic("unclosed-variable", "no name behind the mark", self.span(frame.pos, frame.pos)))

    def _select(self) -> None:
        """A select: names, dots and brackets without blanks between them; no word is reserved here."""
        frame = self.frame
        at = frame.pos + 1
        self.add(_SELECT_MARK, "@", "@", at - 1, at)
        while (m := _SELECT.match(frame.text, at)) is not None:
            raw = m[0]
            if raw in _SYMBOLS:
                self.add(_SYMBOLS[raw][0], raw, raw, at, m.end())
            elif raw[0] == '"':
                self.add(_STRING, self._substitute(_unescape(raw)), raw, at, m.end())
            elif raw[0] in "0123456789":
                kind, value = _number(raw)
                self.add(_NUMBER if kind == _NUM_ID else kind, value if kind != _NUM_ID else 0, raw, at, m.end())
            else:
                self.add(_ID, raw, raw, at, m.end())
            at = m.end()
        frame.pos = at

    def _event_name(self) -> None:
        """What stands between the brackets of event_route; anything but a name with a colon is ignored."""
        frame = self.frame
        for m in _EVENT.finditer(frame.text, frame.pos):
            frame.pos = m.end()
            if len(m[0]) > 1:
                self.add(_EVENT_NAME, m[0], m[0], m.start(), m.end())
            else:
                self.add(_SYMBOLS[m[0]][0], m[0], m[0], m.start(), m.end())
                if m[0] == "]":
                    return
        frame.pos = len(frame.text)


def _number(raw: str) -> tuple[int, str | int]:
    """Kind and value of a word that begins with a digit: a number in one of four bases, or a mere word."""
    if raw.isdigit():
        if raw[0] != "0" or raw == "0":
            value = int(raw) if len(raw) < 20 else 2**63 - 1
            return _NUMBER, _c_int(min(value, 2**63 - 1))
        if raw.strip("01234567") == "":
            return _NUMBER, _c_int(min(int(raw, 8), 2**63 - 1))
        return _NUM_ID, raw
    if raw[:2] == "0x" and len(raw) > 2 and raw[2:].strip("0123456789abcdefABCDEF") == "":
        return _NUMBER, _c_int(min(int(raw[2:], 16), 2**63 - 1))
    if raw[-1] == "b" and raw[:-1].strip("01") == "":
        return _NUMBER, _c_int(min(int(raw[:-1], 2), 2**63 - 1))
    return _NUM_ID, raw


def _c_int(value: int) -> int:
    return (value + 0x80000000 & 0xFFFFFFFF) - 0x80000000


def _unescape(raw: str) -> str:
    """The value of one or several adjacent texts in double quotes."""
    body = "".join(_TEXTS.findall(raw))
    if "\\" in body:
        body = "".join(_ESCAPE.sub(_escape, part) for part in _TEXTS.findall(raw))
    return body.split("\0", 1)[0]


def _escape(m: re.Match[str]) -> str:
    if m[1]:
        return _ESCAPED[m[1]]
    if m[2]:
        return chr(int(m[2], 16))
    if m[3]:
        return chr(int(m[3], 8) & 0xFF)
    return ""

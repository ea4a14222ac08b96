"""Arguments of textops functions that are made ready at load: header names, methods, mime types, privacy values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from kamscript.module import Fixup, FixupError, Regex
from kamscript.modules._headers import kind_of
from kamscript.modules._regex import AtOnce
from kamscript.modules.textops.mime import Mime, parse_mime
from kamscript.modules.textops.subst import Subst, SubstFixup

if TYPE_CHECKING:
    from kamscript.core.server import Server

#: Methods that Kamailio has a number for; only these may stand in a list (core/parser/msg_parser.h).
KNOWN_METHODS = frozenset(
    (
        *("INVITE", "CANCEL", "ACK", "BYE", "INFO", "OPTIONS", "UPDATE", "REGISTER", "MESSAGE", "SUBSCRIBE"),
        *("NOTIFY", "PRACK", "REFER", "PUBLISH", "KDMQ", "GET", "POST", "PUT", "DELETE"),
    )
)
PRIVACY_VALUES = frozenset(("critical", "header", "history", "id", "none", "session", "user"))
_TOKEN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~")


class _HeaderName(Fixup):
    """A header name; receives its kind, so that `f` also means `From`."""

    constant = alike = True
    kind = "header"

    def resolve(self, text: str, server: Server) -> str:
        """The kind; raises FixupError for no header name."""
        if not text:
            raise FixupError("an empty header name")
        kind = kind_of(text)
        if kind is None:
            raise FixupError(f"{text!r} is no header name")
        return kind


class _Methods(Fixup):
    """One method, or several that Kamailio knows, separated by `|`; receives them in capitals."""

    constant = alike = True
    kind = "methods"

    def resolve(self, text: str, server: Server) -> frozenset[str]:
        """The methods; raises FixupError."""
        if not text:
            raise FixupError("an empty method name")
        names = [name.strip(" \t\r\n") for name in text.replace("|", ",").split(",")]
        for name in names:
            if not name or not _TOKEN.issuperset(name):
                raise FixupError(f"{name!r} in {text!r} is no method")
        methods = frozenset(name.upper() for name in names)
        if "|" in text and (unknown := methods - KNOWN_METHODS):
            raise FixupError(f"{min(unknown)} in {text!r} is not a method that may stand in a list")
        # Unknown methods share one number: a list written with commas then means any of the known ones in it.
        return methods if len(methods) == 1 else methods & KNOWN_METHODS or methods


class _MimeType(Fixup):
    """A mime type such as `application/sdp`; None for an empty text, which means any."""

    constant = alike = True
    kind = "mime"

    def resolve(self, text: str, server: Server) -> Mime | None:
        """The type; raises FixupError."""
        if not text:
            return None
        found = parse_mime(text)
        if found is None:
            raise FixupError(f"{text!r} is no mime type")
        mime, end = found
        if end != len(text):
            raise FixupError(f"one mime type is wanted, not several: {text!r}")
        return mime


class _Privacy(Fixup):
    """A privacy value of RFC 3323 or 3325; receives it in small letters."""

    constant = alike = True
    kind = "privacy"

    def resolve(self, text: str, server: Server) -> str:
        """The value; raises FixupError."""
        if text.lower() not in PRIVACY_VALUES:
            raise FixupError(f"{text!r} is no privacy value: {', '.join(sorted(PRIVACY_VALUES))} are known")
        return text.lower()


class _Separator(Fixup):
    """One character."""

    constant = alike = True
    kind = "separator"

    def resolve(self, text: str, server: Server) -> str:
        """The character; raises FixupError."""
        if len(text) != 1:
            raise FixupError(f"the separator must be one character, not {text!r}")
        return text


if TYPE_CHECKING:
    from kamscript.ere import Ere

    HeaderName = str
    Methods = frozenset[str]
    MimeType = Mime | None
    PrivacyValue = str
    Separator = str
    Expression = Ere
    ExpressionAtOnce = Ere
    SubstExpression = Subst
else:
    HeaderName = Annotated[str, _HeaderName()]
    Methods = Annotated[object, _Methods()]
    MimeType = Annotated[object, _MimeType()]
    PrivacyValue = Annotated[str, _Privacy()]
    Separator = Annotated[str, _Separator()]
    Expression = Regex
    ExpressionAtOnce = Annotated[object, AtOnce()]
    SubstExpression = Annotated[object, SubstFixup()]

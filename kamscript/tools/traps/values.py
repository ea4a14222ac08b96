"""Traps of comparisons: a text taken for a pattern, a pattern that fits too much, a network written as a text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kamscript.script import nodes as n
from kamscript.source import Diagnostic
from kamscript.tools.traps import Config, constant, variable

_METHODS = frozenset(
    (
        "INVITE", "ACK", "CANCEL", "BYE", "INFO", "REGISTER", "SUBSCRIBE", "NOTIFY", "MESSAGE", "OPTIONS", "PRACK",
        "UPDATE", "REFER", "PUBLISH",
    )
)  # fmt: skip
_METHOD_LIST = re.compile(r"[A-Z]+(\s*[|,]\s*[A-Z]+)+")
#: What only a regular expression starts or ends with, or holds.
_PATTERN = re.compile(r"\^.+|.*[^\\]\.[*+].*|.*[^$\\]\$")
_NETWORK = re.compile(r"\d+\.\d+\.\d+\.\d+/\d+")
#: A host name or an address as a regular expression: its dots fit any character.
_HOST = re.compile(r"\^?(?:sips?:)?((?:[\w-]+\.)+(?:[a-z]{2,}|\d+))\$?", re.I)
_NULLS = frozenset(("<null>", "null", "$null"))


def _comparisons(config: Config) -> Iterator[tuple[str, n.Node | None, str, str, n.Expr]]:
    """Left side (None: a keyword of the core), its name, the operator, the constant text on the right, its node."""
    for _, test in config.all(n.CoreTest):
        text = constant(test.value)
        if text is not None and isinstance(test.value, n.Expr):
            yield test.subject, None, str(test.op), text, test.value
    for _, node in config.all(n.Binary):
        text = constant(node.right)
        pv = variable(node.left)
        if text is not None and pv is not None and not pv.transformations:
            yield pv.name, node.left, str(node.op), text, node.right


def compared(config: Config) -> Iterator[Diagnostic]:
    """`==` and `!=` with a text that means something else."""
    for name, _, op, text, place in _comparisons(config):
        if op not in ("==", "!=", "eq", "ne"):
            continue
        always = "false" if op in ("==", "eq") else "true"
        if name in ("method", "rm") and _METHOD_LIST.fullmatch(text):
            yield Diagnostic(
                "method-list",
                f"{op} compares with the whole text {text}: this is always {always}",
                place.pos,
                "warning",
                'write =~ "^(' + "|".join(re.split(r"\s*[|,]\s*", text)) + ')$", or is_method("' + text + '")',
            )
        elif name == "rm" and text.upper() in _METHODS and text != text.upper():
            yield Diagnostic(
                "method-case",
                f"methods are upper case, and {op} tells cases apart: this is always {always}",
                place.pos,
                "warning",
                f'write "{text.upper()}"',
            )
        elif text.lower() in _NULLS and name not in ("method",):
            yield Diagnostic(
                "null-text",
                f"a variable without a value equals an empty text, not {text!r}",
                place.pos,
                "warning",
                f"{'==' if op in ('==', 'eq') else '!='} $null asks whether there is a value",
            )
        elif name in ("si", "Ri", "sas") and _NETWORK.fullmatch(text):
            yield Diagnostic(
                "network-text",
                f"{op} compares texts here: an address never equals {text}, this is always {always}",
                place.pos,
                "warning",
                f"src_ip == {text} knows networks" if name == "si" else "is_in_subnet() of ipops knows networks",
            )
        elif _PATTERN.fullmatch(text) and "$" not in text[:-1]:
            yield Diagnostic(
                "pattern-compared",
                f"{op} compares with the text {text} itself, not as a regular expression",
                place.pos,
                "warning",
                f"write {'=~' if op in ('==', 'eq') else '!($x =~ ...)'} for a regular expression",
            )


def loose_dot(config: Config) -> Iterator[Diagnostic]:
    """`=~ "sip.example.com"`: its dots fit any character."""
    for _, _, op, text, place in _comparisons(config):
        found = _HOST.fullmatch(text) if op == "=~" else None
        if found is None:
            continue
        yield Diagnostic(
            "loose-dot",
            f"in a regular expression a dot fits any character: {text} fits more than {found[1]}",
            place.pos,
            "warning",
            f'write == "{found[1]}" for exactly this' if text == found[1] else "write [.] for a dot",
        )


def switch_labels(config: Config) -> Iterator[Diagnostic]:
    """`switch($rm) { case "INVITE|ACK": }`: a label is a text unless a slash stands in front."""
    for _, switch in config.all(n.Switch):
        subject = variable(switch.subject)
        for case in switch.cases:
            text = constant(case.label)
            if text is None or case.regex or case.label is None:
                continue
            listed = subject is not None and subject.name == "rm" and _METHOD_LIST.fullmatch(text)
            if listed or _PATTERN.fullmatch(text):
                yield Diagnostic(
                    "pattern-label",
                    f"this case only fits the text {text} itself",
                    case.label.pos,
                    "warning",
                    'case /"..." is a regular expression',
                )


TRAPS = (compared, loose_dot, switch_labels)

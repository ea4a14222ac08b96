"""The command line of `kamscript port`; apart, so that other commands do not pay for it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

FORMATS = ("text", "json", "html")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("configs", nargs="+", metavar="CONFIG")
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("-o", dest="output", metavar="FILE", help="write the report to FILE")
    parser.add_argument(
        "--all-branches", action="store_true", help="look at both sides of every #!ifdef, whatever is defined"
    )
    parser.add_argument(
        "-I", dest="include", action="append", default=[], metavar="DIR", help="look for included files here, too"
    )

"""The options of `kamscript replay`; apart, as every command line reads them."""

from __future__ import annotations

import argparse


def add_options(command: argparse.ArgumentParser) -> None:
    """The command's own options."""
    command.add_argument("config", metavar="CONFIG")
    command.add_argument("capture", metavar="CAPTURE", help="a pcap or pcapng file, also packed by gzip")
    command.add_argument("--server", default="", metavar="IP[:PORT]", help="the server (default: the busiest endpoint)")
    command.add_argument("--format", choices=("text", "json"), default="text")
    command.add_argument("--only-differences", action="store_true", help="leave out messages where nothing differs")
    command.add_argument(
        "--check-credentials", action="store_true",
        help="let the config check digests (they were made for other nonces); default: as the capture shows",
    )  # fmt: skip
    command.add_argument("--rows", action="append", default=[], metavar="FILE", help="rows for databases: SQL, CSV")
    command.add_argument("--host", action="append", default=[], metavar="NAME=ADDRESS", help="a name that DNS knows")
    command.add_argument("--progress", action="store_true", default=None, help="tell how far it is on stderr")
    command.add_argument("--no-progress", dest="progress", action="store_false", help=argparse.SUPPRESS)

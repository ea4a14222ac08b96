"""Text to tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from kamscript.script.nodes import Config
from kamscript.source import Reader, Source

#: Whose language: one generation of Kamailio, or all of them together.
Target = Literal["4.4", "5.6", "6.x", "all"]


def parse(
    source: Source,
    reader: Reader | None = None,
    defines: Mapping[str, str] | None = None,
    target: Target = "all",
    subst: tuple[str, ...] = (),
) -> Config:
    """Read a config whole: preprocess, parse, apply what Kamailio checks while parsing.

    `reader` gives included files and the environment (None: there are none); `defines` are those of the command line
    (`-A NAME=VALUE`), `subst` its substitutions. Raises ConfigError with everything found wrong.
    """
    raise NotImplementedError

"""Named connections: `name=>scheme://user:password@host/path;option=value`, and those of a file (curlcon.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from kamscript.module import FixupError
from kamscript.values import decimal

_DEFINITION: Final = re.compile(r"\s*([^=\s]+)\s*=>\s*([^:]*)://(.*)", re.DOTALL)
_SECTION: Final = re.compile(r"\[\s*([A-Za-z_]\w*)\s*\]")
_TLS_NAMES: Final = ("DEFAULT", "TLSv1", "SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2")
_LAST_TLS: Final = 8
_YES, _NO = ("yes", "on", "true", "enable", "1"), ("no", "off", "false", "disable", "0")

#: Called with a line for the log: level, text.
Tell = Callable[[str, str], object]


@dataclass(frozen=True)
class Connection:
    """What requests of a connection look like. `url` has no scheme; `tlsversion` is libcurl's number."""

    name: str
    schema: str = ""
    url: str = ""
    username: str | None = None
    password: str | None = None
    failover: str = ""
    useragent: str = ""
    client_cert: str = ""
    client_key: str = ""
    cipher_suites: str = ""
    httpproxy: str = ""
    httpproxyport: int = 0
    tlsversion: int = 0
    verify_peer: int = 1
    verify_host: int = 2
    timeout: int = 4
    maxdatasize: int = 0
    httpredirect: int = 0
    authmethod: int = 3
    keep_connections: int = 0

    def address(self, path: str) -> str:
        """The URL of a path."""
        base = f"{self.schema}://{self.url}"
        return base + ("" if not path or path[0] == "/" else "/") + path


_TEXTS: Final = ("useragent", "failover", "client_cert", "client_key", "cipher_suites")
#: Numbers of a definition, with those that they can be; None: any.
_NUMBERS: Final[Mapping[str, range | None]] = {
    "httpredirect": range(2),
    "timeout": None,
    "maxdatasize": None,
    "verify_peer": range(2),
    "verify_host": None,
    "tlsversion": range(_LAST_TLS),
}


def definition(text: str, defaults: Connection, tell: Tell) -> Connection:
    """Read a httpcon; FixupError for what is none. `tell` hears of options that count for nothing."""
    found = _DEFINITION.fullmatch(text)
    if found is None:
        raise FixupError(f"httpcon {text!r}: write NAME=>SCHEME://HOST/PATH;OPTION=VALUE")
    name, schema, rest = found[1], found[2], found[3]
    userinfo, at, behind = rest.partition("@")
    username, password = None, None
    if at:
        rest = behind
        username, colon, word = userinfo.partition(":")
        password = word if colon else None
    url, _, options = rest.partition(";")
    made = replace(defaults, name=name, schema=schema, url=url, username=username, password=password)
    for option in options.split(";"):
        key, _, value = (part.strip() for part in option.partition("="))
        if not key:
            continue
        if key in _TEXTS:
            made = replace(made, **{key: value})  # type: ignore[arg-type]
        elif key in _NUMBERS:
            number, allowed = decimal(value), _NUMBERS[key]
            if number is None or number < 0 or (allowed is not None and number not in allowed):
                tell("warning", f"curl connection [{name}]: {key} bad value. Using default")
            else:
                made = replace(made, **{key: number})  # type: ignore[arg-type]
        else:
            tell("error", f"curl Unknown parameter [{key}]")
    return made


def file_definitions(text: str, path: str, defaults: Connection) -> list[Connection]:
    """Read a file of connections: `[name]` and `option = value` lines; FixupError names the line of what is wrong."""
    made: list[Connection] = []
    current: Connection | None = None
    urls: dict[str, tuple[str, int]] = {}
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        section = _SECTION.fullmatch(line)
        if section is not None:
            if current is not None:
                made.append(current)
            current = replace(defaults, name=section[1])
            continue
        key, sign, value = (part.strip() for part in line.partition("="))
        if current is None or not sign or line[0] == "[":
            raise FixupError(f"{path}:{number}: expected [NAME], or OPTION = VALUE behind one: {line}")
        value = value[1:-1] if value[:1] == '"' and value[-1:] == '"' and len(value) > 1 else value
        if key == "url":
            urls[current.name] = value, number
        else:
            option: Any = _option(key, value, f"{path}:{number}")
            current = replace(current, **option)
    if current is not None:
        made.append(current)
    return [_with_url(one, *urls.get(one.name, ("", 0)), path) for one in made]


def _with_url(one: Connection, url: str, number: int, path: str) -> Connection:
    schema, sign, rest = url.partition("://")
    if not sign or not rest:
        raise FixupError(f"{path}:{number}: connection {one.name} needs url = SCHEME://HOST, not {url!r}")
    return replace(one, schema=schema, url=rest)


def _option(key: str, value: str, where: str) -> dict[str, str | int]:
    if key in (*_TEXTS, "username", "password", "httpproxy"):
        return {key: value}
    if key in ("verify_peer", "verify_host", "httpredirect"):
        if value.lower() in _YES:
            return {key: 1}
        if value.lower() in _NO:
            return {key: 0}
        raise FixupError(f"{where}: {key} is yes or no, not {value}")
    if key == "tlsversion":
        names = [name.lower() for name in _TLS_NAMES]
        if value.lower() not in names:
            raise FixupError(f"{where}: tlsversion is one of {', '.join(_TLS_NAMES)}, not {value}")
        return {key: names.index(value.lower())}
    if key in ("timeout", "maxdatasize", "httpproxyport", "authmethod", "keepconnections"):
        number = decimal(value)
        if number is None:
            raise FixupError(f"{where}: {key} is a number, not {value}")
        return {"keep_connections" if key == "keepconnections" else key: number}
    raise FixupError(f"{where}: there is no option {key}")

"""A config made to run as a real daemon of a test: without what belongs to a production machine.

Lines keep their numbers, so that what Kamailio says of a line is true of the config's own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kamscript.core.sockets import is_address
from kamscript.files import STDLIB
from kamscript.lab.real import daemon

if TYPE_CHECKING:
    from kamscript.lab.variants import Params
    from kamscript.script.program import Program

#: Settings that belong to a production machine: users, processes, where the log goes.
_DROPPED = re.compile(
    r"(?m)^[ \t]*(?:user|uid|group|gid|chroot|workdir|wdir|fork|children|tcp_children|socket_workers|log_stderror|"
    r"run_dir|rundir|mlock_pages|shm_mem_size|shm|real_time)[ \t]*=[^\n]*"
)
_CONTROL = re.compile(
    r"""(?m)^[ \t]*modparam\(\s*["'](?:ctl|jsonrpcs)["']\s*,\s*["'](?:binrpc|fifo|fifo_name|dgram_socket)["'][^\n]*"""
)
_MPATH = re.compile(r"""(?m)^[ \t]*(?:mpath|loadpath)[ \t]*=?[ \t]*["']([^"'\n]*)["'][^\n]*""")
_URL = re.compile(r"""\b(?:mysql|postgres|sqlite|text|unixodbc|oracle)://[^"'\s;,)]*""")
_DRIVER = re.compile(r"""\bdb_(?:mysql|postgres|text|unixodbc|oracle)(?:\.so)?(?=["'])""")


def why_not(program: Program) -> str:
    """Why a config cannot run on the Kamailio of this machine; "" when it can."""
    version, folder = daemon.version(), daemon.modules_folder()
    if not version or folder is None:
        return "no kamailio is installed here (apt-get install kamailio)"
    missing = [name for name in program.modules if not (folder / f"{name}.so").exists()]
    if missing:
        return f"the Kamailio of this machine has no module {', '.join(missing)} ({folder})"
    if program.target not in ("all", ".".join(version.split(".")[:2])):
        return f"the test asks for Kamailio {program.target}, here is {version}"
    for line in program.listens:
        for sock in line.sockets:
            host = sock.hosts[0]
            if ":" in host or not is_address(host) or host.startswith("0."):
                return f"the config listens at {host}: only IPv4 addresses have a place on loopback"
    return ""


def sources_of(
    program: Program, text: str | None, files: Mapping[str, str], include: Sequence[str | Path], folder: Path
) -> tuple[dict[str, str], dict[str, Path]]:
    """The config's files by their names in the daemon's folder, the main one first; where absolute names went."""
    sources: dict[str, str] = {}
    moved: dict[str, Path] = {}
    if text is not None:
        sources["kamailio.cfg"] = text
        for source in program.sources:
            if source.startswith(STDLIB):
                sources[os.path.relpath(source, STDLIB)] = Path(source).read_bytes().decode("latin-1")
                moved[source] = folder / os.path.relpath(source, STDLIB)
    else:
        folders = [os.path.dirname(os.path.abspath(program.path)), *map(os.path.abspath, include), STDLIB]
        for source in program.sources:
            path = os.path.abspath(source)
            names = _names(path, folders)
            for name in names:
                sources.setdefault(name, Path(path).read_bytes().decode("latin-1"))
            moved[path] = folder / names[0]
    for known, content in files.items():
        name = known.lstrip("/")
        sources[name] = content
        if known.startswith("/"):
            moved[known] = folder / name
    return sources, moved


def _names(path: str, folders: Sequence[str]) -> list[str]:
    """What includes may call a file that was found in one of the folders."""
    found = [os.path.relpath(path, folder) for folder in folders]
    return [name for name in found if not name.startswith("..")] or [os.path.basename(path)]


def for_loopback(text: str, params: Params, folder: Path, database: Callable[[str], Path]) -> str:
    """A file of the config without what belongs to a production machine; lines keep their numbers."""
    text = _CONTROL.sub("", _DROPPED.sub("", text))
    text = _MPATH.sub(lambda found: found[0] if Path(found[1].partition(":")[0]).is_dir() else "", text)
    text = _on_sqlite(_DRIVER.sub("db_sqlite.so", text), database)
    text = re.sub(r"/(?:var/)?run/kamailio(?=/)", str(folder), text)
    for module, values in params.items():
        for name in values:
            line = rf"""(?m)^[ \t]*modparamx?\(\s*["']{module}["']\s*,\s*["']{name}["'][^\n]*"""
            if module == "core":
                line = rf"(?m)^[ \t]*{name}[ \t]*=[^\n]*"
            text = re.sub(line, "", text)
    return text


def without_listen(text: str) -> str:
    """A file of the config without the lines that say where it listens."""
    return re.sub(r"(?m)^[ \t]*listen[ \t]*=[^\n]*", "", text)


def added(program: Program, params: Params, folder: Path, database: Callable[[str], Path]) -> str:
    """What stands behind the config: the way for RPC, and parameters that the test sets."""
    # ctl is the door, kex tells the statistics.
    lines = [f'loadmodule "{name}.so"' for name in ("kex", "ctl") if name not in program.modules]
    lines.append(f'modparam("ctl", "binrpc", "unix:{folder}/ctl")')
    if any(item.name == "debug" and _below(item.value) for item in program.settings):
        lines.append("debug=-1")  # else nobody hears of the marks
    for module, values in params.items():
        for name, value in values.items():
            for one in value if isinstance(value, list) else [value]:
                shown = str(int(one)) if isinstance(one, int) else f'"{_on_sqlite(str(one), database)}"'
                head = f"{name} = " if module == "core" else f'modparam("{module}", "{name}", '
                lines.append(f"{head}{shown}{'' if module == 'core' else ')'}")
    return "".join(f"{line}\n" for line in lines)


def _on_sqlite(text: str, database: Callable[[str], Path]) -> str:
    """A text with files in the place of its databases."""
    return _URL.sub(lambda found: f"sqlite:///{database(found[0])}", text)


def _below(value: object) -> bool:
    try:
        return int(str(getattr(value, "value", value))) < -1
    except ValueError:
        return False

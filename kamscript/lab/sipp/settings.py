"""What a scenario is played with: SIPp's options, by name, with SIPp's defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kamscript.lab.network import Address
from kamscript.lab.sipp.injection import InjectionFile
from kamscript.source import Source

#: What SIPp does on its own; `-default_behaviors` and `-nd` take from it.
BEHAVIORS = frozenset(("bye", "abortunexp", "pingreply"))


NOWHERE = Address("0.0.0.0", 0)


@dataclass(slots=True)
class Settings:
    """How one scenario is played. Times are milliseconds, as in scenario files."""

    service: str = "service"  #: -s
    keys: dict[str, str] = field(default_factory=dict)  #: -key: `[name]` in messages
    variables: dict[str, str] = field(default_factory=dict)  #: -set: global variables
    lenient: frozenset[str] = frozenset()  #: those of `variables` that the scenario need not have
    files: dict[str, InjectionFile] = field(default_factory=dict)  #: -inf, by name; the first is the default
    auth_user: str = ""  #: -au, by default -s
    auth_password: str = "password"  #: -ap
    auth_uri: str = ""  #: -auth_uri, by default the remote address
    duration: float = 0.0  #: -d: how long `<pause/>` lasts
    base_cseq: int = 1  #: the first [cseq]
    call_id: str = "%u-%p@%s"  #: -cid_str
    auto_answer: bool = False  #: -aa
    behaviors: frozenset[str] = BEHAVIORS
    pause_msg_ign: bool = False
    callid_slash_ign: bool = False
    deadcall_wait: float = 33000.0
    recv_timeout: float = 0.0
    retransmit: bool = True  #: False with -nr
    loose: bool = False  #: -rtcheck loose
    max_retrans: int = 9
    max_invite_retrans: int = 5
    max_non_invite_retrans: int = 9
    t2: float = 4000.0  #: -T2
    lost: float = 0.0  #: -lost, percent
    media_ip: str = ""  #: -mi, by default the party's own address
    media_port: int = 6000  #: -mp
    proto: str = "udp"  #: -t u1 or t1
    pid: int = 1000  #: [pid]: tells the parties of a run apart
    seat: Address | None = None  #: where the party sits; None: wherever a message finds it
    remote: Address = NOWHERE  #: the server
    rsa: Address | None = None  #: -rsa: where to send instead
    directories: tuple[Path, ...] = ()  #: where files are looked for that are not found as named

    def find(self, name: str | Path) -> Path:
        """A file as named, or else in one of the folders."""
        path = Path(name)
        if path.exists():
            return path
        return next((found for folder in self.directories if (found := folder / path).exists()), path)

    @property
    def reliable(self) -> bool:
        """Whether the transport needs no retransmissions."""
        return self.proto != "udp"


@dataclass(frozen=True, slots=True)
class SippParty:
    """One scenario of a run with options of its own: `lab.sipp(SippParty("uas.xml", at="10.0.0.5:5060"), ...)`.

    `scenario` is a file, the name of a built-in scenario, or a text (kamscript.source.Source). `at` is its address; a
    client sits at 10.0.1.N by default, a server answers at every address where nobody else sits. The rest is what the
    options of `lab.sipp` say unless given here.
    """

    scenario: str | Path | Source
    at: str = ""
    service: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    inject: Sequence[str | Path] = ()
    auth_user: str | None = None
    auth_password: str | None = None
    proto: str = ""
    media_ip: str = ""
    media_port: int = 0
    others: Mapping[str, Any] = field(default_factory=dict)  #: more of `Settings`, by name: {"recv_timeout": 300}

    @property
    def name(self) -> str:
        """The scenario, for people."""
        return self.scenario.path if isinstance(self.scenario, Source) else str(self.scenario)

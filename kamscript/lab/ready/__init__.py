"""Ready doubles: what a config reaches outside of SIP, played by the lab.

    http.py     HTTP servers, for http_client, http_async_client, ruxc and utils
    media.py    rtpengine and rtpproxy: SDP with their addresses
    execute.py  the shell, for the exec module
    redis.py    Redis servers, for ndb_redis

Each is installed when a test first names it (`lab.doubles.http`) and answers for the functions that the config calls,
simulated or not; what a test sets by `lab.double` is stronger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.lab.ready.base import Ready

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab


def make(name: str, lab: Lab) -> Ready:
    """The ready double of that name, installed in `lab`."""
    if name == "http":
        from kamscript.lab.ready.http import Web

        return Web(lab)
    if name == "exec":
        from kamscript.lab.ready.execute import Commands

        return Commands(lab)
    if name == "redis":
        from kamscript.lab.ready.redis import Redis

        return Redis(lab)
    from kamscript.lab.ready.media import MediaRelay, TextRelay

    return TextRelay(lab, name) if name == "rtpproxy" else MediaRelay(lab, name)


__all__ = ["Ready", "make"]

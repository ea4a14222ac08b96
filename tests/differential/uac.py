"""A double of uac_auth() of module uac, as far as the dialog module has to do with it (uac/auth.c)."""

from __future__ import annotations

import hashlib
import re

from kamscript.core.context import Context
from kamscript.sip.message import Message


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("latin-1"), usedforsecurity=False).hexdigest()


def uac_auth(ctx: Context) -> int:
    """Answer the challenge of the picked branch as `alice` with the password `secret`, then tell who counts CSeqs."""
    t, msg = ctx.t, ctx.msg
    assert t is not None
    branch = t.branches[ctx.server.module("tm").picked_branch()]
    reply = branch.reply
    assert isinstance(reply, Message)
    proxy = "Proxy-" if reply.status == 407 else ""
    realm, nonce = re.findall(r'(?:realm|nonce)="(.*?)"', reply.buf)
    response = _md5(f"{_md5(f'alice:{realm}:secret')}:{nonce}:{_md5(f'{msg.method}:{branch.uri}')}")
    msg.edits.insert_before(
        msg.eoh,
        f'{proxy}Authorization: Digest username="alice", realm="{realm}", nonce="{nonce}", uri="{branch.uri}", '
        f'response="{response}", algorithm=MD5\r\n',
    )
    msg.new_uri = branch.uri
    ctx.ruri_consumed = False
    update = ctx.server.shared.get("cb_cseq_update")
    return -1 if update is not None and not update(ctx) else 1

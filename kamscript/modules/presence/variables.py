"""$subs(...): the subscription at hand; $notify_reply(...): the reply to a NOTIFY (presence manual, 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kamscript.core.context import Context
from kamscript.module import Accessor, FixupError, Module, PvRef, pv_class

if TYPE_CHECKING:
    from kamscript.modules.presence.subscription import Subscription
    from kamscript.sip.message import Message
    from kamscript.values import Value

#: Names in configs and attributes of a subscription.
_NAMES: Final = {
    "uri": "pres_uri",
    "pres_uri": "pres_uri",
    "to_user": "to_user",
    "to_domain": "to_domain",
    "from_user": "from_user",
    "from_domain": "from_domain",
    "watcher_username": "watcher_user",
    "watcher_domain": "watcher_domain",
    "event_id": "event_id",
    "to_tag": "to_tag",
    "from_tag": "from_tag",
    "callid": "callid",
    "remote_cseq": "remote_cseq",
    "local_cseq": "local_cseq",
    "contact": "contact",
    "local_contact": "local_contact",
    "record_route": "record_route",
    "expires": "expires",
    "status": "status",
    "reason": "reason",
    "version": "version",
    "flags": "flags",
    "user_agent": "user_agent",
    "sockinfo": "socket",
}


class Variables(Module):
    """The pseudo-variables of `Presence`."""

    last_subs: Subscription | None = None  #: of the last SUBSCRIBE, or of the NOTIFY that is at hand
    reply: Message | None = None  #: to the NOTIFY that event_route[presence:notify-reply] runs for

    @pv_class("subs")
    def subs(self, ref: PvRef) -> Accessor:
        """An attribute of the subscription that handle_subscribe() dealt with, or that a NOTIFY belongs to."""
        name = ref.inner
        if name == "event":
            return Accessor(self._event)
        attribute = _NAMES.get(name) if isinstance(name, str) else None
        if attribute is None:
            raise FixupError(f"unknown PV subscription name {name}")

        def get(ctx: Context) -> Value:
            last = self.last_subs
            return None if last is None else getattr(last, attribute)

        return Accessor(get)

    def _event(self, ctx: Context) -> Value:
        return None if self.last_subs is None else self.last_subs.event.name

    @pv_class("notify_reply")
    def notify_reply(self, ref: PvRef) -> Accessor:
        """A variable over the reply to a NOTIFY, in event_route[presence:notify-reply]."""
        inner: Any = ref.inner
        if not isinstance(inner, Accessor):
            raise FixupError(f"invalid pv name [{inner}]")
        read = inner.get

        def get(ctx: Context) -> Value:
            reply = self.reply
            if reply is None:
                return None
            other = Context(ctx.server, reply, ctx.route)
            other.avps, other.xavps, other.xavus, other.xavis = ctx.avps, ctx.xavps, ctx.xavus, ctx.xavis
            return read(other)

        return Accessor(get)

"""Serial forking by q value: t_load_contacts, t_next_contacts, t_next_contact_flow (tm/t_serial.c).

The destination set is put into the XAVP list `contacts_avp`, best q first; contacts of the same q form a group that is
tried in parallel. Of several contacts of one instance (RFC 5626) only the first of a group is used; the others wait in
`contact_flows_avp` until the branch failed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from kamscript.core.branches import Branch
from kamscript.modules.tm.suspend import Suspend

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import ListenSocket

#: The record begins a group that is tried before the ones behind it.
Q_FLAG: Final = 4
STANDARD, PROPORTIONAL = 0, 1

Record = dict[str, list[Any]]


class _Contact:
    """A contact while contacts are sorted. `weight` is its q, `reach` the sum of weights up to it."""

    __slots__ = ("attributes", "branch", "flag", "q", "reach")

    def __init__(self, branch: Branch, attributes: Any) -> None:
        self.branch, self.attributes = branch, attributes
        self.q = self.reach = branch.q
        self.flag = 0


def _field(record: Record, name: str) -> Any:
    values = record.get(name)
    return values[0] if values else None


class Serial(Suspend):
    """Load the destination set, and take it group by group."""

    contacts_avp: str
    contact_flows_avp: str
    xavp_contact: str

    def load_contacts(self, ctx: Context, mode: int) -> int:
        """t_load_contacts(): 1 loaded, or nothing to load; -1 not configured."""
        if not self.contacts_avp:
            self.server.log.error("tm", "feature has been disabled - define contacts_avp module parameter")
            return -1
        fresh = not ctx.ruri_consumed
        if not ctx.branches or (len(ctx.branches) == 1 and not fresh):
            return 1
        contacts = self._contacts(ctx, fresh, mode)
        root = ctx.xavps
        if root is None:
            root = ctx.xavps = {}
        records = self._proportional(contacts) if mode == PROPORTIONAL else self._standard(contacts)
        if records:
            root[self.contacts_avp] = records + root.get(self.contacts_avp, [])
        ctx.branches = []
        ctx.ruri_q, ctx.ruri_consumed, ctx.bflags = -1, True, 0
        if self.xavp_contact:
            root.pop(self.xavp_contact, None)
        return 1

    def _contacts(self, ctx: Context, fresh: bool, mode: int) -> list[_Contact]:
        """The destination set, lowest q first."""
        msg = ctx.msg
        attributes = (ctx.xavps or {}).get(self.xavp_contact, []) if self.xavp_contact else []
        entries: list[tuple[Branch, int]] = []
        if fresh:
            own = Branch(
                msg.current_uri(),
                q=ctx.ruri_q,
                dst_uri=msg.dst_uri,
                path=msg.path,
                flags=ctx.bflags,
                socket=msg.force_send_socket,
                instance=msg.instance,
                ruid=msg.ruid,
                location_ua=msg.location_ua,
            )
            entries.append((own, 0))
        entries += [(branch, i + 1) for i, branch in enumerate(ctx.branches)]
        ordered: list[_Contact] = []
        total = 0
        for branch, at in entries:
            contact = _Contact(branch, attributes[at] if at < len(attributes) else None)
            if mode == PROPORTIONAL:
                if contact.q > 0:
                    total += contact.q
                contact.reach = total
            place = 0
            for other in ordered:
                key, mine = (other.reach, contact.reach) if mode == PROPORTIONAL else (other.q, contact.q)
                if key < mine or (key == mine and not branch.path):
                    place += 1
                else:
                    break
            ordered.insert(place, contact)
        return ordered

    def _record(self, contact: _Contact) -> Record:
        branch = contact.branch
        record: Record = {"uri": [branch.uri]}
        for name, value in (
            ("dst_uri", branch.dst_uri),
            ("path", branch.path),
            ("sock", branch.socket.text if branch.socket is not None else ""),
        ):
            if value:
                record[name] = [value]
        record["flags"] = [branch.flags]
        record["q_flag"] = [contact.flag]
        for name, value in (("instance", branch.instance), ("ruid", branch.ruid), ("ua", branch.location_ua)):
            if value:
                record[name] = [value]
        if contact.attributes is not None:
            record[self.xavp_contact] = [contact.attributes]
        return record

    def _standard(self, contacts: list[_Contact]) -> list[Record]:
        for lower, higher in pairwise(contacts):
            higher.flag = Q_FLAG if lower.q < higher.q else 0
        return [self._record(contact) for contact in reversed(contacts)]

    def _proportional(self, contacts: list[_Contact]) -> list[Record]:
        """Every contact its own group, drawn by chance with its q as weight; those without q last."""
        chance = self.server.environment.chance
        records: list[Record] = []
        weighted = [c for c in contacts if c.q > 0]
        total = sum(c.q for c in weighted)
        while weighted:
            at = chance.randrange(0, total)
            for contact in weighted:
                if contact.reach > at:
                    break
            contact.flag = Q_FLAG
            records.append(self._record(contact))
            total -= contact.q
            for later in weighted[weighted.index(contact) + 1 :]:
                later.reach -= contact.q
            weighted.remove(contact)
        for contact in contacts:
            if contact.q <= 0:
                contact.flag = Q_FLAG
                records.append(self._record(contact))
        return records

    def next_contacts(self, ctx: Context) -> int:
        """t_next_contacts(): put the next group into request URI and branches: 1; -2 none left; -1 error."""
        name = self.contacts_avp
        if not name:
            self.server.log.error("tm", "feature has been disabled - define contacts_avp module parameter")
            return -1
        root = ctx.xavps or {}
        records: list[Record] = root.get(name, [])
        if not records:
            return -2
        first = records[0]
        try:
            socket = self._socket(first)
        except LookupError:
            self._drop(root, name, 1)
            return -1
        msg = ctx.msg
        flagged = _field(first, "q_flag")
        instances: set[str] = set()
        instance = _field(first, "instance")
        if instance is not None and not flagged:
            instances.add(instance)
            msg.instance = instance
        self._give_attributes(ctx, first, 0)
        msg.new_uri = _field(first, "uri")
        msg.dst_uri = _field(first, "dst_uri") or ""
        msg.path = _field(first, "path") or ""
        msg.force_send_socket = socket
        msg.ruid, msg.location_ua = _field(first, "ruid") or "", _field(first, "ua") or ""
        ctx.bflags = _field(first, "flags") or 0
        ctx.ruri_consumed = False
        self._drop(root, name, 1)
        if flagged:
            return 1
        root.pop(self.contact_flows_avp, None)
        while records := root.get(name, []):
            record = records[0]
            flagged = _field(record, "q_flag")
            try:
                socket = self._socket(record)
            except LookupError:
                self._drop(root, name, 1)
                return -1
            self._drop(root, name, 1)
            instance = _field(record, "instance")
            if instance is not None and instance in instances:
                record.pop("q_flag", None)
                root.setdefault(self.contact_flows_avp, []).insert(0, record)
            else:
                if instance is not None and not flagged:
                    instances.add(instance)
                ctx.branches.append(self._branch(record, socket))
                self._give_attributes(ctx, record, len(ctx.branches))
            if flagged:
                break
        return 1

    def next_contact_flow(self, ctx: Context) -> int:
        """t_next_contact_flow(): the next contact of the failed branch's instance becomes a branch: 1; -2 none."""
        if not self.contact_flows_avp:
            self.server.log.error("tm", "feature has been disabled - define contact_flows_avp module parameter")
            return -1
        t = ctx.t
        if t is None or not 0 <= ctx.branch < len(t.branches):
            return -2
        instance = t.branches[ctx.branch].instance
        root = ctx.xavps or {}
        records: list[Record] = root.get(self.contact_flows_avp, [])
        if not instance or not records:
            return -2
        for index, record in enumerate(records):
            if _field(record, "instance") == instance and _field(record, "uri") is not None:
                try:
                    socket = self._socket(record)
                except LookupError:
                    del records[index]
                    return -1
                ctx.branches.append(self._branch(record, socket))
                self._give_attributes(ctx, record, len(ctx.branches))
                del records[index]
                return 1
        return 1

    def _branch(self, record: Record, socket: ListenSocket | None) -> Branch:
        return Branch(
            _field(record, "uri"),
            q=0,
            dst_uri=_field(record, "dst_uri") or "",
            path=_field(record, "path") or "",
            flags=_field(record, "flags") or 0,
            socket=socket,
            instance=_field(record, "instance") or "",
            ruid=_field(record, "ruid") or "",
            location_ua=_field(record, "ua") or "",
        )

    def _drop(self, root: Record, name: str, count: int) -> None:
        del root[name][:count]
        if not root[name]:
            del root[name]

    def _give_attributes(self, ctx: Context, record: Record, at: int) -> None:
        """Put the contact's attributes back into the list `xavp_contact`, at the place of its branch."""
        name = self.xavp_contact
        if not name:
            return
        values = record.pop(name, None)
        if not values:
            return
        root = ctx.xavps
        if root is None:
            root = ctx.xavps = {}
        target = root.setdefault(name, [])
        while len(target) < at:
            target.append({})
        target.insert(at, values[0])

    def _socket(self, record: Record) -> ListenSocket | None:
        """The socket that a record names; None when it names none. Raises LookupError when there is no such socket."""
        text = _field(record, "sock")
        if not text:
            return None
        proto, _, rest = text.partition(":")
        host, _, port = rest.rpartition(":")
        socket = self.server.find_socket(host.strip("[]"), int(port) if port.isdecimal() else 0, proto)
        if socket is None:
            raise LookupError(text)
        return socket

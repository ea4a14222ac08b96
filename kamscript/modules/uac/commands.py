"""RPC commands about remote registrations (uac manual, 8)."""

from __future__ import annotations

from kamscript.core.rpc import Rpc, missing
from kamscript.module import Module, rpc
from kamscript.modules.uac.registering import Registering
from kamscript.modules.uac.registrations import Registration, UnknownAttribute

_INVALID = (400, "Invalid Parameters")
_TEXTS = ("l_uuid", "l_username", "l_domain", "r_username", "r_domain")


def _show(rpc: Rpc, entry: Registration, now: int) -> None:
    rpc.struct(
        **{name: getattr(entry, name) for name in _TEXTS},
        realm=entry.realm or None,
        auth_username=entry.auth_username,
        auth_password=entry.auth_password or "none",
        auth_ha1=entry.auth_ha1 or "none",
        auth_proxy=entry.auth_proxy or "none",
        expires=entry.expires,
        flags=entry.flags,
        diff_expires=entry.timer_expires - now,
        timer_expires=entry.timer_expires,
        reg_init=entry.reg_init,
        reg_delay=entry.reg_delay,
        contact_addr=entry.contact_addr or "none",
        socket=entry.socket or None,
    )


class RegistrationCommands(Module):
    """The commands; they are there when reg_db_url is set."""

    registering: Registering | None
    newer: bool
    reg_contact_addr: str

    def _enabled(self, rpc: Rpc) -> Registering:
        if self.registering is None:
            raise rpc.fault(500, f"command {rpc.name} not found")
        return self.registering

    def _found(self, rpc: Rpc, attribute: str, value: object) -> Registration:
        registering = self._enabled(rpc)
        text = str(value)
        if not attribute or not text:
            raise rpc.fault(400, "Invalid Parameter Values")
        try:
            entry = registering.entries.search(attribute, text)
        except UnknownAttribute:
            raise rpc.fault(400, "Unsupported filter attribute") from None
        if entry is None:
            raise rpc.fault(404, "Record not found")
        return entry

    @rpc("uac.reg_dump")
    def rpc_dump(self, rpc: Rpc) -> None:
        """All remote registrations."""
        registering = self._enabled(rpc)
        for entry in registering.entries:
            _show(rpc, entry, registering.now)

    @rpc("uac.reg_info")
    @missing(*_INVALID)
    def rpc_info(self, rpc: Rpc, attribute: str, value: object) -> None:
        """The first one with this l_uuid, l_username, r_username or auth_username."""
        entry = self._found(rpc, attribute, value)
        _show(rpc, entry, self._enabled(rpc).now)

    @rpc("uac.reg_enable")
    @missing(*_INVALID)
    def rpc_enable(self, rpc: Rpc, attribute: str, value: object) -> None:
        """Register an account again."""
        self._mark(rpc, attribute, value, disable=False)

    @rpc("uac.reg_disable")
    @missing(*_INVALID)
    def rpc_disable(self, rpc: Rpc, attribute: str, value: object) -> None:
        """Register an account no more."""
        self._mark(rpc, attribute, value, disable=True)

    def _mark(self, rpc: Rpc, attribute: str, value: object, *, disable: bool) -> None:
        registering = self._enabled(rpc)
        try:
            registering.mark(self._found(rpc, attribute, value), disable=disable)
        finally:
            registering.module.regdisabled.value += 1 if disable else -1  # also when nothing was found

    @rpc("uac.reg_reload")
    def rpc_reload(self, rpc: Rpc) -> None:
        """Read the table again."""
        registering = self._enabled(rpc)
        if not registering.shift():
            raise rpc.fault(500, "Failed to shift records - check log messages")
        if not registering.load():
            raise rpc.fault(500, "Failed to reload records - check log messages")

    @rpc("uac.reg_refresh")
    @missing(*_INVALID)
    def rpc_refresh(self, rpc: Rpc, l_uuid: str) -> None:
        """Read one account again."""
        done = self._enabled(rpc).refresh(l_uuid)
        if done == 0:
            raise rpc.fault(404, "Record not found")
        if done < 0:
            raise rpc.fault(500, "Failed to refresh record - check log messages")

    @rpc("uac.reg_remove", since="5.6")
    @missing(*_INVALID)
    def rpc_remove(self, rpc: Rpc, l_uuid: str) -> None:
        """Forget an account."""
        registering = self._enabled(rpc)
        entry = registering.entries.of_uuid(l_uuid)
        if entry is None:
            raise rpc.fault(404, "Record not found")
        registering.remove(entry)

    @rpc("uac.reg_add", since="5.6")
    @missing(*_INVALID)
    def rpc_add(
        self,
        rpc: Rpc,
        l_uuid: str,
        l_username: str,
        l_domain: str,
        r_username: str,
        r_domain: str,
        realm: str,
        auth_username: str,
        auth_password: str,
        auth_ha1: str,
        auth_proxy: str,
        expires: int,
        flags: int,
        reg_delay: int,
        socket: str,
        contact_addr: str,
        contact_user: str = ".",
    ) -> None:
        """Add an account; `.` leaves out auth_password, auth_ha1 or contact_addr (6.x: realm, socket, too)."""
        registering = self._enabled(rpc)
        password, ha1, address = (_none(text) for text in (auth_password, auth_ha1, contact_addr))
        if self.newer:
            realm, socket, contact_user = _none(realm), _none(socket), _none(contact_user)
        else:
            contact_user = ""
        entry = Registration(
            *(l_uuid, l_username, l_domain, r_username, r_domain, realm, auth_username, password, ha1, auth_proxy),
            *(expires & 0xFFFFFFFF, flags & 0xFFFFFFFF, reg_delay & 0xFFFFFFFF, address, socket, contact_user),
        )
        complaint = entry.complaint()
        if complaint:
            registering.module.error(complaint)
            raise rpc.fault(500, "Failed to add record - invalid password or ha1")
        if registering.entries.of_uuid(l_uuid) is not None:
            raise rpc.fault(409, "uuid already exists")
        registering.add(entry)

    @rpc("uac.reg_active", since="5.6")
    @missing(500, "Missing parameter")
    def rpc_active(self, rpc: Rpc, mode: int) -> None:
        """Begin (1) or stop (0) to register; tells what it was and what was asked for."""
        registering = self._enabled(rpc)
        rpc.struct(omode=int(registering.active), nmode=mode)
        registering.active = mode != 0

    @rpc("uac.reg_register", since="6.x")
    @missing(*_INVALID)
    def rpc_register(self, rpc: Rpc, attribute: str, value: object) -> None:
        """Send REGISTER now."""
        self._enabled(rpc).send(self._found(rpc, attribute, value))

    @rpc("uac.reg_unregister", since="5.6")
    @missing(*_INVALID)
    def rpc_unregister(self, rpc: Rpc, attribute: str, value: object) -> None:
        """Send REGISTER with `Expires: 0`; the account is not registered again by itself."""
        self._enabled(rpc).unregister(self._found(rpc, attribute, value))


def _none(text: str) -> str:
    return "" if text == "." else text

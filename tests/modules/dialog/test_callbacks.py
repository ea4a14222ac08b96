"""What other modules hear of a dialog: DLGCB_* callbacks, when and with what; what they can do to it."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from kamscript.module import Module
from kamscript.modules.dialog import callbacks as kinds
from kamscript.modules.dialog.callbacks import DialogParams
from kamscript.modules.dialog.cell import FLAG_CHANGED_VARS, DialogCell
from tests.modules.dialog.scene import MODULES, Scene, proxy
from tests.modules.tm.stage import request

NAMES = {
    value: name.removeprefix("DLGCB_")
    for name, value in vars(kinds).items()
    if name.startswith("DLGCB_") and isinstance(value, int)
}
EVERYTHING = 0
for _kind in NAMES:
    if _kind not in (kinds.DLGCB_CREATED, kinds.DLGCB_LOADED):
        EVERYTHING |= _kind


def first_line(message: Any) -> str:
    """`INVITE`, `200`, `-` for none."""
    if message is None:
        return "-"
    return str(message.method if message.is_request else message.status)


class Listener(Module, name="listener", requires=("dialog",)):
    """Notes every event of every dialog: `NAME request reply direction`."""

    heard: ClassVar[list[str]] = []
    expired: ClassVar[list[Any]] = []

    def start(self) -> None:
        type(self).heard, type(self).expired = [], []
        self.server.module("dialog").register_dlgcb(None, kinds.DLGCB_CREATED, self.created, "made")

    def created(self, dlg: DialogCell, kind: int, params: DialogParams) -> None:
        self.note(dlg, kind, params)
        self.server.module("dialog").register_dlgcb(dlg, EVERYTHING, self.note)

    def note(self, dlg: DialogCell, kind: int, params: DialogParams) -> None:
        text = f"{NAMES[kind]} {first_line(params.request)} {first_line(params.reply)} {params.direction}"
        self.heard.append(text + (f" {params.param}" if params.param else ""))
        if kind == kinds.DLGCB_EXPIRED:
            self.expired.append(params.data)


def scene(**more: str) -> Scene:
    """A server with the listener."""
    return Scene(proxy(**more), modules=MODULES + " listener", own={"listener": Listener})


@pytest.mark.spec("2:1.1")
def test_the_life_of_a_call() -> None:
    """Each kind at its moment, with its messages and direction (1: from the caller)."""
    call = scene()
    call.call()
    call.request("INFO", "bob")
    call.bye()
    call.nothing_left()
    assert Listener.heard == [
        "CREATED INVITE - 1 made",
        "RESPONSE_FWDED INVITE 180 2",
        "EARLY INVITE 180 2",
        "RESPONSE_FWDED INVITE 200 2",
        "CONFIRMED_NA INVITE 200 2",
        "CONFIRMED ACK - 1",
        "REQ_WITHIN INFO - 2",
        "RESPONSE_WITHIN INFO 200 1",
        "TERMINATED BYE - 1",
        "TERMINATED_CONFIRMED BYE 200 2",
        "DESTROY - - 0",
    ]


@pytest.mark.spec("2:1.1")
def test_a_refused_call() -> None:
    """FAILED with the reply."""
    call = scene()
    call.invite()
    call.respond("486 Busy")
    call.play(request("ACK", "sip:bob@127.0.0.12", to_tag="b1"))
    call.nothing_left()
    assert Listener.heard == ["CREATED INVITE - 1 made", "FAILED INVITE 486 2", "DESTROY - - 0"]


@pytest.mark.spec("2:1.1")
def test_an_expired_call() -> None:
    """EXPIRED without messages; its data tells whether the call was confirmed."""
    call = scene(params="default_timeout=10")
    call.call()
    call.advance(11)
    assert Listener.heard[-2:] == ["EXPIRED - - 0", "DESTROY - - 0"]
    assert Listener.expired == [True]
    call = scene(params="default_timeout=10")
    call.invite()
    call.answer()
    call.advance(11)
    assert Listener.expired == [False]


@pytest.mark.spec("2:1.1")
def test_a_spiral() -> None:
    """SPIRALED when the INVITE comes again."""
    call = scene()
    call.invite()
    call.invite(branch="z9hG4bK-2")
    assert Listener.heard == ["CREATED INVITE - 1 made", "SPIRALED INVITE - 1"]


@pytest.mark.spec("6.45")
@pytest.mark.parametrize(("inscript", "said"), [(1, []), (0, ["script"])])
def test_initial_callbacks_in_or_behind_the_script(inscript: int, said: list[str]) -> None:
    """initial_cbs_inscript=0: CREATED when the transaction is made."""
    call = scene(params=f"initial_cbs_inscript={inscript}", after='xlog("script\\n");')
    seen: list[list[str]] = []
    call.dialog.register_dlgcb(None, kinds.DLGCB_CREATED, lambda *_: seen.append(call.script))
    call.invite()
    assert seen == [said]


@pytest.mark.spec("6.45")
def test_a_spiral_behind_the_script() -> None:
    """initial_cbs_inscript=0 puts SPIRALED off as well."""
    call = scene(params="initial_cbs_inscript=0")
    call.invite()
    call.invite(branch="z9hG4bK-2")
    assert Listener.heard == ["CREATED INVITE - 1 made", "SPIRALED INVITE - 1"]


@pytest.mark.spec("2:1.1")
def test_the_last_to_register_is_told_first() -> None:
    """As Kamailio's lists are built."""
    call = scene()
    call.invite()
    heard: list[str] = []
    for name in ("first", "second"):
        call.dialog.register_dlgcb(
            call.only, kinds.DLGCB_EARLY, lambda dlg, kind, params: heard.append(params.param), name
        )
    call.ring()
    assert heard == ["second", "first"]


@pytest.mark.spec("2:1.1")
def test_a_callback_that_fails_costs_the_call_nothing() -> None:
    """It is logged; the other listeners hear, the call goes on."""
    call = scene()
    call.invite()

    def broken(dlg: DialogCell, kind: int, params: DialogParams) -> None:
        raise RuntimeError("no such luck")

    call.dialog.register_dlgcb(call.only, EVERYTHING, broken)
    call.ring()
    call.answer()
    call.ack()
    call.bye()
    call.nothing_left()
    assert Listener.heard[-1] == "DESTROY - - 0"
    assert any("no such luck" in line for line in call.warned("<core>"))


@pytest.mark.spec("2:1.1")
def test_registrations_that_make_no_sense() -> None:
    """Global kinds alone, others with a dialog."""
    dialog = scene().dialog
    for types in (kinds.DLGCB_CREATED | kinds.DLGCB_LOADED, kinds.DLGCB_CREATED | kinds.DLGCB_EARLY):
        with pytest.raises(ValueError, match="alone"):
            dialog.register_dlgcb(None, types, lambda *_: None)
    with pytest.raises(ValueError, match="belongs to a dialog"):
        dialog.register_dlgcb(None, kinds.DLGCB_EARLY, lambda *_: None)


@pytest.mark.spec("2:1.1")
def test_nobody_listens_nothing_is_registered() -> None:
    """A call costs no callbacks of transactions that nobody asked for."""
    call = Scene()
    call.invite()
    call.ring()
    from kamscript.modules.tm.callbacks import TMCB_RESPONSE_FWDED, TMCB_RESPONSE_OUT

    (t,) = call.transactions
    assert not t.types & (TMCB_RESPONSE_FWDED | TMCB_RESPONSE_OUT)


def test_variables_from_other_modules() -> None:
    """set_dlg_var and get_dlg_var; None removes."""
    call = scene()
    call.invite()
    dialog, dlg = call.dialog, call.only
    assert dialog.get_dlg_var(dlg, "x") is None
    dialog.set_dlg_var(dlg, "x", "1")
    assert (dialog.get_dlg_var(dlg, "x"), bool(dlg.dflags & FLAG_CHANGED_VARS)) == ("1", True)
    dialog.set_dlg_var(dlg, "x", None)
    assert dialog.get_dlg_var(dlg, "x") is None


def test_the_dialog_of_a_message() -> None:
    """get_dlg: by the context or the elements."""
    found: list[DialogCell | None] = []

    class Asker(Module, name="asker", requires=("dialog",)):
        """Asks when a request comes."""

        def start(self) -> None:
            self.server.hooks.post_script.insert(0, lambda ctx: found.append(self.server.module("dialog").get_dlg(ctx)))

    call = Scene(proxy(), modules=MODULES + " asker", own={"asker": Asker})
    call.call()
    assert found == [call.only] * 4

"""ctl: where it listens, who is there."""

from __future__ import annotations

import pytest

from kamscript.core.rpc import RpcFault
from kamscript.module import FixupError
from kamscript.modules.ctl import Connection, Ctl, Listener, parse_listener

from .script import refused, serve


def ctl(before: str = "") -> Ctl:
    found = serve("exit;", modules="ctl", before=before).server.module("ctl")
    assert isinstance(found, Ctl)
    return found


@pytest.mark.parametrize(
    ("text", "listener"),
    [
        ("udp:127.0.0.1:2050", Listener("binrpc", "udp", "127.0.0.1", 2050)),
        ("tcp:*:2050", Listener("binrpc", "tcp", "*", 2050)),
        ("tcp:2050", Listener("binrpc", "tcp", "*", 2050)),
        ("localhost", Listener("binrpc", "udp", "localhost", 2049)),
        ("localhost:2050", Listener("binrpc", "udp", "localhost", 2050)),
        ("[::1]:2050", Listener("binrpc", "udp", "[::1]", 2050)),
        ("unix:/tmp/x", Listener("binrpc", "unix_stream", "/tmp/x", 0)),
        ("unixs:/tmp/x", Listener("binrpc", "unix_stream", "/tmp/x", 0)),
        ("unixd:/tmp/x", Listener("binrpc", "unix_dgram", "/tmp/x", 0)),
        ("/tmp/x", Listener("binrpc", "unix_stream", "/tmp/x", 0)),
    ],
)  # fmt: skip
def test_addresses(text: str, listener: Listener) -> None:
    assert parse_listener(text, "binrpc") == listener


def test_the_old_protocol_means_a_fifo() -> None:
    assert parse_listener("/tmp/x", "fifo") == Listener("fifo", "fifo", "/tmp/x", 0)


@pytest.mark.parametrize("text", ["udp:h:x", "udp:h:70000", "[::1", "[::1]x"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(FixupError):
        parse_listener(text, "binrpc")
    assert refused("exit;", modules="ctl", before=f'modparam("ctl", "binrpc", "{text}")')


def test_without_an_address_there_is_a_socket_in_the_runtime_directory() -> None:
    (listener,) = ctl().listeners
    assert listener.transport == "unix_stream" and listener.name.endswith("/kamailio_ctl")


def test_limits_in_bytes() -> None:
    assert (ctl().max_body, ctl().max_struct) == (32768, 8192)
    small = ctl('modparam("ctl", "binrpc_max_body_size", 0)\nmodparam("ctl", "binrpc_struct_max_body_size", -1)')
    assert (small.max_body, small.max_struct) == (4096, 1024)


def test_listeners_are_listed() -> None:
    module = ctl('modparam("ctl", "binrpc", "udp:127.0.0.1:2050")\nmodparam("ctl", "binrpc", "unix:/tmp/x")')
    answer = module.server.rpc.call("ctl.listen")
    assert answer == ["binrpc", "udp", "127.0.0.1", "2050", "binrpc", "unix_stream", "/tmp/x", ""]


def test_addresses_keep_their_order() -> None:
    names = [("binrpc", "udp:h:1"), ("fifo", "/tmp/x"), ("binrpc", "/tmp/y")]
    module = ctl("\n".join(f'modparam("ctl", "{name}", "{text}")' for name, text in names))
    assert [(found.payload, found.name) for found in module.listeners] == [
        ("binrpc", "h"),
        ("fifo", "/tmp/x"),
        ("binrpc", "/tmp/y"),
    ]


def test_only_who_is_connected_can_ask_who_is() -> None:
    module = ctl()
    with pytest.raises(RpcFault, match="only over binrpc"):
        module.server.rpc.call("ctl.who")
    module.serving = True
    with pytest.raises(RpcFault, match="no open stream"):
        module.server.rpc.call("ctl.who")
    module.connections.append(Connection(parse_listener("tcp:2050", "binrpc"), ("10.0.0.1", 5), ("10.0.0.2", 2050)))
    module.connections.append(Connection(parse_listener("/tmp/x", "binrpc")))
    assert module.server.rpc.call("ctl.connections") == [2]
    assert module.server.rpc.call("ctl.who") == [
        *("binrpc", "tcp", "10.0.0.1", "5", "10.0.0.2", "2050"),
        *("binrpc", "unix_stream", "<anonymous unix socket>", "", "/tmp/x", ""),
    ]

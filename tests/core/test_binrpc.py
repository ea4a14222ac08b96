"""The binary RPC protocol: packets, their limits, requests answered."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.core import binrpc
from kamscript.core.binrpc import BadPacket, Incomplete, Overflow
from kamscript.core.rpc import Rpc, RpcFault, Struct
from tests.core.serving import Serving

CONFIG = "listen=udp:127.0.0.1:5060\nrequest_route { exit; }"
WITH_CTL = 'loadmodule "ctl.so"\n' + CONFIG
TEXTS = st.text(st.characters(min_codepoint=1, max_codepoint=255))
NUMBERS = st.integers(-(1 << 31), (1 << 31) - 1)
NAMES = st.text("abcdefgh_", min_size=1, max_size=8)
SCALARS = NUMBERS | TEXTS


def serving(config: str = WITH_CTL) -> Serving:
    made = Serving(config)

    def add(rpc: Rpc, left: int, right: int = 1) -> int:
        return left + right

    def echo(rpc: Rpc, *texts: str) -> None:
        rpc.add(*texts)

    def table(rpc: Rpc) -> None:
        rpc.struct(name="a", number=-1, inner=Struct(x=1))

    def pairs(rpc: Rpc) -> None:
        rpc.struct().add("all", [Struct(a=1), Struct(b="2"), "c"])

    def slow(rpc: Rpc) -> None:
        rpc.delay()
        KEPT.append(rpc)

    for command in (add, echo, table, pairs, slow):
        made.server.rpc.add(command.__name__, command)
    return made


KEPT: list[Rpc] = []


def ask(method: str, *arguments: int | float | str, config: str = WITH_CTL) -> list[object]:
    server = serving(config).server
    request = binrpc.encode_request(method, arguments, cookie=0x1234)
    answer = binrpc.answer(server, request)
    assert answer.consumed == len(request) and not answer.close
    assert binrpc.decode(answer.data).cookie == 0x1234
    return binrpc.decode_reply(answer.data)


def fault(method: str, *arguments: int | float | str, config: str = WITH_CTL) -> tuple[int, str]:
    with pytest.raises(RpcFault) as caught:
        ask(method, *arguments, config=config)
    return caught.value.code, caught.value.text


# -- packets ----------------------------------------------------------------------------------------------------------
def test_a_request_as_kamcmd_sends_it() -> None:
    # magic and version, request with one byte of length and cookie, both, then a text of 9 bytes behind its size
    assert binrpc.encode_request("core.pwd", cookie=0x2A) == bytes.fromhex("a1 00 0b 2a 91 09") + b"core.pwd\0"


def test_numbers_and_structs_on_the_wire() -> None:
    assert binrpc.encode_reply([0, 5, -1]) == bytes.fromhex("a1 10 08 00 00 10 05 40 ff ff ff ff")
    assert binrpc.encode_reply([Struct(a=1)]) == bytes.fromhex("a1 10 07 00 03 25") + b"a\0" + bytes.fromhex("10 01 83")


@given(st.lists(SCALARS, max_size=5), st.integers(0, 0xFFFFFFFF))
def test_plain_values_come_back(values: list[int | str], cookie: int) -> None:
    packet = binrpc.decode(binrpc.encode_reply(values, cookie, max_body=1 << 20))
    assert (packet.kind, packet.cookie, packet.values) == (binrpc.REPLY, cookie, values)


@given(st.floats(-1e9, 1e9))
def test_doubles_have_three_decimals(value: float) -> None:
    (found,) = binrpc.decode(binrpc.encode_reply([value])).values
    assert math.isclose(found, value, abs_tol=0.001)


@given(st.dictionaries(NAMES, SCALARS, min_size=1, max_size=5))
def test_structs_come_back(members: dict[str, int | str]) -> None:
    (found,) = binrpc.decode(binrpc.encode_reply([Struct(members)], max_struct=1 << 20)).values
    assert found == Struct(members)


@given(st.binary(max_size=60))
def test_no_bytes_break_it(data: bytes) -> None:
    try:
        assert binrpc.decode(data).size <= len(data)
    except (Incomplete, BadPacket):
        pass


@given(st.binary(max_size=60))
def test_no_records_break_it(data: bytes) -> None:
    try:
        binrpc.decode(bytes((0xA1, 0, len(data), 0)) + data)
    except BadPacket:
        pass


def test_a_packet_that_has_not_come_whole() -> None:
    packet = binrpc.encode_request("core.version")
    for length in range(len(packet)):
        with pytest.raises(Incomplete):
            binrpc.decode(packet[:length])


def test_answers_have_limits() -> None:
    with pytest.raises(Overflow):
        binrpc.encode_reply(["x" * 100], max_body=100)
    with pytest.raises(Overflow):
        binrpc.encode_reply([Struct(a="x" * 100)], max_struct=100)


def test_structs_do_not_count_for_the_body() -> None:
    binrpc.encode_reply([Struct(a="x" * 50) for _ in range(10)], max_body=100, max_struct=100)


def test_the_text_of_a_fault_is_cut() -> None:
    with pytest.raises(RpcFault) as caught:
        binrpc.decode_reply(binrpc.encode_fault(500, "x" * 300))
    assert len(caught.value.text) == 255


# -- requests ---------------------------------------------------------------------------------------------------------
def test_commands_are_run() -> None:
    assert ask("add", 2, 3) == [5]
    assert ask("echo", "a", "b") == ["a", "b"]
    assert ask("table") == [Struct(name="a", number=-1, inner=Struct(x=1))]


def test_what_the_daemon_says_of_bad_requests() -> None:
    assert fault("nope") == (500, "command nope not found")
    assert fault("add", "x") == (400, "error at parameter 0: expected integer type but record doesn't match type")
    assert fault("add") == (400, "error at parameter 0: expected integer type but end of packet encountered")


def test_arguments_are_converted_when_ctl_is_told_so() -> None:
    assert fault("add", "2")[0] == 400
    assert ask("add", "2", config=f'{WITH_CTL}\nmodparam("ctl", "autoconversion", 1)') == [3]


def test_ctl_limits_the_answer() -> None:
    config = f'{WITH_CTL}\nmodparam("ctl", "binrpc_max_body_size", 1)'
    assert fault("echo", "x" * 2000, config=config) == (
        500,
        "Internal server error processing 's': buffer too small (overflow) (-2)",
    )


def test_a_stream_waits_for_the_rest_and_a_datagram_cannot() -> None:
    server = serving().server
    request = binrpc.encode_request("add", [1])
    assert binrpc.answer(server, request[:-1]) == binrpc.Answer(b"", 0)
    assert binrpc.answer(server, request[:-1], whole=True).close


def test_one_request_at_a_time() -> None:
    server = serving().server
    first, second = binrpc.encode_request("add", [1]), binrpc.encode_request("add", [5])
    answer = binrpc.answer(server, first + second)
    assert answer.consumed == len(first)
    assert binrpc.decode_reply(answer.data) == [2]


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.0\r\n\r\n", binrpc.encode_reply([1]), binrpc.encode_request("x")[:2] + b"\x02\0\x10\x05"],
)
def test_what_is_no_request_closes_the_stream(data: bytes) -> None:
    answer = binrpc.answer(serving().server, data)
    assert answer.close and answer.consumed == len(data)
    with pytest.raises(RpcFault) as caught:
        binrpc.decode_reply(answer.data)
    assert caught.value.code == 400


def test_a_delayed_answer_comes_later() -> None:
    server = serving().server
    request = binrpc.encode_request("slow", cookie=9)
    answers: list[bytes] = []
    assert binrpc.answer(server, request, later=answers.append).data == b""
    rpc = KEPT.pop()
    rpc.add("done")
    rpc.finish()
    packet = binrpc.decode(answers[0])
    assert (packet.cookie, packet.values) == (9, ["done"])
    with pytest.raises(RpcFault):
        binrpc.decode_reply(binrpc.answer(server, request).data)


@given(st.binary(max_size=80))
def test_no_bytes_break_the_server(data: bytes) -> None:
    binrpc.answer(SHARED, data, whole=True)


SHARED = serving().server


def test_an_array_of_structs_keeps_them_apart() -> None:
    """As `variables` of dlg.list: a struct without names, around structs of one member each."""
    request = binrpc.encode_request("pairs", (), cookie=1)
    body = binrpc.answer(serving().server, request).data[4:]
    assert body == b"\x03\x45all\0\x03\x03\x25a\0\x10\x01\x83\x03\x25b\0\x212\0\x83\x21c\0\x83\x83"


def test_a_text_and_a_number_are_missed_differently() -> None:
    """A command that takes numbers too says `any`."""

    def either(rpc: Rpc, value: str | int) -> None: ...

    made = serving()
    made.server.rpc.add("either", either)
    with pytest.raises(RpcFault) as caught:
        binrpc.decode_reply(binrpc.answer(made.server, binrpc.encode_request("either")).data)
    assert caught.value.text == "error at parameter 0: expected any type but end of packet encountered"
    assert fault("add")[1] == "error at parameter 0: expected integer type but end of packet encountered"

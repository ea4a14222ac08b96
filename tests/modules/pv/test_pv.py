"""The pv module; tests/differential asks Kamailio for every pseudo-variable and transformation."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamscript.core.context import Context
from kamscript.core.server import Server
from kamscript.core.sockets import Received
from kamscript.lab import Lab
from kamscript.module import FixupError, Route
from kamscript.modules.pv import Pv
from kamscript.modules.pv.later import keccak
from kamscript.script.format import accessor_of, format_of
from kamscript.sip.message import Message
from kamscript.values import Value

HEAD = 'debug=3\nloadmodule "pv.so"\n'
REPLY = (
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1\r\n"
    "Via: SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bK0\r\n"
    "From: <sip:alice@example.org>;tag=a\r\nTo: <sip:bob@example.com>;tag=b\r\nCall-ID: 1\r\nCSeq: 3 OPTIONS\r\n\r\n"
)
REQUEST = (
    "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.11:5062;branch=z9hG4bK1\r\n"
    'From: "A" <sip:alice@example.org>;tag=a\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 3 INVITE\r\n'
    "Contact: <sip:one@10.0.0.1>, <sip:two@10.0.0.2>\r\n\r\n"
)
BARE = "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n\r\n"
BARE_REPLY = "SIP/2.0 100 \r\nVia: SIP/2.0/UDP a\r\n\r\n"


def server(target: str = "5.6", more: str = "") -> Server:
    return Lab(text=f"{HEAD}{more}request_route {{ drop; }}\n", target=target).server


def context(at: Server, text: str = REQUEST) -> Context:
    socket = at.sockets[0]
    received = Received(socket.proto, "127.0.0.11", 5062, socket.host, socket.port, socket)
    return Context(at, Message(text, received), Route.REQUEST)


OLD, NEW = server(), server("6.x")


def get(text: str, at: Server = OLD, message: str = REQUEST, **variables: Value) -> Value:
    ctx = context(at, message)
    for name, value in variables.items():
        variable = accessor_of(f"$var({name})", at)
        assert variable.set is not None
        variable.set(ctx, value)
    return accessor_of(text, at).get(ctx)


def through(chain: str, value: Value, at: Server = NEW) -> Value:
    """A value behind transformations."""
    return get("$(var(x){" + chain + "})", at, x=value)


@pytest.mark.parametrize("name", sorted(Pv.pvs))
def test_every_pseudo_variable_is_documented(name: str) -> None:
    assert Pv.pvs[name].doc


@pytest.mark.parametrize("name", [name for name, decl in Pv.pvs.items() if not decl.factory])
@pytest.mark.parametrize("message", [REQUEST, REPLY, BARE, BARE_REPLY])
def test_every_plain_one_can_be_read_from_any_message(name: str, message: str) -> None:
    value = get(f"${name}", NEW, message)
    assert value is None or isinstance(value, int | str)


def test_replies_have_the_method_of_cseq() -> None:
    assert [get(text, OLD, REPLY) for text in ("$rm", "$rmid", "$ru", "$rU")] == ["OPTIONS", 512, None, None]


def test_generations() -> None:
    assert get("$ctu", NEW) == "sip:two@10.0.0.2"
    with pytest.raises(FixupError):
        get("$ctu", OLD)
    with pytest.raises(FixupError):
        get("$(ru{s.sha1})", OLD)
    with pytest.raises(FixupError):
        get("$(vn(x){val.n0})", OLD)


@pytest.mark.parametrize(
    ("transformation", "text", "value"),
    [
        ("s.sha1", "abc", hashlib.sha1(b"abc").hexdigest()),
        ("s.sha3,384", "abc", hashlib.sha3_384(b"abc").hexdigest()),
        ("s.keccak", "", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        ("s.charat,1", "abc", "b"),
        ("s.charat,3", "abc", ""),
        ("s.byteat,1", "abc", 98),
        ("s.selectsw,1", "a b\tc", "b"),
        ("s.selectsw,-1", "a b\tc", "c"),
        ("s.rmhdws", "a\r\n  b", "a b"),
        ("s.rmhlws", "a\r\n  b", "ab"),
        ("s.escape.crlf", "a\r\nb", "a\\r\\nb"),
        ("s.unescape.crlf", "a\\r\\nb", "a\r\nb"),
        ("uri.rmparam,lr", "sip:a@b;lr;x=1?h=1", "sip:a@b;x=1?h=1"),
        ("val.ne", "x", "x"),
    ],
)
def test_transformations_of_6x(transformation: str, text: str, value: Value) -> None:
    if transformation == "s.keccak":
        assert keccak(text.encode(), 256, 1).hex() == value
        return
    assert through(transformation, text) == value


def test_digits() -> None:
    assert [through(f"num.{which}", -4711) for which in ("fdigit", "ldigit")] == [4, -1]
    assert through("num.ldigit", "text") == 0


def test_a_counter() -> None:
    assert [get("$shvinc(c)", NEW) for _ in range(3)] == [1, 2, 3]
    assert get("$shv(c)", NEW) == 3


def test_special_characters() -> None:
    text = "$En$Er$Et$Es$Ec$Eq$Ek$Ei$Ej$Eb$Ev"
    assert format_of(text, NEW)(context(NEW)) == "\n\r\t ,\"':;\\`"


text = st.text(alphabet=st.characters(min_codepoint=1, max_codepoint=255), max_size=40)
PLAIN = ["len", "md5", "sha256", "rmws", "tolower", "toupper", "numeric", "trim", "ltrim", "rtrim", "unquote"]
PAIRS = ["encode.hexa", "encode.base64", "encode.base64url", "encode.base58", "escape.common", "escape.user"]


@settings(max_examples=60, deadline=None)
@given(text, st.sampled_from(PLAIN))
def test_any_text_can_be_transformed(value: str, name: str) -> None:
    found = through(f"s.{name}", value, OLD)
    assert found is None or isinstance(found, int | str)


@settings(max_examples=60, deadline=None)
@given(text.filter(bool), st.sampled_from(PAIRS))
def test_what_was_encoded_can_be_decoded(value: str, name: str) -> None:
    """`escape.common` and its kin only take what they can give back."""
    back = name.replace("encode", "decode") if "encode" in name else "un" + name
    encoded = through(f"s.{name}", value, OLD)
    if encoded is None:
        return
    assert isinstance(encoded, str)
    assert through(f"s.{back}", encoded, OLD) in (value, None) or name == "encode.base58"


@settings(max_examples=40, deadline=None)
@given(text, st.integers(-50, 50), st.integers(0, 50))
def test_substr_never_breaks(value: str, at: int, count: int) -> None:
    found = through(f"s.substr,{at},{count}", value, OLD)
    assert found is None or (isinstance(found, str) and found in value)


def test_parameters() -> None:
    lines = [("varset", "a=i:5"), ("varset", "b=s:text"), ("shvset", "c=i:7")]
    at = server(more="".join(f'modparam("pv", "{name}", "{value}")\n' for name, value in lines))
    assert [get(text, at) for text in ("$var(a)", "$var(b)", "$shv(c)")] == [5, "text", 7]


def test_rpc() -> None:
    at = server(more='modparam("pv", "shvset", "n=i:7")\n')
    at.rpc.call("pv.shvSet", ["n", "int", 8])
    assert get("$shv(n)", at) == 8
    at.rpc.call("pv.shvSet", ["n", "str", "x"])
    assert get("$shv(n)", at) == "x"
    assert at.rpc.call("pv.shvGet", ["n"])

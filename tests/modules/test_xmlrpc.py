"""Module xmlrpc. What documents come to is judged in tests/differential/cases/xmlrpc.py."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.core.rpc import RpcFault, Struct
from kamscript.lab import Lab
from kamscript.modules.xmlrpc.documents import Value, Writer, read_call
from kamscript.source import ConfigError

CONFIG = """
listen=udp:127.0.0.1:5060
listen=tcp:127.0.0.1:5060
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "xmlrpc.so"
modparam("xmlrpc", "route", "RPC")
%s
request_route { drop; }
route[RPC] { dispatch_rpc(); }
"""


def call(method: str, *params: str) -> str:
    inner = "".join(f"<param><value><string>{param}</string></value></param>" for param in params)
    return f"<methodCall><methodName>{method}</methodName><params>{inner}</params></methodCall>"


def test_an_answer_that_comes_later() -> None:
    """tm.t_uac_wait waits for the reply to the request that it sends."""
    lab = Lab(text=CONFIG % "")
    lab.phone("bob", where="10.0.0.2")
    uri = "sip:bob@10.0.0.2:5060"
    head = f"From: &lt;sip:me@x&gt;&#xD;&#xA;To: &lt;{uri}&gt;&#xD;&#xA;Contact: &lt;sip:me@x&gt;&#xD;&#xA;"
    body = call("tm.t_uac_wait", "OPTIONS", uri, ".", ".", head)
    stream = lab.connect()
    stream.send(f"POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}")
    lab.advance(1)
    answer = stream.take()
    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert "<value><int>200</int></value>" in answer


def test_a_callback_is_refused() -> None:
    with pytest.raises(ConfigError, match="no KEMI engine"):
        Lab(text=CONFIG % 'modparam("xmlrpc", "event_callback", "x")')


def test_a_bad_expression_is_refused() -> None:
    with pytest.raises(ConfigError, match="is no regular expression"):
        Lab(text=CONFIG % 'modparam("xmlrpc", "url_match", "(")')


def test_a_route_that_is_not_there_is_a_warning() -> None:
    lab = Lab(text=CONFIG.replace("route[RPC]", "route[OTHER]") % "")
    assert "there is no route[RPC]" in lab.log.lines()[0]


def test_values() -> None:
    writer = Writer(escape_cr=True)
    values = [1, 2**32, -(2**31) - 1, 1.5, "a<b&\r", None, Struct({"x": [Struct({"y": 1})]})]
    assert writer.answer(values, is_array=False).partition("<value>")[2].removesuffix(
        "</value>\n</param>\n</params>\n</methodResponse>"
    ).split("\n", 6) == [
        "<int>1</int>",
        "<double>4294967296</double>",
        "<double>-2147483649</double>",
        "<double>1.500000</double>",
        "<string>a&lt;b&amp;&#xD;</string>",
        "&lt;nil/>",
        "<struct><member><name>x</name><value><array><data>\n<value><struct><member><name>y</name><value><int>1</int>"
        "</value></member></struct></value></data></array></value></member></struct>\n",
    ]


@given(st.text(st.characters(max_codepoint=255)))
def test_any_text_is_a_call_or_a_fault(text: str) -> None:
    with contextlib.suppress(RpcFault):
        read_call(text)
    with contextlib.suppress(RpcFault):
        read_call(f"<methodCall><methodName>{text}</methodName><params><param><value>{text}</value></param></params>")


@given(
    st.sampled_from([None, "", "string", "int", "i4", "boolean", "double", "dateTime.iso8601"]),
    st.text(st.characters(max_codepoint=255)) | st.integers().map(str) | st.floats().map(str),
    st.sampled_from(["int", "float", "str", "any"]),
    st.booleans(),
)
def test_any_value_has_the_type_that_is_wanted(kind: str | None, text: str, wanted: str, anything: bool) -> None:
    with contextlib.suppress(RpcFault):
        value = Value(kind, text).convert(wanted, anything=anything)
        assert wanted == "any" or isinstance(value, {"int": int, "float": float, "str": str}[wanted])

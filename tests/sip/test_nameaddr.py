"""From, To, Route and Record-Route values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.sip.errors import SipError
from kamscript.sip.nameaddr import find_not_quoted, parse_addresses, parse_from, parse_routes, parse_to


@pytest.mark.parametrize(
    ("value", "display", "uri", "tag"),
    [
        ("<sip:a@b>", "", "sip:a@b", ""),
        ('"Alice \\" A" <sip:a@b>;tag=1', '"Alice \\" A"', "sip:a@b", "1"),
        ("Alice A. <sip:a@b>;x;tag=1;y=z", "Alice A.", "sip:a@b", "1"),
        ("sip:a@b;tag=1", "", "sip:a@b", "1"),
        ("sip:a@b", "", "sip:a@b", ""),
        ("Al,ice <sip:a@b>", "Al,ice", "sip:a@b", ""),
        ("< sip:a@b >  ; tag = 1", "", "sip:a@b", "1"),
        ('<sip:a@b>;tag="q d"', "", "sip:a@b", "q d"),
        ("<sip:a@b>;tag=1,2", "", "sip:a@b", "1,2"),
        ("<sip:a@b>\r\n ;tag=1", "", "sip:a@b", "1"),
        ("<sip:a@b;lr>;TAG=1;tag=2", "", "sip:a@b;lr", "2"),
        ("<sip:a@b>;tag", "", "sip:a@b", ""),
    ],
)
def test_to(value: str, display: str, uri: str, tag: str) -> None:
    body = parse_to(value)
    assert (body.display, body.uri, body.tag) == (display, uri, tag)
    if tag:
        assert value[body.tag_start : body.tag_end] == tag
    assert value[body.uri_start :].startswith(uri)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "<>",
        "<sip:a",
        "sip:a>",
        '"a <sip:a@b>',
        "<sip:a@b>;",
        "<sip:a@b>;;x",
        "<sip:a@b>;=1",
        "<sip:a@b>;tag=a=b",
        "a b",
        "<sip:a@b> x",
        '"a" "b" <sip:a@b>',
        "a;b <sip:a@b>",
        '<sip:a@b>;x="\\""',
        "<sip:a@b>;x=1,2",
        "<sip:a b c>",
    ],
)
def test_to_refused(value: str) -> None:
    with pytest.raises(SipError):
        parse_to(value)


def test_display_name_without_quotes() -> None:
    assert parse_to('"A \\"B\\"" <sip:a@b>').name == 'A "B"'


def test_parameters_by_name_last_wins() -> None:
    body = parse_to("<sip:a@b>;x=1;X=2;y")
    assert (body.param("x"), body.param("y"), body.param("z")) == ("2", "", None)


def test_from_ends_at_a_bare_line_end() -> None:
    assert parse_from("<sip:a@b>;tag=1\rX: y").tag == "1"
    with pytest.raises(SipError):
        parse_to("<sip:a@b>;tag=1\rX: y")


def test_list_of_addresses() -> None:
    found = parse_addresses('"A, B" <sip:a@b>;x, tel:+1, <sip:c@d>')
    assert [body.uri for body in found] == ["sip:a@b", "tel:+1", "sip:c@d"]


def test_routes() -> None:
    value = '<sip:p1;lr>, "P, 2" <sip:p2;lr=on;ftag=x>;r2=on , <sip:p3>'
    first, second, third = parse_routes(value)
    assert (first.uri, second.uri, third.uri) == ("sip:p1;lr", "sip:p2;lr=on;ftag=x", "sip:p3")
    assert second.display == '"P, 2"'
    assert second.param("r2") == "on"
    assert value[second.start : second.end] == '"P, 2" <sip:p2;lr=on;ftag=x>;r2=on'
    assert first.parsed_uri.lr == ""


@given(st.text("<>;,=sip:p", max_size=12))
def test_a_route_alone_is_read_as_one_with_a_blank_in_front(text: str) -> None:
    def read(value: str) -> list[tuple[str, str, int, int]] | None:
        try:
            return [(entry.display, entry.uri, entry.addr_end, entry.end) for entry in parse_routes(value)]
        except SipError:
            return None

    behind = read(f" <{text}>")
    assert read(f"<{text}>") == (behind and [(shown, uri, addr - 1, end - 1) for shown, uri, addr, end in behind])


@pytest.mark.parametrize(
    "value", ["", "sip:p1;lr", "<sip:p1", "<sip:p1>,", "<sip:p1> <sip:p2>", "<sip:p1>;", '"a<sip:p1>']
)
def test_routes_refused(value: str) -> None:
    with pytest.raises(SipError):
        parse_routes(value)


def test_search_outside_quotes() -> None:
    assert find_not_quoted('"<" \\"<', "<") == -1
    assert find_not_quoted('"a\\"<" <', "<") == 7
    assert find_not_quoted("a<", "<") == 1


@given(st.text('<>";,=\\ \r\n\0sip:ab@tag', max_size=20))
def test_nothing_but_sip_error(text: str) -> None:
    for parse in (parse_to, parse_from, parse_routes, parse_addresses):
        try:
            parse(text)
        except SipError:
            pass


def test_every_truncation_is_read_or_refused() -> None:
    value = '"A \\" B" <sip:a@b;lr>;tag="x";y=1, Bob <sip:b@c>;z'
    for end in range(len(value)):
        test_nothing_but_sip_error.hypothesis.inner_test(value[:end])  # type: ignore[attr-defined]

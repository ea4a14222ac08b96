"""textopsx: changes applied, replies restated, values of headers, iterators, selects, shell patterns."""

from __future__ import annotations

import pytest

from .script import INVITE, OPTIONS, changed, refused, results, said, value

LISTS = OPTIONS.replace(
    "Content-Length",
    "Supported: path, 100rel ,timer\nk: gruu\n"
    'X-List: a\nX-List: b , c,"d,e" ,f\nX-P: <sip:x;p=5>;p = 6\nContent-Length',
)


def after(call: str) -> str:
    return changed(call, LISTS, modules="textopsx")


# -- whole messages ---------------------------------------------------------------------------------------------------
def test_changes_become_the_message() -> None:
    route = r'append_hf("X-New: 1\r\n"); xlog("$hdr(X-New)\n"); msg_apply_changes(); xlog("$hdr(X-New)\n");'
    assert said(route, modules="textops textopsx") == ["<null>", "1"]


def test_a_text_that_is_no_message_ends_the_script() -> None:
    route = 'msg_set_buffer("nothing"); xlog("not reached\\n");'
    assert said(route, modules="textopsx") == []


def test_an_empty_text_changes_nothing() -> None:
    assert results('msg_set_buffer("")', modules="textopsx") == [-1]


def test_another_message_takes_its_place() -> None:
    other = OPTIONS.replace("\n", "\\r\\n")
    assert value("$rm", first=f'msg_set_buffer("{other}");', modules="textopsx") == "OPTIONS"


def test_only_named_headers_stay() -> None:
    kept = changed('keep_hf("^subject$")', modules="textops textopsx")
    assert "Subject: hello world" in kept and "X-One" not in kept and "Via:" in kept


# -- values of headers ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "line"),
    [
        ('append_hf_value("X-List", "z")', "X-List: z"),
        ('append_hf_value("X-List[1]", "z")', "X-List: a,z"),
        ('insert_hf_value("X-List[2]", "z")', 'X-List: z,b , c,"d,e" ,f'),
        ('insert_hf_value("X-New", "z")', "X-New: z"),
        ('assign_hf_value("X-List[2]", "z")', 'X-List: z, c,"d,e" ,f'),
        ('remove_hf_value("X-List[3]")', 'X-List: b ,"d,e" ,f'),
        ('include_hf_value("Supported", "outbound")', "Supported: path, 100rel ,timer,outbound"),
        ('exclude_hf_value("Supported", "100rel")', "Supported: path,timer"),
        ('assign_hf_value("X-P.p", "9")', "X-P: <sip:x;p=5>;p=9"),
    ],
)  # fmt: skip
def test_a_value_is_changed_in_its_place(call: str, line: str) -> None:
    assert line.replace(" ", "") in after(call).replace(" ", "")


def test_whether_a_value_is_there() -> None:
    calls = [
        'hf_value_exists("Supported", "PATH")',
        'hf_value_exists("Supported", "gruu")',
        'hf_value_exists("Supported", "x")',
    ]
    assert results(*calls, message=LISTS, modules="textopsx") == [1, 1, -1]


@pytest.mark.parametrize(
    ("select", "text"),
    [
        ("@hf_value.x_list", 'a,b,c,"d,e",f'),
        ("@hf_value.x_list[2]", "b"),
        ("@hf_value.x_list[-1]", "f"),
        ("@hf_value.x_list[9]", ""),
        ("@hf_value.x_p.uri", "sip:x;p=5"),
        ("@hf_value.x_p[1].param.p", "6"),
        ("@hf_value.from[1].uri.user", "alice"),
        ("@hf_value.from.nameaddr.uri", "sip:alice@example.org"),
        ("@hf_value.from.tag", "<sip:alice@example.org>;tag=a1"),
        ("@hf_value2.x_list[2]", 'b , c,"d,e" ,f'),
        ("@hf_value_exists.supported.path", "1"),
        ("@hf_value_exists.supported.none", "0"),
    ],
)  # fmt: skip
def test_selects_read_values(select: str, text: str) -> None:
    assert said(f'$var(x) = {select}; xlog("$var(x)\\n");', LISTS, modules="textopsx") == [text]


def test_a_path_must_name_a_header() -> None:
    assert "[fix-up]" in refused('append_hf_value("a b", "x");', modules="textopsx")


# -- iterators --------------------------------------------------------------------------------------------------------
def test_an_iterator_walks_the_headers() -> None:
    route = r"""
    hf_iterator_start("i");
    while (hf_iterator_next("i")) {
        if ($hfitname(i) == "X-List") xlog("$hfitbody(i)\n");
    }
    hf_iterator_end("i");"""
    assert said(route, LISTS, modules="textopsx") == ["a", 'b , c,"d,e" ,f']


def test_an_iterator_changes_the_header_it_stands_on() -> None:
    route = (
        """hf_iterator_start("i"); hf_iterator_next("i"); hf_iterator_append("i", "X: 1\\r\\n"); hf_iterator_end("i")"""
    )
    assert "z9hG4bK-2\nX: 1\nFrom" in changed(route, OPTIONS, modules="textopsx")


def test_an_iterator_walks_the_lines_of_the_body() -> None:
    route = r"""
    bl_iterator_start("b");
    while (bl_iterator_next("b")) { if ($(blitval(b){s.substr,0,2}) == "m=") bl_iterator_insert("b", "b=AS:1\r\n"); }
    bl_iterator_end("b");"""
    assert "b=AS:1\nm=audio" in changed(route, INVITE, modules="textopsx")


def test_there_is_room_for_four_iterators() -> None:
    calls = [f'hf_iterator_start("{name}")' for name in "abcde"]
    assert results(*calls, modules="textopsx") == [1, 1, 1, 1, -1]


# -- patterns ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "pattern", "outcome"),
    [
        ("alice", "a*", 1),
        ("alice", "A*", -1),
        ("a.b", "a?b", 1),
        ("alice", "[a-c]l[!x]ce", 1),
        ("a/b", "a*b", 1),
        ("a5", "a[[:digit:]]", 1),
        ("a*", r"a\\*", 1),
        ("alice", "", -1),
    ],
)  # fmt: skip
def test_shell_patterns(text: str, pattern: str, outcome: int) -> None:
    assert results(f'fnmatch("{text}", "{pattern}")', modules="textopsx") == [outcome]


# -- replies ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "line"),
    [
        ('change_reply_status("603", "No")', "SIP/2.0 603 No"),
        ('change_reply_status_code("500")', "SIP/2.0 500 Not Found"),
        ('change_reply_status("200", "Fine")', "SIP/2.0 404 Not Found"),
        ('change_reply_status("603", "")', "SIP/2.0 404 Not Found"),
    ],
)  # fmt: skip
def test_failures_change_their_status(call: str, line: str) -> None:
    from .script import serve

    serving = serve(
        '$du = "sip:127.0.0.12:5060"; forward();', modules="textopsx", rest=f'reply_route {{ {call}; xlog("passed"); }}'
    )
    (request,) = serving.send(OPTIONS)
    vias = "\n".join(line for line in request.text.split("\r\n") if line.startswith("Via"))
    reply = f"SIP/2.0 404 Not Found\n{vias}\n" + OPTIONS.partition("z9hG4bK-2\n")[2]
    (relayed,) = serving.send(reply, ("127.0.0.12", 5060))
    assert relayed.text.startswith(line + "\r\n")

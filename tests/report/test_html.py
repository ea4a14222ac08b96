"""Ladders as pages."""

import re
from html.parser import HTMLParser

from kamscript.report import Exchange
from kamscript.report.html import Entry, html, index, sip
from kamscript.report.story import tell
from tests.report.messages import INVITE, short_call

VOID = frozenset({"meta", "input", "br", "link", "img"})
DRAWN = frozenset({"line", "path"})


class Page(HTMLParser):
    """Checks that every element is closed, and collects what the tests look at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in DRAWN, tag
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def rows(self) -> list[str]:
        return [attributes["class"] or "" for tag, attributes in self.tags if tag == "details"]


def page() -> str:
    return html([short_call()], title="tests/test_a.py::test_busy", result="failed", failure="assert 486 == 200")


def test_every_message_unfolds_and_shows_what_became_of_it() -> None:
    assert Page(page()).rows() == [
        "row request",
        "row request",
        "row moment",
        "row request again",
        "row provisional lost",
        "row failure-reply",
        "row request",
    ]


def test_the_page_needs_nothing_else() -> None:
    text = page()
    assert not re.search(r"""(?:src|href)=|@import|url\(|https?://""", text)
    assert "default-src 'none'" in text


def test_the_result_and_the_failure_stand_on_top() -> None:
    texts = Page(page()).texts
    assert texts.index("assert 486 == 200") < texts.index("alice")
    assert "failed" in texts


def test_a_page_can_be_filtered_by_call_id() -> None:
    tags = Page(page()).tags
    assert [attributes["value"] for tag, attributes in tags if tag == "option"] == ["", "1", "2"]
    assert [attributes["data-call"] for tag, attributes in tags if tag == "details"] == ["1", "1", "", *"1112"]


def test_log_and_trace_stand_beside_the_message() -> None:
    first = page().partition("</details>")[0]
    assert "INFO: &lt;script&gt;: to bob" in first
    assert '<td class="no">7</td>' in first
    assert '<span class="changed">$rU: "0" -&gt; "bob"</span>' in first


def test_headers_are_marked() -> None:
    shown = sip("INVITE sip:bob@x SIP/2.0\r\nFrom: <sip:a@x>;tag=1\r\n\r\nv=0")
    assert shown == (
        '<span class="first">INVITE <span class="uri">sip:bob@x</span> SIP/2.0</span>\n'
        '<span class="hn">From</span>: &lt;<span class="uri">sip:a@x</span>&gt;<span class="par">;tag=1</span>\n'
        '\n<span class="body">v=0</span>'
    )


def test_nothing_from_a_message_becomes_part_of_the_page() -> None:
    evil = INVITE.replace("INVITE", "<script>alert(1)</script>").replace("Call-ID: 1", 'Call-ID: "><img src=x>')
    text = html([tell("</title><script>", [Exchange(0.0, "<b>", '"', evil)], {})])
    tags = [tag for tag, _ in Page(text).tags]
    assert (tags.count("script"), tags.count("img"), tags.count("b")) == (1, 0, 0)


def test_bytes_are_read_as_utf_8() -> None:
    assert "Grüße" in sip(f"MESSAGE sip:b SIP/2.0\r\nSubject: {'Grüße'.encode().decode('latin-1')}\r\n\r\n")


def test_a_test_without_messages() -> None:
    assert "No messages." in html([tell("nothing", [], {})])


def test_the_index_links_every_test_failed_ones_first() -> None:
    entries = [Entry("a::x", "a-x.html", "passed", 3, 0.002), Entry("b::<y>", "b-y.html", "failed", 5, 0.1)]
    found = Page(index(entries))
    assert [attributes["href"] for tag, attributes in found.tags if tag == "a"] == ["b-y.html", "a-x.html"]
    assert {"b::<y>", "1 failed, 1 passed", "2.0 ms"} <= set(found.texts)

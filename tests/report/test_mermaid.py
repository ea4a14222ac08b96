"""Mermaid sequence diagrams."""

from kamscript.report.mermaid import escaped, mermaid
from kamscript.report.story import tell
from tests.report.messages import short_call


def test_a_call() -> None:
    assert mermaid(short_call()) == (
        "sequenceDiagram\n"
        "    participant p0 as alice<br/>10.0.0.1:5060\n"
        "    participant p1 as kamailio<br/>127.0.0.1:5060\n"
        "    participant p2 as bob<br/>10.0.0.2:5060\n"
        "    p0->>p1: INVITE sip:bob@example.com\n"
        "    p1->>p2: INVITE sip:bob@example.com\n"
        "    Note over p0,p2: 0.500 s\n"
        "    p1->>p2: INVITE sip:bob@example.com (again)\n"
        "    p2--xp1: 180 Ringing (lost)\n"
        "    Note over p0,p2: 1.250 s\n"
        "    p2-->>p1: 486 Busy#59; #60;b#62;#38;amp#59;#60;/b#62; (INVITE)\n"
        "    Note over p0,p2: 2.000 s\n"
        "    p0->>p1: OPTIONS sip:kamailio\n"
    )


def test_nothing_in_a_text_means_anything_to_mermaid() -> None:
    assert escaped('#a;\n"%%{}') == "#35;a#59; #34;#37;#37;#123;#125;"


def test_no_messages() -> None:
    assert mermaid(tell("nothing", [], {})) == "sequenceDiagram\n"

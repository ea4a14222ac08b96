"""Which texts Kamailio 5.6 takes for an IP address, and how it shows one: seen in tables of module permissions."""

from __future__ import annotations

import pytest

from kamscript.modules._ip_text import packed, shown


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("010.0.0.01", "10.0.0.1"),
        ("10.256.0.1", "10.0.0.1"),
        ("...", "0.0.0.0"),
        ("10.0.0", None),
        ("10.0.0.0.1", None),
        ("1.2.3.4x", None),
        ("", None),
        ("[1.2.3.4]", None),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1", None),
        ("::", "::"),
        ("::ffff:1.2.3.4", None),
        ("::ffff:102:304", "::ffff:1.2.3.4"),
        ("::102:304", "::1.2.3.4"),
        ("::304", "::304"),
        ("12345::1", "2345::1"),
        ("1::2:", "1::2"),
        ("1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", None),
        ("1:::2", None),
        ("1::2::3", None),
        ("1:2:3", None),
        ("g::1", None),
        ("example.com", None),
    ],
)
def test_texts(text: str, is_shown: str | None) -> None:
    address = packed(text)
    assert (None if address is None else shown(address)) == is_shown

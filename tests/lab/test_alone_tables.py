"""Tables of rows for one route."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kamscript.lab import Lab, rows

CONFIG = """
listen=udp:127.0.0.1:5060
alias="example.com"
flags FLT_VIP:3
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "xlog.so"
loadmodule "textops.so"
request_route { exit; }
route[DIALPLAN] {
    if ($rU =~ "^00") {
        $rU = "+" + $(rU{s.substr,2,0});
        $du = "sip:10.0.0.1";
        append_hf("X-Zone: world\\r\\n");
        return 1;
    }
    if (isflagset(FLT_VIP)) {
        $du = "sip:10.0.0." + $var(gateway);
        return 2;
    }
    if ($si == "10.1.0.1") xlog("from inside\\n");
    sl_send_reply("404", "Not Found");
    exit;
}
"""


@pytest.fixture
def lab() -> Lab:
    return Lab(text=CONFIG)


def test_a_table_as_a_text(lab: Lab) -> None:
    runs = lab.table(
        "DIALPLAN",
        """
        user    | source   | flags   | $var(gateway) || $ru                     | $du          | code | reply
        # abroad
        00491   |          |         |               || sip:+491@example.com    | sip:10.0.0.1 | 1    |
        bob     | 10.1.0.1 |         |               ||                         | null         |      | 404
        carl    |          | FLT_VIP | 9             ||                         | sip:10.0.0.9 | 2    | ""
        """,
    )
    assert len(runs) == 3


def test_all_wrong_rows_are_shown_at_once(lab: Lab) -> None:
    with pytest.raises(AssertionError) as caught:
        lab.table(
            "DIALPLAN",
            """
            user   || $ru                  | reply
            00491  || sip:+491@example.com |
            00492  || sip:+44@example.com  |
            bob    ||                      | 403 Forbidden
            """,
        )
    assert str(caught.value) == (
        "2 of 3 rows of DIALPLAN are wrong (found != expected):\n"
        "  row  user   ||  $ru                                          reply\n"
        "  2    00492  ||  sip:+492@example.com != sip:+44@example.com\n"
        "  3    bob    ||                                               404 Not Found != 403 Forbidden"
    )


def test_rows_from_python(lab: Lab) -> None:
    lab.table(
        "DIALPLAN",
        "user, source || code, $du, reply, exited, log",
        [
            ("00491", None, 1, "sip:10.0.0.1", "", False, ""),
            ("bob", "10.1.0.1", 1, None, "404 Not Found", True, "from inside"),
        ],
    )


def test_rows_as_mappings(lab: Lab) -> None:
    lab.table("DIALPLAN", [{"user": "00491", "-> header X-Zone": "world", "-> text": "X-Zone"}])


def test_rows_from_a_csv_file(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "dialplan.csv"
    path.write_text("user,source,||,$ru,reply\n00491,,,sip:+491@example.com,\nbob,,,,404\n")
    assert [run.replies for run in lab.table("DIALPLAN", path)] == [[], ["404 Not Found"]]


def test_options_hold_for_all_rows(lab: Lab) -> None:
    lab.table("DIALPLAN", "user || log", [("bob", "from inside")], source="10.1.0.1")


ROWS = rows("user || code\n00491 || 1\n00492 || 1\n")


@pytest.mark.parametrize("row", ROWS)
def test_rows_are_parameters(lab: Lab, row: Any) -> None:
    row.check(lab, "DIALPLAN")


def test_rows_name_themselves() -> None:
    assert [row.__name__ for row in ROWS] == ["00491", "00492"]


def test_quotes_keep_a_cell_as_it_is(lab: Lab) -> None:
    (row,) = rows('user || $var(a) | $var(b) | $ru\nbob || "5" | 5 | "a | b || c"\n')
    assert row.wanted == {"$var(a)": "5", "$var(b)": 5, "$ru": "a | b || c"}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("user | code\nbob | 1\n", "names no expected column"),
        ("usr || code\nbob || 1\n", "'usr' is no input column"),
        ("user || cod\nbob || 1\n", "'cod' is no expected column"),
        ("user || code\nbob | 1\n", r"line 2 of the table has no \|\|"),
        ("user || code\nbob || 1 | 2\n", "more cells than there are columns"),
        ("", "the table is empty"),
        ([("bob", 1)], "is no mapping"),
        (Path("/nowhere.csv"), "cannot read /nowhere.csv: No such file or directory"),
    ],
)
def test_what_is_no_table_is_told(table: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        rows(table)


def test_a_row_with_too_few_values_is_told(lab: Lab) -> None:
    with pytest.raises(ValueError, match="row 1 has 1 values for 2 columns"):
        lab.table("DIALPLAN", "user || code", [("bob",)])


def test_a_bad_row_names_its_line(lab: Lab) -> None:
    with pytest.raises(ValueError, match=r"row 1 \(line 2\): no flag is called NOPE"):
        lab.table("DIALPLAN", "user | flags || code\nbob | NOPE || 1\n")

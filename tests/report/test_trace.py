"""Route traces as text."""

from kamscript.report.trace import Run, Step, render, shown


def test_a_run() -> None:
    run = Run(
        0.5,
        "request_route",
        "OPTIONS sip:0123@example.com SIP/2.0\r\n\r\n",
        [
            Step("a.cfg", 8, 'if ($rU =~ "^0")', "request_route", {"$rU": "0123"}, way="true", indent=4),
            Step("a.cfg", 9, '$rU = "+" + $rU;', "request_route", {"$rU": "0123"}, {"$rU": "+0123"}, indent=8),
            Step("a.cfg", 10, "route(OUT);", "request_route", indent=8),
            Step("a.cfg", 110, 'xlog("a",\n     "$null");', "route[OUT]", {"$avp(x)": None, "$var(y)": 1}, indent=4),
        ],
    )
    assert render([run]) == (
        "request_route: OPTIONS sip:0123@example.com (0.500)\n"
        "a.cfg\n"
        '    8  if ($rU =~ "^0")      # $rU: "0123"  => true\n'
        '    9      $rU = "+" + $rU;  # $rU: "0123" -> "+0123"\n'
        "   10      route(OUT);\n"
        "route[OUT]\n"
        '  110  xlog("a",             # $avp(x): $null  $var(y): 1\n'
        '            "$null");\n'
    )


def test_values_are_shown_as_a_config_writes_them() -> None:
    assert [shown(value) for value in (None, 7, 'a"b\r\n')] == ["$null", "7", '"a\\"b\\r\\n"']
    assert len(shown("x" * 500)) == 62


def test_no_route_ran() -> None:
    assert render([]) == "(no route ran)\n"

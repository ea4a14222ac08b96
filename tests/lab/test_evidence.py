"""What is kept of tests: pages, pictures, traces."""

from pathlib import Path

import pytest

from kamscript.cli import main
from kamscript.lab import Lab
from kamscript.lab.evidence import page_name

pytest_plugins = ["pytester"]

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "registrar" / "kamailio.cfg")
TESTS = """
    import pytest

    @pytest.mark.parametrize("user", ["bob", "a/b c"])
    def test_reply(lab, user):
        sip = lab("kamailio.cfg")
        assert sip.send(sip.request("OPTIONS", user))[0].startswith("SIP/2.0 200")

    def test_nothing(lab):
        pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".cfg", kamailio='loadmodule "sl.so"\nrequest_route {\n    sl_send_reply("404", "Nobody");\n}\n')
    pytester.makepyfile(test_it=TESTS)
    return pytester


def test_kam_ladder_keeps_a_page_for_every_test_that_used_a_lab(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--kam-ladder=out")
    result.assert_outcomes(failed=2, passed=1)
    names = {path.name for path in (project.path / "out").iterdir()}
    assert names == {"index.html", f"{page_name('test_it.py::test_reply[bob]')}.html",
                     f"{page_name('test_it.py::test_reply[a/b c]')}.html"}  # fmt: skip
    result.stdout.fnmatch_lines(["ladder of test_it.py::test_reply?bob?: out/test_it.py-test_reply_bob-*.html"])
    result.stdout.fnmatch_lines(["ladders of 2 tests: out/index.html"])


def test_a_page_tells_of_the_test(project: pytest.Pytester) -> None:
    project.runpytest_inprocess("--kam-ladder=out", "--kam-trace", "-k", "bob")
    text = (project.path / "out" / f"{page_name('test_it.py::test_reply[bob]')}.html").read_text()
    assert '<span class="badge failed">failed</span>' in text
    assert "404 Nobody" in text
    assert '<td class="no">3</td>' in text


def test_workers_write_pages_and_the_controller_the_index(project: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    result = project.runpytest_subprocess("--kam-ladder=out", "-n", "1")
    result.stdout.fnmatch_lines(["ladders of 2 tests: out/index.html"])
    assert (project.path / "out" / "index.html").read_text().count("<tr data-result=") == 2


def test_a_folder_that_cannot_be_made_is_said_so(project: pytest.Pytester) -> None:
    (project.path / "file").write_text("")
    result = project.runpytest_inprocess("--kam-ladder=file")
    result.stderr.fnmatch_lines(["ERROR: --kam-ladder=file: no folder can be made there: *"])


def test_kam_trace_shows_the_routes_of_a_failure(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--kam-trace", "-k", "bob")
    result.stdout.fnmatch_lines(
        [
            "*- route trace -*",
            "request_route: OPTIONS sip:bob@*",
            "kamailio.cfg",
            '  3  sl_send_reply("404", "Nobody");',
        ]
    )
    assert Lab.always_traced is False


def test_ladders_of_failures_have_colours_on_a_terminal(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--color=yes", "-k", "bob")
    assert "\x1b[31m─────" in result.stdout.str()


def test_names_of_pages_differ_where_ids_differ() -> None:
    ids = [
        "a.py::t",
        "a.py::t[x]",
        "a.py::t[x/]",
        "a.py::t[x ]",
        "b/a.py::t",
        *("a.py::" + "t" * n for n in (300, 301)),
    ]
    names = [page_name(one) for one in ids]
    assert len(set(names)) == len(ids)
    assert all(len(name) < 140 and "/" not in name for name in names)


# --- one lab ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def lab() -> Lab:
    made = Lab(text='loadmodule "sl.so"\nrequest_route {\n    sl_send_reply("404", "Nobody");\n}\n')
    made.send(made.request("OPTIONS", "bob"))
    return made


@pytest.mark.parametrize(
    ("name", "begins"),
    [("x.html", "<!DOCTYPE html>"), ("x.svg", "<svg "), ("x.mmd", "sequenceDiagram\n"), ("x.md", "```mermaid\n"),
     ("deep/x.txt", "  kamailio ")],
)  # fmt: skip
def test_a_lab_saves_its_ladder_as_the_name_says(lab: Lab, tmp_path: Path, name: str, begins: str) -> None:
    written = lab.save(tmp_path / name)
    assert written.read_text(encoding="utf-8").startswith(begins)


def test_another_kind_of_file_is_refused_with_those_there_are(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^x\.png: a ladder is written as \.html \(a page\), \.svg"):
        lab.save(tmp_path / "x.png")


def test_log_lines_stand_beside_the_message_that_caused_them() -> None:
    lab = Lab(text='loadmodule "pv.so"\nloadmodule "xlog.so"\nrequest_route { xlog("hello $rU\\n"); }\n')
    for user in ("a", "b"):
        lab.send(lab.request("OPTIONS", user))
    from kamscript.lab.story import story_of

    assert [[line.text for line in message.log] for message in story_of(lab).messages] == [
        ["ERROR: <script>: hello a"],
        ["ERROR: <script>: hello b"],
    ]


# --- kamscript call ---------------------------------------------------------------------------------------------------
def test_call_writes_a_page_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, picture = tmp_path / "call.html", tmp_path / "call.svg"
    assert main(["call", EXAMPLE, "--html", str(page), "--svg", str(picture)]) == 0
    assert "route[TO_USER]" in page.read_text()
    assert picture.read_text().startswith("<svg ")
    assert f"written: {page}\nwritten: {picture}\n" in capsys.readouterr().out


def test_call_draws_mermaid(capsys: pytest.CaptureFixture[str]) -> None:
    main(["call", EXAMPLE, "--mermaid"])
    assert "p0->>p1: INVITE sip:bob@example.com\n" in capsys.readouterr().out


def test_call_follows_the_routes(capsys: pytest.CaptureFixture[str]) -> None:
    main(["call", EXAMPLE, "--trace"])
    assert 'if (!lookup("location"))' in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", EXAMPLE, "--html", str(tmp_path / "no" / "x.html")]) == 2
    assert "x.html cannot be written: No such file or directory" in capsys.readouterr().err

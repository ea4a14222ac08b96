"""Coverage of configs: what coverage.py writes of a small project, in every format and with every core it has."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest_plugins = ["pytester"]

PROJECT = Path(__file__).parent / "coverage_project"

#: Lines of kamailio.cfg that the three calls of the project run, and those that they could run but do not.
RUN = {7, 8, 9, 11, 12, 14, 16, 21, 25, 26, 27, 28, 30, 31, 34, 35, 36, 37, 38, 39, 40, 41, 45, 46, 47, 48, 49, 50, 51}
MISSED = {10, 43, 59, 60, 61, 63}
EXCLUDED = {55, 56}
#: Ways on from a line that none of them takes.
UNTAKEN = {(9, 10), (39, 43), (48, 50), (49, 50), (60, 61), (60, 63)}

CORES = ["ctrace", "pytrace", *(["sysmon"] if sys.version_info >= (3, 12) else [])]


@cache
def _measured(root: Path, core: str, mode: str) -> Path:
    folder = root / f"{core}-{mode}"
    shutil.copytree(PROJECT, folder)
    subprocess.run([sys.executable, "measure.py", core, mode], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    root = tmp_path_factory.mktemp("coverage")
    return lambda core, mode: _measured(root, core, mode)


@pytest.fixture
def reports(measured: Callable[[str, str], Path]) -> Path:
    return measured("ctrace", "branches")


def lcov(folder: Path, name: str = "kamailio.cfg") -> list[str]:
    """The lines of one file in an LCOV report."""
    text = (folder / "coverage.lcov").read_text()
    return text.partition(f"SF:{name}\n")[2].partition("end_of_record")[0].splitlines()


def lcov_lines(folder: Path, hits: int) -> set[int]:
    found = (re.fullmatch(r"DA:(\d+),(\d)", line) for line in lcov(folder))
    return {int(match[1]) for match in found if match and int(match[2]) == hits}


@pytest.mark.parametrize("core", CORES)
def test_every_core_counts_the_same_lines(measured: Callable[[str, str], Path], core: str) -> None:
    folder = measured(core, "lines")
    assert (lcov_lines(folder, 1), lcov_lines(folder, 0)) == (RUN, MISSED)


@pytest.mark.parametrize("core", [core for core in CORES if core != "sysmon"])  # before 3.14 it has no branches
def test_every_core_sees_the_same_branches(measured: Callable[[str, str], Path], core: str) -> None:
    found = (re.match(r"BRDA:(\d+),0,.*go on to line (\d+),[0-]$", line) for line in lcov(measured(core, "branches")))
    assert {(int(match[1]), int(match[2])) for match in found if match} == UNTAKEN


def test_text(reports: Path) -> None:
    assert (reports / "report.txt").read_text().splitlines() == [
        "Name           Stmts   Miss Branch BrPart  Cover   Missing",
        "----------------------------------------------------------",
        "kamailio.cfg      35      6     18      4    77%   10, 43, 48->50, 49->50, 59-63",
        "part.inc           3      1      2      1    60%   2",
        "unused.cfg         2      2      0      0     0%   1-2",
        "----------------------------------------------------------",
        "TOTAL             40      9     20      5    73%",
    ]


def test_lcov(reports: Path) -> None:
    assert (lcov_lines(reports, 1), lcov_lines(reports, 0)) == (RUN, MISSED)


def test_lcov_says_which_routes_ran(reports: Path) -> None:
    assert [line for line in lcov(reports) if line.startswith("FNDA")] == [
        "FNDA:1,request_route",
        "FNDA:1,route[LIMITS]",
        "FNDA:1,route[GATEWAY]",
        "FNDA:0,route[FORGOTTEN]",
    ]


def test_lcov_says_what_a_branch_means(reports: Path) -> None:
    assert [line for line in lcov(reports) if line.startswith(("BRDA:9,", "BRDA:48,"))] == [
        "BRDA:9,0,the condition is true, go on to line 10,0",
        "BRDA:9,0,the condition is false, go on to line 11,1",
        "BRDA:48,0,the case does not fit, go on to line 49,1",
        "BRDA:48,0,the case fits, go on to line 50,0",
    ]


def test_xml(reports: Path) -> None:
    tree = ElementTree.parse(reports / "coverage.xml")
    config = next(one for one in tree.iter("class") if one.get("filename") == "kamailio.cfg")
    lines = {int(line.get("number", 0)): line for line in config.iter("line")}
    assert {number for number, line in lines.items() if line.get("hits") == "1"} == RUN
    assert {number for number, line in lines.items() if line.get("hits") == "0"} == MISSED
    assert lines[48].get("missing-branches") == "50"


def html_lines(reports: Path, kind: str) -> set[int]:
    page = (reports / "html" / "kamailio_cfg.html").read_text()
    return {int(number) for classes, number in re.findall(r'<p class="([^"]*)"><span class="n"><a id="t(\d+)"', page)
            if kind in classes.split()}  # fmt: skip


def test_html(reports: Path) -> None:
    assert html_lines(reports, "mis") == MISSED
    assert html_lines(reports, "run") | html_lines(reports, "par") == RUN
    assert html_lines(reports, "exc") == EXCLUDED


def test_html_explains_a_branch_that_was_not_taken(reports: Path) -> None:
    page = (reports / "html" / "kamailio_cfg.html").read_text()
    assert "line 9 did not go on to line 10: the condition was never true" in page


def test_html_colours_the_words_of_a_config(reports: Path) -> None:
    page = (reports / "html" / "kamailio_cfg.html").read_text()
    assert '<span class="key">if</span> <span class="op">(</span><span class="nam">$rU</span>' in page


def test_html_has_a_page_of_routes(reports: Path) -> None:
    page = (reports / "html" / "route_index.html").read_text()
    rows = re.findall(r'<tr class="region">(.*?)</tr>', page, re.DOTALL)
    shown = [re.sub(r"<[^>]*>|&nbsp;", " ", row).split() for row in rows]
    statements_missing = {row[1]: row[3:5] for row in shown if row[0] == "kamailio.cfg" and row[1] != "(no"}
    assert statements_missing == {
        "request_route": ["9", "1"],
        "route[LIMITS]": ["6", "0"],
        "route[GATEWAY]": ["16", "1"],
        "route[EMERGENCY]": ["0", "0"],
        "route[FORGOTTEN]": ["4", "4"],
    }


def test_what_no_test_switches_on_does_not_count(reports: Path) -> None:
    # line 16 stands behind #!ifdef WITH_GREETING, which the tests define; 19 behind one that they do not
    assert 16 in RUN
    assert 19 not in lcov_lines(reports, 0) | lcov_lines(reports, 1)


def test_a_compiled_config_from_the_cache_is_measured_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAMSCRIPT_CACHE", str(tmp_path / "cache"))
    for turn in ("first", "second"):
        shutil.copytree(PROJECT, tmp_path / "project", dirs_exist_ok=True)
        subprocess.run([sys.executable, "measure.py", "ctrace", "lines"], cwd=tmp_path / "project", check=True)
        assert lcov_lines(tmp_path / "project", 1) == RUN, turn
    assert list((tmp_path / "cache").iterdir())


# --- the command line and pytest-cov ----------------------------------------------------------------------------------
TEST = """
def test_it(lab):
    sip = lab("kamailio.cfg")
    sip.send(sip.request("OPTIONS", "bob"))
    sip.expect_left()
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    for name in ("kamailio.cfg", "part.inc"):
        shutil.copy(PROJECT / name, pytester.path / name)
    pytester.makepyfile(TEST)
    return pytester


def test_pytest_cov_takes_the_name_of_a_config(project: pytest.Pytester) -> None:
    pytest.importorskip("pytest_cov")
    result = project.runpytest_subprocess("--cov=kamailio.cfg", "--cov-branch", "--cov-report=term")
    result.stdout.fnmatch_lines(["kamailio.cfg *%", "part.inc *%", "TOTAL *"])
    result.stdout.no_fnmatch_line("*test_*.py *%")
    result.stderr.no_fnmatch_line("*Warning*")


def test_pytest_cov_with_workers(project: pytest.Pytester) -> None:
    pytest.importorskip("pytest_cov")
    result = project.runpytest_subprocess("--cov=.", "--cov-report=term", "-n", "1")
    result.stdout.fnmatch_lines(["kamailio.cfg *%", "part.inc *%"])


def test_fail_under(project: pytest.Pytester) -> None:
    pytest.importorskip("pytest_cov")
    result = project.runpytest_subprocess("--cov=kamailio.cfg", "--cov-fail-under=99")
    result.stdout.fnmatch_lines(["*Required test coverage of 99% not reached*"])
    assert result.ret == 1


def test_a_config_given_as_a_text_is_not_taken_for_a_file(project: pytest.Pytester) -> None:
    pytest.importorskip("pytest_cov")
    project.makepyfile('def test_it(lab):\n    lab(text=open("kamailio.cfg").read(), files={"part.inc": ""})\n')
    result = project.runpytest_subprocess("--cov=.", "--cov-report=term")
    result.stdout.fnmatch_lines(["kamailio.cfg * 0%"])


def test_coverage_s_own_commands(project: pytest.Pytester) -> None:
    (project.path / ".coveragerc").write_text("[run]\nplugins = kamscript.lab.coverage\nsource = .\n")
    project.run(sys.executable, "-m", "coverage", "run", "-m", "pytest")
    result = project.run(sys.executable, "-m", "coverage", "report", "--fail-under=99")
    result.stdout.fnmatch_lines(["kamailio.cfg *%", "part.inc *%"])
    assert result.ret == 2


def test_coverage_run_says_what_its_reports_lack(project: pytest.Pytester) -> None:
    result = project.run(sys.executable, "-m", "coverage", "run", "--source=.", "-m", "pytest")
    assert (
        'kamscript: `coverage report` shows configs with plugins = ["kamscript.lab.coverage"] in [tool.coverage.run]'
    ) in result.outlines


def test_a_config_that_does_not_parse_any_more_is_reported_as_far_as_it_can_be_read(project: pytest.Pytester) -> None:
    (project.path / ".coveragerc").write_text("[run]\nplugins = kamscript.lab.coverage\nsource = .\n")
    project.run(sys.executable, "-m", "coverage", "run", "-m", "pytest")
    config = project.path / "kamailio.cfg"
    config.write_text(config.read_text() + "route[BROKEN] {\n    if (\n}\n")
    result = project.run(sys.executable, "-m", "coverage", "report")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["kamailio.cfg *%"])


# --- an example of the project ----------------------------------------------------------------------------------------
def test_an_example_in_four_formats(tmp_path: Path) -> None:
    pytest.importorskip("pytest_cov")
    for name in ("kamailio.cfg", "test_calls.py"):
        shutil.copy(PROJECT.parents[2] / "examples" / "registrar" / name, tmp_path / name)
    kinds = ("term", "html:html", "lcov:coverage.lcov", "xml:coverage.xml")
    words = ["--cov=kamailio.cfg", "--cov-branch", *(f"--cov-report={kind}" for kind in kinds)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *words], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    text = next(line.split() for line in done.stdout.splitlines() if line.startswith("kamailio.cfg "))
    routes = {line.rpartition(",")[2] for line in lcov(tmp_path) if line.startswith("FNDA:1,")}
    root = ElementTree.parse(tmp_path / "coverage.xml").getroot()
    assert {"request_route", "route[TO_USER]", "route[RELAY]"} <= routes
    assert int(text[2]) == sum(line.get("hits") == "0" for line in root.iter("line")) == len(html_missed(tmp_path))


def html_missed(folder: Path) -> list[str]:
    return re.findall(r'<p class="mis', (folder / "html" / "kamailio_cfg.html").read_text())

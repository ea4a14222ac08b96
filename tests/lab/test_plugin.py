"""The pytest plugin: the fixture, its options, and how failures look."""

from __future__ import annotations

import re
import shutil
import unittest
from pathlib import Path

import pytest

from kamscript.lab import Lab
from kamscript.lab.failure import sections
from kamscript.lab.pending import pending_text

pytest_plugins = ["pytester"]

HERE = Path(__file__).parent
REGISTRAR = HERE.parents[1] / "examples" / "registrar" / "kamailio.cfg"
#: Plugins that the runs within do without: each would import a lot.
LEAN = [word for name in ("cacheprovider", "hypothesispytest", "xdist", "pytest_cov") for word in ("-p", f"no:{name}")]
ANSWER = """
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
#!ifdef CODE
#!define STATUS "500"
#!else
#!define STATUS "404"
#!endif
request_route {
    xlog("L_ERR", "asked by $fU\\n");
    sl_send_reply(STATUS, "Nobody");
}
"""


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """What the runs within import would be forgotten behind each of them: import it before."""
    for config in (HERE / "proxy.cfg", REGISTRAR):
        lab = Lab(config)
        lab.phone("alice").call("bob")
        sections(lab)
        assert str(lab.messages) and pending_text(lab) and lab.transactions is not None


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".cfg", kamailio=ANSWER)
    shutil.copy(HERE / "proxy.cfg", pytester.path / "proxy.cfg")
    return pytester


def run(project: pytest.Pytester, test: str, *arguments: str, **outcomes: int) -> str:
    """Run a test file; what pytest printed."""
    project.makepyfile(test_it=test)
    result = project.runpytest_inprocess(*LEAN, *arguments)
    result.assert_outcomes(**(outcomes or {"passed": 1}))
    return result.stdout.str()


def test_a_config_beside_the_test_is_found(project: pytest.Pytester) -> None:
    run(project, """
        def test_it(lab):
            sip = lab("kamailio.cfg")
            assert sip.phone("alice").call("bob").status == 404
        """)  # fmt: skip


def test_the_default_config_makes_the_fixture_itself_a_lab(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nkam_config = kamailio.cfg\n")
    run(project, """
        def test_it(lab):
            assert lab.phone("alice").call("bob").status == 404
            assert "asked by alice" in lab.log
            assert lab.now == lab.now
        """)  # fmt: skip


def test_ini_marker_and_call_are_put_together(project: pytest.Pytester) -> None:
    project.makeini(
        "[pytest]\nkam_config = nothing.cfg\nkam_defines =\n    CODE\n"
        "kam_params =\n    core.debug=3\n    core.mhomed=1\n"
    )
    run(project, """
        import pytest

        @pytest.mark.kam("kamailio.cfg", params={"core": {"debug": 2}})
        def test_it(lab):
            assert lab.phone("alice").call("bob").status == 500
            settings = lab.server.settings
            assert (settings["debug"], settings["mhomed"], settings["dns"]) == (2, 1, 0)

        @pytest.mark.kam("kamailio.cfg", seed=4, target="5.6")
        class TestThose:
            @pytest.mark.kam(params={"core": {"dns": 1}})
            def test_it(self, lab):
                sip = lab(params={"core": {"mhomed": 0}})
                settings = sip.server.settings
                assert (settings["debug"], settings["mhomed"], settings["dns"]) == (3, 0, 1)
                assert (sip.seed, sip.server.target) == (4, "5.6")
        """, passed=2)  # fmt: skip


def test_the_command_line_loads_and_defines(project: pytest.Pytester) -> None:
    run(project, """
        def test_it(lab):
            assert lab.phone("alice").call("bob").status == 500
            assert lab.server.settings["server_id"] == 7
        """, "--kam-config=kamailio.cfg", "--kam-define=CODE", "--kam-param=core.server_id=7")  # fmt: skip


def test_include_folders_stand_in_the_ini_file(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nkam_include = parts\n")
    project.mkdir("parts").joinpath("reply.cfg").write_text('route[R] { sl_send_reply("401", "x"); }\n')
    project.makefile(".cfg", main='loadmodule "sl.so"\ninclude_file "reply.cfg"\nrequest_route { route(R); }\n')
    run(project, 'def test_it(lab):\n    assert lab("main.cfg").phone("a").call("b").status == 401\n')


def test_the_seed_of_the_command_line_is_stronger_than_all(project: pytest.Pytester) -> None:
    test = """
        def test_it(lab):
            assert lab("kamailio.cfg", seed=3).seed == 9
        """
    assert "kamscript: --kam-seed=9" in run(project, test, "--kam-seed=9", "-v")


def test_a_random_seed_is_told(project: pytest.Pytester) -> None:
    text = run(project, 'def test_it(lab):\n    assert lab("kamailio.cfg").seed == 0\n', "--kam-seed=random", failed=1)
    seed = next(line for line in text.split("\n") if line.startswith("E") and "seed" in line).split()[-1].rstrip(">.")
    assert "kamscript: --kam-seed=" in text and seed


def test_a_bad_seed_is_refused(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--kam-seed=often")
    result.stderr.fnmatch_lines(["*--kam-seed=often: a number or random is wanted*"])


def test_a_bad_parameter_is_refused(project: pytest.Pytester) -> None:
    text = run(project, 'def test_it(lab):\n    lab("kamailio.cfg")\n', "--kam-param=debug", failed=1)
    assert "'debug' is not MODULE.NAME=VALUE" in text


def test_no_config_says_what_to_write(project: pytest.Pytester) -> None:
    text = run(project, "def test_it(lab):\n    lab.phone('alice')\n", failed=1)
    assert 'no config: write lab("kamailio.cfg"), @pytest.mark.kam(config="kamailio.cfg"), or kam_config' in text


def test_several_configs_are_called_by_what_the_fixture_returned(project: pytest.Pytester) -> None:
    text = run(project, """
        def test_it(lab):
            lab("kamailio.cfg")
            lab("kamailio.cfg")
            lab.phone("alice")
        """, failed=1)  # fmt: skip
    assert "the test loaded several configs: use what lab(...) returned" in text


def test_a_config_that_does_not_load_is_told_in_its_own_words(project: pytest.Pytester) -> None:
    text = run(project, """
        def test_it(lab):
            lab(text="request_route {\\n    t_rely();\\n}\\n")
        """, failed=1)  # fmt: skip
    failure = text[text.index("__ test_it __") :].split("\n")[1:4]
    assert failure == [
        "kamailio.cfg:2:5: error: unknown function t_rely [unknown-function]",
        "   2 |     t_rely();",
        "     |     ^^^^^^",
    ]
    assert "Traceback" not in text and "loader.py" not in text


def test_a_config_error_may_be_expected(project: pytest.Pytester) -> None:
    run(project, """
        import pytest
        from kamscript.source import ConfigError

        def test_it(lab):
            with pytest.raises(ConfigError, match="t_rely"):
                lab(text="request_route { t_rely(); }")
        """)  # fmt: skip


def test_a_failure_shows_ladder_log_and_seed(project: pytest.Pytester) -> None:
    text = run(project, """
        def test_it(lab):
            assert lab("kamailio.cfg").phone("alice").call("bob").status == 200
        """, failed=1)  # fmt: skip
    assert "INVITE sip:bob@" in text and "404 Nobody" in text
    assert "ERROR: <script>: asked by alice" in text
    assert "seed 1: pytest --kam-seed=1 repeats it" in text


def test_labs_that_a_test_makes_itself_are_shown_too(project: pytest.Pytester) -> None:
    text = run(project, """
        from kamscript.lab import Lab

        def test_it():
            one, two = Lab("kamailio.cfg"), Lab("kamailio.cfg")
            one.phone("alice").call("bob")
            assert two.phone("carol").call("dave").status == 200
        """, failed=1)  # fmt: skip
    assert "SIP of lab 1" in text and "SIP of lab 2" in text
    assert "asked by alice" in text and "asked by carol" in text


def test_a_passing_test_shows_nothing(project: pytest.Pytester) -> None:
    text = run(project, 'def test_it(lab):\n    lab("kamailio.cfg").phone("alice").call("bob")\n', "-rA")
    assert "INVITE" not in text


def test_frames_of_kamscript_stay_out_of_a_failure(project: pytest.Pytester) -> None:
    text = run(project, """
        def test_it(lab):
            sip = lab("kamailio.cfg")
            call = sip.phone("alice").call("bob")
            sip.wait(lambda: call.status == 200)
        """, failed=1)  # fmt: skip
    assert "it did not happen within 300 seconds: sip.wait(lambda: call.status == 200)" in text
    assert "pending timers: none" in text
    assert "lab.py" not in text


def test_a_wrong_argument_is_shown_at_the_line_of_the_test(project: pytest.Pytester) -> None:
    test = """
        def test_it(lab):
            sip = lab("kamailio.cfg")
            sip.double("no_such_function")
    """
    text = run(project, test, failed=1)
    assert "ValueError: there is no function no_such_function()" in text
    assert "doubles.py" not in text


def test_a_bug_of_kamscript_keeps_its_frames(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kamscript.lab.lab.moment", lambda start: int("soon"))
    text = run(project, 'def test_it(lab):\n    lab("kamailio.cfg")\n', failed=1)
    assert "kamscript/lab/lab.py" in text


def test_a_double_that_was_not_needed_is_told_in_a_line(project: pytest.Pytester) -> None:
    text = run(project, 'def test_it(lab):\n    lab("kamailio.cfg").double("sl_send_reply")\n', failed=1)
    assert "the double of sl_send_reply was never needed: drop it, or say optional=True\n" in text
    assert "_pytest" not in text


def test_what_a_test_leaves_fails_it(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)  # there the summary repeats the whole text
    text = run(project, """
        import pytest

        def talk(sip):
            alice, bob = sip.phone("alice"), sip.phone("bob")
            call = alice.call(bob)
            bob.call_waiting.answer()
            return call

        def test_left(lab):
            talk(lab("proxy.cfg"))

        def test_ended(lab):
            talk(lab("proxy.cfg")).hangup()

        @pytest.mark.kam("proxy.cfg", leaks="ignore")
        def test_ignored(lab):
            talk(lab)

        def test_said(lab):
            talk(lab("proxy.cfg"))
            lab.expect_left(dialogs=1)

        def test_failed_already(lab):
            talk(lab("proxy.cfg"))
            assert 1 == 2
        """, passed=3, failed=2)  # fmt: skip
    assert text.count("1 dialog is left at the end of the test") == 1 + text.count("- 1 dialog is left")
    assert "made by proxy.cfg:" in text
    assert "leaks.py" not in text


def test_a_failure_tells_what_is_still_to_come(project: pytest.Pytester) -> None:
    text = run(project, """
        def test_it(lab):
            sip = lab("proxy.cfg")
            alice, bob = sip.phone("alice"), sip.phone("bob")
            assert alice.call("bob").status == 200
        """, failed=1)  # fmt: skip
    assert "bob has not answered a call: bob.call_waiting.answer() or .reject(486)" in text
    assert "tm: retransmission of INVITE sip:bob@" in text


def test_unittest_works_without_the_fixture(project: pytest.Pytester) -> None:
    run(project, """
        import unittest
        from kamscript.lab import Lab

        class Calls(unittest.TestCase):
            def test_nobody(self):
                with Lab("kamailio.cfg") as sip:
                    self.assertEqual(sip.phone("alice").call("bob").status, 404)
        """)  # fmt: skip


@pytest.mark.kam_lab_only("it looks at what the lab's check for left calls says")
def test_unittest_alone() -> None:
    class Calls(unittest.TestCase):
        def test_left(self) -> None:
            with Lab(HERE / "proxy.cfg") as sip:
                alice, bob = sip.phone("alice"), sip.phone("bob")
                alice.call(bob)
                bob.call_waiting.answer()

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Calls).run(result)
    ((_, text),) = result.failures
    assert "1 dialog is left at the end of the test" in text


def test_each_test_has_a_server_of_its_own(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nkam_config = proxy.cfg\n")
    run(project, """
        def test_one(lab):
            lab.phone("alice").call("bob")
            assert lab.stats["dialog:processed_dialogs"] == 1

        def test_two(lab):
            assert lab.stats["dialog:processed_dialogs"] == 0
        """, passed=2)  # fmt: skip


def test_the_example_of_readme_passes_as_it_stands(project: pytest.Pytester) -> None:
    first(project, expires=60, passed=1)


def test_the_example_of_readme_broken_on_purpose_tells_what_to_do(project: pytest.Pytester) -> None:
    """The first failure that a newcomer sees; the whole text stands beside this test."""
    text = first(project, expires=600, failed=1).replace(f"{project.path}/", "")
    lines = text.split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("___"))
    end = next(number for number, line in enumerate(lines) if line.startswith("=== short") or "=== short" in line)
    shown = "\n".join(line.rstrip() for line in lines[start:end]) + "\n"
    kept = HERE / "first_failure.txt"
    assert shown == kept.read_text("utf-8")


def first(project: pytest.Pytester, expires: int, **outcomes: int) -> str:
    """README's first test, in a project that has the example's config."""
    readme = (HERE.parents[1] / "README.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", readme, re.S)
    folder = project.mkdir("examples") / "registrar"
    folder.mkdir()
    shutil.copy(REGISTRAR, folder)
    assert "expires=60)" in block
    return run(project, block.replace("expires=60)", f"expires={expires})"), **outcomes)


def test_workers_of_xdist_take_the_same_options(project: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    project.makeini("[pytest]\nkam_config = kamailio.cfg\n")
    project.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_it(lab, number):
            assert (lab.seed, lab.phone("alice").call("bob").status) == (5, 404)
        """
    )
    result = project.runpytest_subprocess("-n2", "--kam-seed=5", *LEAN[:4])
    result.assert_outcomes(passed=4)

"""The pytest fixture."""

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".cfg", kamailio='loadmodule "sl.so"\nrequest_route { sl_send_reply("404", "Nobody"); }\n')
    return pytester


def test_a_config_beside_the_test_is_found(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_it(lab):
            sip = lab("kamailio.cfg")
            assert sip.phone("alice").call("bob").status == 404
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_failure_shows_the_ladder(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_it(lab):
            assert lab("kamailio.cfg").phone("alice").call("bob").status == 200
        """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*SIP*", "*404 Nobody*"])

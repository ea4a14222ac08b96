"""`pytest --kam-real`: each test that uses a lab runs a second time around a real Kamailio; the two must agree.

A test passes when it passes in the lab, passes on Kamailio, and its parties received the same there. One that needs
what only the lab has is skipped with the reason, after it passed in the lab.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from kamscript.lab.lab import Lab, observers
from kamscript.lab.real import daemon
from kamscript.lab.real.config import why_not
from kamscript.lab.real.daemon import Refused
from kamscript.lab.real.lab import OWN_FUNCTIONS, RealLab, too_long
from kamscript.lab.real.loopback import NotOnReal
from kamscript.lab.real.transcript import Transcript, differences, transcript


class Differs(AssertionError):
    """The test passed in both worlds, but Kamailio did something else in it."""


class Twice:
    """The plugin object; `limit` is how many seconds a test may really wait."""

    def __init__(self, limit: float, forget: Callable[[pytest.Item], object]) -> None:
        """`forget` drops what the first run left on the item."""
        self._forget = forget
        self._real = False
        self._labs: list[Lab] = []
        self._first: list[Transcript] = []
        self._ladders: list[str] = []
        RealLab.wait_limit = limit
        self._limit = limit

    def pytest_report_header(self) -> str:
        """Which Kamailio."""
        return f"kamscript: --kam-real, Kamailio {daemon.version()}"

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run it in the lab; when it passes and can be run on Kamailio, again there."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = self._once(item, nextitem, real=False)
        if self._first and all(report.passed for report in reports):
            marker = item.get_closest_marker("kam_lab_only")
            reason = str(next(iter(marker.args), "it is marked kam_lab_only")) if marker else self._reason
            if reason:
                for report in reports:
                    if report.when == "call":
                        report.outcome = "skipped"
                        line = (item.location[1] or 0) + 1
                        report.longrepr = (str(item.path), line, f"Skipped: not on Kamailio: {reason}")
            else:
                self._forget(item)
                reports = self._once(item, nextitem, real=True)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    _reason = ""

    def _once(self, item: pytest.Item, nextitem: pytest.Item | None, *, real: bool) -> list[pytest.TestReport]:
        made: list[Lab] = []
        self._real, self._labs = real, made
        if not real:
            self._first, self._reason, self._ladders = [], "", []
        observers.append(made.append)
        Lab.substitute = RealLab if real else None
        try:
            return runtestprotocol(item, nextitem=nextitem, log=False)
        finally:
            Lab.substitute = None
            observers.remove(made.append)
            for lab in made:
                lab.close()
            self._real, self._labs = False, []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """Fixtures load configs, too."""
        with self._judged():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Run the test; keep what happened, or compare with what was kept."""
        with self._judged():
            result = yield
            if self._real:
                self._compare()
        if not self._real:
            self._keep()
        return result

    def _keep(self) -> None:
        self._first = [transcript(lab) for lab in self._labs]
        self._ladders = [lab.ladder() for lab in self._labs]
        reasons = [why_not(lab.program) for lab in self._labs]
        # A config whose functions a test stands in for need not start; a lab that did not load has no doubles.
        for doubles in filter(None, (vars(lab).get("doubles") for lab in self._labs)):
            reasons += [OWN_FUNCTIONS] if doubles.lab_only else [f"{name} is not simulated" for name in doubles.missing]
        longest = sum((lab._ended or lab.now) - lab.network.started for lab in self._labs)
        if longest > self._limit:
            reasons.append(too_long(longest, self._limit))
        self._reason = next(filter(None, reasons), "")

    def _compare(self) -> None:
        found: list[str] = []
        for first, lab in zip(self._first, self._labs, strict=False):
            found += differences(first, transcript(lab))
        if found:
            raise Differs("\n".join([f"Kamailio {daemon.version()} does something else than the lab:", *found]))

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """Turn what cannot be had on Kamailio into a skip, and say of a failure where it was."""
        try:
            yield
        except NotOnReal as error:
            if not self._real:
                raise
            raise pytest.skip.Exception(f"not on Kamailio: {error}", _use_item_location=True) from None
        except Refused as error:
            certificate = _CERTIFICATE.search(str(error))
            if certificate is not None:
                reason = f"{certificate[1]} of module tls cannot be loaded; in the lab TLS needs none"
                raise pytest.skip.Exception(f"not on Kamailio: {reason}", _use_item_location=True) from None
            pytest.fail(refusal(str(error)), pytrace=False)
        except Exception as error:
            if self._real and not isinstance(error, Differs):
                error.add_note(f"on Kamailio {daemon.version()}; in the lab the test passed")
            raise

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Show both ladders with a failure on Kamailio."""
        report = yield
        if self._real and call.when == "call" and report.failed:
            report.sections += [("SIP in the lab", text) for text in self._ladders]
            for lab in self._labs:
                report.sections.append(("SIP on Kamailio", lab.ladder()))
                lines = [line.rstrip("\n") for line in lab.log.lines()]
                if lines:
                    report.sections.append(("Kamailio's log", "\n".join(lines)))
        return report


_CERTIFICATE = re.compile(r"[Uu]nable to load ((?:certificate|private key)(?: file)? '[^']*')")
_COMPLAINT = re.compile(r"\b(?:ERROR|CRITICAL): (?!.*\bparse_msg\b).*")


def refusal(text: str) -> str:
    """The complaints of a daemon that did not start."""
    lines: Sequence[str] = [found[0] for found in _COMPLAINT.finditer(text)] or text.splitlines()[-10:]
    return "\n".join(["kamscript runs this config, Kamailio does not start with it:", *lines])

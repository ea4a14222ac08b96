"""The dialog module's specification and the tests that prove it, section by section.

A test proves a section when it carries `@pytest.mark.spec("7.1")`; a differential case says `spec="7.1 11.6"`.
docs/dialog.md is drawn from these marks: `python -m tests.spec > docs/dialog.md`. A whole run fails when a section has
no test that passed in it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pytest

_PARAMETERS = """
enable_stats hash_size rr_param dlg_flag timeout_avp default_timeout dlg_extra_hdrs dlg_match_mode
detect_spirals db_url db_mode db_update_period db_fetch_rows db_skip_load table_name call_id_column
from_uri_column from_tag_column to_uri_column to_tag_column from_cseq_column to_cseq_column from_route_column
to_route_column from_contact_column to_contact_column from_sock_column to_sock_column h_id_column h_entry_column
state_column start_time_column timeout_column sflags_column toroute_column vars_table_name vars_h_id_column
vars_h_entry_column vars_key_column vars_value_column profiles_with_value profiles_no_value bridge_controller
bridge_contact initial_cbs_inscript send_bye wait_ack ka_timer ka_interval timeout_noreset timer_procs
track_cseq_updates lreq_callee_headers
"""
_FUNCTIONS = """
set_dlg_profile unset_dlg_profile is_in_profile get_profile_size dlg_isflagset dlg_setflag dlg_resetflag dlg_bye
dlg_refer dlg_manage dlg_bridge dlg_get is_known_dlg dlg_set_timeout dlg_set_timeout_by_profile dlg_set_property
dlg_remote_profile
"""
_STATISTICS = "active_dialogs early_dialogs processed_dialogs expired_dialogs failed_dialogs"
_MI = "dlg_list dlg_list_ctx dlg_end_dlg dlg_terminate_dlg profile_get_size profile_list_dlgs dlg_bridge"
_RPC = """
dlg.list dlg.list_ctx dlg.dlg_list dlg.dlg_list_ctx dlg.end_dlg dlg.profile_get_size dlg.profile_list dlg.bridge_dlg
"""
_VARIABLES = "$DLG_count $DLG_status $DLG_lifetime $dlg(...) $dlg_ctx(...) $dlg_var(key)"
_EVENTS = "event_route[dialog:start] event_route[dialog:end] event_route[dialog:failed]"


def _numbered(chapter: int, names: str, suffix: str = "") -> dict[str, str]:
    return {f"{chapter}.{index}": f"`{name}{suffix}`" for index, name in enumerate(names.split(), 1)}


#: Section number -> what it is about; `2:` marks the second chapter, the developer guide.
SECTIONS: Mapping[str, str] = {
    "2": "How it works",
    "3": "Dialog states",
    "4": "Dialog profiling",
    "5.1": "Modules that it needs",
    **_numbered(6, _PARAMETERS),
    **_numbered(7, _FUNCTIONS, "()"),
    **_numbered(8, _STATISTICS),
    **_numbered(9, _MI),
    **_numbered(10, _RPC),
    **_numbered(11, _VARIABLES),
    **_numbered(12, _EVENTS),
    "2:1.1": "`register_dlgcb()`",
    "2:1.2": "`terminate_dlg()`",
}
_CHAPTERS = {
    "2": "Overview",
    "6.1": "Parameters",
    "7.1": "Functions",
    "8.1": "Statistics",
    "9.1": "MI commands",
    "10.1": "RPC commands",
    "11.1": "Pseudo-variables",
    "12.1": "Event routes",
    "2:1.1": "Developer guide (chapter 2)",
}


class Proof(NamedTuple):
    """A test as it was collected; `offline`: it runs without Kamailio, SIPp or a database server."""

    node: str
    sections: tuple[str, ...]
    offline: bool


def sections_of(item: pytest.Item) -> tuple[str, ...]:
    """What the test proves."""
    return tuple(section for mark in item.iter_markers("spec") for text in mark.args for section in str(text).split())


def proofs(items: Iterable[pytest.Item]) -> list[Proof]:
    """The collected tests that prove something."""
    found = []
    for item in items:
        sections = sections_of(item)
        if sections:
            online = any(item.get_closest_marker(name) for name in ("kamailio", "sipp", "kamcli"))
            node = f"{item.nodeid.partition('::')[0]}::{item.name}"  # without what pytest-xdist writes behind it
            found.append(Proof(node, sections, not online and "tests/live/" not in node))
    return found


def table(found: Iterable[Proof]) -> str:
    """docs/dialog.md."""
    by_section: dict[str, dict[str, int]] = {section: {} for section in SECTIONS}
    for proof in found:
        name = proof.node
        path, _, test = name.partition("::")
        cases = path.endswith("test_differential.py")
        shown = (
            f"{test.partition('[')[2].rstrip(']')}, also on Kamailio" if cases else f"{path}: {test.partition('[')[0]}"
        )
        for section in proof.sections:
            tests = by_section[section]
            tests[shown] = tests.get(shown, 0) + 1
    lines = [
        "# The dialog module, section by section",
        "",
        "One row per section of the module's specification (its 4.x manual), with the tests that prove it. Drawn from",
        "the tests' marks by `python -m tests.spec`; a test run fails when a section has no test that passed.",
        "",
        "Differential cases (`tests/differential/cases/`) run on Kamailio 5.6.3 and here: the same messages, log lines",
        "and answers must come. What the module exports in 5.6 and 6.x beside this: [modules.md](modules.md#dialog).",
        "What it does otherwise: [differences.md](differences.md).",
    ]
    for section, title in SECTIONS.items():
        if section in _CHAPTERS:
            lines += ["", f"## {_CHAPTERS[section]}", "", "| section | | proved by |", "|---|---|---|"]
        tests = by_section[section]
        cell = "<br>".join(f"{name} (×{count})" if count > 1 else name for name, count in sorted(tests.items()))
        lines.append(f"| {section.removeprefix('2:')} | {title} | {cell} |")
    return "\n".join(lines) + "\n"


class _Collector:
    """A plugin that keeps what was collected."""

    def __init__(self) -> None:
        self.proofs: list[Proof] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.proofs = proofs(session.items)


def main() -> int:
    """Print docs/dialog.md."""
    collector = _Collector()
    sys.stdout, stdout = sys.stderr, sys.stdout
    code = pytest.main(["--collect-only", "-qqq", "tests", "examples"], plugins=[collector])
    sys.stdout = stdout
    if code:
        print("the tests could not be collected", file=sys.stderr)
        return 1
    print(table(collector.proofs), end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

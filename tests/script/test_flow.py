"""Which lines of a config can run, and what may follow them."""

from pathlib import Path

import pytest

from kamscript.script.flow import FileFlow, flows
from kamscript.script.parse import parse
from kamscript.source import FileReader, MemoryReader, Source

ROOT = Path(__file__).parents[2]


def flow(text: str, files: dict[str, str] | None = None, path: str = "kamailio.cfg") -> FileFlow:
    return flows(parse(Source("kamailio.cfg", text), MemoryReader(files or {})))[path]


def ways(text: str) -> dict[int, set[int]]:
    """From each line of the body the lines behind it; the route begins on line 1."""
    found: dict[int, set[int]] = {}
    for a, b in flow(f"route[X] {{\n{text}\n}}\nrequest_route {{ exit; }}\n").arcs:
        if 1 < a < text.count("\n") + 3:
            found.setdefault(a, set()).add(b)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$var(a) = 1;\n$var(b) = 2;", {2: {3}, 3: {-1}}),
        ("if ($rU) {\n$var(a) = 1;\n}\n$var(b) = 2;", {2: {3, 5}, 3: {5}, 5: {-1}}),
        ("if ($rU)\n$var(a) = 1;\nelse\n$var(b) = 2;", {2: {3, 5}, 3: {-1}, 5: {-1}}),
        ("if ($rU) return;\n$var(b) = 2;", {2: {-1, 3}, 3: {-1}}),
        ("if ($rU) exit;\n$var(b) = 2;", {2: {3}, 3: {-1}}),
        ("if ($rU) $var(a) = 1;\n$var(b) = 2;", {2: {3}, 3: {-1}}),
        ("if (1) {\n$var(a) = 1;\n}\n$var(b) = 2;", {2: {3}, 3: {5}, 5: {-1}}),
        ("while ($rU) {\n$var(a) = 1;\n}\n$var(b) = 2;", {2: {3, 5}, 3: {2}, 5: {-1}}),
        ("while ($rU) {\nbreak;\n}\n$var(b) = 2;", {2: {3, 5}, 3: {5}, 5: {-1}}),
        (
            'switch ($rU) {\ncase "a":\n$var(a) = 1;\nbreak;\ndefault:\n$var(b) = 2;\n}',
            {2: {3}, 3: {4, 7}, 4: {5}, 5: {-1}, 7: {-1}},
        ),
        (
            'switch ($rU) {\ncase "a":\n$var(a) = 1;\ncase "b":\n$var(b) = 2;\n}',
            {2: {3}, 3: {4, 5}, 4: {6}, 5: {6, -1}, 6: {-1}},
        ),
        ("return;\n$var(b) = 2;", {2: {-1}}),
    ],
)
def test_ways(text: str, expected: dict[int, set[int]]) -> None:
    assert ways(text) == expected


def test_a_statement_counts_at_its_first_line() -> None:
    found = flow('request_route {\n    xlog("a",\n        "b");\n    if ($rU &&\n        $rd)\n    exit;\n}\n')
    assert (found.lines, found.first) == ({1, 2, 4, 6}, {3: 2, 5: 4})


def test_what_is_behind_a_jump_is_no_line() -> None:
    assert flow("request_route {\n    exit;\n    drop;\n}\n").lines == {1, 2}


def test_the_line_that_includes_a_file_runs() -> None:
    text = 'request_route {\n    $var(a) = 1;\n    include_file "part.cfg"\n    exit;\n}\n'
    found = flow(text, {"part.cfg": "# a part\n$var(b) = 2;\n"})
    assert (found.lines, (2, 3) in found.arcs, (3, 4) in found.arcs) == ({1, 2, 3, 4}, True, True)


def test_an_included_file_has_its_own_lines() -> None:
    found = flow(
        'request_route {\n    include_file "part.cfg"\n}\n', {"part.cfg": "# a part\n$var(b) = 2;\n"}, "part.cfg"
    )
    assert (found.lines, [route.title for route in found.routes]) == ({2}, ["request_route"])


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*/*.cfg")), ids=lambda path: path.parent.name)
def test_every_way_leads_to_a_line_or_out_of_the_route(path: Path) -> None:
    for found in flows(parse(Source(str(path), path.read_text()), FileReader())).values():
        assert {abs(line) for arc in found.arcs for line in arc} <= found.lines

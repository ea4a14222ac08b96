"""Write script/tables.py, the LALR tables of grammar/kamailio.lark.

    python -m kamscript.script.make_tables

Lark builds the tables; keeping them as Python data saves a tenth of a second and the import of Lark at every start, and
Python itself keeps the compiled module fresh. A test compares the tables with the grammar.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any

HEADER = '''"""The LALR tables of grammar/kamailio.lark, as `python -m kamscript.script.make_tables` writes them."""

# fmt: off
# ruff: noqa: E501
'''


def grammar() -> str:
    """The text of the grammar file."""
    return (files("kamscript") / "grammar" / "kamailio.lark").read_text(encoding="utf-8")


def make(text: str) -> str:
    """The source of tables.py for a grammar.

    ACTIONS holds one row per state: (terminal, action, terminal, action, ...); an action of 0 or more shifts to that
    state, a negative one reduces by rule `~action`. GOTOS, of the same form, lead from a state over a nonterminal
    to the next. DEFAULTS gives the rule that a state reduces by whatever comes next, -1 when it has to look.
    """
    from lark import Lark
    from lark.lexer import Lexer
    from lark.parsers.lalr_analysis import Shift

    class Nothing(Lexer):
        def __init__(self, conf: object) -> None: ...

        def lex(self, *args: object) -> Any:
            return iter(())

    lark = Lark(text, parser="lalr", lexer=Nothing, maybe_placeholders=False)
    table: Any = lark.parser.parser._parse_table
    rules = sorted(
        {a[1] for row in table.states.values() for a in row.values() if a[0] is not Shift},
        key=lambda r: (r.origin.name, r.order, str(r)),
    )
    nonterminals = sorted({str(r.origin.name) for r in rules})
    names = {str(name) for row in table.states.values() for name in row}
    terminals = ["$END", *sorted(names - set(nonterminals) - {"$END"})]
    number = {name: i for i, name in enumerate(terminals)}
    goto = {name: i for i, name in enumerate(nonterminals)}
    rule_number = {rule: i for i, rule in enumerate(rules)}
    states = {state: i for i, state in enumerate(sorted(table.states, key=lambda s: _state_key(table, s)))}
    actions, gotos, defaults = [], [], []
    for state in states:
        row: list[int] = []
        over: list[int] = []
        for name in sorted(table.states[state], key=str):
            kind, argument = table.states[state][name]
            if name in goto:
                over += [goto[name], states[argument]]
            else:
                row += [number[name], states[argument] if kind is Shift else ~rule_number[argument]]
        targets = set(row[1::2])
        only = targets.pop() if len(targets) == 1 else 0
        defaults.append(~only if only < 0 else -1)
        actions.append(tuple(row))
        gotos.append(tuple(over))
    described = [(goto[r.origin.name], len(r.expansion), str(r.alias or "")) for r in rules]
    return (
        HEADER
        + f'\nGRAMMAR = "{hashlib.sha256(text.encode()).hexdigest()}"\n'
        + f"START = {states[table.start_states['start']]}\n"
        + f"END = {states[table.end_states['start']]}\n"
        + f"TERMINALS = {tuple(terminals)!r}\n"
        + f"NONTERMINALS = {tuple(nonterminals)!r}\n"
        + f"RULES = {tuple(described)!r}\n"
        + f"DEFAULTS = {tuple(defaults)!r}\n"
        + "ACTIONS = (\n"
        + "".join(f"    {row!r},\n" for row in actions)
        + ")\nGOTOS = (\n"
        + "".join(f"    {row!r},\n" for row in gotos)
        + ")\n"
    )


def _state_key(table: Any, state: Any) -> Any:
    return state if isinstance(state, int) else repr(state)


def main() -> None:
    """Write the file."""
    Path(__file__).with_name("tables.py").write_text(make(grammar()), encoding="utf-8")


if __name__ == "__main__":
    main()
